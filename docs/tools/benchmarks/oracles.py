"""Plain float64 answers, written apart from infoq and its peers, and how answers are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Inputs = Mapping[str, NDArray[Any]]
Differences = dict[str, float]


def bald(inputs: Inputs, block: int = 1000) -> NDArray[np.float64]:
    """Mean over draws of the divergence of a draw from the mean prediction."""
    probs = inputs["probs"]
    scores = np.empty(len(probs))
    for start in range(0, len(probs), block):
        p = probs[start : start + block].astype(np.float64)
        mean = p.mean(axis=1, keepdims=True)
        safe = np.where(p > 0, p / np.where(mean > 0, mean, 1.0), 1.0)
        scores[start : start + block] = (p * np.log(safe)).sum(axis=-1).mean(axis=-1)
    return scores


def epig(inputs: Inputs, block: int = 20) -> NDArray[np.float64]:
    """Mean over targets of the divergence of the joint from the product of its marginals."""
    targets = inputs["targets"].astype(np.float64)
    pool = inputs["pool"]
    m, k, c = targets.shape
    columns = targets.transpose(1, 0, 2).reshape(k, m * c)
    target_mean = columns.mean(axis=0)
    scores = np.empty(len(pool))
    for start in range(0, len(pool), block):
        p = pool[start : start + block].astype(np.float64)
        rows = p.transpose(0, 2, 1).reshape(-1, k)
        joint = rows @ columns / k
        ratio = joint / (rows.mean(axis=1)[:, None] * target_mean)
        terms = joint * np.log(np.where(joint > 0, ratio, 1.0))
        scores[start : start + block] = terms.reshape(len(p), -1).sum(axis=1) / m
    return scores


def score_differences(_: Inputs, truth: NDArray[np.float64], scores: Any) -> Differences:
    """Compare scores with the oracle's: the largest error, and the typical relative one."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != truth.shape:
        raise ValueError(f"expected scores of shape {truth.shape}, got {scores.shape}")
    error = np.abs(scores - truth)
    return {
        "max difference": float(error.max()),
        "median relative difference": float(np.median(error / np.abs(truth))),
    }


@dataclass(frozen=True)
class Batch:
    """A batch as a contender reports it: the picks and the joint information claimed for them."""

    indices: NDArray[np.int64]
    value: float


def joint_eig(
    probs: NDArray[Any], picks: NDArray[Any], draws: int = 10_000, seed: int = 1
) -> float:
    """Joint information of the picks about the draws, by `draws` outcomes of each of the draws."""
    p = probs[np.asarray(picks)].astype(np.float64)
    b, k, _ = p.shape
    edges = p.cumsum(axis=-1)
    edges /= edges[..., -1:]
    rng = np.random.default_rng(seed)
    total = 0.0
    for row in range(k):
        outcomes = (rng.random((draws, b, 1)) > edges[:, row]).sum(axis=-1)
        likelihood = np.log(p[np.arange(b), :, outcomes]).sum(axis=1)
        top = likelihood.max(axis=1)
        mixture = top + np.log(np.exp(likelihood - top[:, None]).mean(axis=1))
        total += float((likelihood[:, row] - mixture).mean())
    return float(total / k)


def greedy_batch(inputs: Inputs, batch: int = 10, samples: int = 4000, seed: int = 2) -> Batch:
    """Greedy joint information with log weights in float64: every gain of every step in full."""
    probs = inputs["probs"].astype(np.float64)
    n, k, c = probs.shape
    rng = np.random.default_rng(seed)
    columns = probs.transpose(1, 0, 2).reshape(k, n * c)
    conditional = -(probs * np.log(np.maximum(probs, 1e-300))).sum(axis=-1).mean(axis=-1)
    edges = probs.cumsum(axis=-1) / probs.sum(axis=-1, keepdims=True)
    source = np.arange(samples) % k
    logs = np.zeros((samples, k))
    picks: list[int] = []
    for _ in range(min(batch, n)):
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        entropy = np.zeros(n)
        for start in range(0, samples, 500):
            p = np.maximum(weights[start : start + 500] @ columns, 1e-300)
            entropy -= (p * np.log(p)).sum(axis=0).reshape(n, c).sum(axis=1)
        gains = entropy / samples - conditional
        gains[picks] = -np.inf
        picks.append(int(gains.argmax()))
        outcomes = (rng.random((samples, 1)) > edges[picks[-1], source]).sum(axis=-1)
        logs += np.log(np.maximum(probs[picks[-1]][:, outcomes].T, 1e-300))
    indices = np.asarray(picks)
    return Batch(indices, joint_eig(probs, indices))


def batch_differences(inputs: Inputs, truth: Batch, batch: Batch) -> Differences:
    """Value a batch by its picks, not by what its author claims for them."""
    picks = np.asarray(batch.indices)
    if len(set(picks.tolist())) != len(truth.indices):
        raise ValueError(f"expected {len(truth.indices)} different picks, got {picks.tolist()}")
    value = joint_eig(inputs["probs"], picks)
    return {
        "value of the picks (nats)": value,
        "below the oracle's (share)": (truth.value - value) / truth.value,
        "claimed minus true (nats)": batch.value - value,
    }

"""Brute force in float64: each quantity from its definition, by sums over all joint outcomes."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st


def entropy(p: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    """-sum p log p, with 0 log 0 = 0."""
    p = np.asarray(p, dtype=np.float64)
    return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=axis)


def uniform(draws: int) -> np.ndarray:
    """Equal weights of K draws."""
    return np.full(draws, 1 / draws)


def bald(probs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """H[mean] - mean H for probs [N, K, C]."""
    probs = np.asarray(probs, dtype=np.float64)
    weights = uniform(probs.shape[1]) if weights is None else weights
    mean = np.einsum("k,nkc->nc", weights, probs)
    return entropy(mean) - np.einsum("k,nk->n", weights, entropy(probs))


def pair_information(
    probs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """I[Y_i; Y_e] for every pair, [N, M], from the joint distribution of the two outcomes."""
    probs, targets = np.asarray(probs, np.float64), np.asarray(targets, np.float64)
    weights = uniform(probs.shape[1]) if weights is None else weights
    joint = np.einsum("k,nkc,mkd->nmcd", weights, probs, targets)
    one, two = joint.sum(3), joint.sum(2)
    return entropy(one) + entropy(two) - entropy(joint, axis=(2, 3))


def joint_entropy(batch: np.ndarray, weights: np.ndarray | None = None) -> float:
    """H[Y_1, ..., Y_B] for batch [B, K, C], by enumerating all C^B outcomes."""
    batch = np.asarray(batch, np.float64)
    size, draws, classes = batch.shape
    weights = uniform(draws) if weights is None else weights
    likelihood = np.ones((draws, 1))
    for b in range(size):
        likelihood = (likelihood[:, :, None] * batch[b][:, None, :]).reshape(draws, -1)
    assert likelihood.shape[1] == classes**size
    return float(entropy(weights @ likelihood))


def joint_eig(batch: np.ndarray, weights: np.ndarray | None = None) -> float:
    """I[Y_1, ..., Y_B; Theta]: the joint entropy less the mean sum of the draws' entropies."""
    batch = np.asarray(batch, np.float64)
    weights = uniform(batch.shape[1]) if weights is None else weights
    return joint_entropy(batch, weights) - float(np.sum(entropy(batch) @ weights))


def best_batch(pool: np.ndarray, size: int) -> float:
    """The largest joint EIG of any batch."""
    batches = itertools.combinations(range(len(pool)), size)
    return max(joint_eig(pool[list(batch)]) for batch in batches)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


def mix(a: list[float], b: list[float], draws: int = 20) -> np.ndarray:
    """K draws (1 - m) a + m b with m evenly spaced on [0, 1]: [K, C]."""
    m = np.linspace(0, 1, draws)[:, None]
    return (1 - m) * np.asarray(a) + m * np.asarray(b)


@st.composite
def pools(
    draw: st.DrawFn,
    *,
    zeros: bool = True,
) -> np.ndarray:
    """Probabilities [N, K, C] in float64: vague or sharp, agreeing or not, with zeros if wanted."""
    # Few shapes: some libraries compile for each anew.
    shape = draw(st.sampled_from([(6, 5, 3), (4, 2, 4), (1, 3, 2), (3, 1, 3)]))
    return draw(probabilities(*shape, zeros=zeros))


@st.composite
def probabilities(draw: st.DrawFn, n: int, k: int, c: int, *, zeros: bool = True) -> np.ndarray:
    """Probabilities of the given shape."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shared = draw(st.sampled_from([0.0, 1.0, 6.0])) * rng.normal(size=(n, 1, c))
    probs = softmax(
        shared + draw(st.sampled_from([0.0, 1e-3, 1.0, 5.0])) * rng.normal(size=(n, k, c))
    )
    if zeros and draw(st.booleans()):
        probs = probs * (rng.random(probs.shape) < 0.6)
        probs[..., 0] += probs.sum(-1) == 0
        probs = probs / probs.sum(-1, keepdims=True)
    if zeros and draw(st.booleans()):
        probs[0] = np.eye(c)[rng.integers(c, size=k)]
    return probs


def draw_weights(draws: int, seed: int) -> np.ndarray:
    """Unequal weights of K draws, one of them zero where there are several."""
    weights = np.random.default_rng(seed).random(draws) + 0.1
    if draws > 2:
        weights[seed % draws] = 0.0
    return weights / weights.sum()

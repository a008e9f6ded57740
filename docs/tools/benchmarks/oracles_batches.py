"""Float64 answers for batches: BAIT by explicit inverses, and draws of the random ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .laws import draws
from .oracles import Batch, Differences, Inputs
from .oracles_weight_space import curvatures, features, fisher, rows

Array = NDArray[np.float64]
Picks = NDArray[Any]

# --- BAIT -------------------------------------------------------------------------------------


def bait_value(inputs: Inputs, picks: Picks) -> float:
    """Half of what the picks take off `tr(F P^-1)`, F the pool's mean Fisher information."""
    phi, curvature = features(inputs, "pool", False), curvatures(inputs, "pool")
    before = inputs["posterior"].astype(np.float64)
    after = before + fisher(phi[picks], curvature[picks])
    taken = np.linalg.inv(before) - np.linalg.inv(after)
    return float(np.vdot(fisher(phi, curvature), taken) / len(phi) / 2)


def bait(inputs: Inputs) -> Batch:
    """Twice as many forward, and then backward, by the traces of every candidate anew."""
    phi, curvature = features(inputs, "pool", False), curvatures(inputs, "pool")
    mine = rows(phi, curvature)
    mean = fisher(phi, curvature) / len(phi)
    covariance = np.linalg.inv(inputs["posterior"].astype(np.float64))
    batch, picks = int(inputs["B"]), list[int]()

    def told(some: Array, sign: float) -> Array:
        half = some @ covariance
        inner = np.linalg.inv(sign * np.eye(some.shape[1]) + half @ some.swapaxes(1, 2))
        explained = half @ mean @ half.swapaxes(1, 2)
        traces: Array = np.trace(explained @ inner, axis1=1, axis2=2)
        return traces

    def updated(index: int, sign: float) -> Array:
        precision = np.linalg.inv(covariance) + sign * mine[index].T @ mine[index]
        inverse: Array = np.linalg.inv(precision)
        return inverse

    for _ in range(min(2 * batch, len(phi))):
        scores = told(mine, 1.0)
        scores[picks] = -np.inf
        picks.append(int(scores.argmax()))
        covariance = updated(picks[-1], 1.0)
    while len(picks) > batch:
        index = picks[int(told(mine[picks], -1.0).argmax())]  # minus what is lost
        picks.remove(index)
        covariance = updated(index, -1.0)
    indices = np.asarray(picks)
    return Batch(indices, bait_value(inputs, indices))


def claimed_differences(inputs: Inputs, _: Any, batch: Batch) -> Differences:
    """Compare the value claimed for the picks with what explicit inverses say."""
    picks = np.asarray(batch.indices)
    if len(set(picks.tolist())) != int(inputs["B"]):
        raise ValueError(f"expected {int(inputs['B'])} different picks, got {picks.tolist()}")
    value = bait_value(inputs, picks)
    return {
        "value of the picks": value,
        "claimed minus true (share)": (batch.value - value) / value,
    }


# --- BADGE: k-means++ on gradients of the loss ------------------------------------------------


def gradients(inputs: Inputs) -> tuple[Array, Array]:
    """`p - e_y` of the most probable class, and features: the gradient is their product."""
    residual = inputs["pool probs"].astype(np.float64)
    residual[np.arange(len(residual)), inputs["pool probs"].argmax(axis=1)] -= 1.0
    return residual, inputs["pool"].astype(np.float64)


def squared_distances(residual: Array, phi: Array, some: Picks) -> Array:
    """Of all gradients to some of them: [N, m]."""
    norms = (residual**2).sum(axis=1) * (phi**2).sum(axis=1)
    across = (residual @ residual[some].T) * (phi @ phi[some].T)
    squares: Array = np.maximum(norms[:, None] + norms[some] - 2.0 * across, 0.0)
    return squares


def mean_distance(inputs: Inputs, picks: Picks) -> float:
    """The mean squared distance to the nearest centre, which k-means++ makes small."""
    return float(squared_distances(*gradients(inputs), picks).min(axis=1).mean())


def badge(inputs: Inputs) -> Picks:
    """Draws of k-means++ that start at the largest gradient."""
    residual, phi = gradients(inputs)
    norms = (residual**2).sum(axis=1) * (phi**2).sum(axis=1)

    def draw(rng: np.random.Generator) -> list[int]:
        picks = [int(norms.argmax())]
        nearest = np.full(len(phi), np.inf)
        while len(picks) < int(inputs["B"]):
            latest = squared_distances(residual, phi, np.asarray(picks[-1:]))[:, 0]
            nearest = np.minimum(nearest, latest)
            nearest[picks] = 0.0
            picks.append(int(rng.choice(len(phi), p=nearest / nearest.sum())))
        return picks

    return draws(inputs, draw)


# --- k-DPP ------------------------------------------------------------------------------------


def log_volume(inputs: Inputs, picks: Picks) -> float:
    """The log-determinant of the picks' inner products."""
    phi = inputs["pool"][picks].astype(np.float64)
    return float(np.linalg.slogdet(phi @ phi.T)[1])


def kdpp(inputs: Inputs) -> Picks:
    """Draws by elementary symmetric polynomials, and by distances to the span of those before."""
    phi = inputs["pool"].astype(np.float64)
    size = int(inputs["B"])
    spectrum, vectors = np.linalg.eigh(phi.T @ phi)
    scaled = spectrum / spectrum.mean()
    table = np.zeros((len(scaled) + 1, size + 1))  # of the first n eigenvalues and a degree
    table[:, 0] = 1.0
    for n, value in enumerate(scaled):
        table[n + 1, 1:] = table[n, 1:] + value * table[n, :-1]

    def draw(rng: np.random.Generator) -> list[int]:
        chosen, left = list[int](), size
        for n in range(len(scaled), 0, -1):
            if left and rng.random() * table[n, left] < scaled[n - 1] * table[n - 1, left - 1]:
                chosen.append(n - 1)
                left -= 1
        span = phi @ (vectors[:, chosen] / np.sqrt(spectrum[chosen]))
        picks = list[int]()
        while len(picks) < size:
            weights = (span**2).sum(axis=1)
            weights[picks] = 0.0
            picks.append(int(rng.choice(len(phi), p=weights / weights.sum())))
            unit = span[picks[-1]] / np.linalg.norm(span[picks[-1]])
            span = span - np.outer(span @ unit, unit)
        return picks

    return draws(inputs, draw)


# --- batches by score -------------------------------------------------------------------------


def mean_score(inputs: Inputs, picks: Picks) -> float:
    return float(inputs["scores"][picks].astype(np.float64).mean())


def stochastic(inputs: Inputs, method: str) -> Picks:
    """Draws without replacement by the score, by its exponential or by its rank."""
    scores = inputs["scores"].astype(np.float64)
    weights = {
        "power": lambda: scores,
        "softmax": lambda: np.exp(scores - scores.max()),
        "softrank": lambda: 1.0 / (1.0 + np.argsort(np.argsort(-scores, kind="stable"))),
    }[method]()
    law = weights / weights.sum()
    size = int(inputs["B"])
    return draws(inputs, lambda rng: rng.choice(len(law), size, replace=False, p=law))

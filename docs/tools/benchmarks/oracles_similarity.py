"""Float64 answers on similarities of features: plain greedy batches, and what a batch is worth."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .oracles import Batch, Differences, Inputs

Array = NDArray[np.float64]
Value = Callable[[Inputs, NDArray[Any]], float]
BLOCK = 100_000  # candidates at a time


def of(inputs: Inputs, name: str) -> Array:
    """Features [n, D]."""
    return inputs[name].astype(np.float64)


def greedily(
    inputs: Inputs, value: Value, gains: Callable[[], Array], add: Callable[[int], None]
) -> Batch:
    """Take the largest gain again and again, and value the picks anew."""
    picks: list[int] = []
    for _ in range(int(inputs["B"])):
        scores = gains()
        scores[picks] = -np.inf
        picks.append(int(scores.argmax()))
        add(picks[-1])
    indices = np.asarray(picks)
    return Batch(indices, value(inputs, indices))


def batch_differences(value: Value) -> Callable[[Inputs, Batch, Batch], Differences]:
    """Compare batches by what their picks are worth, not by what their author claims for them."""

    def compare(inputs: Inputs, truth: Batch, batch: Batch) -> Differences:
        picks = np.asarray(batch.indices)
        if len(picks) != len(truth.indices) or len(set(picks.tolist())) != len(picks):
            raise ValueError(f"expected {len(truth.indices)} different picks, got {picks.tolist()}")
        worth = value(inputs, picks)
        differences = {
            "value of the picks": worth,
            "below the oracle's (share)": (truth.value - worth) / truth.value,
            "picks that the oracle lacks": len(set(picks.tolist()) - set(truth.indices.tolist())),
        }
        if not np.isnan(batch.value):
            differences["claimed minus true (share)"] = (batch.value - worth) / worth
        return differences

    return compare


# --- log-determinants, S + I ------------------------------------------------------------------


class Volume:
    """What a growing batch leaves of each candidate's similarity with itself."""

    def __init__(self, phi: Array, known: Array | None = None) -> None:
        self.phi = phi
        precision = np.eye(phi.shape[1])
        if known is not None:
            precision += known.T @ known
        self.covariance = np.linalg.inv(precision)
        self.left = np.concatenate(
            [
                ((part @ self.covariance) * part).sum(axis=1)
                for part in np.split(phi, range(BLOCK, len(phi), BLOCK))
            ]
        )

    def gains(self) -> Array:
        gains: Array = np.log1p(self.left)
        return gains

    def add(self, index: int) -> None:
        direction = self.covariance @ self.phi[index]
        size = 1.0 + self.left[index]
        self.covariance -= np.outer(direction, direction) / size
        self.left -= (self.phi @ direction) ** 2 / size


def _logdet(phi: Array) -> float:
    return float(np.linalg.slogdet(np.eye(len(phi)) + phi @ phi.T)[1])


def logdet_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    return _logdet(inputs["pool"][picks].astype(np.float64))


def logdet(inputs: Inputs) -> Batch:
    volume = Volume(of(inputs, "pool"))
    return greedily(inputs, logdet_value, volume.gains, volume.add)


def logdet_mi_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    phi, queries = of(inputs, "pool")[picks], of(inputs, "queries")
    return _logdet(phi) + _logdet(queries) - _logdet(np.concatenate([phi, queries]))


def _told(inputs: Inputs, value: Value, factor: float) -> Batch:
    phi = of(inputs, "pool")
    alone, beside = Volume(phi), Volume(phi, of(inputs, "queries"))

    def add(index: int) -> None:
        alone.add(index)
        beside.add(index)

    return greedily(inputs, value, lambda: factor * (alone.gains() - beside.gains()), add)


def logdet_mi(inputs: Inputs) -> Batch:
    return _told(inputs, logdet_mi_value, 1.0)


def itl_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    """Nats that noisy outcomes of the picks tell about those of the targets."""
    return logdet_mi_value(inputs, picks) / 2


def itl(inputs: Inputs) -> Batch:
    return _told(inputs, itl_value, 0.5)


def vtl_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    """What noisy outcomes of the picks take off half the mean variance of the targets."""
    phi, targets = of(inputs, "pool")[picks], of(inputs, "queries")
    across = targets @ phi.T
    taken = across * np.linalg.solve(np.eye(len(phi)) + phi @ phi.T, across.T).T
    return float(taken.sum() / len(targets) / 2)


def vtl(inputs: Inputs) -> Batch:
    phi, targets = of(inputs, "pool"), of(inputs, "queries")
    volume = Volume(phi)

    def gains() -> Array:
        across = phi @ volume.covariance @ targets.T
        taken: Array = (across**2).sum(axis=1) / (1.0 + volume.left)
        return taken

    return greedily(inputs, vtl_value, gains, volume.add)


# --- the largest similarity -------------------------------------------------------------------


def _largest(
    inputs: Inputs, value: Value, similar: Array, cap: Array | None = None, relevance: Any = 0.0
) -> Batch:
    """Greedy on the sum over rows of the largest similarity [M, N], up to a cap, and relevance."""
    top = np.full((len(similar), 1), np.inf) if cap is None else cap[:, None]
    best = np.zeros((len(similar), 1))

    def gains() -> Array:
        reached = np.minimum(np.maximum(similar, best), top)
        total: Array = reached.sum(axis=0) - np.minimum(best, top).sum() + relevance
        return total

    def add(index: int) -> None:
        np.maximum(best, similar[:, index : index + 1], out=best)

    return greedily(inputs, value, gains, add)


def facility_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    phi = of(inputs, "pool")
    return float((phi @ phi[picks].T).max(axis=1).sum())


def facility(inputs: Inputs) -> Batch:
    phi = of(inputs, "pool")
    return _largest(inputs, facility_value, phi @ phi.T)


def flvmi_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    phi = of(inputs, "pool")
    near = (phi @ phi[picks].T).max(axis=1)
    return float(np.minimum(near, (phi @ of(inputs, "queries").T).max(axis=1)).sum())


def flvmi(inputs: Inputs) -> Batch:
    phi = of(inputs, "pool")
    cap = (phi @ of(inputs, "queries").T).max(axis=1)
    return _largest(inputs, flvmi_value, phi @ phi.T, cap)


def flqmi_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    similar = of(inputs, "queries") @ of(inputs, "pool")[picks].T
    return float(similar.max(axis=1).sum() + similar.max(axis=0).sum())


def flqmi(inputs: Inputs) -> Batch:
    similar = of(inputs, "queries") @ of(inputs, "pool").T
    return _largest(inputs, flqmi_value, similar, relevance=similar.max(axis=0))


def gcmi_value(inputs: Inputs, picks: NDArray[Any]) -> float:
    return float(2.0 * (of(inputs, "queries") @ of(inputs, "pool")[picks].T).sum())


def gcmi(inputs: Inputs) -> Batch:
    gains = 2.0 * of(inputs, "pool") @ of(inputs, "queries").sum(axis=0)
    return greedily(inputs, gcmi_value, gains.copy, lambda _: None)

"""What targets tell in float64, of inputs in float32 that say very much, and how close is close."""

from __future__ import annotations

import numpy as np

# Of information above 1e-5 nats.
RELATIVE, LEAST = 1e-4, 1e-5


def logdet(x: np.ndarray) -> float:
    """`log det(I + x)`."""
    sign, value = np.linalg.slogdet(np.eye(len(x)) + x)
    assert sign > 0
    return float(value)


def joint(rows, targets, covariance, scale=1.0) -> np.ndarray:
    """I[Y_i; Y_targets] of each candidate by three log-dets of joint covariances, in float64."""
    rows, targets = rows.astype("float64"), np.sqrt(scale) * targets.astype("float64")
    targets = targets.reshape(-1, targets.shape[-1])
    each = []
    for one in rows:
        both = np.concatenate([one, targets])
        parts = (logdet(x @ covariance @ x.T) for x in (one, targets, both))
        own, theirs, together = parts
        each.append((own + theirs - together) / 2)
    return np.array(each)


def traced(rows, targets, covariance, scale=1.0) -> np.ndarray:
    """`1/2 tr (I + A)^-1 B` of each candidate, in float64."""
    rows, targets = rows.astype("float64"), np.sqrt(scale) * targets.astype("float64")
    targets = targets.reshape(-1, targets.shape[-1])
    each = []
    for one in rows:
        across = one @ covariance @ targets.T
        own = np.eye(len(one)) + one @ covariance @ one.T
        each.append(np.trace(np.linalg.solve(own, across @ across.T)) / 2)
    return np.array(each)


def problem(size, count, rows, noise, seed=0, features="independent"):
    """Candidates and targets in units of the noise; some are targets, and some are twice there."""
    rng = np.random.default_rng(seed)
    pool, targets = rng.normal(size=(20, rows, size)), rng.normal(size=(count, rows, size))
    if features == "correlated":
        mix = 0.1 * np.eye(size) + np.outer(np.ones(size), rng.normal(size=size))
        pool, targets = pool @ mix, targets @ mix
    pool[: min(count, 6)] = targets[:6]
    pool[10] = pool[11]
    targets[-1] = targets[0]
    return tuple((x / np.sqrt(noise)).astype("float32") for x in (pool, targets))


def close(found, expected, least=LEAST):
    """Equal to the relative accuracy wherever the information is not next to none."""
    some = expected > least
    assert some.any()
    np.testing.assert_allclose(found[some], expected[some], rtol=RELATIVE)
    np.testing.assert_allclose(found[~some], expected[~some], rtol=0.01, atol=LEAST)

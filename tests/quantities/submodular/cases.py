"""Points, definitions in NumPy, and what every set function is held against."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

import infoq

RNG = np.random.default_rng(5)
N, P, M = 6, 4, 5
POINTS = RNG.normal(size=(N, P))
OTHERS = RNG.normal(size=(M, P))
KERNEL = POINTS @ POINTS.T
POSITIVE = np.abs(POINTS)


def log_det(kernel, ridge):
    """The log-determinant of a batch by its definition."""

    def value(batch):
        part = kernel[np.ix_(batch, batch)] + ridge * np.eye(len(batch))
        return float(np.linalg.slogdet(part)[1]) if batch else 0.0

    return value


def facility_location(kernel):
    """How well a batch represents the rows of a kernel."""
    return lambda batch: float(kernel[:, list(batch)].max(1, initial=0).sum())


def graph_cut(kernel, trade_off):
    """Representation less redundancy."""

    def value(batch):
        batch = list(batch)
        return float(trade_off * kernel[:, batch].sum() - kernel[np.ix_(batch, batch)].sum())

    return value


def query(kernel, eta):
    """FLQMI by its definition, of similarities [Q, N]."""
    represents = facility_location(kernel)
    return lambda batch: represents(batch) + eta * float(kernel[:, list(batch)].max(0).sum())


def concave(kernel, eta):
    """COM by its definition, of similarities [Q, N]."""

    def value(batch):
        part = kernel[:, list(batch)]
        return float(eta * np.sqrt(part.sum(0)).sum() + np.sqrt(part.sum(1)).sum())

    return value


def union(batch, others):
    """A batch with others, in order."""
    return (*batch, *others)


def mutual(value, queries):
    """What a batch and queries have in common."""
    return lambda batch: value(batch) + value(queries) - value(union(batch, queries))


def conditional(value, private):
    """What a batch has beyond a private set."""
    return lambda batch: value(union(batch, private)) - value(private)


def check(backend, f, value, picks=(2, 5, 0), rtol=1e-9):
    """Hold gains, values, removals and losses against the definition, along a few picks."""
    state, batch = f.start(), ()
    for pick in (*picks, None):
        free = [i for i in range(len(f)) if i not in batch and i not in getattr(f, "hidden", ())]
        expected = [value((*batch, i)) - value(batch) for i in free]
        gains = backend.numpy(f.gains(state))
        np.testing.assert_allclose(gains[free], expected, rtol=rtol, atol=1e-11)
        assert math.isclose(float(f.value(state)), value(batch), rel_tol=rtol, abs_tol=1e-10)
        if pick is not None:
            state, batch = f.add(state, pick), (*batch, pick)
    every = backend.numpy(f.gains(state))
    places = f.ops.fetch(backend.array(np.array([1, 3])))
    if hasattr(f, "gains_of"):
        some = backend.numpy(f.gains_of(state, places))
        np.testing.assert_allclose(some, every[[1, 3]], rtol=rtol, atol=1e-12)
    if hasattr(f, "losses_of"):
        losses = backend.numpy(f.losses_of(state, f.ops.fetch(backend.array(np.array(picks)))))
        expected = [value(picks) - value(tuple(i for i in picks if i != p)) for p in picks]
        np.testing.assert_allclose(losses, expected, rtol=rtol, atol=1e-11)
    shorter = f.remove(state, picks[1])
    left = (picks[0], *picks[2:])
    assert math.isclose(float(f.value(shorter)), value(left), rel_tol=rtol, abs_tol=1e-10)
    free = [i for i in range(len(f)) if i not in left and i not in getattr(f, "hidden", ())]
    expected = [value((*left, i)) - value(left) for i in free]
    gains = backend.numpy(f.gains(shorter))[free]
    np.testing.assert_allclose(gains, expected, rtol=rtol, atol=1e-11)


def monotone(value, count=N):
    """Whether no candidate ever has a negative gain, by trying everything."""
    return all(gain > -1e-9 for gain, _ in _every(value, count))


def submodular(value, count=N):
    """Whether no gain ever grows with the batch, by trying everything."""
    return all(gain - grown > -1e-9 for gain, grown in _every(value, count))


def _every(value, count):
    """Gains of each candidate to each batch, and to that batch with one more."""
    for size in range(count - 1):
        for batch in combinations(range(count), size):
            rest = [i for i in range(count) if i not in batch]
            for i in rest:
                gain = value((*batch, i)) - value(batch)
                for more in rest:
                    if more != i:
                        yield gain, value((*batch, more, i)) - value((*batch, more))


def assert_greedy_is_good(backend, f, value, k=3):
    """The guarantee of greedy, and the value that it states."""
    batch = infoq.greedy(f, k)
    indices = [int(i) for i in backend.numpy(batch.indices)]
    best = max(value(others) for others in combinations(range(len(f)), k))
    assert value(tuple(indices)) >= (1 - 1 / math.e) * best - 1e-9
    assert math.isclose(float(batch.value), value(tuple(indices)), rel_tol=1e-9)

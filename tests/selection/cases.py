"""Set functions by the value of a batch, and the laws that samples are held against."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, permutations

import numpy as np
import scipy.stats

# Drawing is slow where each operation is compiled, or checked, by itself.
DRAWS = {"numpy": 2000, "torch": 600}
FEW_DRAWS = 150


class ByValue:
    """A set function by differences of a value of tuples of integers, in NumPy."""

    def __init__(self, backend, value, count, dtype="float64") -> None:
        self.backend, self.value, self.count, self.dtype = backend, value, count, dtype
        self.evaluated = 0

    @property
    def ops(self):
        return self.backend.ops

    def __len__(self) -> int:
        return self.count

    def start(self) -> tuple[int, ...]:
        return ()

    def some(self, state, indices):
        self.evaluated += len(indices)
        gains = []
        for i in indices:
            change = self.value((*state, i)) - self.value(state)
            gains.append(-np.inf if i in state else change)
        return self.backend.array(gains, self.dtype)

    def gains(self, state):
        return self.some(state, range(self.count))

    def add(self, state, index):
        assert int(index) not in state
        return (*state, int(index))


class Few(ByValue):
    """With the gains of a few."""

    def gains_of(self, state, indices):
        return self.some(state, [int(i) for i in self.ops.to_host(indices)])


class Removable(ByValue):
    """With a way back."""

    def remove(self, state, index):
        assert index in state
        return tuple(i for i in state if i != index)


def log_det(points, ridge=1.0):
    """The log-determinant of a batch's Gram matrix; -inf beyond the rank."""

    def value(batch):
        x = points[list(batch)]
        gram = x @ x.T + ridge * np.eye(len(batch))
        if len(batch) == 0:
            return 0.0
        levels = np.linalg.eigvalsh(gram)
        return float(np.sum(np.log(levels))) if levels[0] > 1e-10 else -np.inf

    return value


def coverage(members, weights):
    """The weight of the things that a batch covers: monotone and submodular."""

    def value(batch):
        return float(weights[np.any(members[list(batch)], axis=0)].sum()) if batch else 0.0

    return value


def best_value(value, count, k):
    """The value of the best batch of k."""
    return max(value(batch) for batch in combinations(range(count), k))


def draws(backend) -> int:
    """How many batches a law is tested by."""
    return DRAWS.get(backend.name, FEW_DRAWS)


def assert_law(found, law) -> None:
    """Refuse outcomes without probability, and frequencies that the law makes implausible."""
    counts = Counter(found)
    assert all(law.get(outcome, 0) > 0 for outcome in counts), counts
    total = sum(law.values())
    expected = {o: p / total * len(found) for o, p in law.items() if p > 0}
    # Rare outcomes together, as the approximation wants at least about 5 of each.
    rare = {o for o, number in expected.items() if number < 5}
    pairs = [(counts[o], number) for o, number in expected.items() if o not in rare]
    if rare:
        pairs.append((sum(counts[o] for o in rare), sum(expected[o] for o in rare)))
    observed, wanted = zip(*pairs, strict=True)
    assert scipy.stats.chisquare(observed, wanted).pvalue > 1e-4


def sequential(weights, k):
    """Ordered batches drawn one by one, by the weights of those left."""
    law = {}
    for batch in permutations(range(len(weights)), k):
        left, p = float(sum(weights)), 1.0
        for i in batch:
            p, left = p * weights[i] / left, left - weights[i]
        law[batch] = p
    return law


def squared_distances(points, k):
    """Ordered batches of k-means++ from a uniform first point."""
    law = {}
    for batch in permutations(range(len(points)), k):
        p = 1 / len(points)
        for step in range(1, k):
            centres = points[list(batch[:step])]
            d = ((points[:, None] - centres) ** 2).sum(2).min(1)
            p *= d[batch[step]] / d.sum()
        law[batch] = p
    return law


def volumes(points, k):
    """Batches by their squared volume."""
    gram = points @ points.T
    return {
        batch: max(0.0, math.exp(np.linalg.slogdet(gram[np.ix_(batch, batch)])[1]))
        for batch in combinations(range(len(points)), k)
    }

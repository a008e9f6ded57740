"""Whole batches by every selection: guarantees, copies, edges, and BAIT by explicit inverses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.selection import farthest_first
from tests import oracles
from tests.selection.cases import best_value

# --- guarantees -------------------------------------------------------------------------------


def joint(probs):
    """The joint information of a batch of outcomes, by enumeration."""
    return lambda batch: oracles.joint_eig(probs[list(batch)]) if batch else 0.0


def volume(points, ridge=1.0, factor=1.0):
    """The log-determinant of a batch, by numpy."""

    def value(batch):
        x = points[list(batch)]
        return factor * float(np.linalg.slogdet(x @ x.T + ridge * np.eye(len(batch)))[1])

    return value


def covered(points):
    """How well a batch represents all points."""
    kernel = np.maximum(points @ points.T, 0)
    return lambda batch: float(kernel[:, list(batch)].max(1, initial=0).sum())


def problem(backend, name, rng, count=7):
    """A set function and its value by brute force."""
    if name == "prediction space":
        probs = oracles.softmax(2 * rng.normal(size=(count, 4, 3)))
        return infoq.EIG(backend.array(probs)), joint(probs)
    points = 10 ** rng.uniform(-1, 1) * rng.normal(size=(count, 3))
    array = backend.array(points)
    if name == "weight space":
        return infoq.EIG(infoq.Gaussian(array, 0.5)), volume(points / 0.5**0.5, factor=0.5)
    if name == "LogDet":
        return infoq.LogDet(array, ridge=1.0), volume(points)
    return infoq.FacilityLocation(array), covered(points)


NAMES = ("prediction space", "weight space", "LogDet", "FacilityLocation")


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10**6))
def test_greedy_has_most_of_the_best_value(backend, name, seed):
    function, value = problem(backend, name, np.random.default_rng(seed))
    batch = infoq.greedy(function, 3)
    picked = tuple(backend.numpy(batch.indices).tolist())
    assert float(batch.value) == pytest.approx(value(picked), rel=1e-8)
    assert (1 - 1 / np.e) * best_value(value, 7, 3) <= value(picked) * (1 + 1e-9)
    gains = backend.numpy(batch.gains)
    assert np.all(gains >= 0)
    assert np.all(np.diff(gains) <= 1e-9 * (1 + gains[0]))


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10**6))
def test_values_only_grow_and_gains_only_shrink(backend, name, seed):
    rng = np.random.default_rng(seed)
    function, value = problem(backend, name, rng)
    state, batch, last = function.start(), (), np.inf
    for index in rng.permutation(7)[:4].tolist():
        gains = backend.numpy(function.gains(state))
        rounding = 1e-9 * (1 + gains.max())
        assert np.all(gains >= 0)
        assert np.all(gains <= last + rounding)
        state, batch, last = function.add(state, index), (*batch, index), gains
        np.testing.assert_allclose(gains[index], value(batch) - value(batch[:-1]), atol=rounding)
        assert float(function.value(state)) == pytest.approx(value(batch), rel=1e-8, abs=1e-10)


# --- copies -----------------------------------------------------------------------------------

DISTINCT, COPIES = 8, 5


def copied(scales=1.0, width=10):
    """Eight independent points, five times over."""
    points = np.random.default_rng(1).normal(size=(DISTINCT, width))
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    return np.tile(points * np.reshape(scales, (-1, 1)), (COPIES, 1))


WITHOUT_NOISE = {
    "greedy": lambda x, k, **words: infoq.greedy(infoq.LogDet(x), k, **words),
    "lazy_greedy": lambda x, k, **words: infoq.lazy_greedy(infoq.LogDet(x), k, **words),
    "stochastic_greedy": lambda x, k, **words: infoq.stochastic_greedy(infoq.LogDet(x), k, **words),
    "forward_backward": lambda x, k, **words: infoq.forward_backward(infoq.LogDet(x), k, **words),
    "kdpp": infoq.kdpp,
    "kmeans_plusplus": infoq.kmeans_plusplus,
    "farthest_first": farthest_first,
}


def dtypes(backend):
    """Both where that is cheap; else the one with fewer digits."""
    return ("float32", "float64") if backend.name in ("numpy", "torch") else ("float32",)


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_without_noise_there_are_no_copies(backend, name):
    select = WITHOUT_NOISE[name]
    for dtype in dtypes(backend):
        points = backend.array(copied(np.linspace(1, 3, DISTINCT)), dtype)
        batch = select(points, 2 * DISTINCT)
        picked = backend.numpy(batch.indices)
        assert sorted(picked % DISTINCT) == list(range(DISTINCT))
        assert batch.reason == "rank"
        fewer = select(points, DISTINCT - 2)
        assert len(set(backend.numpy(fewer.indices) % DISTINCT)) == DISTINCT - 2
        assert fewer.reason == "size"


def assert_best_of_all(value, batch, gains, count, atol=1e-9):
    """Every pick has the largest gain of all that were left, copies and others."""
    for step, index in enumerate(batch):
        before = tuple(batch[:step])
        left = [i for i in range(count) if i not in before]
        exact = {i: value((*before, i)) - value(before) for i in left}
        assert exact[index] >= max(exact.values()) - atol
        np.testing.assert_allclose(gains[step], exact[index], atol=atol)


@pytest.mark.parametrize("strong", [0.6, 30.0])
def test_with_noise_a_copy_is_taken_where_it_tells_most(backend, strong):
    turned, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(DISTINCT, DISTINCT)))
    points = np.tile(np.diag([strong] + [0.6] * (DISTINCT - 1)) @ turned, (COPIES, 1))
    batch = infoq.greedy(infoq.EIG(infoq.Gaussian(backend.array(points), 1.0)), 12)
    picked, gains = backend.numpy(batch.indices).tolist(), backend.numpy(batch.gains)
    assert_best_of_all(volume(points, factor=0.5), picked, gains, len(points))
    kinds = [i % DISTINCT for i in picked]
    # Copies of a strong one tell nearly log(2 / 1) / 2, log(3 / 2) / 2, log(4 / 3) / 2, and a weak
    # one log(1.36) / 2.
    if strong > 1:
        assert kinds[:3] == [0, 0, 0]
        assert 0 not in kinds[3:DISTINCT]
    else:
        assert sorted(kinds[:DISTINCT]) == list(range(DISTINCT))


def test_the_trace_takes_every_copy_of_the_best(backend):
    points = copied(np.linspace(3, 1, DISTINCT))
    pool = infoq.Gaussian(backend.array(points), 1.0)
    batch = infoq.greedy(infoq.EIG(pool, approximation="trace"), COPIES + 1)
    kinds = backend.numpy(batch.indices) % DISTINCT
    assert kinds.tolist() == [0] * COPIES + [1]
    np.testing.assert_allclose(backend.numpy(batch.gains)[:COPIES], 9 / 2)


@pytest.mark.parametrize("strong", [1.0, 5.0])
def test_a_copy_of_an_outcome_is_taken_where_it_tells_most(backend, strong):
    rng = np.random.default_rng(2)
    scales = np.array([strong, 0.5, 0.4, 0.3])[:, None, None]
    probs = np.tile(oracles.softmax(scales * rng.normal(size=(4, 6, 2))), (3, 1, 1))
    batch = infoq.greedy(infoq.EIG(backend.array(probs)), 5)
    picked, gains = backend.numpy(batch.indices).tolist(), backend.numpy(batch.gains)
    assert_best_of_all(joint(probs), picked, gains, len(probs))
    assert len({i % 4 for i in picked}) < 5 == len(set(picked))


# --- edges ------------------------------------------------------------------------------------

POOLS = {
    "of a lower rank": np.random.default_rng(3).normal(size=(6, 2)) @ np.ones((2, 4)) * [1, 2, 3, 0]
    + np.outer([1.0, 0, 2, 0, 1, 3], [0, 1, 0, 2]),
    "of duplicates": np.full((5, 3), 0.5),
    "of one": np.array([[1.0, 2.0]]),
    "of zeros": np.zeros((4, 2)),
}


def volumes_of(x):
    """What each candidate would span by itself."""
    return infoq.eig(infoq.Gaussian(x, 1.0))


SELECTIONS = {
    "top_k": lambda x, k: infoq.top_k(volumes_of(x), k),
    "sample": lambda x, k: infoq.sample(volumes_of(x), k, seed=1),
    "greedy": lambda x, k: infoq.greedy(infoq.EIG(infoq.Gaussian(x, 1.0)), k),
    "lazy_greedy": lambda x, k: infoq.lazy_greedy(infoq.EIG(infoq.Gaussian(x, 1.0)), k),
    "stochastic_greedy": lambda x, k: infoq.stochastic_greedy(infoq.LogDet(x, ridge=1), k),
    "forward_backward": lambda x, k: infoq.forward_backward(infoq.LogDet(x, ridge=1), k),
    "coverage": lambda x, k: infoq.greedy(infoq.FacilityLocation(x), k),
    "log-det": lambda x, k: infoq.greedy(infoq.LogDet(x), k),
    "kdpp": lambda x, k: infoq.kdpp(x, k, seed=1),
    "kmeans_plusplus": lambda x, k: infoq.kmeans_plusplus(x, k, seed=1),
    "farthest_first": lambda x, k: farthest_first(x, k),
}
BY_INDEX = ("top_k", "greedy", "lazy_greedy", "coverage", "log-det", "farthest_first")


def most(name, points):
    """How many a selection can pick."""
    if name in ("log-det", "kdpp"):
        return np.linalg.matrix_rank(points)
    if name in ("kmeans_plusplus", "farthest_first"):
        return len(np.unique(points, axis=0))
    return len(points)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", SELECTIONS)
def test_every_selection_is_defined(backend, name, pool):
    points = POOLS[pool]
    count = len(points)
    for dtype, k in itertools.product(dtypes(backend), (0, 1, count, count + 3)):
        batch = SELECTIONS[name](backend.array(points, dtype), k)
        picked, gains = backend.numpy(batch.indices).tolist(), backend.numpy(batch.gains)
        limit = min(k, most(name, points))
        assert len(set(picked)) == len(picked) == len(gains) == limit
        assert set(picked) <= set(range(count))
        assert gains.dtype == dtype
        assert backend.numpy(batch.value).shape == ()
        np.testing.assert_allclose(float(batch.value), gains.sum(), rtol=1e-5)
        reason = "size" if limit == k else "pool" if limit == count else "rank"
        assert batch.reason == reason
        if pool in ("of duplicates", "of zeros") and name in BY_INDEX:
            assert picked == list(range(limit))


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_copies_of_what_is_given_and_who_may_not_be_picked(backend, name):
    points = np.tile(np.diag([4.0, 3.0, 2.0]), (2, 1))
    mask = backend.array([True, True, True, True, True, False])
    batch = WITHOUT_NOISE[name](backend.array(points), 5, candidates=mask, given=[0])
    picked = backend.numpy(batch.indices)
    assert sorted(picked % 3) == [1, 2]
    assert 5 not in picked
    assert batch.reason == "rank"


# --- BAIT -------------------------------------------------------------------------------------


class Inverses:
    """BAIT's objective by explicit inverses: tr((P + sum of F over the batch)^-1 Fbar)."""

    def __init__(self, rows, targets, precision):
        self.fisher = np.einsum("nrp,nrq->npq", rows, rows)
        self.mean = np.einsum("mrp,mrq->pq", targets, targets) / len(targets)
        self.precision = precision

    def __call__(self, batch):
        return np.trace(np.linalg.inv(self.precision + self.fisher[list(batch)].sum(0)) @ self.mean)

    def forward(self, k):
        """The batch that takes most off, one by one."""
        batch = []
        while len(batch) < k:
            rest = [i for i in range(len(self.fisher)) if i not in batch]
            batch.append(min(rest, key=lambda i: self((*batch, i))))
        return batch

    def forward_backward(self, k):
        """Twice as many, less those who are missed least."""
        batch = self.forward(2 * k)
        while len(batch) > k:
            batch.remove(min(batch, key=lambda i: self([j for j in batch if j != i])))
        return batch


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["greedy", "forward_backward"])
def test_bait_is_its_objective_by_explicit_inverses(backend, name, seed):
    rng = np.random.default_rng(seed)
    features, logits = rng.normal(size=(14, 2)), 2 * rng.normal(size=(14, 3))
    softmax = infoq.likelihoods.Softmax(logits=backend.array(logits))
    layer = infoq.LastLayerEmbedding(backend.array(features), softmax, bias=True)
    rows = backend.numpy(layer.dense())
    root = rng.normal(size=(9, 9))
    precision = root @ root.T / 9 + 0.2 * np.eye(9)
    pool = infoq.Gaussian(layer[:9], backend.array(precision))
    function = infoq.EPIG(pool, layer[9:], approximation="trace")
    reference = Inverses(rows[:9], rows[9:], precision)
    batch = getattr(infoq, name)(function, 3)
    picked = backend.numpy(batch.indices).tolist()
    assert picked == (reference.forward if name == "greedy" else reference.forward_backward)(3)
    objective = [reference(picked[:b]) for b in range(4)]
    np.testing.assert_allclose(backend.numpy(batch.gains), -np.diff(objective) / 2, rtol=1e-8)

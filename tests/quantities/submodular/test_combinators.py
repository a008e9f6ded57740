"""Mutual information and conditional gains of set functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import (
    ConcaveOverModular,
    FacilityLocation,
    GraphCut,
    LogDet,
    conditional,
    mutual,
)
from infoq.selection.lazy import lazy_greedy
from tests.quantities.submodular import cases

Q, PRIVATE = (3, 4), (1,)
A = (2, 5, 0)
POSITIVE = cases.POSITIVE @ cases.POSITIVE.T
FUNCTIONS = {
    "LogDet": (lambda b: LogDet(b.array(cases.POINTS), ridge=1.0), cases.log_det, cases.KERNEL, 1),
    "GraphCut": (lambda b: GraphCut(b.array(cases.POINTS)), cases.graph_cut, cases.KERNEL, 2),
    "FacilityLocation": (
        lambda b: FacilityLocation(b.array(cases.POINTS)),
        lambda kernel, _: cases.facility_location(kernel),
        cases.KERNEL,
        None,
    ),
    "COM": (
        lambda b: ConcaveOverModular(kernel=b.array(POSITIVE)),
        cases.concave,
        POSITIVE,
        1.0,
    ),
}
named = pytest.mark.parametrize("name", FUNCTIONS)


class Masked:
    """A set function, and who is no candidate of it."""

    def __init__(self, f, hidden):
        self.f, self.hidden = f, hidden

    def __len__(self):
        return len(self.f)

    def __getattr__(self, name):
        return getattr(self.f, name)


@named
def test_each_is_its_definition(backend, name):
    make, definition, kernel, number = FUNCTIONS[name]
    f, value = make(backend), definition(kernel, number)
    cases.check(backend, Masked(mutual(f, Q), Q), cases.mutual(value, Q))
    given = cases.conditional(value, PRIVATE)
    cases.check(backend, Masked(conditional(f, PRIVATE), PRIVATE), given)
    both = mutual(conditional(f, PRIVATE), Q)
    cases.check(backend, Masked(both, Q + PRIVATE), cases.mutual(given, Q))
    other = conditional(mutual(f, Q), PRIVATE)
    state = other.add(other.start(), 2)
    assert float(other.value(state)) == pytest.approx(cases.mutual(given, Q)((2,)))


def test_they_are_the_published_log_determinants(backend):
    f = LogDet(backend.array(cases.POINTS), ridge=0.4)

    def s(rows, columns):
        return backend.array(cases.KERNEL[np.ix_(rows, columns)])

    def value(function, batch=(2, 5)):
        state = function.start()
        for index in batch:
            state = function.add(state, index)
        return float(function.value(state))

    a, ridge = (2, 5), {"ridge": 0.4}
    blocks = s(a, a), s(a, Q), s(Q, Q)
    assert value(mutual(f, Q)) == pytest.approx(float(infoq.logdet_mi(*blocks, **ridge)))
    private = s(a, PRIVATE), s(PRIVATE, PRIVATE)
    expected = infoq.logdet_cg(s(a, a), *private, **ridge)
    assert value(conditional(f, PRIVATE)) == pytest.approx(float(expected))
    expected = infoq.logdet_cmi(*blocks, private[0], s(Q, PRIVATE), private[1], **ridge)
    assert value(mutual(conditional(f, PRIVATE), Q)) == pytest.approx(float(expected))


def test_of_the_information_gain_it_is_jepig(backend):
    points = backend.array(cases.POINTS)
    pool = infoq.Gaussian(points, 1.0)
    f, g = mutual(infoq.EIG(pool), Q), infoq.JEPIG(pool, infoq.DenseEmbedding(points)[3:5])
    state, other = f.start(), g.start()
    for index in A:
        gains = backend.numpy(g.gains(other))
        np.testing.assert_allclose(backend.numpy(f.gains(state)), gains, rtol=1e-8, atol=1e-12)
        state, other = f.add(state, index), g.add(other, index)
    assert float(f.value(state)) == pytest.approx(float(g.value(other)))


def test_a_log_determinant_without_a_ridge_may_share_everything(backend):
    points = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    f = mutual(LogDet(backend.array(points)), [1])
    gains = backend.numpy(f.gains(f.start()))
    assert gains[0] == math.inf
    assert gains[2] == pytest.approx(math.log(2.0))
    assert gains[3] == -math.inf
    assert float(f.value(f.add(f.start(), 0))) == math.inf
    after = backend.numpy(f.gains(f.add(f.start(), 2)))
    assert after[0] == math.inf
    assert after[2] == -math.inf


def test_which_of_them_are_submodular():
    log_det = cases.log_det(cases.KERNEL, 1.0)
    cut, place = cases.graph_cut(cases.KERNEL, 2.0), cases.facility_location(cases.KERNEL)
    # The queries last: batches are of those before.
    queries, count = (4, 5), 4
    assert not any(
        cases.submodular(cases.mutual(cases.log_det(k @ k.T, 1.0), queries), count)
        for k in [np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1]]) * 3]
    )
    for value in (cut, place):
        assert cases.submodular(cases.mutual(value, queries), count)
    for value in (log_det, place):
        assert cases.submodular(cases.conditional(value, queries), count)
        assert cases.monotone(cases.conditional(value, queries), count)
    given = cases.conditional(place, (5,))
    assert cases.submodular(cases.mutual(given, (4,)), count)
    points = cases.POINTS
    assert conditional(LogDet(points), [1]).submodular
    assert not mutual(LogDet(points), [1]).submodular
    assert not conditional(GraphCut(points), [1]).submodular
    for f in (GraphCut(points), FacilityLocation(points)):
        assert mutual(f, [1]).submodular
        assert mutual(conditional(f, [0]), [1]).submodular
        assert not mutual(mutual(f, [0]), [1]).submodular


def test_float32_has_common_ground_of_at_least_zero(backend):
    points = np.random.default_rng(0).normal(size=(30, 8))
    exact = mutual(LogDet(points, ridge=1.0), range(5))
    single = mutual(LogDet(backend.array(points, "float32"), ridge=1.0), range(5))
    state, other = exact.start(), single.start()
    for index in (10, 20):
        state, other = exact.add(state, index), single.add(other, index)
    gains = backend.numpy(single.gains(other))
    assert gains.dtype == np.float32
    assert np.all(gains >= 0)
    np.testing.assert_allclose(gains, exact.gains(state), atol=1e-5)


def test_greedy_masks_queries_and_lazy_greedy_picks_the_same(backend):
    points = backend.array(np.random.default_rng(0).normal(size=(20, 3)))
    mask = backend.array(np.arange(20) >= 4)
    f = mutual(FacilityLocation(points), backend.array(np.arange(4)))
    every, few = infoq.greedy(f, 4, candidates=mask), lazy_greedy(f, 4, candidates=mask)
    np.testing.assert_array_equal(backend.numpy(every.indices), backend.numpy(few.indices))
    assert backend.numpy(every.indices).min() >= 4
    with pytest.warns(UserWarning, match="heuristic for Mutual"):
        lazy_greedy(mutual(LogDet(points), [0]), 1, candidates=mask)


@pytest.mark.of_libraries("jax")
def test_jit_of_both():
    jax = pytest.importorskip("jax")

    def batch(x):
        f = mutual(conditional(LogDet(x, ridge=1.0), [0]), [1, 2])
        return infoq.greedy(f, 2)

    traced = jax.jit(batch)(jax.numpy.asarray(cases.POINTS))
    np.testing.assert_array_equal(np.array(traced.indices), batch(cases.POINTS).indices)


class Plain:
    """No more than what a set function needs."""

    def __init__(self, f):
        self.ops, self.start, self.gains, self.add = f.ops, f.start, f.gains, f.add
        self.count = len(f)

    def __len__(self):
        return self.count


def test_a_plain_set_function_is_enough(backend):
    f = LogDet(backend.array(cases.POINTS), ridge=1.0)
    both = mutual(conditional(Plain(f), PRIVATE), Q)
    expected = mutual(conditional(f, PRIVATE), Q)
    np.testing.assert_allclose(
        backend.numpy(both.gains(both.start())), backend.numpy(expected.gains(expected.start()))
    )
    assert not conditional(Plain(f), PRIVATE).submodular
    with pytest.raises(TypeError, match="f: Plain has no method value"):
        mutual(Plain(f), Q).value(both.start())


@pytest.mark.parametrize(("combine", "name"), [(mutual, "queries"), (conditional, "private")])
def test_what_is_refused(backend, combine, name):
    f = LogDet(backend.array(cases.POINTS))
    with pytest.raises(TypeError, match="f: expected a set function such as"):
        combine(cases.POINTS, [1])
    with pytest.raises(ValueError, match=f"{name}: expected different indices from 0 to 5, got 6"):
        combine(f, [6])
    with pytest.raises(ValueError, match=f"{name}: expected different indices.*got 2 twice"):
        combine(f, [2, 2])
    with pytest.raises(TypeError, match=f"{name}: expected integers, got float"):
        combine(f, [1.0])
    with pytest.raises(TypeError, match=f"{name}: expected integers.*in place of a mask pass"):
        combine(f, backend.array(np.ones(6, bool)))

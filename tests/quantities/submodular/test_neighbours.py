"""Neighbour lists: everything as of the matrix that they are, which is never formed."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.quantities import (
    ConcaveOverModular,
    FacilityLocation,
    FacilityLocationQuery,
    GraphCut,
    LogDet,
    Neighbours,
    conditional,
    mutual,
)
from infoq.selection.forward_backward import forward_backward
from infoq.selection.lazy import lazy_greedy
from tests.quantities.submodular import cases

N, EACH = 6, 4


def lists_of(backend, kernel, each=EACH, dtype=None):
    """Neighbour lists of a matrix [M, N], in a shuffled order and with NaN where they are short."""
    points, count = kernel.shape
    indices, similar = np.full((count, each), -1), np.full((count, each), np.nan)
    for j in range(count):
        listed = np.flatnonzero(kernel[:, j])[::-1]
        indices[j, : len(listed)], similar[j, : len(listed)] = listed, kernel[listed, j]
    order = np.random.default_rng(1).permutation(each)
    arrays = backend.array(indices[:, order]), backend.array(similar[:, order], dtype)
    return Neighbours(*arrays, size=points)


def sparse(seed, points=5):
    """A matrix [M, N] with a few numbers of both signs in each column; the last has none."""
    rng = np.random.default_rng(seed)
    kernel = np.where(rng.random((points, N)) < 0.5, rng.normal(size=(points, N)), 0)
    kernel[:, N - 1] = 0
    return np.where(np.cumsum(kernel != 0, axis=0) <= EACH, kernel, 0)


def symmetric(seed):
    """A positive definite matrix [N, N], of candidates on a ring."""
    weights = np.random.default_rng(seed).uniform(-1, 1, size=N)
    links = np.roll(np.diag(weights), 1, axis=1)
    return links + links.T + np.diag(2.5 + weights)


FUNCTIONS = {
    "facility location": (FacilityLocation, {}),
    "graph cut": (GraphCut, {"trade_off": 1.5}),
    "log det": (LogDet, {"ridge": 0.3}),
    "log det without a ridge": (LogDet, {}),
}
DEFINITIONS = {
    "facility location": cases.facility_location,
    "graph cut": lambda kernel: cases.graph_cut(kernel, 1.5),
    "log det": lambda kernel: cases.log_det(kernel, 0.3),
    "log det without a ridge": lambda kernel: cases.log_det(kernel, 0.0),
}
named = pytest.mark.parametrize("name", FUNCTIONS)


def both(backend, name, kernel):
    """A set function of lists, and of the matrix."""
    kind, settings = FUNCTIONS[name]
    return tuple(kind(kernel=k, **settings) for k in (lists_of(backend, kernel), kernel))


@named
def test_gains_and_values_by_the_definition(backend, name):
    kernel = symmetric(0)
    cases.check(backend, both(backend, name, kernel)[0], DEFINITIONS[name](kernel))


@given(seed=st.integers(0, 10**6), picks=st.permutations(range(N)))
def test_facility_location_of_any_lists(backend, seed, picks):
    for points in (5, 9):
        kernel = sparse(seed, points)
        f = FacilityLocation(kernel=lists_of(backend, kernel))
        cases.check(backend, f, cases.facility_location(kernel), picks[:3])


@named
@given(seed=st.integers(0, 10**6), picks=st.permutations(range(N)))
def test_combinations_as_of_the_matrix(backend, name, seed, picks):
    *batch, q, p = picks[:4]
    for f, g in [
        [mutual(h, [q]) for h in both(backend, name, symmetric(seed))],
        [mutual(conditional(h, [p]), [q]) for h in both(backend, name, symmetric(seed))],
    ]:
        state, other = f.start(), g.start()
        few = f.ops.fetch(backend.array(np.array(batch)))
        for pick in batch:
            gains = g.gains(other)
            np.testing.assert_allclose(backend.numpy(f.gains(state)), gains, rtol=1e-8, atol=1e-10)
            some = backend.numpy(f.gains_of(state, few))
            np.testing.assert_allclose(some, gains[batch], rtol=1e-8, atol=1e-10)
            state, other = f.add(state, pick), g.add(other, pick)
        value = float(f.value(f.remove(state, batch[0])))
        assert value == pytest.approx(float(g.value(g.remove(other, batch[0]))), abs=1e-9)


@named
def test_every_selection_as_of_the_matrix(backend, name):
    f, g = both(backend, name, symmetric(3) + 1.5 * np.eye(N))
    expected = infoq.greedy(g, 3)
    lazily = lazy_greedy if f.submodular else infoq.greedy
    for batch in (infoq.greedy(f, 3), lazily(f, 3)):
        np.testing.assert_array_equal(backend.numpy(batch.indices), expected.indices)
        np.testing.assert_allclose(backend.numpy(batch.gains), expected.gains, rtol=1e-9)
    assert lazily is lazy_greedy or name == "graph cut"
    pruned = backend.numpy(forward_backward(f, 2).indices)
    np.testing.assert_array_equal(pruned, forward_backward(g, 2).indices)


def test_float32_short_lists_and_copies(backend):
    kernel = np.array([[1.0, 0.5, 1.0, 0.0], [0.5, 1.0, 0.5, 0.0]])
    f = FacilityLocation(kernel=lists_of(backend, kernel, 2, "float32"))
    state = f.add(f.start(), 0)
    gains = f.gains(state)
    assert gains.dtype == backend.array([1.0], "float32").dtype
    np.testing.assert_array_equal(backend.numpy(gains), [0, 0.5, 0, 0])
    one = Neighbours(backend.array([[0]]), backend.array([[2.0]]))
    assert float(infoq.greedy(LogDet(kernel=one), 3).value) == pytest.approx(math.log(2.0))
    assert float(infoq.greedy(GraphCut(kernel=one), 3).value) == pytest.approx(2.0)


def test_whether_it_is_submodular_is_known(backend):
    kernel = symmetric(0)
    assert not GraphCut(kernel=lists_of(backend, kernel)).submodular
    f = GraphCut(kernel=lists_of(backend, np.abs(kernel)))
    assert f.submodular == backend.reads_values


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8"])
def test_any_integers(backend, dtype):
    indices = backend.array(np.array([[1, 0], [2, 1], [0, 2]]), dtype)
    lists = Neighbours(indices, backend.array(np.full((3, 2), 0.5)))
    batch = infoq.greedy(FacilityLocation(kernel=lists), 2)
    np.testing.assert_array_equal(backend.numpy(batch.indices), [0, 1])
    np.testing.assert_array_equal(backend.numpy(batch.gains), [1.0, 0.5])
    assert repr(lists) == f"Neighbours(N=3, n=2, M=3, {backend.name} float64)"
    assert len(lists) == 3


def test_the_size_of_a_block_changes_nothing(backend):
    for f, _ in (both(backend, name, symmetric(2)) for name in FUNCTIONS):
        state = f.add(f.start(), 1)
        with infoq.options(memory=100):
            small = backend.numpy(f.gains(state))
        np.testing.assert_allclose(small, backend.numpy(f.gains(state)), rtol=1e-12)


def test_the_matrix_is_never_formed():
    count, near = 20_000, np.arange(-3, 4)
    indices = (np.arange(count)[:, None] + near) % count
    similar = np.tile((0.3 ** np.abs(near)).astype("float32"), (count, 1))
    tracemalloc.start()
    for kind in (FacilityLocation, GraphCut, LogDet):
        f = kind(kernel=Neighbours(indices, similar))
        batch, shared = lazy_greedy(f, 20), infoq.greedy(mutual(f, [3, 4]), 2)
        assert len(set(batch.indices.tolist())) == 20
        assert all(abs(index - 3.5) < 7 for index in shared.indices)
    with pytest.raises(ValueError, match="candidate 0 is similar to 1 by"):
        LogDet(kernel=Neighbours(indices, similar * (1 + np.arange(count)[:, None] % 2)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A byte for each element of the matrix would be 400 MB; the lists are 2.
    assert peak < count**2 / 10


@pytest.mark.of_libraries("jax")
def test_jit_of_greedy():
    jax = pytest.importorskip("jax")
    kernel = symmetric(1)
    indices = np.argsort(-np.abs(kernel), axis=1)[:, :3]
    similar = np.take_along_axis(kernel, indices, axis=1)
    for kind, settings in FUNCTIONS.values():

        def batch(i, s, kind=kind, settings=settings):
            return infoq.greedy(kind(kernel=Neighbours(i, s), **settings), 3)

        traced = jax.jit(batch)(jax.numpy.asarray(indices), jax.numpy.asarray(similar))
        np.testing.assert_array_equal(np.array(traced.indices), batch(indices, similar).indices)


def test_lists_between_candidates_may_differ_by_rounding(backend):
    kernel = symmetric(0)
    kernel[1, 2] *= 1 + 1e-12
    for scale in (1e-3, 1.0, 1e3):
        for kind in (GraphCut, LogDet):
            assert len(kind(kernel=lists_of(backend, scale * kernel))) == len(kernel)


def test_lists_of_one_point(backend):
    lists = Neighbours(backend.array([[0], [0]]), backend.array([[1.0], [0.5]]), size=1)
    assert float(infoq.greedy(FacilityLocation(kernel=lists), 1).value) == 1.0


def test_lists_between_candidates_are_symmetric(backend):
    kernel = symmetric(0)
    lopsided, missing = kernel.copy(), kernel.copy()
    lopsided[1, 2], missing[4, 3] = 0.25, 0
    rows = lists_of(backend, sparse(0))
    for kind in (GraphCut, LogDet):
        with pytest.raises(ValueError, match=r"kernel: expected .* got size=5 points and N=6"):
            kind(kernel=rows)
        if backend.reads_values:
            with pytest.raises(ValueError, match=r"kernel: candidate 1 is similar to 2 by .*mean"):
                kind(kernel=lists_of(backend, lopsided))
            with pytest.raises(
                ValueError, match=r"candidate 3 is similar to 4 by 0, and 4 to 3 by -"
            ):
                kind(kernel=lists_of(backend, missing))
    # Zeros need not be listed by both, nor roundings be the same.
    lists = Neighbours(backend.array([[0, 1], [1, -1]]), backend.array([[1.0, 0.0], [1.0, 1.0]]))
    assert float(infoq.greedy(LogDet(kernel=lists, ridge=1.0), 2).value) == pytest.approx(
        2 * math.log(2)
    )


def test_what_is_refused(backend):
    indices, similar = backend.array([[0, 1], [1, 0]]), backend.array([[1.0, 0.5], [1.0, 0.5]])
    with pytest.raises(TypeError, match="indices: expected integers"):
        Neighbours(similar, indices)
    with pytest.raises(TypeError, match="similarities: expected a real floating dtype"):
        Neighbours(indices, indices)
    with pytest.raises(ValueError, match=r"indices: expected shape \[N, n\]"):
        Neighbours(indices[0, :], similar[0, :])
    with pytest.raises(ValueError, match=r"similarities: expected one for each of .* got .*\(2, 1"):
        Neighbours(indices, similar[:, :1])
    with pytest.raises(ValueError, match="size: expected a positive number of points, got 0"):
        Neighbours(indices, similar, size=0)
    with pytest.raises(TypeError, match="size: expected an integer, got float"):
        Neighbours(indices, similar, size=2.0)
    for kind in (FacilityLocationQuery, ConcaveOverModular):
        with pytest.raises(TypeError, match=r"kernel: expected an array \[Q, N\], got Neighbours"):
            kind(kernel=Neighbours(indices, similar))
    with pytest.raises(TypeError, match="represented: needs points="):
        FacilityLocation(kernel=Neighbours(indices, similar), represented=similar)
    if backend.reads_values:
        with pytest.raises(ValueError, match="candidate 1 lists 2, expected points from 0 to 1"):
            Neighbours(backend.array([[0, 1], [1, 2]]), similar)
        with pytest.raises(ValueError, match="candidate 0 lists -2"):
            Neighbours(backend.array([[0, -2], [1, 0]]), similar)
        with pytest.raises(ValueError, match="candidate 1 lists 1 twice"):
            Neighbours(backend.array([[-1, -1], [1, 1]]), similar)
        with pytest.raises(ValueError, match="candidate 0 lists 0 twice"):
            Neighbours(backend.array([[0, 0], [1, 0]]), similar)
        with pytest.raises(ValueError, match="similarities: candidate 1 has a value that is NaN"):
            Neighbours(indices, backend.array([[1.0, 0.5], [math.nan, 0.5]]))

"""Graph cut: by its definition, and where it is submodular."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import GraphCut
from tests.quantities.submodular import cases

KERNEL = cases.POSITIVE @ cases.POSITIVE.T


@pytest.mark.parametrize("trade_off", [2.0, 0.5])
def test_gains_and_values_by_the_definition(backend, trade_off):
    value = cases.graph_cut(cases.KERNEL, trade_off)
    points, kernel = backend.array(cases.POINTS), backend.array(cases.KERNEL)
    cases.check(backend, GraphCut(points, trade_off=trade_off), value)
    cases.check(backend, GraphCut(kernel=kernel, trade_off=trade_off), value)


@pytest.mark.parametrize("trade_off", [2.0, 0.5])
def test_what_is_represented_may_be_anything(backend, trade_off):
    cross = cases.OTHERS @ cases.POINTS.T

    def value(batch):
        batch = list(batch)
        inside = cases.KERNEL[np.ix_(batch, batch)].sum()
        return float(trade_off * cross[:, batch].sum() - inside)

    points, others = backend.array(cases.POINTS), backend.array(cases.OTHERS)
    f = GraphCut(points, represented=others, trade_off=trade_off)
    cases.check(backend, f, value)
    by_embedding = infoq.DenseEmbedding(others)
    cases.check(backend, GraphCut(points, represented=by_embedding, trade_off=trade_off), value)
    same = GraphCut(points, represented=points, trade_off=trade_off)
    cases.check(backend, same, cases.graph_cut(cases.KERNEL, trade_off))


def test_what_is_represented_does_not_make_it_submodular(backend):
    positive, mixed = backend.array(cases.POSITIVE), backend.array(cases.POINTS)
    assert GraphCut(positive, represented=mixed).submodular == backend.reads_values
    assert not GraphCut(mixed, represented=positive).submodular


def test_of_queries_it_is_the_sum_of_similarities_whatever_is_represented(backend):
    points, queries = backend.array(cases.POINTS), [4, 5]
    f = infoq.mutual(GraphCut(points, represented=points[:4, :], trade_off=0.7), queries)
    expected = 2 * cases.KERNEL[:4, 4:].sum(1)
    for state in (f.start(), f.add(f.start(), 1)):
        np.testing.assert_allclose(backend.numpy(f.gains(state))[:4], expected, rtol=1e-9)
    order = np.argsort(-expected)
    mask = backend.array(np.arange(6) < 4)
    batch = infoq.lazy_greedy(f, 4, candidates=mask)
    np.testing.assert_array_equal(backend.numpy(batch.indices), order)


def test_submodular_where_no_similarity_is_negative(backend):
    value = cases.graph_cut(KERNEL, 2.0)
    assert cases.submodular(value)
    assert cases.monotone(value)
    assert not cases.monotone(cases.graph_cut(KERNEL, 0.5))
    assert not cases.submodular(cases.graph_cut(cases.KERNEL, 2.0))
    f = GraphCut(backend.array(cases.POSITIVE))
    assert f.submodular == backend.reads_values
    assert GraphCut(kernel=backend.array(KERNEL)).submodular == backend.reads_values
    assert not GraphCut(backend.array(cases.POINTS)).submodular
    cases.assert_greedy_is_good(backend, f, value)


def test_float32_and_copies(backend):
    f = GraphCut(backend.array(np.ones((5, 2)), "float32"))
    batch = infoq.greedy(f, 3)
    np.testing.assert_array_equal(backend.numpy(batch.indices), [0, 1, 2])
    np.testing.assert_allclose(backend.numpy(batch.gains), [18, 14, 10])
    assert batch.gains.dtype == backend.array([1.0], "float32").dtype


@pytest.mark.of_libraries("jax")
def test_jit_of_greedy():
    jax = pytest.importorskip("jax")

    def batch(x):
        f = GraphCut(x)
        return infoq.greedy(f, 3)

    traced = jax.jit(batch)(jax.numpy.asarray(cases.POINTS))
    np.testing.assert_array_equal(np.array(traced.indices), batch(cases.POINTS).indices)


def test_what_is_refused(backend):
    with pytest.raises(TypeError, match="got neither"):
        GraphCut()
    with pytest.raises(ValueError, match="trade_off: expected a finite number of at least 0"):
        GraphCut(backend.array(cases.POINTS), trade_off=-2.0)
    points, kernel = backend.array(cases.POINTS), backend.array(KERNEL)
    with pytest.raises(TypeError, match=r"represented: needs points=.*with a kernel"):
        GraphCut(kernel=kernel, represented=points)
    with pytest.raises(ValueError, match="represented: expected P=4 features like points, got 3"):
        GraphCut(points, represented=points[:, :3])
    with pytest.raises(ValueError, match="kernel: expected a square matrix"):
        GraphCut(kernel=backend.array(cases.POINTS))

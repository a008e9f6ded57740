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
    with pytest.raises(ValueError, match="kernel: expected a square matrix"):
        GraphCut(kernel=backend.array(cases.POINTS))

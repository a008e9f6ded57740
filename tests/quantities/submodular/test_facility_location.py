"""Facility location: by its definition, lazily and in blocks."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import FacilityLocation
from infoq.selection.forward_backward import forward_backward
from infoq.selection.lazy import lazy_greedy
from tests.quantities.submodular import cases

CROSS = cases.OTHERS @ cases.POINTS.T


def test_gains_and_values_by_the_definition(backend):
    points, others = backend.array(cases.POINTS), backend.array(cases.OTHERS)
    cases.check(backend, FacilityLocation(points), cases.facility_location(cases.KERNEL))
    value = cases.facility_location(CROSS)
    cases.check(backend, FacilityLocation(points, represented=others), value)
    cases.check(backend, FacilityLocation(kernel=backend.array(CROSS)), value)
    embedding = infoq.DenseEmbedding(points)
    first = cases.facility_location(cases.KERNEL[:3])
    cases.check(backend, FacilityLocation(embedding, represented=embedding[:3]), first)


def test_monotone_and_submodular_whatever_the_similarities(backend):
    value = cases.facility_location(CROSS)
    assert CROSS.min() < 0
    assert cases.monotone(value)
    assert cases.submodular(value)
    f = FacilityLocation(kernel=backend.array(CROSS))
    assert f.submodular
    cases.assert_greedy_is_good(backend, f, value)


def test_lazy_greedy_picks_the_same(backend):
    points = backend.array(np.random.default_rng(0).normal(size=(40, 3)), "float32")
    f = FacilityLocation(points)
    few, every = lazy_greedy(f, 5), infoq.greedy(f, 5)
    np.testing.assert_array_equal(backend.numpy(few.indices), backend.numpy(every.indices))
    assert few.gains.dtype == points.dtype


def test_the_size_of_a_block_changes_nothing(backend):
    f = FacilityLocation(backend.array(cases.POINTS))
    state = f.add(f.start(), 1)
    with infoq.options(memory=500):
        small = backend.numpy(f.gains(state))
    np.testing.assert_allclose(small, backend.numpy(f.gains(state)), rtol=1e-12)


def test_copies_gain_nothing_and_a_batch_is_pruned(backend):
    points = cases.POINTS.copy()
    points[4] = points[1]
    f = FacilityLocation(backend.array(points))
    assert backend.numpy(f.gains(f.add(f.start(), 1)))[4] == pytest.approx(0, abs=1e-12)
    if backend.reads_values:
        batch = forward_backward(f, 2)
        indices = tuple(int(i) for i in backend.numpy(batch.indices))
        value = cases.facility_location(points @ points.T)
        assert float(batch.value) == pytest.approx(value(indices))


@pytest.mark.of_libraries("jax")
def test_jit_of_greedy():
    jax = pytest.importorskip("jax")

    def batch(x):
        return infoq.greedy(FacilityLocation(x), 3)

    traced = jax.jit(batch)(jax.numpy.asarray(cases.POINTS))
    np.testing.assert_array_equal(np.array(traced.indices), batch(cases.POINTS).indices)


def test_what_is_refused(backend):
    points, kernel = backend.array(cases.POINTS), backend.array(CROSS)
    with pytest.raises(TypeError, match="represented: needs points="):
        FacilityLocation(kernel=kernel, represented=points)
    with pytest.raises(ValueError, match="represented: expected P=4 features like points, got 3"):
        FacilityLocation(points, represented=points[:, :3])
    with pytest.raises(TypeError, match="represented: expected the dtype of the candidates"):
        FacilityLocation(points, represented=backend.array(cases.OTHERS, "float32"))
    with pytest.raises(ValueError, match=r"kernel: expected shape \[M, N\]"):
        FacilityLocation(kernel=points[:, 0])

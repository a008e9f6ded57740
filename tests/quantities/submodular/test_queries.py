"""FLQMI and COM: by their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import ConcaveOverModular, FacilityLocationQuery
from tests.quantities.submodular import cases

CROSS = cases.OTHERS @ cases.POINTS.T
POSITIVE = np.abs(cases.OTHERS) @ cases.POSITIVE.T
KINDS = [
    (FacilityLocationQuery, cases.query, cases.OTHERS, cases.POINTS),
    (ConcaveOverModular, cases.concave, np.abs(cases.OTHERS), cases.POSITIVE),
]


@pytest.mark.parametrize(("kind", "definition", "queries", "points"), KINDS)
def test_gains_and_values_by_the_definition(backend, kind, definition, queries, points):
    cross = queries @ points.T
    f = kind(backend.array(points), backend.array(queries), eta=0.7)
    cases.check(backend, f, definition(cross, 0.7))
    cases.check(backend, kind(kernel=backend.array(cross), eta=0.7), definition(cross, 0.7))


@pytest.mark.parametrize(("kind", "definition", "queries", "points"), KINDS)
def test_monotone_and_submodular(backend, kind, definition, queries, points):
    value = definition(POSITIVE, 0.5)
    assert cases.submodular(value)
    assert cases.monotone(value)
    f = kind(kernel=backend.array(POSITIVE), eta=0.5)
    assert f.submodular
    cases.assert_greedy_is_good(backend, f, value)


@pytest.mark.parametrize(("kind", "definition", "queries", "points"), KINDS)
def test_lazy_greedy_picks_the_same(backend, kind, definition, queries, points):
    del definition
    f = kind(backend.array(points), backend.array(queries), eta=0.3)
    few, every = infoq.lazy_greedy(f, 4), infoq.greedy(f, 4)
    np.testing.assert_array_equal(backend.numpy(few.indices), backend.numpy(every.indices))
    np.testing.assert_allclose(backend.numpy(few.gains), backend.numpy(every.gains), rtol=1e-9)


def test_monotone_only_where_candidates_are_relevant():
    assert not cases.monotone(cases.query(-POSITIVE, 1.0))
    assert cases.submodular(cases.query(-POSITIVE, 1.0))


@pytest.mark.parametrize(("kind", "definition", "queries", "points"), KINDS)
def test_float32_and_who_is_similar_to_nobody(backend, kind, definition, queries, points):
    kernel = np.array([[1.0, 0.0, 2.0], [0.5, 0.0, 0.0]], "float32")
    f = kind(kernel=backend.array(kernel))
    gains = f.gains(f.add(f.start(), 1))
    assert gains.dtype == backend.array(kernel).dtype
    assert backend.numpy(gains)[1] == 0
    value = definition(kernel.astype("float64"), 1.0)
    np.testing.assert_allclose(
        backend.numpy(gains), [value((i,)) for i in range(3)], rtol=1e-6, atol=1e-7
    )


@pytest.mark.of_libraries("jax")
def test_jit_of_greedy():
    jax = pytest.importorskip("jax")
    for kind, _, queries, points in KINDS:
        traced = jax.jit(lambda x, y, kind=kind: infoq.greedy(kind(x, y), 3))(
            jax.numpy.asarray(points), jax.numpy.asarray(queries)
        )
        expected = infoq.greedy(kind(points, queries), 3)
        np.testing.assert_array_equal(np.array(traced.indices), expected.indices)


@pytest.mark.parametrize("kind", [FacilityLocationQuery, ConcaveOverModular])
def test_what_is_refused(backend, kind):
    points, queries = backend.array(cases.POSITIVE), backend.array(np.abs(cases.OTHERS))
    with pytest.raises(TypeError, match=r"queries: need points=.*got points alone"):
        kind(points)
    with pytest.raises(TypeError, match=r"queries: need points=.*got queries and a kernel"):
        kind(None, queries, kernel=backend.array(POSITIVE))
    with pytest.raises(ValueError, match="queries: expected P=4 features like points, got 2"):
        kind(points, queries[:, :2])
    with pytest.raises(ValueError, match="eta: expected a finite number of at least 0"):
        kind(points, queries, eta=-1)


def test_roots_of_negative_similarities_are_refused(backend):
    if backend.reads_values:
        with pytest.raises(ValueError, match=r"candidate \d has a negative similarity"):
            ConcaveOverModular(kernel=backend.array(CROSS))
        with pytest.raises(ValueError, match=r"candidate \d has a negative similarity"):
            ConcaveOverModular(backend.array(cases.POINTS), backend.array(cases.OTHERS))

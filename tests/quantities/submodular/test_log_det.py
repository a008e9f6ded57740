"""LogDet: by its definition, as EIG, and where the rank ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import LogDet
from infoq.selection.forward_backward import forward_backward
from tests.quantities.submodular import cases

EMBEDDINGS = {
    "features": lambda b: b.array(cases.POINTS),
    "dense": lambda b: infoq.DenseEmbedding(b.array(cases.POINTS[:, None, :])),
    "last layer": lambda b: infoq.LastLayerEmbedding(
        b.array(cases.POINTS), infoq.likelihoods.Normal(1.0)
    ),
}


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_gains_and_values_by_the_definition(backend, ridge):
    value = cases.log_det(cases.KERNEL, ridge)
    for name, points in EMBEDDINGS.items():
        if name == "features" or ridge > 0:
            cases.check(backend, LogDet(points(backend), ridge=ridge), value)
    cases.check(backend, LogDet(kernel=backend.array(cases.KERNEL), ridge=ridge), value)


def test_it_is_twice_the_information_gain_and_the_measure(backend):
    points = backend.array(cases.POINTS)
    f, eig = LogDet(points, ridge=1.0), infoq.EIG(infoq.Gaussian(points, 1.0))
    state, other = f.start(), eig.start()
    for index in (3, 1, 4):
        twice = 2 * backend.numpy(eig.gains(other))
        np.testing.assert_allclose(backend.numpy(f.gains(state)), twice, rtol=1e-9)
        state, other = f.add(state, index), eig.add(other, index)
    assert float(f.value(state)) == pytest.approx(2 * float(eig.value(other)))
    few = infoq.similarity_matrix(backend.array(cases.POINTS[[3, 1, 4]]))
    assert float(f.value(state)) == pytest.approx(float(infoq.logdet(few, ridge=1.0)))


def test_submodular_and_monotone_with_a_ridge_of_one(backend):
    assert LogDet(backend.array(cases.POINTS)).submodular
    one, less = (cases.log_det(cases.KERNEL, ridge) for ridge in (1.0, 0.1))
    assert cases.submodular(one)
    assert cases.submodular(less)
    assert cases.monotone(one)
    assert not cases.monotone(cases.log_det(cases.KERNEL / 100, 0.1))
    cases.assert_greedy_is_good(backend, LogDet(backend.array(cases.POINTS), ridge=1.0), one)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_greedy_ends_with_the_rank_at_any_scale(backend, scale, dtype):
    points = np.concatenate([cases.POINTS, cases.POINTS[:2], 0 * cases.POINTS[:1]]) * scale
    f = LogDet(backend.array(points, dtype))
    batch = infoq.greedy(f, 8)
    assert batch.reason == "rank"
    indices = backend.numpy(batch.indices)
    assert len(indices) == cases.P
    expected = np.linalg.slogdet((points @ points.T)[np.ix_(indices, indices)])[1]
    assert float(batch.value) == pytest.approx(expected, rel=1e-4)
    state = f.add(f.start(), 0)
    gains = backend.numpy(f.gains(state))
    np.testing.assert_array_equal(np.isinf(gains), np.isin(np.arange(9), [0, 6, 8]))
    assert float(f.value(f.add(state, 6))) == -math.inf
    assert np.all(np.isfinite(backend.numpy(f.gains(f.add(state, 6)))[1:6]))


def test_the_rank_of_a_kernel(backend):
    f = LogDet(kernel=backend.array(cases.KERNEL))
    batch = infoq.greedy(f, 6)
    assert batch.reason == "rank"
    assert backend.numpy(batch.indices).size == cases.P
    by_points = infoq.greedy(LogDet(backend.array(cases.POINTS)), 6)
    np.testing.assert_array_equal(backend.numpy(batch.indices), backend.numpy(by_points.indices))


def test_float32_with_a_small_ridge_beyond_the_rank(backend):
    points = np.random.default_rng(0).normal(size=(30, 6)) @ np.diag([9.0, 5, 2, 1, 0.1, 0.01])
    f = LogDet(backend.array(points, "float32"), ridge=1e-3)
    picks = (3, 7, 1, 20, 4, 9, 11, 2)
    state, total = f.start(), 0.0
    for pick in picks:
        total += float(backend.numpy(f.gains(state))[pick])
        state = f.add(state, pick)
    assert total == pytest.approx(cases.log_det(points @ points.T, 1e-3)(picks), rel=2e-3)
    gains = f.gains(state)
    assert gains.dtype == backend.array([1.0], "float32").dtype
    assert np.all(backend.numpy(gains) >= math.log(1e-3) - 1e-5)


def test_batches_of_more_than_are_made_room_for_at_a_time(backend):
    points = np.random.default_rng(0).normal(size=(40, 3))
    picks = tuple(range(37)) if backend.name == "numpy" else tuple(range(17))
    for f in (
        LogDet(backend.array(points), ridge=0.5),
        LogDet(kernel=backend.array(points @ points.T), ridge=0.5),
    ):
        state = f.start()
        for pick in picks:
            state = f.add(state, pick)
        value = cases.log_det(points @ points.T, 0.5)
        expected = value((*picks, 39)) - value(picks)
        assert backend.numpy(f.gains(state))[39] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_a_state_that_others_grow_from_stays_as_it_is(backend, ridge):
    points = np.random.default_rng(1).normal(size=(24, 24))
    f = LogDet(backend.array(points), ridge=ridge)
    state = f.start()
    for pick in range(16):  # a group is full, and settles with the next
        state = f.add(state, pick)
    before = [backend.numpy(f.ops.adopt(x)) for x in state[:3]]
    value = cases.log_det(points @ points.T, ridge)
    for pick in (16, 20):
        grown = f.add(state, pick)
        batch = (*range(16), pick)
        expected = value((*batch, 23)) - value(batch)
        assert backend.numpy(f.gains(grown))[23] == pytest.approx(expected, rel=1e-7)
    for x, old in zip(state[:3], before, strict=True):
        np.testing.assert_array_equal(backend.numpy(f.ops.adopt(x)), old)


def test_shapes_change_with_every_group_alone(backend):
    points = backend.array(np.random.default_rng(2).normal(size=(20, 5)))
    for f in (LogDet(points, ridge=1.0), LogDet(points), LogDet(kernel=points @ points.T)):
        state, shapes = f.start(), []
        for pick in range(18):
            state = f.add(state, pick)
            shapes.append((tuple(state.settled.shape), tuple(state.recent.shape)))
        assert len({*shapes[:16]}) == len({*shapes[16:]}) == 1


@pytest.mark.parametrize("ridge", [1e-3, 1.0])
def test_directions_stay_orthonormal_in_float32(backend, ridge):
    rng = np.random.default_rng(3)
    points = rng.normal(size=(40, 8)) @ np.diag(10.0 ** -np.arange(8)) + 5.0
    points[20:] = points[:20] * (1 + 1e-6 * rng.normal(size=(20, 1)))  # near copies
    f = LogDet(backend.array(points, "float32"), ridge=ridge)
    state = f.start()
    for pick in range(4, 38, 2):
        state = f.add(state, pick)
    kept = [backend.numpy(f.ops.adopt(x)) for x in (state.settled, state.recent)]
    directions = np.concatenate(kept).astype("float64")[:17]
    np.testing.assert_allclose(directions @ directions.T, np.eye(17), atol=2e-6)


def test_a_ridge_that_underflows_divides_by_nothing(backend):
    f = LogDet(backend.array(np.ones((3, 2)), "float32"), ridge=1e-60)
    state = f.add(f.add(f.start(), 0), 1)
    assert not np.any(np.isnan(backend.numpy(f.ops.adopt(state.recent))))


def test_small_gains_keep_their_digits(backend):
    f = LogDet(backend.array(np.array([[1e-6, 0.0], [0.0, 1.0]])), ridge=1.0)
    assert backend.numpy(f.gains(f.start()))[0] == pytest.approx(1e-12, rel=1e-9)


def test_a_batch_is_pruned_by_what_is_missed_least():
    f = LogDet(cases.POINTS, ridge=1.0)
    batch = forward_backward(f, 3)
    assert float(batch.value) == pytest.approx(
        cases.log_det(cases.KERNEL, 1.0)(tuple(int(i) for i in batch.indices))
    )


@pytest.mark.of_libraries("jax")
def test_jit_and_gradient_of_jax():
    jax = pytest.importorskip("jax")

    def batch(x):
        return infoq.greedy(LogDet(x, ridge=0.5), 3)

    eager = batch(cases.POINTS)
    traced = jax.jit(batch)(jax.numpy.asarray(cases.POINTS))
    np.testing.assert_array_equal(np.array(traced.indices), eager.indices)
    np.testing.assert_allclose(np.array(traced.gains), eager.gains, rtol=1e-4)


def test_what_is_refused(backend):
    points, kernel = backend.array(cases.POINTS), backend.array(cases.KERNEL)
    with pytest.raises(TypeError, match="points, kernel: expected one of the two, got neither"):
        LogDet()
    with pytest.raises(TypeError, match="points, kernel: expected one of the two, got both"):
        LogDet(points, kernel=kernel)
    with pytest.raises(ValueError, match=r"kernel: expected a square matrix.*\(6, 4\)"):
        LogDet(kernel=points)
    with pytest.raises(ValueError, match=r"points: expected shape \[N, P\]"):
        LogDet(points[0, :])
    with pytest.raises(ValueError, match="points: expected one row per candidate, got R=2"):
        LogDet(infoq.DenseEmbedding(backend.array(np.ones((3, 2, 4)))))
    with pytest.raises(ValueError, match="ridge: expected a finite number of at least 0, got -1"):
        LogDet(points, ridge=-1)
    with pytest.raises(TypeError, match="ridge: expected a real number"):
        LogDet(points, ridge="1")
    f = LogDet(points)
    state = f.add(f.start(), 1)
    with pytest.raises(ValueError, match="index: 2 is not in the batch"):
        f.remove(state, 2)
    if backend.reads_values:
        holed, lopsided = cases.POINTS.copy(), cases.KERNEL.copy()
        holed[3, 0], lopsided[0, 2] = math.nan, 9.0
        with pytest.raises(ValueError, match="points: candidate 3 has a value that is NaN"):
            LogDet(backend.array(holed))
        with pytest.raises(ValueError, match=r"kernel: element \(0, 2\).*mirror image"):
            LogDet(kernel=backend.array(lopsided))


def test_no_ridge_is_infinite(backend):
    for ridge in (math.inf, math.nan):
        with pytest.raises(ValueError, match=f"ridge: expected a finite number .*, got {ridge}"):
            LogDet(backend.array(np.eye(2)), ridge=ridge)

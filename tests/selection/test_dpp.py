"""k-DPP: its law, its volumes, and its rank."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.selection import kdpp
from infoq.selection.dpp import _chosen
from tests.selection.cases import assert_law, draws, volumes


@pytest.mark.parametrize(("count", "width", "k"), [(6, 3, 2), (5, 7, 3), (5, 3, 3), (5, 4, 1)])
def test_the_law(backend, count, width, k):
    points = np.random.default_rng(count * width).standard_normal((count, width))
    array = backend.array(points)
    found = [
        tuple(sorted(backend.numpy(kdpp(array, k, seed=seed).indices).tolist()))
        for seed in range(draws(backend) // 2)
    ]
    assert_law(found, volumes(points, k))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_is_the_log_volume(backend, dtype):
    points = np.random.default_rng(0).standard_normal((40, 12)).astype(dtype)
    batch = kdpp(backend.array(points), 10, seed=1)
    picked = backend.numpy(batch.indices)
    assert len(set(picked.tolist())) == 10
    gains = backend.numpy(batch.gains)
    assert gains.dtype == dtype
    chosen = points[picked].astype("float64")
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    assert float(batch.value) == pytest.approx(np.linalg.slogdet(chosen @ chosen.T)[1], tolerance)
    steps = [np.linalg.slogdet(chosen[:i] @ chosen[:i].T)[1] for i in range(11)]
    np.testing.assert_allclose(gains, np.diff(steps), rtol=100 * tolerance, atol=100 * tolerance)
    assert batch.reason == "size"


def test_copies_are_never_together(backend):
    points = np.random.default_rng(2).standard_normal((3, 5))[[0, 0, 1, 1, 2, 2]]
    for seed in range(10):
        picked = backend.numpy(kdpp(backend.array(points), 3, seed=seed).indices)
        assert sorted(picked // 2) == [0, 1, 2]


def test_more_than_the_rank_is_refused_and_told(backend):
    points = np.random.default_rng(3).standard_normal((8, 2)) @ np.ones((2, 5)) + np.eye(8, 5)
    points[:, 2:] = 0
    with pytest.raises(ValueError, match=r"k: the points of shape \(8, 5\) have rank 2: no 3"):
        kdpp(backend.array(points), 3)
    assert kdpp(backend.array(points), 2).indices.shape[0] == 2
    with pytest.raises(ValueError, match="have rank 0: no 1"):
        kdpp(backend.array(np.zeros((3, 2))), 1)


def test_none_one_and_all(backend):
    assert kdpp(backend.array(np.ones((3, 2))), 0).indices.shape[0] == 0
    assert backend.numpy(kdpp(backend.array(np.ones((1, 2))), 1).indices).tolist() == [0]
    batch = kdpp(backend.array(np.eye(4)), 4, seed=1)
    assert sorted(backend.numpy(batch.indices).tolist()) == [0, 1, 2, 3]
    assert float(batch.value) == pytest.approx(0, abs=1e-9)


def test_seeds_reproduce(backend):
    points = backend.array(np.random.default_rng(4).standard_normal((30, 5)))
    found = [tuple(backend.numpy(kdpp(points, 4, seed=seed).indices)) for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_polynomials_of_large_and_small_eigenvalues_stay_finite():
    levels = [10.0**i for i in range(-200, 200, 4)]
    assert _chosen(levels, 60, [0.5] * 100) == list(range(99, 39, -1))


def test_equal_eigenvalues_are_chosen_uniformly():
    rng = np.random.default_rng(5)
    found = [tuple(sorted(_chosen([2.0] * 5, 2, rng.random(5).tolist()))) for _ in range(2000)]
    assert_law(found, {(i, j): 1.0 for j in range(5) for i in range(j)})


@pytest.mark.parametrize(
    ("points", "k", "error", "message"),
    [
        (np.ones(3), 1, ValueError, r"points: expected shape \[N, P\]"),
        (np.array([[1.0], [np.inf]]), 1, ValueError, "points: candidate 1 has a value that is"),
        (np.ones((3, 2)), -1, ValueError, "k: expected a batch size of at least 0"),
    ],
)
def test_refusals(backend, points, k, error, message):
    with pytest.raises(error, match=message):
        kdpp(backend.array(points), k)


def test_not_inside_jax_jit():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="points: need values that can be read"):
        jax.jit(lambda x: kdpp(x, 1).indices)(jax.numpy.ones((3, 2)))

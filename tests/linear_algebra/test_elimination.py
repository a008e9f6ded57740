"""`log1p_det`: the log-determinant of the identity plus a matrix, large or tiny."""

from __future__ import annotations

from functools import partial

import mpmath
import numpy as np
import pytest

from infoq.backends import ops_for
from infoq.linear_algebra.elimination import log1p_det, log_above_share
from tests.backends.gradient import by_jax, by_torch

SIZES = [1, 2, 12, 13, 40]
sizes = pytest.mark.parametrize("size", SIZES)


def gram(size: int, seed: int, *, rank: int | None = None) -> np.ndarray:
    """Three positive semi-definite matrices with a spectral norm of 1."""
    root = np.random.default_rng(seed).normal(size=(3, size, rank or size))
    matrix = root @ root.swapaxes(1, 2)
    return matrix / np.linalg.norm(matrix, 2, axis=(1, 2))[:, None, None]


def answer(backend, x, function=log1p_det, **keywords):
    """In the library that computes: for Dask, in that of its chunks."""
    x = backend.ops.fetch(backend.array(x))
    ops = ops_for(x)
    run = ops.compiled(partial(function, **keywords), None)  # as in blocks
    return np.array(ops.to_host(run(x)))


def reference(x: np.ndarray) -> np.ndarray:
    return np.linalg.slogdet(np.eye(x.shape[-1]) + x)[1]


def exactly(x: np.ndarray) -> np.ndarray:
    with mpmath.workdps(50):
        return np.array(
            [
                float(mpmath.log(mpmath.det(mpmath.eye(len(a)) + mpmath.matrix(a.tolist()))))
                for a in x
            ]
        )


@sizes
@pytest.mark.parametrize("scale", [1.0, 1e4, -0.9])
def test_is_the_log_determinant(backend, size, scale):
    x = scale * gram(size, 0)
    for keywords in ({}, {"semidefinite": scale > 0}):
        np.testing.assert_allclose(answer(backend, x, **keywords), reference(x), rtol=1e-11)


@pytest.mark.parametrize("size", [2, 13])
def test_any_leading_axes(backend, size):
    x = np.stack([gram(size, 0), gram(size, 1)])
    np.testing.assert_allclose(answer(backend, x), reference(x), rtol=1e-12)
    assert answer(backend, x[0, 0]).shape == ()


@sizes
def test_low_rank_and_zero(backend, size):
    x = 5 * gram(size, 2, rank=1)
    np.testing.assert_allclose(answer(backend, x, semidefinite=True), reference(x), rtol=1e-11)
    assert np.all(answer(backend, 0 * x, semidefinite=True) == 0)
    assert np.all(answer(backend, -0.0 * x) == 0)


@pytest.mark.parametrize("size", [1, 2, 12, 13])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("scale", [1e-12, 1e-5])
def test_small_matrices_keep_their_digits_in_single_precision(backend, size, sign, scale):
    x = (sign * scale * gram(size, 3)).astype(np.float32)
    found = answer(backend, x, semidefinite=sign > 0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exactly(x.astype(np.float64)), rtol=2e-6)


@sizes
def test_negative_matrices_near_minus_one(backend, size):
    # log det(I - x) where one direction is nearly explained.
    for left in (1e-3, 1e-8):
        x = -(1 - left) * gram(size, 4, rank=1)
        expected = np.full(3, np.log(left))
        # An error of rounding in x is one of eps / left in what is left.
        tolerance = 50 * size * np.finfo(float).eps / left
        np.testing.assert_allclose(answer(backend, x), expected, atol=tolerance)


@pytest.mark.parametrize("size", [1, 2, 12])
def test_rounding_beyond_minus_one_stays_finite(backend, size):
    x = -gram(size, 5, rank=1).astype(np.float32) * np.float32(1 + 1e-6)
    assert np.all(np.isfinite(answer(backend, x)))


@pytest.mark.of_libraries("torch", "jax")
@pytest.mark.parametrize("size", [2, 13])
@pytest.mark.parametrize("rank", [1, None], ids=["rank one", "full"])
def test_gradient_is_the_inverse(backend, size, rank):
    by = {"torch": by_torch, "jax": by_jax}[backend.name]
    root = gram(size, 6, rank=rank)

    def function(y):  # of any matrix, made symmetric
        ops = ops_for(y)
        return log1p_det(ops, (y + ops.xp.matrix_transpose(y)) / 2, semidefinite=True)

    slope = by(backend, function, root)
    np.testing.assert_allclose(slope, np.linalg.inv(np.eye(size) + root), rtol=1e-9, atol=1e-12)


def above_share(x: np.ndarray) -> np.ndarray:
    """log det(I + x) - tr x (I + x)^-1, to 50 digits."""
    found = []
    with mpmath.workdps(50):
        for a in x:
            whole = mpmath.eye(len(a)) + mpmath.matrix(a.tolist())
            inverse = whole**-1
            trace = sum(inverse[i, i] for i in range(len(a)))
            found.append(float(mpmath.log(mpmath.det(whole)) - len(a) + trace))
    return np.array(found)


@sizes
@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_log_determinant_beyond_what_is_shared(backend, size, scale, dtype):
    x = (scale * gram(size, 3)).astype(dtype)
    x = (x + x.swapaxes(1, 2)) / 2
    value = answer(backend, x, log_above_share)
    assert value.dtype == dtype
    tolerance = {"float32": 2e-4, "float64": 1e-9}[dtype]
    np.testing.assert_allclose(value, above_share(x.astype(np.float64)), rtol=tolerance)


@pytest.mark.parametrize("size", [2, 13])
def test_the_log_determinant_beyond_what_is_shared_of_low_rank(backend, size):
    x = 1e3 * gram(size, 4, rank=1)
    expected = np.log1p(1e3) - 1e3 / 1001
    np.testing.assert_allclose(answer(backend, x, log_above_share), expected, rtol=1e-9)
    np.testing.assert_array_equal(answer(backend, 0 * x, log_above_share), 0)

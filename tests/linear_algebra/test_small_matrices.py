"""Linear algebra of small matrices, beside NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.linear_algebra.small_matrices import (
    broadcast_batch,
    diagonal_matrices,
    equilibrate,
    factor_logdet,
    flat_product,
    identity,
    small_gram,
    symmetric,
    trace_per_candidate,
    traces,
    turn,
    whiten,
)

RNG = np.random.default_rng(12)


def some(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 4])
def test_identity(backend, size, dtype):
    answer = backend.numpy(identity(backend.ops, size, backend.array(some(2, 3), dtype)))
    assert answer.dtype == dtype
    np.testing.assert_array_equal(answer, np.eye(size))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 1)], ids=str)
def test_diagonal_matrices_have_these_diagonals_and_zeros(backend, shape):
    x = some(*shape)
    answer = backend.numpy(diagonal_matrices(backend.ops, backend.array(x)))
    np.testing.assert_array_equal(answer, x[..., None] * np.eye(shape[-1]) + 0.0)


def test_diagonal_matrices_keep_what_is_not_finite_on_the_diagonal(backend):
    x = np.array([1.0, np.inf, np.nan])
    answer = backend.numpy(diagonal_matrices(backend.ops, backend.array(x)))
    np.testing.assert_array_equal(np.diagonal(answer), x)
    assert np.all(answer[~np.eye(3, dtype=bool)] == 0)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (4, 2, 1, 1)], ids=str)
def test_traces(backend, shape):
    x = some(*shape)
    answer = backend.numpy(traces(backend.ops, backend.array(x)))
    np.testing.assert_allclose(answer, np.trace(x, axis1=-2, axis2=-1), rtol=1e-13)


@pytest.mark.parametrize("shape", [(5, 3, 3), (5, 4, 1, 1)], ids=str)
def test_trace_per_candidate_sums_over_groups(backend, shape):
    x = some(*shape)
    answer = backend.numpy(trace_per_candidate(backend.ops, backend.array(x)))
    expected = np.trace(x, axis1=-2, axis2=-1).reshape(5, -1).sum(axis=1)
    np.testing.assert_allclose(answer, expected, rtol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)], ids=str)
def test_log_determinant_of_what_a_factor_is_of(backend, shape):
    lower = np.tril(some(*shape)) + 4 * np.eye(3)
    answer = backend.numpy(factor_logdet(backend.ops, backend.array(lower)))
    expected = np.linalg.slogdet(lower @ lower.swapaxes(-1, -2))[1]
    np.testing.assert_allclose(answer, expected, rtol=1e-12)


def test_symmetric_part(backend):
    x = some(2, 3, 3)
    answer = backend.numpy(symmetric(backend.ops, backend.array(x)))
    np.testing.assert_allclose(answer, (x + x.swapaxes(1, 2)) / 2, rtol=1e-14)
    np.testing.assert_array_equal(answer, answer.swapaxes(1, 2))


def test_whitened_cross_block(backend):
    left = np.tril(some(2, 3, 3)) + 4 * np.eye(3)
    right = np.tril(some(2, 2, 2)) + 4 * np.eye(2)
    a = some(2, 3, 2)
    answer = backend.numpy(whiten(backend.ops, *map(backend.array, (left, a, right))))
    np.testing.assert_allclose(left @ answer @ right.swapaxes(1, 2), a, rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (3, 3)], ids=str)
def test_the_smaller_gram_matrix(backend, shape):
    k = some(*shape)
    answer = backend.numpy(small_gram(backend.ops, backend.array(k)))
    assert answer.shape == (min(shape), min(shape))
    squares = np.linalg.svd(k, compute_uv=False) ** 2
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(answer)), np.sort(squares), rtol=1e-10)


def test_matrices_get_the_same_leading_axes(backend):
    matrices = some(2, 1, 3, 3), some(4, 3, 2), some(1, 1)
    answers = broadcast_batch(backend.ops, *map(backend.array, matrices))
    for matrix, answer in zip(matrices, answers, strict=True):
        shape = (2, 4, *matrix.shape[-2:])
        np.testing.assert_array_equal(backend.numpy(answer), np.broadcast_to(matrix, shape))


def test_leading_axes_that_do_not_fit_are_refused(backend):
    with pytest.raises(ValueError, match=r"leading axes \(2,\) and \(3,\)"):
        broadcast_batch(backend.ops, backend.array(some(2, 1, 1)), backend.array(some(3, 1, 1)))


def test_equilibrated_matrices_have_a_unit_diagonal(backend):
    root = some(2, 3, 3)
    a = root @ root.swapaxes(1, 2)
    a[0, :, 0] = a[0, 0, :] = 0.0
    scale = np.diagonal(a, axis1=-2, axis2=-1)
    answer, roots = equilibrate(backend.ops, backend.array(a), backend.array(scale.copy()))
    expected = np.ones((2, 3))
    expected[0, 0] = 0.0
    diagonal = np.diagonal(backend.numpy(answer), axis1=-2, axis2=-1)
    np.testing.assert_allclose(diagonal, expected, rtol=1e-14)
    np.testing.assert_allclose(backend.numpy(roots), np.sqrt(scale) + (1 - expected), rtol=1e-14)


def test_equilibrated_by_other_entries_where_the_scale_is_zero(backend):
    a, scale = np.array([[0.0, -4.0], [-4.0, 1.0]]), np.array([0.0, 1.0])
    answer, root = equilibrate(backend.ops, backend.array(a), backend.array(scale))
    np.testing.assert_allclose(backend.numpy(root), [2.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(backend.numpy(answer), [[0.0, -2.0], [-2.0, 1.0]], rtol=1e-14)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)], ids=str)
def test_product_with_one_matrix(backend, shape):
    x, matrix = some(*shape), some(4, 2)
    answer = flat_product(backend.ops, backend.array(x), backend.array(matrix))
    np.testing.assert_allclose(backend.numpy(answer), x @ matrix, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 3, 6)], ids=str)
def test_product_with_a_kronecker_product(backend, shape):
    x, left, right = some(*shape), some(2, 2), some(3, 3)
    answer = turn(backend.ops, *map(backend.array, (x, left, right)))
    np.testing.assert_allclose(backend.numpy(answer), x @ np.kron(left, right), rtol=1e-12)

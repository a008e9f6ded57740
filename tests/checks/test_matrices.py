"""What is no covariance or precision is refused, by the elements or the eigenvalue that say so."""

from __future__ import annotations

import re

import numpy as np
import pytest

import infoq
from infoq.checks.matrices import (
    check_square,
    check_symmetric,
    matrix_factor,
    pivot_rounding,
    read_array,
    read_matrix,
    read_scalar,
    read_stacks,
    read_vector,
    stack_factor,
    symmetry_tolerance,
)
from infoq.likelihoods import Curvature

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def spread(size, seed):
    """A well-conditioned covariance."""
    root = np.random.default_rng(seed).normal(size=(size, 2 * size))
    return root @ root.T / size


def skewed(size, place, by, seed=0):
    """A covariance of which one element of a pair is another."""
    matrix = spread(size, seed)
    matrix[place] += by * np.sqrt(matrix[place[0], place[0]] * matrix[place[1], place[1]])
    return matrix


MATRICES = {
    "covariance": infoq.Gaussian.from_covariance,
    "CovariancePrecision": infoq.CovariancePrecision,
    "DensePrecision": infoq.DensePrecision,
    "precision": lambda a: infoq.Gaussian(a[:1, :], a),
    "prior": lambda a: infoq.laplace(infoq.DenseEmbedding(a[:1, :]), a),
    "left": lambda a: infoq.KroneckerPrecision(a, a[:1, :1] * 0 + 1, 1.0),
    "right": lambda a: infoq.KroneckerPrecision(a[:1, :1] * 0 + 1, a, 1.0),
    "base": lambda a: infoq.LowRankPrecision(a, a[:1, :]),
    "entropy": infoq.gaussian_entropy,
    "curvature": lambda a: Curvature(a[None, :, :]),
}


@DTYPES
@pytest.mark.parametrize("name", MATRICES)
def test_elements_that_differ_are_named(backend, name, dtype):
    for size, place, by in ((2, (0, 1), -0.5), (5, (1, 3), 0.01), (9, (8, 2), 0.001)):
        matrix = skewed(size, place, by).astype(dtype)
        if backend.reads_values:
            first, second = (f"{float(matrix[i, j]):.6g}" for i, j in (place, place[::-1]))
            match = "|".join(
                f"{re.escape(a)}.*{re.escape(b)}" for a, b in ((first, second), (second, first))
            )
            with pytest.raises(ValueError, match=match):
                MATRICES[name](backend.array(matrix))
        fine = (matrix + matrix.T) / 2
        fine[place] *= 1 + 2 * np.finfo(dtype).eps
        MATRICES[name](backend.array(fine))


def with_eigenvalue(size, value, seed=0):
    """A covariance with eigenvalues of about one, and one of a value."""
    values, vectors = np.linalg.eigh(spread(size, seed))
    values = values / values[-1]
    values[0] = value
    matrix = (vectors * values) @ vectors.T
    return (matrix + matrix.T) / 2


SEMIDEFINITE = ["covariance", "CovariancePrecision", "left", "right"]


@DTYPES
@pytest.mark.parametrize("name", SEMIDEFINITE)
def test_a_negative_eigenvalue_is_named(backend, name, dtype):
    for size, value in ((2, -0.05), (6, -0.01), (30, -0.005)):
        if backend.reads_values:
            with pytest.raises(ValueError, match="positive semi-definite") as error:
                MATRICES[name](backend.array(with_eigenvalue(size, value).astype(dtype)))
            found = float(re.search(r"eigenvalue (\S+);", str(error.value))[1])
            np.testing.assert_allclose(found, value, rtol=1e-4)
    small = {"float64": (0.0, -3e-12, 1e-14), "float32": (0.0, -3e-6, 1e-7)}[dtype]
    for value in small:
        matrix = with_eigenvalue(7, value).astype(dtype)
        MATRICES[name](backend.array((matrix + matrix.T) / 2))


def test_correlations_above_one(backend):
    if backend.reads_values:
        matrix = backend.array(np.array([[1.0, 2.0], [2.0, 1.0]]))
        with pytest.raises(ValueError, match=r"eigenvalue -(1|0.999|1.000)"):
            infoq.Gaussian.from_covariance(matrix)
        with pytest.raises(ValueError, match=r"eigenvalue -(1e-06|9.99|1.000)"):
            infoq.CovariancePrecision(matrix * 1e-6)


@DTYPES
def test_kernels_of_points_that_are_there_twice(backend, dtype):
    points = np.random.default_rng(3).normal(size=(60, 2))
    points = np.concatenate([points, points]).astype(dtype)
    squares = np.sum(points**2, axis=1)
    apart = squares[:, None] + squares - 2 * points @ points.T
    for kernel in (np.exp(-apart / 2), np.exp(-apart / 200), points @ points.T, 0 * apart):
        kernel = kernel.astype(dtype)
        pool = infoq.Gaussian.from_covariance(backend.array(kernel), 0.1)
        assert np.all(backend.numpy(infoq.eig(pool)) >= 0)


def test_what_is_known_is_less_or_as_much_each_way(backend):
    """EPIG is symmetric in a pair of outcomes, and at most their EIG."""
    matrix = spread(2, 5)
    pool = infoq.Gaussian.from_covariance(backend.array(matrix), 0.5)
    there, back = infoq.epig(pool[:1], pool[1:]), infoq.epig(pool[1:], pool[:1])
    np.testing.assert_allclose(backend.numpy(there), backend.numpy(back), rtol=1e-12)
    assert np.all(backend.numpy(there) <= backend.numpy(infoq.eig(pool)))


# --- the functions themselves ------------------------------------------------------------------
def definite(*shape: int) -> np.ndarray:
    root = np.random.default_rng(sum(shape)).standard_normal(shape)
    return root @ root.swapaxes(-1, -2) + shape[-1] * np.eye(shape[-1])


@DTYPES
def test_factors(backend, dtype):
    tolerance = 100 * np.finfo(dtype).eps
    matrix, stack = definite(5, 5).astype(dtype), definite(2, 3, 4, 4).astype(dtype)
    one = matrix_factor(backend.ops, backend.array(matrix), "matrix")
    many = stack_factor(backend.ops, backend.array(stack), "stack", "leave it out")
    for lower, whole in ((one, matrix), (many, stack)):
        expected = np.linalg.cholesky(whole.astype("float64"))
        np.testing.assert_allclose(backend.numpy(lower), expected, rtol=tolerance, atol=tolerance)


def test_a_matrix_without_a_factor(backend):
    bad = np.diag([1.0, -0.25, 2.0])
    if not backend.reads_values:
        return
    with pytest.raises(ValueError, match=r"^cov: of shape \(3, 3\), is not .* -0.25; smaller$"):
        matrix_factor(backend.ops, backend.array(bad), "cov", "smaller")
    bad[0, 0] = np.inf
    with pytest.raises(ValueError, match=r"^cov: .*not finite; .* squares overflow float64"):
        matrix_factor(backend.ops, backend.array(bad), "cov")


@DTYPES
def test_the_first_matrix_of_a_stack_without_a_factor(backend, dtype):
    stack = definite(2, 3, 4, 4)
    stack[1, 1] = np.diag([1.0, 1.0, -0.5, 1.0])
    stack[1, 2] = np.diag([1.0, -0.5, 1.0, 1.0])
    if not backend.reads_values:
        return
    with pytest.raises(ValueError, match=r"^s: matrix \(1, 1\) of .* eigenvalue -0.5\); other$"):
        stack_factor(backend.ops, backend.array(stack, dtype), "s", "other")


@DTYPES
def test_what_rounding_alone_holds_apart_is_singular(backend, dtype):
    eps = float(np.finfo(dtype).eps)
    one = np.array([[1.0, 1.0], [1.0, 1.0 + 8 * eps]], dtype)
    matrix_factor(backend.ops, backend.array(one), "one")
    if backend.reads_values:
        with pytest.raises(ValueError, match=r"^one: the matrix of .* singular"):
            stack_factor(backend.ops, backend.array(one), "one", "")
        scale = backend.array([1e20, 1e20], dtype)
        with pytest.raises(ValueError, match=r"^one: the matrix of .* singular"):
            stack_factor(backend.ops, backend.array(np.eye(2), dtype), "one", "", scale)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-8)])
def test_tolerances(backend, dtype, tolerance):
    x = backend.array(np.zeros((7, 7)), dtype)
    assert symmetry_tolerance(backend.ops, x) == tolerance
    assert pivot_rounding(backend.ops, x) == pytest.approx(70 * np.finfo(dtype).eps)


def test_symmetric_but_for_rounding(backend):
    matrix = definite(4, 4)
    matrix[1, 2] *= 1 + 1e-10
    x = backend.array(matrix)
    check_square(backend.ops, x, x, "x")
    check_symmetric(backend.ops, x, x, "x")
    matrix[1, 2] += 0.5
    x = backend.array(matrix)
    if backend.reads_values:
        for check in (check_square, check_symmetric):
            with pytest.raises(ValueError, match=r"^x: element \(1, 2\) of shape \(4, 4\) differs"):
                check(backend.ops, x, x, "x")


@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 0)], ids=str)
def test_shapes_that_are_not_square(backend, shape):
    x = backend.array(np.zeros(shape))
    with pytest.raises(ValueError, match=r"^x: expected square matrices"):
        check_square(backend.ops, x, x, "x")


def test_what_is_read(backend):
    matrix = definite(3, 3)
    full, lower = read_matrix(backend.array(matrix), "matrix")
    np.testing.assert_array_equal(backend.numpy(full), matrix)
    np.testing.assert_allclose(backend.numpy(lower), np.linalg.cholesky(matrix), rtol=1e-12)
    vector = np.array([0.5, 2.0])
    np.testing.assert_array_equal(backend.numpy(read_vector(backend.array(vector), "v")), vector)
    assert read_scalar(2, "s") == (None, 2.0)
    value, setting = read_scalar(backend.array(2.0), "s")
    assert setting is None
    assert backend.numpy(value) == 2.0
    ops, (one, two) = read_stacks(one=backend.array(matrix), two=backend.array(vector))
    assert ops is backend.ops
    np.testing.assert_array_equal(backend.numpy(one), matrix)
    np.testing.assert_array_equal(backend.numpy(two), vector)


@pytest.mark.parametrize(("ndim", "shape"), [(1, (2, 2)), (1, (0,)), (2, (3,)), (2, (2, 3))])
def test_arrays_of_another_rank_are_refused(backend, ndim, shape):
    with pytest.raises(ValueError, match=r"^x: expected shape \(P"):
        read_array(backend.ops, backend.array(np.ones(shape)), ndim, "x")


def test_values_that_are_refused(backend):
    if not backend.reads_values:
        return
    with pytest.raises(ValueError, match=r"^v: expected positive precisions, got 0.0 at 1; add"):
        read_vector(backend.array([1.0, 0.0, -1.0]), "v")
    with pytest.raises(ValueError, match=r"^s: expected a positive precision, got -1.0"):
        read_scalar(backend.array(-1.0), "s")
    with pytest.raises(ValueError, match=r"^b: a value of shape \(2,\) is not finite"):
        read_stacks(a=backend.array([1.0]), b=backend.array([1.0, np.nan]))


def test_stacks_of_two_dtypes_are_refused(backend):
    with pytest.raises(TypeError, match=r"expected one dtype: a is .*float32, b is .*float64"):
        read_stacks(a=backend.array([1.0], "float32"), b=backend.array([1.0], "float64"))

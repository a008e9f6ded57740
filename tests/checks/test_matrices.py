"""What is no covariance or precision is refused, by the elements or the eigenvalue that say so."""

from __future__ import annotations

import re

import numpy as np
import pytest

import infoq
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

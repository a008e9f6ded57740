"""Precisions in every structure against their matrices."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests.structures import cases
from tests.structures.cases import PRECISIONS, P

CLOSE = {"rtol": 1e-11, "atol": 1e-12}
VECTORS = np.random.default_rng(3).normal(size=(2, 3, P))
each = pytest.mark.parametrize("name", PRECISIONS)


def like(backend):
    return backend.array(np.zeros(P))


def number(backend, x):
    """A Python float from a 0-d array or a float."""
    return float(x) if isinstance(x, float) else float(backend.numpy(x))


def same(backend, precision, matrix):
    """Whether a precision has this matrix, and solves by it."""
    np.testing.assert_allclose(backend.numpy(precision.matrix(P, like(backend))), matrix, **CLOSE)
    solved = backend.numpy(precision.solve(backend.array(VECTORS)))
    np.testing.assert_allclose(solved, np.linalg.solve(matrix, VECTORS[..., None])[..., 0], **CLOSE)


@each
def test_solves_and_is_its_matrix(backend, name):
    precision, matrix = PRECISIONS[name].make(backend), PRECISIONS[name].matrix
    same(backend, precision, matrix)
    assert precision.num_parameters == (None if name in ("number", "scalar") else P)
    diagonal = backend.numpy(precision.diagonal(like(backend)))
    np.testing.assert_allclose(np.broadcast_to(diagonal, P), np.diag(matrix), **CLOSE)
    logdet = number(backend, precision.logdet(P))
    np.testing.assert_allclose(logdet, np.linalg.slogdet(matrix)[1], **CLOSE)
    if precision.num_parameters is not None:
        assert number(backend, precision.logdet()) == logdet


@each
def test_one_vector(backend, name):
    solved = PRECISIONS[name].make(backend).solve(backend.array(VECTORS[0, 0]))
    expected = np.linalg.solve(PRECISIONS[name].matrix, VECTORS[0, 0])
    np.testing.assert_allclose(backend.numpy(solved), expected, **CLOSE)


@each
def test_outcomes_enter_and_leave(backend, name):
    precision, matrix = PRECISIONS[name].make(backend), PRECISIONS[name].matrix
    rows = cases.MORE[:2]
    more = precision.update(backend.array(rows))
    same(backend, more, matrix + rows.T @ rows)
    same(backend, more.downdate(backend.array(rows)), matrix)
    twice = more.update(backend.array(VECTORS[0, :1]))
    same(backend, twice, matrix + rows.T @ rows + VECTORS[0, :1].T @ VECTORS[0, :1])
    # Out of order.
    less = twice.downdate(backend.array(rows))
    same(backend, less, matrix + VECTORS[0, :1].T @ VECTORS[0, :1])


@each
def test_every_sum(backend, name):
    one = PRECISIONS[name]
    for other in cases.some(backend, PRECISIONS, list(PRECISIONS).index(name) + 3):
        two = PRECISIONS[other]
        same(backend, one.make(backend) + two.make(backend), one.matrix + two.matrix)


@each
def test_a_number_adds_to_every_kind_and_keeps_its_structure(backend, name):
    precision = PRECISIONS[name].make(backend)
    total = precision + infoq.ScalarPrecision(2.0)
    same(backend, total, PRECISIONS[name].matrix + 2 * np.eye(P))
    if name != "covariance":
        assert type(total) is type(precision)


def test_numbers_add_up_as_numbers():
    total = infoq.ScalarPrecision(2.0) + infoq.ScalarPrecision(0.25)
    assert repr(total) == "ScalarPrecision(2.25)"
    with pytest.raises(TypeError, match="unsupported operand"):
        total + 1.0


def test_low_rank_stays_low_rank(backend):
    low = PRECISIONS["low rank"].make(backend)
    for total in (
        low.update(backend.array(cases.MORE[:2])),
        low + low,
        low + infoq.ScalarPrecision(1.0),
    ):
        assert isinstance(total, infoq.LowRankPrecision)
        assert isinstance(total.base, infoq.DiagonalPrecision)
    assert low.update(backend.array(cases.MORE[:2])).rows.shape == (5, P)
    # Of as many rows as parameters, none is fewer.
    assert isinstance(low.update(backend.array(cases.MORE)), infoq.DensePrecision)


@each
def test_deviations_have_the_covariance(backend, name):
    # Deviations are linear in the numbers: those of the identity are a root of the covariance.
    precision = PRECISIONS[name].make(backend)
    size = precision.num_noise(P)
    root = backend.numpy(precision.colour(backend.array(np.eye(size))))
    assert root.shape == (size, P)
    np.testing.assert_allclose(root.T @ root, np.linalg.inv(PRECISIONS[name].matrix), **CLOSE)
    noise = np.random.default_rng(0).normal(size=(3, size))
    linear = backend.numpy(precision.colour(backend.array(noise)))
    np.testing.assert_allclose(linear, noise @ root, **CLOSE)


REPR = {
    "number": "ScalarPrecision(0.7)",
    "diagonal": "DiagonalPrecision(P=6)",
    "dense": "DensePrecision(P=6)",
    "kronecker": "KroneckerPrecision(C=3, D=2)",
    "low rank": "LowRankPrecision(DiagonalPrecision(P=6), Q=3)",
    "low rank, less": "LowRankPrecision(DiagonalPrecision(P=6), Q=3, sign=-1)",
    "covariance": "CovariancePrecision(P=6)",
}


@pytest.mark.parametrize("name", REPR)
def test_says_what_it_is(backend, name):
    assert repr(PRECISIONS[name].make(backend)) == REPR[name]


def test_of_a_0_d_array(backend):
    assert repr(PRECISIONS["scalar"].make(backend)).startswith("ScalarPrecision(")
    assert PRECISIONS["number"].make(backend).ops is None
    for name in ("scalar", "dense", "low rank"):
        assert PRECISIONS[name].make(backend).ops is backend.ops


def test_what_becomes_a_precision(backend):
    embedding = infoq.DenseEmbedding(backend.array(cases.ROWS))
    for given, kind in (
        (2, infoq.ScalarPrecision),
        (np.float32(2), infoq.ScalarPrecision),
        (backend.array(np.array(2.0)), infoq.ScalarPrecision),
        (backend.array(np.full(P, 2.0)), infoq.DiagonalPrecision),
        (backend.array(2 * np.eye(P)), infoq.DensePrecision),
    ):
        pool = infoq.Gaussian(embedding, given)
        assert type(pool.precision) is kind
        expected = cases.gain(2 * np.eye(P), cases.of_rows(cases.ROWS))
        np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), expected, **CLOSE)


def test_singular_covariance_tells_as_much_as_any(backend):
    root = np.random.default_rng(1).normal(size=(P, 2))
    covariance = root @ root.T
    precision = infoq.predictives.CovariancePrecision(backend.array(covariance))
    solved = backend.numpy(precision.solve(backend.array(VECTORS)))
    np.testing.assert_allclose(solved, VECTORS @ covariance, **CLOSE)
    low = precision.update(backend.array(cases.MORE))
    expected = covariance - covariance @ cases.MORE.T @ np.linalg.solve(
        np.eye(3) + cases.MORE @ covariance @ cases.MORE.T, cases.MORE @ covariance
    )
    np.testing.assert_allclose(
        backend.numpy(low.solve(backend.array(VECTORS))), VECTORS @ expected, **CLOSE
    )


@pytest.mark.of_libraries("jax")
def test_a_trace_leaves_nothing_behind_in_a_precision():
    jax = pytest.importorskip("jax")
    precision = infoq.DensePrecision(jax.numpy.asarray([[2.0, 1.0], [1.0, 2.0]]))
    rows = jax.numpy.asarray([[1.0, 0.0], [0.0, 3.0]])

    def score(x):
        return infoq.eig(infoq.Gaussian(x, precision))

    traced = np.array(jax.jit(score)(rows))
    np.testing.assert_allclose(np.array(score(rows)), traced, rtol=1e-6)

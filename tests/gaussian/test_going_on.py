"""A posterior that is gone on with grows no further than P, and is what all data at once give."""

from __future__ import annotations

import numpy as np
import pytest

import infoq

SIZE = 6


def rows(count, seed, each=2):
    return np.random.default_rng(seed).normal(size=(count, each, SIZE))


def total(prior, *known):
    return prior + sum(e.T @ e for e in np.concatenate(known))


PRIORS = {
    "scalar": lambda b: (infoq.ScalarPrecision(0.5), 0.5 * np.eye(SIZE)),
    "diagonal": lambda b: (
        infoq.DiagonalPrecision(b.array(np.linspace(0.5, 1, SIZE))),
        np.diag(np.linspace(0.5, 1, SIZE)),
    ),
    "kronecker": lambda b: (
        infoq.KroneckerPrecision(b.array(np.eye(2)), b.array(np.diag([1.0, 2.0, 3.0])), 0.5),
        np.kron(np.eye(2), np.diag([1.0, 2.0, 3.0])) + 0.5 * np.eye(SIZE),
    ),
    "covariance": lambda b: (
        infoq.CovariancePrecision(b.array(2 * np.eye(SIZE))),
        np.eye(SIZE) / 2,
    ),
}


def size_of(precision):
    """How many rows are kept, and whether a matrix is."""
    return precision.kept_rows, isinstance(precision, infoq.DensePrecision)


@pytest.mark.parametrize("name", PRIORS)
def test_rows_are_kept_until_they_are_as_many_as_parameters(backend, name):
    prior, matrix = PRIORS[name](backend)
    data = rows(9, 1)
    pool = infoq.Gaussian(backend.array(data), prior)
    known, updated = prior, prior
    for i in range(len(data)):
        known = pool.observe(known, i)
        updated = updated.update(backend.array(data[i]))
        few = 2 * (i + 1)
        if name == "covariance":
            expected = (min(few, SIZE), False)
        else:
            expected = (few, False) if few < SIZE else (0, True)
            # A matrix takes rows of its own again, until they are as many.
            expected = expected if few <= SIZE else size_of(known)
        assert size_of(known) == expected
        assert known.kept_rows <= SIZE
        assert updated.kept_rows <= SIZE
        wanted = total(matrix, data[: i + 1])
        like = backend.array(np.zeros(1))
        for one in (known, updated):
            found = backend.numpy(one.matrix(SIZE, like))
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_many_labels_one_at_a_time(backend):
    count = 300 if backend.name == "numpy" else 20
    data = np.random.default_rng(2).normal(size=(count, 1, SIZE))
    pool = infoq.Gaussian(backend.array(data), 0.1)
    known = pool.context()
    for i in range(count):
        known = pool.observe(known, i)
        assert known.kept_rows < SIZE
    left = np.linalg.inv(total(0.1 * np.eye(SIZE), data))
    expected = np.log1p(np.einsum("nrp,pq,nrq->n", data, left, data)) / 2
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool, given=known)), expected, rtol=1e-9)


def test_what_is_taken_back_is_no_more_either(backend):
    data = rows(4, 3)
    pool = infoq.Gaussian(backend.array(data), 1.0)
    known = pool.context()
    for _ in range(5):
        for i in range(3):
            known = pool.observe(known, i)
        for i in range(2):
            known = pool.forget(known, i)
        known = pool.forget(known, 2)
        assert known.kept_rows <= 2 * SIZE
    expected = np.linalg.slogdet(np.eye(2) + data @ data.swapaxes(1, 2))[1] / 2
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool, given=known)), expected, rtol=1e-8)


def test_a_matrix_that_rounding_leaves_indefinite_stays_rows(backend):
    """Labels in three of six directions, each worth 10^7 times the prior, in float32."""
    if not backend.reads_values:
        return  # a refusal is found out too late to take another way
    half = np.random.default_rng(4).normal(size=(40, 1, 3)) @ np.eye(3, SIZE)
    data = half.astype(np.float32)
    pool = infoq.Gaussian(backend.array(data), 1e-7)
    known = pool.context()
    for i in range(12):
        known = pool.observe(known, i)
        assert known.kept_rows <= SIZE
    exact = data.astype(np.float64)[:, 0, :3]
    left = np.linalg.inv(1e-7 * np.eye(3) + exact[:12].T @ exact[:12])
    expected = np.log1p(np.einsum("np,pq,nq->n", exact, left, exact)) / 2
    found = backend.numpy(infoq.eig(pool, given=known))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def last_layer(backend, part):
    rng = np.random.default_rng(5)
    features, logits = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
    softmax = infoq.likelihoods.Softmax(logits=backend.array(logits[part]))
    return infoq.LastLayerEmbedding(backend.array(features[part]), softmax)


def test_kronecker_factors_are_those_of_all_outcomes(backend):
    first, more, everything = (slice(0, 4), slice(4, 7), slice(0, 7))
    known = infoq.laplace(last_layer(backend, first), 0.5, structure="kronecker")
    on = infoq.laplace(last_layer(backend, more), known, structure="kronecker")
    at_once = infoq.laplace(last_layer(backend, everything), 0.5, structure="kronecker")
    like = backend.array(np.zeros(1))
    found, expected = (backend.numpy(x.matrix(12, like)) for x in (on, at_once))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    shifted = infoq.laplace(
        last_layer(backend, more), known + infoq.ScalarPrecision(0.25), structure="kronecker"
    )
    found = backend.numpy(shifted.matrix(12, like))
    np.testing.assert_allclose(found, expected + 0.25 * np.eye(12), rtol=1e-10, atol=1e-12)


def test_outcomes_after_kronecker_factors_are_exact(backend):
    known = infoq.laplace(last_layer(backend, slice(0, 4)), 0.5, structure="kronecker")
    like = backend.array(np.zeros(1))
    matrix = backend.numpy(known.matrix(12, like))
    pool = infoq.Gaussian(last_layer(backend, slice(4, 7)), known)
    rows = backend.numpy(pool.embedding.dense())
    for i in range(3):
        known, matrix = pool.observe(known, i), matrix + rows[i].T @ rows[i]
        found = backend.numpy(known.matrix(12, like))
        np.testing.assert_allclose(found, matrix, rtol=1e-10, atol=1e-12)
        left = rows @ np.linalg.inv(matrix) @ rows.swapaxes(1, 2)
        expected = np.linalg.slogdet(np.eye(rows.shape[1]) + left)[1] / 2
        np.testing.assert_allclose(backend.numpy(infoq.eig(pool, given=known)), expected, rtol=1e-9)


def test_factors_of_unknown_outcomes_are_not_gone_on_with(backend):
    made = infoq.KroneckerPrecision(backend.array(np.eye(3)), backend.array(np.eye(4)), 1.0)
    with pytest.raises(
        TypeError, match="scalar prior precision, got KroneckerPrecision; what laplace"
    ):
        infoq.laplace(last_layer(backend, slice(0, 2)), made, structure="kronecker")

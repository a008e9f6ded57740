"""Determinants and traces of one outcome's information, on every backend (CATALOGUE 1 to 7, 26)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import each, gram, trace, whitened

RELATIVE, ROUNDING = 1e-10, 1e-11


def close(actual, expected, scale=1.0):
    """Equal to 1e-10, or to rounding of numbers of a given scale."""
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ROUNDING * scale)


def both(backend, problem) -> tuple[np.ndarray, np.ndarray]:
    """`log det(I + X)` and `tr X` of each candidate, by infoq."""
    pool = problem.pool(backend)
    logdet, total = (infoq.eig(pool, approximation=how) for how in ("logdet", "trace"))
    return 2 * backend.numpy(logdet), 2 * backend.numpy(total)


def eigenvalues(problem) -> np.ndarray:
    """The eigenvalues of F P^-1 of each candidate, [N, P]; rounding below zero taken off."""
    spectra = [np.linalg.eigvalsh(whitened(problem.precision, gram(e))) for e in problem.rows]
    return np.maximum(spectra, 0)


@given(problem=oracles.problems())
def test_01_determinant_lemma(backend, problem):
    p = problem.precision
    large = each(lambda f: oracles.logdet(np.eye(len(p)) + np.linalg.solve(p, f)), problem.rows)
    close(both(backend, problem)[0], large)
    prior = problem.prior.made(backend)
    for rows, expected in zip(problem.rows, large, strict=True):
        small = infoq.similarity_matrix(backend.array(rows), precision=prior)
        assert tuple(small.shape) == (len(rows), len(rows))
        close(backend.numpy(infoq.logdet(small, ridge=1.0)), expected)


@given(problem=oracles.problems())
def test_02_is_the_sum_over_whitened_eigenvalues(backend, problem):
    spectra = eigenvalues(problem)
    logdet, total = both(backend, problem)
    close(logdet, np.log1p(spectra).sum(-1))
    close(total, spectra.sum(-1), scale=1 + total.max())


@given(problem=oracles.problems())
def test_03_the_trace_bounds_the_logdet_on_both_sides(backend, problem):
    logdet, t = both(backend, problem)
    rank = min(problem.rows.shape[1:])
    slack = ROUNDING * (1 + t)
    assert np.all(np.log1p(t) <= logdet + slack)
    assert np.all(logdet <= rank * np.log1p(t / rank) + slack)
    assert np.all(rank * np.log1p(t / rank) <= t + slack)


@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.1, 1.0, 10.0]))
def test_03_each_bound_is_attained(backend, seed, scale):
    rng = np.random.default_rng(seed)
    prior = oracles.Prior("dense", (oracles.spread(rng, 3),))
    # X = scale I, and a single row.
    even = np.sqrt(scale) * np.linalg.cholesky(prior.matrix).T[None]
    logdet, t = both(backend, oracles.Problem(even, even, prior))
    close(logdet, 3 * np.log1p(t / 3))
    one = scale * rng.normal(size=(1, 1, 3))
    logdet, t = both(backend, oracles.Problem(one, one, prior))
    close(logdet, np.log1p(t))


@given(problem=oracles.problems())
def test_04_logdet_is_at_least_the_trace_of_the_explained_share(backend, problem):
    spectra = eigenvalues(problem)
    logdet, t = both(backend, problem)
    share = (spectra / (1 + spectra)).sum(-1)
    assert np.all(logdet >= share - ROUNDING)
    # Tight where little is told: the gap is between the sum of l^2 / (2 (1 + l)^2) and of l^2 / 2.
    gap = logdet - share
    assert np.all(gap <= (spectra**2).sum(-1) / 2 + ROUNDING * (1 + t))
    assert np.all(gap >= ((spectra / (1 + spectra)) ** 2).sum(-1) / 2 - ROUNDING)


@given(problem=oracles.problems())
def test_05_the_trace_exceeds_the_logdet_by_at_most_half_the_squares(backend, problem):
    spectra = eigenvalues(problem)
    logdet, t = both(backend, problem)
    slack = ROUNDING * (1 + t)
    squares, cubes = (spectra**2).sum(-1), (spectra**3).sum(-1)
    assert np.all(t - logdet <= squares / 2 + slack)
    assert np.all(t - logdet >= squares / 2 - cubes / 3 - slack)


@given(problem=oracles.problems(shapes=((3, 1, 2, 1, 3),)))
def test_06_rank_one(backend, problem):
    p = problem.precision
    t = np.array([row[0] @ np.linalg.solve(p, row[0]) for row in problem.rows])
    logdet, total = both(backend, problem)
    close(total, t, scale=1 + t.max())
    close(logdet, np.log1p(t))
    # So both rank alike.
    assert np.all(np.diff(logdet[np.argsort(total)]) >= -ROUNDING)
    assert np.all(np.diff(total[np.argsort(logdet)]) >= -ROUNDING * (1 + t.max()))


@given(problem=oracles.problems(), variance=st.sampled_from([0.1, 1.0, 4.0]))
def test_07_linear_gaussian_eig_is_the_entropy_less_the_noise(backend, problem, variance):
    weights = problem.rows
    covariance = weights @ np.linalg.inv(problem.precision) @ weights.transpose(0, 2, 1)
    covariance = (covariance + covariance.transpose(0, 2, 1)) / 2
    noise = variance * np.broadcast_to(np.eye(weights.shape[1]), covariance.shape)
    entropy = backend.call(infoq.gaussian_entropy, covariance + noise)
    given_w = backend.call(infoq.gaussian_entropy, noise.copy())
    rows = infoq.fisher_embedding(backend.array(weights), infoq.likelihoods.Normal(variance))
    pool = infoq.Gaussian(rows, problem.prior.made(backend))
    close(backend.numpy(infoq.eig(pool)), entropy - given_w)
    close(backend.numpy(pool.entropy()), entropy)


@given(problem=oracles.problems(), variance=st.sampled_from([0.1, 4.0]))
def test_07_is_the_mutual_information_of_outcome_and_parameters(backend, problem, variance):
    size = problem.rows.shape[1]
    sigma = np.linalg.inv(problem.precision)
    sigma = (sigma + sigma.T) / 2
    for weights in problem.rows:
        cross = weights @ sigma
        own = cross @ weights.T + variance * np.eye(size)
        cov = np.block([[(own + own.T) / 2, cross], [cross.T, sigma]])
        expected = backend.call(infoq.gaussian_mutual_information, cov, split=size)
        rows = backend.array(weights[None] / np.sqrt(variance))
        pool = infoq.Gaussian(rows, problem.prior.made(backend))
        np.testing.assert_allclose(
            backend.numpy(infoq.eig(pool))[0], expected, rtol=1e-9, atol=1e-10
        )


@given(problem=oracles.problems(kinds=("scalar",)))
def test_26_the_diagonal_lies_between_logdet_and_trace(backend, problem):
    logdet, t = both(backend, problem)
    diagonal = each(np.diag, problem.rows)
    pool = infoq.Gaussian(
        infoq.DiagonalEmbedding(backend.array(diagonal)), problem.prior.made(backend)
    )
    between = 2 * backend.numpy(infoq.eig(pool))
    close(between, np.log1p(diagonal / problem.precision[0, 0]).sum(-1))
    slack = ROUNDING * (1 + t)
    assert np.all(logdet <= between + slack)
    assert np.all(between <= t + slack)
    own = 2 * backend.numpy(infoq.eig(pool, approximation="trace"))
    close(own, t, scale=1 + t.max())
    close(t, 2 * each(lambda f: trace(problem.precision, f), problem.rows), scale=1 + t.max())

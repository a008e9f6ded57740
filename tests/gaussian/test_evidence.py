"""The evidence of labelled data, and the prior precision that maximises it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import infoq
from tests.structures import cases
from tests.structures.cases import EMBEDDINGS, PRECISIONS, P

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, P))
NOISE = 0.3
Y = X @ RNG.normal(size=P) + np.sqrt(NOISE) * RNG.normal(size=8)
MEAN = RNG.normal(size=P)


def number(backend, x):
    return float(x) if isinstance(x, float) else float(backend.numpy(x))


@pytest.mark.parametrize("known", ["number", "scalar", "diagonal", "dense", "low rank"])
@pytest.mark.parametrize("structure", ["dense", "low_rank"])
def test_is_exact_for_linear_regression(backend, known, structure):
    prior = PRECISIONS[known].matrix
    posterior = prior + X.T @ X / NOISE
    mean = np.linalg.solve(posterior, X.T @ Y / NOISE)
    fit = stats.norm.logpdf(Y, X @ mean, np.sqrt(NOISE)).sum()
    covariance = X @ np.linalg.inv(prior) @ X.T + NOISE * np.eye(8)
    exact = stats.multivariate_normal.logpdf(Y, np.zeros(8), covariance)
    likelihood = infoq.likelihoods.Normal(NOISE)
    data = infoq.LastLayerEmbedding(backend.array(X), likelihood)
    before = PRECISIONS[known].make(backend)
    after = infoq.laplace(data, before, structure=structure)
    evidence = infoq.marginal_likelihood(float(fit), backend.array(mean), before, after)
    np.testing.assert_allclose(number(backend, evidence), exact, rtol=1e-11)


@pytest.mark.parametrize("structure", ["dense", "low_rank", "diagonal", "kronecker"])
def test_the_prior_precision_is_the_maximum(backend, structure):
    data, mean = EMBEDDINGS["softmax"].make(backend), backend.array(MEAN)
    best = infoq.optimise_prior_precision(data, mean, structure=structure)
    assert isinstance(best.value, float)
    grid = best.value * np.array([0.5, 0.99, 1.0, 1.01, 2.0])
    values = []
    for value in cases.some(backend, grid, 2) if backend.name == "jax" else grid:
        prior = infoq.ScalarPrecision(float(value))
        posterior = infoq.laplace(data, prior, structure=structure)
        values.append(number(backend, infoq.marginal_likelihood(-1.0, mean, prior, posterior)))
    assert len(values) == 1 or np.argmax(values) == 2
    total = EMBEDDINGS["softmax"].fisher.sum(0)
    if structure in ("dense", "low_rank"):
        spectrum = np.linalg.eigvalsh(total)
        slope = np.sum(spectrum / (best.value * (best.value + spectrum))) - MEAN @ MEAN
        np.testing.assert_allclose(slope, 0, atol=1e-9)


def test_dense_and_low_rank_agree(backend):
    data, mean = EMBEDDINGS["dense"].make(backend)[:2], backend.array(MEAN)
    one, two = (
        infoq.optimise_prior_precision(data, mean, structure=structure).value
        for structure in ("dense", "low_rank")
    )
    np.testing.assert_allclose(one, two, rtol=1e-10)
    # Natural structures.
    assert infoq.optimise_prior_precision(data, mean).value == two


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_any_scale(backend, scale):
    data = infoq.DenseEmbedding(backend.array(np.sqrt(scale) * np.eye(2)))
    best = infoq.optimise_prior_precision(data, backend.array(np.ones(2) / np.sqrt(scale)))
    np.testing.assert_allclose(best.value, scale * (np.sqrt(5) - 1) / 2, rtol=1e-12)


def test_no_maximum(backend):
    data = infoq.DenseEmbedding(backend.array(np.eye(2)))
    with pytest.raises(ValueError, match="squared norm 0 and the data 2 directions: the evidence"):
        infoq.optimise_prior_precision(data, backend.array(np.zeros(2)))
    nothing = infoq.DenseEmbedding(backend.array(np.zeros((2, 2))))
    with pytest.raises(ValueError, match=r"data 0 directions.*choose a prior precision"):
        infoq.optimise_prior_precision(nothing, backend.array(np.ones(2)))


def test_wrong_means(backend):
    data = EMBEDDINGS["softmax"].make(backend)
    prior, posterior = infoq.ScalarPrecision(1.0), infoq.laplace(data, 1.0)
    for bad in (np.zeros(5), np.zeros((1, P)), np.zeros(())):
        with pytest.raises(ValueError, match=r"mean: expected shape \(6,\), got"):
            infoq.optimise_prior_precision(data, backend.array(bad))
        with pytest.raises(ValueError, match=r"mean: expected shape \(6,\), got"):
            infoq.marginal_likelihood(0.0, backend.array(bad), prior, posterior)
    other = infoq.DiagonalPrecision(backend.array(np.ones(5)))
    with pytest.raises(ValueError, match="prior_precision: expected P=6, got 5"):
        infoq.marginal_likelihood(0.0, backend.array(MEAN), other, posterior)
    with pytest.raises(ValueError, match="structure: expected one of"):
        infoq.optimise_prior_precision(data, backend.array(MEAN), structure="full")

"""The entropy of outcomes: of normal ones with their noise, and of no others."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from tests.structures import cases

RNG = np.random.default_rng(11)


def of_normal(covariance):
    """1/2 log det(2 pi e S) of covariances [N, C, C]."""
    return np.linalg.slogdet(2 * np.pi * np.e * covariance)[1] / 2


@pytest.mark.parametrize("noise", [0.01, 1.0, 100.0, "each"])
def test_regression_is_the_entropy_of_its_outcome(backend, noise):
    """Noisier outcomes have the larger entropy, in every way that says how much noise there is."""
    features, slopes = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2, 3))
    variance = RNG.random((4, 2)) + 0.3 if noise == "each" else np.full((4, 2), noise)
    given = backend.array(variance) if noise == "each" else noise
    expected = of_normal(cases.diagonals(variance) + slopes @ slopes.swapaxes(1, 2) / 0.4)
    embedding = infoq.fisher_embedding(backend.array(slopes), likelihoods.Normal(given))
    actual = backend.numpy(infoq.Gaussian(embedding, 0.4).entropy())
    np.testing.assert_allclose(actual, expected, rtol=1e-10)

    one = variance[:, :1]
    normal = likelihoods.Normal(backend.array(one))
    layer = infoq.LastLayerEmbedding(backend.array(features), normal)
    total = (features**2).sum(axis=1) / 0.4 + one[:, 0]
    actual = backend.numpy(infoq.Gaussian(layer, 0.4).entropy())
    np.testing.assert_allclose(actual, of_normal(total[:, None, None]), rtol=1e-10)

    covariance = features @ features.T / 0.4 + 1e-9 * np.eye(4)
    level = backend.array(one[:, 0]) if noise == "each" else noise
    process = infoq.Gaussian.from_covariance(backend.array(covariance), level)
    np.testing.assert_allclose(backend.numpy(process.entropy()), actual, rtol=1e-6)


def test_ranks_regressions_by_their_noise(backend):
    covariance = backend.array(np.eye(3))
    noise = backend.array(np.array([0.01, 1.0, 100.0]))
    entropy = backend.numpy(infoq.Gaussian.from_covariance(covariance, noise).entropy())
    np.testing.assert_allclose(entropy, np.log(2 * np.pi * np.e * np.array([1.01, 2, 101])) / 2)
    picked = infoq.methods.entropy(infoq.Gaussian.from_covariance(covariance, noise), 3)
    assert backend.numpy(picked.indices).tolist() == [2, 1, 0]


def test_a_jacobian_knows_its_noise(backend):
    slopes = RNG.normal(size=(4, 2, 3))

    def linearise(x):
        return x[..., 0], x

    embedding = infoq.JacobianEmbedding(
        backend.array(slopes), linearise, lambda z: likelihoods.Normal(0.3)
    )
    expected = of_normal(0.3 * np.eye(2) + slopes @ slopes.swapaxes(1, 2))
    actual = backend.numpy(infoq.Gaussian(embedding, 1.0).entropy())
    np.testing.assert_allclose(actual, expected, rtol=1e-10)


@pytest.mark.parametrize(
    "likelihood",
    [
        lambda z: likelihoods.Softmax(logits=z),
        lambda z: likelihoods.Bernoulli(logits=z),
        lambda z: likelihoods.Poisson(log_rate=z),
    ],
)
def test_classes_and_counts_are_refused(backend, likelihood):
    features, logits = backend.array(cases.PHI), backend.array(cases.Z)
    jacobian = backend.array(cases.JACOBIAN)
    outcomes = likelihood(logits)
    embeddings = [
        infoq.LastLayerEmbedding(features, outcomes),
        infoq.fisher_embedding(jacobian, outcomes),
        infoq.JacobianEmbedding(jacobian, lambda x: (x[..., 0], x), likelihood),
    ]
    for embedding in embeddings:
        pool = infoq.Gaussian(embedding, 1.0)
        with pytest.raises(
            TypeError, match=r"sample\(draws\)\.entropy\(\), or Categorical\.entropy"
        ):
            pool.entropy()
        with pytest.raises(TypeError, match="not normal"):
            infoq.methods.entropy(pool, 2)


def test_gradients_at_labels_are_refused(backend):
    softmax = likelihoods.Softmax(logits=backend.array(cases.Z))
    gradients = infoq.gradient_embedding(backend.array(cases.PHI), softmax)
    with pytest.raises(TypeError, match="gradients at labels"):
        infoq.Gaussian(gradients, 1.0).entropy()

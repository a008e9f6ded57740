"""Observed and expected information, and models with or without a canonical link (CATALOGUE 40)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

import infoq
from tests import oracles
from tests.oracles_gaussian import gain, gram, hessian

ROUNDING = 1e-11
# Of finite differences, relative to the largest entry.
DIFFERENCES = 1e-6
D, C = 2, 3
seeds = st.integers(0, 2**32 - 1)


class Family:
    """A likelihood: infoq's from outputs [N, C], -log p(y | z), and some labels."""

    def __init__(self, make, loss, labels):
        self.make, self.loss, self.labels = make, loss, labels


FAMILIES = {
    "normal": Family(
        lambda z: infoq.likelihoods.Normal(0.5),
        lambda z, y: np.sum((y - z) ** 2) / (2 * 0.5),
        [np.zeros(C), np.array([1.0, -2.0, 3.0])],
    ),
    "softmax": Family(
        lambda z: infoq.likelihoods.Softmax(logits=z),
        lambda z, y: special.logsumexp(z) - z[y],
        [0, 1, 2],
    ),
    "bernoulli": Family(
        lambda z: infoq.likelihoods.Bernoulli(logits=z),
        lambda z, y: np.sum(np.logaddexp(0, z) - y * z),
        [np.array([0, 0, 1]), np.array([1, 0, 1])],
    ),
    "poisson": Family(
        lambda z: infoq.likelihoods.Poisson(log_rate=z),
        lambda z, y: np.sum(np.exp(z) - y * z),
        [np.array([0, 2, 5]), np.array([1, 0, 3])],
    ),
}
families = pytest.mark.parametrize("family", FAMILIES)


def fisher(backend, embedding) -> np.ndarray:
    """The Fisher information of the only candidate."""
    return gram(backend.numpy(embedding.dense()))


def near(actual, expected):
    """Equal up to finite differences."""
    atol = DIFFERENCES * max(1.0, np.max(np.abs(expected)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


@families
@given(seed=seeds)
def test_40_in_a_glm_observed_is_expected_for_every_label_at_every_weight(backend, family, seed):
    rng, family = np.random.default_rng(seed), FAMILIES[family]
    x, w = rng.normal(size=D), rng.normal(size=C * D)

    def logits(w):
        return w.reshape(C, D) @ x

    jacobian = np.kron(np.eye(C), x)[None]
    likelihood = family.make(backend.array(logits(w)[None]))
    expected = fisher(backend, infoq.fisher_embedding(backend.array(jacobian), likelihood))
    for label in family.labels:
        near(hessian(lambda w, y=label: family.loss(logits(w), y), w), expected)
    if family is not FAMILIES["normal"]:
        # Lambda (x) x x^T, parameters counted class by class.
        layer = infoq.LastLayerEmbedding(backend.array(x[None]), likelihood)
        np.testing.assert_allclose(fisher(backend, layer), expected, rtol=0, atol=1e-11)


@given(seed=seeds)
def test_40_the_gauss_newton_of_a_network_is_the_mean_observed_information(backend, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=D), rng.normal(size=D + C)

    def logits(w):
        return w[D:] * np.tanh(w[:D] @ x)

    hidden = np.tanh(w[:D] @ x)
    jacobian = np.concatenate([np.outer(w[D:] * (1 - hidden**2), x), hidden * np.eye(C)], axis=1)
    z = logits(w)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(z[None]))
    expected = fisher(backend, infoq.fisher_embedding(backend.array(jacobian[None]), softmax))
    observed = [
        hessian(lambda w, y=y: special.logsumexp(logits(w)) - logits(w)[y], w) for y in range(C)
    ]
    probs = oracles.softmax(z)
    near(np.einsum("y,yij->ij", probs, np.stack(observed)), expected)


def test_40_a_networks_observed_information_depends_on_the_label_and_need_not_be_positive(backend):
    # One logit w_1 w_2 x: the observed information has the residual off its diagonal.
    w, x = np.array([0.1, 0.1]), 1.0
    one, zero = (
        hessian(lambda w, y=y: np.logaddexp(0, w[0] * w[1] * x) - y * w[0] * w[1] * x, w)
        for y in (1, 0)
    )
    assert np.max(np.abs(one - zero)) > 0.5
    assert np.linalg.eigvalsh(one)[0] < -0.4
    if backend.reads_values:
        with pytest.raises(ValueError, match="not positive semi-definite"):
            infoq.likelihoods.Curvature(backend.array((one + one.T)[None]))


def probit(z: float) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of y = 0 and 1, and the observed information in z of each."""
    probs = np.array([stats.norm.cdf(-z), stats.norm.cdf(z)])
    ratio = stats.norm.pdf(z) / probs
    return probs, np.array([ratio[0] * (ratio[0] - z), ratio[1] * (ratio[1] + z)])


@given(z=st.floats(-2, 2))
def test_40_fails_for_probit_where_the_fisher_information_is_an_upper_bound(backend, z):
    probs, observed = probit(z)
    for y, sign in enumerate((-1, 1)):
        differences = hessian(lambda z, s=sign: -stats.norm.logcdf(s * z[0]), np.array([z]))
        near(differences[0, 0], observed[y])
    expected = probs @ observed
    fisher = stats.norm.pdf(z) ** 2 / (probs[0] * probs[1])
    np.testing.assert_allclose(expected, fisher, rtol=1e-10)
    # Observed is not expected, but for one z; the mean over labels of the information gain is
    # at most the gain by the Fisher information (Jensen).
    assert abs(z) < 1e-3 or abs(observed[1] - observed[0]) > 1e-4 * abs(z)
    curvatures = np.concatenate([observed, [fisher]])[:, None, None]
    rows = infoq.fisher_embedding(
        backend.array(np.full((3, 1, 1), 3.0)),
        infoq.likelihoods.Curvature(backend.array(curvatures)),
    )
    gains = backend.numpy(infoq.ig(infoq.Gaussian(rows, 2.0), measure="entropy"))
    np.testing.assert_allclose(gains, np.log1p(9 * curvatures[:, 0, 0] / 2) / 2, rtol=1e-10)
    assert probs @ gains[:2] <= gains[2] + ROUNDING


def test_40_probit_is_far_from_equal_at_one(backend):
    probs, observed = probit(1.0)
    assert observed[0] / observed[1] > 2
    rows = infoq.fisher_embedding(
        backend.array(np.ones((3, 1, 1))),
        infoq.likelihoods.Curvature(
            backend.array(np.array([*observed, probs @ observed])[:, None, None])
        ),
    )
    gains = backend.numpy(infoq.ig(infoq.Gaussian(rows, 0.1), measure="entropy"))
    assert gains[2] - probs @ gains[:2] > 0.01


@families
@given(seed=seeds)
def test_labels_give_no_advantage_in_a_glm(backend, family, seed):
    rng, family = np.random.default_rng(seed), FAMILIES[family]
    x, targets, z = rng.normal(size=(3, C, 4)), rng.normal(size=(2, C, 4)), rng.normal(size=(3, C))
    expected = infoq.fisher_embedding(backend.array(x), family.make(backend.array(z)))
    curvatures = np.stack(
        [
            hessian(lambda z, y=y: family.loss(z, y), at)
            for at, y in zip(z, (family.labels * 2)[:3], strict=True)
        ]
    )
    observed = infoq.fisher_embedding(
        backend.array(x), infoq.likelihoods.Curvature(backend.array(_positive(curvatures)))
    )
    about = infoq.DenseEmbedding(backend.array(targets))
    pairs = [
        (
            infoq.ig(infoq.Gaussian(observed, 0.5), measure="entropy"),
            infoq.eig(infoq.Gaussian(expected, 0.5)),
        ),
        (
            infoq.pig(infoq.Gaussian(observed, 0.5), about),
            infoq.epig(infoq.Gaussian(expected, 0.5), about),
        ),
        (
            infoq.jpig(infoq.Gaussian(observed, 0.5), about),
            infoq.jepig(infoq.Gaussian(expected, 0.5), about),
        ),
    ]
    for labelled, unlabelled in pairs:
        np.testing.assert_allclose(
            backend.numpy(labelled), backend.numpy(unlabelled), rtol=1e-5, atol=1e-6
        )


def _positive(matrices: np.ndarray) -> np.ndarray:
    """Without what finite differences leave below zero."""
    values, vectors = np.linalg.eigh((matrices + matrices.transpose(0, 2, 1)) / 2)
    assert np.all(values > -1e-6 * values.max())
    return (vectors * values.clip(0)[:, None, :]) @ vectors.transpose(0, 2, 1)


def test_the_likelihood_alone_may_be_singular(backend):
    # One outcome says nothing of most parameters: only its sum with the prior is inverted.
    rows = np.array([[[1.0, 2.0, 0.0]]])
    assert np.linalg.matrix_rank(gram(rows)) == 1
    posterior = infoq.laplace(infoq.DenseEmbedding(backend.array(rows)), 0.5)
    gains = infoq.eig(infoq.Gaussian(backend.array(np.eye(3)[:, None, :]), posterior))
    matrix = 0.5 * np.eye(3) + gram(rows)
    expected = [gain(matrix, np.outer(e, e)) for e in np.eye(3)]
    np.testing.assert_allclose(backend.numpy(gains), expected, rtol=1e-10)
    np.testing.assert_allclose(expected[2], math.log(3) / 2, rtol=1e-10)

"""Many classes: sums over rows take the curvature, and never its factor of C x (C - 1) numbers."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.gaussian.laplace import kronecker_factors
from tests import oracles
from tests.structures.cases import softmax_curvature

RNG = np.random.default_rng(3)


def layer(backend, features, logits, dtype="float32"):
    softmax = likelihoods.Softmax(logits=backend.array(logits, dtype=dtype))
    return infoq.LastLayerEmbedding(backend.array(features, dtype=dtype), softmax)


@pytest.fixture
def no_factor(monkeypatch):
    """A factor would be 4 GB for each candidate of 32,000 classes."""

    def formed(self, ops, shape, like):
        raise AssertionError(f"a factor of shape {shape} is formed")

    def formed_for_labels(self, ops, labels, shape, like):
        raise AssertionError(f"a factor of shape {shape} is formed")

    monkeypatch.setattr(likelihoods.Softmax, "factor", formed)
    monkeypatch.setattr(likelihoods.Softmax, "scores", formed_for_labels)


def own_variance(probs):
    """`pi (1 - pi)` by the sum of the others: [N, C]."""
    others = np.stack([np.delete(probs, c, axis=1).sum(axis=1) for c in range(probs.shape[1])], 1)
    return probs * others


@pytest.mark.usefixtures("no_factor")
def test_32_000_classes(backend):
    classes, features = 32_000, RNG.normal(size=(3, 2)).astype("float32")
    logits = 3 * RNG.normal(size=(3, classes)).astype("float32")
    embedding = layer(backend, features, logits)
    probs = oracles.softmax(logits.astype("float64"))
    variance, squares = probs * (1 - probs), features.astype("float64") ** 2
    diagonal = 0.5 + np.einsum("nc,nd->cd", variance, squares).reshape(-1)

    posterior = infoq.laplace(embedding, 0.5, structure="diagonal")
    like = backend.array(features)
    np.testing.assert_allclose(backend.numpy(posterior.diagonal(like)), diagonal, rtol=2e-5)
    norms = variance.sum(axis=1) * squares.sum(axis=1)
    scores = infoq.eig(infoq.Gaussian(embedding, 0.5), approximation="trace")
    np.testing.assert_allclose(backend.numpy(scores), norms, rtol=2e-5)
    # Under the diagonal posterior, each parameter counts by its own variance.
    weighed = np.einsum("nc,nd,cd->n", variance, squares, 1 / diagonal.reshape(classes, 2)) / 2
    pool = infoq.Gaussian(embedding, posterior)
    scores = infoq.eig(pool, approximation="trace")
    np.testing.assert_allclose(backend.numpy(scores), weighed, rtol=2e-5)
    picked = infoq.methods.egl(embedding, 3)
    assert backend.numpy(picked.indices).tolist() == np.argsort(-norms).tolist()
    np.testing.assert_allclose(backend.numpy(picked.gains), np.sort(norms)[::-1], rtol=2e-5)
    batch = infoq.greedy(infoq.EIG(pool, approximation="trace"), 2)
    np.testing.assert_allclose(float(batch.value), np.sort(weighed)[1:].sum(), rtol=2e-5)


@pytest.mark.usefixtures("no_factor")
@pytest.mark.parametrize("structure", ["last layer", "fisher", "jacobian"])
def test_first_order_of_labels_of_32_000_classes(backend, structure):
    classes, features = 32_000, RNG.normal(size=(3, 2)).astype("float32")
    logits = RNG.normal(size=(3, classes)).astype("float32")
    labels = np.array([5, 0, classes - 1])
    residual = oracles.softmax(logits.astype("float64"))
    residual[np.arange(3), labels] -= 1
    # Of two parameters, or of two for each class.
    jacobian = logits[:, :, None] * features[:, None, :]
    gradients = np.einsum("nc,ncp->np", residual, jacobian.astype("float64"))
    if structure == "last layer":
        embedding = layer(backend, features, logits)
        gradients = np.einsum("nc,nd->ncd", residual, features.astype("float64")).reshape(3, -1)
    elif structure == "fisher":
        softmax = likelihoods.Softmax(logits=backend.array(logits))
        embedding = infoq.fisher_embedding(backend.array(jacobian), softmax)
    else:

        def linearise(inputs):
            z, x = inputs[:, :classes], inputs[:, classes:]
            return z, z[:, :, None] * x[:, None, :]

        both = backend.array(np.concatenate([logits, features], axis=1))
        embedding = infoq.JacobianEmbedding(
            both, linearise, lambda z: likelihoods.Softmax(logits=z)
        )
    # Sums over 32,000 classes in float32, in which large terms cancel.
    pool, labels = infoq.Gaussian(embedding, 0.5), backend.array(labels)
    scores = backend.numpy(infoq.ig(pool, labels, approximation="trace"))
    np.testing.assert_allclose(scores, np.sum(gradients**2, axis=1), rtol=1e-4)
    about = infoq.IG(pool, labels, approximation="trace")
    state = about.add(about.add(about.start(), 2), 0)
    together = gradients[[0, 2]].sum(axis=0)
    np.testing.assert_allclose(float(about.value(state)), np.sum(together**2), rtol=1e-4)
    gains = np.sum((gradients + together) ** 2, axis=1) - np.sum(together**2)
    size = np.abs(gains).max()
    np.testing.assert_allclose(
        backend.numpy(about.gains(state)), gains, rtol=1e-4, atol=1e-4 * size
    )


@pytest.mark.usefixtures("no_factor")
def test_kronecker_factors_of_many_classes(backend):
    classes, features = 500, RNG.normal(size=(5, 2))
    logits = 2 * RNG.normal(size=(5, classes))
    embedding = layer(backend, features, logits, "float64")
    weights = RNG.random(5)
    left, right = kronecker_factors(embedding, backend.array(weights))
    curvature = softmax_curvature(oracles.softmax(logits))
    expected = np.einsum("n,ncd->cd", weights, curvature)
    np.testing.assert_allclose(backend.numpy(left), expected, rtol=1e-9, atol=1e-15)
    expected = np.einsum("n,nc,nd->cd", weights, features, features)
    np.testing.assert_allclose(backend.numpy(right), expected, rtol=1e-10)


@pytest.mark.usefixtures("no_factor")
def test_traces_under_a_kronecker_posterior_need_no_factor(backend):
    classes, features = 40, RNG.normal(size=(5, 2))
    logits = np.concatenate([2 * RNG.normal(size=(4, classes)), np.eye(classes)[:1] * 12])
    embedding = layer(backend, features, logits, "float64")
    posterior = infoq.laplace(embedding, 0.1, structure="kronecker")
    scores = infoq.eig(infoq.Gaussian(embedding, posterior), approximation="trace")
    curvature = softmax_curvature(oracles.softmax(logits))
    matrix = np.kron(curvature.mean(axis=0), features.T @ features)
    inverse = np.linalg.inv(matrix + 0.1 * np.eye(len(matrix)))
    inverse = inverse.reshape(classes, 2, classes, 2)
    expected = np.einsum("nce,nd,nf,cdef->n", curvature, features, features, inverse) / 2
    np.testing.assert_allclose(backend.numpy(scores), expected, rtol=1e-8)


@pytest.mark.parametrize("gap", [0.0, 5.0, 20.0, 40.0])
def test_single_precision_of_confident_classes(backend, gap):
    """Where one class has nearly all, what is left of the curvature is as small as the others."""
    classes = 30
    logits = RNG.normal(size=(4, classes)).astype("float32")
    logits[:, 3] += gap
    features = RNG.normal(size=(4, 3)).astype("float32")
    embedding = layer(backend, features, logits)
    probs = oracles.softmax(logits.astype("float64"))
    own = own_variance(probs)
    diagonal = np.einsum("nc,nd->cd", own, features.astype("float64") ** 2).reshape(-1)
    actual = infoq.laplace(embedding, 1e-30, structure="diagonal").diagonal(backend.array(features))
    np.testing.assert_allclose(backend.numpy(actual), diagonal, rtol=3e-5)
    # Of vectors whose entry at the large class is that of no other.
    vectors = RNG.normal(size=(classes, 6)).astype("float32")
    ops = backend.ops
    here = ops.fetch(backend.array(logits))
    local = infoq.backends.ops_for(here)
    actual = likelihoods.Softmax(logits=here).squares(
        local, ops.fetch(backend.array(vectors)), (4, classes), here
    )
    centre = vectors.astype("float64") - vectors[3].astype("float64")
    mean = probs @ centre
    expected = np.einsum("nc,ncj->nj", probs, (centre[None] - mean[:, None, :]) ** 2)
    np.testing.assert_allclose(np.array(local.to_host(actual)), expected, rtol=3e-4)


def test_jacobians_of_many_classes(backend, monkeypatch):
    """Rows are of as many parameters as there are, and the Fisher information needs no factor."""
    classes, size = 60, 4
    jacobian = RNG.normal(size=(3, classes, size))
    logits = RNG.normal(size=(3, classes))
    softmax = likelihoods.Softmax(logits=backend.array(logits))
    embedding = infoq.fisher_embedding(backend.array(jacobian), softmax)

    def formed(self, ops, shape, like):
        raise AssertionError(f"a factor of shape {shape} is formed")

    monkeypatch.setattr(likelihoods.Softmax, "factor", formed)
    curvature = softmax_curvature(oracles.softmax(logits))
    fisher = np.einsum("ncp,nce,neq->npq", jacobian, curvature, jacobian)
    like = backend.array(np.zeros(1))
    for structure in ("dense", "diagonal"):
        total = 0.3 * np.eye(size) + fisher.sum(axis=0)
        if structure == "diagonal":
            total = np.diag(np.diag(total))
        posterior = infoq.laplace(embedding, 0.3, structure=structure)
        np.testing.assert_allclose(backend.numpy(posterior.matrix(size, like)), total, atol=1e-10)
        scores = infoq.eig(infoq.Gaussian(embedding, posterior), approximation="trace")
        expected = np.trace(fisher @ np.linalg.inv(total), axis1=1, axis2=2) / 2
        np.testing.assert_allclose(backend.numpy(scores), expected, rtol=1e-10)

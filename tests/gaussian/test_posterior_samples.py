"""`Gaussian.sample`: prediction space from the posterior of weight space."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.gaussian.predictive import Gaussian
from tests.structures import cases
from tests.structures.cases import EMBEDDINGS, PRECISIONS, C, N, P

DRAWS = 4000


@pytest.mark.parametrize("known", ["number", "dense", "kronecker", "low rank", "covariance"])
@pytest.mark.parametrize("name", ["softmax", "softmax, bias", "fisher"])
def test_moments_of_the_logits(backend, name, known):
    if backend.name in ("jax", "dask", "array_api_strict") and name != "softmax":
        pytest.skip("long, and the same")
    draws = DRAWS if backend.name != "array_api_strict" else 1000
    pool = Gaussian(EMBEDDINGS[name].make(backend), PRECISIONS[known].make(backend))
    sampled = pool.sample(draws, seed=3)
    assert (sampled.num_candidates, sampled.num_draws, sampled.num_classes) == (N, draws, C)
    probs = backend.numpy(sampled.probs)
    found = np.log(probs[:, :, 1:] / probs[:, :, :1])
    jacobian = {
        "softmax": np.einsum("ab,nd->nabd", np.eye(C), cases.PHI).reshape(N, C, P),
        "softmax, bias": np.einsum(
            "ab,nd->nabd", np.eye(C), cases.with_bias(cases.PHI[:, :1])
        ).reshape(N, C, P),
        "fisher": cases.JACOBIAN,
    }[name]
    slope = jacobian[:, 1:] - jacobian[:, :1]
    covariance = slope @ np.linalg.inv(PRECISIONS[known].matrix) @ slope.swapaxes(1, 2)
    mean = cases.Z[:, 1:] - cases.Z[:, :1]
    sizes = np.sqrt(np.einsum("naa->na", covariance))
    # Five standard errors of a mean and of a covariance.
    error = 5 / np.sqrt(draws)
    assert np.all(np.abs(found.mean(1) - mean) < error * sizes)
    centred = found - found.mean(1, keepdims=True)
    actual = np.einsum("nka,nkb->nab", centred, centred) / draws
    allowed = np.sqrt(2) * error * sizes[:, :, None] * sizes[:, None, :]
    assert np.all(np.abs(actual - covariance) < allowed)


def test_one_draw_is_one_model_for_candidates_and_targets(backend):
    precision = PRECISIONS["dense"].make(backend)
    pool = Gaussian(EMBEDDINGS["softmax"].make(backend), precision)
    probs = backend.numpy(pool.sample(7, seed=1).probs)
    targets = Gaussian(EMBEDDINGS["softmax"].make(backend)[2:], precision)
    np.testing.assert_allclose(
        backend.numpy(targets.sample(7, seed=1).probs), probs[2:], rtol=1e-12
    )
    assert np.all(backend.numpy(pool.sample(7, seed=2).probs) != probs)
    infoq.epig(pool.sample(7), targets.sample(7))


def test_yes_and_no(backend):
    z = cases.Z[:, 0]
    bernoulli = likelihoods.Bernoulli(logits=backend.array(z))
    features = backend.array(cases.PHI)
    one = Gaussian(infoq.LastLayerEmbedding(features, bernoulli), 1e12).sample(3)
    jacobian = backend.array(cases.PHI[:, None, :])
    two = Gaussian(infoq.fisher_embedding(jacobian, bernoulli), 1e12).sample(3)
    expected = np.stack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))], axis=-1)
    for sampled in (one, two):
        assert (sampled.num_draws, sampled.num_classes) == (3, 2)
        probs = backend.numpy(sampled.probs)
        np.testing.assert_allclose(probs, np.repeat(expected[:, None], 3, 1), atol=1e-5)
    loose = Gaussian(infoq.LastLayerEmbedding(features, bernoulli), 1.0)
    other = Gaussian(infoq.fisher_embedding(jacobian, bernoulli), 1.0)
    np.testing.assert_allclose(
        backend.numpy(loose.sample(5).probs), backend.numpy(other.sample(5).probs), rtol=1e-12
    )


def test_variance_of_yes_and_no(backend):
    draws = 1000 if backend.name == "array_api_strict" else DRAWS
    bernoulli = likelihoods.Bernoulli(logits=backend.array(cases.Z[:, 0]))
    layer = infoq.LastLayerEmbedding(backend.array(cases.PHI), bernoulli)
    probs = backend.numpy(Gaussian(layer, 2.0).sample(draws, seed=1).probs)
    spread = np.var(np.log(probs[:, :, 1] / probs[:, :, 0]), axis=1)
    expected = np.sum(cases.PHI**2, axis=1) / 2.0
    np.testing.assert_allclose(spread, expected, rtol=5 * np.sqrt(2 / draws))


def test_a_jacobian_by_blocks_draws_as_one_in_full(backend):
    rng = np.random.default_rng(2)
    x, directions = rng.normal(size=(70, 2)), rng.normal(size=(C, 3, 2))
    weights = rng.normal(size=3)
    jacobian = np.einsum("cpd,nd->ncp", directions, x)
    maps = np.ascontiguousarray(directions.reshape(-1, 2).T)

    def linearise(some):
        ops = infoq.backends.ops_for(some)
        xp, device = ops.xp, ops.device(some)
        full = xp.reshape(some @ xp.asarray(maps, device=device), (some.shape[0], C, 3))
        return full @ xp.asarray(weights, device=device), full

    blocks = infoq.JacobianEmbedding(
        backend.array(x), linearise, lambda z: likelihoods.Softmax(logits=z)
    )
    logits = likelihoods.Softmax(logits=backend.array(jacobian @ weights))
    full = infoq.fisher_embedding(backend.array(jacobian), logits)
    one, two = (backend.numpy(Gaussian(e, 2.0).sample(3, seed=1).probs) for e in (blocks, full))
    np.testing.assert_allclose(one, two, rtol=1e-10)


def test_bald_of_samples_approaches_the_eig_where_the_posterior_is_narrow(backend):
    draws = 1000 if backend.name == "array_api_strict" else DRAWS
    pool = Gaussian(EMBEDDINGS["softmax"].make(backend), 2000.0)
    eig = backend.numpy(infoq.eig(pool))
    bald = backend.numpy(infoq.bald(pool.sample(draws, seed=0)))
    # A variance of two directions from so many draws: five standard errors, and the curvature.
    np.testing.assert_allclose(bald, eig, rtol=5 * np.sqrt(2 / draws) + 0.01)
    np.testing.assert_array_equal(np.argsort(bald), np.argsort(eig))


def test_dtype_and_generator(backend):
    single = infoq.LastLayerEmbedding(
        backend.array(cases.PHI, "float32"),
        likelihoods.Softmax(logits=backend.array(cases.Z, "float32")),
    )
    probs = backend.numpy(Gaussian(single, 1.0).sample(2).probs)
    assert probs.dtype == np.float32
    with pytest.raises(TypeError, match="seed: expected an integer"):
        Gaussian(single, 1.0).sample(2, seed="one")

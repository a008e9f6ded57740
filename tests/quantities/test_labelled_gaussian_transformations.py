"""Gradients and tracing of what labels tell in weight space."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods

RNG = np.random.default_rng(0)
FEATURES, LOGITS = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 3))
LABELS, VALUES = np.array([0, 2, 1, 1]), np.linspace(0.5, 1.5, 6)


def _pool(x, z, values):
    layer = infoq.LastLayerEmbedding(x, likelihoods.Softmax(logits=z))
    return infoq.Gaussian(layer, infoq.DiagonalPrecision(values * values))


QUANTITIES = {
    "ig": lambda pool, labels: infoq.ig(pool, labels),
    "ig, trace": lambda pool, labels: infoq.ig(pool, labels, approximation="trace"),
    "pig": lambda pool, labels: infoq.pig(pool, pool.embedding[2:], labels, labels[2:]),
    "jpig": lambda pool, labels: infoq.jpig(pool, pool.embedding[2:], labels, labels[2:]),
    "jpig, many": lambda pool, labels: infoq.jpig(pool, pool.embedding, labels, labels),
}
names = pytest.mark.parametrize("name", QUANTITIES)


@pytest.mark.of_libraries("torch")
@names
def test_torch_gradcheck(name):
    torch = pytest.importorskip("torch")
    inputs = tuple(torch.tensor(x, requires_grad=True) for x in (FEATURES, LOGITS, VALUES))
    labels = torch.tensor(LABELS)

    def score(*arrays):
        return QUANTITIES[name](_pool(*arrays), labels)

    assert torch.autograd.gradcheck(score, inputs)


@pytest.mark.of_libraries("jax")
@names
def test_jax_jit_and_gradients(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    arrays = [jax.numpy.asarray(x) for x in (FEATURES, LOGITS, VALUES)]
    labels = jax.numpy.asarray(LABELS)

    def score(*arrays):
        return QUANTITIES[name](_pool(*arrays), labels)

    expected = QUANTITIES[name](_pool(FEATURES, LOGITS, VALUES), LABELS)
    np.testing.assert_allclose(np.array(jax.jit(score)(*arrays)), expected, rtol=1e-9, atol=1e-12)
    slopes = jax.jit(jax.grad(lambda *x: score(*x).sum(), argnums=(0, 1, 2)))(*arrays)
    step = 1e-6
    for place, slope in enumerate(slopes):
        moved = [x.copy() for x in (FEATURES, LOGITS, VALUES)]
        at = (0,) * moved[place].ndim
        values = []
        for sign in (1, -1):
            moved[place][at] += sign * step
            values.append(QUANTITIES[name](_pool(*moved), LABELS).sum())
            moved[place][at] -= sign * step
        difference = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(np.array(slope)[at], difference, rtol=1e-5, atol=1e-7)


@pytest.mark.of_libraries("jax")
@names
def test_a_label_that_is_no_class_is_not_a_number_where_it_cannot_be_read(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    arrays = [jax.numpy.asarray(x) for x in (FEATURES, LOGITS, VALUES)]
    labels = jax.numpy.asarray(np.array([0, 7, 1, 1]))
    scores = jax.jit(lambda labels: QUANTITIES[name](_pool(*arrays), labels))(labels)
    assert np.isnan(np.array(scores)[1])


@pytest.mark.of_libraries("torch")
@pytest.mark.parametrize("kind", ["softmax", "bernoulli", "poisson", "normal"])
def test_torch_gradients_where_a_label_was_impossible(kind):
    torch = pytest.importorskip("torch")
    x = torch.tensor(FEATURES, requires_grad=True)
    certain = torch.tensor(np.array([[1.0, 0.0], [0.0, 1.0]] * 2))
    make = {
        "softmax": (likelihoods.Softmax(certain), LABELS % 2),
        "bernoulli": (likelihoods.Bernoulli(certain), np.zeros((4, 2))),
        "poisson": (likelihoods.Poisson(certain), np.ones((4, 2))),
        "normal": (likelihoods.Normal(1e-8, mean=certain), np.zeros((4, 2))),
    }
    likelihood, labels = make[kind]
    pool = infoq.Gaussian(infoq.LastLayerEmbedding(x, likelihood), 1.0)
    score = infoq.ig(pool, torch.tensor(labels))
    assert bool(torch.all(torch.isfinite(score)))
    score.sum().backward()
    assert bool(torch.all(torch.isfinite(x.grad)))

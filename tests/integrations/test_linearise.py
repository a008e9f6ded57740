"""Jacobians of networks: PyTorch and JAX against differences, last layers, and each other."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.backends import ops_for
from infoq.gaussian.predictive import Gaussian

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
HIDDEN, BIAS = RNG.normal(size=(4, 3)), RNG.normal(size=4)
LAST, LAST_BIAS = RNG.normal(size=(2, 4)), RNG.normal(size=2)
SIZES = (12, 4, 8, 2)


def network(weights, x):
    """Two layers of one input, of parameters in one vector, in NumPy."""
    a, b, c, d = np.split(weights, np.cumsum(SIZES)[:-1])
    return c.reshape(2, 4) @ np.tanh(a.reshape(4, 3) @ x + b) + d


WEIGHTS = np.concatenate([x.ravel() for x in (HIDDEN, BIAS, LAST, LAST_BIAS)])
OUTPUTS = np.stack([network(WEIGHTS, x) for x in X])
STEPS = 1e-6 * np.eye(len(WEIGHTS))
JACOBIAN = np.stack(
    [
        np.stack([(network(WEIGHTS + s, x) - network(WEIGHTS - s, x)) / 2e-6 for s in STEPS], -1)
        for x in X
    ]
)


def softmax(z):
    return likelihoods.Softmax(logits=z)


class Torch:
    def __init__(self):
        self.torch = pytest.importorskip("torch")
        from infoq.integrations.torch import linearise

        self.linearise = linearise
        nn = self.torch.nn
        self.module = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
        values = (HIDDEN, BIAS, LAST, LAST_BIAS)
        for p, value in zip(self.module.parameters(), values, strict=True):
            p.data = self.torch.tensor(value)

    def array(self, x):
        return self.torch.tensor(x)

    def whole(self, **keywords):
        return self.linearise(self.module.eval(), **keywords)

    def last(self):
        self.module[0].requires_grad_(False)
        return self.linearise(self.module)


class Jax:
    def __init__(self):
        self.jax = pytest.importorskip("jax")
        from infoq.integrations.jax import linearise

        self.jax.config.update("jax_enable_x64", True)
        self.linearise = linearise
        self.array = self.jax.numpy.asarray
        self.hidden = (self.array(HIDDEN), self.array(BIAS))
        self.head = (self.array(LAST), self.array(LAST_BIAS))

    def function(self, parameters, x):
        (a, b), (c, d) = parameters
        return c @ self.jax.numpy.tanh(a @ x + b) + d

    def whole(self):
        return self.linearise(self.function, (self.hidden, self.head))

    def last(self):
        hidden = self.hidden
        return self.linearise(lambda head, x: self.function((hidden, head), x), self.head)


@pytest.fixture(
    params=[
        pytest.param(kind, id=name, marks=pytest.mark.of_libraries(name))
        for kind, name in ((Torch, "torch"), (Jax, "jax"))
    ]
)
def library(request):
    return request.param()


def test_outputs_and_jacobian(library):
    outputs, jacobian = library.whole()(library.array(X))
    np.testing.assert_allclose(np.asarray(outputs), OUTPUTS, rtol=1e-12)
    assert jacobian.shape == (5, 2, 26)
    np.testing.assert_allclose(np.asarray(jacobian), JACOBIAN, atol=1e-8)


def test_block_by_block_as_the_whole_jacobian(library):
    inputs, linearise = library.array(X), library.whole()
    outputs, jacobian = linearise(inputs)
    blocks = infoq.JacobianEmbedding(inputs, linearise, softmax)
    full = infoq.fisher_embedding(np.asarray(jacobian), softmax(np.asarray(outputs)))
    assert (blocks.num_rows, blocks.num_parameters) == (full.num_rows, full.num_parameters)
    posterior = infoq.laplace(full, 1.0)
    with infoq.options(memory=1):
        score = infoq.eig(Gaussian(blocks, infoq.laplace(blocks, 1.0, structure="dense")))
    expected = infoq.eig(Gaussian(full, posterior))
    np.testing.assert_allclose(np.asarray(score), expected, rtol=1e-10)
    score = infoq.epig(Gaussian(blocks, 1.0), blocks[:2])
    expected = infoq.epig(Gaussian(full, 1.0), full[:2])
    np.testing.assert_allclose(np.asarray(score), expected, rtol=1e-10)


def test_only_the_last_layer(library):
    inputs = library.array(X)
    network = infoq.JacobianEmbedding(inputs, library.last(), softmax)
    assert network.num_parameters == 10
    features = library.array(np.tanh(X @ HIDDEN.T + BIAS))
    layer = infoq.LastLayerEmbedding(features, softmax(library.array(OUTPUTS)), bias=True)
    # Weights and then biases, where the last layer has a bias after the weights of each class.
    order = [0, 1, 2, 3, 8, 4, 5, 6, 7, 9]
    one, two = np.asarray(network.dense())[:, :, order], np.asarray(layer.dense())
    np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)
    scores = [infoq.eig(Gaussian(x, 0.5)) for x in (network, layer)]
    np.testing.assert_allclose(np.asarray(scores[0]), np.asarray(scores[1]), rtol=1e-11)


def test_both_libraries_agree():
    scores = []
    for library in (Torch(), Jax()):
        blocks = infoq.JacobianEmbedding(library.array(X), library.whole(), softmax)
        scores.append(np.asarray(infoq.jepig(Gaussian(blocks, 1.0), blocks[:3])))
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-10)


def test_parameters_are_read_at_every_call_and_not_changed():
    library = Torch()
    linearise, inputs = library.whole(chunk_size=2), library.array(X)
    outputs, jacobian = linearise(inputs)
    np.testing.assert_allclose(jacobian.numpy(), JACOBIAN, atol=1e-8)
    assert not jacobian.requires_grad
    assert all(p.grad is None and p.requires_grad for p in library.module.parameters())
    library.module[2].bias.data += 1
    np.testing.assert_allclose(linearise(inputs)[0].numpy(), outputs.numpy() + 1, rtol=1e-12)


def test_one_output(library):
    if isinstance(library, Torch):
        nn = library.torch.nn
        linear = nn.Sequential(nn.Linear(3, 1, bias=False), nn.Flatten(0)).double().eval()
        linearise = library.linearise(linear)
    else:
        linearise = library.linearise(lambda w, x: w @ x, library.array(np.ones(3)))
    outputs, jacobian = linearise(library.array(X))
    assert outputs.shape == (5, 1)
    np.testing.assert_allclose(np.asarray(jacobian), X[:, None, :], rtol=1e-12)
    embedding = infoq.JacobianEmbedding(
        library.array(X), linearise, lambda z: likelihoods.Normal(0.25)
    )
    expected = np.log1p(4 * np.sum(X**2, 1)) / 2
    np.testing.assert_allclose(np.asarray(infoq.eig(Gaussian(embedding))), expected, rtol=1e-11)


@pytest.mark.of_libraries("torch")
def test_training_mode():
    torch = pytest.importorskip("torch")
    from infoq.integrations.torch import linearise

    for part in (torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(3)):
        module = torch.nn.Sequential(torch.nn.Linear(3, 3), part)
        with pytest.raises(ValueError, match=r"module: is in training mode.*call module.eval\(\)"):
            linearise(module)
        module.eval()
        _, jacobian = linearise(module)(torch.ones(4, 3))
        assert bool(torch.all(torch.isfinite(jacobian)))
    linearise(torch.nn.Linear(3, 3))  # the same in either mode


@pytest.mark.of_libraries("torch")
def test_nothing_to_differentiate():
    torch = pytest.importorskip("torch")
    from infoq.integrations.torch import linearise

    with pytest.raises(ValueError, match="module: no parameter requires a gradient"):
        linearise(torch.nn.Linear(2, 2).requires_grad_(False))


def test_outputs_of_another_rank(library):
    if isinstance(library, Torch):
        nn = library.torch.nn
        module = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (2, 2))).double().eval()
        linearise, message = library.linearise(module), r"module: expected outputs \[n, C\]"
    else:
        linearise = library.linearise(lambda w, x: w * x[:, None], library.array(np.ones((3, 2))))
        message = r"function: expected outputs \[C\]"
    with pytest.raises(ValueError, match=message):
        linearise(library.array(X))


@pytest.mark.of_libraries("torch")
def test_what_a_jacobian_embedding_refuses():
    def likelihood(z):
        return likelihoods.Normal(1.0)

    with pytest.raises(ValueError, match="inputs: expected at least one candidate"):
        infoq.JacobianEmbedding(X[:0], lambda x: (x, x[:, :, None]), likelihood)
    with pytest.raises(
        ValueError, match=r"linearise: expected outputs .*got \(1, 3\) and \(1, 3\)"
    ):
        infoq.JacobianEmbedding(X, lambda x: (x, x), likelihood)
    torch = pytest.importorskip("torch")

    def other(x):
        return x, torch.tensor(np.asarray(x))[:, :, None]

    with pytest.raises(TypeError, match="linearise: expected a Jacobian of the library"):
        infoq.JacobianEmbedding(X, other, likelihood)


def network_of_jax(weights, x):
    import jax.numpy as jnp

    return jnp.tanh(weights @ x)


@pytest.mark.of_libraries("jax", "torch")
def test_what_is_linearised_is_pickled_with_what_it_is_of():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    from infoq.integrations.jax import linearise as of_jax
    from infoq.integrations.torch import linearise as of_torch

    def host(x):
        return ops_for(x).to_host(x)

    weights, inputs = jax.numpy.ones((2, 3)), jax.numpy.asarray(X)
    for made, x in (
        (of_torch(torch.nn.Linear(3, 2)), torch.tensor(X, dtype=torch.float32)),
        (of_jax(network_of_jax, weights), inputs),
    ):
        again = pickle.loads(pickle.dumps(made))
        for one, other in zip(made(x), again(x), strict=True):
            np.testing.assert_array_equal(host(one), host(other))

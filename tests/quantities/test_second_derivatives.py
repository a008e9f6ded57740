"""Jacobians forward and in reverse, and Hessians, of scores in both spaces."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests import oracles

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(3, 3, 2))
ROWS = RNG.normal(size=(3, 2, 3))
# Zeros and a one-hot row; a candidate that tells nothing, and one that says one thing twice.
EDGES = oracles.softmax(LOGITS)
EDGES[0, 1], EDGES[2, :, :] = (1.0, 0.0), EDGES[2, 0]
LOW = ROWS.copy()
LOW[0], LOW[1, 1] = 0.0, LOW[1, 0]


def of_draws(x):
    """Scores of logits, about the first two of them."""
    pool, targets = infoq.Categorical(logits=x), infoq.Categorical(logits=x[:2, ...])
    return infoq.eig(pool) + 2 * infoq.epig(pool, targets) + 3 * infoq.jepig(pool, targets)


def of_probabilities(x):
    """Scores of probabilities."""
    return infoq.eig(x) + 2 * infoq.epig(x, x[:2, ...]) + 3 * infoq.jepig(x, x[:2, ...])


def of_rows(x):
    """Scores of an embedding."""
    pool, targets = infoq.Gaussian(x, 0.5), infoq.DenseEmbedding(x[:2, ...])
    trace = infoq.epig(pool, targets, approximation="trace")
    return infoq.eig(pool) + 2 * infoq.epig(pool, targets) + 3 * infoq.jepig(pool, targets) + trace


# torch's own derivatives forward are made by what it deprecates.
pytestmark = [
    pytest.mark.of_libraries("torch", "jax"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
]


@pytest.fixture
def derivatives(backend):
    """`jacfwd`, `jacrev` and `hessian` of a library, compiled where that is quicker."""
    if backend.name == "jax":
        import jax

        return tuple(
            lambda f, transform=transform: jax.jit(transform(f))
            for transform in (jax.jacfwd, jax.jacrev, jax.hessian)
        )
    func = backend.module.func
    return func.jacfwd, func.jacrev, func.hessian


@pytest.mark.parametrize(
    ("function", "x"),
    [(of_draws, LOGITS), (of_probabilities, EDGES), (of_rows, ROWS), (of_rows, LOW)],
    ids=["draws", "draws at the edge", "rows", "rows of low rank"],
)
def test_forward_and_reverse_agree(backend, derivatives, function, x):
    forward, reverse, _ = derivatives
    one, other = (backend.numpy(way(function)(backend.array(x))) for way in (forward, reverse))
    assert np.isfinite(one).all()
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("function", "x"), [(of_draws, LOGITS), (of_rows, ROWS)], ids=["draws", "rows"]
)
def test_hessians_agree_with_differences(backend, derivatives, function, x):
    *_, hessian = derivatives
    found = backend.numpy(hessian(lambda x: function(x).sum())(backend.array(x)))
    found = found.reshape(x.size, x.size)
    np.testing.assert_allclose(found, found.T, rtol=1e-8, atol=1e-10)
    step = 1e-3
    for direction in np.random.default_rng(0).normal(size=(3, *x.shape)):
        values = [float(function(x + k * step * direction).sum()) for k in range(-2, 3)]
        expected = np.array([-1, 16, -30, 16, -1]) @ values / (12 * step**2)
        curvature = direction.ravel() @ found @ direction.ravel()
        np.testing.assert_allclose(curvature, expected, rtol=1e-5, atol=1e-6)

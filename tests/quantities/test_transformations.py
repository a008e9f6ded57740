"""Gradients and tracing: torch.autograd, torch.func, jax.grad, jax.jit, jax.vmap."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests import oracles

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(4, 3, 3))
TARGETS = RNG.normal(size=(2, 3, 3))
MASK = np.zeros((4, 3, 3))
MASK[1, :, 2] = MASK[2, 0, 0] = MASK[3, 1, :2] = -np.inf  # zeros, and a one-hot row


def quantities(pool, targets):
    """Every differentiable quantity of pool and targets, [S]-valued functions of Categoricals."""
    yield "eig", lambda p, t: infoq.eig(p)
    yield "entropy", lambda p, t: p.entropy()
    yield "epig", infoq.epig
    yield "gains", _gains_after_two


def _gains_after_two(pool, targets):
    function = infoq.EIG(pool)
    state = function.add(function.add(function.start(), 0), 3)
    return function.gains(state)


NAMES = ["eig", "entropy", "epig", "gains"]


def quantity(name):
    """The function of two Categoricals with this name."""
    return dict(quantities(None, None))[name]


def numeric_gradient(function, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences of a scalar function."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


def scalar(name: str, kind: str, mask: np.ndarray):
    """NumPy function of logits: a weighted sum of the scores, through probabilities or logits."""

    def value(logits: np.ndarray) -> float:
        values = logits + mask
        if kind == "probs":
            values = oracles.softmax(values)
        pool = infoq.Categorical(**{kind: values})
        targets = infoq.Categorical(
            **{kind: values[:2] if kind == "probs" else (logits + mask)[:2]}
        )
        return float(np.arange(1.0, 5.0) @ quantity(name)(pool, targets))

    return value


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", ["probs", "logits"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_agree_with_differences(backend, name, kind, masked):
    mask = MASK if masked else np.zeros_like(MASK)
    expected = numeric_gradient(scalar(name, kind, mask), LOGITS)
    if backend.name == "torch":
        actual = _torch_gradient(name, kind, mask)
    elif backend.name == "jax":
        actual = _jax_gradient(name, kind, mask)
    else:  # no gradients: the values that the differences are made of
        values = LOGITS + mask
        x = infoq.Categorical(logits=backend.array(values))
        np.testing.assert_allclose(
            backend.numpy(quantity(name)(x, infoq.Categorical(logits=backend.array(values[:2])))),
            quantity(name)(infoq.Categorical(logits=values), infoq.Categorical(logits=values[:2])),
            atol=1e-12,
        )
        return
    assert np.all(np.isfinite(actual))
    np.testing.assert_allclose(actual, expected, atol=2e-8)


def _torch_gradient(name: str, kind: str, mask: np.ndarray) -> np.ndarray:
    import torch

    logits = torch.tensor(LOGITS, requires_grad=True)
    values = logits + torch.from_numpy(mask)
    values = torch.softmax(values, -1) if kind == "probs" else values
    pool = infoq.Categorical(**{kind: values})
    score = quantity(name)(pool, infoq.Categorical(**{kind: values[:2]}))
    (score @ torch.arange(1.0, 5.0, dtype=torch.float64)).backward()
    return logits.grad.numpy()


def _jax_gradient(name: str, kind: str, mask: np.ndarray) -> np.ndarray:
    import jax

    def value(logits):
        values = logits + mask
        values = jax.nn.softmax(values, -1) if kind == "probs" else values
        pool = infoq.Categorical(**{kind: values})
        score = quantity(name)(pool, infoq.Categorical(**{kind: values[:2]}))
        return score @ jax.numpy.arange(1.0, 5.0)

    return np.array(jax.grad(value)(LOGITS))


@pytest.mark.of_libraries("torch")
def test_torch_gradcheck():
    torch = pytest.importorskip("torch")
    logits = torch.tensor(LOGITS, requires_grad=True)
    targets = torch.tensor(TARGETS, requires_grad=True)
    mask = torch.from_numpy(MASK)

    def probs(x):
        return torch.softmax(x, -1)

    assert torch.autograd.gradcheck(lambda x: infoq.eig(probs(x + mask)), (logits,))
    assert torch.autograd.gradcheck(
        lambda x: infoq.Categorical(logits=x + mask).entropy(), (logits,)
    )
    assert torch.autograd.gradcheck(
        lambda x, y: infoq.epig(probs(x + mask), probs(y)), (logits, targets)
    )
    assert torch.autograd.gradgradcheck(lambda x: infoq.eig(probs(x)), (logits,))


@pytest.mark.of_libraries("torch")
def test_gradients_at_exactly_zero_probabilities_are_finite():
    torch = pytest.importorskip("torch")
    probs = torch.tensor(oracles.softmax(LOGITS + MASK), requires_grad=True)
    (infoq.eig(probs).sum() + infoq.epig(probs, probs).sum()).backward()
    assert bool(torch.all(torch.isfinite(probs.grad)))


@pytest.mark.of_libraries("torch")
@pytest.mark.parametrize("name", NAMES)
def test_torch_func(name):
    torch = pytest.importorskip("torch")
    pool, targets = (torch.from_numpy(oracles.softmax(x)) for x in (LOGITS, TARGETS))

    def score(x, y):
        return quantity(name)(infoq.Categorical(x), infoq.Categorical(y))

    expected = score(pool, targets)
    stacked = torch.stack([pool, pool.flip(0)])
    mapped = torch.func.vmap(score, in_dims=(0, None))(stacked, targets)
    torch.testing.assert_close(mapped[0], expected, rtol=1e-12, atol=1e-14)
    jacobian = torch.func.jacrev(score)(pool, targets)
    assert jacobian.shape == (4, 4, 3, 3)
    assert bool(torch.all(torch.isfinite(jacobian)))


@pytest.mark.of_libraries("jax")
@pytest.mark.parametrize("name", NAMES)
def test_jax_jit_and_vmap(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    pool, targets = (jax.numpy.asarray(oracles.softmax(x)) for x in (LOGITS, TARGETS))

    def score(x, y):
        return quantity(name)(infoq.Categorical(x), infoq.Categorical(y))

    expected = np.array(score(pool, targets))
    np.testing.assert_allclose(np.array(jax.jit(score)(pool, targets)), expected, atol=1e-14)
    stacked = jax.numpy.stack([pool, pool[::-1]])
    mapped = jax.vmap(score, in_axes=(0, None))(stacked, targets)
    np.testing.assert_allclose(np.array(mapped[0]), expected, atol=1e-14)


@pytest.mark.of_libraries("jax")
def test_jax_jit_of_greedy():
    jax = pytest.importorskip("jax")
    pool = jax.numpy.asarray(oracles.softmax(LOGITS))

    def batch(x):
        return infoq.greedy(infoq.EIG(x, samples=20), 4)

    eager, traced = batch(pool), jax.jit(batch)(pool)
    np.testing.assert_array_equal(np.array(traced.indices), np.array(eager.indices))
    np.testing.assert_allclose(np.array(traced.gains), np.array(eager.gains), atol=1e-14)


@pytest.mark.of_libraries("dask")
def test_dask_computes_nothing_before_it_is_asked():
    da = pytest.importorskip("dask.array")
    calls = []

    def load(block_info=None):
        calls.append(block_info)
        return oracles.softmax(LOGITS[:2])

    pool = da.map_blocks(
        load, chunks=((2, 2), (3,), (3,)), dtype=np.float64, meta=np.ones((0, 0, 0))
    )
    scores = [infoq.eig(pool), infoq.epig(pool, pool), infoq.Categorical(pool).entropy()]
    assert not calls
    expected = infoq.eig(oracles.softmax(LOGITS[:2]))
    np.testing.assert_allclose(scores[0].compute(), np.tile(expected, 2), atol=1e-14)
    assert len(calls) == 2

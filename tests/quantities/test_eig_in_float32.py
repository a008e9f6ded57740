"""EIG of draws to 1e-5 of itself in float32, however many classes and draws there are."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests import oracles

# Relative errors that are allowed; float64 has as many digits more as its eps is smaller.
RELATIVE = {"float32": 1e-5, "float64": 1e-13}


def divergence(probs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean divergence of exactly these draws from their mean, in the longest dtype there is."""
    probs = probs.astype(np.longdouble)
    weights = np.ones(probs.shape[1]) if weights is None else weights
    weights = weights.astype(np.longdouble) / weights.astype(np.longdouble).sum()
    mean = np.einsum("k,nkc->nc", weights, probs)[:, None, :]
    r = (probs - mean) / np.where(mean > 0, mean, 1)
    near = np.abs(r) < 1e-4
    small = np.where(near, r, 0)
    series = small**2 * (0.5 - small / 6 + small**2 / 12 - small**3 / 20)
    far = np.where(near | (r <= -1), 0, r)
    direct = np.where(r <= -1, 1, (1 + far) * np.log1p(far) - far)
    return np.einsum("k,nkc->n", weights, mean * np.where(near, series, direct)).astype(float)


def draws(kind: str, n: int, k: int, c: int) -> np.ndarray:
    """Logits [n, k, c] of draws that agree nearly, and more and more of those that do not."""
    rng = np.random.default_rng([n, k, c])
    scale = np.geomspace(1e-3, 3, n)[:, None, None]
    shared, own = rng.standard_normal((n, 1, c)), rng.standard_normal((n, k, c))
    if kind == "vague":
        return 3 * shared + scale * own
    if kind == "uniform":
        return scale * own
    if kind == "confident":
        return 12 * shared + scale * own
    if kind == "one class":
        top = np.zeros((n, 1, c))
        top[..., 0] = np.log(c) + rng.uniform(2, 14, (n, 1))
        return top + scale * own
    if kind == "one dissents":
        return 2 * shared + scale * own * (np.arange(k) == 0)[:, None]
    assert kind == "two minds"
    return 2 * shared + scale * own[:, np.arange(k) * 2 // k]


def check(backend, probs: np.ndarray, weights: np.ndarray | None = None) -> None:
    pool = infoq.Categorical(
        backend.array(probs), weights=None if weights is None else backend.array(weights)
    )
    score = backend.numpy(infoq.eig(pool))
    assert score.dtype == probs.dtype
    expected = divergence(probs, weights)
    told = expected > 1e-7
    np.testing.assert_allclose(score[told], expected[told], rtol=RELATIVE[str(probs.dtype)])


KINDS = ["vague", "uniform", "confident", "one class", "one dissents", "two minds"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n", "k", "c"), [(60, 2, 2), (40, 50, 3), (30, 20, 10), (20, 1000, 2), (20, 100, 100)]
)
def test_few_classes(backend, dtype, kind, n, k, c):
    check(backend, oracles.softmax(draws(kind, n, k, c)).astype(dtype))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "k", "c"), [(4, 8, 10_000), (3, 2, 50_257), (3, 8, 50_257)])
def test_many_classes(backend, kind, n, k, c):
    check(backend, oracles.softmax(draws(kind, n, k, c)).astype("float32"))


@pytest.mark.parametrize(("n", "k", "c"), [(30, 7, 4), (10, 200, 5), (4, 8, 20_000)])
def test_weighted_draws(backend, n, k, c):
    weights = np.random.default_rng(k).random(k).astype("float32") ** 4
    weights[0] = 0
    check(backend, oracles.softmax(draws("vague", n, k, c)).astype("float32"), weights)


def test_a_vocabulary_on_which_draws_agree(backend):
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((5, 1, 50_257)) + 0.14 * rng.standard_normal((5, 8, 50_257))
    probs = oracles.softmax(logits).astype("float32")
    assert 0.006 < divergence(probs[:1])[0] < 0.01
    check(backend, probs)


def test_four_million_classes(backend):
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((1, 1, 4_000_000)) + rng.standard_normal((1, 2, 4_000_000))
    probs = oracles.softmax(logits).astype("float32")
    check(backend, probs)


def test_zeros_among_many_classes(backend):
    probs = oracles.softmax(draws("vague", 4, 6, 3000)).astype("float32")
    probs *= np.random.default_rng(2).random(probs.shape) < 0.7
    probs /= probs.sum(-1, keepdims=True)
    check(backend, probs)


@pytest.mark.parametrize("classes", [50_257, 4_000_000])
def test_a_row_of_many_classes_that_sums_to_one_is_not_refused(backend, classes):
    uniform = np.full((1, 1, classes), 1 / classes, "float32")
    score = backend.call(infoq.bald, uniform)
    assert score.dtype == "float32"
    assert score <= 1e-6
    entropy = backend.call(infoq.entropy, uniform[0])
    np.testing.assert_allclose(entropy, np.log(classes), rtol=1e-4)


@pytest.mark.of_libraries("numpy", "torch", "jax", "dask")
@pytest.mark.parametrize("classes", [50_257, 4_000_000])
def test_nor_is_one_of_float16_each_of_which_is_rounded(backend, classes):
    uniform = np.full((1, 1, classes), 1 / classes, "float16")
    assert backend.call(infoq.bald, uniform) <= 1e-6
    np.testing.assert_allclose(backend.call(infoq.entropy, uniform[0]), np.log(classes), rtol=0.1)


def test_a_row_of_many_classes_that_does_not_sum_to_one_is_refused(backend):
    if not backend.reads_values:
        return
    probs = np.full((1, 1, 50_257), 1.002 / 50_257, "float32")
    with pytest.raises(ValueError, match="sum to"):
        backend.call(infoq.bald, probs)


@pytest.mark.of_libraries("numpy", "torch", "jax")
def test_so_is_one_of_float16(backend):
    probs = np.full((1, 1, 50_257), 1.1 / 50_257, "float16")
    with pytest.raises(ValueError, match="sum to"):
        backend.call(infoq.bald, probs)

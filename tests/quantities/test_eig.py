"""EIG of single candidates: against brute force, published values, and hard inputs."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles


@given(probs=oracles.pools())
def test_agrees_with_entropies(backend, probs):
    np.testing.assert_allclose(backend.call(infoq.eig, probs), oracles.bald(probs), atol=1e-14)


@given(probs=oracles.pools(), seed=st.integers(0, 50))
def test_weighted_draws(backend, probs, seed):
    weights = oracles.draw_weights(probs.shape[1], seed)
    score = infoq.eig(infoq.Categorical(backend.array(probs), weights=backend.array(3 * weights)))
    np.testing.assert_allclose(backend.numpy(score), oracles.bald(probs, weights), atol=1e-14)


@given(probs=oracles.pools(), seed=st.integers(0, 50))
def test_given_outcomes(backend, probs, seed):
    rng = np.random.default_rng(seed)
    known = list(rng.integers(len(probs), size=2))
    pool = infoq.Categorical(backend.array(probs))
    given_outcomes = pool.context()
    for index in known:
        given_outcomes = pool.observe(given_outcomes, int(index))
    before = oracles.joint_eig(probs[known])
    expected = [oracles.joint_eig(probs[[*known, i]]) - before for i in range(len(probs))]
    actual = backend.numpy(infoq.eig(pool, given=given_outcomes))
    np.testing.assert_allclose(actual, expected, atol=1e-13)
    entropies = [oracles.joint_entropy(probs[[*known, i]]) for i in range(len(probs))]
    np.testing.assert_allclose(
        backend.numpy(pool.entropy(given_outcomes)),
        np.array(entropies) - oracles.joint_entropy(probs[known]),
        atol=1e-13,
    )


def test_published_values(backend):
    # scikit-activeml's test of average_kl_divergence (draws first).
    draws = np.array([[[0.3, 0.7], [0.4, 0.6]], [[0.2, 0.8], [0.5, 0.5]]])
    pool = infoq.Categorical(backend.array(draws), axes="KNC")
    np.testing.assert_allclose(backend.numpy(infoq.bald(pool)), [0.00670178, 0.00505939], atol=5e-9)
    # Pyro's finite spaces: prior weights .6 and .4.
    pool = infoq.Categorical(
        backend.array([[[0.75, 0.25], [0.25, 0.75]]]), weights=backend.array([0.6, 0.4])
    )
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), [0.12580366909478014], rtol=1e-14)
    # batchbald_redux's notebook.
    four = np.stack(
        [
            oracles.mix([0.7, 0.1, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2]),
            oracles.mix([0.1, 0.7, 0.1, 0.1], [0.2, 0.3, 0.3, 0.2]),
            oracles.mix([0.1, 0.1, 0.7, 0.1], [0.2, 0.2, 0.3, 0.3]),
            oracles.mix([0.1, 0.1, 0.1, 0.7], [0.3, 0.2, 0.2, 0.3]),
        ]
    )
    np.testing.assert_allclose(backend.call(infoq.bald, four), [0.030715640] * 4, atol=5e-10)
    predictive = infoq.Categorical(backend.array(four)).entropy()
    np.testing.assert_allclose(backend.numpy(predictive), [1.2376] * 4, atol=5e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_inputs_are_never_negative_or_nan(backend, dtype):
    rng = np.random.default_rng(0)
    one_hot = np.eye(4)[rng.integers(4, size=(5, 6))]
    agree = np.repeat(oracles.softmax(rng.normal(size=(5, 1, 4))), 6, axis=1)
    tiny = agree.copy()
    tiny[..., 0] = 1e-40
    tiny /= tiny.sum(-1, keepdims=True)
    pool = np.concatenate([one_hot, agree, tiny, np.eye(4)[np.zeros((1, 6), int)]]).astype(dtype)
    score = backend.call(infoq.bald, pool)
    assert score.dtype == dtype
    assert np.all(score >= 0)
    np.testing.assert_allclose(score[:5], oracles.bald(one_hot), rtol=1e-5)
    assert np.all(score[5:10] <= 1e-12)
    assert score[-1] <= 1e-30


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("disagreement", [1e-1, 1e-3, 1e-5, 1e-6])
def test_small_disagreement_keeps_its_digits(backend, dtype, tolerance, disagreement):
    rng = np.random.default_rng(1)
    mean = oracles.softmax(rng.normal(size=(20, 1, 5)))
    noise = rng.normal(size=(20, 8, 5))
    noise -= noise.mean(-1, keepdims=True)
    probs = (mean * 1.0 + disagreement * 0.05 * noise).astype(dtype)
    exact = [float(_mp_bald(p)) for p in probs]
    np.testing.assert_allclose(backend.call(infoq.bald, probs), exact, rtol=tolerance)


def _mp_bald(probs: np.ndarray) -> mpmath.mpf:
    """The mean divergence from the mean, of exactly these numbers, in 50 digits."""
    with mpmath.workdps(50):
        rows = [[mpmath.mpf(float(x)) for x in row] for row in probs]
        mean = [mpmath.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        terms = [x * mpmath.log(x / m) for row in rows for x, m in zip(row, mean, strict=True)]
        return mpmath.fsum(terms) / len(rows)


def test_one_of_everything(backend):
    np.testing.assert_array_equal(backend.call(infoq.bald, np.array([[[0.25, 0.75]]])), [0.0])
    certain = np.broadcast_to([1.0, 0.0], (3, 4, 2))
    np.testing.assert_array_equal(backend.call(infoq.bald, certain), [0.0] * 3)


def test_many_classes_and_few_draws(backend):
    probs = oracles.softmax(2 * np.random.default_rng(2).normal(size=(3, 2, 2000)))
    np.testing.assert_allclose(backend.call(infoq.bald, probs), oracles.bald(probs), rtol=1e-12)

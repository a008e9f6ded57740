"""JEPIG and batches about targets in prediction space, against enumerated joint entropies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles

ROUNDING = 1e-11


def shared(one: np.ndarray, two: np.ndarray) -> float:
    """I[Y_one; Y_two] of two batches, by enumeration."""
    both = np.concatenate([one, two])
    return oracles.joint_entropy(one) + oracles.joint_entropy(two) - oracles.joint_entropy(both)


@given(data=st.data(), k=st.sampled_from([1, 4]), m=st.sampled_from([1, 3]))
def test_34_jepig_is_the_joint_information_and_lies_between(backend, data, k, m):
    pool = data.draw(oracles.probabilities(4, k, 3))
    targets = data.draw(oracles.probabilities(m, k, 3))
    scores = backend.call(infoq.jepig, pool, targets)
    expected = [shared(pool[i : i + 1], targets) for i in range(len(pool))]
    np.testing.assert_allclose(scores, expected, atol=ROUNDING)
    epig, bald = backend.call(infoq.epig, pool, targets), backend.call(infoq.bald, pool)
    assert np.all(epig <= scores + ROUNDING)
    assert np.all(scores <= bald + ROUNDING)
    assert np.all(bald <= np.log(min(k, 3)) + ROUNDING)


@given(data=st.data(), k=st.sampled_from([4]))
def test_gains_about_targets_are_what_the_batch_leaves(backend, data, k):
    pool = data.draw(oracles.probabilities(4, k, 3))
    targets = data.draw(oracles.probabilities(2, k, 3))
    weights = np.array([0.75, 0.25])
    joint = infoq.JEPIG(backend.array(pool), backend.array(targets))
    mean = infoq.EPIG(
        backend.array(pool), backend.array(targets), target_weights=backend.array(weights)
    )

    def value_of(batch):
        each = [shared(pool[batch], targets[e : e + 1]) for e in range(2)] if batch else [0, 0]
        return shared(pool[batch], targets) if batch else 0.0, weights @ each

    batch: list[int] = []
    states = [joint.start(), mean.start()]
    for index in (2, 0):
        for which, function in enumerate((joint, mean)):
            gains = backend.numpy(function.gains(states[which]))
            expected = [value_of([*batch, i])[which] - value_of(batch)[which] for i in range(4)]
            np.testing.assert_allclose(gains, np.maximum(expected, 0), atol=ROUNDING)
            states[which] = function.add(states[which], index)
        batch.append(index)
    for which, function in enumerate((joint, mean)):
        value = float(function.value(states[which]))
        assert value == pytest.approx(value_of(batch)[which], abs=1e-10)
        removed = function.remove(states[which], 2)
        assert float(function.value(removed)) == pytest.approx(value_of([0])[which], abs=1e-10)


def test_sampled_targets_agree_with_enumerated_ones(backend):
    rng = np.random.default_rng(0)
    pool = oracles.softmax(2 * rng.normal(size=(6, 8, 3)))
    targets = oracles.softmax(2 * rng.normal(size=(7, 8, 3)))
    exact = backend.call(infoq.jepig, pool, targets)
    sampled = backend.call(infoq.jepig, pool, targets, samples=2000, seed=1)
    np.testing.assert_allclose(sampled, exact, rtol=0.05)
    assert np.all(sampled <= backend.call(infoq.bald, pool) + 1e-12)
    np.testing.assert_array_equal(
        sampled, backend.call(infoq.jepig, pool, targets, samples=2000, seed=1)
    )


def test_a_hundred_targets_in_float32_settle_what_the_draws_differ_in(backend):
    rng = np.random.default_rng(0)
    pool = oracles.softmax(rng.normal(size=(5, 6, 4))).astype(np.float32)
    targets = oracles.softmax(3 * rng.normal(size=(100, 6, 4))).astype(np.float32)
    scores = backend.call(infoq.jepig, pool, targets, samples=500)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, oracles.bald(pool), rtol=5e-3)


def test_a_gaussian_approximation_is_refused(backend):
    pool = backend.array(oracles.softmax(np.zeros((2, 2, 2))))
    with pytest.raises(ValueError, match="'trace' is for a Gaussian"):
        infoq.jepig(pool, pool, approximation="trace")
    with pytest.raises(ValueError, match="'trace' is for a Gaussian"):
        infoq.JEPIG(pool, pool, approximation="trace")


def test_other_draws_are_refused(backend):
    pool, targets = (backend.array(oracles.softmax(np.zeros((2, k, 2)))) for k in (2, 3))
    with pytest.raises(ValueError, match="K=2 posterior draws"):
        infoq.jepig(pool, targets)

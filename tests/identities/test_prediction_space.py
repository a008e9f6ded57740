"""Identities and inequalities of prediction space, on every backend (CATALOGUE 32 to 36)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles

ROUNDING = 1e-12


def joint_value(backend, batch: np.ndarray) -> float:
    """The joint EIG of a batch, by infoq."""
    function = infoq.EIG(backend.array(batch))
    state = function.start()
    for index in range(len(batch)):
        state = function.add(state, index)
    return float(function.value(state))


@given(probs=oracles.pools())
def test_32_bald_lies_between_zero_and_the_smaller_log(backend, probs):
    score = backend.call(infoq.bald, probs)
    assert np.all(score >= 0)
    assert np.all(score <= np.log(min(probs.shape[1:])) + ROUNDING)


@given(
    data=st.data(),
    k=st.sampled_from([1, 2, 5]),
    c=st.sampled_from([2, 3]),
    m=st.sampled_from([1, 3]),
)
def test_33_and_34_epig_is_at_most_either_bald(backend, data, k, c, m):
    pool = data.draw(oracles.probabilities(5, k, c))
    targets = data.draw(oracles.probabilities(m, k, 3))
    bald, target_bald = backend.call(infoq.bald, pool), backend.call(infoq.bald, targets)
    for e in range(m):
        pairs = backend.call(infoq.epig, pool, targets[e : e + 1])
        assert np.all(pairs >= 0)
        assert np.all(pairs <= np.minimum(bald, target_bald[e]) + ROUNDING)
    mean = backend.call(infoq.epig, pool, targets)
    assert np.all(mean <= bald + ROUNDING)


@given(data=st.data(), k=st.sampled_from([1, 4]), c=st.sampled_from([2, 3]))
def test_35_batches_tell_at_least_as_much_as_one_and_at_most_the_sum(backend, data, k, c):
    batch = data.draw(oracles.probabilities(3, k, c))
    bald = backend.call(infoq.bald, batch)
    joint = joint_value(backend, batch)
    assert bald.max() - ROUNDING <= joint <= bald.sum() + ROUNDING
    assert joint <= np.log(k) + ROUNDING


@given(data=st.data(), k=st.sampled_from([1, 2, 5]), c=st.sampled_from([2, 3]))
def test_35_the_gap_of_a_pair_is_its_epig(backend, data, k, c):
    pair = data.draw(oracles.probabilities(2, k, c))
    gap = backend.call(infoq.bald, pair).sum() - joint_value(backend, pair)
    between = backend.call(infoq.epig, pair[:1], pair[1:])
    np.testing.assert_allclose(gap, between[0], atol=ROUNDING)


@given(probs=oracles.pools())
def test_36_bald_is_the_mean_divergence_from_the_mean(backend, probs):
    mean = np.repeat(probs.mean(1, keepdims=True), probs.shape[1], axis=1)
    divergence = backend.call(infoq.kl_divergence, probs, mean).mean(-1)
    np.testing.assert_allclose(backend.call(infoq.bald, probs), divergence, atol=ROUNDING)


@given(
    data=st.data(), k=st.sampled_from([1, 2, 5]), c=st.sampled_from([2, 3]), seed=st.integers(0, 99)
)
def test_information_is_symmetric(backend, data, k, c, seed):
    one = data.draw(oracles.probabilities(1, k, c))
    two = data.draw(oracles.probabilities(1, k, c))
    forward, backward = backend.call(infoq.epig, one, two), backend.call(infoq.epig, two, one)
    np.testing.assert_allclose(forward, backward, atol=ROUNDING)


@given(
    data=st.data(), k=st.sampled_from([2, 5]), c=st.sampled_from([2, 4]), seed=st.integers(0, 99)
)
def test_order_of_draws_and_classes_does_not_matter(backend, data, k, c, seed):
    rng = np.random.default_rng(seed)
    pool, targets = (data.draw(oracles.probabilities(n, k, c)) for n in (4, 3))
    draws, classes, other = rng.permutation(k), rng.permutation(c), rng.permutation(c)
    bald, epig = backend.call(infoq.bald, pool), backend.call(infoq.epig, pool, targets)
    pool, targets = pool[:, draws][..., classes], targets[:, draws][..., other]
    np.testing.assert_allclose(backend.call(infoq.bald, pool), bald, atol=ROUNDING)
    np.testing.assert_allclose(backend.call(infoq.epig, pool, targets), epig, atol=ROUNDING)


@given(data=st.data(), k=st.sampled_from([1, 4]), c=st.sampled_from([2, 3]))
def test_merging_classes_loses_information(backend, data, k, c):
    pool = data.draw(oracles.probabilities(4, k, c))
    merged = np.stack([pool[..., 0], pool[..., 1:].sum(-1)], axis=-1)
    lost = backend.call(infoq.bald, pool) - backend.call(infoq.bald, merged)
    assert np.all(lost >= -ROUNDING)


@given(data=st.data(), k=st.sampled_from([1, 4]), c=st.sampled_from([2, 3]))
def test_gains_shrink_as_the_batch_grows_and_add_up_in_any_order(backend, data, k, c):
    batch = data.draw(oracles.probabilities(3, k, c))
    function = infoq.EIG(backend.array(batch))
    totals = []
    for order in ((0, 1, 2), (2, 0, 1)):
        state, before, total = function.start(), np.full(3, np.inf), 0.0
        for index in order:
            gains = backend.numpy(function.gains(state))
            assert np.all(gains <= before + ROUNDING)
            before, total = gains, total + gains[index]
            state = function.add(state, index)
        totals.append(total)
    np.testing.assert_allclose(totals, joint_value(backend, batch), atol=ROUNDING)


@given(data=st.data(), c=st.sampled_from([2, 4]))
def test_repeated_draws_count_as_weights(backend, data, c):
    pool, targets = (data.draw(oracles.probabilities(n, 3, c)) for n in (4, 2))
    repeats, weights = np.array([3, 1, 2]), np.array([3.0, 1.0, 2.0])

    def weighted(x):
        return infoq.Categorical(backend.array(x), weights=backend.array(weights))

    def repeated(x):
        return infoq.Categorical(backend.array(np.repeat(x, repeats, axis=1)))

    for function in (infoq.bald, lambda x: x.entropy()):
        expected = backend.numpy(function(repeated(pool)))
        np.testing.assert_allclose(backend.numpy(function(weighted(pool))), expected, atol=ROUNDING)
    np.testing.assert_allclose(
        backend.numpy(infoq.epig(weighted(pool), weighted(targets))),
        backend.numpy(infoq.epig(repeated(pool), repeated(targets))),
        atol=ROUNDING,
    )

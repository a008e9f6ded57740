"""Joint EIG of batches: exact, sampled, published, and far beyond where float32 underflows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles

A = oracles.mix([0.1, 0.2, 0.2, 0.5], [0.5, 0.2, 0.1, 0.2])
B = oracles.mix([0.1, 0.6, 0.2, 0.1], [0.0, 0.5, 0.5, 0.0])


def state_of(function: infoq.EIG, indices: list[int]):
    """The state after picking the indices in turn."""
    state = function.start()
    for index in indices:
        state = function.add(state, index)
    return state


@pytest.mark.parametrize(
    ("batch", "entropy"),
    [("abab", 4.6479), ("ababa", 5.9735), ("ababb", 5.6362), ("abababab", 9.2667)],
)
def test_published_joint_entropies(backend, batch, entropy):
    # batchbald_redux's joint entropy notebook; b has zero probabilities.
    rows = np.stack([{"a": A, "b": B}[letter] for letter in batch])
    function = infoq.EIG(backend.array(rows), samples=4**8)
    value = float(function.value(state_of(function, list(range(len(batch))))))
    expected = entropy - oracles.entropy(rows).mean(1).sum()
    np.testing.assert_allclose(value, expected, atol=6e-5)
    np.testing.assert_allclose(value, oracles.joint_eig(rows), atol=1e-10)


def test_published_batches(backend):
    # batchbald_redux's BatchBALD notebook.
    pool = np.stack(
        [
            oracles.mix([0.7, 0.1, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2]),
            oracles.mix([0.1, 0.7, 0.1, 0.1], [0.2, 0.3, 0.3, 0.2]),
            oracles.mix([0.1, 0.1, 0.7, 0.1], [0.2, 0.2, 0.3, 0.3]),
            oracles.mix([0.1, 0.1, 0.1, 0.7], [0.3, 0.2, 0.2, 0.3]),
        ]
    )
    batch = infoq.greedy(infoq.EIG(backend.array(pool)), 4)
    values = np.cumsum(backend.numpy(batch.gains))
    np.testing.assert_allclose(values, [0.0307156, 0.0596196, 0.0869107, 0.1127530], atol=5e-7)


def test_a_duplicate_may_be_the_exact_greedy_choice(backend):
    # batchbald_redux's issue 16: of three candidates, the copy of the first tells more.
    one = [[0.1, 0.2, 0.3, 0.4], [0.15, 0.15, 0.3, 0.4]]
    other = [[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.16, 0.14]]
    pool = np.array([one, one, other])
    function = infoq.EIG(backend.array(pool))
    duplicates = float(function.value(state_of(function, [0, 1])))
    mixed = float(function.value(state_of(function, [0, 2])))
    np.testing.assert_allclose([duplicates, mixed], [0.00858, 0.00707], atol=5e-6)
    assert backend.numpy(infoq.greedy(function, 2).indices).tolist() == [0, 1]


@given(
    data=st.data(), k=st.sampled_from([1, 4]), c=st.sampled_from([2, 3]), seed=st.integers(0, 50)
)
def test_exact_values_and_gains(backend, data, k, c, seed):
    pool = data.draw(oracles.probabilities(4, k, c))
    weights = oracles.draw_weights(k, seed)
    predictive = infoq.Categorical(backend.array(pool), weights=backend.array(weights))
    function = infoq.EIG(predictive)
    batch = infoq.greedy(function, 3)
    indices = backend.numpy(batch.indices).tolist()
    expected = [oracles.joint_eig(pool[indices[:b]], weights) for b in range(1, 4)]
    np.testing.assert_allclose(np.cumsum(backend.numpy(batch.gains)), expected, atol=1e-12)
    np.testing.assert_allclose(float(batch.value), expected[-1], atol=1e-12)
    np.testing.assert_allclose(
        float(function.value(state_of(function, indices))), expected[-1], atol=1e-12
    )


def test_greedy_is_as_good_as_its_guarantee(backend):
    pool = oracles.softmax(2 * np.random.default_rng(0).normal(size=(7, 6, 3)))
    batch = infoq.greedy(infoq.EIG(backend.array(pool)), 3)
    assert float(batch.value) >= (1 - 1 / np.e) * oracles.best_batch(pool, 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_agree_with_enumeration(backend, dtype):
    pool = oracles.softmax(2 * np.random.default_rng(5).normal(size=(12, 10, 3)))
    indices = [0, 3, 1, 7, 2, 11]
    exact = infoq.EIG(backend.array(pool), samples=3**6)
    sampled = infoq.EIG(backend.array(pool, dtype), samples=3**6 - 1, seed=1)
    one, two = state_of(exact, indices), state_of(sampled, indices)
    assert not one.sampled
    assert two.sampled
    scale = 6 / 27  # six standard errors of a mean of 3^6 terms of order one
    np.testing.assert_allclose(float(sampled.value(two)), float(exact.value(one)), atol=scale)
    difference = backend.numpy(sampled.gains(two)) - backend.numpy(exact.gains(one))
    assert np.abs(difference).max() < scale
    assert np.abs(difference.mean()) < scale / 3


def test_more_samples_come_closer(backend):
    pool = oracles.softmax(2 * np.random.default_rng(6).normal(size=(8, 10, 3)))
    exact = infoq.EIG(backend.array(pool), samples=3**8)
    gains = backend.numpy(exact.gains(state_of(exact, list(range(7)))))

    def error(samples: int) -> float:
        errors = []
        for seed in range(8):
            function = infoq.EIG(backend.array(pool), samples=samples, seed=seed)
            state = state_of(function, list(range(7)))
            errors.append(backend.numpy(function.gains(state)) - gains)
        return float(np.sqrt(np.mean(np.square(errors))))

    # 16 times the samples halve the error twice, in expectation.
    assert error(1600) < error(100) / 2


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.of_libraries("numpy"))]
)
def test_a_batch_of_a_hundred_survives(backend, dtype):
    rng = np.random.default_rng(7)
    pool = oracles.softmax(1.5 * rng.normal(size=(120, 10, 5))).astype(dtype)
    pool[5] = np.eye(5)[rng.integers(5, size=10)]
    batch = infoq.greedy(infoq.EIG(backend.array(pool), samples=500), 100)
    indices, gains = backend.numpy(batch.indices), backend.numpy(batch.gains)
    assert gains.dtype == dtype
    assert len(set(indices.tolist())) == 100
    assert np.all(np.isfinite(gains))
    assert np.all(gains >= 0)
    # All that there is to know is which of the ten draws it is.
    np.testing.assert_allclose(float(batch.value), np.log(10), atol=0.05)
    assert gains[-50:].max() < 0.02
    assert gains[0] == backend.call(infoq.bald, pool).max()


def test_samples_are_reproducible_and_kept(backend):
    pool = backend.array(oracles.softmax(2 * np.random.default_rng(8).normal(size=(9, 6, 4))))
    one, two = (infoq.greedy(infoq.EIG(pool, samples=50, seed=3), 8) for _ in range(2))
    np.testing.assert_array_equal(backend.numpy(one.gains), backend.numpy(two.gains))
    other = infoq.greedy(infoq.EIG(pool, samples=50, seed=4), 8)
    assert np.any(backend.numpy(other.gains) != backend.numpy(one.gains))
    # The state after six is the same whether it was sampled from the fourth on or from the sixth.
    function = infoq.EIG(pool, samples=50, seed=3)
    long = state_of(function, [0, 1, 2, 3, 4, 5])
    assert long.log_posteriors.shape[0] == 50
    assert long.num_observed == 6


@pytest.mark.parametrize("samples", [10_000, 50])
@pytest.mark.parametrize("kind", ["logits", "bare"])
def test_gains_of_some_are_those_of_all(backend, samples, kind):
    logits = 2 * np.random.default_rng(10).normal(size=(9, 6, 4))
    weights = oracles.draw_weights(6, 3)
    if kind == "logits":
        pool = infoq.Categorical(logits=backend.array(logits), weights=backend.array(weights))
    else:
        pool = backend.array(oracles.softmax(logits))
    functions = [infoq.EIG(pool, samples=samples, seed=2)]
    if kind == "logits":
        targets = infoq.Categorical(
            backend.array(oracles.softmax(logits[:2] + 1)), weights=backend.array(weights)
        )
        functions += [infoq.EPIG(pool, targets, samples=20), infoq.JEPIG(pool, targets)]
    for function in functions:
        state = state_of(function, [7, 2, 0])
        gains = backend.numpy(function.gains(state))
        places = function.ops.fetch(backend.array(np.array([8, 1, 4])))
        some = backend.numpy(function.gains_of(state, places))
        np.testing.assert_allclose(some, gains[[8, 1, 4]], rtol=1e-9, atol=1e-12)


def test_gains_of_some_name_the_candidate_that_is_wrong(backend):
    pool = np.full((5, 2, 2), 0.5)
    pool[3, 1] = [0.5, 0.75]
    places = backend.ops.fetch(backend.array(np.array([3, 0])))

    def some():
        function = infoq.EIG(backend.array(pool))
        return backend.numpy(function.gains_of(function.start(), places))

    message = "candidate 3, draw 1" if backend.reads_values else "rows that do not sum to one"
    with pytest.raises(ValueError, match=message):
        some()


def test_lazy_greedy_picks_the_same_and_evaluates_few(backend, monkeypatch):
    pool = oracles.softmax(1.5 * np.random.default_rng(11).normal(size=(60, 8, 3)))
    pool = infoq.Categorical(backend.array(pool))
    function, evaluated = infoq.EIG(pool, samples=3**5), []
    few = function.gains_of
    monkeypatch.setattr(
        function, "gains_of", lambda state, i: evaluated.append(i.shape[0]) or few(state, i)
    )
    eager, lazy = infoq.greedy(function, 5), infoq.lazy_greedy(function, 5)
    assert backend.numpy(lazy.indices).tolist() == backend.numpy(eager.indices).tolist()
    np.testing.assert_allclose(backend.numpy(lazy.gains), backend.numpy(eager.gains), rtol=1e-9)
    assert sum(evaluated) < 4 * 60 / 2


def test_zero_probabilities_are_never_sampled(backend):
    rng = np.random.default_rng(9)
    pool = oracles.softmax(rng.normal(size=(6, 8, 4))) * (rng.random((6, 8, 4)) < 0.5)
    pool[..., 3] += pool.sum(-1) == 0
    pool /= pool.sum(-1, keepdims=True)
    function = infoq.EIG(backend.array(pool), samples=64)
    state = state_of(function, [0, 1, 2, 3, 4])
    gains = backend.numpy(function.gains(state))
    assert np.all(np.isfinite(gains))
    assert np.all(gains >= 0)
    rows = np.exp(np.array(backend.ops.to_host(state.log_posteriors)))
    np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-12)


def test_samples_and_seed_are_checked(backend):
    pool = backend.array(np.full((2, 2, 2), 0.5))
    with pytest.raises(ValueError, match="samples: expected at least 1, got 0"):
        infoq.EIG(pool, samples=0)
    with pytest.raises(TypeError, match="seed: expected an integer or a random generator"):
        infoq.EIG(pool, seed="zero")


@pytest.mark.parametrize("name", ["eig", "epig", "jepig"])
def test_a_batch_given_a_context_begins_with_the_scores_given_it(backend, name):
    rng = np.random.default_rng(0)
    draws = oracles.softmax(2 * rng.normal(size=(6, 4, 3)))
    pool, targets = (infoq.Categorical(backend.array(x)) for x in (draws[:4], draws[4:]))
    about = () if name == "eig" else (targets,)
    known = pool.observe(pool.context(), 0)
    score, function = getattr(infoq, name), getattr(infoq, name.upper())(pool, *about, given=known)
    gains = backend.numpy(function.gains(function.start()))
    np.testing.assert_allclose(
        gains, backend.numpy(score(pool, *about, given=known)), rtol=1e-9, atol=1e-13
    )
    assert not np.allclose(gains, backend.numpy(score(pool, *about)))


@pytest.mark.parametrize("name", ["eig", "epig", "jepig"])
def test_the_value_of_a_batch_given_a_context_is_the_sum_of_its_gains(backend, name):
    rng = np.random.default_rng(1)
    draws = oracles.softmax(2 * rng.normal(size=(6, 4, 3)))
    pool, targets = (infoq.Categorical(backend.array(x)) for x in (draws[:4], draws[4:]))
    about = () if name == "eig" else (targets,)
    function = getattr(infoq, name.upper())(pool, *about, given=pool.observe(pool.context(), 0))
    state, total = function.start(), 0.0
    for index in (1, 3):
        total += backend.numpy(function.gains(state))[index]
        state = function.add(state, index)
    np.testing.assert_allclose(float(function.value(state)), total, rtol=1e-9)


@pytest.mark.parametrize("name", ["eig", "epig", "jepig"])
def test_scores_given_a_context_do_not_depend_on_the_kind(backend, name):
    logits = 2 * np.random.default_rng(2).normal(size=(6, 4, 3))
    answers = []
    for kind, values in (("logits", logits), ("probs", oracles.softmax(logits))):
        named = ({kind: backend.array(x)} for x in (values[:4], values[4:]))
        pool, targets = (infoq.Categorical(**each) for each in named)
        about = () if name == "eig" else (targets,)
        known = pool.observe(pool.context(), 0)
        answers.append(backend.numpy(getattr(infoq, name)(pool, *about, given=known)))
    np.testing.assert_allclose(*answers, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", ["eig", "epig", "jepig"])
def test_what_is_no_context_is_refused_as_the_function_is_made(backend, name):
    pool = infoq.Categorical(backend.array(np.stack([A, B])))
    about = () if name == "eig" else (pool,)
    alien = infoq.Categorical(backend.array(np.stack([A, B])[:, :2, :]))
    with pytest.raises(TypeError, match=r"given: expected Outcomes, .*got ScalarPrecision"):
        getattr(infoq, name.upper())(pool, *about, given=infoq.ScalarPrecision(1.0))
    with pytest.raises(ValueError, match="given: expected K=20 draws"):
        getattr(infoq, name.upper())(pool, *about, given=alien.observe(alien.context(), 0))

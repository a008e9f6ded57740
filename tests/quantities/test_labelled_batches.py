"""IG, PIG and JPIG of batches: by the joint probability of all their labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq import IG, JPIG, PIG
from tests import oracles

ROUNDING = 1e-10
COUNTS = np.array([0.75, 0.25])
NAMES = ["IG", "PIG", "JPIG"]
names = pytest.mark.parametrize("name", NAMES)


def make(name, pool, targets, labels, target_labels, **keywords):
    """A set function; the targets of PIG count unequally."""
    if name == "IG":
        return IG(pool, labels, **keywords)
    if name == "JPIG":
        return JPIG(pool, targets, labels, target_labels, **keywords)
    return PIG(pool, targets, labels, target_labels, **keywords)


def weighed(backend, name):
    """The target weights that PIG takes."""
    return {"target_weights": backend.array(COUNTS)} if name == "PIG" else {}


def picked(probs, labels):
    """How probable each draw calls each label: [N, K]."""
    return np.stack([rows[:, label] for rows, label in zip(probs, labels, strict=True)])


def value_of(name, weights, own, theirs, batch):
    """The value of a batch, from the likelihoods [N, K] and [M, K] of labels that are possible."""
    likelihood = np.prod(own[list(batch)], axis=0)
    after = weights * likelihood / (weights @ likelihood)
    if name == "IG":
        some = after > 0
        return float(np.sum(after[some] * np.log(after[some] / weights[some])))
    rows = np.prod(theirs, axis=0)[None] if name == "JPIG" else theirs
    counts = np.ones(1) if name == "JPIG" else COUNTS
    return float(counts @ (np.log(rows @ after) - np.log(rows @ weights)))


def state_of(function, indices):
    """The state after picking the indices in turn."""
    state = function.start()
    for index in indices:
        state = function.add(state, index)
    return state


@names
@given(data=st.data(), seed=st.integers(0, 9))
def test_values_are_of_the_joint_labels_and_gains_their_differences(backend, name, data, seed):
    probs = data.draw(oracles.probabilities(5, 4, 3, zeros=False))
    targets = data.draw(oracles.probabilities(2, 4, 2, zeros=False))
    rng = np.random.default_rng(seed)
    labels, target_labels = rng.integers(3, size=5), rng.integers(2, size=2)
    weights = oracles.draw_weights(4, seed)
    pool, about = (
        infoq.Categorical(backend.array(x), weights=backend.array(weights))
        for x in (probs, targets)
    )
    arrays = backend.array(labels), backend.array(target_labels)
    function = make(name, pool, about, *arrays, **weighed(backend, name))
    own, theirs = picked(probs, labels), picked(targets, target_labels)
    assert len(function) == 5
    assert not function.submodular

    def value(batch):
        return value_of(name, weights, own, theirs, batch)

    batch, state, total = [], function.start(), 0.0
    for index in (3, 0, 4):
        gains = backend.numpy(function.gains(state))
        expected = [value([*batch, i]) - value(batch) for i in range(5)]
        np.testing.assert_allclose(gains, expected, rtol=1e-8, atol=ROUNDING)
        few = function.gains_of(state, backend.array(np.array([4, 1])))
        np.testing.assert_allclose(backend.numpy(few), gains[[4, 1]], rtol=1e-10, atol=1e-14)
        state, total = function.add(state, index), total + gains[index]
        batch.append(index)
        assert float(function.value(state)) == pytest.approx(value(batch), abs=ROUNDING)
        assert total == pytest.approx(value(batch), abs=ROUNDING)
    # Without one of them, and put back: in any order.
    fewer = function.remove(state, 0)
    assert fewer.indices == (3, 4)
    assert float(function.value(fewer)) == pytest.approx(value([3, 4]), abs=ROUNDING)
    again = function.add(fewer, 0)
    assert float(function.value(again)) == pytest.approx(value(batch), abs=ROUNDING)
    with pytest.raises(ValueError, match="index: 2 is not in the batch"):
        function.remove(state, 2)
    assert float(function.value(function.start())) == 0


@names
def test_gains_of_the_empty_batch_are_scores_and_greedy_takes_the_best(backend, name):
    rng = np.random.default_rng(0)
    probs, targets = (oracles.softmax(2 * rng.normal(size=(n, 6, 3))) for n in (7, 2))
    labels, target_labels = rng.integers(3, size=7), rng.integers(3, size=2)
    arrays = [backend.array(x) for x in (probs, targets, labels, target_labels)]
    named = weighed(backend, name)
    function = make(name, *arrays, **named)
    score = infoq.ig if name == "IG" else getattr(infoq, name.lower())
    used = [arrays[0], arrays[2]] if name == "IG" else arrays
    np.testing.assert_array_equal(
        backend.numpy(function.gains(function.start())), backend.numpy(score(*used, **named))
    )
    batch = infoq.greedy(function, 3)
    indices, gains = backend.numpy(batch.indices), backend.numpy(batch.gains)
    own, theirs, weights = picked(probs, labels), picked(targets, target_labels), np.full(6, 1 / 6)
    taken: list[int] = []
    for index, gain in zip(indices.tolist(), gains, strict=True):
        rest = [i for i in range(7) if i not in taken]
        values = [value_of(name, weights, own, theirs, [*taken, i]) for i in rest]
        assert index == rest[int(np.argmax(values))]
        before = value_of(name, weights, own, theirs, taken)
        assert gain == pytest.approx(max(values) - before, abs=ROUNDING)
        taken.append(index)
    both = infoq.forward_backward(function, 2)
    assert len(backend.numpy(both.indices)) == 2


@names
def test_what_is_given_comes_before_the_batch(backend, name):
    rng = np.random.default_rng(1)
    probs, targets = (oracles.softmax(rng.normal(size=(n, 5, 3))) for n in (6, 2))
    labels, target_labels = rng.integers(3, size=6), rng.integers(3, size=2)
    arrays = [backend.array(x) for x in (probs, targets, labels, target_labels)]
    pool = infoq.Categorical(arrays[0])
    known = pool.observe(pool.observe(pool.context(), 5, int(labels[5])), 2, int(labels[2]))
    function = make(name, *arrays, given=known, **weighed(backend, name))
    state = state_of(function, [0, 1])
    weights = np.prod(picked(probs, labels)[[5, 2]], axis=0)
    weights /= weights.sum()
    own, theirs = picked(probs, labels), picked(targets, target_labels)
    expected = value_of(name, weights, own, theirs, [0, 1])
    assert float(function.value(state)) == pytest.approx(expected, abs=ROUNDING)
    gains = [value_of(name, weights, own, theirs, [0, 1, i]) - expected for i in range(6)]
    np.testing.assert_allclose(backend.numpy(function.gains(state)), gains, atol=ROUNDING)


def test_labels_that_contradict_each_other(backend):
    # Draws 0 and 1 are sure of opposite labels of every candidate; a third label is nobody's.
    probs = np.stack([np.eye(3)[[0, 1]]] * 4)
    labels = np.array([0, 1, 2, 0])
    pool, seen = backend.array(probs), backend.array(labels)
    function = IG(pool, seen)
    state = state_of(function, [0, 1, 2])
    assert float(function.value(state)) == pytest.approx(np.log(2))
    np.testing.assert_array_equal(backend.numpy(function.gains(state)), 0)
    # Without the first, the second is no longer impossible.
    other = function.remove(state, 0)
    np.testing.assert_array_equal(
        np.exp(backend.ops.to_host(other.growth)), np.exp([-np.inf, np.log(2)])
    )
    for kind, counts in ((PIG, COUNTS), (JPIG, None)):
        named = {} if counts is None else {"target_weights": backend.array(counts)}
        about = kind(pool, pool[:2, ...], seen, backend.array(np.array([0, 0])), **named)
        start = about.start()
        np.testing.assert_allclose(
            backend.numpy(about.gains(start)), [np.log(2), -np.inf, 0, np.log(2)]
        )
        impossible = about.add(start, 1)
        assert float(about.value(impossible)) == -np.inf
        # Nothing is left to lose.
        np.testing.assert_array_equal(backend.numpy(about.gains(impossible)), 0)
        certain = about.add(start, 0)
        assert float(about.value(certain)) == pytest.approx(np.log(2))
        np.testing.assert_array_equal(backend.numpy(about.gains(certain)), 0)
    # A target that counts nothing has no say.
    named = {"target_weights": backend.array(np.array([1.0, 0.0]))}
    about = PIG(pool, pool[:2, ...], seen, backend.array(np.array([0, 1])), **named)
    assert float(about.value(state_of(about, [0]))) == pytest.approx(np.log(2))


@names
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_of_a_hundred_survives(backend, name, dtype):
    rng = np.random.default_rng(7)
    logits = 3 * rng.normal(size=(120, 6, 5)).astype(dtype)
    labels = rng.integers(5, size=120)
    logs = logits.astype(np.float64)
    own = np.stack([x[:, y] for x, y in zip(logs, labels, strict=True)])
    own -= np.log(np.exp(logs).sum(-1))
    pool = infoq.Categorical(logits=backend.array(logits))
    targets = infoq.Categorical(logits=backend.array(logits[110:112]))
    seen, target_labels = backend.array(labels), backend.array(labels[110:112])
    function = make(name, pool, targets, seen, target_labels, **weighed(backend, name))
    batch = list(range(100))
    state = state_of(function, batch)
    gains = backend.numpy(function.gains(state))
    assert gains.dtype == dtype

    def after(*rows):
        joint = own[[*batch, *rows]].sum(0)
        return joint - np.logaddexp.reduce(joint)

    tolerance = {"float32": 2e-3, "float64": 1e-10}[dtype]
    assert np.sort(own[batch].sum(0))[-1] < -200
    index = 115
    if name == "IG":
        one, two = np.exp(after()), np.exp(after(index))
        expected = np.sum(two * (after(index))) - np.sum(one * after())
    else:
        rows = own[110:112] if name == "PIG" else own[110:112].sum(0)[None]
        counts = COUNTS if name == "PIG" else np.ones(1)
        ratios = [
            np.logaddexp.reduce(after(index) + row) - np.logaddexp.reduce(after() + row)
            for row in rows
        ]
        expected = counts @ ratios
    assert gains[index] == pytest.approx(expected, abs=tolerance)


@names
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_little_values_have_their_digits(backend, name, dtype):
    rng = np.random.default_rng(8)
    probs = oracles.softmax(rng.normal(size=(8, 1, 3)) + 1e-3 * rng.normal(size=(8, 6, 3)))
    probs, labels = probs.astype(dtype), rng.integers(3, size=8)
    arrays = [probs, probs[6:], labels, labels[6:]]
    function = make(name, *(backend.array(x) for x in arrays))
    exact = make(name, *(x.astype("float64") for x in arrays[:2]), *arrays[2:])
    one, two = state_of(function, [0, 1, 2]), state_of(exact, [0, 1, 2])
    tolerance = {"float32": 2e-3, "float64": 1e-10}[dtype]
    assert abs(float(exact.value(two))) < 1e-5
    assert float(function.value(one)) == pytest.approx(float(exact.value(two)), rel=tolerance)
    gains, expected = backend.numpy(function.gains(one)), exact.gains(two)
    np.testing.assert_allclose(gains, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.of_libraries("jax")
def test_jax_jit_of_greedy_with_traced_labels():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(9)
    pool = jax.numpy.asarray(oracles.softmax(rng.normal(size=(6, 4, 3))))
    labels = jax.numpy.asarray(rng.integers(3, size=6))

    def batch(x, y):
        return infoq.greedy(JPIG(x, x[4:], y, y[4:]), 3)

    eager, traced = batch(pool, labels), jax.jit(batch)(pool, labels)
    np.testing.assert_array_equal(np.array(traced.indices), np.array(eager.indices))
    np.testing.assert_allclose(np.array(traced.gains), np.array(eager.gains), atol=1e-13)


@pytest.mark.of_libraries("torch")
def test_torch_gradients_of_gains_and_values():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(10)
    logits = torch.tensor(rng.normal(size=(4, 3, 3)), requires_grad=True)
    labels = torch.tensor(rng.integers(3, size=4))

    def answers(x):
        probs = torch.softmax(x, -1)
        for name in NAMES:
            function = make(name, probs, probs[2:], labels, labels[2:])
            state = state_of(function, [0, 3])
            yield function.value(state)
            yield from function.gains(state)

    assert torch.autograd.gradcheck(lambda x: tuple(answers(x)), (logits,))


def test_without_labels_of_a_gaussian_they_are_expectations(backend):
    rng = np.random.default_rng(11)
    pool = infoq.Gaussian(backend.array(rng.normal(size=(5, 3))), 0.5)
    targets = infoq.DenseEmbedding(backend.array(rng.normal(size=(2, 3))))
    named = {"approximation": "trace"}
    pairs = [
        (IG(pool, measure="entropy"), infoq.EIG(pool)),
        (PIG(pool, targets, **named), infoq.EPIG(pool, targets, **named)),
        (JPIG(pool, targets), infoq.JEPIG(pool, targets)),
    ]
    for labelled, unlabelled in pairs:
        assert labelled.submodular == unlabelled.submodular
        one, two = infoq.greedy(labelled, 3), infoq.greedy(unlabelled, 3)
        for field in ("indices", "gains"):
            np.testing.assert_array_equal(
                backend.numpy(getattr(one, field)), backend.numpy(getattr(two, field))
            )


def test_the_drop_in_entropy_obeys_the_chain_rule(backend):
    rng = np.random.default_rng(13)
    probs, labels = oracles.softmax(2 * rng.normal(size=(5, 6, 3))), rng.integers(3, size=5)
    weights, logs = oracles.draw_weights(6, 3), rng.normal(size=6)
    pool = infoq.Categorical(backend.array(probs), weights=backend.array(weights))
    seen = backend.array(labels)
    named = {"measure": "entropy", "log_density": backend.array(logs)}
    function = IG(pool, seen, **named)
    assert not function.submodular
    state, known, total = function.start(), pool.context(), 0.0
    np.testing.assert_array_equal(
        backend.numpy(function.gains(state)), backend.numpy(infoq.ig(pool, seen, **named))
    )
    for index in (3, 0, 4):
        gains = backend.numpy(function.gains(state))
        alone = backend.numpy(infoq.ig(pool, seen, given=known, **named))
        np.testing.assert_allclose(gains, alone, rtol=1e-9, atol=1e-12)
        state, total = function.add(state, index), total + gains[index]
        known = pool.observe(known, index, int(labels[index]))
        assert float(function.value(state)) == pytest.approx(total, abs=ROUNDING)
    likelihood = np.prod(picked(probs, labels)[[3, 0, 4]], axis=0)
    after = weights * likelihood / (weights @ likelihood)
    some = weights > 0
    dense = logs[some] + np.log(after[some] / weights[some])
    assert total == pytest.approx(after[some] @ dense - weights @ logs, abs=ROUNDING)


def test_the_order_of_the_picks_does_not_matter(backend):
    rng = np.random.default_rng(12)
    probs, labels = oracles.softmax(3 * rng.normal(size=(4, 5, 3))), rng.integers(3, size=4)
    arrays = [backend.array(x) for x in (probs, probs[3:], labels, labels[3:])]
    for name in NAMES:
        function = make(name, *arrays)
        values = [
            float(function.value(state_of(function, order)))
            for order in itertools.permutations(range(3))
        ]
        np.testing.assert_allclose(values, values[0], atol=1e-13)

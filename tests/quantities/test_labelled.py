"""IG, PIG and JPIG of observed labels: by definition, and on average what EIG, EPIG, JEPIG are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles

ROUNDING = 1e-11
RNG = np.random.default_rng(0)
PROBS = oracles.softmax(1.5 * RNG.normal(size=(5, 4, 3)))
TARGETS = oracles.softmax(1.5 * RNG.normal(size=(3, 4, 2)))
LABELS, TARGET_LABELS = np.array([2, 0, 1, 1, 0]), np.array([1, 0, 1])
WEIGHTS = oracles.draw_weights(4, 1)


def told(weights: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """The draws' weights after a label; one that all call impossible tells nothing."""
    joint = weights * likelihood
    return joint / joint.sum() if joint.sum() > 0 else weights


def picked(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How probable each draw calls each label: [N, K]."""
    return np.stack([rows[:, label] for rows, label in zip(probs, labels, strict=True)])


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """sum p log(p / q)."""
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))


def log_ratio(after: np.ndarray, before: np.ndarray, likelihood: np.ndarray) -> float:
    """log p(y | after) / p(y | before)."""
    if before @ likelihood == 0:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(np.log(after @ likelihood) - np.log(before @ likelihood))


def together(weights: np.ndarray, likelihoods: np.ndarray) -> np.ndarray:
    """The likelihood of labels jointly, without those that all draws call impossible."""
    return np.prod([x for x in likelihoods if weights @ x > 0] or [np.ones(len(weights))], axis=0)


def expected(name, weights, probs, labels, targets=None, target_labels=None, counts=None):
    """A quantity by its definition: [N]."""
    own = picked(probs, labels)
    if name == "ig":
        return np.array([kl(told(weights, x), weights) for x in own])
    theirs = picked(targets, target_labels)
    if name == "jpig":
        after = told(weights, together(weights, theirs))
        return np.array([log_ratio(after, weights, x) for x in own])
    counts = np.full(len(theirs), 1 / len(theirs)) if counts is None else counts
    return np.array(
        [
            sum(
                v * log_ratio(told(weights, other), weights, x)
                for v, other in zip(counts, theirs, strict=True)
                if v > 0
            )
            for x in own
        ]
    )


def context(pool, pairs):
    """The context in which candidates have these labels."""
    known = pool.context()
    for index, label in pairs:
        known = pool.observe(known, index, label)
    return known


def score(name, pool, targets, labels, target_labels, **keywords):
    """A labelled quantity of Categoricals or arrays."""
    if name == "ig":
        return infoq.ig(pool, labels, **keywords)
    return getattr(infoq, name)(pool, targets, labels, target_labels, **keywords)


NAMES = ["ig", "pig", "jpig"]
names = pytest.mark.parametrize("name", NAMES)


@names
@given(data=st.data(), k=st.sampled_from([1, 4]), m=st.sampled_from([1, 3]), seed=st.integers(0, 9))
def test_agrees_with_the_definition(backend, name, data, k, m, seed):
    pool = data.draw(oracles.probabilities(4, k, 3))
    targets = data.draw(oracles.probabilities(m, k, 2))
    rng = np.random.default_rng(seed)
    labels, target_labels = rng.integers(3, size=4), rng.integers(2, size=m)
    weights = oracles.draw_weights(k, seed)
    one, two = (
        infoq.Categorical(backend.array(x), weights=backend.array(weights)) for x in (pool, targets)
    )
    actual = score(name, one, two, backend.array(labels), backend.array(target_labels))
    answer = expected(name, weights, pool, labels, targets, target_labels)
    np.testing.assert_allclose(backend.numpy(actual), answer, rtol=1e-10, atol=ROUNDING)
    assert name != "ig" or np.all(backend.numpy(actual) >= 0)
    bare = score(name, *(backend.array(x) for x in (pool, targets, labels, target_labels)))
    answer = expected(name, oracles.uniform(k), pool, labels, targets, target_labels)
    np.testing.assert_allclose(backend.numpy(bare), answer, rtol=1e-10, atol=ROUNDING)


def outcomes(probs: np.ndarray, weights: np.ndarray):
    """All joint labels of candidates [M, K, C] and their likelihoods [K]."""
    for labels in itertools.product(range(probs.shape[2]), repeat=len(probs)):
        yield np.array(labels), np.prod(picked(probs, np.array(labels)), axis=0)


def mean_over_labels(backend, quantity, pool, weights, likelihood):
    """The mean over a candidate's labels, each of them with what else is observed beside it."""
    total = np.zeros(len(pool))
    for label in range(pool.shape[2]):
        chance = (weights * likelihood) @ pool[:, :, label].T
        values = backend.numpy(quantity(backend.array(np.full(len(pool), label))))
        total += chance * np.where(chance > 0, values, 0)
    return total


@given(data=st.data(), k=st.sampled_from([1, 4]), seed=st.integers(0, 9))
def test_the_mean_over_labels_of_ig_is_eig(backend, data, k, seed):
    probs = data.draw(oracles.probabilities(4, k, 3))
    weights = oracles.draw_weights(k, seed)
    pool = infoq.Categorical(backend.array(probs), weights=backend.array(weights))
    mean = mean_over_labels(backend, lambda y: infoq.ig(pool, y), probs, weights, np.ones(k))
    np.testing.assert_allclose(mean, backend.numpy(infoq.eig(pool)), rtol=1e-9, atol=1e-13)


@given(data=st.data(), k=st.sampled_from([4]), seed=st.integers(0, 9))
def test_the_means_over_labels_of_pig_and_jpig_are_epig_and_jepig(backend, data, k, seed):
    probs = data.draw(oracles.probabilities(3, k, 2))
    targets = data.draw(oracles.probabilities(2, k, 2))
    weights, counts = oracles.draw_weights(k, seed), np.array([0.75, 0.25])
    pool, about = (
        infoq.Categorical(backend.array(x), weights=backend.array(weights))
        for x in (probs, targets)
    )
    joint, each = np.zeros(3), np.zeros(3)
    named = {"target_weights": backend.array(counts)}
    for labels, likelihood in outcomes(targets, weights):
        seen = backend.array(labels)
        joint += mean_over_labels(
            backend, lambda y, t=seen: infoq.jpig(pool, about, y, t), probs, weights, likelihood
        )
    for place, count in enumerate(counts):
        row = backend.array(targets[place : place + 1])
        one = infoq.Categorical(row, weights=backend.array(weights))
        for label in range(2):
            seen, likelihood = backend.array(np.array([label])), targets[place, :, label]
            each += count * mean_over_labels(
                backend,
                lambda y, t=seen, e=one: infoq.pig(pool, e, y, t),
                probs,
                weights,
                likelihood,
            )
    np.testing.assert_allclose(joint, backend.numpy(infoq.jepig(pool, about)), atol=ROUNDING)
    np.testing.assert_allclose(each, backend.numpy(infoq.epig(pool, about, **named)), atol=ROUNDING)


@names
@given(seed=st.integers(0, 10**6))
def test_a_context_of_labels_weighs_the_draws(backend, name, seed):
    rng = np.random.default_rng(seed)
    seen, which = oracles.softmax(2 * rng.normal(size=(3, 4, 3))), rng.integers(3, size=3)
    learned = infoq.Categorical(backend.array(seen), weights=backend.array(WEIGHTS))
    known = context(learned, [(i, int(which[i])) for i in range(3)])
    pool, targets = (
        infoq.Categorical(backend.array(x), weights=backend.array(WEIGHTS))
        for x in (PROBS, TARGETS)
    )
    arrays = backend.array(LABELS), backend.array(TARGET_LABELS)
    weights = told(WEIGHTS, np.prod(picked(seen, which), axis=0))
    answer = expected(name, weights, PROBS, LABELS, TARGETS, TARGET_LABELS)
    actual = backend.numpy(score(name, pool, targets, *arrays, given=known))
    np.testing.assert_allclose(actual, answer, rtol=1e-10, atol=ROUNDING)
    one, two = (
        infoq.Categorical(backend.array(x), weights=backend.array(weights))
        for x in (PROBS, TARGETS)
    )
    anew = backend.numpy(score(name, one, two, *arrays))
    np.testing.assert_allclose(actual, anew, rtol=1e-10, atol=ROUNDING)
    # Given nothing, and with a label taken back.
    empty = score(name, pool, targets, *arrays, given=pool.context())
    without = backend.numpy(score(name, pool, targets, *arrays))
    np.testing.assert_array_equal(backend.numpy(empty), without)
    fewer = learned.forget(known, 1)
    assert fewer.indices == (0, 2)
    answer = told(WEIGHTS, np.prod(picked(seen, which)[[0, 2]], axis=0))
    rows = np.exp(backend.ops.to_host(fewer.log_posteriors))
    np.testing.assert_allclose(rows, answer[None], rtol=1e-10)


def test_jpig_is_rho_loss(backend):
    # The loss of a label by the model, less that by a model trained on the holdout set, too.
    train, holdout = PROBS[:2], PROBS[3:]
    weights = np.prod(picked(train, LABELS[:2]), axis=0)
    after = weights * np.prod(picked(holdout, LABELS[3:]), axis=0)
    weights, after = weights / weights.sum(), after / after.sum()
    every, labels = np.repeat(PROBS, 3, axis=0), np.tile(np.arange(3), 5)
    own = picked(every, labels)
    rho = -np.log(own @ weights) + np.log(own @ after)
    pool = infoq.Categorical(backend.array(PROBS))
    known = context(pool, [(0, int(LABELS[0])), (1, int(LABELS[1]))])
    arrays = (backend.array(x) for x in (every, holdout, labels, LABELS[3:]))
    actual = infoq.jpig(*arrays, given=known)
    np.testing.assert_allclose(backend.numpy(actual), rho, rtol=1e-11)
    assert rho.min() < -0.1 < 0.1 < rho.max()


def test_pig_of_one_target_is_jpig_and_symmetric(backend):
    one, two = backend.array(PROBS), backend.array(PROBS[1:2])
    label = backend.array(LABELS[1:2])
    pig = backend.numpy(infoq.pig(one, two, backend.array(LABELS), label))
    jpig = backend.numpy(infoq.jpig(one, two, backend.array(LABELS), label))
    np.testing.assert_allclose(pig, jpig, rtol=1e-13)
    for index in range(5):
        rest = slice(index, index + 1)
        swapped = infoq.pig(two, backend.array(PROBS[rest]), label, backend.array(LABELS[rest]))
        np.testing.assert_allclose(backend.numpy(swapped), pig[rest], rtol=1e-12)


def test_labels_that_are_impossible(backend):
    # Draw 0 says always 0, draw 1 always 1, and neither says ever 2; draw 2 has no weight.
    sure = np.eye(3)[[0, 1, 2]]
    pool, labels = np.stack([sure] * 3), np.array([0, 1, 2])
    weights = np.array([0.25, 0.75, 0.0])
    targets = pool[:1]

    def of(x):
        return infoq.Categorical(backend.array(x), weights=backend.array(weights))

    def scores(name, targets, target_labels):
        arrays = backend.array(labels), backend.array(np.array(target_labels))
        return backend.numpy(score(name, of(pool), of(targets), *arrays))

    surprises = [np.log(4), np.log(4 / 3)]
    np.testing.assert_allclose(scores("ig", targets, [0]), [*surprises, 0], rtol=1e-14)
    for name in ("pig", "jpig"):
        np.testing.assert_allclose(scores(name, targets, [0]), [surprises[0], -np.inf, 0])
        np.testing.assert_allclose(scores(name, targets, [1]), [-np.inf, surprises[1], 0])
        np.testing.assert_array_equal(scores(name, targets, [2]), 0)
    # One impossible target beside others tells nothing; two that exclude each other neither.
    np.testing.assert_allclose(scores("jpig", pool[:2], [0, 2]), [surprises[0], -np.inf, 0])
    np.testing.assert_array_equal(scores("jpig", pool[:2], [0, 1]), 0)
    np.testing.assert_allclose(scores("pig", pool[:2], [0, 1]), [-np.inf, -np.inf, 0])
    # A target that counts nothing makes nothing impossible.
    pig = infoq.pig(
        of(pool),
        of(pool[:2]),
        backend.array(labels),
        backend.array(np.array([0, 1])),
        target_weights=backend.array(np.array([1.0, 0.0])),
    )
    np.testing.assert_allclose(backend.numpy(pig), [surprises[0], -np.inf, 0])
    # So does a label that is impossible once another is known.
    known = context(of(pool), [(0, 0), (1, 1), (2, 2)])
    np.testing.assert_array_equal(np.exp(backend.ops.to_host(known.log_posteriors))[0], [1, 0, 0])
    np.testing.assert_array_equal(
        backend.numpy(infoq.ig(of(pool), backend.array(labels), given=known)), 0
    )


@names
@pytest.mark.parametrize("kind", ["log_probs", "logits"])
def test_kinds_agree_and_keep_the_dtype(backend, name, kind):
    arrays = [backend.array(LABELS, "int32"), backend.array(TARGET_LABELS, "uint8")]
    pool, targets = (
        infoq.Categorical(
            **{kind: backend.array(np.log(x).transpose(1, 0, 2), "float32")}, axes="KNC"
        )
        for x in (PROBS, TARGETS)
    )
    actual = backend.numpy(score(name, pool, targets, *arrays))
    assert actual.dtype == np.float32
    answer = expected(name, oracles.uniform(4), PROBS, LABELS, TARGETS, TARGET_LABELS)
    np.testing.assert_allclose(actual, answer, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("scale", [3e-2, 3e-4])
@names
def test_float32_ranks_as_float64_where_labels_tell_little(backend, name, scale):
    from scipy.stats import spearmanr

    rng = np.random.default_rng(3)
    shared = rng.normal(size=(220, 1, 4))
    probs = oracles.softmax(shared + scale * rng.normal(size=(220, 12, 4))).astype(np.float32)
    labels = rng.integers(4, size=220)
    arrays = [probs[:200], probs[200:], labels[:200], labels[200:]]
    actual = score(name, *(backend.array(x) for x in arrays))
    exact = score(name, *(x.astype(np.float64) for x in arrays[:2]), *arrays[2:])
    assert np.median(np.abs(exact)) < 20 * scale**2
    error = np.abs(backend.numpy(actual) - exact)
    assert np.median(error) < 1e-3 * np.median(np.abs(exact))
    assert spearmanr(backend.numpy(actual), exact).statistic > 0.9999


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hundreds_of_targets_do_not_underflow(backend, dtype):
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(408, 6, 3)).astype(dtype)
    labels = rng.integers(3, size=408)
    logs = logits.astype(np.float64)
    logs = logs - np.log(np.exp(logs).sum(-1, keepdims=True))
    own = picked(logs, labels)
    joint = own[8:].sum(0)
    assert joint.max() < -400

    def evidence(x):
        return np.logaddexp.reduce(x, -1) - np.log(6)

    answer = evidence(own[:8] + joint) - evidence(joint) - evidence(own[:8])
    pool, targets = (infoq.Categorical(logits=backend.array(x)) for x in (logits[:8], logits[8:]))
    actual = infoq.jpig(pool, targets, backend.array(labels[:8]), backend.array(labels[8:]))
    tolerance = {"float32": 2e-4, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(backend.numpy(actual), answer, atol=tolerance)
    assert np.abs(answer).max() > 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_hardly_possible_is_not_impossible(backend, dtype):
    # Each draw calls one of the two labels less probable than the smallest number there is.
    far = 4000.0
    logits = np.array([[[0.0, -far], [-far, 0.0]]] * 2)
    pool = infoq.Categorical(logits=backend.array(logits, dtype))
    zero, one = backend.array(np.array([0, 0])), backend.array(np.array([1, 1]))
    for name in ("pig", "jpig"):
        np.testing.assert_allclose(
            backend.numpy(score(name, pool, pool, zero, zero)), np.log(2), rtol=1e-6
        )
    per_target = backend.numpy(infoq.pig(pool, pool, zero, one))
    np.testing.assert_allclose(per_target, -far + np.log(4), rtol=1e-6)
    np.testing.assert_allclose(backend.numpy(infoq.ig(pool, one)), np.log(2), rtol=1e-6)


@names
def test_the_answer_does_not_depend_on_the_memory(backend, name):
    arrays = [backend.array(x) for x in (PROBS, TARGETS, LABELS, TARGET_LABELS)]
    whole = backend.numpy(score(name, *arrays))
    with infoq.options(memory=1):
        single = backend.numpy(score(name, *arrays))
    np.testing.assert_allclose(single, whole, rtol=1e-13, atol=1e-15)


def loss(name, logits, targets):
    """A weighted sum of the scores of NumPy logits through probabilities."""
    return float(
        np.arange(1.0, 6.0)
        @ score(name, oracles.softmax(logits), oracles.softmax(targets), LABELS, TARGET_LABELS)
    )


def numeric_gradient(function, x: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences of a scalar function."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


MASK = np.zeros_like(PROBS)
MASK[1, :, 1] = MASK[2, 0, 1] = -np.inf  # a class that no draw allows, and one that one does not


@pytest.mark.of_libraries("torch")
@pytest.mark.parametrize("masked", [False, True])
@names
def test_torch_gradients_agree_with_differences(name, masked):
    torch = pytest.importorskip("torch")
    start, mask = np.log(PROBS), MASK if masked else np.zeros_like(MASK)
    answer = numeric_gradient(lambda x: loss(name, x + mask, np.log(TARGETS)), start)
    logits = torch.tensor(start, requires_grad=True)
    values = torch.softmax(logits + torch.tensor(mask), -1)
    targets, labels, seen = (torch.tensor(x) for x in (TARGETS, LABELS, TARGET_LABELS))
    (score(name, values, targets, labels, seen) @ torch.arange(1.0, 6.0).double()).backward()
    np.testing.assert_allclose(logits.grad.numpy(), answer, atol=1e-7)

    def mapped(x):
        return score(name, x, targets, labels, seen)

    stacked = torch.stack([values, values.flip(0)]).detach()
    rows = torch.func.vmap(mapped)(stacked)
    torch.testing.assert_close(rows[0], mapped(stacked[0]), rtol=1e-12, atol=1e-14)
    assert bool(torch.all(torch.isfinite(torch.func.jacrev(mapped)(stacked[0]))))


@pytest.mark.of_libraries("jax")
@pytest.mark.parametrize("masked", [False, True])
@names
def test_jax_traces_probabilities_and_labels(name, masked):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    start, mask = np.log(PROBS), MASK if masked else np.zeros_like(MASK)
    answer = numeric_gradient(lambda x: loss(name, x + mask, np.log(TARGETS)), start)

    def scores(logits, labels, seen):
        return score(
            name, jax.nn.softmax(logits + mask, -1), jax.numpy.asarray(TARGETS), labels, seen
        )

    arrays = jax.numpy.asarray(LABELS), jax.numpy.asarray(TARGET_LABELS)

    def value(logits, labels, seen):
        return scores(logits, labels, seen) @ jax.numpy.arange(1.0, 6.0)

    np.testing.assert_allclose(np.array(jax.grad(value)(start, *arrays)), answer, atol=1e-7)
    np.testing.assert_allclose(
        np.array(jax.jit(scores)(start, *arrays)),
        np.array(scores(start, *arrays)),
        rtol=1e-11,
        atol=1e-14,
    )


@pytest.mark.of_libraries("dask")
@names
def test_dask_computes_nothing_before_it_is_asked(name):
    da = pytest.importorskip("dask.array")
    calls = []

    def load(block_info=None):
        calls.append(block_info)
        return PROBS[:2]

    pool = da.map_blocks(
        load, chunks=((2, 2), (4,), (3,)), dtype=np.float64, meta=np.ones((0, 0, 0))
    )
    targets, labels = da.from_array(TARGETS), da.from_array(np.array([0, 1, 2, 0]))
    lazy = score(name, pool, targets, labels, da.from_array(TARGET_LABELS))
    assert not calls
    assert lazy.shape == (4,)
    probs = np.concatenate([PROBS[:2]] * 2)
    answer = score(name, probs, TARGETS, np.array([0, 1, 2, 0]), TARGET_LABELS)
    np.testing.assert_allclose(lazy.compute(), answer, rtol=1e-12)
    bad = score(name, pool, targets, labels + 2, da.from_array(TARGET_LABELS))
    with pytest.raises(ValueError, match=r"labels: expected classes from 0 to 2, got [34]$"):
        bad.compute()


def test_labels_are_checked(backend):
    pool, targets = backend.array(PROBS), backend.array(TARGETS)
    labels, seen = backend.array(LABELS), backend.array(TARGET_LABELS)
    with pytest.raises(TypeError, match=r"labels: expected the observed labels .* got None"):
        infoq.ig(pool)
    with pytest.raises(TypeError, match=r"target_labels: expected the observed .* got None"):
        infoq.pig(pool, targets, labels)
    with pytest.raises(TypeError, match=r"labels: expected integers, got .*float64"):
        infoq.ig(pool, backend.array(LABELS, "float64"))
    with pytest.raises(ValueError, match=r"labels: expected shape \(5,\), one per candidate"):
        infoq.jpig(pool, targets, labels[:4], seen)
    with pytest.raises(ValueError, match=r"target_labels: expected shape \(3,\)"):
        infoq.jpig(pool, targets, labels, seen[:2])
    with pytest.raises(TypeError, match="labels: expected an array of an array API library"):
        infoq.ig(pool, [0, 1, 2, 0, 1])
    with pytest.raises(ValueError, match="approximation: 'trace' is for a Gaussian"):
        infoq.ig(pool, labels, approximation="trace")
    with pytest.raises(ValueError, match="targets: expected the K=4 posterior draws"):
        infoq.pig(pool, targets[:, :2, :], labels, seen)
    for wrong, place in ((3, 4), (-1, 0)):
        bad = LABELS.copy()
        bad[place] = wrong
        message = f"labels: expected classes from 0 to 2, got {wrong}"
        with pytest.raises(
            ValueError, match=f"{message} at {place}" if backend.reads_values else message
        ):
            backend.numpy(infoq.ig(pool, backend.array(bad)))
    with pytest.raises(ValueError, match="target_labels: expected classes from 0 to 1, got 2"):
        backend.numpy(infoq.pig(pool, targets, labels, backend.array(np.array([0, 2, 1]))))


def test_bare_arrays_are_checked(backend):
    bad = PROBS.copy()
    bad[3, 1] *= 2
    labels = backend.array(LABELS)
    message = "candidate 3, draw 1" if backend.reads_values else "probs"
    with pytest.raises(ValueError, match=message):
        backend.numpy(infoq.ig(backend.array(bad), labels))
    with pytest.raises(
        ValueError, match=f"targets: {message}" if backend.reads_values else message
    ):
        backend.numpy(infoq.jpig(backend.array(PROBS), backend.array(bad), labels, labels))


def test_contexts_are_checked(backend):
    pool = infoq.Categorical(backend.array(PROBS))
    labels = backend.array(LABELS)
    expected_outcomes = pool.observe(pool.context(), 0)
    with pytest.raises(ValueError, match="given: expected observed labels, got outcomes that are"):
        infoq.ig(pool, labels, given=expected_outcomes)
    with pytest.raises(ValueError, match="given: got outcomes that are not known yet beside"):
        pool.observe(expected_outcomes, 1, 0)
    with pytest.raises(TypeError, match=r"given: expected observed labels, .* got float"):
        infoq.ig(pool, labels, given=1.0)
    known = pool.observe(pool.context(), 0, 1)
    with pytest.raises(ValueError, match="given: got observed labels, which ig, pig and jpig take"):
        infoq.eig(pool, given=known)
    with pytest.raises(ValueError, match="given: got observed labels"):
        pool.entropy(known)
    with pytest.raises(ValueError, match="given: got observed labels"):
        pool.observe(known, 1)
    with pytest.raises(ValueError, match="label: expected classes from 0 to 2, got 3"):
        pool.observe(known, 1, 3)
    with pytest.raises(IndexError, match="index: expected one of 5 candidates, got 5"):
        pool.observe(known, 5, 0)
    fewer = infoq.Categorical(backend.array(PROBS[:, :2, :]))
    with pytest.raises(ValueError, match="given: expected K=4 draws"):
        infoq.ig(pool, labels, given=fewer.context())


def entropy_of_draws(weights, logs, likelihood):
    """The drop in differential entropy of draws with densities, by its definition."""
    after = told(weights, likelihood)
    some = after > 0
    assert np.all(weights[some] > 0)
    later = logs[some] + np.log(after[some] / weights[some])
    return float(after[some] @ later - weights @ logs)


@given(probs=oracles.probabilities(4, 5, 3), seed=st.integers(0, 9))
def test_the_drop_in_entropy_of_draws_with_densities(backend, probs, seed):
    rng = np.random.default_rng(seed)
    labels, logs = rng.integers(3, size=4), 3 * rng.normal(size=5) - 100
    weights = oracles.draw_weights(5, seed)
    pool = infoq.Categorical(backend.array(probs), weights=backend.array(weights))
    seen, density = backend.array(labels), backend.array(logs)
    named = {"measure": "entropy", "log_density": density}
    score = backend.numpy(infoq.ig(pool, seen, **named))
    own = picked(probs, labels)
    expected = [entropy_of_draws(weights, logs, x) for x in own]
    np.testing.assert_allclose(score, expected, rtol=1e-9, atol=1e-11)
    # What is given changes the weights, and the density of each draw as its weight.
    known = pool.observe(pool.context(), 0, int(labels[0]))
    later = told(weights, own[0])
    some = (weights > 0) & (later > 0)
    dense = np.zeros(5)
    dense[some] = logs[some] + np.log(later[some] / weights[some])
    score = backend.numpy(infoq.ig(pool, seen, given=known, **named))
    expected = [entropy_of_draws(later, dense, x) for x in own]
    np.testing.assert_allclose(score, expected, rtol=1e-9, atol=1e-11)
    # The mean over the labels that are expected is the information that they are expected to give.
    mean = np.zeros(4)
    for label in range(3):
        each = backend.array(np.full(4, label))
        mean += (weights @ probs)[:, label] * backend.numpy(infoq.ig(pool, each, **named))
    np.testing.assert_allclose(mean, backend.numpy(infoq.eig(pool)), rtol=1e-8, atol=1e-12)


def test_entropy_of_draws_is_of_the_parameters_and_may_be_negative(backend):
    # A grid over a standard normal parameter, one equal step a draw, and a label it doubts.
    theta = np.linspace(-8, 8, 2001)
    weights = np.exp(-(theta**2) / 2)
    weights /= weights.sum()
    logs = -(theta**2) / 2
    noise = 0.5
    yes = np.exp(-((theta - 3) ** 2) / 2 / noise)
    rows = np.stack([yes, 1 - yes], axis=1)[None]
    pool = infoq.Categorical(backend.array(rows), weights=backend.array(weights))
    label = backend.array(np.array([0]))
    named = {"measure": "entropy", "log_density": backend.array(logs)}
    drop = backend.numpy(infoq.ig(pool, label, **named))
    # The posterior is a normal with precision 1 + 1 / noise.
    np.testing.assert_allclose(drop, [np.log(1 + 1 / noise) / 2], rtol=1e-6)
    # A density with a sharp peak, and a label that is seen far from it.
    peaked = np.exp(-(theta**2) * 50) * 5 + 1e-2 * np.exp(-(theta**2) / 18)
    peaked /= peaked.sum()
    far = np.where(np.abs(theta) > 1, 0.9, 0.1)
    pool = infoq.Categorical(
        backend.array(np.stack([far, 1 - far], axis=1)[None]), weights=backend.array(peaked)
    )
    named["log_density"] = backend.array(np.log(peaked))
    drop = backend.numpy(infoq.ig(pool, label, **named))
    np.testing.assert_allclose(drop, [entropy_of_draws(peaked, np.log(peaked), far)], rtol=1e-9)
    assert drop[0] < -0.1
    assert backend.numpy(infoq.ig(pool, label))[0] > 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_in_the_density_costs_no_digits(backend, dtype):
    rng = np.random.default_rng(1)
    probs = oracles.softmax(rng.normal(size=(3, 1, 3)) + 1e-2 * rng.normal(size=(3, 5, 3)))
    logs, labels = rng.normal(size=5), np.array([0, 1, 2])
    pool, seen = backend.array(probs, dtype), backend.array(labels)
    for constant in (0.0, -1e6):
        density = backend.array(logs + constant)
        score = infoq.ig(pool, seen, measure="entropy", log_density=density)
        expected = [entropy_of_draws(np.full(5, 0.2), logs, x) for x in picked(probs, labels)]
        tolerance = {"float32": 1e-7, "float64": 1e-10}[dtype]
        np.testing.assert_allclose(backend.numpy(score), expected, rtol=0, atol=tolerance)


def test_measures_and_densities_that_are_refused(backend):
    pool, seen = backend.array(PROBS), backend.array(LABELS)
    gaussian = infoq.Gaussian(backend.array(np.eye(2)), 1.0)
    density = backend.array(np.zeros(4))
    for score in (infoq.ig, infoq.IG):
        with pytest.raises(
            ValueError, match="measure: expected one of 'divergence', 'entropy', got"
        ):
            score(pool, seen, measure="kl")
        with pytest.raises(TypeError, match="log_density: the drop in differential entropy needs"):
            score(pool, seen, measure="entropy")
        with pytest.raises(ValueError, match="log_density: is of a Categorical"):
            score(pool, seen, log_density=density)
        with pytest.raises(ValueError, match="log_density: is of a Categorical"):
            score(gaussian, measure="entropy", log_density=density)
        with pytest.raises(ValueError, match=r"log_density: expected shape \(4,\), one per draw"):
            score(pool, seen, measure="entropy", log_density=density[:3])
        with pytest.raises(TypeError, match="log_density: expected a real floating dtype"):
            score(pool, seen, measure="entropy", log_density=backend.array(np.arange(4)))
        bad = backend.array(np.array([0.0, 0.0, -np.inf, 0.0]))
        if backend.reads_values:
            with pytest.raises(ValueError, match="log_density: draw 2 has a value that is NaN or"):
                score(pool, seen, measure="entropy", log_density=bad)
        with pytest.raises(ValueError, match="approximation: 'trace' is for a Gaussian"):
            score(pool, seen, approximation="trace")


def test_what_a_rare_label_tells_keeps_its_digits_beside_one_that_is_not(backend):
    rare, often = 0.01 * (1 + 1e-9 * RNG.normal(size=4)), np.array([0.9, 0.2, 0.7, 0.5])
    rows = np.stack([np.stack([p, 1 - p], axis=1) for p in (rare, often)])
    labels = np.zeros(2, np.int64)
    alone = backend.call(infoq.ig, rows[:1], labels[:1])
    np.testing.assert_allclose(backend.call(infoq.ig, rows, labels)[:1], alone, rtol=1e-9)
    assert 0 < alone[0] < 1e-17

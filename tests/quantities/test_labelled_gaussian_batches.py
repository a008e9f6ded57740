"""IG, PIG and JPIG of labelled batches in weight space: by P x P matrices of the whole batch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import infoq
from infoq import IG, JPIG, PIG
from tests.quantities.labelled_cases import FAMILIES, Problem

ROUNDING = 1e-9
NAMES = ["IG", "IG, trace", "PIG", "JPIG"]
names = pytest.mark.parametrize("name", NAMES)
families = pytest.mark.parametrize("family", FAMILIES)


def make(name, problem, backend, structure="last layer", dtype=None, **named):
    """A set function of a problem's candidates."""
    pool, (labels, theirs) = problem.pool(backend, structure, dtype), problem.both_labels(backend)
    if name.startswith("IG"):
        how = "trace" if name.endswith("trace") else "logdet"
        return IG(pool, labels, approximation=how, **named)
    targets = problem.targets(backend, structure, dtype)
    if name == "JPIG":
        return JPIG(pool, targets, labels, theirs, **named)
    weights = backend.array(problem.weights, dtype)
    return PIG(pool, targets, labels, theirs, target_weights=weights, **named)


def value_of(name, problem, batch):
    """The value of a batch by its definition."""
    if not batch:
        return 0.0
    if name == "IG":
        return problem.divergence(batch)
    if name == "IG, trace":
        return problem.first_order(batch)
    return problem.pointwise(name, batch)


def check(name, function, problem, backend, order):
    """Gains, values and removals of a growing batch."""
    everyone = range(problem.count)
    assert len(function) == problem.count
    assert not function.submodular
    batch, state, total = [], function.start(), 0.0
    assert float(function.value(state)) == 0
    for index in order:
        gains = backend.numpy(function.gains(state))
        before = value_of(name, problem, batch)
        expected = [value_of(name, problem, [*batch, i]) - before for i in everyone]
        np.testing.assert_allclose(gains, expected, rtol=1e-7, atol=ROUNDING)
        few = function.gains_of(state, backend.array(np.array([3, 1])))
        np.testing.assert_allclose(backend.numpy(few), gains[[3, 1]], rtol=1e-9, atol=1e-12)
        state, total = function.add(state, index), total + gains[index]
        batch.append(index)
        value = value_of(name, problem, batch)
        assert float(function.value(state)) == pytest.approx(value, rel=1e-7, abs=ROUNDING)
        assert total == pytest.approx(value, rel=1e-7, abs=ROUNDING)
    fewer, rest = function.remove(state, order[0]), batch[1:]
    assert fewer.indices == tuple(rest)
    value = value_of(name, problem, rest)
    assert float(function.value(fewer)) == pytest.approx(value, rel=1e-7, abs=ROUNDING)
    expected = [value_of(name, problem, [*rest, i]) - value for i in everyone]
    gains = backend.numpy(function.gains(fewer))
    np.testing.assert_allclose(gains, expected, rtol=1e-6, atol=10 * ROUNDING)
    alone = function.remove(function.add(function.start(), 1), 1)
    np.testing.assert_allclose(
        backend.numpy(function.gains(alone)),
        backend.numpy(function.gains(function.start())),
        rtol=1e-7,
        atol=ROUNDING,
    )
    with pytest.raises(ValueError, match="index: 0 is not in the batch"):
        function.remove(function.add(function.start(), 1), 0)


@names
@families
def test_gains_are_increments_of_what_the_whole_batch_tells(backend, name, family):
    problem = Problem(family, 20, candidates=5)
    check(name, make(name, problem, backend), problem, backend, (2, 0, 4))


@names
@pytest.mark.parametrize("structure", ["fisher", "jacobian"])
def test_in_other_structures(backend, name, structure):
    problem = Problem("softmax", 21, candidates=4, targets=2)
    check(name, make(name, problem, backend, structure), problem, backend, (1, 3))


def test_with_more_targets_than_parameters(backend):
    problem = Problem("bernoulli", 22, candidates=4, targets=9)
    check("JPIG", make("JPIG", problem, backend), problem, backend, (3, 0, 1))


@names
def test_a_candidate_may_come_twice(backend, name):
    # As of another annotator with the same answer: its information counts twice.
    problem = Problem("softmax", 23)
    function = make(name, problem, backend)
    state = function.add(function.add(function.start(), 1), 1)
    expected = value_of(name, problem, [1, 1])
    assert float(function.value(state)) == pytest.approx(expected, rel=1e-8)


@names
def test_gains_of_the_empty_batch_are_scores_and_selections_take_the_best(backend, name):
    problem = Problem("softmax", 24, candidates=7)
    function = make(name, problem, backend)
    pool, labels = problem.pool(backend), problem.both_labels(backend)
    if name.startswith("IG"):
        how = "trace" if name.endswith("trace") else "logdet"
        score = infoq.ig(pool, labels[0], approximation=how)
    elif name == "JPIG":
        score = infoq.jpig(pool, problem.targets(backend), *labels)
    else:
        weights = backend.array(problem.weights)
        score = infoq.pig(pool, problem.targets(backend), *labels, target_weights=weights)
    first = backend.numpy(function.gains(function.start()))
    np.testing.assert_allclose(first, backend.numpy(score), rtol=1e-9, atol=1e-12)
    batch = infoq.greedy(function, 3)
    taken: list[int] = []
    for index, gain in zip(
        backend.numpy(batch.indices).tolist(), backend.numpy(batch.gains), strict=True
    ):
        rest = [i for i in range(7) if i not in taken]
        values = [value_of(name, problem, [*taken, i]) for i in rest]
        assert index == rest[int(np.argmax(values))]
        before = value_of(name, problem, taken)
        assert gain == pytest.approx(max(values) - before, rel=1e-7, abs=ROUNDING)
        taken.append(index)
    both = infoq.forward_backward(function, 2)
    assert len(backend.numpy(both.indices)) == 2
    with pytest.warns(UserWarning, match="lazy_greedy is a heuristic"):
        lazy = infoq.lazy_greedy(function, 1)
    assert backend.numpy(lazy.indices).tolist() == taken[:1]


@names
def test_what_is_given_comes_before_the_batch(backend, name):
    problem = Problem("poisson", 25)
    pool = problem.pool(backend)
    function = make(name, problem, backend, given=pool.observe(pool.context(), 3))
    after = problem.with_known([3])
    state = function.add(function.add(function.start(), 0), 2)
    expected = value_of(name, after, [0, 2])
    assert float(function.value(state)) == pytest.approx(expected, rel=1e-8)
    gains = [value_of(name, after, [0, 2, i]) - expected for i in range(4)]
    actual = backend.numpy(function.gains(state))
    np.testing.assert_allclose(actual, gains, rtol=1e-7, atol=ROUNDING)


@names
def test_float32_batches(backend, name):
    problem = Problem("softmax", 26, candidates=8)
    function = make(name, problem, backend, dtype="float32")
    state, batch = function.start(), [2, 5, 0, 7]
    for index in batch:
        state = function.add(state, index)
    value = function.value(state)
    gains = backend.numpy(function.gains(state))
    assert gains.dtype == np.float32
    expected = value_of(name, problem, batch)
    assert float(value) == pytest.approx(expected, rel=1e-4)
    exact = np.array([value_of(name, problem, [*batch, i]) - expected for i in range(8)])
    np.testing.assert_allclose(gains, exact, atol=1e-4 * max(np.abs(exact).max(), abs(expected)))


@pytest.mark.parametrize("precision", [1e-4, 1e-6])
@pytest.mark.parametrize("family", ["normal", "softmax"])
@pytest.mark.parametrize("name", ["IG", "JPIG"])
def test_float32_where_outcomes_say_nearly_all(backend, name, family, precision):
    # Beyond as many picks as parameters: others leave next to nothing of what candidates say.
    problem = Problem(family, 30, candidates=7, targets=2, precision=precision)
    function = make(name, problem, backend, dtype="float32")
    state, batch = function.start(), []
    for index in (2, 5, 0, 3):
        gains = backend.numpy(function.gains(state))
        expected = value_of(name, problem, batch)
        exact = np.array([value_of(name, problem, [*batch, i]) - expected for i in range(7)])
        np.testing.assert_allclose(gains, exact, atol=1e-3 * np.abs(exact).max())
        state = function.add(state, index)
        batch.append(index)
    expected = value_of(name, problem, batch)
    assert float(function.value(state)) == pytest.approx(expected, rel=3e-3)
    fewer = backend.numpy(function.gains(function.remove(state, 5)))
    rest = [2, 0, 3]
    expected = value_of(name, problem, rest)
    exact = np.array([value_of(name, problem, [*rest, i]) - expected for i in range(7)])
    np.testing.assert_allclose(fewer, exact, atol=1e-3 * np.abs(exact).max())


@names
def test_a_last_layer_is_never_formed_in_full(name):
    # 6000 candidates of 10 classes and 200 features would be 860 MB of rows in float64.
    rng = np.random.default_rng(27)
    count, classes, features = 6000, 10, 200
    x, z = rng.normal(size=(count, features)) / 20, rng.normal(size=(count, classes))
    labels = rng.integers(classes, size=count)
    softmax = infoq.likelihoods.Softmax(logits=z)
    layer = infoq.LastLayerEmbedding(x, softmax)
    pool, targets = infoq.Gaussian(layer, 1.0), layer[:2]
    if name.startswith("IG"):
        function = IG(pool, labels, approximation="trace" if "trace" in name else "logdet")
    else:
        function = {"PIG": PIG, "JPIG": JPIG}[name](pool, targets, labels, labels[:2])
    tracemalloc.start()
    function.gains(function.add(function.start(), 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e8


@pytest.mark.of_libraries("jax")
def test_jax_jit_of_greedy_with_traced_labels():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(28)
    x, z = (jax.numpy.asarray(rng.normal(size=(4, 2))) for _ in range(2))
    labels = jax.numpy.asarray(rng.integers(2, size=4))

    def batch(x, z, labels):
        layer = infoq.LastLayerEmbedding(x, infoq.likelihoods.Softmax(logits=z))
        pool, targets = infoq.Gaussian(layer, 1.0), layer[3:]
        functions = (
            IG(pool, labels),
            JPIG(pool, targets, labels, labels[3:]),
            PIG(pool, targets, labels, labels[3:]),
        )
        return [infoq.greedy(f, 2) for f in functions]

    for one, two in zip(batch(x, z, labels), jax.jit(batch)(x, z, labels), strict=True):
        np.testing.assert_array_equal(np.array(one.indices), np.array(two.indices))
        np.testing.assert_allclose(np.array(one.gains), np.array(two.gains), atol=1e-12)


@pytest.mark.of_libraries("torch")
def test_torch_gradients_of_gains_and_values():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(29)
    arrays = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    inputs = tuple(torch.tensor(x, requires_grad=True) for x in arrays)
    labels = torch.tensor(rng.integers(3, size=4))

    def answers(x, z):
        layer = infoq.LastLayerEmbedding(x, infoq.likelihoods.Softmax(logits=z))
        pool, targets = infoq.Gaussian(layer, 1.0), layer[2:]
        functions = (
            IG(pool, labels),
            IG(pool, labels, approximation="trace"),
            JPIG(pool, targets, labels, labels[2:]),
            PIG(pool, targets, labels, labels[2:]),
        )
        for function in functions:
            state = function.add(function.add(function.start(), 0), 3)
            yield function.value(state)
            yield from function.gains(state)

    assert torch.autograd.gradcheck(lambda *x: tuple(answers(*x)), inputs)


@pytest.mark.parametrize("name", ["IG", "PIG", "JPIG"])
def test_gains_after_what_is_known_well_add_up(backend, name):
    """What is given has measured so much that its covariance is no difference."""
    rng = np.random.default_rng(0)
    x, labels = 3 * rng.normal(size=(8, 12)), backend.array(rng.normal(size=8))

    def layer(features):
        mean = backend.array(np.zeros(len(features)))
        normal = infoq.likelihoods.Normal(backend.array(np.full(len(features), 0.1)), mean=mean)
        return infoq.LastLayerEmbedding(backend.array(features), normal)

    pool = infoq.Gaussian(layer(x), 1.0)
    known = pool.observe(pool.observe(pool.context(), 3), 4)
    about = () if name == "IG" else (layer(x[5:] / 2),)
    theirs = () if name == "IG" else (labels[5:],)
    f = getattr(infoq, name)(pool, *about, labels, *theirs, given=known)
    state, total = f.start(), 0.0
    for index in (0, 2, 6):
        total += backend.numpy(f.gains(state))[index]
        state = f.add(state, index)
    assert float(f.value(state)) == pytest.approx(total, rel=1e-8)

"""Blocks: how large they may be, and that no answer depends on it."""

import gc
import importlib
import threading
import weakref
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.backends import ops_for
from infoq.backends.trees import Tree
from infoq.blocks import add_rows, map_rows, sum_columns
from infoq.settings import current_options, parse_bytes

DEFAULT = 512 * 10**6
MEMORY = [1, "1KB", "1GB"]


@pytest.mark.parametrize(
    ("memory", "count"),
    [
        (1, 1),
        (10**12, 10**12),
        (np.int64(5), 5),
        (1e6, 10**6),
        ("7", 7),
        ("7B", 7),
        ("512MB", DEFAULT),
        ("512 mb", DEFAULT),
        (" 2GiB ", 2 * 2**30),
        ("3k", 3000),
        ("3KiB", 3072),
        ("1.5 GiB", 3 * 2**29),
        (".5KB", 500),
        ("1TB", 10**12),
        ("2 TiB", 2**41),
        ("1e3", 1000),
        ("1e9", 10**9),
        ("1.5e-3GB", 1_500_000),
    ],
)
def test_memory_is_bytes_or_text(memory, count):
    assert parse_bytes(memory) == count
    with infoq.options(memory=memory) as settings:
        assert settings.memory == current_options().memory == count


NUMBERS = [0, -1, -0.5, 0.5, 1.5, True, False, float("nan"), float("inf")]
TEXTS = ["", "0", "0MB", "-5MB", "0.1", "MB", "much", "5XB", "5 M B", "IB", "5IB", "1.5", "1e-9"]
TEXTS += ["1e400", "5e", "e5"]
JUNK = [b"5", [5], (5,), {}, object()]


@pytest.mark.parametrize("memory", [*NUMBERS, *TEXTS, *JUNK], ids=lambda memory: str(memory)[:9])
def test_what_is_no_memory_is_refused(memory):
    found = "memory: expected bytes, or text such as '512MB'"
    with pytest.raises(ValueError, match=found) as error, infoq.options(memory=memory):
        raise AssertionError("the block must not run")
    assert repr(memory) in str(error.value)
    assert current_options().memory == DEFAULT


def test_settings_nest_and_are_put_back():
    assert current_options().memory == DEFAULT
    with infoq.options(memory=1000):
        with infoq.options(memory="1GB"):
            assert current_options().memory == 10**9
            with infoq.options():
                assert current_options().memory == 10**9
        assert current_options().memory == 1000
    assert current_options().memory == DEFAULT


def test_settings_are_put_back_after_an_error():
    with pytest.raises(KeyError, match="inside"), infoq.options(memory=1):
        raise KeyError("inside")
    assert current_options().memory == DEFAULT


def test_settings_can_not_be_written_to():
    with infoq.options(memory=5) as settings, pytest.raises(AttributeError):
        settings.memory = 7


@pytest.mark.of_libraries("torch")
def test_settings_hold_inside_what_torch_compiles(backend):
    def seen(x):
        with infoq.options(memory="2KB") as settings:
            with infoq.options(memory=1000), infoq.options():
                inner = current_options().memory
            outer = current_options().memory
        return x + inner, x + outer, x + settings.memory, x + current_options().memory

    run = backend.module.compile(seen, fullgraph=True, backend="eager")
    x = backend.array(np.zeros(1))
    for function in (seen, run, run):
        assert [float(y) for y in function(x)] == [1000, 2000, 2000, DEFAULT]
    with infoq.options(memory="1KB"):  # without them those that it was traced with hold
        assert [float(y) for y in run(x)] == [1000, 2000, 2000, DEFAULT]
    assert current_options().memory == DEFAULT


@pytest.mark.of_libraries("torch")
def test_blocks_are_as_small_inside_what_torch_compiles(backend):
    from torch._dynamo.testing import CompileCounter

    x = backend.array(np.random.default_rng(0).dirichlet(np.ones(3), (8, 4)))
    operations = {}
    for memory in (1, 10**6):

        def scores(x, memory=memory):
            with infoq.options(memory=memory):
                return infoq.eig(x)

        counter = CompileCounter()
        found = backend.module.compile(scores, fullgraph=True, backend=counter)(x)
        np.testing.assert_allclose(backend.numpy(found), backend.numpy(infoq.eig(x)), rtol=1e-12)
        operations[memory] = counter.op_count
    # A candidate at a time, each a part of the program; some parts are of all of them.
    assert operations[1] > 7 * operations[10**6]


@pytest.mark.of_libraries("torch")
def test_settings_are_put_back_around_a_graph_break(backend):
    def seen(x):
        with infoq.options(memory=3):
            backend.module._dynamo.graph_break()
            return x + current_options().memory

    run = backend.module.compile(seen, backend="eager")
    assert float(run(backend.array(np.zeros(1)))) == 3
    assert current_options().memory == DEFAULT


def test_another_thread_has_its_own_settings():
    seen, inside, seen_by_both = {}, threading.Barrier(2), threading.Barrier(2)

    def work(name, memory):
        with infoq.options(memory=memory):
            inside.wait()
            seen[name] = current_options().memory
            seen_by_both.wait()
        seen[name, "after"] = current_options().memory

    with infoq.options(memory=5):
        threads = [threading.Thread(target=work, args=(n, m)) for n, m in (("a", 7), ("b", 9))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert current_options().memory == 5
    assert seen == {"a": 7, "b": 9, ("a", "after"): DEFAULT, ("b", "after"): DEFAULT}


def pool(seed, *shape):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1])


@pytest.fixture(scope="module")
def whole(backend):
    """The answers under the default budget."""
    probs, targets = pool(0, 6, 4, 3), pool(1, 3, 4, 2)
    return probs, targets, [*answers(backend, probs, targets)]


def answers(backend, probs, targets):
    yield backend.call(infoq.bald, probs)
    yield backend.call(infoq.epig, probs, targets)
    batch = infoq.greedy(infoq.EIG(backend.array(probs), samples=8), 3)
    yield from (backend.numpy(x) for x in batch)
    some = infoq.Categorical(logits=backend.array(np.log(probs)))
    yield backend.numpy(infoq.bald(some))


@pytest.mark.parametrize("memory", MEMORY, ids=str)
def test_answers_do_not_depend_on_the_size_of_a_block(backend, whole, memory):
    probs, targets, expected = whole
    with infoq.options(memory=memory):
        actual = [*answers(backend, probs, targets)]
    for one, two in zip(actual, expected, strict=True):
        assert one.dtype == two.dtype
        np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 5, 6])
@pytest.mark.parametrize("memory", [1, 80, 81, 10**9])
def test_every_row_is_seen_once_in_blocks_that_fit(backend, rows, memory):
    x = np.arange(2.0 * rows).reshape(rows, 2)

    def kernel(ops, block, shared):
        return 1000 * (ops.xp.sum(block, axis=-1) + shared[0]) + block.shape[0]

    with infoq.options(memory=memory):
        mapped = map_rows(kernel, (backend.array(x),), (backend.array([100.0]),), bytes_per_row=40)
    # Dask runs its chunks here, after the block: under the settings of the call all the same.
    values, sizes = np.divmod(backend.numpy(mapped), 1000)
    np.testing.assert_array_equal(values, x.sum(-1) + 100)
    assert sizes.max() <= max(1, memory // 40)
    # As many rows tell of a block of n as there are in such blocks.
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        assert count % size == 0


def kernel_that_tells_its_settings(ops, block):
    return block[:, 0] * 0 + current_options().memory


@pytest.mark.parametrize("memory", [10**6, 10**7])
def test_a_kernel_sees_the_settings_of_its_call(backend, memory):
    # One kernel twice: a program compiled for the first call must not serve the second.
    with infoq.options(memory=memory):
        mapped = map_rows(
            kernel_that_tells_its_settings, (backend.array(np.ones((4, 2))),), bytes_per_row=8
        )
    assert backend.numpy(mapped).tolist() == [memory] * 4


def test_shared_arrays_are_prepared_for_every_block(backend):
    def prepare(ops, shared):
        return ops.xp.sum(shared), ops.xp.ones_like(shared) * 3

    def kernel(ops, block, total, threes):
        return block[:, 0] * 0 + total + threes[0, 0]

    x, shared = np.zeros((6, 2)), np.ones((2, 2))
    with infoq.options(memory=1):
        mapped = map_rows(
            kernel, (backend.array(x),), (backend.array(shared),), bytes_per_row=8, prepare=prepare
        )
    assert backend.numpy(mapped).tolist() == [7.0] * 6


def in_memory(backend, x):
    """An array of the library that computes: for Dask, of what holds its chunks."""
    return backend.ops.fetch(backend.array(x))


@pytest.mark.parametrize("columns", [1, 2, 7])
@pytest.mark.parametrize("memory", [1, 40, 49, 10**9])
def test_sums_over_blocks_of_columns(backend, columns, memory):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(columns, 3)), rng.normal(size=columns)
    arrays = in_memory(backend, x), in_memory(backend, weights)
    ops = ops_for(*arrays)
    sizes = []

    def weighted(x, weights):
        sizes.append(x.shape[0])
        return ops.xp.matmul(weights, x)

    with infoq.options(memory=memory):
        total = sum_columns(ops, weighted, arrays, bytes_per_column=16)
    np.testing.assert_allclose(ops.to_host(total), weights @ x, rtol=1e-13)
    assert max(sizes) <= max(1, memory // 16)


@given(columns=st.integers(1, 30), step=st.integers(1, 40))
def test_blocks_of_columns_leave_no_gap_and_do_not_overlap(backend, columns, step):
    places = in_memory(backend, 2.0 ** np.arange(30))[:columns]
    ops = ops_for(places)
    total = ops.sum_blocks(lambda x: ops.xp.sum(x), (places,), step)
    assert float(total) == 2.0**columns - 1


def outer(ops, block, weights, *shared):
    """The weighed sum of outer products: [2, 2], and what is shared a block."""
    total = ops.xp.matmul((block * weights[:, None]).T, block)
    return total if not shared else total * shared[0][1][0]


@pytest.mark.parametrize("rows", [1, 2, 5, 6])
@pytest.mark.parametrize("memory", [1, 80, 81, 10**9])
def test_sums_over_blocks_of_candidates(backend, rows, memory):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(rows, 2)), rng.normal(size=rows)
    with infoq.options(memory=memory):
        total = add_rows(
            outer,
            (backend.array(x), backend.array(weights)),
            ((None, (backend.array([3.0])[0],)),),
            shape=(2, 2),
            bytes_per_row=40,
        )
    assert total.shape == (2, 2)
    np.testing.assert_allclose(backend.numpy(total), 3 * (x.T * weights) @ x, rtol=1e-12)


def test_sums_of_arrays_in_memory_and_in_chunks(backend):
    # What an `Ops` makes is in memory also where the candidates are not.
    x = backend.array(np.arange(10.0).reshape(5, 2))
    ones = backend.ops.constant((5,), 1.0, x)
    total = add_rows(outer, (x, ones), shape=(2, 2), bytes_per_row=8)
    full = np.arange(10.0).reshape(5, 2)
    np.testing.assert_allclose(backend.numpy(total), full.T @ full, rtol=1e-12)


def test_axes_of_other_lengths_do_not_meet(backend):
    def kernel(ops, one, two, shared):
        return ops.xp.sum(one, axis=1) + ops.xp.sum(two, axis=(1, 2)) + ops.xp.sum(shared)

    arrays = [backend.array(np.ones(shape)) for shape in ((6, 2), (6, 3, 4), (5, 3))]
    mapped = map_rows(kernel, tuple(arrays[:2]), (arrays[2],), bytes_per_row=8)
    assert backend.numpy(mapped).tolist() == [2 + 12 + 15] * 6


def test_nested_tuples_are_shared_as_they_are(backend):
    class Pair(NamedTuple):
        one: object
        two: object

    def kernel(ops, block, shared, number):
        assert type(shared) is Pair
        assert type(shared.two) is tuple
        inner, nothing, text = shared.two
        assert nothing is None
        assert text == "text"
        return block[:, 0] + shared.one[0, 1] + ops.xp.sum(inner.one) + inner.two + number

    matrix, vector = np.arange(6.0).reshape(2, 3), np.ones(5)
    shared = Pair(
        backend.array(matrix), (Pair(backend.array(vector), backend.array(10.0)), None, "text")
    )
    # Compiled libraries take arrays and numbers: text is what they can't.
    if backend.name == "jax":
        return
    mapped = map_rows(kernel, (backend.array(np.zeros((4, 2))),), (shared, 2), bytes_per_row=8)
    assert backend.numpy(mapped).tolist() == [1 + 5 + 10 + 2] * 4


@pytest.mark.of_libraries("dask")
def test_dask_adds_up_nothing_before_it_is_asked():
    da = pytest.importorskip("dask.array")
    loaded = []

    def load(block_info=None):
        loaded.append(block_info)
        return np.ones((2, 2))

    x = da.map_blocks(load, chunks=((2, 2, 2), (2,)), meta=np.ones((0, 0)))
    total = add_rows(outer, (x, da.ones(6, chunks=4)), shape=(2, 2), bytes_per_row=8)
    assert not loaded
    np.testing.assert_array_equal(total.compute(), np.full((2, 2), 6.0))
    assert len(loaded) == 3


class Once(NamedTuple):
    """A kernel that does nothing."""

    def __call__(self, ops, x):
        return x


class Twice(NamedTuple):
    """A kernel that is equal to `Once` as far as tuples can tell."""

    def __call__(self, ops, x):
        return 2 * x


def test_kernels_of_equal_fields_are_not_the_same(backend):
    x = backend.array([1.0, 2.0])
    results = [backend.numpy(map_rows(kernel(), (x,), bytes_per_row=8)) for kernel in (Once, Twice)]
    np.testing.assert_array_equal(results, [[1, 2], [2, 4]])


# --- objects made of arrays -------------------------------------------------------------------


class Scale(Tree):
    """A factor for each candidate, or one for all, which is no array."""

    _arrays = ("factors",)
    _static = ("factor",)
    factors: Any = None
    factor: float = 1.0

    def of_all(self, ops, count, like):
        """The factor of each: [n]."""
        if self.factors is not None:
            return self.factors
        return ops.constant((count,), self.factor, like)


class Measured(Tree):
    """Values and their scale: a tree within a tree."""

    _arrays = ("scale", "values")
    _static = ("power",)
    scale: Scale
    values: Any
    power: int = 1

    def scores(self, ops):
        """A number for each candidate: [n]."""
        scale = self.scale.of_all(ops, self.values.shape[0], self.values)
        return ops.xp.sum(self.values, axis=1) ** self.power * scale


class Older(Tree):
    """In the older way, with parts that are set."""

    def __init__(self, values, power):
        self._parts, self._settings = (values,), power

    def scores(self, ops):
        """A number for each candidate: [n]."""
        return ops.xp.sum(self.parts[0], axis=1) ** self.settings


class Both(NamedTuple):
    """A tuple with names, of a tree and an array."""

    tree: Any
    more: Any


VALUES = np.random.default_rng(0).random((6, 2))
FACTORS = np.random.default_rng(1).random(6)
SUMS = VALUES.sum(1)
OBJECTS = {
    "a tree": (
        lambda a: Measured.of(scale=Scale.of(factors=a(FACTORS)), values=a(VALUES)),
        FACTORS * SUMS,
    ),
    "one of no arrays in it": (
        lambda a: Measured.of(scale=Scale.of(factor=3.0), values=a(VALUES), power=2),
        3 * SUMS**2,
    ),
    "older": (lambda a: Older(a(VALUES), 2), SUMS**2),
}
every_object = pytest.mark.parametrize("name", OBJECTS)
every_memory = pytest.mark.parametrize("memory", [1, 80, 10**9])


def of_object(ops, tree, *others):
    """The scores of an object, and the sums of what is beside it."""
    assert isinstance(tree, Tree)
    total = tree.scores(ops)
    for x in others:
        total = total + (x if x.ndim < 2 else ops.xp.sum(x, axis=1))
    return total


@every_object
@every_memory
def test_objects_reach_kernels_whole(backend, name, memory):
    make, expected = OBJECTS[name]
    with infoq.options(memory=memory):
        mapped = map_rows(of_object, (make(backend.array),), bytes_per_row=40)
    np.testing.assert_allclose(backend.numpy(mapped), expected, rtol=1e-13)


@every_object
@every_memory
def test_objects_stand_beside_arrays_and_in_tuples(backend, name, memory):
    make, expected = OBJECTS[name]

    def kernel(ops, array, both, shared, number):
        assert type(both) is Both
        assert type(shared[0]) is Both
        total = of_object(ops, both.tree, array, both.more)
        return total + ops.xp.sum(shared[0].tree.scores(ops)) + shared[0].more[0] + number

    rows = (backend.array(VALUES), Both(make(backend.array), backend.array(FACTORS)))
    shared = (Both(make(backend.array), backend.array(FACTORS)),), 2
    with infoq.options(memory=memory):
        mapped = map_rows(kernel, rows, shared, bytes_per_row=40)
    each = expected + SUMS + FACTORS
    np.testing.assert_allclose(
        backend.numpy(mapped), each + expected.sum() + FACTORS[0] + 2, rtol=1e-12
    )


@every_memory
def test_an_object_of_no_arrays_may_come_first(backend, memory):
    def kernel(ops, scale, values):
        return ops.xp.sum(values, axis=1) * scale.of_all(ops, values.shape[0], values)

    rows = Scale.of(factor=3.0), backend.array(VALUES)
    with infoq.options(memory=memory):
        mapped = map_rows(kernel, rows, bytes_per_row=40)
        total = add_rows(
            lambda *x: ops_for(x[2]).xp.sum(kernel(*x), axis=0), rows, shape=(), bytes_per_row=40
        )
    np.testing.assert_allclose(backend.numpy(mapped), 3 * SUMS, rtol=1e-13)
    np.testing.assert_allclose(backend.numpy(total), 3 * SUMS.sum(), rtol=1e-12)


@every_object
@every_memory
def test_objects_are_prepared_and_come_out_of_it(backend, name, memory):
    make, expected = OBJECTS[name]

    def prepare(ops, tree):
        return tree.map(lambda x: x * 1), ops.xp.sum(tree.scores(ops))

    def kernel(ops, block, tree, total):
        assert isinstance(tree, Tree)
        return block + ops.xp.sum(tree.scores(ops)) + total

    with infoq.options(memory=memory):
        mapped = map_rows(
            kernel,
            (backend.array(FACTORS),),
            (make(backend.array),),
            bytes_per_row=40,
            prepare=prepare,
        )
    np.testing.assert_allclose(backend.numpy(mapped), FACTORS + 2 * expected.sum(), rtol=1e-12)


@every_object
@pytest.mark.parametrize("memory", [1, 40, 10**9])
def test_sums_over_blocks_of_objects(backend, name, memory):
    make, expected = OBJECTS[name]
    tree = make(partial(in_memory, backend))
    ops = ops_for(*tree.leaves())

    def total(tree, weights):
        assert isinstance(tree, Tree)
        return ops.xp.sum(tree.scores(ops) * weights)

    with infoq.options(memory=memory):
        found = sum_columns(ops, total, (tree, in_memory(backend, FACTORS)), bytes_per_column=16)
    np.testing.assert_allclose(float(found), expected @ FACTORS, rtol=1e-12)


def test_dask_takes_an_object_apart_for_each_chunk():
    da = pytest.importorskip("dask.array")
    loaded = []

    def load(block_info=None):
        loaded.append(block_info)
        return np.ones((2, 2))

    def kernel(ops, both):
        _, tree = both
        assert ops.name == "numpy"
        assert all(isinstance(x, np.ndarray) and x.shape[0] == 2 for x in tree.leaves())
        return tree.scores(ops)

    values = da.map_blocks(load, chunks=((2, 2, 2), (2,)), meta=np.ones((0, 0)))
    # The first array says where candidates are cut; others may be cut elsewhere, or in memory.
    for factors in (da.ones(6, chunks=4), np.ones(6)):
        tree = Both(values, Measured.of(scale=Scale.of(factors=factors), values=values))
        loaded.clear()
        mapped = map_rows(kernel, (tree,), bytes_per_row=8)
        assert not loaded
        np.testing.assert_array_equal(mapped.compute(), np.full(6, 2.0))
        assert len(loaded) == 3


def derived(ops, tree, factors):
    """By two formulas, of which one is differentiated."""
    return ops.valued(
        lambda tree, factors: tree.scores(ops) * factors,
        lambda tree, factors: 3 * tree.scores(ops) * factors,
        tree,
        factors,
    )


@pytest.mark.of_libraries("torch", "jax")
def test_values_and_slopes_of_objects(backend):
    tree = OBJECTS["a tree"][0](backend.array)
    factors = backend.array(FACTORS)

    def score(tree):
        return map_rows(derived, (tree, factors), bytes_per_row=8).sum()

    assert float(score(tree)) == pytest.approx((SUMS * FACTORS**2).sum())
    module = importlib.import_module("jax" if backend.name == "jax" else "torch.func")
    slope = module.grad(score)(tree)
    np.testing.assert_allclose(backend.numpy(slope.scale.factors), 3 * SUMS * FACTORS)


@pytest.mark.of_libraries("torch")
def test_torch_compiles_blocks_of_objects(backend):
    def scores(x, y):
        tree = Measured.of(scale=Scale.of(factors=y), values=x)
        with infoq.options(memory=80):
            return map_rows(of_object, (tree, y), (), bytes_per_row=40)

    x, y = backend.array(VALUES), backend.array(FACTORS)
    found = backend.module.compile(scores, fullgraph=True, backend="eager")(x, y)
    backend.module.testing.assert_close(found, scores(x, y))


@pytest.mark.of_libraries("jax")
def test_objects_that_differ_in_what_is_static_are_other_programs(backend):
    for power in (1, 2, 3, True):
        tree = Measured.of(scale=Scale.of(factor=2.0), values=backend.array(VALUES), power=power)
        mapped = map_rows(of_object, (tree,), bytes_per_row=8)
        np.testing.assert_allclose(backend.numpy(mapped), 2 * SUMS**power, rtol=1e-13)


class Applied(Tree):
    """Values, and a function of a user's."""

    _arrays = ("values",)
    _static = ("function",)
    values: Any
    function: Any


def by_object(function, x):
    map_rows(of_values, (Applied.of(values=x, function=function),), bytes_per_row=8)


def of_values(ops, tree):
    return tree.function(tree.values[:, 0])


def by_shared_object(function, x):
    shared = Applied.of(values=x, function=function)
    map_rows(with_shared, (x,), (shared,), bytes_per_row=8, prepare=prepared)


def prepared(ops, tree):
    return (tree,)


def with_shared(ops, block, tree):
    return tree.function(block[:, 0])


def by_kernel(function, x):
    map_rows(partial(with_function, function), (x,), bytes_per_row=8)


def with_function(function, ops, block):
    return function(block[:, 0])


def by_score(function, x):
    infoq.Categorical(x[:, None, :] * 0 + 0.5).evaluate(lambda ops, p, w: function(p[:, 0, 0]))


def by_model(function, x):
    def linearise(x):
        return function(0 * x[:, :1]), x[:, None, :]

    embedding = infoq.JacobianEmbedding(x, linearise, two_outcomes)
    infoq.eig(infoq.Gaussian(embedding, 1.0))


def two_outcomes(z):
    return infoq.likelihoods.Bernoulli(logits=z)


@pytest.mark.parametrize("run", [by_object, by_shared_object, by_kernel, by_score, by_model])
@pytest.mark.of_libraries("jax")
def test_functions_that_a_user_makes_in_a_loop_do_not_pile_up(backend, monkeypatch, run):
    jax = importlib.import_module("infoq.backends.jax")
    assert jax._KEPT <= 512
    monkeypatch.setattr(jax, "_KEPT", 16)
    monkeypatch.setattr(jax, "_COMPILED", {})
    x, functions = backend.array(VALUES), []
    for _ in range(48):

        def function(y):
            return y + 1

        run(function, x)
        functions.append(weakref.ref(function))
        del function
    gc.collect()
    alive = sum(function() is not None for function in functions)
    assert 0 < alive <= 16
    assert len(jax._COMPILED) <= 16

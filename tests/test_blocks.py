"""Blocks: how large they may be, and that no answer depends on it."""

import threading
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.backends import ops_for
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

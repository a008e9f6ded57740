"""Blocks: how large they may be, and that no answer depends on it."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.backends import ops_for
from infoq.blocks import current_options, map_rows, parse_bytes, split_columns

DEFAULT = 512 * 10**6
MEMORY = [1, "2KB", "1GB"]


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
    ],
)
def test_memory_is_bytes_or_text(memory, count):
    assert parse_bytes(memory) == count
    with infoq.options(memory=memory) as settings:
        assert settings.memory == current_options().memory == count


NUMBERS = [0, -1, -0.5, 0.5, True, False, float("nan"), float("inf")]
TEXTS = ["", "0", "0MB", "-5MB", "0.1", "MB", "much", "5XB", "5 M B", "1e9", "IB", "5IB"]
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
    probs, targets = pool(0, 11, 4, 3), pool(1, 5, 4, 2)
    return probs, targets, [*answers(backend, probs, targets)]


def answers(backend, probs, targets):
    yield backend.call(infoq.bald, probs)
    yield backend.call(infoq.epig, probs, targets)
    batch = infoq.greedy(infoq.EIG(backend.array(probs), samples=8), 4)
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
    sizes, settings = [], []

    def kernel(ops, block, shared):
        sizes.append(block.shape[0])
        settings.append(current_options().memory)
        return ops.xp.sum(block, axis=-1) + shared[0]

    with infoq.options(memory=memory):
        shared = backend.array([100.0])
        mapped = map_rows(kernel, (backend.array(x),), (shared,), bytes_per_row=40)
    # Dask runs its chunks here, after the block: under the settings of the call all the same.
    np.testing.assert_array_equal(backend.numpy(mapped), x.sum(-1) + 100)
    assert sum(sizes) == rows
    assert max(sizes) <= max(1, memory // 40)
    assert set(settings) == {memory}


def test_shared_arrays_are_prepared_once_a_chunk(backend):
    prepared = []

    def prepare(ops, shared):
        prepared.append(tuple(shared.shape))
        return ops.xp.sum(shared), 3.0

    def kernel(ops, block, total, number):
        return block[:, 0] * 0 + total + number

    x, shared = np.zeros((6, 2)), np.ones((2, 2))
    with infoq.options(memory=1):
        mapped = map_rows(
            kernel, (backend.array(x),), (backend.array(shared),), bytes_per_row=8, prepare=prepare
        )
    assert backend.numpy(mapped).tolist() == [7.0] * 6
    # Two chunks in Dask, and one array elsewhere.
    assert prepared == [(2, 2)] * (2 if backend.name == "dask" else 1)


@given(
    total=st.integers(0, 50),
    width=st.integers(0, 10**7),
    memory=st.one_of(st.integers(1, 10**8), st.sampled_from([1, 10**12])),
)
def test_columns_are_cut_without_gap_or_overlap(backend, total, width, memory):
    like = ops_for(backend.ops.fetch(backend.array([1.0])))
    example = backend.ops.fetch(backend.array([1.0]))
    with infoq.options(memory=memory):
        parts = list(split_columns(like, example, total, width))
    assert [i for part in parts for i in range(total)[part]] == list(range(total))
    sizes = [part.stop - part.start for part in parts]
    assert all(size >= 1 for size in sizes)
    assert all(size == 1 or size * width <= memory for size in sizes)

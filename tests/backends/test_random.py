"""Seeds, and the random numbers that they name."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoq.backends import Ops

HALF = {"numpy": ["float16"], "torch": ["float16"], "jax": ["float16"]}


def generators(backend):
    """Two equal generators of each kind that the library has."""
    if backend.name == "numpy":
        return [[np.random.default_rng(5) for _ in range(2)]]
    if backend.name == "torch":
        return [[backend.module.Generator().manual_seed(5) for _ in range(2)]]
    if backend.name == "jax":
        import jax

        return [[make(5) for _ in range(2)] for make in (jax.random.key, jax.random.PRNGKey)]
    return []


@given(seed=st.integers(-(2**70), 2**70))
def test_integers_are_seeds(backend, seed):
    assert backend.ops.seed(seed) == seed


@pytest.mark.parametrize("kind", [np.int8, np.uint32, np.int64, np.uint64])
def test_numpy_integers_are_seeds(backend, kind):
    seed = backend.ops.seed(kind(3))
    assert type(seed) is int
    assert seed == 3


def test_generators_are_seeds(backend):
    for one, two in generators(backend):
        seed = backend.ops.seed(one)
        assert type(seed) is int
        assert seed == backend.ops.seed(two)


def test_generators_of_other_states_are_other_seeds(backend):
    if backend.name == "jax":
        import jax

        seeds = [backend.ops.seed(key) for key in jax.random.split(jax.random.key(0), 5)]
    else:
        # The others are advanced by use.
        seeds = [backend.ops.seed(one) for (one, _) in generators(backend) for _ in range(5)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    "junk",
    [
        True,
        np.True_,
        None,
        1.5,
        np.float64(2),
        "7",
        (1, 2),
        [1],
        object(),
        np.array([1, 2]),
        np.array(1.5),
        random.Random(0),
        np.random.RandomState(0),
    ],
    ids=lambda junk: type(junk).__name__,
)
def test_junk_is_no_seed(backend, junk):
    with pytest.raises(TypeError, match="seed: expected an integer or a random generator"):
        backend.ops.seed(junk)


@pytest.mark.parametrize("values", [[1, 2], True], ids=str)
def test_other_arrays_are_no_seeds(backend, values):
    with pytest.raises(TypeError, match="seed: expected an integer or a random generator"):
        backend.ops.seed(backend.array(values))


def draw(backend, shape, seed, dtype="float64"):
    like = backend.array(np.zeros(1), dtype)
    drawn = backend.ops.uniform(shape, seed, like)
    assert drawn.dtype == like.dtype
    return backend.numpy(drawn)


@given(seed=st.lists(st.integers(-5, 2**64), min_size=1, max_size=3).map(tuple))
def test_equal_seeds_give_equal_numbers(backend, seed):
    one, two = draw(backend, (3, 4), seed), draw(backend, (3, 4), seed)
    np.testing.assert_array_equal(one, two)
    assert ((one >= 0) & (one < 1)).all()


def test_other_seeds_give_other_numbers(backend):
    seeds = [
        (0,),
        (1,),
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 23),
        (12, 3),
        (123,),
        (-1,),
        (2**31,),
        (2**62,),
    ]
    drawn = [tuple(draw(backend, (4,), seed).tolist()) for seed in seeds]
    assert len(set(drawn)) == len(seeds)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3)], ids=str)
def test_any_shape(backend, shape):
    assert draw(backend, shape, (1,)).shape == shape


def test_every_floating_dtype_is_kept(backend):
    for dtype in ("float32", "float64", *HALF.get(backend.name, [])):
        drawn = draw(backend, (50,), (0,), dtype)
        assert ((drawn >= 0) & (drawn < 1)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_uniform(backend, dtype):
    # 30000 numbers: five standard errors of the mean, the variance and a correlation.
    one, two = draw(backend, (30000,), (0,), dtype), draw(backend, (30000,), (1,), dtype)
    for x in (one, two):
        assert abs(x.mean() - 1 / 2) < 0.0085
        assert abs(x.var() - 1 / 12) < 0.0025
        assert len(np.unique(x)) > 29000
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03


def test_float32_never_reaches_one(backend, monkeypatch):
    # Python's largest number below one rounds to one in float32.
    monkeypatch.setattr(random.Random, "random", lambda self: 1 - 2**-53)
    for ops in (backend.ops, Ops(backend.xp)):
        drawn = ops.uniform((1000,), (0,), backend.array(np.zeros(1), "float32"))
        assert backend.numpy(drawn).max() < 1


def draw_normal(backend, shape, seed, dtype="float64"):
    like = backend.array(np.zeros(1), dtype)
    drawn = backend.ops.normal(shape, seed, like)
    assert drawn.dtype == like.dtype
    assert drawn.shape == shape
    return np.array(backend.ops.to_host(drawn))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_normal(backend, dtype):
    # 30000 numbers: five standard errors of the mean, the variance, two tails and a correlation.
    one, two = (draw_normal(backend, (30000,), (seed,), dtype) for seed in (0, 1))
    for x in (one, two):
        assert np.all(np.isfinite(x))
        assert abs(x.mean()) < 0.029
        assert abs(x.var() - 1) < 0.041
        assert abs(np.mean(np.abs(x) < 1) - 0.6827) < 0.0135
        assert abs(np.mean(np.abs(x) > 2) - 0.0455) < 0.006
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03
    # Neither is it one of the uniform streams that it is made of.
    for part in (0, 1):
        uniform = draw(backend, (30000,), (0, part), dtype)
        assert abs(np.corrcoef(one, uniform)[0, 1]) < 0.03


def test_normal_numbers_have_a_name(backend):
    first = draw_normal(backend, (4, 2), (3,))
    np.testing.assert_array_equal(draw_normal(backend, (4, 2), (3,)), first)
    assert np.all(draw_normal(backend, (4, 2), (4,)) != first)
    assert draw_normal(backend, (), (0,)).shape == ()


@pytest.mark.of_libraries("jax")
def test_a_key_seeds_inside_jit_where_it_has_a_value(backend):
    import jax

    key, ops = jax.random.key(7), backend.ops
    assert jax.jit(lambda: ops.seed(key))() == ops.seed(key)
    with pytest.raises(TypeError, match="seed: expected a key with a value"):
        jax.jit(ops.seed)(key)

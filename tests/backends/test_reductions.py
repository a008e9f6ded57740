"""Sums of exponentials, and mixtures, against sums that are rounded once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
ROWS = hnp.arrays(
    np.float32,
    (3, 5),
    elements=st.one_of(
        st.floats(-100, 100, width=32),
        st.sampled_from([-math.inf, 0.0, -(2.0**100), 2.0**100]),
    ),
)


def exact_log_softmax(row):
    top = max(row)
    rest = math.log(math.fsum(math.exp(v - top) for v in row))
    return [v - top - rest for v in row]


def exact_logsumexp(row):
    top = max(row)
    return top if math.isinf(top) else top - exact_log_softmax(row)[row.index(top)]


@dtypes
@given(x=ROWS)
def test_logsumexp(backend, dtype, x):
    x = x.astype(dtype)
    expected = np.array([exact_logsumexp(row) for row in x.tolist()])
    total = backend.call(backend.ops.logsumexp, x)
    assert total.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(total, expected, rtol=4 * eps, atol=16 * eps)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_logsumexp_over_any_axis(backend, axis):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = np.apply_along_axis(lambda row: exact_logsumexp(row.tolist()), axis, x)
    total = backend.call(backend.ops.logsumexp, x, axis=axis)
    kept = backend.call(backend.ops.logsumexp, x, axis=axis, keepdims=True)
    np.testing.assert_allclose(total, expected, rtol=1e-14)
    np.testing.assert_array_equal(kept, np.expand_dims(total, axis))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-np.inf] * 3, -np.inf),
        ([-np.inf, 7.0, -np.inf], 7.0),
        ([1e308] * 3, 1e308),
        ([-1e308] * 3, -1e308),
        ([8e307, -8e307, 0.0], 8e307),
        ([-800.0] * 3, -800 + np.log(3)),
        ([np.inf, 0.0, -np.inf], np.inf),
        ([np.inf, 1e4, 0.0], np.inf),
        ([np.nan, 0.0, -np.inf], np.nan),
        ([np.nan, 1e4, 0.0], np.nan),
    ],
)
def test_logsumexp_at_its_extremes(backend, row, expected):
    total = backend.call(backend.ops.logsumexp, np.array([row, [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(total, [expected, np.log(3)], rtol=1e-14)


@dtypes
@given(x=ROWS)
def test_softmax_is_a_distribution_and_log_softmax_its_logarithm(backend, dtype, x):
    # One finite value a row, so that there is a distribution.
    x[:, 0] = np.maximum(x[:, 0], -(2.0**100))
    x = x.astype(dtype)
    eps = np.finfo(dtype).eps
    log = np.array([exact_log_softmax(row) for row in x.tolist()])
    soft = backend.call(backend.ops.softmax, x)
    log_soft = backend.call(backend.ops.log_softmax, x)
    assert soft.dtype == log_soft.dtype == dtype
    np.testing.assert_allclose(soft.sum(-1), 1, rtol=8 * eps)
    # A logarithm of -100 that is off by a rounding is off by as much relatively.
    np.testing.assert_allclose(soft, np.exp(log), rtol=400 * eps, atol=1e-37)
    np.testing.assert_allclose(log_soft, log, rtol=4 * eps, atol=16 * eps)
    assert (soft[x == -np.inf] == 0).all()
    assert (log_soft[x == -np.inf] == -np.inf).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_softmax_over_any_axis(backend, name, axis):
    x = np.random.default_rng(1).normal(size=(3, 4))
    moved = backend.call(getattr(backend.ops, name), np.moveaxis(x, axis, -1))
    straight = backend.call(getattr(backend.ops, name), x, axis=axis)
    np.testing.assert_allclose(straight, np.moveaxis(moved, -1, axis), rtol=1e-14)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("shift", [2.0**20, -(2.0**20)])
def test_softmax_does_not_see_a_shift(backend, name, shift):
    # Multiples of 1/8, which float32 still tells apart after the shift.
    x = np.random.default_rng(2).integers(-20, 20, size=(3, 4)).astype(np.float32) / 8
    function = getattr(backend.ops, name)
    shifted = backend.call(function, x + np.float32(shift))
    np.testing.assert_allclose(shifted, backend.call(function, x), rtol=1e-5)


def test_softmax_of_nothing_possible_sums_to_zero(backend):
    x = np.array([[-np.inf, -np.inf], [0.0, 0.0]])
    assert backend.call(backend.ops.softmax, x).tolist() == [[0, 0], [0.5, 0.5]]


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_softmax_of_what_is_not_finite_is_no_distribution(backend, bad):
    soft = backend.call(backend.ops.softmax, np.array([[bad, 1e4], [0.0, 0.0]]))
    assert not np.isfinite(soft[0].sum())
    assert soft[1].tolist() == [0.5, 0.5]


def test_log_softmax_keeps_what_softmax_underflows(backend):
    log = backend.call(backend.ops.log_softmax, np.array([0.0, -5000.0]))
    assert log.tolist() == [0.0, -5000.0]


@dtypes
@given(seed=st.integers(0, 2**32 - 1))
def test_mix_is_the_weighted_mean_over_draws(backend, dtype, seed):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(4)).astype(dtype)
    x = rng.dirichlet(np.ones(3), size=(5, 4)).astype(dtype)
    mixed = backend.call(backend.ops.mix, weights, x)
    assert mixed.dtype == dtype
    expected = np.einsum("k,nkc->nc", weights.astype(np.float64), x.astype(np.float64))
    np.testing.assert_allclose(mixed, expected, rtol=8 * np.finfo(dtype).eps)


@dtypes
@pytest.mark.parametrize("draws", [3, 64, 65, 127, 250, 1009])
def test_mix_of_draws_that_are_alike_does_not_round_with_their_number(backend, dtype, draws):
    rng = np.random.default_rng(draws)
    x = np.repeat(rng.random((2, 1, 40)), draws, axis=1).astype(dtype)
    weights = np.full(draws, 1 / draws).astype(dtype)
    mixed = backend.call(backend.ops.mix, weights, x)
    assert mixed.shape == (2, 40)
    assert mixed.dtype == dtype
    exact = [[math.fsum(weights * column) for column in draw.T] for draw in x.astype(float)]
    np.testing.assert_allclose(mixed, exact, rtol=16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("draws", [1, 5, 66, 200])
def test_mix_weighs_every_draw(backend, draws):
    rng = np.random.default_rng(draws)
    weights, x = rng.random(draws), rng.random((3, draws, 2))
    mixed = backend.call(backend.ops.mix, weights, x)
    np.testing.assert_allclose(mixed, np.einsum("k,nkc->nc", weights, x), rtol=1e-13)


@dtypes
@pytest.mark.parametrize("terms", [1, 256, 257, 100_000])
def test_weigh_of_equal_terms_does_not_round_with_their_number(backend, dtype, terms):
    x, weights = np.full((2, terms), 0.3, dtype), np.full(terms, 1 / terms, dtype)
    total = backend.call(backend.ops.weigh, x, weights)
    assert total.dtype == dtype
    exact = math.fsum(x[0].astype(float) * weights.astype(float))
    np.testing.assert_allclose(total, [exact, exact], rtol=40 * np.finfo(dtype).eps)

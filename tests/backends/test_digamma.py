"""The digamma function and its differences against 120 digits."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
import pytest

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])

X = [1e-30, 1e-8, 1e-3, 0.1, 0.7, 1.0, 2.5, 3.99, 4.0, 7.99, 8.0, 11.0, 1e2, 1e6, 1e20]
RATIOS = [0.0, 1e-12, 1e-6, 1e-2, 1.0, 30.0, 1e6, 1e12]


@functools.cache
@mpmath.workdps(120)
def exact(x, more):
    """The gain and the lag of digamma; of small differences more digits are lost than 50."""
    x, more = mpmath.mpf(x), mpmath.mpf(more)
    gain = mpmath.digamma(1 + x + more) - mpmath.digamma(1 + x)
    return float(gain), float(mpmath.log1p(more / x) - gain)


def pairs(dtype):
    x, ratio = np.meshgrid(X, RATIOS)
    x = x.ravel().astype(dtype)
    more = x * ratio.ravel().astype(dtype)
    return x, np.where(more < np.finfo(dtype).tiny, 0, more).astype(dtype)


@dtypes
def test_gain_and_lag_keep_their_digits(backend, dtype):
    x, more = pairs(dtype)
    gains, lags = np.array([exact(*map(float, pair)) for pair in zip(x, more, strict=True)]).T
    gain = backend.call(backend.ops.digamma_gain, x, more)
    lag = backend.call(backend.ops.digamma_lag, x, more)
    assert gain.dtype == lag.dtype == dtype
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny / np.finfo(dtype).eps
    np.testing.assert_allclose(gain, gains, rtol=8 * eps, atol=tiny)
    np.testing.assert_allclose(lag, lags, rtol=60 * eps, atol=tiny)
    for difference in (gain, lag):
        assert (difference >= 0).all()
        assert (difference[more == 0] == 0).all()


@dtypes
def test_large_numbers_take_the_series_alone(backend, dtype):
    x, more = pairs(dtype)
    x, more = x[x >= 8], more[x >= 8]
    _, lags = np.array([exact(*map(float, pair)) for pair in zip(x, more, strict=True)]).T
    tiny = np.finfo(dtype).tiny / np.finfo(dtype).eps
    lag = backend.call(backend.ops.digamma_lag, x, more)
    np.testing.assert_allclose(lag, lags, rtol=8 * np.finfo(dtype).eps, atol=tiny)


@dtypes
def test_digamma(backend, dtype):
    x = np.concatenate([np.geomspace(1e-6, 1e6, 60), X]).astype(dtype)
    value = backend.call(backend.ops.digamma, x)
    expected = np.array([float(mpmath.digamma(float(v))) for v in x])
    assert value.dtype == dtype
    # Next to the root what is left is of the size of rounding 1.
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(value, expected, rtol=16 * eps, atol=16 * eps)


@dtypes
def test_nothing_overflows(backend, dtype):
    info = np.finfo(dtype)
    small, large = 100 * info.tiny, info.max / 4
    x = np.array([small, 1.0, large, small], dtype)
    more = np.array([large, large, 1.0, small], dtype)
    for method in (backend.ops.digamma_gain, backend.ops.digamma_lag):
        result = backend.call(method, x, more)
        assert np.isfinite(result).all()
        assert (result >= 0).all()


def test_empty_arrays_and_nan(backend):
    empty = np.zeros((0, 3))
    assert backend.call(backend.ops.digamma_lag, empty, empty).shape == (0, 3)
    x = np.array([np.nan, 1.0, 20.0])
    assert np.isnan(backend.call(backend.ops.digamma_lag, x, np.ones(3))).tolist() == [
        True,
        False,
        False,
    ]

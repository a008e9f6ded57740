"""Elementwise operations against 60 digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# Where the series of kl_term meets its logarithm, either is off by these parts.
KL_RELATIVE = {"float32": 2e-6, "float64": 2e-13}
# In units of eps |r| (1 + |log(1 + r)|). The log1p of XLA on CPUs is off by 60 eps near -0.4.
ROUGH_SLACK = {"jax": 100}

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
DEVIATION = st.builds(
    lambda exponent, sign: max(-1.0, sign * 10.0**exponent),
    st.floats(-12, 6),
    st.sampled_from([-1, 1]),
)
DEVIATIONS = hnp.arrays(np.float64, 16, elements=st.one_of(DEVIATION, st.floats(-1, 1, width=32)))


@mpmath.workdps(60)
def exact_kl_term(r):
    r = mpmath.mpf(float(r))
    return float((1 + r) * mpmath.log1p(r) - r) if r > -1 else 1.0


@mpmath.workdps(60)
def exact_xlogx(x):
    x = mpmath.mpf(float(x))
    return float(x * mpmath.log(x)) if x else 0.0


def each(function, x):
    return np.array([function(v) for v in x.tolist()])


@dtypes
@given(r=DEVIATIONS)
def test_kl_term_is_relatively_exact(backend, dtype, r):
    r = r.astype(dtype)
    term = backend.call(backend.ops.kl_term, r)
    assert term.dtype == dtype
    expected = each(exact_kl_term, r)
    # Below the smallest normal number no relative accuracy is left.
    tiny = float(np.finfo(dtype).tiny)
    np.testing.assert_allclose(term, expected, rtol=KL_RELATIVE[dtype], atol=tiny)
    assert (term >= 0).all()


@dtypes
def test_kl_term_is_to_the_last_digits_where_three_terms_cancel(backend, dtype):
    r = np.geomspace(1e-12, {"float32": 1e-3, "float64": 1e-5}[dtype], 500).astype(dtype)
    r = np.concatenate([r, -r])
    term = backend.call(backend.ops.kl_term, r)
    np.testing.assert_allclose(term, each(exact_kl_term, r), rtol=4 * np.finfo(dtype).eps)


@dtypes
def test_kl_term_has_no_step_where_series_and_logarithm_meet(backend, dtype):
    r = np.geomspace(1e-5, 0.2, 500).astype(dtype)
    r = np.concatenate([r, -r])
    term = backend.call(backend.ops.kl_term, r)
    np.testing.assert_allclose(term, each(exact_kl_term, r), rtol=KL_RELATIVE[dtype])


@dtypes
def test_kl_term_at_its_landmarks(backend, dtype):
    eps = float(np.finfo(dtype).eps)
    r = np.array([-1, -1 + eps / 2, 0, 1, np.e - 1], dtype)
    expected = [1, exact_kl_term(r[1]), 0, 2 * np.log(2) - 1, 1]
    term = backend.call(backend.ops.kl_term, np.resize(r, 16))[:5]
    np.testing.assert_allclose(term, expected, rtol=100 * eps)
    assert term[2] == 0


def test_kl_term_of_nan_is_nan(backend):
    term = backend.call(backend.ops.kl_term, np.resize([np.nan, 1.0], 16))
    assert np.isnan(term).tolist() == [True, False] * 8


@dtypes
@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-0.5, 0.5), (-1e-2, 1e-2), (-1e-6, 1e-6), (1, 1e6)]
)
def test_rough_kl_term_has_its_absolute_error(backend, dtype, low, high):
    rng = np.random.default_rng(0)
    r = np.concatenate([[low, high], rng.uniform(low, high, 998)]).astype(dtype)
    term = backend.call(backend.ops.rough_kl_term, r).astype(np.float64)
    exact, size = each(exact_kl_term, r), np.abs(r.astype(np.float64))
    unit = np.finfo(dtype).eps * size * (1 + np.abs(np.log1p(np.maximum(r, r.dtype.type(-0.999)))))
    assert (np.abs(term - exact) <= ROUGH_SLACK.get(backend.name, 6) * unit).all()


@given(r=DEVIATIONS)
def test_rough_kl_term_is_near_kl_term(backend, r):
    x = backend.array(r)
    rough, term = backend.numpy(backend.ops.rough_kl_term(x)), backend.call(backend.ops.kl_term, r)
    slack = 200 * np.finfo(np.float64).eps * np.abs(r)
    assert (np.abs(rough - term) <= slack * (1 + np.log1p(np.maximum(r, 0)))).all()


def test_rough_kl_term_takes_empty_arrays_and_nan(backend):
    assert backend.call(backend.ops.rough_kl_term, np.zeros((0, 3))).shape == (0, 3)
    rough = backend.call(backend.ops.rough_kl_term, np.array([[np.nan, 0.0, -1.0]]))
    assert np.isnan(rough[0, 0])
    np.testing.assert_allclose(rough[0, 1:], [0, 1], atol=1e-13)


@dtypes
@given(
    x=hnp.arrays(
        np.float64, 16, elements=st.one_of(st.floats(0, 4), st.floats(0, 1e-30), st.just(0.0))
    )
)
def test_xlogx_is_exact(backend, dtype, x):
    x = x.astype(dtype)
    value = backend.call(backend.ops.xlogx, x)
    assert value.dtype == dtype
    info = np.finfo(dtype)
    # Libraries may flush numbers below the smallest normal one to zero.
    np.testing.assert_allclose(
        value, each(exact_xlogx, x), rtol=8 * info.eps, atol=1000 * float(info.tiny)
    )
    assert (value[x == 0] == 0).all()


@dtypes
def test_rough_xlogx_is_as_exact_as_xlogx(backend, dtype):
    info = np.finfo(dtype)
    x = np.geomspace(4 * float(info.tiny), 1, 1000).astype(dtype)
    value = backend.call(backend.ops.rough_xlogx, x)
    assert value.dtype == dtype
    np.testing.assert_allclose(value, each(exact_xlogx, x), rtol=8 * info.eps)


@dtypes
@given(r=DEVIATIONS)
def test_times_log_ratio_keeps_the_digits_of_a_small_change(backend, dtype, r):
    base = np.array([[[0.25, 0.5, 1e-6, 0.3]]], dtype)
    p = (base * (1 + np.clip(r, -0.5, 1).reshape(1, 4, 4))).astype(dtype)
    change = p - base
    value = backend.call(backend.ops.times_log_ratio, p, change, base)
    assert value.dtype == dtype
    exact = p * np.log1p(change.astype(float) / base)
    np.testing.assert_allclose(value, exact, rtol=16 * np.finfo(dtype).eps)


def test_rough_xlogx_at_zero_is_zero_or_nan(backend):
    value = backend.call(backend.ops.rough_xlogx, np.array([0.0, 1.0]))
    assert value[0] == 0 or np.isnan(value[0])
    assert value[1] == 0

"""Cholesky factors and triangular solves, of one matrix and of stacks."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
stacks = pytest.mark.parametrize("stack", [(), (2, 3)], ids=str)
SEEDS = st.integers(0, 2**32 - 1)
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}
# Libraries that have half precision but no linear algebra in it.
HALF = {"numpy": "float16", "torch": "float16", "jax": "float16", "dask": "float16"}


def positive_definite(seed, stack, size=4):
    root = np.random.default_rng(seed).normal(size=(*stack, size, size))
    return root @ root.swapaxes(-1, -2) + np.eye(size)


@dtypes
@stacks
@given(seed=SEEDS)
def test_cholesky_is_the_lower_factor(backend, dtype, stack, seed):
    a = positive_definite(seed, stack).astype(dtype)
    factor = backend.call(backend.ops.cholesky, a)
    assert factor.dtype == dtype
    assert (factor == np.tril(factor)).all()
    assert (np.diagonal(factor, axis1=-2, axis2=-1) > 0).all()
    np.testing.assert_allclose(factor @ factor.swapaxes(-1, -2), a, rtol=0, atol=TOLERANCE[dtype])


@dtypes
@stacks
def test_cholesky_logdet(backend, dtype, stack):
    a = positive_definite(7, stack).astype(dtype)
    logdet = backend.call(backend.ops.cholesky_logdet, a)
    assert logdet.dtype == dtype
    assert logdet.shape == stack
    np.testing.assert_allclose(logdet, np.linalg.slogdet(a).logabsdet, rtol=TOLERANCE[dtype])


def test_cholesky_logdet_does_not_overflow(backend):
    a = np.eye(400) * 1e10
    np.testing.assert_allclose(
        backend.call(backend.ops.cholesky_logdet, a), 4000 * np.log(10), rtol=1e-13
    )


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(
    "spoil", [lambda a: -a, lambda a: 0 * a, lambda a: a * np.nan], ids=["negative", "zero", "nan"]
)
@pytest.mark.parametrize("name", ["cholesky", "cholesky_logdet"])
def test_what_is_not_positive_definite_is_refused(backend, name, spoil, size):
    function = getattr(backend.ops, name)
    bad = spoil(np.eye(size))
    stack = np.stack([np.eye(size), bad, np.eye(size)])
    for a in (bad, stack):
        # Dask says so when the value is computed.
        with pytest.raises(ValueError, match="not positive definite; a larger") as error:
            backend.call(function, a)
        assert str((size, size))[1:] in str(error.value)


def test_an_indefinite_matrix_is_refused(backend):
    with pytest.raises(ValueError, match=r"shape \(2, 2\) is not positive definite"):
        backend.call(backend.ops.cholesky, np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_a_dtype_without_linear_algebra_is_not_called_indefinite(backend):
    for dtype in [HALF[backend.name]] if backend.name in HALF else []:
        with pytest.raises((TypeError, NotImplementedError)):
            backend.call(backend.ops.cholesky, np.eye(2, dtype=dtype))


def triangular(seed, stack, size=4):
    a = np.random.default_rng(seed).normal(size=(*stack, size, size))
    return a + 4 * np.eye(size)


@dtypes
@stacks
@pytest.mark.parametrize("lower", [True, False])
@given(seed=SEEDS)
def test_solve_triangular(backend, dtype, stack, lower, seed):
    a = triangular(seed, stack).astype(dtype)
    b = np.random.default_rng(seed + 1).normal(size=(*stack, 4, 3)).astype(dtype)
    x = backend.call(backend.ops.solve_triangular, a, b, lower=lower)
    assert x.dtype == dtype
    expected = np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
    np.testing.assert_allclose(x, expected, atol=TOLERANCE[dtype])


@stacks
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("garbage", [1e6, np.nan, np.inf])
def test_solve_triangular_does_not_read_the_other_triangle(backend, stack, lower, garbage):
    tri = np.tril if lower else np.triu
    kept = tri(np.ones((4, 4))) > 0
    a, b = triangular(0, stack), np.ones((*stack, 4, 2))
    x = backend.call(backend.ops.solve_triangular, np.where(kept, a, garbage), b, lower=lower)
    np.testing.assert_allclose(x, np.linalg.solve(tri(a), b), atol=1e-11)


@pytest.mark.parametrize("lower", [True, False])
def test_solve_triangular_needs_no_scipy(backend, lower, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    a, b = triangular(3, ()), np.ones((4, 2))
    x = backend.call(backend.ops.solve_triangular, a, b, lower=lower)
    expected = np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
    np.testing.assert_allclose(x, expected, atol=1e-11)


@pytest.mark.parametrize("shape", [(2, 3), (4, 3, 2), (3,)], ids=str)
def test_matrices_that_are_not_square_are_called_that(backend, shape):
    if backend.name == "dask" and len(shape) == 1:
        shape = (1, 3)
    with pytest.raises((ValueError, TypeError)) as error:
        backend.call(backend.ops.cholesky, np.ones(shape))
    assert "positive definite" not in str(error.value)


@dtypes
@stacks
@given(seed=SEEDS)
def test_symmetric_eigen(backend, dtype, stack, seed):
    a = (positive_definite(seed, stack) - 2 * np.eye(4)).astype(dtype)
    values, vectors = (backend.numpy(x) for x in backend.ops.symmetric_eigen(backend.array(a)))
    assert values.dtype == vectors.dtype == dtype
    assert (np.diff(values, axis=-1) >= 0).all()
    identity = np.broadcast_to(np.eye(4), a.shape)
    close = {"rtol": 0, "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(vectors.swapaxes(-1, -2) @ vectors, identity, **close)
    np.testing.assert_allclose(
        (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2), a, **close
    )


def test_symmetric_eigen_of_a_singular_matrix(backend):
    values, _ = backend.ops.symmetric_eigen(backend.array(np.ones((1, 2, 2))))
    np.testing.assert_allclose(backend.numpy(values), [[0, 2]], atol=1e-15)


@dtypes
@given(seed=SEEDS)
def test_orthogonal_columns(backend, dtype, seed):
    a = np.random.default_rng(seed).normal(size=(6, 3)).astype(dtype)
    columns, upper = (backend.numpy(x) for x in backend.ops.orthogonal(backend.array(a)))
    assert columns.dtype == upper.dtype == dtype
    close = {"rtol": 0, "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(columns.T @ columns, np.eye(3), **close)
    np.testing.assert_allclose(columns @ upper, a, **close)
    assert (upper == np.triu(upper)).all()
    assert (np.diag(upper) > 0).all()


@pytest.mark.parametrize("first", [True, False])
def test_one_of_two_ways(backend, first):
    x = backend.array(np.array([1.0, 2.0]))
    limit = 5.0 if first else 1.0
    ops = backend.ops
    result = backend.numpy(ops.choose(ops.xp.all(x < limit), lambda: x * 2, lambda: x * 3))
    if backend.reads_values:
        np.testing.assert_array_equal(result, [2, 4] if first else [3, 6])
    else:  # the second is right in any case
        np.testing.assert_array_equal(result, [3, 6])

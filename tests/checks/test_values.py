"""Values of candidates: finite, and so are their squares."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.checks.values import check_results, check_sums, check_values, largest_number

SHAPES = {1: "[N]", 2: "[N, D]"}
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@DTYPES
def test_the_largest_number(backend, dtype):
    x = backend.array([1.0], dtype)
    assert largest_number(backend.ops, x) == float(np.finfo(dtype).max)


@pytest.mark.parametrize("shape", [(), (0, 2), (2, 0), (2, 2, 2)], ids=str)
def test_shapes_that_are_refused(backend, shape):
    with pytest.raises(ValueError, match=r"^rows: expected shape \[N\] or \[N, D\], none of them"):
        check_values(backend.ops, backend.array(np.ones(shape)), "rows", SHAPES)


@DTYPES
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_candidate_that_is_not_finite(backend, dtype, value):
    x = np.ones((5, 3), dtype)
    check_values(backend.ops, backend.array(x), "rows", SHAPES)
    x[3, 1], x[4, 0] = value, np.nan
    if backend.reads_values:
        with pytest.raises(ValueError, match=r"^rows: candidate 3 has a value that is NaN or inf"):
            check_values(backend.ops, backend.array(x), "rows", SHAPES)


@DTYPES
def test_squares_that_overflow(backend, dtype):
    largest = float(np.finfo(dtype).max)
    x = np.ones((4, 2), dtype)
    x[2, :] = np.sqrt(largest)
    x[1, :] = np.sqrt(largest / 16) * 0.99
    check_values(backend.ops, backend.array(x), "rows", SHAPES, squared=False)
    check_values(backend.ops, backend.array(x[:2]), "rows", SHAPES)
    if backend.reads_values:
        with pytest.raises(ValueError, match=f"candidate 2 has .* squares overflow {dtype}; scale"):
            check_values(backend.ops, backend.array(x), "rows", SHAPES)


def test_results(backend):
    x = np.ones((3, 2, 2))
    assert backend.numpy(check_results(backend.ops, backend.array(x), backend.array(x))).all()
    if not backend.reads_values:
        return
    for value, problem in ((np.inf, "beside the precision"), (np.nan, "is NaN: its noise")):
        x[1, 0, 1] = value
        with pytest.raises(
            ValueError, match=f"^embedding: the covariance of candidate 1 {problem}"
        ):
            check_results(backend.ops, backend.array(x), backend.array(x))


def test_sums(backend):
    for shape in ((), (4,), (4, 3)):
        x = np.ones(shape)
        assert backend.numpy(check_sums(backend.ops, backend.array(x), "points")).all()
    if not backend.reads_values:
        return
    with pytest.raises(ValueError, match=r"^points: a sum of products overflows float64; scale"):
        check_sums(backend.ops, backend.array(np.inf), "points")
    x = np.ones((6, 2))
    x[4, 1] = x[5, 0] = np.inf
    for each, candidate in ((1, 4), (2, 2)):
        with pytest.raises(ValueError, match=f"products of candidate {candidate} overflows"):
            check_sums(backend.ops, backend.array(x), "points", each)

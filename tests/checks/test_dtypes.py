"""Which dtypes are what, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.backends import ops_for
from infoq.checks.dtypes import check_floating, check_real, has_dtype, is_real_number

KINDS = {
    "bool": "bool",
    "int32": "integral",
    "float32": "real floating",
    "float64": "real floating",
}


@pytest.mark.parametrize("dtype", KINDS)
def test_kinds(backend, dtype):
    x = backend.array(np.zeros(2), dtype)
    for kind in ("bool", "integral", "real floating"):
        assert has_dtype(backend.ops, x, kind) == (kind == KINDS[dtype])
    assert has_dtype(backend.ops, x, "bool", "integral", "real floating")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floating_is_let_through(backend, dtype):
    x = backend.array(np.zeros(2), dtype)
    check_floating(backend.ops, x, "x")
    check_real(backend.ops, x, "x")


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_are_real_and_not_floating(backend, dtype):
    x = backend.array(np.zeros((2, 3)), dtype)
    check_real(backend.ops, x, "x")
    with pytest.raises(TypeError, match=rf"^x: expected a real floating dtype, got .*{dtype}"):
        check_floating(backend.ops, x, "x")


def test_booleans_are_neither(backend):
    x = backend.array(np.zeros((2, 3), dtype=bool))
    for check in (check_floating, check_real):
        with pytest.raises(TypeError, match=r"^x: expected .*bool.* of shape \(2, 3\)"):
            check(backend.ops, x, "x")


def test_real_numbers(backend):
    for x in (1, 2.5, np.float32(1.0), backend.array(1.5), backend.array(2)):
        assert is_real_number(x)
    for x in (True, "1", None, 1j, backend.array([1.0]), backend.array(np.array(True))):
        assert not is_real_number(x)


def test_dtypes_that_were_added_to_numpy():
    """ml_dtypes' integers and eights of a float are no dtypes of the standard."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    ops = ops_for(np.zeros(1))
    for dtype in (ml_dtypes.int4, ml_dtypes.float8_e4m3fn):
        x = np.zeros(2, dtype=dtype)
        assert not has_dtype(ops, x, "integral", "real floating")
        with pytest.raises(TypeError, match=r"^x: expected integers or a real floating dtype"):
            check_real(ops, x, "x")

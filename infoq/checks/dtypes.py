"""Input validation for dtypes."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends.arrays import Array
from infoq.backends.ops import Ops
from infoq.backends.registry import ops_for


def has_dtype(ops: Ops, x: Array, *kinds: str) -> bool:
    """Whether the dtype of `x` is of one of these kinds, such as "real floating" or "integral".

    False for extension dtypes of NumPy, such as those of ml_dtypes: the standard has no such kinds.
    """
    try:
        return bool(ops.xp.isdtype(x.dtype, kinds))
    except TypeError:
        return False


def check_floating(ops: Ops, x: Array, name: str) -> None:
    """Check that `x` is real floating with at least 16 bits; float8 is too coarse for ranking.

    Raises
    ------
    TypeError
        If it is not; the message has the name, the dtype and the shape.
    """
    fine = has_dtype(ops, x, "real floating")
    if fine and ops.bits(x) >= 16:
        return
    raise TypeError(
        f"{name}: expected a real floating dtype{' of 16 bits or more' if fine else ''}, got "
        f"{x.dtype} of shape {tuple(x.shape)}; convert it first, for example to float32"
    )


def check_real(ops: Ops, x: Array, name: str) -> None:
    """Check that `x` is integral, or real floating with at least 16 bits.

    Raises
    ------
    TypeError
        If it is not; the message has the name, the dtype and the shape.
    """
    floating = has_dtype(ops, x, "real floating") and ops.bits(x) >= 16
    if not floating and not has_dtype(ops, x, "integral"):
        raise TypeError(
            f"{name}: expected integers or a real floating dtype of 16 bits or more, got {x.dtype} "
            f"of shape {tuple(x.shape)}"
        )


def is_real_number(x: Any) -> bool:
    """Whether `x` is a real number of Python or NumPy, or a 0-d array of any library.

    Booleans and text (even digits) are not.
    """
    if isinstance(x, bool):
        return False
    if isinstance(x, numbers.Real):
        return True
    if getattr(x, "shape", None) != ():
        return False
    try:
        check_real(ops_for(x=x), x, "x")
    except TypeError:
        return False
    return True

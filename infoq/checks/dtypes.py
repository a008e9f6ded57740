"""Checks of dtypes."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends.ops import Array, Ops
from infoq.backends.registry import ops_for


def check_floating(ops: Ops, x: Array, name: str) -> None:
    """Refuse what is not real floating, or has too few digits to be ranked by: float8.

    Raises
    ------
    TypeError
        With the name, the dtype and the shape.
    """
    try:
        fine = bool(ops.xp.isdtype(x.dtype, "real floating"))
    except TypeError:  # a dtype that was added to NumPy, as of ml_dtypes
        fine = False
    if fine and ops.bits(x) >= 16:
        return
    raise TypeError(
        f"{name}: expected a real floating dtype{' of 16 bits or more' if fine else ''}, got "
        f"{x.dtype} of shape {tuple(x.shape)}; convert it first, for example to float32"
    )


def check_real(ops: Ops, x: Array, name: str) -> None:
    """Refuse what is neither integers nor real floating of 16 bits or more.

    Raises
    ------
    TypeError
        With the name, the dtype and the shape.
    """
    try:
        if ops.xp.isdtype(x.dtype, "integral"):
            return
        fine = ops.xp.isdtype(x.dtype, "real floating") and ops.bits(x) >= 16
    except TypeError:  # a dtype that was added to NumPy, as of ml_dtypes
        fine = False
    if not fine:
        raise TypeError(
            f"{name}: expected integers or a real floating dtype of 16 bits or more, got {x.dtype} "
            f"of shape {tuple(x.shape)}"
        )


def is_real_number(x: Any) -> bool:
    """Whether it is a real number: of Python or NumPy, or a 0-d array of any library.

    Neither a truth value nor a text, even of digits.
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

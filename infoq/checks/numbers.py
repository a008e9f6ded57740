"""Input validation for counts and indices, and the place of the first bad value."""

from __future__ import annotations

import math
import numbers
from typing import Any

from infoq.backends import Array, Ops, ops_for


def num_candidates(x: Array) -> int:
    """The number of candidates N of an array [N, ...]; an error where that is unknown."""
    sizes: tuple[Any, ...] = x.shape  # not checked by `ops_for` yet
    size = sizes[0]
    if size is None or size != size:
        raise ValueError(
            f"the number of candidates is not known for shape {tuple(x.shape)}; compute it first, "
            "for a Dask array by compute_chunk_sizes()"
        )
    return int(size)


def check_index(index: Any, size: int) -> None:
    """Check that an index, if it is an integer, is in range for `size` candidates.

    JAX itself would clip it to the range.
    """
    if hasattr(index, "shape"):
        ops_for(index=index)
    if isinstance(index, numbers.Integral) and not -size <= int(index) < size:
        raise IndexError(f"index: expected one of {size} candidates, got {index}")


def check_count(value: Any, name: str) -> int:
    """The value as an integer, checked to be at least 1."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    count = int(value.__index__())
    if count < 1:
        raise ValueError(f"{name}: expected at least 1, got {count}")
    return count


def at_least_zero(value: Any, name: str) -> float:
    """The value as a float, checked to be finite and at least 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {value!r}")
    return float(value)


def first_index(ops: Ops, where: Array) -> int | None:
    """The flat index of the first true element, in row-major order; None if none is true."""
    xp = ops.xp
    if not bool(xp.any(where)):
        return None
    return int(xp.argmax(xp.reshape(xp.astype(where, xp.int32), (-1,))))


def first_place(ops: Ops, where: Array) -> tuple[int, ...] | None:
    """The indices of the first true element, one per axis; None if none is true."""
    index = first_index(ops, where)
    if index is None:
        return None
    place: list[int] = []
    for size in reversed(where.shape):
        index, here = divmod(index, int(size))
        place.append(here)
    return tuple(reversed(place))


def number(x: Array | float) -> float:
    """A 0-d array as a float; PyTorch would warn for `float(x)` if a gradient is recorded."""
    return float(x.item() if hasattr(x, "item") else x)

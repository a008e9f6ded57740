"""Checks of counts, indices, labels and other plain numbers."""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit
from infoq.checks.dtypes import check_floating, has_dtype


def num_candidates(x: Array) -> int:
    """The length of the first axis, refused where a lazy library does not know it."""
    size = x.shape[0]
    if size is None or size != size:
        raise ValueError(
            f"the number of candidates is not known of shape {tuple(x.shape)}; compute it first, "
            "of a Dask array by compute_chunk_sizes()"
        )
    return int(size)


def check_index(index: Any, size: int) -> None:
    """Refuse what is no index, or a number that is no candidate; JAX would take the nearest."""
    if hasattr(index, "shape"):
        ops_for(index=index)
    if isinstance(index, numbers.Integral) and not -size <= int(index) < size:
        raise IndexError(f"index: expected one of {size} candidates, got {index}")


def check_count(value: Any, name: str) -> int:
    """An integer of at least 1, refused where it is none."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    count = int(value.__index__())
    if count < 1:
        raise ValueError(f"{name}: expected at least 1, got {count}")
    return count


class Problem(NamedTuple):
    """What may be wrong with a value.

    Attributes
    ----------
    name : str
        What the value is.
    where : array [N, C]
        Booleans.
    fix : str
        What to do about it.
    """

    name: str
    where: Array
    fix: str


def exactly_one(**given: Array | None) -> tuple[str, Array]:
    """The name and the array of the one argument that is not None."""
    some = {name: x for name, x in given.items() if x is not None}
    if len(some) != 1:
        names = ", ".join(some) or "none"
        raise TypeError(f"expected exactly one of {' or '.join(given)}, got {names}")
    ((name, x),) = some.items()
    return name, x


def check_array(ops: Ops, x: Array, name: str, wanted: str, ranks: tuple[int, ...]) -> None:
    """Refuse what is not floating, has a wrong number of axes, or an empty one."""
    shape = tuple(x.shape)
    check_floating(ops, x, name)
    if len(shape) not in ranks:
        hint = ""
        if len(shape) == 3:
            hint = "; a likelihood is of one model: of K draws, pass one, or their mean"
        raise ValueError(
            f"{name}: expected {wanted} (candidates N, outputs C), got shape {shape}{hint}"
        )
    if 0 in shape:
        raise ValueError(f"{name}: axis {'NCC'[shape.index(0)]} is empty in shape {shape}")


def independent_outputs(name: str, x: Array) -> tuple[Ops, Array]:
    """An array [N] or [N, C] as [N, C]."""
    ops, x = admit(**{name: x})
    check_array(ops, x, name, "[N] or [N, C]", (1, 2))
    return ops, x if x.ndim == 2 else x[:, None]


def check_values(ops: Ops, x: Array, name: str, *problems: Problem) -> None:
    """Raise for the first candidate of x [N, C] that has a problem."""
    bad = problems[0].where
    for problem in problems[1:]:
        bad = bad | problem.where
    place = first_place(ops, bad)
    if place is None:
        return
    candidate, output = place
    worst = next(problem for problem in problems if bool(problem.where[candidate, output]))
    value = number(x[candidate, output])
    raise ValueError(
        f"{name}: candidate {candidate}, output {output}: {worst.name} value ({value:.6g}); "
        f"{worst.fix}"
    )


def first_index(ops: Ops, where: Array) -> int | None:
    """The index of the first true element, counted row by row; None where none is true."""
    xp = ops.xp
    if not bool(xp.any(where)):
        return None
    return int(xp.argmax(xp.reshape(xp.astype(where, xp.int32), (-1,))))


def first_place(ops: Ops, where: Array) -> tuple[int, ...] | None:
    """The indices, one per axis, of the first true element; None where none is true."""
    index = first_index(ops, where)
    if index is None:
        return None
    place: list[int] = []
    for size in reversed(where.shape):
        index, here = divmod(index, int(size))
        place.append(here)
    return tuple(reversed(place))


def number(x: Array) -> float:
    """A 0-d array as a number; PyTorch warns of `float(x)` where a gradient is recorded."""
    return float(x.item() if hasattr(x, "item") else x)


def not_finite(ops: Ops, x: Array, fix: str) -> tuple[Problem, Problem]:
    """NaN, and infinities with what to do about them."""
    return not_a_number(ops, x), Problem("infinite", ops.xp.isinf(x), fix)


def not_a_number(ops: Ops, x: Array) -> Problem:
    """NaN."""
    return Problem("NaN", ops.xp.isnan(x), "the model's outputs must be numbers")


def check_label_shape(labels: Array, allowed: tuple[tuple[int | None, ...], ...]) -> None:
    """Refuse labels whose shape is none of the allowed; None stands for any size."""
    shape = tuple(labels.shape)
    for wanted in allowed:
        pairs = zip(wanted, shape, strict=False)
        if len(wanted) == len(shape) and all(a is None or a == b for a, b in pairs):
            return
    names = " or ".join(_name(wanted) for wanted in allowed)
    raise ValueError(f"labels: expected shape {names}, one label a candidate, got {shape}")


def check_integers(ops: Ops, labels: Array) -> None:
    """Refuse labels that are no integers."""
    if not has_dtype(ops, labels, "integral"):
        raise TypeError(
            f"labels: expected an integer dtype, got {labels.dtype} of shape "
            f"{tuple(labels.shape)}; pass the index of each candidate's class"
        )


def _name(shape: tuple[int | None, ...]) -> str:
    sizes = [
        str(size) if size is not None else name for size, name in zip(shape, "NC", strict=False)
    ]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

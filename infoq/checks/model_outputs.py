"""Input validation for likelihoods: model outputs and labels."""

from __future__ import annotations

from typing import NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.registry import admit
from infoq.checks.dtypes import check_floating, has_dtype
from infoq.checks.numbers import first_place, number


class Problem(NamedTuple):
    """A kind of invalid value.

    Attributes
    ----------
    name : str
        A word for the value, such as "negative".
    where : boolean array [N, C]
        The mask of values of this kind.
    fix : str
        How to fix it.
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


def check_outputs(ops: Ops, x: Array, name: str, wanted: str, ranks: tuple[int, ...]) -> None:
    """Check that outputs are real floating, have one of the ranks, and no empty axis."""
    shape = tuple(x.shape)
    check_floating(ops, x, name)
    if len(shape) not in ranks:
        hint = ""
        if len(shape) == 3:
            hint = "; a likelihood is of one model: with K draws, pass one of them, or their mean"
        raise ValueError(
            f"{name}: expected {wanted} (candidates N, outputs C), got shape {shape}{hint}"
        )
    if 0 in shape:
        raise ValueError(f"{name}: axis {'NCC'[shape.index(0)]} is empty in shape {shape}")


def independent_outputs(name: str, x: Array) -> tuple[Ops, Array]:
    """The outputs [N, C], each with its own distribution, from an array [N] or [N, C]."""
    ops, x = admit(**{name: x})
    check_outputs(ops, x, name, "[N] or [N, C]", (1, 2))
    return ops, x if x.ndim == 2 else x[:, None]


def check_problems(ops: Ops, x: Array, name: str, *problems: Problem) -> None:
    """Check that values x [N, C] have none of the problems; the error names the first bad value."""
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


def not_finite(ops: Ops, x: Array, fix: str) -> tuple[Problem, Problem]:
    """The problems "NaN" and "infinite", with the fix for infinite values."""
    return not_a_number(ops, x), Problem("infinite", ops.xp.isinf(x), fix)


def not_a_number(ops: Ops, x: Array) -> Problem:
    """The problem "NaN"."""
    return Problem("NaN", ops.xp.isnan(x), "the model's outputs must be numbers")


def check_label_shape(labels: Array, allowed: tuple[tuple[int | None, ...], ...]) -> None:
    """Check that labels have one of the allowed shapes; None stands for any size."""
    shape = tuple(labels.shape)
    for wanted in allowed:
        pairs = zip(wanted, shape, strict=False)
        if len(wanted) == len(shape) and all(a is None or a == b for a, b in pairs):
            return
    names = " or ".join(_name(wanted) for wanted in allowed)
    raise ValueError(f"labels: expected shape {names}, one label per candidate, got {shape}")


def check_integers(ops: Ops, labels: Array) -> None:
    """Check that labels are integers."""
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

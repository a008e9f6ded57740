"""Discrete distributions along axes of an array: reading, checks, and conversion between kinds."""

from __future__ import annotations

import math
import operator
from functools import partial
from typing import NamedTuple, TypeAlias

from infoq.backends import Array, Ops
from infoq.backends.registry import admit_all, required
from infoq.checks.choices import KINDS, one_of
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_place
from infoq.checks.probabilities import row_tolerance
from infoq.measures.cuts import sum_outcomes, total

Axis: TypeAlias = int | tuple[int, ...]


class View(NamedTuple):
    """Values with the axes of the outcomes last; a view, not a copy.

    Attributes
    ----------
    values : array [..., *outcomes]
        The given values, with the axes of the outcomes moved to the end.
    num_axes : int
        The number of those axes.
    """

    values: Array
    num_axes: int


def read(ops: Ops, x: Array, axis: Axis, kind: str, name: str) -> View:
    """The distributions over the axes `axis` of `x`, validated where values can be read.

    Raises
    ------
    TypeError
        If `x` is not real floating.
    ValueError
        If `kind` or `axis` is not valid, or the values are not distributions.
    """
    one_of(KINDS, kind, "kind")
    check_floating(ops, x, name)
    view = _move(ops, x, axis, name)
    if ops.concrete(x):
        _check(ops, x, view, axis, kind, name)
    return view


def read_two(p: Array, q: Array, axis: Axis, kind: str) -> tuple[Ops, tuple[Array, Array], int]:
    """The operations, the views of p and q, and the number of axes of their outcomes.

    Raises
    ------
    TypeError, ValueError
        If p and q differ in library, dtype or outcomes, or their other axes do not broadcast.
    """
    required(p=p, q=q)
    ops, (p, q) = admit_all(p=p, q=q)
    if p.dtype != q.dtype:
        raise TypeError(f"p and q: expected one dtype, got {p.dtype} and {q.dtype}")
    shapes = [
        tuple(x.shape[i] for i in normal_axes(x.ndim, axis, name))
        for x, name in ((p, "p"), (q, "q"))
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"p and q: expected the same outcomes along axis {axis}, got shapes {tuple(p.shape)} "
            f"and {tuple(q.shape)}"
        )
    (one, count), (two, _) = read(ops, p, axis, kind, "p"), read(ops, q, axis, kind, "q")
    pairs = zip(reversed(one.shape[:-count]), reversed(two.shape[:-count]), strict=False)
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ValueError(
            f"p and q: the axes beside axis {axis} do not broadcast in shapes {tuple(p.shape)} and "
            f"{tuple(q.shape)}"
        )
    return ops, (one, two), count


def normal_axes(ndim: int, axis: Axis, name: str) -> tuple[int, ...]:
    """The axes as distinct non-negative integers, at least one."""
    try:
        axes = tuple(operator.index(one) for one in (axis if isinstance(axis, tuple) else (axis,)))
    except TypeError as error:
        raise TypeError(
            f"{name}: expected axis to be an int or a tuple of int, got {axis!r}"
        ) from error
    if not axes or any(not -ndim <= one < ndim for one in axes):
        raise ValueError(f"{name}: axis {axis} does not fit an array of {ndim} axes")
    normal = tuple(one % ndim for one in axes)
    if len(set(normal)) < len(normal):
        raise ValueError(f"{name}: axis {axis} names one axis twice")
    return normal


def _move(ops: Ops, x: Array, axis: Axis, name: str) -> View:
    """`x` with the given axes moved to the end."""
    axes = normal_axes(x.ndim, axis, name)
    if any(x.shape[i] == 0 for i in axes):
        raise ValueError(f"{name}: no outcomes in shape {tuple(x.shape)} along axis {axis}")
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    moved = x if order == tuple(range(x.ndim)) else ops.xp.permute_dims(x, order)
    return View(moved, len(axes))


def _check(ops: Ops, x: Array, view: View, axis: Axis, kind: str, name: str) -> None:
    """Raise a ValueError unless the values [..., *outcomes] of `x` are distributions."""
    xp = ops.xp
    values, count = view
    if 0 in values.shape:
        return
    outcomes = math.prod(values.shape[values.ndim - count :])
    off = partial(_off, ops, tolerance=row_tolerance(ops, x.dtype, outcomes))
    run = partial(_sums, kind=kind)
    bad = sum_outcomes(ops, run, (values,), count, whole=kind == "logits", finish=off)
    place = first_place(ops, bad)
    if place is None:
        return
    number = place if len(place) > 1 else sum(place)
    row = xp.reshape(values[(*place, ...)], (outcomes,))
    raise ValueError(
        f"{name}: distribution {number} of shape {tuple(x.shape)} along axis {axis}, read as "
        f"{kind}, has {_problem(ops, row, to_probabilities(ops, row, kind), kind)} (kind= tells "
        "whether values are probs, log_probs or logits)"
    )


def _off(ops: Ops, sums: Array, *, tolerance: float) -> Array:
    """True where a sum is not one, or is NaN."""
    return ~(ops.xp.abs(sums - 1) <= tolerance)


def _sums(ops: Ops, values: Array, *, kind: str) -> Array:
    """The sums of the probabilities that values [..., C] stand for; NaN where one is invalid."""
    xp = ops.xp
    none = ops.scalar(float("nan"), ops.upcast(values[..., 0]))
    if kind == "logits":
        return xp.where(xp.isfinite(xp.max(values, axis=-1)), ops.scalar(1.0, none), none)
    probs = to_probabilities(ops, values, kind)
    sums = total(ops, probs)
    if ops.may_branch(probs) and bool(xp.min(probs) >= 0):
        return sums
    return xp.where(xp.all(probs >= 0, axis=-1), sums, none)


def _problem(ops: Ops, values: Array, probs: Array, kind: str) -> str:
    """A description of the problem of one distribution, from its values and probabilities [C]."""
    xp = ops.xp
    if bool(xp.any(xp.isnan(values))):
        return "a value that is not a number (nan)"
    if kind == "logits" and bool(xp.any(values == math.inf)):
        return "an infinite logit; for a certain outcome pass probabilities"
    nothing = 0.0 if kind == "probs" else -math.inf
    if bool(xp.all(values == nothing)):
        return f"no possible outcome: all values are {nothing:g}"
    least, total = float(xp.min(probs)), float(xp.sum(probs))
    return f"least probability {least:.6g} and sum {total:.6g}; expected at least 0 and 1"


def to_probabilities(ops: Ops, values: Array, kind: str) -> Array:
    """The probabilities, in the precision that they are computed in."""
    values = ops.upcast(values)
    if kind == "probs":
        return values
    if kind == "logits":
        return ops.softmax(values)
    # Log-probabilities above 0 are refused later; the clip keeps them from overflowing first.
    return ops.xp.exp(ops.xp.clip(values, None, 1.0))


def to_log_probabilities(ops: Ops, values: Array, kind: str) -> Array:
    """The log-probabilities, in the precision that they are computed in."""
    values = ops.upcast(values)
    if kind == "logits":
        return ops.log_softmax(values)
    if kind == "log_probs":
        return values
    xp = ops.xp
    some = values > 0
    log = xp.log(xp.where(some, values, ops.scalar(1.0, values)))
    return xp.where(some, log, ops.scalar(-float("inf"), values))

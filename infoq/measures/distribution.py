"""A discrete distribution along some axes of an array, whichever way it is written down."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops
from infoq.backends.door import check_floating
from infoq.backends.registry import admit
from infoq.measures.matrices import first_place

Axis: TypeAlias = int | tuple[int, ...]

KINDS = ("probs", "log_probs", "logits")


class Distribution(NamedTuple):
    """Probabilities and their logarithms along the last axis, with the outcomes' axes joined.

    Attributes
    ----------
    probs : array [..., C]
        Probabilities.
    log_probs : array [..., C]
        Their logarithms; -inf where an outcome is impossible.
    """

    probs: Array
    log_probs: Array


def read(ops: Ops, x: Array, axis: Axis, kind: str, name: str) -> Distribution:
    """The distribution over the axes `axis` of `x`, checked where values can be read.

    Raises
    ------
    TypeError
        If `x` is not real floating.
    ValueError
        If `kind` or `axis` is unknown, or the values are no distribution.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    check_floating(ops, x, name)
    joined = ops.whole(join_axes(ops, ops.upcast(x), axis, name), 1)
    probs = _unless(ops, to_probabilities, "probs", joined, kind)
    if ops.concrete(x):
        _check(ops, x, joined, probs, axis, kind, name)
    return Distribution(probs, _unless(ops, to_log_probabilities, "log_probs", joined, kind))


def _unless(ops: Ops, convert: Callable[..., Array], known: str, values: Array, kind: str) -> Array:
    """The values converted, unless they are what is known already."""
    return values if kind == known else ops.over_stacks(convert, "(c)->(c)", values, kind=kind)


def read_two(p: Array, q: Array, axis: Axis, kind: str) -> tuple[Ops, Distribution, Distribution]:
    """Two distributions over the same outcomes, whose other axes broadcast."""
    ops, p, q = admit(p=p, q=q)
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
    one, two = read(ops, p, axis, kind, "p"), read(ops, q, axis, kind, "q")
    pairs = zip(reversed(one.probs.shape[:-1]), reversed(two.probs.shape[:-1]), strict=False)
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ValueError(
            f"p and q: the axes beside axis {axis} do not broadcast in shapes {tuple(p.shape)} and "
            f"{tuple(q.shape)}"
        )
    return ops, one, two


def normal_axes(ndim: int, axis: Axis, name: str) -> tuple[int, ...]:
    """Axes as distinct numbers from 0, at least one."""
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


def join_axes(ops: Ops, x: Array, axis: Axis, name: str) -> Array:
    """`x` with the given axes moved to the end and joined into one."""
    axes = normal_axes(x.ndim, axis, name)
    if any(x.shape[i] == 0 for i in axes):
        raise ValueError(f"{name}: no outcomes in shape {tuple(x.shape)} along axis {axis}")
    if axes == (x.ndim - 1,):
        return x
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    moved = ops.xp.permute_dims(x, (*rest, *axes))
    size = 1
    for one in axes:
        size *= x.shape[one]
    return ops.xp.reshape(moved, (*(x.shape[i] for i in rest), size))


def _check(
    ops: Ops, x: Array, values: Array, probs: Array, axis: Axis, kind: str, name: str
) -> None:
    """Refuse `x` [...] that is no distribution, by its values and probabilities [..., C]."""
    xp = ops.xp
    if 0 in probs.shape:
        return
    tolerance = row_tolerance(ops, x.dtype, probs.shape[-1])
    bad = ops.compiled(partial(_no_distribution, tolerance=tolerance), None)(probs)
    if not bool(xp.any(bad)):
        return
    place = first_place(ops, bad)
    number = place if len(place) > 1 else sum(place)
    raise ValueError(
        f"{name}: distribution {number} of shape {tuple(x.shape)} along axis {axis}, read as "
        f"{kind}, has "
        f"{_problem(ops, values[*place, :], probs[*place, :], kind)} (kind= tells whether values "
        "are probs, log_probs or logits)"
    )


def _problem(ops: Ops, values: Array, probs: Array, kind: str) -> str:
    """What is wrong with one distribution, by its values and probabilities [C]."""
    xp = ops.xp
    if bool(xp.any(xp.isnan(values))):
        return "a value that is no number (nan)"
    if kind == "logits" and bool(xp.any(values == math.inf)):
        return "an infinite logit; for a certain outcome pass probabilities"
    nothing = 0.0 if kind == "probs" else -math.inf
    if bool(xp.all(values == nothing)):
        return f"no possible outcome: all values are {nothing:g}"
    least, total = float(xp.min(probs)), float(xp.sum(probs))
    return f"least probability {least:.6g} and sum {total:.6g}; expected at least 0 and 1"


def row_tolerance(ops: Ops, dtype: Any, classes: int) -> float:
    """How far the sum of so many probabilities of a dtype may be from one.

    In float16 each is rounded to a multiple of 6e-8, which 4 million of them notice.
    """
    info = ops.xp.finfo(dtype)
    if info.bits >= 32:
        return 1e-3
    return 2e-2 + classes * float(info.smallest_normal) * float(info.eps) / 2


def _no_distribution(ops: Ops, probs: Array, *, tolerance: float) -> Array:
    """Which rows [..., C] are none; a NaN makes either comparison false."""
    xp = ops.xp
    fits = xp.abs(xp.sum(probs, axis=-1) - 1) <= tolerance
    return ~(xp.all(probs >= 0, axis=-1) & fits)


def to_probabilities(ops: Ops, values: Array, kind: str) -> Array:
    """Probabilities, in the precision that they are computed in."""
    values = ops.upcast(values)
    if kind == "probs":
        return values
    if kind == "logits":
        return ops.softmax(values)
    # A log-probability above 0 is refused, and need not overflow first.
    return ops.xp.exp(ops.xp.clip(values, None, 1.0))


def to_log_probabilities(ops: Ops, values: Array, kind: str) -> Array:
    """Log-probabilities, in the precision that they are computed in."""
    values = ops.upcast(values)
    if kind == "logits":
        return ops.log_softmax(values)
    if kind == "log_probs":
        return values
    xp = ops.xp
    some = values > 0
    log = xp.log(xp.where(some, values, ops.scalar(1.0, values)))
    return xp.where(some, log, ops.scalar(-float("inf"), values))

"""Input validation for embeddings: finite values with finite squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from infoq.backends import Array, Ops
from infoq.blocks import map_rows
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_index, first_place, number


def check_values(
    ops: Ops, x: Array, name: str, shapes: dict[int, str], *, squared: bool = True
) -> None:
    """Check the dtype and shape of candidates x [N, ...], and that all values are finite.

    If values are `squared`, it also checks that no squared distance between two candidates could
    overflow. It takes one pass over the values, and a second if the largest could be too large.
    """
    shape = tuple(x.shape)
    check_floating(ops, x, name)
    expected = " or ".join(shapes.values())
    if len(shape) not in shapes or 0 in shape:
        raise ValueError(f"{name}: expected shape {expected}, none of them 0, got {shape}")
    if not ops.concrete(x):
        return
    top = number(ops.xp.max(_run(ops, _largest, x)))
    most = largest_number(ops, x)
    if top <= (math.sqrt(most / (4 * math.prod(shape[1:]))) if squared else most):
        return
    if not top < math.inf:  # true for NaN
        index = first_index(ops, ~_run(ops, _finite_each, x))
        raise ValueError(f"{name}: candidate {index} has a value that is NaN or infinite")
    # In units of the largest value, so that nothing overflows.
    bad = _run(ops, partial(_squared_lengths, top), x) > most / 4 / top / top
    index = first_index(ops, bad)
    if index is not None:
        value = number(ops.xp.max(ops.xp.abs(x[index, ...])))
        problem = f"has values up to {value:.3g}, whose {overflow(ops, x, name)}"
        raise ValueError(f"{name}: candidate {index} {problem}")


def check_results(ops: Ops, x: Array, like: Array) -> Array:
    """The results x [N, ...] from finite candidates, checked to be finite where readable."""
    if not ops.concrete(x) or 0 in x.shape or bool(ops.xp.all(ops.xp.isfinite(x))):
        return x
    index = first_index(ops, ~_finite_each(ops, x))
    if bool(ops.xp.any(ops.xp.isinf(x[index, ...]))):
        problem = f"beside the precision or the noise overflows {_narrow(ops, x, 'one of them')}"
    else:
        problem = "is NaN: its noise is below rounding, or " + overflow(ops, like, "one of them")
    raise ValueError(f"embedding: the covariance of candidate {index} {problem}")


def check_sums(ops: Ops, x: Array, name: str, each: int = 1) -> Array:
    """Sums of products, [], [N] or [N each, ...], checked to be finite where readable."""
    if not ops.concrete(x) or 0 in x.shape:
        return x
    large = x == math.inf
    place = first_place(ops, large)
    if place is None:
        return x
    which = f" of candidate {place[0] // each}" if place else ""
    raise ValueError(f"{name}: a sum of products{which} overflows {_narrow(ops, x, name)}")


def overflow(ops: Ops, x: Array, name: str) -> str:
    """The message that squares of `x` overflow in its working dtype, and how to fix it."""
    return f"squares overflow {_narrow(ops, ops.upcast(x), name)}"


def _narrow(ops: Ops, x: Array, name: str) -> str:
    """The name of the dtype of `x`, which is too narrow, and how to fix it."""
    bits = ops.bits(x)
    wider = f", or use float{2 * bits}" if bits < 64 else ""
    return f"{str(x.dtype).rpartition('.')[2]}; scale {name}{wider}"


def largest_number(ops: Ops, x: Array) -> float:
    """The largest number of the working dtype of `x`."""
    return float(ops.xp.finfo(ops.working_dtype(x)).max)


def _run(ops: Ops, kernel: Callable[..., Array], x: Array) -> Array:
    """The kernel's results, by blocks, as some libraries copy the values that they read."""
    size = math.prod(x.shape[1:]) * (ops.bits(x) // 8 + 4)
    return map_rows(kernel, (x,), bytes_per_row=size)


def _largest(ops: Ops, x: Array) -> Array:
    """The largest absolute value of a block, repeated for each candidate: [n]."""
    return ops.xp.broadcast_to(ops.xp.max(ops.xp.abs(x)), (x.shape[0],))


def _squared_lengths(unit: float, ops: Ops, x: Array) -> Array:
    """The squared lengths of candidates, in units of `unit` squared: [n]."""
    scaled = ops.xp.reshape(ops.upcast(x), (x.shape[0], -1)) / unit
    return ops.xp.sum(scaled * scaled, axis=1)


def _finite_each(ops: Ops, x: Array) -> Array:
    """The mask [n] of candidates with finite values."""
    return ops.xp.all(ops.xp.reshape(ops.xp.isfinite(x), (x.shape[0], -1)), axis=1)

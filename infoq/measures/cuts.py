"""Sums over the outcomes of distributions, in blocks of distributions or of outcomes.

A block is some of many distributions, or a piece of a single long one. Its temporary arrays stay in
the cache and within the memory of `options`. Where values can't be read, a formula sees all
distributions at once.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from functools import partial, reduce

from infoq.backends import Array, Ops
from infoq.blocks import block_items

# The most numbers that a formula keeps for each outcome.
_NUMBERS = 8


def sum_outcomes(
    ops: Ops,
    terms: Callable[..., Array],
    views: tuple[Array, ...],
    count: int,
    *,
    whole: bool,
    finish: Callable[[Array], Array],
) -> Array:
    """`finish(terms(ops, *joined))` [...], where `joined` has the outcomes on one last axis.

    Parameters
    ----------
    ops : Ops
        The operations of the arrays' library.
    terms : callable
        Maps an `Ops` and arrays [..., C] to their sums over outcomes, [...].
    views : tuple of arrays
        Arrays whose last `count` axes hold the outcomes; the axes before them broadcast.
    count : int
        The number of axes that hold the outcomes.
    whole : bool
        Whether `terms` must see all outcomes of a distribution together.
    finish : callable
        Maps the sums [...] to the result [...].
    """
    if not ops.concrete(*views):
        joined = [ops.whole(join_last(ops, ops.upcast(x), count), 1) for x in views]
        signature = ",".join("(c)" for _ in views) + "->()"
        return finish(ops.over_stacks(terms, signature, *joined))
    run = partial(_on_joined, terms, count)
    lead = max(x.ndim for x in views) - count
    aligned = tuple(_aligned(ops, x, lead + count) for x in views)
    return in_blocks(ops, run, aligned, lead, whole=whole, finish=finish)


def map_outcomes(
    ops: Ops, each: Callable[..., Array], view: Array, count: int, *, whole: bool
) -> Array:
    """`each(ops, joined)` [..., C], where `joined` has the outcomes on one last axis.

    The last `count` axes of `view` hold the outcomes. `each` maps [..., C] to an array of the same
    shape and dtype.
    """
    if not ops.concrete(view):
        joined = ops.whole(join_last(ops, ops.upcast(view), count), 1)
        return ops.cast_like(ops.over_stacks(each, "(c)->(c)", joined), view)
    lead = view.ndim - count if whole else view.ndim
    run = partial(_each_joined, each, count)
    return join_last(ops, in_blocks(ops, run, (view,), lead, whole=True), count)


def in_blocks(
    ops: Ops,
    run: Callable[..., Array],
    arrays: tuple[Array, ...],
    lead: int,
    *,
    whole: bool,
    kept: tuple[int, ...] = (),
    finish: Callable[[Array], Array] = lambda x: x,
) -> Array:
    """`finish(run(ops, *arrays))`, computed in blocks of arrays that broadcast axis by axis.

    The arrays have the same number of axes, and along each of them one size or 1. The result keeps
    the first `lead` axes and those in `kept`: along these, the results of blocks are joined. Along
    all other axes they are added; with `whole`, those axes are not cut.
    """
    run, most = ops.compiled(run, None), limit(ops, arrays[0])

    def cut(arrays: tuple[Array, ...]) -> tuple[Iterator[tuple[Array, ...]], int, int] | None:
        """The blocks along one axis, that axis and its size; None where one block suffices."""
        sizes = zip(*(x.shape for x in arrays), strict=True)
        shape = tuple(0 if 0 in each else max(each) for each in sizes)
        axis = _axis_to_cut(shape, lead, whole=whole)
        if math.prod(shape) <= most or axis is None:
            return None
        size = shape[axis]
        step = max(1, most // (math.prod(shape) // size))
        blocks = (
            tuple(_slice(x, axis, start, min(start + step, size)) for x in arrays)
            for start in range(0, size, step)
        )
        return blocks, axis, size

    def added(arrays: tuple[Array, ...]) -> Array:
        found = cut(arrays)
        if found is None:
            return run(*arrays)
        blocks, axis, size = found
        parts = map(added, blocks)
        return ops.join_blocks(parts, axis, size) if axis in kept else reduce(operator.add, parts)

    def joined(arrays: tuple[Array, ...]) -> Array:
        found = cut(arrays)
        if found is None or found[1] >= lead:
            return finish(added(arrays))
        blocks, axis, size = found
        return ops.join_blocks(map(joined, blocks), axis, size)

    return joined(arrays)


def _axis_to_cut(shape: tuple[int, ...], lead: int, *, whole: bool) -> int | None:
    """The first axis before the outcomes that can be cut, else the longest axis of outcomes.

    None where there is no such axis, or where only the outcomes are left and `whole` holds.
    """
    for axis in range(lead):
        if shape[axis] > 1:
            return axis
    outcomes = range(lead, len(shape))
    longest = max(outcomes, key=lambda axis: shape[axis], default=None)
    return None if whole or longest is None or shape[longest] <= 1 else longest


def limit(ops: Ops, like: Array) -> int:
    """The largest number of outcomes of a block."""
    return block_items(ops, like, _NUMBERS * ops.item_bytes(like))


def _slice(x: Array, axis: int, start: int, end: int) -> Array:
    if x.shape[axis] == 1:
        return x
    return x[(*(slice(None),) * axis, slice(start, end), ...)]


def _aligned(ops: Ops, x: Array, ndim: int) -> Array:
    """`x` with leading axes of size 1, as in broadcasting, so that it has `ndim` axes."""
    return x if x.ndim == ndim else ops.xp.reshape(x, (*(1,) * (ndim - x.ndim), *x.shape))


def _on_joined(terms: Callable[..., Array], count: int, ops: Ops, *blocks: Array) -> Array:
    return terms(ops, *(ops.packed(join_last(ops, x, count)) for x in blocks))


def _each_joined(each: Callable[..., Array], count: int, ops: Ops, block: Array) -> Array:
    return ops.xp.reshape(each(ops, join_last(ops, block, count)), block.shape)


def join_last(ops: Ops, x: Array, count: int) -> Array:
    """`x` with its last `count` axes merged into one."""
    if count == 1:
        return x
    return ops.xp.reshape(x, (*x.shape[:-count], math.prod(x.shape[-count:])))


def total(ops: Ops, x: Array) -> Array:
    """The sum over the last axis; for few outcomes a matrix product, which is 8 times as fast."""
    if x.shape[-1] <= 32:
        return ops.xp.matmul(x, ops.constant((x.shape[-1],), 1.0, x))
    return ops.xp.sum(x, axis=-1)

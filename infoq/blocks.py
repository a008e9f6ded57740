"""Evaluation in blocks of candidates, and the size of a block.

All computations that split candidates into blocks do so here. The temporary arrays of a block fit
the processor's cache, where its size is known, and always the memory budget of `options`. Results
do not depend on the block size, except for rounding.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array, mapped
from infoq.settings import Options, current_options, in_force


def map_rows(
    kernel: Callable[..., Array],
    rows: tuple[Any, ...],
    shared: tuple[Any, ...] = (),
    *,
    bytes_per_row: int,
    bytes_shared: int = 0,
    prepare: Callable[..., tuple[Any, ...]] | None = None,
    shape: tuple[int, ...] = (),
) -> Array:
    """`kernel(ops, *rows, *shared)` for all candidates, block by block: `[N, *shape]`.

    Parameters
    ----------
    kernel : callable
        Maps an `Ops`, a block of each of the rows, and the shared arguments to [n, *shape]. It must
        take its namespace from the `Ops`, as Dask chunks are of another library.
    rows : tuple of arrays [N, ...], or of trees or tuples of them
        Arguments that are split along the first axis. An object made of arrays (see `trees`), such
        as an embedding with its likelihood, reaches the kernel as an object of n candidates with
        the same settings. An object without arrays is passed unchanged.
    shared : tuple
        Arguments that every block sees whole: arrays, numbers, and trees or tuples of them.
    bytes_per_row : int
        Bytes of the kernel's temporary arrays per candidate.
    bytes_shared : int
        Bytes of the shared arrays that every block reads. If they exceed the cache, blocks are
        larger.
    prepare : callable, optional
        Maps an `Ops` and the shared arguments to those passed to the kernel instead. It is called
        once, or once per chunk.
    shape : tuple of int
        The shape of the kernel's result for one candidate.
    """
    run = partial(_run, kernel, prepare, (bytes_per_row, bytes_shared), current_options())
    return ops_for(_like(rows)).over_chunks(run, rows, shared, shape)


def add_rows(
    kernel: Callable[..., Array],
    rows: tuple[Any, ...],
    shared: tuple[Any, ...] = (),
    *,
    shape: tuple[int, ...],
    bytes_per_row: int,
) -> Array:
    """The sum of `kernel(ops, *rows, *shared)` over blocks of candidates: an array of `shape`.

    Parameters
    ----------
    kernel : callable
        Maps an `Ops`, a block of each of the rows, and the shared arguments to an array of `shape`,
        for any block size n.
    rows, shared, bytes_per_row
        As in `map_rows`.
    shape : tuple of int
        The shape of the result.
    """
    # Every block writes a result of full size. Count it as shared, so that blocks are large enough.
    like = _like(rows)
    ops = ops_for(like)
    result = math.prod(shape) * ops.item_bytes(like)
    run = partial(_run, kernel, None, (bytes_per_row, result), current_options(), add=True)
    return ops.add_chunks(run, rows, shared, shape)


def sum_columns(
    ops: Ops, function: Callable[..., Array], columns: tuple[Any, ...], *, bytes_per_column: int
) -> Array:
    """The sum of `function(*block)` over blocks of arrays [S, ...], or of trees of them.

    Parameters
    ----------
    ops : Ops
        The `Ops` of the arrays.
    function : callable
        Maps arrays [s, ...] to an array of one shape for any s. Rows of zeros must add nothing.
    columns : tuple of arrays [S, ...], or of trees or tuples of them
        Arguments that are split along the first axis, as in `map_rows`.
    bytes_per_column : int
        Bytes of temporary arrays per row.
    """
    step = _block(ops, _like(columns), bytes_per_column, current_options())
    return ops.sum_blocks(function, columns, step)


def block_items(ops: Ops, like: Array, bytes_per_item: int) -> int:
    """The number of items of `bytes_per_item` bytes that a block may have."""
    return _block(ops, like, bytes_per_item, current_options())


def _run(
    kernel: Callable[..., Array],
    prepare: Callable[..., tuple[Any, ...]] | None,
    sizes: tuple[int, int],
    settings: Options,
    rows: tuple[Any, ...],
    shared: tuple[Any, ...],
    *,
    add: bool = False,
) -> Array:
    like = _like(rows)
    ops = ops_for(like)
    total = like.shape[0]
    step = _block(ops, like, sizes[0], settings, sizes[1])
    with in_force(settings):
        if prepare is not None:
            shared = ops.compiled(prepare, settings)(*shared)
        run = ops.compiled(kernel, settings)
        if total <= step:
            return run(*rows, *shared)
        parts = (
            run(*mapped(partial(_cut, start, min(start + step, total)), rows), *shared)
            for start in range(0, total, step)
        )
        return reduce(operator.add, parts) if add else ops.xp.concat(list(parts))


def _like(rows: tuple[Any, ...]) -> Array:
    """The first array of the rows, which determines the library and the number of rows."""
    first = rows[0]
    like: Array | None = first if hasattr(first, "shape") else first_array(first)
    return first_array(rows) if like is None else like


def _cut(start: int, stop: int, x: Array) -> Array:
    return x[start:stop, ...]


def _block(
    ops: Ops, like: Array, bytes_per_item: int, settings: Options, bytes_shared: int = 0
) -> int:
    cache = ops.cache_bytes(like)
    each = max(1, bytes_per_item)
    most = max(1, settings.memory // each)
    if cache is None:
        return most
    # Read once per 64 candidates, the shared arrays cost little beside the arithmetic.
    least = 64 if bytes_shared > cache else 1
    return min(most, max(least, cache // each))

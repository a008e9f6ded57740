"""Weighted draws of indices, accurate where a running sum of a million weights is not."""

from __future__ import annotations

from infoq.backends import Array, Ops


def draw(ops: Ops, weights: Array, numbers: Array) -> Array:
    """Independent indices [m] with probabilities proportional to weights [N].

    Parameters
    ----------
    ops : Ops
        The operations of arrays in memory.
    weights : array [N]
        At least 0, with a positive sum.
    numbers : array [2, m]
        Uniform in [0, 1): the first row chooses a group of candidates, the second one of the group.

    Notes
    -----
    Groups of size sqrt(N) make rounding errors, and the spacing of the uniform numbers, negligible.
    Rounding may return an index of weight 0; the caller rejects it.
    """
    xp = ops.xp
    count = weights.shape[0]
    width = max(1, int(count**0.5))
    rows = -(-count // width)
    padding = xp.zeros((rows * width - count,), dtype=weights.dtype, device=ops.device(weights))
    table = xp.reshape(xp.concat([weights, padding]), (rows, width))
    row = _first_above(ops, ops.cumulative_sum(xp.sum(table, axis=1))[None, :], numbers[0, :])
    row_sums = ops.cumulative_sum(xp.take(table, row, axis=0), axis=1)
    index = row * width + _first_above(ops, row_sums, numbers[1, :])
    return xp.where(index < count, index, xp.full_like(index, count - 1))


def _first_above(ops: Ops, sums: Array, numbers: Array) -> Array:
    """First place where running sums [m or 1, n] exceed a fraction `numbers` [m] of the total."""
    xp = ops.xp
    below = sums <= numbers[:, None] * sums[:, -1:]
    places = xp.sum(xp.astype(below, xp.int32), axis=1, dtype=xp.int32)
    return xp.where(places < sums.shape[1], places, xp.full_like(places, sums.shape[1] - 1))

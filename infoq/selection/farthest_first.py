"""Farthest-first traversal: repeatedly pick the point that is farthest from all picks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.selection.asked import Asked, asked
from infoq.selection.budget import check_size
from infoq.selection.points import Points
from infoq.selection.selected import Selection
from infoq.structures.embedding import Embedding

# The number of given points whose distances are computed in one pass.
_CENTRES = 64


@capabilities(reads_values="the number of picks depends on values")
def farthest_first(
    points: Array | Embedding,
    k: int | None = None,
    *,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
    first: Literal["norm"] | int = "norm",
) -> Selection:
    r"""Core-set of k points: each is the farthest from the points picked before it.

    .. math:: \mathrm{arg}\,\max_i \min_{j \in B} \lVert x_i - x_j \rVert

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or an embedding such as `gradient_embedding`, which is never formed in full. The R
        rows of a candidate count as one point.
    k : int, optional
        How many to pick; more than there are picks all that differ. With a budget it may be left
        out.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Only their distances to the
        picks count. Default: all.
    given : integers
        Candidates that are already centres, picked or pending. Distances to them count, and none of
        them is picked again.
    costs : array [N], optional
        The cost of each candidate, more than 0; used only with a budget.
    budget : float, optional
        The most that the picks may cost together. A candidate that costs more than what is left is
        skipped.
    first : "norm" or int
        The first pick if no points are given: the candidate of the largest norm, or the one with
        this index.

    Returns
    -------
    Selection
        Indices in the order of picking. Gains are the distances to the nearest centre when picked
        (for a first point, its norm); they never grow after the first. The value is their sum: the
        length of the tree that links each pick to the nearest pick before it, and the first to 0.
        Ties go to the lowest index. No point at distance 0 from a centre is picked: if only such
        points are left, `reason` is ``"rank"``.

    Raises
    ------
    TypeError
        If the points are not a floating array or an embedding, k or `first` is not an integer, or
        values cannot be read (inside `jax.jit`).
    ValueError
        If the points are not [N, P], or they or their squares are not finite; if k is negative; if
        `first` may not be picked, or is an index although points are given; or if `candidates` or
        an index does not fit the pool.

    Notes
    -----
    A bound: the largest distance of a candidate to its nearest pick is at most twice that of the
    best k centres among the candidates. (It would be the next gain. Given points are centres of
    both batches.)

    Costs k passes over the points, each of N P multiply-adds, or N (D + C R) for rows in Kronecker
    structure. An embedding without that structure is evaluated anew in each pass. Memory is N
    numbers beside the points. The mean of features is subtracted first. Squared distances below eps
    sqrt(P) times the squared norms are rounding error: they count as 0, and smaller differences are
    ties.

    References
    ----------
    Gonzalez, T. F. (1985). Clustering to minimize the maximum intercluster distance. Theoretical
    Computer Science 38, 293-306. Sener, O. and Savarese, S. (2018). Active learning for
    convolutional neural networks: a core-set approach. ICLR, arXiv:1708.00489 (k-center greedy,
    given the labelled).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [3.0, 4.0]])
    >>> batch = infoq.farthest_first(points, 4)
    >>> batch.indices, batch.gains, batch.reason
    (array([1, 0, 2]), array([5., 5., 1.]), 'rank')
    """
    check_size(k, budget)
    start = _check_first(first)
    table = Points(points)
    pool = asked(table.ops, table.norms, k, candidates, given, costs, budget)
    if start is not None:
        _check_start(start, pool)
    return _Traversal(table, pool, start).selection()


class _Traversal:
    """The picks so far, the distances of all points to them, and the candidates left."""

    def __init__(self, table: Points, pool: Asked, start: int | None) -> None:
        self.table, self.pool, self.start = table, pool, start
        self.ops, self.free = table.ops, pool.free
        distance = self.ops.constant(tuple(table.norms.shape), float("inf"), table.norms)
        for begin in range(0, len(pool.given), _CENTRES):
            distance = table.nearest(distance, pool.indices(pool.given[begin : begin + _CENTRES]))
        self.distance = distance
        self.indices, self.squares = [pool.places[:0]], [distance[:0]]

    def selection(self) -> Selection:
        """The whole batch, as a `Selection`."""
        xp, adopt = self.ops.xp, self.table.outer.adopt
        reason = None
        for _ in range(self.pool.most):
            if (reason := self._pick()) is not None:
                break
        if reason is None:
            size = self.pool.size
            reason = "size" if size is not None and self.pool.number >= size else "pool"
        picked = xp.concat(self.indices)
        gains = xp.astype(xp.sqrt(xp.concat(self.squares)), self.table.dtype)
        return Selection(adopt(picked), adopt(gains), adopt(xp.sum(gains)), reason)

    def _pick(self) -> str | None:
        """Pick one more point; returns the reason if there is none."""
        table, pool, xp = self.table, self.pool, self.ops.xp
        begins = len(self.indices) == 1 and not pool.given
        squared = table.squared_norms() if begins else self.distance
        fits = pool.purse.fitting(self.free)
        if not bool(xp.any(fits)):
            return "budget"
        key = xp.where(fits, squared, self.ops.scalar(-1.0, squared))
        if not begins and not bool(xp.any(key > 0)):
            return "rank"
        if begins and self.start is not None:
            if not bool(fits[self.start]):
                raise ValueError(f"first: {self.start} costs more than the budget")
            index = _lowest(self.ops, pool.places == self.start)
        else:  # distances that differ only by rounding are ties; the lowest index is picked
            alike = fits & (key + table.rounding * (table.norms + key) >= xp.max(key))
            index = _lowest(self.ops, alike if begins else alike & (key > 0))
        index = xp.astype(index, pool.places.dtype)
        self.indices.append(index)
        self.squares.append(xp.take(squared, index, axis=0))
        self.distance = table.nearest(self.distance, index)
        self.free = self.free & (pool.places != index)
        pool.purse.pay(int(index[0]))
        return None


def _lowest(ops: Ops, mask: Array) -> Array:
    """Index of the first True of a mask [N], as an array [1]."""
    return ops.xp.reshape(ops.xp.argmax(ops.xp.astype(mask, ops.xp.int32)), (1,))


def _check_first(first: Any) -> int | None:
    """The index of the first point, or None for the point of the largest norm."""
    if isinstance(first, str):
        if first != "norm":
            raise ValueError(f"first: expected 'norm' or the index of a point, got {first!r}")
        return None
    if isinstance(first, bool) or not hasattr(first, "__index__"):
        raise TypeError(f"first: expected 'norm' or an integer, got {type(first).__name__}")
    return int(first.__index__())


def _check_start(start: int, pool: Asked) -> None:
    """Raise if the first point may not be picked, or if points are given before it."""
    if pool.given:
        raise ValueError(f"first: {start} is not first, as points are given; leave it out")
    count = pool.places.shape[0]
    if not 0 <= start < count:
        raise ValueError(f"first: expected an index from 0 to {count - 1}, got {start}")
    if not bool(pool.free[start]):
        raise ValueError(f"first: {start} may not be picked; it is excluded by candidates=")

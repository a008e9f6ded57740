"""Similarities given as neighbour lists: zero except for a few points per candidate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.blocks import map_rows
from infoq.checks.numbers import first_index
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.reading import Block, integers, nowhere_negative


class ListSimilarities:
    """A matrix [M, N] of the similarities of N candidates, whose nonzero entries are in lists.

    A linear combination of candidates is represented by that combination of their columns, [M].
    """

    def __init__(self, lists: Neighbours) -> None:
        self.like = lists.similarities
        self.ops = ops_for(self.like)
        self.reader = _listed
        self.rows = (lists.similarities, lists.indices)
        self.width = lists.size
        self._each = int(lists.indices.shape[1])

    def numbers(self, points: int) -> int:
        """The numbers that a block keeps per candidate; only the listed points count."""
        return 6 * self._each

    def vector(self, index: Array | int) -> Array:
        """The vector of one candidate: its column [M], in memory."""
        similar, indices = self._list(index)
        ops = ops_for(similar)
        points = ops.xp.arange(self.width, dtype=indices.dtype, device=ops.device(similar))
        return _at(ops, similar, indices, points)

    def project(self, vector: Array, indices: Array | None = None) -> Array:
        """The combination of columns unchanged, or only at some candidates [m]."""
        return vector if indices is None else ops_for(vector).xp.take(vector, indices, axis=0)

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        one = self.ops.constant((1,), 1.0, self.like)
        ops = ops_for(one)
        own = ops.xp.arange(self.rows[0].shape[0], device=ops.device(one))
        return self._map(_own, (*self.rows, own))

    def total(self) -> Array:
        """Sum of all columns, which for symmetric lists is that of each list: [N], in memory."""
        return self._map(_sums, self.rows[:1])

    def weighed(self, weights: Array) -> Array:
        """Sum of columns times weights [N], for symmetric lists: [N], in memory."""
        return self._map(_weighed, self.rows, weights)

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        lists = [self._list(index) for index in indices]
        ops = ops_for(lists[0][0])
        members = ops.xp.astype(integers(ops, indices, lists[0][0]), lists[0][1].dtype)
        return ops.xp.stack([_at(ops, *each, members) for each in lists])

    def nowhere_negative(self) -> bool:
        """Whether all similarities are known to be at least 0."""
        return nowhere_negative(self.ops, self.like)

    def _list(self, index: Array | int) -> tuple[Array, Array]:
        """Similarities and indices [n] of one candidate, in memory."""
        similar, indices = (self.ops.fetch(self.ops.row(x, index)) for x in self.rows)
        return ops_for(similar).upcast(similar), indices

    def _map(self, kernel: Callable[..., Array], rows: tuple[Array, ...], *shared: Array) -> Array:
        size = self.ops.item_bytes(self.like) * self.numbers(self.width)
        return self.ops.fetch(map_rows(kernel, rows, shared, bytes_per_row=size))


def check_mirrored(lists: Neighbours) -> None:
    """Raise if lists between candidates are not symmetric, where values can be read."""
    ops = ops_for(lists.similarities)
    xp, count = ops.xp, len(lists)
    if lists.size != count:
        raise ValueError(
            f"kernel: expected neighbour lists between candidates, got size={lists.size} points "
            f"and N={count} candidates"
        )
    if not ops.concrete(lists.similarities, lists.indices):
        return
    own, other, similar = _by_candidate(ops, lists)
    # Sorted by the listed point, symmetric lists are unchanged.
    mirror = xp.argsort(other, stable=True)
    points, listed_by = xp.take(other, mirror, axis=0), xp.take(own, mirror, axis=0)
    rounding = float(xp.finfo(similar.dtype).eps) ** 0.5
    limit = rounding * xp.max(xp.abs(ops.upcast(lists.similarities)))
    off = xp.abs(similar - xp.take(similar, mirror, axis=0)) > limit
    off = off | (points != own) | (listed_by != other)
    spot = first_index(ops, off)
    if spot is not None:
        pairs = (own, other), (points, listed_by)
        # The pair that comes first in one of the two orders is missing in the other.
        i, j = min((int(one[spot]), int(two[spot])) for one, two in pairs)
        _refuse(ops, lists, i, j)


def _by_candidate(ops: Ops, lists: Neighbours) -> tuple[Array, Array, Array]:
    """Candidates, points and nonzero similarities, sorted by candidate and then by point."""
    xp, each = ops.xp, int(lists.indices.shape[1])
    order = xp.argsort(lists.indices, axis=1)
    points = xp.reshape(ops.take_along_axis(lists.indices, order, axis=1), (-1,))
    similar = xp.reshape(ops.take_along_axis(lists.similarities, order, axis=1), (-1,))
    kept = xp.nonzero(similar != 0)[0]
    similar = ops.upcast(xp.take(similar, kept, axis=0))
    return kept // each, xp.take(points, kept, axis=0), similar


def _refuse(ops: Ops, lists: Neighbours, i: int, j: int) -> None:
    def similarity(one: int, two: int) -> float:
        listed = lists.indices[one, :] == two
        values = lists.similarities[one, :]
        return float(ops.xp.sum(ops.xp.where(listed, values, ops.scalar(0.0, values))))

    raise ValueError(
        f"kernel: candidate {i} is similar to {j} by {similarity(i, j):.6g}, and {j} to {i} by "
        f"{similarity(j, i):.6g} (0 where it is not listed); list both with the mean, as in "
        "(S + S.T) / 2"
    )


def _at(ops: Ops, similar: Array, indices: Array, points: Array) -> Array:
    """Similarities with points [m] from a list [n], at the cost of m log n."""
    xp = ops.xp
    order = xp.argsort(indices)
    indices, similar = xp.take(indices, order, axis=0), xp.take(similar, order, axis=0)
    last = ops.scalar(indices.shape[0] - 1, indices)
    spots = xp.minimum(xp.astype(xp.searchsorted(indices, points), indices.dtype), last)
    listed = xp.take(indices, spots, axis=0) == points
    return xp.where(listed, xp.take(similar, spots, axis=0), ops.scalar(0.0, similar))


def _listed(ops: Ops, arguments: tuple[Any, ...]) -> Block:
    """Similarities of a block of candidates and their points; 0 where a list is shorter."""
    similar, indices, *rest = arguments
    places = ops.xp.maximum(indices, ops.scalar(0, indices))
    return Block(ops.upcast(similar), places, tuple(rest))


def _own(ops: Ops, similar: Array, indices: Array, own: Array) -> Array:
    """The similarity of each candidate with itself, from its list: [n]."""
    similar = ops.upcast(similar)
    listed = ops.xp.where(indices == own[:, None], similar, ops.scalar(0.0, similar))
    return ops.xp.sum(listed, axis=1)


def _sums(ops: Ops, similar: Array) -> Array:
    """The sum of each list: [n]."""
    return ops.xp.sum(ops.upcast(similar), axis=1)


def _weighed(ops: Ops, similar: Array, indices: Array, weights: Array) -> Array:
    """The weighted sum of each list: [n]."""
    block = _listed(ops, (similar, indices))
    return ops.xp.sum(block.similar * block.at(ops, weights), axis=1)

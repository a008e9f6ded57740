"""Readers of blocks of candidates: their similarities, and the points these belong to."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import mapped


class Block(NamedTuple):
    """Similarities of a block of n candidates.

    Attributes
    ----------
    similar : array [n, m]
        Similarities; 0 for entries that list no point.
    places : array [n, m], or None
        The points that the similarities are with; None for all M, in order.
    rest : tuple
        The arguments that are left.
    """

    similar: Array
    places: Array | None
    rest: tuple[Any, ...]

    def at(self, ops: Ops, vector: Array) -> Array:
        """The entries of a vector [M] that belong to the similarities: [1, M] or [n, m]."""
        if self.places is None:
            return vector[None, :]
        xp = ops.xp
        flat = xp.take(vector, xp.reshape(self.places, (-1,)), axis=0)
        return xp.reshape(flat, self.places.shape)


class Reader(Protocol):
    """Reads a block of candidates from the arguments of a kernel; no two readers may be equal."""

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> Block:
        """Similarities, and the arguments that are left."""
        ...


def taken(rows: tuple[Any, ...], indices: Array) -> tuple[Any, ...]:
    """Rows of some candidates [m] of arrays [N, ...] or of trees of arrays, in memory."""

    def at(x: Array) -> Array:
        ops = ops_for(x)
        return ops.fetch(ops.xp.take(x, indices, axis=0))

    some: tuple[Any, ...] = mapped(at, rows)
    return some


def nowhere_negative(ops: Ops, x: Array) -> bool:
    """Whether all numbers are known to be at least 0."""
    return ops.concrete(x) and bool(ops.xp.min(x) >= 0)


def integers(ops: Ops, indices: tuple[Any, ...], like: Array) -> Array:
    """Indices, integers or 0-d arrays, as an array [B] on the device of `like`."""
    xp, device = ops.xp, ops.device(like)
    kind = xp.arange(1, device=device).dtype
    return xp.stack([xp.asarray(index, dtype=kind, device=device) for index in indices])

"""How a block of candidates is read: similarities, and where a vector goes with them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import mapped


class Block(NamedTuple):
    """What a block of n candidates is compared with.

    Attributes
    ----------
    similar : array [n, m]
        Similarities; with points that are not listed they are 0.
    places : array [n, m], or None
        Which points they are with; None for all M, in order.
    rest : tuple
        The arguments that are left.
    """

    similar: Array
    places: Array | None
    rest: tuple[Any, ...]

    def at(self, ops: Ops, vector: Array) -> Array:
        """A vector [M] where the similarities are: [1, M] or [n, m]."""
        if self.places is None:
            return vector[None, :]
        xp = ops.xp
        flat = xp.take(vector, xp.reshape(self.places, (-1,)), axis=0)
        return xp.reshape(flat, self.places.shape)


class Reader(Protocol):
    """What reads a block of candidates from the arguments of a kernel: no two may be equal."""

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> Block:
        """Similarities, and the arguments that are left."""
        ...


def taken(rows: tuple[Any, ...], indices: Array) -> tuple[Any, ...]:
    """Arrays [N, ...], or trees of them, at some candidates [m], in memory."""

    def at(x: Array) -> Array:
        ops = ops_for(x)
        return ops.fetch(ops.xp.take(x, indices, axis=0))

    some: tuple[Any, ...] = mapped(at, rows)
    return some


def nowhere_negative(ops: Ops, x: Array) -> bool:
    """Whether it is known that no number is negative."""
    return ops.concrete(x) and bool(ops.xp.min(x) >= 0)


def integers(ops: Ops, indices: tuple[Any, ...], like: Array) -> Array:
    """Some indices, integers or 0-d arrays, as an array [B] beside another."""
    xp, device = ops.xp, ops.device(like)
    kind = xp.arange(1, device=device).dtype
    return xp.stack([xp.asarray(index, dtype=kind, device=device) for index in indices])

"""Points of which k-means++ wants distances: features, or embeddings in their structure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.blocks import map_rows
from infoq.predictives import DenseEmbedding, Embedding
from infoq.predictives.embeddings import check_values
from infoq.predictives.rows import DiagonalRows, KroneckerRows, Rows

Arrays: TypeAlias = tuple[Array, ...]
Factors: TypeAlias = Callable[[Ops, Arrays, Arrays], Arrays]


class Points:
    """N points whose inner products are products of those of a factor or two each.

    Features are one factor: what they are beyond their mean, block by block, so that an offset
    costs no digits. Rows in Kronecker structure are two factors, and are never formed. Squared
    distances below what rounding leaves of them are 0.
    """

    def __init__(self, points: Any) -> None:
        dense = type(points) is DenseEmbedding
        if isinstance(points, Embedding):
            self.outer = points.ops
            if dense:
                rows = points.parts[0]
                points = self.outer.xp.reshape(rows, (rows.shape[0], -1))
        else:
            self.outer = ops_for(points=points)
            check_values(self.outer, points, "points", {2: "[N, P]"})
        self.shared: Arrays = ()
        self.factors: Factors
        if isinstance(points, Embedding):
            memory = tuple(self.outer.fetch(part) for part in points.parts)
            self.ops = ops_for(memory[0])
            embedding = points.from_parts(memory, points.settings)
            self.parts, self.factors = _structure(self.ops, embedding)
            self.numbers = points.numbers_per_candidate
            if self.factors is _as_they_are:
                self.numbers = sum(int(part.shape[1]) for part in self.parts)
        else:
            memory = (self.outer.fetch(points),)
            self.ops = ops_for(memory[0])
            self.parts, self.factors = memory, _centred
            self.numbers = 2 * int(points.shape[1])
            if self.ops.concrete(*memory):
                check_values(self.ops, memory[0], "points", {2: "[N, P]"})
            mean = self.ops.xp.mean(self.ops.upcast(memory[0]), axis=0, keepdims=True)
            self.shared = (mean,)
        if not self.ops.concrete(*self.parts):
            raise TypeError("points: need values that can be read; not inside jax.jit")
        self.dtype = memory[0].dtype
        self.norms = self._norms(self.parts, self.shared)

    def __len__(self) -> int:
        """The number of points, N."""
        return int(self.parts[0].shape[0])

    def _norms(self, parts: Arrays, shared: Arrays) -> Array:
        kernel = partial(_norms, self.factors, len(parts))
        return map_rows(kernel, parts, shared, bytes_per_row=8 * self.numbers)

    def _taken(self, places: Array) -> Arrays:
        return tuple(self.ops.xp.take(part, places, axis=0) for part in self.parts)

    def squared_norms(self, places: Array | None = None) -> Array:
        """Squared norms of all points or of some, from 0 and not from the mean."""
        origin = tuple(self.ops.xp.zeros_like(x) for x in self.shared)
        return self._norms(self.parts if places is None else self._taken(places), origin)

    def nearest(self, distance: Array, centres: Array) -> Array:
        """The squared distance [N] to the nearest centre, `distance` or that of `centres` [m]."""
        ops, xp = self.ops, self.ops.xp
        theirs = self.factors(ops, self._taken(centres), self.shared)
        norms = xp.take(self.norms, centres, axis=0)
        kernel = partial(_nearest, self.factors, len(self.parts), len(self.shared))
        return map_rows(
            kernel,
            (*self.parts, self.norms, distance),
            (*self.shared, *theirs, norms),
            bytes_per_row=8 * (self.numbers + 3 * centres.shape[0]),
        )

    def between(self, places: Array) -> Array:
        """Squared distances [m, m] between some points, and 0 of one to itself."""
        mine = self.factors(self.ops, self._taken(places), self.shared)
        norms = self.ops.xp.take(self.norms, places, axis=0)
        squares = _squares(self.ops, mine, norms, mine, norms)
        same = places[:, None] == places[None, :]
        return self.ops.xp.where(same, self.ops.scalar(0.0, squares), squares)


def _structure(ops: Ops, embedding: Embedding) -> tuple[Arrays, Factors]:
    """Factors of all candidates where they are small, else what makes them of a block."""
    if isinstance(embedding[:1].rows(ops), KroneckerRows):
        return _of_rows(ops, embedding.rows(ops)), _as_they_are
    return embedding.parts, partial(_of_embedding, type(embedding), embedding.settings)


def _of_rows(ops: Ops, rows: Rows) -> Arrays:
    """Factors [n, d] of rows; of one point the inner products of all its R rows add up."""
    if isinstance(rows, KroneckerRows):
        return ops.xp.reshape(rows.factor, (rows.factor.shape[0], -1)), rows.features
    if isinstance(rows, DiagonalRows):
        return (rows.roots,)
    dense = rows.dense(ops)
    return (ops.xp.reshape(dense, (dense.shape[0], -1)),)


def _of_embedding(
    kind: type[Embedding], settings: Any, ops: Ops, parts: Arrays, _shared: Arrays
) -> Arrays:
    return _of_rows(ops, kind.from_parts(parts, settings).rows(ops))


def _as_they_are(_ops: Ops, parts: Arrays, _shared: Arrays) -> Arrays:
    return parts


def _centred(ops: Ops, parts: Arrays, shared: Arrays) -> Arrays:
    return (ops.upcast(parts[0]) - shared[0],)


def _norms(factors: Factors, count: int, ops: Ops, *arrays: Array) -> Array:
    """Squared norms [n]."""
    first, *others = factors(ops, arrays[:count], arrays[count:])
    result = ops.xp.sum(first * first, axis=1)
    for other in others:
        result = result * ops.xp.sum(other * other, axis=1)
    return result


def _nearest(factors: Factors, count: int, common: int, ops: Ops, *arrays: Array) -> Array:
    """Squared distances [n] to the nearest of old centres and new ones."""
    parts, (norms, distance) = arrays[:count], arrays[count : count + 2]
    shared, theirs = arrays[count + 2 : count + 2 + common], arrays[count + 2 + common : -1]
    mine = factors(ops, parts, shared)
    squares = _squares(ops, mine, norms, theirs, arrays[-1])
    return ops.xp.minimum(distance, ops.xp.min(squares, axis=1))


def _squares(ops: Ops, mine: Arrays, norms: Array, theirs: Arrays, their_norms: Array) -> Array:
    """Squared distances [n, m], 0 where they are rounding."""
    inner = mine[0] @ theirs[0].T
    for one, other in zip(mine[1:], theirs[1:], strict=True):
        inner = inner * (one @ other.T)
    total = norms[:, None] + their_norms[None, :]
    squares = total - 2 * inner
    width = sum(factor.shape[1] for factor in mine)
    rounding = float(ops.xp.finfo(total.dtype).eps) * (2 + width**0.5)
    return ops.xp.where(squares > rounding * total, squares, ops.scalar(0.0, squares))

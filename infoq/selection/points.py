"""Distances and inner products of points: features, or structured embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import arrays_of, first_array, mapped
from infoq.backends.registry import admit
from infoq.blocks import map_rows
from infoq.checks.numbers import number
from infoq.checks.values import check_values, largest_number, overflow
from infoq.linear_algebra.small_matrices import symmetric
from infoq.settings import current_options
from infoq.structures.embedding import DenseEmbedding, Embedding
from infoq.structures.kronecker_rows import KroneckerRows

Arrays: TypeAlias = tuple[Array, ...]
# The parts of points: their factors, or an embedding of them.
Parts: TypeAlias = tuple[Any, ...]
Factors: TypeAlias = Callable[[Ops, Parts, Arrays], Arrays]


class Points:
    """N points of one or two factors each, whose inner products multiply.

    Features are one factor. Their mean is subtracted block by block, so that an offset costs no
    digits, unless ``centred=False``. Rows in Kronecker structure are two factors, and are never
    formed for distances. Squared distances below rounding error are 0.
    """

    def __init__(self, points: Any, *, centred: bool = True) -> None:
        if isinstance(points, Embedding):
            self.outer = points.ops
            if isinstance(points, DenseEmbedding) and type(points) is DenseEmbedding:
                rows = points.values
                points = self.outer.xp.reshape(rows, (rows.shape[0], -1))
        else:
            self.outer, points = admit(False, points=points)
            check_values(self.outer, points, "points", {2: "[N, P]"})
        self.shared: Arrays = ()
        self.factors: Factors
        if isinstance(points, Embedding):
            embedding: Embedding = mapped(self.outer.fetch, points)
            self.ops = embedding.ops
            self.dtype = first_array(embedding).dtype
            self.parts, self.factors = _structure(self.ops, embedding)
            self.numbers = points.numbers_per_candidate
            if self.factors is _as_they_are:
                self.numbers = sum(int(part.shape[1]) for part in self.parts)
        else:
            memory = self.outer.fetch(points)
            self.ops, self.dtype = ops_for(memory), memory.dtype
            self.parts, self.factors = (memory,), _centred if centred else _upcast
            self.numbers = 2 * int(points.shape[1])
            if self.ops.concrete(memory):
                check_values(self.ops, memory, "points", {2: "[N, P]"})
            if centred:
                mean = self.ops.xp.mean(self.ops.upcast(memory), axis=0, keepdims=True)
                self.shared = (mean,)
        if not self.ops.concrete(*arrays_of(self.parts)):
            raise TypeError("points: need values that can be read; not inside jax.jit")
        self.norms = self._norms(self.parts, self.shared)

    def __len__(self) -> int:
        """The number of points, N."""
        return int(self.norms.shape[0])

    def _norms(self, parts: Parts, shared: Arrays) -> Array:
        kernel = partial(_norms, self.factors)
        return map_rows(kernel, (parts,), (shared,), bytes_per_row=8 * self.numbers)

    def _taken(self, places: Array) -> Parts:
        taken: Parts = mapped(lambda x: self.ops.xp.take(x, places, axis=0), self.parts)
        return taken

    def _count(self, places: Array | None) -> int:
        return len(self) if places is None else int(places.shape[0])

    def squared_norms(self, places: Array | None = None) -> Array:
        """Squared norms of all points, or of some, about 0 and not about the mean."""
        if places is None and not self.shared:
            return self.norms
        origin = tuple(self.ops.xp.zeros_like(x) for x in self.shared)
        return self._norms(self.parts if places is None else self._taken(places), origin)

    def nearest(self, distance: Array, centres: Array) -> Array:
        """Squared distances [N] to the nearest centre: `distance`, or less if `centres` [m] are."""
        ops, xp = self.ops, self.ops.xp
        theirs = self.factors(ops, self._taken(centres), self.shared)
        norms = xp.take(self.norms, centres, axis=0)
        return map_rows(
            partial(_nearest, self.factors),
            (self.parts, self.norms, distance),
            (self.shared, theirs, norms),
            bytes_per_row=8 * (self.numbers + 3 * centres.shape[0]),
        )

    def between(self, places: Array, others: Array) -> Array:
        """Squared distances [m, n] between some points and others; 0 from a point to itself."""
        mine, theirs = (
            self.factors(self.ops, self._taken(some), self.shared) for some in (places, others)
        )
        norms, lengths = (self.ops.xp.take(self.norms, some, axis=0) for some in (places, others))
        squares = _squares(self.ops, mine, norms, theirs, lengths)
        same = places[:, None] == others[None, :]
        return self.ops.xp.where(same, self.ops.scalar(0.0, squares), squares)

    @property
    def numbers_per_point(self) -> int:
        """The total size of the factors of a point."""
        return sum(self._widths())

    @property
    def width(self) -> int:
        """The number of coordinates of a point, P."""
        return math.prod(self._widths())

    @property
    def rounding(self) -> float:
        """The fraction of squared norms below which squared distances are rounding error."""
        return _rounding(self.ops, self.norms, self.numbers_per_point)

    def _widths(self) -> list[int]:
        one = mapped(lambda x: x[:1, ...], self.parts)
        return [int(x.shape[1]) for x in self.factors(self.ops, one, self.shared)]

    def coordinates(self, places: Array | None = None) -> Array:
        """Coordinates [m, W] of all points, or of some, that reproduce their inner products.

        For features these are the features. For an embedding the rows are formed if P is at most m.
        Otherwise they are coordinates [m, m] in the span of the points, from inner products alone,
        accurate relative to the norm of each point.

        Raises
        ------
        ValueError
            If the matrices are larger than ``options(memory=)`` allows.
        """
        ops = self.ops
        self._check_total()
        taken = self.parts if places is None else self._taken(places)
        count, width = self._count(places), self.width
        if self.factors in (_centred, _upcast):
            self._check_memory(count, width, 3 * min(count, width) ** 2)
            return self.factors(ops, taken, self.shared)[0]
        if width <= count:
            self._check_memory(count, width, count * width + 3 * width**2)
            kernel = partial(_flat, self.factors)
            size = 8 * (self.numbers + width)
            return map_rows(kernel, (taken,), (self.shared,), bytes_per_row=size, shape=(width,))
        return coordinates_of(ops, self.gram(places), width)

    def gram(self, places: Array | None = None) -> Array:
        """Inner products [m, m] of all points, or of some, in as many columns as fit the memory.

        Raises
        ------
        ValueError
            If the matrices are larger than ``options(memory=)`` allows.
        """
        taken = self.parts if places is None else self._taken(places)
        count, widths = self._count(places), self._widths()
        self._check_memory(count, math.prod(widths), 4 * count**2)
        step = min(count, max(1, current_options().memory // (32 * sum(widths))))
        columns = []
        for start in range(0, count, step):
            stop = min(start + step, count)
            theirs = _slice(start, stop, taken)
            columns.append(
                map_rows(
                    partial(_inner, self.factors),
                    (taken,),
                    (self.shared, self.factors(self.ops, theirs, self.shared)),
                    bytes_per_row=8 * (self.numbers + 2 * step),
                    bytes_shared=8 * step * sum(widths),
                    shape=(stop - start,),
                )
            )
        return symmetric(self.ops, self.ops.xp.concat(columns, axis=1))

    def _check_total(self) -> None:
        """Raise if the sum of squared norms overflows, as the Gram matrix would."""
        ops, norms = self.ops, self.norms
        top = number(ops.xp.max(norms))
        share = number(ops.xp.sum(norms / top)) if top > 0 else 0.0
        if share * top > largest_number(ops, norms):
            index = int(ops.xp.argmax(norms))
            raise ValueError(
                f"points: of {len(self)} together, candidate {index} the longest, "
                f"{overflow(ops, norms, 'points')}"
            )

    def _check_memory(self, count: int, width: int, numbers: int) -> None:
        """Raise if the matrices do not fit the memory; the message has their size."""
        need = numbers * self.ops.item_bytes(self.norms)
        allowed = current_options().memory
        if need > max(allowed, 64 * 10**6):
            raise ValueError(
                f"points: {count} of them over P={width} take {need / 1e9:.3g} GB, and "
                f"options(memory=) allows {allowed / 1e9:.3g}; raise it, or pass fewer candidates="
            )


def coordinates_of(ops: Ops, gram: Array, width: int) -> Array:
    """Coordinates [m, m] with these inner products, accurate relative to each point's norm."""
    xp = ops.xp
    lengths = xp.sqrt(xp.linalg.diagonal(gram))
    scale = 1 / xp.where(lengths > 0, lengths, xp.ones_like(lengths))
    levels, vectors = ops.symmetric_eigen(gram * scale[:, None] * scale[None, :])
    some = levels > rounding_of(ops, levels, int(gram.shape[0]), width) * levels[-1]
    roots = xp.sqrt(xp.where(some, levels, ops.scalar(0.0, levels)))
    return vectors * roots * lengths[:, None]


def rounding_of(ops: Ops, like: Array, count: int, width: int) -> float:
    """Fraction of the largest eigenvalue of a Gram matrix below which others are rounding error."""
    least, most = sorted((count, width))
    return float(ops.xp.finfo(like.dtype).eps) * (least + 4 * math.sqrt(most))


def _structure(ops: Ops, embedding: Embedding) -> tuple[Parts, Factors]:
    """Factors of all candidates if they are small, else the embedding that makes them per block."""
    if isinstance(embedding[:1].rows(ops), KroneckerRows):
        return embedding.rows(ops).factors(ops), _as_they_are
    return (embedding,), _of_embedding


def _slice(start: int, stop: int, parts: Parts) -> Parts:
    some: Parts = mapped(lambda x: x[start:stop, ...], parts)
    return some


def _of_embedding(ops: Ops, parts: Parts, _shared: Arrays) -> Arrays:
    (embedding,) = parts
    factors: Arrays = embedding.rows(ops).factors(ops)
    return factors


def _as_they_are(_ops: Ops, parts: Parts, _shared: Arrays) -> Arrays:
    return parts


def _upcast(ops: Ops, parts: Parts, _shared: Arrays) -> Arrays:
    (points,) = parts
    return (ops.upcast(points),)


def _centred(ops: Ops, parts: Parts, shared: Arrays) -> Arrays:
    (points,), (mean,) = parts, shared
    return (ops.upcast(points) - mean,)


def _norms(factors: Factors, ops: Ops, parts: Parts, shared: Arrays) -> Array:
    """Squared norms [n]."""
    first, *others = factors(ops, parts, shared)
    result = ops.xp.sum(first * first, axis=1)
    for other in others:
        result = result * ops.xp.sum(other * other, axis=1)
    return result


def _nearest(
    factors: Factors,
    ops: Ops,
    parts: Parts,
    norms: Array,
    distance: Array,
    shared: Arrays,
    theirs: Arrays,
    their_norms: Array,
) -> Array:
    """Squared distances [n] to the nearest of the old and the new centres."""
    squares = _squares(ops, factors(ops, parts, shared), norms, theirs, their_norms)
    return ops.xp.minimum(distance, ops.xp.min(squares, axis=1))


def _flat(factors: Factors, ops: Ops, parts: Parts, shared: Arrays) -> Array:
    """The points as full rows: [n, P]."""
    result, *others = factors(ops, parts, shared)
    for other in others:
        product = result[:, :, None] * other[:, None, :]
        result = ops.xp.reshape(product, (result.shape[0], -1))
    return result


def _inner(factors: Factors, ops: Ops, parts: Parts, shared: Arrays, theirs: Arrays) -> Array:
    """Inner products [n, m] with other points."""
    return _products(factors(ops, parts, shared), theirs)


def _products(mine: Arrays, theirs: Arrays) -> Array:
    inner = mine[0] @ theirs[0].T
    for one, other in zip(mine[1:], theirs[1:], strict=True):
        inner = inner * (one @ other.T)
    return inner


def _squares(ops: Ops, mine: Arrays, norms: Array, theirs: Arrays, their_norms: Array) -> Array:
    """Squared distances [n, m]; 0 where they are rounding error."""
    total = norms[:, None] + their_norms[None, :]
    squares = total - 2 * _products(mine, theirs)
    rounding = _rounding(ops, total, sum(int(factor.shape[1]) for factor in mine))
    return ops.xp.where(squares > rounding * total, squares, ops.scalar(0.0, squares))


def _rounding(ops: Ops, like: Array, width: int) -> float:
    return float(ops.xp.finfo(like.dtype).eps) * (2 + math.sqrt(width))

"""Similarities of candidates, by their features or as a matrix, for set functions of them."""

from __future__ import annotations

import math
import numbers
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.blocks import add_rows, map_rows
from infoq.predictives import DenseEmbedding, Embedding
from infoq.predictives.alike import check_alike
from infoq.predictives.batches import rows_of
from infoq.predictives.embeddings import check_values
from infoq.predictives.weight_space import Layout


class FeatureReader(NamedTuple):
    """Similarities of a block of candidates, from their features and those of others.

    Attributes
    ----------
    layout : Layout
        How a block of candidates is read.
    """

    layout: Layout

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> tuple[Array, tuple[Any, ...]]:
        """Similarities [n, M], and the arguments that are left."""
        rows, (others, *rest) = self.layout.split(ops, arguments)
        return rows.dot(ops, others)[:, 0, :], tuple(rest)


class MatrixReader(NamedTuple):
    """Similarities of a block of candidates, which are there."""

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> tuple[Array, tuple[Any, ...]]:
        """Similarities [n, M], and the arguments that are left."""
        return ops.upcast(arguments[0]), arguments[1:]


class FeatureSimilarities:
    """Inner products of features, of which a few are formed at a time.

    What sums and multiples of candidates are similar to is a vector [P].
    """

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding
        self.like, self.ops = embedding.parts[0], embedding.ops
        self.rows = embedding.parts
        self.reader = FeatureReader(Layout.of(embedding))
        self.width = embedding.num_parameters
        self._size = item_size(self.ops, self.like) * embedding.numbers_per_candidate

    def vector(self, index: Array | int) -> Array:
        """What stands for one candidate: its features [P], in memory."""
        return rows_of(self.embedding, (index,))[0, :]

    def dense(self) -> Array:
        """All features: [N, P], in memory."""
        flat = self.ops.fetch(self.embedding.dense())
        return ops_for(flat).xp.reshape(flat, (-1, self.width))

    def project(self, vector: Array) -> Array:
        """Similarities of all candidates with what the vector stands for: [N], in memory."""
        kernel = partial(_with_one, self.reader)
        return self.ops.fetch(
            map_rows(kernel, self.rows, (vector[None, :],), bytes_per_row=self._size)
        )

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        one = self.ops.constant((1,), 1.0, self.like)
        kernel = partial(_squares, self.reader.layout)
        return self.ops.fetch(map_rows(kernel, self.rows, (one,), bytes_per_row=self._size))

    def total(self) -> Array:
        """What stands for all candidates together: [P], in memory."""
        kernel = partial(_total, self.reader.layout)
        return self.ops.fetch(
            add_rows(kernel, self.rows, shape=(self.width,), bytes_per_row=self._size)
        )

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        few = rows_of(self.embedding, indices)
        return few @ few.T

    def nowhere_negative(self) -> bool:
        """Whether it is known that no similarity is negative: no feature is."""
        return type(self.embedding) is DenseEmbedding and _nowhere_negative(self.ops, self.like)


class MatrixSimilarities:
    """A matrix [M, N] of the similarities of N candidates.

    What sums and multiples of candidates are similar to is a combination of columns, [M].
    """

    reader = MatrixReader()

    def __init__(self, columns: Array, like: Array) -> None:
        self.like, self.ops = like, ops_for(like)
        self.rows = (columns,)
        self.width = int(columns.shape[1])

    def vector(self, index: Array | int) -> Array:
        """What stands for one candidate: its column [M], in memory."""
        column = self._fetch(ops_for(self.rows[0]).row(self.rows[0], index))
        return ops_for(column).upcast(column)

    def project(self, vector: Array) -> Array:
        """The combination of columns as it is."""
        return vector

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        values = self._fetch(self.ops.xp.linalg.diagonal(self.rows[0]))
        return ops_for(values).upcast(values)

    def total(self) -> Array:
        """The sum of all columns: [M], in memory."""
        return self._fetch(self.ops.xp.sum(self.ops.upcast(self.rows[0]), axis=0))

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        columns = [self.vector(index) for index in indices]
        local = ops_for(columns[0])
        square = [local.xp.stack([local.row(x, i) for i in indices]) for x in columns]
        return local.xp.stack(square)

    def nowhere_negative(self) -> bool:
        """Whether it is known that no similarity is negative."""
        return _nowhere_negative(self.ops, self.like)

    def _fetch(self, x: Array) -> Array:
        return ops_for(x).fetch(x)


Similarities: TypeAlias = FeatureSimilarities | MatrixSimilarities
"""Of N candidates, with each other or with something else."""


def similarities(points: Any, kernel: Any, *, square: bool) -> Similarities:
    """Similarities from what a set function is given: features, or a matrix in their place.

    Raises
    ------
    TypeError, ValueError
        If both or neither are given, or one is no finite floating array of the right shape.
    """
    if (points is None) == (kernel is None):
        given = "neither" if points is None else "both"
        raise TypeError(
            f"points, kernel: expected one of the two, got {given}; pass features [N, P] or "
            "kernel=, a matrix of similarities"
        )
    if kernel is None:
        return FeatureSimilarities(features(points, "points"))
    ops = ops_for(kernel=kernel)
    if square:
        check_values(ops, kernel, "kernel", {2: "[N, N]"})
        if kernel.shape[0] != kernel.shape[1]:
            raise ValueError(
                f"kernel: expected a square matrix [N, N] of similarities between candidates, got "
                f"{tuple(kernel.shape)}; for features pass points="
            )
        _check_symmetric(ops, kernel)
    else:
        check_values(ops, kernel.T if kernel.ndim == 2 else kernel, "kernel", {2: "[M, N]"})
    return MatrixSimilarities(kernel if _symmetric(ops, kernel) else ops.packed(kernel.T), kernel)


def features(points: Any, name: str) -> Embedding:
    """One row a candidate, from an embedding or features [N, P]."""
    if isinstance(points, Embedding):
        if points.num_rows != 1:
            raise ValueError(
                f"{name}: expected one row a candidate, got R={points.num_rows} of {points!r}; "
                "use infoq.gradient_embedding, or infoq.EIG of a Gaussian"
            )
        return points
    check_values(ops_for(**{name: points}), points, name, {2: "[N, P]"})
    return DenseEmbedding.from_parts((points,), ())


def compared(pool: Similarities, others: Any, name: str) -> Array:
    """Features [M, P] of what the candidates are compared with, in memory."""
    theirs = FeatureSimilarities(features(others, name))
    check_alike(pool.ops, name, theirs.like, pool.like)
    if theirs.width != pool.width:
        raise ValueError(
            f"{name}: expected P={pool.width} features as of points, got {theirs.width}"
        )
    return theirs.dense()


def item_size(ops: Ops, like: Array) -> int:
    """Bytes of a number, in the precision that is computed in."""
    return max(32, int(ops.xp.finfo(like.dtype).bits)) // 8


def at_least_zero(value: Any, name: str) -> float:
    """A finite number of at least 0, refused where it is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {value!r}")
    return float(value)


def _check_symmetric(ops: Ops, kernel: Array) -> None:
    xp = ops.xp
    if not ops.concrete(kernel):
        return
    values = ops.upcast(kernel)
    largest = xp.max(xp.abs(values))
    off = xp.abs(values - values.T) > float(xp.finfo(kernel.dtype).eps) ** 0.5 * largest
    if bool(xp.any(off)):
        place = int(xp.argmax(xp.reshape(xp.astype(off, xp.int32), (-1,))))
        raise ValueError(
            f"kernel: element {divmod(place, int(kernel.shape[1]))} of shape "
            f"{tuple(kernel.shape)} differs from its mirror image; pass (kernel + kernel.T) / 2"
        )


def _symmetric(ops: Ops, kernel: Array) -> bool:
    """Whether rows are known to be columns, and need not be copied."""
    alike = kernel.shape[0] == kernel.shape[1] and ops.concrete(kernel)
    return alike and bool(ops.xp.all(kernel == kernel.T))


def _nowhere_negative(ops: Ops, x: Array) -> bool:
    return ops.concrete(x) and bool(ops.xp.min(x) >= 0)


def _with_one(reader: FeatureReader, ops: Ops, *arguments: Any) -> Array:
    """Similarities with a single other: [n]."""
    return reader(ops, arguments)[0][:, 0]


def _squares(layout: Layout, ops: Ops, *arguments: Any) -> Array:
    """Squared lengths of rows: [n]."""
    rows, (one,) = layout.split(ops, arguments)
    return ops.xp.reshape(rows.weighed(ops, one), (-1,))


def _total(layout: Layout, ops: Ops, *parts: Array) -> Array:
    """The sum of a block of rows: [P]."""
    rows, _ = layout.split(ops, parts)
    return ops.xp.sum(rows.dense(ops)[:, 0, :], axis=0)

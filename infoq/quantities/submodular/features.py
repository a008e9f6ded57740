"""Similarities that are inner products of features, formed a few at a time."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit
from infoq.blocks import add_rows, map_rows
from infoq.checks.values import check_values
from infoq.gaussian.block_scores import Layout
from infoq.gaussian.measured_batch import rows_of
from infoq.quantities.submodular.reading import Block, nowhere_negative, taken
from infoq.structures.embedding import DenseEmbedding, Embedding


class FeatureReader(NamedTuple):
    """Similarities of a block of candidates, from their features and those of others.

    Attributes
    ----------
    layout : Layout
        How a block of candidates is read.
    """

    layout: Layout

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> Block:
        """Similarities with all others."""
        rows, (others, *rest) = self.layout.split(ops, arguments)
        return Block(rows.dot(ops, others)[:, 0, :], None, tuple(rest))


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
        item = self.ops.item_bytes(self.like)
        self._size = item * embedding.numbers_per_candidate
        # Rows that are there as they are computed with: their products make no other arrays.
        plain = self.ops.upcast(self.like).dtype == self.like.dtype
        self._product = item if plain and type(embedding) is DenseEmbedding else self._size

    def numbers(self, points: int) -> int:
        """How many numbers a candidate keeps in a block that is compared with so many points."""
        return 3 * points + self.width

    def vector(self, index: Array | int) -> Array:
        """What stands for one candidate: its features [P], in memory."""
        return rows_of(self.embedding, (index,))[0, :]

    def dense(self) -> Array:
        """All features: [N, P], in memory."""
        flat = self.ops.fetch(self.embedding.dense())
        return ops_for(flat).xp.reshape(flat, (-1, self.width))

    def project(self, vector: Array, indices: Array | None = None) -> Array:
        """Similarities with what the vector stands for, of all or some: [N] or [m], in memory."""
        rows = self.rows if indices is None else taken(self.rows, indices)
        kernel = partial(_with_one, self.reader)
        projected = map_rows(kernel, rows, (vector[None, :],), bytes_per_row=self._product)
        return self.ops.fetch(projected)

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
        return type(self.embedding) is DenseEmbedding and nowhere_negative(self.ops, self.like)


def features(points: Any, name: str) -> Embedding:
    """One row a candidate, from an embedding or features [N, P]."""
    if isinstance(points, Embedding):
        if points.num_rows != 1:
            raise ValueError(
                f"{name}: expected one row a candidate, got R={points.num_rows} of {points!r}; "
                "use infoq.gradient_embedding, or infoq.EIG of a Gaussian"
            )
        return points
    ops, points = admit(**{name: points})
    check_values(ops, points, name, {2: "[N, P]"})
    return DenseEmbedding.of(values=points)


def _with_one(reader: FeatureReader, ops: Ops, *arguments: Any) -> Array:
    """Similarities with a single other: [n]."""
    return reader(ops, arguments).similar[:, 0]


def _squares(layout: Layout, ops: Ops, *arguments: Any) -> Array:
    """Squared lengths of rows: [n]."""
    rows, (one,) = layout.split(ops, arguments)
    return ops.xp.reshape(rows.weighed(ops, one), (-1,))


def _total(layout: Layout, ops: Ops, *parts: Array) -> Array:
    """The sum of a block of rows: [P]."""
    rows, _ = layout.split(ops, parts)
    return ops.xp.sum(rows.dense(ops)[:, 0, :], axis=0)

"""Similarities as inner products of features, formed a few at a time."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array
from infoq.backends.registry import admit
from infoq.blocks import add_rows, map_rows
from infoq.checks.values import check_values
from infoq.gaussian.gaussian_batch import rows_of
from infoq.quantities.submodular.reading import Block, nowhere_negative, taken
from infoq.structures.embedding import DenseEmbedding, Embedding


class FeatureSimilarities:
    """Similarities as inner products of features, formed a few at a time.

    A linear combination of candidates is represented by that combination of their features, [P].
    """

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding
        self.like, self.ops = first_array(embedding), embedding.ops
        self.rows: tuple[Any, ...] = (embedding,)
        self.reader = _compared
        self.width = embedding.num_parameters
        item = self.ops.item_bytes(self.like)
        self._size = item * embedding.numbers_per_candidate
        # Rows already in the dtype of the computation: their products make no other arrays.
        plain = self.ops.upcast(self.like).dtype == self.like.dtype
        self._product = item if plain and type(embedding) is DenseEmbedding else self._size

    def numbers(self, points: int) -> int:
        """The numbers that a block keeps per candidate when compared with this many points."""
        return 3 * points + self.width

    def vector(self, index: Array | int) -> Array:
        """The vector of one candidate: its features [P], in memory."""
        return rows_of(self.embedding, (index,))[0, :]

    def dense(self) -> Array:
        """All features: [N, P], in memory."""
        flat = self.ops.fetch(self.embedding.dense())
        return ops_for(flat).xp.reshape(flat, (-1, self.width))

    def project(self, vector: Array, indices: Array | None = None) -> Array:
        """Similarities of all or some candidates with a vector [P]: [N] or [m], in memory."""
        rows = self.rows if indices is None else taken(self.rows, indices)
        projected = map_rows(_with_one, rows, (vector[None, :],), bytes_per_row=self._product)
        return self.ops.fetch(projected)

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        one = self.ops.constant((1,), 1.0, self.like)
        return self.ops.fetch(map_rows(_squares, self.rows, (one,), bytes_per_row=self._size))

    def total(self) -> Array:
        """The sum of the features of all candidates: [P], in memory."""
        return self.ops.fetch(
            add_rows(_total, self.rows, shape=(self.width,), bytes_per_row=self._size)
        )

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        few = rows_of(self.embedding, indices)
        return few @ few.T

    def nowhere_negative(self) -> bool:
        """Whether all similarities are known to be at least 0, because all features are."""
        return type(self.embedding) is DenseEmbedding and nowhere_negative(self.ops, self.like)


def features(points: Any, name: str) -> Embedding:
    """An embedding with one row per candidate, from an embedding or features [N, P]."""
    if isinstance(points, Embedding):
        if points.num_rows != 1:
            raise ValueError(
                f"{name}: expected one row per candidate, got R={points.num_rows} of {points!r}; "
                "use infoq.gradient_embedding, or infoq.EIG of a Gaussian"
            )
        return points
    ops, points = admit(**{name: points})
    check_values(ops, points, name, {2: "[N, P]"})
    return DenseEmbedding.of(values=points)


def _compared(ops: Ops, arguments: tuple[Any, ...]) -> Block:
    """Similarities of a block of candidates with all others, from the features of both."""
    embedding, others, *rest = arguments
    return Block(_products(ops, embedding, others), None, tuple(rest))


def _products(ops: Ops, embedding: Embedding, others: Array) -> Array:
    """Inner products with others [m, P]: [n, m]."""
    return embedding.rows(ops).dot(ops, others)[:, 0, :]


def _with_one(ops: Ops, embedding: Embedding, other: Array) -> Array:
    """Similarities with a single vector: [n]."""
    return _products(ops, embedding, other)[:, 0]


def _squares(ops: Ops, embedding: Embedding, one: Array) -> Array:
    """Squared lengths of rows: [n]."""
    return ops.xp.reshape(embedding.rows(ops).weighed(ops, one), (-1,))


def _total(ops: Ops, embedding: Embedding) -> Array:
    """The sum of a block of rows: [P]."""
    return ops.xp.sum(embedding.rows(ops).dense(ops)[:, 0, :], axis=0)

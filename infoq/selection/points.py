"""Points of which k-means++ wants distances: features, or embeddings in their structure."""

from __future__ import annotations

from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.blocks import map_rows
from infoq.predictives import Embedding
from infoq.predictives.embeddings import UnitEmbedding, check_values

# Columns of centres are padded to a multiple of this: fewer shapes to compile for.
_COLUMNS = 8


class Points:
    """N points whose inner products are products of those of a few factors each.

    Features are one factor (their distance to the mean, taken block by block, so that an offset
    costs no digits); rows in Kronecker structure are two, and never formed.

    Attributes
    ----------
    ops : Ops
        Of its arrays, which are in memory.
    norms : array [N]
        Squared distances to the origin of the distances: the mean of features, else 0.
    """

    def __init__(self, points: Any) -> None:
        self.outer: Ops
        if isinstance(points, Embedding):
            self.outer = points.ops
            memory = tuple(self.outer.fetch(part) for part in points.parts)
            self._prepare(points.from_parts(memory, points.settings))
        else:
            self.outer = ops_for(points=points)
            check_values(self.outer, points, "points", {2: "[N, P]"})
            self.parts = (self.outer.fetch(points),)
            self.ops = ops_for(self.parts[0])
            mean = self.ops.xp.mean(self.ops.upcast(self.parts[0]), axis=0, keepdims=True)
            self.shared: tuple[Array, ...] = (mean,)
            self.factors = _centred
            self.width = 2 * int(points.shape[1])
        if not self.ops.concrete(*self.parts):
            raise TypeError("points: needs values that can be read; not inside jax.jit")
        self.norms = map_rows(
            partial(_norms, self.factors),
            self.parts,
            self.shared,
            bytes_per_row=4 * self.width,
        )

    def _prepare(self, embedding: Embedding) -> None:
        self.ops = ops_for(embedding.parts[0])
        self.shared = ()
        self.width = embedding.numbers_per_candidate
        if isinstance(embedding, UnitEmbedding) or type(embedding).rows in _BY_BLOCK:
            self.parts = embedding.parts
            self.factors = partial(_of_embedding, type(embedding), embedding.settings)
        else:
            self.parts = _factors(self.ops, embedding.rows(self.ops))
            self.factors = _as_they_are

    def __len__(self) -> int:
        """The number of points, N."""
        return int(self.parts[0].shape[0])

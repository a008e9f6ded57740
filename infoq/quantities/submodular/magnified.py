"""Similarities in which those with queries or a private set are multiplied by a number."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.fields import first_array
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.reading import integers
from infoq.quantities.submodular.similarities import Similarities


class MagnifiedSimilarities:
    """A matrix [N, N] of similarities, in which those with special candidates are magnified.

    Similarities between two special candidates are not. Columns are formed one at a time.
    """

    def __init__(self, pool: Similarities, factors: dict[int, float]) -> None:
        self.plain, self.factors = pool, factors
        self.like, self.ops, self.rows = pool.like, pool.ops, pool.rows
        self.width = int(first_array(pool.rows).shape[0])
        self._own = pool.diagonal()
        ops = ops_for(self._own)
        places = ops.xp.arange(self.width, device=ops.device(self._own))
        self._special = places < 0
        self._weights = ops.xp.ones_like(self._own)
        for index, factor in factors.items():
            here = places == index
            self._special = self._special | here
            self._weights = ops.xp.where(here, ops.scalar(factor, self._own), self._weights)

    def vector(self, index: Array | int) -> Array:
        """The vector of one candidate: its column [N], in memory."""
        column = self.plain.vector(index)
        if isinstance(self.plain, FeatureSimilarities):
            column = self.plain.project(column)
        return column * self._across(index)

    def _across(self, index: Array | int) -> Array:
        """The factors of the similarities with one candidate: [N]."""
        ops = ops_for(self._weights)
        xp = ops.xp
        here = xp.reshape(xp.asarray(index, device=ops.device(self._weights)), (1,))
        both = self._special & xp.take(self._special, here, axis=0)
        weights = self._weights * xp.take(self._weights, here, axis=0)
        return xp.where(both, xp.ones_like(weights), weights)

    def project(self, vector: Array, indices: Array | None = None) -> Array:
        """The combination of columns unchanged, or only at some candidates [m]."""
        return vector if indices is None else ops_for(vector).xp.take(vector, indices, axis=0)

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        return self._own

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        square = self.plain.among(indices)
        ops = ops_for(square)
        members = integers(ops, indices, square)
        across = [ops.xp.take(self._across(index), members, axis=0) for index in indices]
        return square * ops.xp.stack(across)


def magnified(
    pool: Similarities | MagnifiedSimilarities, members: list[int], factor: float
) -> MagnifiedSimilarities:
    """Similarities in which those of `members` with all but special candidates are magnified."""
    factors = dict.fromkeys(members, factor)
    if isinstance(pool, MagnifiedSimilarities):
        return MagnifiedSimilarities(pool.plain, {**pool.factors, **factors})
    return MagnifiedSimilarities(pool, factors)

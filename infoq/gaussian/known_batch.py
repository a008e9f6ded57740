"""Batches whose state is the precision after them, or gains that do not change."""

from __future__ import annotations

import contextlib
from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.fields import arrays_of, mapped
from infoq.checks.numbers import check_index
from infoq.draws.outcomes import all_but
from infoq.gaussian.gaussian_batch import OutcomeBatch, Picked, rows_of
from infoq.linear_algebra.small_matrices import symmetric
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.precision import Precision


class AddedBatch(OutcomeBatch):
    """A batch with constant gains: traces about the parameters add up, redundant or not."""

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(self._pool.information(self._about, None, self._approximation), ())

    def scores(self, state: Picked) -> Array:
        """The gain of each candidate, whatever the batch: [N]."""
        scores: Array = state.known
        return scores

    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The gains of some candidates: [m]."""
        return ops_for(state.known).xp.take(state.known, indices, axis=0)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        check_index(index, int(state.known.shape[0]))
        return Picked(state.known, (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its members."""
        return Picked(state.known, all_but(state.indices, index))

    def _told(self, state: Picked) -> Array:
        """The sum of the members' gains: [1]."""
        ops = ops_for(state.known)
        added = [ops.row(state.known, index) for index in state.indices]
        return ops.xp.sum(ops.xp.stack(added))[None]


class KnownBatch(OutcomeBatch):
    """A batch by the precision after it, for scores that are no function of two quadratic forms."""

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(self._pool.precision, ())

    def scores(self, state: Picked) -> Array:
        """The information of each candidate, conditional on the batch: [N]."""
        return self._pool.information(self._about, state.known, self._approximation)

    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The information of some candidates, conditional on the batch: [m]."""
        xp, embedding = self._pool.ops.xp, self._pool.embedding
        few = self._pool.replace(embedding=mapped(lambda x: xp.take(x, indices, axis=0), embedding))
        return few.information(self._about, state.known, self._approximation)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        return Picked(self._pool.observe(state.known, index), (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its members."""
        rest = all_but(state.indices, index)
        # If it was so informative that its removal loses the digits, the others are added anew. So
        # too for lazy and traced arrays, as their values would be read too late.
        if self._removable(state.known, index):
            with contextlib.suppress(ValueError):
                return Picked(self._pool.forget(state.known, index), rest)
        anew: Picked = self.grown(rest)
        return anew

    def _removable(self, known: Precision, index: Any) -> bool:
        """Whether the precision without a candidate, a difference, has half of all digits."""
        embedding = self._pool.embedding
        if not embedding.ops.concrete(*arrays_of(embedding)):
            return False
        if isinstance(embedding, DiagonalEmbedding):
            like = embedding.ops.row(embedding.fisher_diagonal, index)
            left = 1 - like / known.diagonal(like)
        else:
            rows = rows_of(embedding, (index,))
            ops = ops_for(rows)
            share = symmetric(ops, rows @ known.solve(rows).T)
            left = 1 - ops.symmetric_eigen(share)[0]
        ops = ops_for(left)
        return bool(ops.xp.min(left) > float(ops.xp.finfo(left.dtype).eps) ** 0.25)

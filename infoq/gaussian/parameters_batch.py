"""Batches about the parameters that keep the digits of candidates redundant with the batch.

The covariance of a candidate's outputs is updated pick by pick, as a difference of two numbers.
For a candidate that was picked, or is nearly a copy of a pick, little of it is left, and the
rounding of the first number may be larger. These few are computed anew, by a projection on the rows
of the batch.
"""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import mapped
from infoq.checks.choices import OfEachTarget
from infoq.gaussian import block_scores, forward
from infoq.gaussian.gaussian_batch import Picked, in_memory, rows_of
from infoq.gaussian.measured_batch import MeasuredBatch
from infoq.gaussian.pool import MeasuredPool
from infoq.structures.low_rank import LowRankPrecision, fewer
from infoq.unknowns import PARAMETERS, Parameters

# So many multiply-adds for the orthogonal columns of a batch's rows cost little: some 5 ms.
_SMALL = 2 * 10**7


class ParametersBatch(MeasuredBatch):
    """A batch by the covariance of each candidate's outputs, of which little may be left."""

    def __init__(self, pool: MeasuredPool, about: Parameters, approximation: OfEachTarget) -> None:
        covariance = in_memory(pool.precision.covariance(pool.like))
        score = block_scores.PARAMETERS[approximation]
        super().__init__(pool, about, approximation, (covariance,), score)
        self._whole: tuple[Array, Array] | None = None

    def scores(self, state: Picked) -> Array:
        """The score of each candidate, conditional on the batch: [N]."""
        return self._refined(super().scores(state), state, None)

    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The score of some candidates, conditional on the batch: [m]."""
        return self._refined(super().scores_of(state, indices), state, indices)

    def _refined(self, scores: Array, state: Picked, indices: Array | None) -> Array:
        if not state.indices:
            return scores
        own = self._embedding.ops
        found, form = own.fetch(scores), own.fetch(state.known.forms[0])
        ops = ops_for(found)
        if not ops.concrete(found, form):
            return scores
        said, whole = self._at_first()
        index = None if indices is None else own.fetch(indices)
        if index is not None:
            said, whole, form = (ops.xp.take(x, index, axis=0) for x in (said, whole, form))
        little = _little(ops, found, said, form, whole)
        places = [place for place, bad in enumerate(ops.to_host(little).tolist()) if bad]
        if not places or not self._worthwhile(state, places if index is None else None):
            return scores
        wanted = _filled(ops, places, found)
        wanted = wanted if index is None else ops.xp.take(index, wanted, axis=0)
        try:
            anew = own.fetch(self._anew(state, wanted))
        except ValueError:  # of a covariance that is singular beside what is measured
            return scores
        # The place of each candidate among those that were computed anew.
        count = ops.cumulative_sum(ops.xp.astype(little, wanted.dtype)) - 1
        rank = ops.xp.where(little, count, ops.xp.zeros_like(count))
        picked = ops.xp.astype(ops.xp.take(anew, rank, axis=0), found.dtype)
        return own.adopt(ops.xp.where(little, picked, found))

    def _worthwhile(self, state: Picked, places: list[int] | None) -> bool:
        """Whether candidates are computed anew.

        Not if they are all picks, and the rows of the batch cost more than a quarter of a pass over
        the candidates.
        """
        embedding = self._embedding
        count = len(state.indices) * embedding.num_rows
        rows = embedding.num_candidates * embedding.num_rows
        columns = 4 * count**2 * embedding.num_parameters
        if places is None or columns <= max(_SMALL, rows * embedding.numbers_read // 4):
            return True
        return not set(places) <= {int(index) for index in state.indices}

    def _removable(self, state: Picked, index: Array | int, rows: Array) -> bool:
        form = self._embedding.ops.fetch(state.known.forms[0])
        ops = ops_for(form)
        if ops.concrete(form):
            own, whole = (ops.row(x, index)[None, ...] for x in (form, self._at_first()[1]))
            if bool(ops.xp.any(_small(ops, own, whole))):
                return False
        return super()._removable(state, index, rows)

    def _at_first(self) -> tuple[Array, Array]:
        """The scores before the first pick, and the covariances of the outputs then."""
        if self._whole is not None:
            return self._whole
        start = forward.begin(self._embedding, self._forms)
        fetch = self._embedding.ops.fetch
        kept = fetch(forward.scores(start, self._score)), fetch(start.forms[0])
        # Not where a gradient is recorded: its graph may be gone at the next call.
        if ops_for(kept[0]).may_branch(*kept):
            self._whole = kept
        return kept

    def _anew(self, state: Picked, wanted: Array) -> Array:
        embedding = self._embedding
        rows = rows_of(embedding, state.indices)
        ops = ops_for(rows)
        rows = fewer(ops, ops.upcast(rows))
        # Padded with rows of zeros: then there are few compiled programs.
        more = _next_power(rows.shape[0]) - rows.shape[0]
        if more:
            empty = ops.xp.zeros_like(rows[:1, :])
            rows = ops.xp.concat([rows, *[empty] * more])
        few = mapped(lambda x: embedding.ops.xp.take(x, wanted, axis=0), embedding)
        known = LowRankPrecision(self._pool.precision, embedding.ops.adopt(rows))
        return self._pool.replace(embedding=few, precision=known).information(PARAMETERS)


def _little(ops: Ops, scores: Array, said: Array, form: Array, whole: Array) -> Array:
    """Whether so little of a candidate is left, in a direction, that digits may be lost: [n]."""
    # A direction of which a part x is left takes off the log-determinant at least -log x.
    return _small(ops, form, whole) | (said - scores > -math.log(_part(ops, form)) / 2)


def _small(ops: Ops, form: Array, whole: Array) -> Array:
    """Whether little is left of the variance of one of a candidate's rows: [n]."""
    before, after = (ops.xp.linalg.diagonal(x) for x in (whole, form))
    return ops.xp.any(after < _part(ops, form) * before, axis=-1)


def _part(ops: Ops, x: Array) -> float:
    """The least part that a difference may leave: 1 / 54 in float32, which keeps 5 digits."""
    return math.sqrt(math.sqrt(float(ops.xp.finfo(x.dtype).eps)))


def _filled(ops: Ops, places: list[int], like: Array) -> Any:
    """The places, the first repeated so that they are as many as a power of two."""
    filled = places + places[:1] * (_next_power(len(places)) - len(places))
    return ops.xp.asarray(filled, device=ops.device(like))


def _next_power(count: int) -> int:
    return 1 << (count - 1).bit_length()

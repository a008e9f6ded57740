"""Batches of labels by a projection on the rows of the batch, anew in each step."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops
from infoq.gaussian import label_shifts
from infoq.gaussian.gaussian_batch import in_memory
from infoq.gaussian.label_batch import Gain, LabelBatch, Told
from infoq.gaussian.label_directions import Stated, spanned_scores
from infoq.gaussian.label_shifts import remembered
from infoq.gaussian.pool import MeasuredPool
from infoq.gaussian.projection import Beyond, Spanned, beyond_noise
from infoq.linear_algebra.elimination import log_above_share
from infoq.structures.labelled_embedding import Scored, ScoredRows, members
from infoq.structures.rows import Rows
from infoq.structures.whitening import ObservedWhitening, Whitening
from infoq.unknowns import AllTargets


class ProjectedLabels(LabelBatch):
    """A batch by a projection on its rows, anew in each step.

    For outcomes so informative that their conditional forms would be rounding.
    """

    def start(self) -> Told:
        """The empty batch."""
        return Told(None, self._none_moved(0), ())

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        return state._replace(indices=(*state.indices, index))

    def _beside(
        self, pool: MeasuredPool, state: Told, kernel: Gain, prepare: Any, *more: Any
    ) -> Array:
        """The results of a kernel of candidates and the prepared whitening and batch: [n]."""
        rows, scores = members(self._embedding, state.indices)
        adopt, size = self._pool.ops.adopt, pool.embedding.num_parameters
        batch = ScoredRows.of(values=adopt(rows[:, None, :]), scores=adopt(scores[:, None]))
        shared = (self._pool.precision.whitening(size, pool.like), batch, *more)
        rank = 2 * (size + int(rows.shape[0]))
        return pool.over_blocks(kernel, *shared, prepare=prepare, rank=rank)


class ProjectedDivergenceBatch(ProjectedLabels):
    """About the parameters."""

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = self._pool.replace(embedding=embedding)
        if not state.indices:
            return label_shifts.divergence(pool, None, "logdet")
        return self._beside(pool, state, _divergence_beside, _beside_a_batch)

    def _value(self, one: MeasuredPool) -> Array:
        """By directions of the parameters, as the rows of all members may outnumber these."""
        ops = self._local
        whitening = self._pool.precision.whitening(one.embedding.num_parameters, self._pool.like)
        rows, scores = in_memory(one.embedding.parts)
        batch = ScoredRows.of(values=rows[0, :, None, :], scores=scores[0, :, None])
        divides, stated, inside, beside = _beside_a_batch(ops, in_memory(whitening), batch)
        squares = divides.strengths * divides.strengths
        shift = stated.left * beside
        outside = shift.shape[0] - inside.shape[0]
        along = stated.told * divides.strengths * inside + shift[outside:]
        shift = ops.xp.concat([shift[:outside], along])
        terms = ops.kl_term(squares) * inside * inside
        value = (ops.xp.sum(terms) + ops.xp.sum(shift * shift)) / 2
        return one.ops.adopt(value[None])


class ProjectedJointBatch(ProjectedLabels):
    """About all targets."""

    def __init__(self, pool: MeasuredPool, about: AllTargets) -> None:
        super().__init__(pool)
        self._targets = about

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = self._pool.replace(embedding=embedding)
        if not state.indices:
            return label_shifts.pointwise(pool, self._targets, None)
        targets = self._targets.targets
        return self._beside(pool, state, _targets_beside, _targets_beside_a_batch, targets)

    def _value(self, one: MeasuredPool) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


# --- kernels of a block ------------------------------------------------------------------
def _beside_a_batch(ops: Ops, whitening: Whitening, batch: Scored) -> tuple[Any, ...]:
    """The projection, the shift by the batch's scores, and the factors of W P_0 W."""
    divides, stated = spanned_scores(ops, whitening, batch)
    inside = 1 / ops.xp.sqrt(1 + divides.strengths * divides.strengths)
    ones = ops.xp.ones_like(stated.left[: stated.left.shape[0] - inside.shape[0]])
    return divides, stated, inside, ops.xp.concat([ones, inside])


def _divergence_beside(
    ops: Ops,
    embedding: Scored,
    divides: Spanned | Beyond,
    stated: Stated,
    inside: Array,
    beside: Array,
) -> Array:
    """The gains in divergence of labels: [n]."""
    xp = ops.xp
    rows, scores = embedding.with_scores(ops)
    left, told = divides.split(ops, rows, trace=False)
    measured = left @ xp.matrix_transpose(left)
    known = remembered(ops, measured, scores + stated.moved(left, told))
    across = Stated(stated.told * inside**2, stated.left * beside**2).moved(left, told)
    after = xp.sum(known[:, :, None] * (left * beside), axis=1)
    change = xp.sum(after * after, axis=-1) / 2 - xp.sum(across * known, axis=-1)
    share = beyond_noise(ops, left, told * inside)
    share = xp.sum(share * share, axis=(-2, -1))
    return (log_above_share(ops, measured) + share) / 2 + change


def _targets_beside_a_batch(
    ops: Ops, whitening: Whitening, batch: ScoredRows, targets: Scored
) -> tuple[Any, ...]:
    """The projections by the batch and by the targets after it, and the shifts by both."""
    divides, stated = spanned_scores(ops, whitening, batch)

    def after_batch(rows: Rows, scores: Array) -> tuple[Rows, Array]:
        return rows, scores + stated.moved(*divides.split(ops, rows, trace=False))

    after = ObservedWhitening(whitening, batch.values[:, 0, :]).ready(ops)
    return divides, stated, *spanned_scores(ops, after, targets, after_batch)


def _targets_beside(
    ops: Ops,
    embedding: Scored,
    divides: Spanned | Beyond,
    stated: Stated,
    targets: Spanned | Beyond,
    theirs: Stated,
) -> Array:
    """The information of labels about the targets', conditional on the batch: [n]."""
    rows, scores = embedding.with_scores(ops)
    scores = scores + stated.moved(*divides.split(ops, rows, trace=False))
    left, told = targets.split(ops, rows, trace=False)
    return label_shifts.log_ratio_of_roots(ops, left, told, scores, theirs.moved(left, told))

"""Batches of labels by two quadratic forms of each candidate, which each pick updates."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from infoq.backends import Array, Ops
from infoq.draws.outcomes import all_but
from infoq.gaussian import forward, label_shifts
from infoq.gaussian.gaussian_batch import in_memory
from infoq.gaussian.label_batch import LabelBatch, Told
from infoq.gaussian.label_shifts import remembered, square
from infoq.gaussian.pool import MeasuredPool
from infoq.linear_algebra.elimination import log_above_share
from infoq.linear_algebra.small_matrices import identity, symmetric, traces
from infoq.structures.forms import DiagonalForm, Form, as_difference
from infoq.structures.labelled_embedding import Scored, members
from infoq.unknowns import AllTargets


class FormsBatch(LabelBatch):
    """A batch by two quadratic forms of each candidate, which each pick updates."""

    _forms: tuple[Form, Form]
    _how: dict[str, bool]

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        return self._changed(state, index, (*state.indices, index), remove=False)

    def remove(self, state: Told, index: Array | int) -> Told:
        """The batch without one of its members."""
        rest = all_but(state.indices, index)
        rows, _ = members(self._embedding, (index,))
        if not forward.removable(self._forms, state.known, rows):
            anew: Told = self.grown(rest)
            return anew
        return self._changed(state, index, rest, remove=True)

    def _changed(
        self, state: Told, index: Array | int, indices: tuple[Any, ...], *, remove: bool
    ) -> Told:
        rows, _ = members(self._embedding, (index,))
        known = forward.change(
            self._embedding, self._forms, state.known, rows, remove=remove, **self._how
        )
        if not indices:
            return Told(known, self.start().moved, ())
        return Told(known, self._moved(*members(self._embedding, indices)), indices)

    @abstractmethod
    def _moved(self, rows: Array, scores: Array) -> Array:
        """The vectors of a batch with rows [Q, P] and scores [Q]."""


class DivergenceBatch(FormsBatch):
    """About the parameters: by the form A of W, and the form D of the part that labels removed.

    W and m are the covariance and the mean after the batch, W_0 and P_0 those of the empty batch. D
    is the form of W (W_0^-1 - W^-1) W with a positive sign; the vectors are m and W P_0 m.
    """

    def __init__(self, pool: MeasuredPool) -> None:
        super().__init__(pool)
        nothing = self._local.constant((1,), 0.0, pool.ops.fetch(pool.like))
        self._forms = (self._covariance, DiagonalForm(nothing))
        self._how = {"trace": True, "itself": True}

    def start(self) -> Told:
        """The empty batch."""
        return Told(forward.begin(self._embedding, self._forms), self._none_moved(2), ())

    def _moved(self, rows: Array, scores: Array) -> Array:
        ops = self._local
        solved = self._covariance.apply(ops, rows)
        inner = symmetric(ops, rows @ solved.T)[None, ...]
        once = remembered(ops, inner, scores[None, :])
        twice = remembered(ops, inner, once)
        return -(ops.xp.concat([once, twice]) @ solved)

    def _gains(self, embedding: Scored, state: Told) -> Array:
        return self._map(_more_divergence, embedding, state.known.forms, state.moved)

    def _value(self, one: MeasuredPool) -> Array:
        return label_shifts.divergence(one, None, "logdet")


class JointBatch(FormsBatch):
    """About all targets: by A, and the part of it that the targets explain.

    The vectors are the shift of the mean by the batch, and the shift by the targets after it.
    """

    def __init__(self, pool: MeasuredPool, about: AllTargets) -> None:
        super().__init__(pool)
        self._targets = about
        prepare, (known, *shared), _ = label_shifts.all_targets(
            about.targets, pool.precision, pool.like
        )
        # Both forms are of the parameters, and none of unfolded rows.
        shared = [as_difference(known), *shared]
        covariance, explained, self._shift = prepare(self._local, *in_memory(tuple(shared)))
        self._forms = (covariance, explained)
        self._how = {"trace": False}

    def start(self) -> Told:
        """The empty batch."""
        xp = self._local.xp
        moved = xp.concat([self._none_moved(1), self._shift[None, :]])
        return Told(forward.begin(self._embedding, self._forms), moved, ())

    def _moved(self, rows: Array, scores: Array) -> Array:
        ops, (covariance, explained) = self._local, self._forms
        solved = covariance.apply(ops, rows)
        alone = label_shifts.shift_of(ops, solved, rows, scores)
        left = solved - explained.apply(ops, rows)
        after = label_shifts.shift_of(ops, left, rows, scores + rows @ self._shift)
        return ops.xp.stack([alone, after + self._shift - alone])

    def _gains(self, embedding: Scored, state: Told) -> Array:
        return self._map(_more_about_all, embedding, state.known.forms, state.moved)

    def _value(self, one: MeasuredPool) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


# --- kernels of a block ------------------------------------------------------------------
def _moved_scores(
    ops: Ops, embedding: Scored, forms: tuple[Array, ...], moved: Array
) -> tuple[Array, ...]:
    """Forms of a block, the scores after the batch, and products with the second vector."""
    rows, scores = embedding.with_scores(ops)
    products = rows.dot(ops, moved)
    return *forms, scores + products[:, :, 0], products[:, :, 1]


def _more_divergence(ops: Ops, embedding: Scored, forms: tuple[Array, ...], moved: Array) -> Array:
    measured, taken, scores, across = _moved_scores(ops, embedding, forms, moved)
    left = remembered(ops, measured, scores)
    if measured.shape[-1] == 1:
        share = taken[:, 0, 0] / (1 + measured[:, 0, 0])
    else:
        eye = identity(ops, measured.shape[-1], measured)
        known = ops.xp.linalg.solve(measured + eye, taken)
        share = traces(ops, known)
    change = square(ops, measured - taken, left) / 2 - ops.xp.sum(across * left, axis=-1)
    return (log_above_share(ops, measured) + share) / 2 + change


def _more_about_all(ops: Ops, embedding: Scored, forms: tuple[Array, ...], moved: Array) -> Array:
    return label_shifts.log_ratio_of(ops, *_moved_scores(ops, embedding, forms, moved))

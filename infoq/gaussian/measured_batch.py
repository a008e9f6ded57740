"""Batches by quadratic forms of each candidate, which each pick updates."""

from __future__ import annotations

from collections.abc import Sequence

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array
from infoq.checks.choices import OfEachTarget
from infoq.draws.outcomes import all_but
from infoq.gaussian import block_scores, forward
from infoq.gaussian.backward import all_known, losses, prune, without
from infoq.gaussian.block_scores import Score
from infoq.gaussian.gaussian_batch import OutcomeBatch, Picked, in_memory, rows_of
from infoq.gaussian.pool import MeasuredPool
from infoq.gaussian.targets import by_forms
from infoq.linear_algebra.small_matrices import symmetric
from infoq.settings import current_options
from infoq.structures.forms import Form
from infoq.unknowns import About, AllTargets, EachTarget


class MeasuredBatch(OutcomeBatch):
    """A batch by quadratic forms of each candidate, which each pick updates.

    Parameters
    ----------
    pool, about, approximation
        See `OutcomeBatch`.
    forms : tuple of Form
        The covariance and, about targets, what they explain of it; in memory.
    score : callable
        The score, a function of the quadratic forms.
    trace : bool
        Whether the score is a trace.
    """

    def __init__(
        self,
        pool: MeasuredPool,
        about: About,
        approximation: OfEachTarget,
        forms: tuple[Form, ...],
        score: Score,
        *,
        trace: bool = False,
    ) -> None:
        super().__init__(pool, about, approximation)
        self._embedding = pool.embedding.factored()
        self._forms = forms
        self._score = score
        self._trace = trace

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(forward.begin(self._embedding, self._forms), ())

    def scores(self, state: Picked) -> Array:
        """The score of each candidate, conditional on the batch: [N]."""
        return forward.scores(state.known, self._score)

    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The score of some candidates, conditional on the batch: [m]."""
        few = tuple(ops_for(x).xp.take(x, indices, axis=0) for x in state.known.forms)
        return forward.scores(state.known._replace(forms=few), self._score)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        return Picked(self._changed(state, index, remove=False), (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its members."""
        rest = all_but(state.indices, index)
        rows = rows_of(self._embedding, (index,))
        if self._removable(state, index, rows):
            return Picked(self._changed(state, index, remove=True), rest)
        anew: Picked = self.grown(rest)
        return anew

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int] = ()
    ) -> tuple[list[int], Array] | None:
        """The members that stay if the least useful is dropped until `size` are left.

        Parameters
        ----------
        members : sequence of int
            The members that may be dropped, in the order of picking.
        size : int
            The number of members that stay.
        given : sequence of int
            Members of the batch before them, which stay.

        Returns
        -------
        list of int and array, or None
            The members that stay, in the same order, and the gain of each in it. None if the
            matrices of all members are too large, or lose their digits.
        """
        everyone = tuple(given) + tuple(members)
        rows = len(everyone) * self._embedding.num_rows
        item = self._embedding.ops.item_bytes(first_array(self._embedding))
        if 8 * rows**2 * item > current_options().memory:
            return None
        full = rows_of(self._embedding, everyone)
        ops = ops_for(full)
        seen, full = forward.unfolded_rows(ops, self._forms, full)
        forms = tuple(symmetric(ops, form.apply(ops, full) @ full.T) for form in seen)
        if says_much(ops, forms[0]):
            return None
        state = all_known(ops, forms, self._embedding.num_rows, trace=self._trace)
        kept, gains = prune(
            ops,
            full,
            state,
            lambda state, there: losses(ops, state, there, self._score),
            lambda state, place: without(ops, state, place),
            list(members),
            size,
            len(given),
        )
        return kept, self._pool.finish(self._pool.ops.adopt(gains))

    def _removable(self, state: Picked, index: Array | int, rows: Array) -> bool:
        return forward.removable(self._forms, state.known, rows)

    def _changed(self, state: Picked, index: Array | int, *, remove: bool) -> forward.Grown:
        known: forward.Grown = state.known
        rows = rows_of(self._embedding, (index,))
        return forward.change(
            self._embedding, self._forms, known, rows, trace=self._trace, remove=remove
        )


class ExplainedBatch(MeasuredBatch):
    """A batch about targets, by the covariance and the part that targets explain of it."""

    def __init__(
        self, pool: MeasuredPool, about: EachTarget | AllTargets, approximation: OfEachTarget
    ) -> None:
        plan = by_forms(
            pool.embedding, about.targets, pool.precision, weights_of(pool, about), approximation
        )
        local = ops_for(pool.ops.fetch(pool.like))
        forms = plan.prepare(local, *in_memory(plan.shared))
        score = block_scores.EXPLAINED[approximation]
        trace = approximation in ("trace", "kronecker")
        super().__init__(pool, about, approximation, forms, score, trace=trace)


def weights_of(pool: MeasuredPool, about: EachTarget | AllTargets) -> Array | None:
    """The weight of each target [M]; None for all targets jointly."""
    if isinstance(about, AllTargets):
        return None
    return pool.target_weights(about.targets, about.weights)


def says_much(ops: Ops, measured: Array) -> bool:
    """Whether a covariance [Q, Q] is so large, in units of the noise, that differences lose digits.

    In float32, a difference keeps 5 digits up to 181 times the noise.
    """
    if not ops.concrete(measured):
        return False
    most = float(ops.xp.finfo(measured.dtype).eps) ** -0.5 / 16
    return bool(ops.xp.max(ops.xp.linalg.diagonal(measured)) > most)

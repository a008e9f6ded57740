"""Batches about targets by whitened rows: each pick is projected out of candidates and targets.

In coordinates in which the parameters have unit variance, an outcome shrinks all rows in its own
directions, and changes nothing else. What is left of candidates and targets stays a sum of squares.
So conditional gains keep their digits where the quadratic forms of `forward` are differences of
much larger numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_integer
from infoq.backends.fields import arrays_of, first_array
from infoq.blocks import map_rows
from infoq.checks.choices import OfEachTarget
from infoq.checks.numbers import check_index
from infoq.gaussian import forward
from infoq.gaussian.backward import prune
from infoq.gaussian.gaussian_batch import OutcomeBatch, Picked, in_memory
from infoq.gaussian.measured_batch import ExplainedBatch, weights_of
from infoq.gaussian.pool import MeasuredPool
from infoq.gaussian.projection import divided, strongest, told_logdet, told_trace, white_targets
from infoq.settings import current_options
from infoq.structures.embedding import Embedding
from infoq.structures.whitening import Whitening, observed, shrunk
from infoq.unknowns import AllTargets, EachTarget


class White(NamedTuple):
    """The rows of candidates and targets conditional on a batch, in white coordinates.

    Attributes
    ----------
    rows : array [N, R, P]
        The rows of the candidates.
    targets : array [Q, P]
        The rows of all targets together.
    directions : array [r, P]
        The singular vectors of the targets' rows.
    strengths : array [r]
        Their singular values.
    most : array []
        The largest of these before the first pick.
    """

    rows: Array
    targets: Array
    directions: Array
    strengths: Array
    most: Array


class ProjectedBatch(OutcomeBatch):
    """A batch about targets by the whitened rows of each candidate.

    Derivatives, if any are taken, are those of the quadratic forms.
    """

    def __init__(
        self, pool: MeasuredPool, about: EachTarget | AllTargets, approximation: OfEachTarget
    ) -> None:
        super().__init__(pool, about, approximation)
        ops, embedding, targets = pool.ops, pool.embedding, about.targets
        weights = weights_of(pool, about)
        whitening = pool.precision.whitening(embedding.num_parameters, pool.like)
        # The factor of the rows of each target.
        scale = ops.constant((len(targets),), 1.0, pool.like)
        if weights is not None:
            scale = ops.xp.sqrt(weights)
        self._shared: tuple[Any, ...] = in_memory((whitening, embedding, targets, scale))
        self._trace = approximation == "trace"
        self._smooth: ExplainedBatch | None = None
        if ops.derives(*arrays_of((embedding, targets, whitening))):
            self._smooth = ExplainedBatch(pool, about, approximation)

    def start(self) -> Picked:
        """The empty batch."""
        ops = self._local
        white = ops.compiled(_begin, None)(*self._shared)
        forms = None if self._smooth is None else self._smooth.start().known
        return Picked((white, forms), ())

    @property
    def _local(self) -> Ops:
        return ops_for(first_array(self._shared))

    def scores(self, state: Picked) -> Array:
        """The score of each candidate, conditional on the batch: [N]."""
        return self._scores(*state.known)

    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The score of some candidates, conditional on the batch: [m]."""
        white, forms = state.known
        few = white._replace(rows=self._local.xp.take(white.rows, indices, axis=0))
        if forms is not None:
            picked = tuple(ops_for(x).xp.take(x, indices, axis=0) for x in forms.forms)
            forms = forms._replace(forms=picked)
        return self._scores(few, forms)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        check_index(index, len(self))
        white, forms = state.known
        ops = self._local
        spot = index if is_integer(index) else ops_for(index=index).fetch(index)
        pick = ops.row(white.rows, spot)
        known = ops.compiled(_after, None)(white, pick)
        if self._smooth is not None:
            forms = self._smooth.add(Picked(forms, state.indices), index).known
        return Picked((known, forms), (*state.indices, index))

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int] = ()
    ) -> tuple[list[int], Array] | None:
        """The members that stay if the least useful is dropped until `size` are left.

        Like `MeasuredBatch.pruned`, by m^2 projections on the rows of up to m members. None if the
        rows of all members are too large.
        """
        ops, white = self._local, self.start().known[0]
        item = ops.item_bytes(white.rows)
        each = int(white.rows.shape[1]) * int(white.rows.shape[2])
        if 8 * (len(given) + len(members)) * each * item > current_options().memory:
            return None
        everyone = [ops.row(white.rows, index) for index in (*given, *members)]
        losses = partial(_losses, ops, white, everyone, self._trace)
        count = len(everyone)
        there = tuple(range(count))
        kept, gains = prune(
            ops,
            white.rows,
            there,
            lambda there, _: losses(there),
            lambda there, place: tuple(i for i in there if i != place),
            list(members),
            size,
            len(given),
        )
        return kept, self._pool.finish(self.ops.adopt(gains))

    def _scores(self, white: White, forms: forward.Grown | None) -> Array:
        ops = self._local
        shared = (white.directions, white.strengths)
        numbers = 4 * int(white.rows.shape[1]) * int(white.rows.shape[2] + white.targets.shape[0])

        def value(rows: Array, *shared: Array) -> Array:
            item = ops.item_bytes(rows)
            kernel = partial(_told, self._trace)
            return map_rows(kernel, (rows,), shared, bytes_per_row=item * numbers)

        if forms is None or self._smooth is None:
            return self.ops.adopt(value(white.rows, *shared))
        smooth, count = self._smooth, len(shared)

        def valued(rows: Array, *arguments: Any) -> Array:
            return value(rows, *arguments[:count])

        def slopes(_: Array, *arguments: Any) -> Array:
            grown = forward.Grown(arguments[count], (None,) * len(arguments[count]))
            return smooth.scores(Picked(grown, ()))

        return ops.valued(valued, slopes, white.rows, *shared, forms.forms)


def _begin(
    ops: Ops, whitening: Whitening, candidates: Embedding, targets: Embedding, scale: Array
) -> White:
    whitening = whitening.ready(ops)
    rows = whitening.rows(ops, candidates.rows(ops))
    white = white_targets(ops, whitening, targets, scale)
    directions, strengths = strongest(ops, white)
    return White(rows, white, directions, strengths, ops.xp.max(strengths))


def _after(ops: Ops, white: White, pick: Array) -> White:
    seen = observed(ops, pick)
    rows, targets = (shrunk(ops, x, *seen) for x in (white.rows, white.targets))
    return White(rows, targets, *strongest(ops, targets, white.most), white.most)


def _told(trace: bool, ops: Ops, rows: Array, directions: Array, strengths: Array) -> Array:
    left, told = divided(ops, rows, directions, strengths, trace=trace)
    return told_trace(ops, left, told) if trace else told_logdet(ops, left, told)


def _losses(
    ops: Ops, white: White, everyone: list[Array], trace: bool, there: tuple[int, ...]
) -> Array:
    """The loss of information without each member [m]; 0 for those that are not in the batch."""
    xp = ops.xp
    run = ops.compiled(partial(_loss, trace), None)
    each = []
    for place, own in enumerate(everyone):
        others = [everyone[i] for i in there if i != place]
        if place not in there:
            each.append(xp.zeros_like(own[:1, 0]))
            continue
        known = xp.concat(others) if others else own[:0, :]
        each.append(run(own, known, white.targets, white.most))
    return xp.concat(each)


def _loss(trace: bool, ops: Ops, own: Array, known: Array, targets: Array, most: Array) -> Array:
    if known.shape[0] > 0:
        directions, values = observed(ops, known)
        own, targets = (shrunk(ops, x, directions, values) for x in (own, targets))
    return _told(trace, ops, own[None, ...], *strongest(ops, targets, most))

"""Growing batches of a `Gaussian`'s candidates whose labels have been observed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import arrays_of, first_array, mapped
from infoq.blocks import map_rows
from infoq.checks.numbers import number
from infoq.draws.outcomes import place_of
from infoq.gaussian import forward, label_shifts
from infoq.gaussian.label_directions import Stated, spanned_scores
from infoq.gaussian.label_shifts import remembered, square, times
from infoq.gaussian.laplace import laplace
from infoq.gaussian.measured_batch import in_memory
from infoq.gaussian.predictive import Gaussian
from infoq.gaussian.projection import Beyond, Spanned, beyond_noise
from infoq.linear_algebra.elimination import log_above_share
from infoq.linear_algebra.small_matrices import identity, symmetric, traces
from infoq.structures.embedding import Embedding
from infoq.structures.forms import DiagonalForm, Form, as_difference
from infoq.structures.labelled_embedding import Gradients, Scored, ScoredRows, as_one, members
from infoq.structures.precision import Precision
from infoq.structures.rows import Rows
from infoq.structures.whitening import ObservedWhitening, Whitening
from infoq.unknowns import About, AllTargets, EachTarget, approximation_for

Gain: TypeAlias = Callable[..., Array]

# Of A this much below half of all digits, a hundred picks leave some.
_DIGITS = 64


class Told(NamedTuple):
    """A batch of observed labels so far.

    Attributes
    ----------
    known : Grown or Precision
        What each candidate still measures, or the precision after the batch.
    moved : array [V, P]
        Vectors of the parameters: what the batch shifts the mean by, and what follows from that.
    indices : tuple of int or array []
        The picks.
    """

    known: Any
    moved: Array
    indices: tuple[Any, ...]


def batch_of_labels(
    pool: Gaussian, about: About, given: object, approximation: str
) -> ShiftedBatch:
    """A growing batch of candidates with labels; targets have theirs, too."""
    approximation_for(about, approximation)
    precision = pool.known(given)
    if isinstance(about, EachTarget):
        return PairedBatch(pool, about, precision)
    if isinstance(about, AllTargets):
        forms = _forms_keep_digits(precision, pool.embedding, about.targets)
        return (JointBatch if forms else ProjectedJointBatch)(pool, about, precision)
    if approximation == "trace":
        return FirstOrderBatch(pool, precision)
    forms = _forms_keep_digits(precision, pool.embedding)
    return (DivergenceBatch if forms else ProjectedDivergenceBatch)(pool, precision)


def _forms_keep_digits(precision: Precision, *embeddings: Embedding) -> bool:
    """Whether forms keep more than half of all digits; True where values can't be read."""
    own = embeddings[0].ops
    like = own.upcast(first_array(embeddings[0])[:1, ...])
    covariance = precision.covariance(like)
    if own.derives(*arrays_of((embeddings, covariance))):
        return True
    for embedding in embeddings:
        measured = own.fetch(forward.begin(embedding, (covariance,)).forms[0])
        ops = ops_for(measured)
        if not ops.concrete(measured):
            return True
        largest = number(ops.xp.max(traces(ops, measured)))
        if not largest < float(ops.xp.finfo(measured.dtype).eps) ** -0.5 / _DIGITS:
            return False
    return True


class ShiftedBatch(ABC):
    """A growing batch: its gains and its value.

    Parameters
    ----------
    pool : Gaussian
        The candidates, by an embedding with labels.
    precision : Precision
        What is known before the first pick.
    """

    submodular = False

    def __init__(self, pool: Gaussian, precision: Precision) -> None:
        embedding: Any = pool.embedding
        self._embedding: Scored = embedding.kept()
        self._pool, self._precision = pool, precision
        self._covariance: Form = in_memory(precision.covariance(pool.like))
        self._local = ops_for(pool.ops.fetch(pool.like))

    @abstractmethod
    def start(self) -> Told:
        """The empty batch."""

    @abstractmethod
    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""

    @abstractmethod
    def _gains(self, embedding: Scored, state: Told) -> Array:
        """What the labels of candidates add to the value of the batch."""

    @abstractmethod
    def _value(self, one: Gaussian) -> Array:
        """What the labels of single candidates tell: [1]."""

    def gains(self, state: Told) -> Array:
        """What every candidate's label adds to the value of the batch: [N] nats."""
        return self._pool.cast(self._gains(self._embedding, state))

    def gains_of(self, state: Told, indices: Array) -> Array:
        """What the labels of some candidates [m] add to the value of the batch: [m] nats."""
        xp = self._pool.ops.xp
        few = mapped(lambda x: xp.take(x, indices, axis=0), self._embedding)
        known = state.known
        if isinstance(known, forward.Grown):
            known = known._replace(forms=tuple(xp.take(x, indices, axis=0) for x in known.forms))
        return self._pool.cast(self._gains(few, state._replace(known=known)))

    def remove(self, state: Told, index: Array | int) -> Told:
        """The batch without one of its candidates; the others are observed anew."""
        place = place_of(state.indices, index)
        anew = self.start()
        for other in state.indices[:place] + state.indices[place + 1 :]:
            anew = self.add(anew, other)
        return anew

    def value(self, state: Told) -> Array:
        """What the batch tells, as one candidate with all its rows: a 0-d array."""
        pool = self._pool
        if not state.indices:
            return pool.cast(pool.ops.xp.zeros_like(pool.ops.xp.reshape(pool.like, (-1,))[0]))
        one = Gaussian(as_one(self._embedding, state.indices), self._precision)
        return pool.cast(self._value(one)[0])

    def _none_moved(self, count: int) -> Array:
        size = self._embedding.num_parameters
        return self._local.constant((count, size), 0.0, self._pool.ops.fetch(self._pool.like))

    def _map(
        self, kernel: Gain, embedding: Scored, forms: tuple[Array, ...], *shared: Any
    ) -> Array:
        """A kernel of blocks of candidates, their forms, and what is shared: [n]."""
        item = embedding.ops.item_bytes(first_array(embedding))
        return map_rows(
            kernel,
            (embedding, forms),
            shared,
            bytes_per_row=item * (embedding.numbers_read + 12 * embedding.num_rows**2),
        )


class FormsBatch(ShiftedBatch):
    """A batch by two quadratic forms of every candidate, which each pick updates."""

    _forms: tuple[Form, Form]
    _how: dict[str, bool]

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        return self._changed(state, index, (*state.indices, index), remove=False)

    def remove(self, state: Told, index: Array | int) -> Told:
        """The batch without one of its candidates."""
        place = place_of(state.indices, index)
        rows, _ = members(self._embedding, (index,))
        if not forward.removable(self._forms, state.known, rows):
            return super().remove(state, index)
        rest = state.indices[:place] + state.indices[place + 1 :]
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
    """About the parameters: by A, and the part D of it that what is observed has taken off.

    With W and m of the batch, P_0 and W_0 of the empty one, D is of W (W_0^-1 - W^-1) W with the
    sign that makes it positive, and the vectors are m and W P_0 m.
    """

    def __init__(self, pool: Gaussian, precision: Precision) -> None:
        super().__init__(pool, precision)
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

    def _value(self, one: Gaussian) -> Array:
        return label_shifts.divergence(one, None, "logdet")


class ProjectedBatch(ShiftedBatch):
    """By a projection on what the batch measures, anew for each step.

    For outcomes that say so much that what others leave of them is rounding of a form.
    """

    def start(self) -> Told:
        """The empty batch."""
        return Told(None, self._none_moved(0), ())

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        return state._replace(indices=(*state.indices, index))

    def _beside(self, pool: Gaussian, state: Told, kernel: Gain, prepare: Any, *more: Any) -> Array:
        """A kernel of candidates and what is prepared of the whitening and the batch."""
        rows, scores = members(self._embedding, state.indices)
        adopt, size = self._pool.ops.adopt, pool.embedding.num_parameters
        batch = ScoredRows.of(values=adopt(rows[:, None, :]), scores=adopt(scores[:, None]))
        shared = (self._precision.whitening(size, pool.like), batch, *more)
        rank = 2 * (size + int(rows.shape[0]))
        return pool.over_blocks(kernel, *shared, prepare=prepare, rank=rank)


class ProjectedDivergenceBatch(ProjectedBatch):
    """About the parameters."""

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = Gaussian(embedding, self._precision)
        if not state.indices:
            return label_shifts.divergence(pool, None, "logdet")
        return self._beside(pool, state, _divergence_beside, _beside_a_batch)

    def _value(self, one: Gaussian) -> Array:
        """By what the rows of all measure in each direction: they may be more than these."""
        ops = self._local
        whitening = self._precision.whitening(one.embedding.num_parameters, self._pool.like)
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


class JointBatch(FormsBatch):
    """About all targets: by A, and what the targets explain of it.

    The vectors are the shift by the batch, and what the targets shift the mean by after it.
    """

    def __init__(self, pool: Gaussian, about: AllTargets, precision: Precision) -> None:
        super().__init__(pool, precision)
        self._targets = about
        prepare, (known, *shared), _ = label_shifts.all_targets(about.targets, precision, pool.like)
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

    def _value(self, one: Gaussian) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


class ProjectedJointBatch(ProjectedBatch):
    """About all targets."""

    def __init__(self, pool: Gaussian, about: AllTargets, precision: Precision) -> None:
        super().__init__(pool, precision)
        self._targets = about

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = Gaussian(embedding, self._precision)
        if not state.indices:
            return label_shifts.pointwise(pool, self._targets, None)
        targets = self._targets.targets
        return self._beside(pool, state, _targets_beside, _targets_beside_a_batch, targets)

    def _value(self, one: Gaussian) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


class FirstOrderBatch(ShiftedBatch):
    """About the parameters to first order: half the squared length of the batch's gradient.

    The vector is the gradient by the covariance.
    """

    def __init__(self, pool: Gaussian, precision: Precision) -> None:
        embedding: Any = pool.embedding
        super().__init__(Gaussian(Gradients.of(labelled=embedding), precision), precision)

    def start(self) -> Told:
        """The empty batch."""
        return Told(None, self._none_moved(1), ())

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        rows, scores = members(self._embedding, (index,))
        more = self._covariance.apply(self._local, scores[None, :] @ rows)
        return Told(None, state.moved + more, (*state.indices, index))

    def _gains(self, embedding: Scored, state: Told) -> Array:
        return self._map(_more_first_order, embedding, (), self._covariance, state.moved)

    def _value(self, one: Gaussian) -> Array:
        return label_shifts.divergence(one, None, "trace")


class PairedBatch(ShiftedBatch):
    """About each target: by the precision and the mean after the batch."""

    def __init__(self, pool: Gaussian, about: EachTarget, precision: Precision) -> None:
        super().__init__(pool, precision)
        self._targets = about
        self._weights = pool.target_weights(about.targets, about.weights)

    def start(self) -> Told:
        """The empty batch."""
        return Told(self._precision, self._none_moved(1), ())

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        indices = (*state.indices, index)
        one = as_one(self._embedding, (index,))
        rows, scores = members(self._embedding, indices)
        solved = self._covariance.apply(self._local, rows)
        moved = label_shifts.shift_of(self._local, solved, rows, scores)
        return Told(laplace(one, state.known), moved[None, :], indices)

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = Gaussian(embedding, self._precision)
        shift = self._pool.ops.adopt(state.moved[0, :])
        targets = self._targets.targets
        return label_shifts.about_each(pool, targets, self._weights, state.known, shift)

    def _value(self, one: Gaussian) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


# --- what runs on each block ------------------------------------------------------------------
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


def _beside_a_batch(ops: Ops, whitening: Whitening, batch: Scored) -> tuple[Any, ...]:
    """What divides candidates, what the batch's scores say, and how much less W P_0 W keeps."""
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
    """What labels add to the divergence of a batch: [n]."""
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
    """What a batch and what targets after it divide candidates by, and what their scores say."""
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
    """What labels tell about targets' beyond a batch: [n]."""
    rows, scores = embedding.with_scores(ops)
    scores = scores + stated.moved(*divides.split(ops, rows, trace=False))
    left, told = targets.split(ops, rows, trace=False)
    return label_shifts.log_ratio_of_roots(ops, left, told, scores, theirs.moved(left, told))


def _more_about_all(ops: Ops, embedding: Scored, forms: tuple[Array, ...], moved: Array) -> Array:
    return label_shifts.log_ratio_of(ops, *_moved_scores(ops, embedding, forms, moved))


def _more_first_order(ops: Ops, embedding: Scored, _: Any, covariance: Form, moved: Array) -> Array:
    rows, scores = embedding.with_scores(ops)
    own = times(covariance.of(ops, rows), scores) / 2
    return ops.xp.sum(scores * (own + rows.dot(ops, moved)[:, :, 0]), axis=-1)

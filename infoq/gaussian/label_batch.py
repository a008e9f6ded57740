"""Growing batches of a `Gaussian`'s candidates whose labels have been observed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array, mapped
from infoq.blocks import map_rows
from infoq.gaussian import forward, label_shifts
from infoq.gaussian.gaussian_batch import GaussianBatch, in_memory
from infoq.gaussian.label_shifts import times
from infoq.gaussian.laplace import laplace
from infoq.gaussian.pool import MeasuredPool
from infoq.structures.forms import Form
from infoq.structures.labelled_embedding import Gradients, Scored, as_one, members
from infoq.unknowns import EachTarget

Gain: TypeAlias = Callable[..., Array]


class Told(NamedTuple):
    """The state of a batch of observed labels.

    Attributes
    ----------
    known : Grown or Precision
        The quadratic forms of all candidates, or the precision after the batch.
    moved : array [V, P]
        Vectors of the parameters: the shift of the mean by the batch, and vectors derived from it.
    indices : tuple of int or array []
        The picks.
    """

    known: Any
    moved: Array
    indices: tuple[Any, ...]


class LabelBatch(GaussianBatch):
    """A growing batch of observed labels.

    Parameters
    ----------
    pool : MeasuredPool
        The candidates, by an embedding with labels, under the precision before the first pick.
    """

    submodular = False

    def __init__(self, pool: MeasuredPool) -> None:
        super().__init__(pool)
        embedding: Any = pool.embedding
        self._embedding: Scored = embedding.kept()
        self._covariance: Form = in_memory(pool.precision.covariance(pool.like))
        self._local = ops_for(pool.ops.fetch(pool.like))

    @abstractmethod
    def start(self) -> Told:
        """The empty batch."""

    @abstractmethod
    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""

    @abstractmethod
    def _gains(self, embedding: Scored, state: Told) -> Array:
        """The gains of the labels of candidates: [n]."""

    @abstractmethod
    def _value(self, one: MeasuredPool) -> Array:
        """The information of the labels of a single candidate: [1]."""

    def gains(self, state: Told) -> Array:
        """The gain of each candidate's label, which may be negative: [N] nats."""
        return self._pool.cast(self._gains(self._embedding, state))

    def gains_of(self, state: Told, indices: Array) -> Array:
        """The gains of the labels of some candidates: [m] nats."""
        xp = self._pool.ops.xp
        few = mapped(lambda x: xp.take(x, indices, axis=0), self._embedding)
        known = state.known
        if isinstance(known, forward.Grown):
            known = known._replace(forms=tuple(xp.take(x, indices, axis=0) for x in known.forms))
        return self._pool.cast(self._gains(few, state._replace(known=known)))

    def _told(self, state: Told) -> Array:
        one = as_one(self._embedding, state.indices)
        return self._value(self._pool.replace(embedding=one))

    def _none_moved(self, count: int) -> Array:
        size = self._embedding.num_parameters
        return self._local.constant((count, size), 0.0, self._pool.ops.fetch(self._pool.like))

    def _map(
        self, kernel: Gain, embedding: Scored, forms: tuple[Array, ...], *shared: Any
    ) -> Array:
        """The results of a kernel of candidates, their forms, and `shared`, by blocks: [n]."""
        item = embedding.ops.item_bytes(first_array(embedding))
        return map_rows(
            kernel,
            (embedding, forms),
            shared,
            bytes_per_row=item * (embedding.numbers_read + 12 * embedding.num_rows**2),
        )


class FirstOrderBatch(LabelBatch):
    """About the parameters to first order: half the squared length of the batch's gradient.

    The vector is the product of the covariance and the gradient.
    """

    def __init__(self, pool: MeasuredPool) -> None:
        embedding: Any = pool.embedding
        super().__init__(pool.replace(embedding=Gradients.of(labelled=embedding)))

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

    def _value(self, one: MeasuredPool) -> Array:
        return label_shifts.divergence(one, None, "trace")


class PairedBatch(LabelBatch):
    """About each target: by the precision and the mean after the batch."""

    def __init__(self, pool: MeasuredPool, about: EachTarget) -> None:
        super().__init__(pool)
        self._targets = about
        self._weights = pool.target_weights(about.targets, about.weights)

    def start(self) -> Told:
        """The empty batch."""
        return Told(self._pool.precision, self._none_moved(1), ())

    def add(self, state: Told, index: Array | int) -> Told:
        """The batch with one more candidate."""
        indices = (*state.indices, index)
        one = as_one(self._embedding, (index,))
        rows, scores = members(self._embedding, indices)
        solved = self._covariance.apply(self._local, rows)
        moved = label_shifts.shift_of(self._local, solved, rows, scores)
        return Told(laplace(one, state.known), moved[None, :], indices)

    def _gains(self, embedding: Scored, state: Told) -> Array:
        pool = self._pool.replace(embedding=embedding)
        shift = self._pool.ops.adopt(state.moved[0, :])
        targets = self._targets.targets
        return label_shifts.about_each(pool, targets, self._weights, state.known, shift)

    def _value(self, one: MeasuredPool) -> Array:
        return label_shifts.pointwise(one, self._targets, None)


# --- kernels of a block ------------------------------------------------------------------
def _more_first_order(ops: Ops, embedding: Scored, _: Any, covariance: Form, moved: Array) -> Array:
    rows, scores = embedding.with_scores(ops)
    own = times(covariance.of(ops, rows), scores) / 2
    return ops.xp.sum(scores * (own + rows.dot(ops, moved)[:, :, 0]), axis=-1)

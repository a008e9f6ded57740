"""The base classes of growing batches of a `Gaussian`'s candidates."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.fields import mapped
from infoq.checks.choices import OfEachTarget
from infoq.checks.numbers import check_index
from infoq.draws.outcomes import all_but
from infoq.gaussian.pool import MeasuredPool
from infoq.set_function import PredictiveBatch
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.embedding import DenseEmbedding, Embedding, picked
from infoq.unknowns import About, Parameters


class GaussianBatch(PredictiveBatch):
    """A growing batch of outcomes or of labels; its states have the `indices` of the picks.

    Parameters
    ----------
    pool : MeasuredPool
        The candidates, under the precision before the first pick.
    """

    _pool: MeasuredPool

    def remove(self, state: Any, index: Array | int) -> Any:
        """The batch without one of its members; the others are added anew."""
        return self.grown(all_but(state.indices, index))

    def value(self, state: Any) -> Array:
        """The information of the batch, as that of one candidate with all rows: 0-d, nats."""
        pool = self._pool
        if not state.indices:
            return pool.cast(pool.ops.xp.zeros_like(pool.ops.xp.reshape(pool.like, (-1,))[0]))
        return pool.cast(self._told(state)[0])

    @abstractmethod
    def _told(self, state: Any) -> Array:
        """The information of a batch that is not empty: [1]."""


class Picked(NamedTuple):
    """The state of a batch.

    Attributes
    ----------
    known : Grown, Precision or array [N]
        The quadratic forms of all candidates, the precision after the batch, or all gains.
    indices : tuple of int or array []
        The picks.
    """

    known: Any
    indices: tuple[Any, ...]


class OutcomeBatch(GaussianBatch):
    """A growing batch of outcomes that have not been observed.

    Parameters
    ----------
    pool : MeasuredPool
        The candidates, under the precision before the first pick.
    about : PARAMETERS, EachTarget or AllTargets
        The unknowns that the information is about, with an embedding of the targets.
    approximation : str
        See `MeasuredPool.information`.
    """

    def __init__(self, pool: MeasuredPool, about: About, approximation: OfEachTarget) -> None:
        super().__init__(pool)
        self._about, self._approximation = about, approximation
        self.submodular = isinstance(about, Parameters)

    @abstractmethod
    def scores(self, state: Picked) -> Array:
        """The gain of each candidate, which rounding may make negative: [N]."""

    @abstractmethod
    def scores_of(self, state: Picked, indices: Array) -> Array:
        """The gains of some candidates [m], likewise: [m]."""

    def gains(self, state: Picked) -> Array:
        """The information of each candidate, conditional on the batch: [N] nats."""
        return self._pool.finish(self.scores(state))

    def gains_of(self, state: Picked, indices: Array) -> Array:
        """The information of some candidates, conditional on the batch: [m] nats."""
        return self._pool.finish(self.scores_of(state, indices))

    def _told(self, state: Picked) -> Array:
        pool = self._pool
        one = pool.replace(embedding=as_one(pool.embedding, state.indices))
        return one.information(self._about, None, self._approximation)


def rows_of(embedding: Embedding, indices: tuple[Any, ...]) -> Array:
    """The rows of some candidates, stacked and in memory: [B R, P]."""
    for index in indices:
        check_index(index, len(embedding))
    few = picked(embedding, indices)
    return few.ops.xp.reshape(few.dense(), (-1, embedding.num_parameters))


def as_one(embedding: Embedding, indices: tuple[Any, ...]) -> Embedding:
    """Some candidates as a single one, with the rows of all of them."""
    if isinstance(embedding, DiagonalEmbedding):
        ops = embedding.ops
        rows = [ops.row(embedding.fisher_diagonal, index) for index in indices]
        return DiagonalEmbedding(ops.xp.sum(ops.xp.stack(rows), axis=0)[None, :])
    return DenseEmbedding(embedding.ops.adopt(rows_of(embedding, indices)[None, ...]))


def in_memory(x: Any) -> Any:
    """An array, tree, form or nested tuple with its arrays in memory."""
    return mapped(lambda array: ops_for(array).fetch(array), x)

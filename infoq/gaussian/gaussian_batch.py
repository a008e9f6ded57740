"""A growing batch of a `Gaussian`'s candidates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from infoq.backends import Array, ops_for
from infoq.backends.fields import arrays_of
from infoq.checks.choices import OfEachTarget
from infoq.gaussian import block_scores
from infoq.gaussian.measured_batch import (
    AddedBatch,
    KnownBatch,
    MeasuredBatch,
    Picked,
    as_one,
    in_memory,
)
from infoq.gaussian.parameters_batch import ParametersBatch
from infoq.gaussian.predictive import Gaussian
from infoq.gaussian.targets import by_forms, grows_by_projection
from infoq.gaussian.targets_batch import ProjectedBatch
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.embedding import Embedding
from infoq.structures.low_rank import LowRankPrecision
from infoq.structures.precision import Precision
from infoq.unknowns import PARAMETERS, About, EachTarget, Parameters, approximation_for


class GaussianBatch:
    """A growing batch of a `Gaussian`'s candidates: its gains and its value.

    Parameters
    ----------
    pool : Gaussian
        The candidates.
    about : PARAMETERS, EachTarget or AllTargets
        What the outcomes are to tell about.
    precision : Precision
        What is known before the first pick.
    approximation : str
        As of `Gaussian.information`.
    """

    def __init__(
        self, pool: Gaussian, about: About, precision: Precision, approximation: OfEachTarget
    ) -> None:
        approximation_for(about, approximation)
        self._pool, self._about = pool, about
        self._precision, self._approximation = precision, approximation
        pairs = isinstance(about, EachTarget) and approximation == "logdet"
        diagonal = isinstance(pool.embedding, DiagonalEmbedding)
        self.submodular = isinstance(about, Parameters)
        self._batch: AddedBatch | KnownBatch | MeasuredBatch | ProjectedBatch
        if self.submodular and approximation == "trace":
            self._batch = AddedBatch(partial(pool.information, about, precision, "trace"))
        else:
            self._batch = self._known() if pairs or diagonal else self._measured()

    def _known(self) -> KnownBatch:
        pool, about, approximation = self._pool, self._about, self._approximation
        gains = partial(_information, pool.precision, about, approximation)
        return KnownBatch(pool.embedding, self._precision, gains, pool.observe, pool.forget)

    def _measured(self) -> MeasuredBatch | ProjectedBatch:
        pool, about, approximation = self._pool, self._about, self._approximation
        if isinstance(about, Parameters):
            score = block_scores.PARAMETERS[approximation]
            covariance = self._precision.covariance(pool.like)
            beside = partial(_beside, self._precision)
            return ParametersBatch(pool.embedding, in_memory(covariance), score, beside)
        told = block_scores.EXPLAINED[approximation]
        targets = pool.targets(about.targets)
        weights = None
        if isinstance(about, EachTarget):
            weights = pool.target_weights(targets, about.weights)
        trace = approximation in ("trace", "kronecker")

        def measured() -> MeasuredBatch:
            plan = by_forms(pool.embedding, targets, self._precision, weights, approximation)
            local = ops_for(pool.ops.fetch(pool.like))
            forms = plan.prepare(local, *in_memory(plan.shared))
            return MeasuredBatch(pool.embedding, forms, told, trace=trace)

        whitening = self._precision.whitening(pool.embedding.num_parameters, pool.like)
        problem = (pool.embedding, targets, whitening)
        if approximation == "kronecker" or not grows_by_projection(
            pool.embedding, targets, self._precision, weights
        ):
            return measured()
        scale = pool.ops.constant((len(targets),), 1.0, pool.like)
        if weights is not None:
            scale = pool.ops.xp.sqrt(weights)
        derives = pool.ops.derives(*arrays_of((pool.embedding, targets, whitening)))
        smooth = measured() if derives else None
        return ProjectedBatch(*problem, scale, trace=trace, smooth=smooth)

    def start(self) -> Picked:
        """The empty batch."""
        return self._batch.start()

    def gains(self, state: Picked) -> Array:
        """What every candidate tells beyond the batch: [N] nats."""
        return self._pool.finish(self._batch.gains(state))

    def gains_of(self, state: Picked, indices: Array) -> Array:
        """What some candidates [m] tell beyond the batch: [m] nats."""
        return self._pool.finish(self._batch.gains_of(state, indices))

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        return self._batch.add(state, index)

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its candidates."""
        return self._batch.remove(state, index)

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int]
    ) -> tuple[list[int], Array] | None:
        """Who stays where the least missed is given back until `size` are left; see `batches`."""
        if not isinstance(self._batch, MeasuredBatch | ProjectedBatch):
            return None
        kept = self._batch.pruned(members, size, given)
        return None if kept is None else (kept[0], self._pool.finish(self._pool.ops.adopt(kept[1])))

    def value(self, state: Picked) -> Array:
        """What the batch tells, as one candidate with all its rows: a 0-d array."""
        pool = self._pool
        if not state.indices:
            return pool.cast(pool.ops.xp.zeros_like(pool.ops.xp.reshape(pool.like, (-1,))[0]))
        if isinstance(self._batch, AddedBatch):
            return self._batch.value(state)
        one = Gaussian(as_one(pool.embedding, state.indices), self._precision)
        return pool.cast(one.information(self._about, None, self._approximation)[0])


def _beside(precision: Precision, embedding: Embedding, rows: Array) -> Array:
    """What all candidates of an embedding tell, once outcomes with rows [Q, P] are known."""
    known = LowRankPrecision(precision, rows)
    return Gaussian(embedding, known).information(PARAMETERS)


def _information(
    prior: Precision,
    about: About,
    approximation: OfEachTarget,
    embedding: Embedding,
    known: Precision,
) -> Array:
    """What some candidates tell beyond what is known: [n]."""
    return Gaussian(embedding, prior).information(about, known, approximation)

"""Candidates that measure Gaussian parameters: what is known of them, and how kernels run."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array, mapped
from infoq.backends.trees import Tree
from infoq.blocks import map_rows
from infoq.checks.choices import OfEachTarget
from infoq.checks.compatibility import check_alike
from infoq.checks.numbers import check_count, check_index
from infoq.checks.probabilities import check_weights
from infoq.checks.values import check_results
from infoq.gaussian import block_scores
from infoq.gaussian.laplace import check_budget, fisher_diagonal, laplace
from infoq.gaussian.targets import explain
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.diagonal_precision import DiagonalPrecision, ScalarPrecision
from infoq.structures.embedding import Embedding
from infoq.structures.forms import ConditionedForm
from infoq.structures.labelled_embedding import with_labels
from infoq.structures.precision import Precision, same_precision
from infoq.unknowns import AllTargets, EachTarget, Parameters, approximation_for


class MeasuredPool(Tree):
    """N candidates whose outcomes measure parameters of a known precision.

    `Gaussian` is made by a user; this is what scores and batches run on.

    Attributes
    ----------
    embedding : Embedding
        What each candidate's outcome measures, in units of its noise.
    precision : Precision
        The parameters' precision.
    """

    _arrays = ("embedding", "precision")
    embedding: Embedding
    precision: Precision

    @property
    def ops(self) -> Ops:
        """The operations of its library."""
        return self.embedding.ops

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return self.embedding.num_candidates

    def __len__(self) -> int:
        """The number of candidates, N."""
        return self.num_candidates

    # --- what it answers --------------------------------------------------------------------

    def information(
        self,
        about: Parameters | EachTarget | AllTargets,
        given: object = None,
        approximation: OfEachTarget = "logdet",
    ) -> Array:
        """I[Y_i; about | given] for each candidate: [N] nats, never negative.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            What the outcome is to tell about.
        given : Precision, Embedding or Gaussian, optional
            The precision after what already counts as known, or the outcomes that do; of a
            Gaussian its embedding alone is read.
        approximation : {"logdet", "jensen", "trace", "kronecker"}
            How; see `eig`, `epig` and `jepig`.
        """
        approximation_for(about, approximation)
        precision = self.known(given)
        if isinstance(about, Parameters):
            covariance = precision.covariance(self.like)
            if approximation == "trace":
                return self.read(self.finish(self.over_blocks(block_scores.traced, covariance)))
            score = block_scores.PARAMETERS[approximation]
            scores = self.over_blocks(partial(block_scores.scored, score), covariance)
            return self.read(self.finish(scores))
        targets = self.targets(about.targets)
        if isinstance(about, AllTargets):
            self.context(samples=about.samples, seed=about.seed)  # checked, and not used
            return self.read(self.finish(self._joint(targets, precision, None, approximation)))
        weights = self.target_weights(targets, about.weights)
        how = self._each if approximation == "logdet" else self._joint
        return self.read(self.finish(how(targets, precision, weights, approximation)))

    def context(self, *, samples: int = 10_000, seed: Any = 0) -> Precision:
        """The empty context: the precision itself. Exact, so neither argument is used.

        Parameters
        ----------
        samples, seed
            As of `Categorical.context`.
        """
        check_count(samples, "samples")
        self.ops.seed(seed)
        return self.precision

    def observe(self, given: Precision, index: Array | int) -> Precision:
        """The context `given` with the outcome of one more candidate.

        Parameters
        ----------
        given : Precision
            What is known so far.
        index : int or 0-d array
            The candidate.
        """
        return laplace(self._one(index), given)

    def forget(self, given: Precision, index: Array | int) -> Precision:
        """The context `given` without the outcome of one candidate that it has.

        Parameters
        ----------
        given : Precision
            What is known so far.
        index : int or 0-d array
            The candidate.
        """
        one = self._one(index)
        if isinstance(one, DiagonalEmbedding):
            like = fisher_diagonal(one)
            return DiagonalPrecision(given.diagonal(like) - like)
        rows = one.dense()
        return given.downdate(self.ops.xp.reshape(rows, (-1, one.num_parameters)))

    # --- what observed labels are -------------------------------------------------------------

    def labelled(self, labels: Array | None) -> Self:
        """The same candidates with labels, which tell of the parameters."""
        hint = 'or take measure="entropy", which needs none'
        return self.replace(embedding=with_labels(self.embedding, labels, "labels", hint))

    def both_labelled(
        self,
        about: EachTarget | AllTargets,
        labels: Array | None,
        target_labels: Array | None,
        approximation: OfEachTarget,
    ) -> tuple[Self, EachTarget | AllTargets]:
        """The same candidates and targets with labels, which tell of each other."""
        if approximation_for(about, approximation) != "logdet":
            raise ValueError(
                f"approximation: with labels expected 'logdet', got {approximation!r}; the others "
                "are of the expectation over labels: leave out labels and target_labels"
            )
        hint = "or leave out labels and target_labels, for the expectation over both"
        targets = self.targets(about.targets)
        labelled = self.replace(embedding=with_labels(self.embedding, labels, "labels", hint))
        targets = with_labels(targets, target_labels, "target_labels", hint)
        return labelled, about._replace(targets=targets)

    # --- how it computes --------------------------------------------------------------------

    @property
    def like(self) -> Array:
        """A small array of the dtype that is computed in, on the device of the candidates."""
        return self.ops.upcast(first_array(self.embedding)[:1, ...])

    def over_blocks(
        self,
        kernel: Callable[..., Array],
        *shared: Any,
        prepare: Callable[..., Any] | None = None,
        rank: int = 0,
        beside: tuple[Array, ...] = (),
    ) -> Array:
        """A kernel over blocks of candidates, with up to `rank` vectors.

        It gets an `Ops`, the embedding of a block, what is `beside` it, and what is shared.
        """
        embedding = self.embedding
        item = self.ops.item_bytes(first_array(embedding))
        rank = max(rank, getattr(shared[0], "rank", 0))
        sums = kernel is block_scores.traced and isinstance(shared[0], block_scores.BY_SUMS)
        numbers = embedding.numbers_for_sums if sums else embedding.numbers_per_candidate
        numbers += 3 * embedding.num_rows * rank
        return map_rows(
            kernel,
            (embedding, *beside),
            shared,
            prepare=prepare,
            bytes_per_row=numbers * item,
            bytes_shared=max(rank * embedding.num_parameters, _size(shared[0])) * item,
        )

    def _each(self, targets: Embedding, precision: Precision, weights: Any, _: str) -> Array:
        """EPIG by every pair of a candidate and a target."""
        groups = 1 if isinstance(targets, DiagonalEmbedding) else targets.num_rows
        size = len(targets) * groups * self.embedding.num_parameters
        check_budget(size, self.like, f"targets: M={len(targets)} with R={groups} rows each")
        whitening: Any = ()
        if not isinstance(targets, DiagonalEmbedding):
            whitening = precision.whitening(self.embedding.num_parameters, self.like)
        covariance = precision.covariance(self.like)
        full = self.embedding.num_rows * self.embedding.num_parameters
        if isinstance(covariance, ConditionedForm) and self.embedding.numbers_read < full:
            # Unfolded, a last layer costs R times as much or more.
            covariance = covariance.mild(self.ops)
        shared = (covariance, targets, weights, whitening)
        return self.over_blocks(
            block_scores.each_target, *shared, prepare=block_scores.measured_targets, rank=groups
        )

    def _joint(
        self, targets: Embedding, precision: Precision, weights: Any, approximation: str
    ) -> Array:
        """By the sum of the targets' Fisher information (with weights: their mean)."""
        plan = explain(self.embedding, targets, precision, weights, approximation)
        prepare, rank, beside = plan.prepare, plan.rank, plan.measured
        return self.over_blocks(
            plan.kernel,
            *plan.shared,
            prepare=prepare,
            rank=rank,
            beside=beside,
        )

    def cast(self, x: Array) -> Array:
        """`x` in the dtype that came in."""
        return self.ops.xp.astype(x, first_array(self.embedding).dtype)

    def read(self, x: Array) -> Array:
        """`x` itself, refused where it is seen to have overflown."""
        return check_results(self.ops, x, first_array(self.embedding))

    def finish(self, scores: Array) -> Array:
        """Rounding below zero taken off, in the dtype that came in."""
        return self.cast(self.ops.xp.maximum(scores, self.ops.xp.zeros_like(scores)))

    # --- what it is given -------------------------------------------------------------------

    def _one(self, index: Array | int) -> Embedding:
        check_index(index, len(self))
        one: Embedding = mapped(lambda x: self.ops.row(x, index)[None, ...], self.embedding)
        return one

    def known(self, given: object) -> Precision:
        """The precision once what is given counts as known."""
        if given is None:
            return self.precision
        if isinstance(given, Precision):
            return self.fitting(given, "given")
        embedding = given.embedding if isinstance(given, MeasuredPool) else given
        if not isinstance(embedding, Embedding):
            raise TypeError(
                "given: expected a Precision, or an Embedding or Gaussian of known outcomes, got "
                f"{type(given).__name__}"
            )
        return self.fitting(laplace(embedding, self.precision), "given")

    def fitting(self, precision: Precision, name: str) -> Precision:
        """A precision, refused where it does not fit the embedding."""
        size = self.embedding.num_parameters
        if precision.num_parameters not in (None, size):
            raise ValueError(
                f"{name}: expected P={size} parameters as of the embedding, got "
                f"P={precision.num_parameters}"
            )
        if isinstance(self.embedding, DiagonalEmbedding) and not isinstance(
            precision, ScalarPrecision | DiagonalPrecision
        ):
            raise TypeError(
                f"{name}: a DiagonalEmbedding needs a ScalarPrecision or DiagonalPrecision, got "
                f"{type(precision).__name__}; laplace(..., structure='diagonal') gives one"
            )
        array = first_array(precision)
        if array is not None:
            check_alike(self.ops, name, array, first_array(self.embedding))
        return precision

    def targets(self, targets: Any) -> Embedding:
        """The embedding of targets under the posterior of the candidates; refused otherwise."""
        posterior = targets.precision if isinstance(targets, MeasuredPool) else None
        embedding = targets.embedding if isinstance(targets, MeasuredPool) else targets
        if not isinstance(embedding, Embedding):
            raise TypeError(
                f"targets: expected a Gaussian or an Embedding, got {type(targets).__name__}"
            )
        if isinstance(targets, MeasuredPool) and not same_precision(
            targets.precision, self.precision
        ):
            raise ValueError(
                f"targets: expected the posterior of the candidates, {self.precision!r}, got "
                f"another, {posterior!r}; pass the targets' embedding, or one precision"
            )
        if embedding.num_parameters != self.embedding.num_parameters:
            raise ValueError(
                f"targets: expected P={self.embedding.num_parameters} parameters, got "
                f"P={embedding.num_parameters}"
            )
        if isinstance(embedding, DiagonalEmbedding) != isinstance(
            self.embedding, DiagonalEmbedding
        ):
            raise TypeError("targets: a DiagonalEmbedding goes with another one only")
        check_alike(self.ops, "targets", first_array(embedding), first_array(self.embedding))
        return embedding

    def target_weights(self, targets: Embedding, weights: Array | None) -> Array:
        """Weights [M] that sum to one."""
        size = len(targets)
        if size == 0:
            raise ValueError("targets: expected at least one target, got none")
        if weights is None:
            return self.ops.equal_weights(size, self.like)
        ops_for(targets=first_array(targets), target_weights=weights)
        like = self.ops.xp.reshape(self.like, (-1,))[:1][:, None, None]
        return check_weights(self.ops, weights, like, size, "target_weights", "target")


def _size(form: Any) -> int:
    """How many numbers a form is made of."""
    return sum(_size(x) if isinstance(x, tuple) else math.prod(x.shape) for x in form)

"""Candidates in weight space: their precision, their contexts, and how kernels run on them."""

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
    """N candidates whose outcomes are linear in Gaussian parameters, plus noise.

    The base of `Gaussian`, which users construct; scores and batches run on this.

    Attributes
    ----------
    embedding : Embedding
        The rows of each candidate, in units of its noise.
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

    # --- information --------------------------------------------------------------------

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
            The unknowns that the information is about.
        given : Precision, Embedding or Gaussian, optional
            The context: the precision after the observations, or an embedding of them. For a
            `Gaussian`, only its embedding is used.
        approximation : {"logdet", "jensen", "trace", "kronecker"}
            See `eig`, `epig` and `jepig`.
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
        """The empty context: the precision itself.

        Parameters
        ----------
        samples, seed
            As in `Categorical.context`. They are checked and not used: everything here is exact.

        Returns
        -------
        Precision
            The precision of the parameters.
        """
        check_count(samples, "samples")
        self.ops.seed(seed)
        return self.precision

    def observe(self, given: Precision, index: Array | int) -> Precision:
        """The context `given` with the outcome of one more candidate.

        Parameters
        ----------
        given : Precision
            The context so far.
        index : int or 0-d array
            The candidate.

        Returns
        -------
        Precision
            The precision after the outcome, with the candidate's Fisher information added, in the
            structure and at the cost of `laplace`.

        Raises
        ------
        TypeError, IndexError
            If `index` is no integer, or no candidate.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> pool = infoq.Gaussian(np.array([[1.0, 0.0]]))
        >>> infoq.eig(pool, given=pool.observe(pool.context(), 0)).round(4)
        array([0.2027])
        """
        return laplace(self._one(index), given)

    def forget(self, given: Precision, index: Array | int) -> Precision:
        """The context `given` without the outcome of one candidate in it.

        Parameters
        ----------
        given : Precision
            The context so far.
        index : int or 0-d array
            The candidate.

        Returns
        -------
        Precision
            The precision without the candidate's Fisher information; see `Precision.downdate`.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> pool = infoq.Gaussian(np.array([[1.0, 0.0]]))
        >>> known = pool.observe(pool.context(), 0)
        >>> infoq.eig(pool, given=pool.forget(known, 0)).round(4)
        array([0.3466])
        """
        one = self._one(index)
        if isinstance(one, DiagonalEmbedding):
            like = fisher_diagonal(one)
            return DiagonalPrecision(given.diagonal(like) - like)
        rows = one.dense()
        return given.downdate(self.ops.xp.reshape(rows, (-1, one.num_parameters)))

    # --- observed labels -------------------------------------------------------------

    def labelled(self, labels: Array | None) -> Self:
        """The same candidates with labels, for the information about the parameters."""
        hint = 'or take measure="entropy", which needs none'
        return self.replace(embedding=with_labels(self.embedding, labels, "labels", hint))

    def both_labelled(
        self,
        about: EachTarget | AllTargets,
        labels: Array | None,
        target_labels: Array | None,
        approximation: OfEachTarget,
    ) -> tuple[Self, EachTarget | AllTargets]:
        """The same candidates and targets, both with labels."""
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

    # --- computation --------------------------------------------------------------------

    @property
    def like(self) -> Array:
        """A small array in the dtype of the computation, on the device of the candidates."""
        return self.ops.upcast(first_array(self.embedding)[:1, ...])

    def over_blocks(
        self,
        kernel: Callable[..., Array],
        *shared: Any,
        prepare: Callable[..., Any] | None = None,
        rank: int = 0,
        beside: tuple[Array, ...] = (),
    ) -> Array:
        """The results of a kernel over blocks of candidates, with up to `rank` vectors.

        The kernel gets an `Ops`, the embedding of a block, the block of `beside`, and `shared`.
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
        """EPIG of every pair of a candidate and a target, averaged over targets: [N]."""
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
        """Scores by the sum of the targets' Fisher information (with weights, their mean): [N]."""
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
        """`x` in the dtype of the candidates."""
        return self.ops.xp.astype(x, first_array(self.embedding).dtype)

    def read(self, x: Array) -> Array:
        """`x` itself; raises if it is seen to have overflown."""
        return check_results(self.ops, x, first_array(self.embedding))

    def finish(self, scores: Array) -> Array:
        """The scores in the dtype of the candidates, with negative rounding set to zero."""
        return self.cast(self.ops.xp.maximum(scores, self.ops.xp.zeros_like(scores)))

    # --- checked arguments -------------------------------------------------------------------

    def _one(self, index: Array | int) -> Embedding:
        check_index(index, len(self))
        one: Embedding = mapped(lambda x: self.ops.row(x, index)[None, ...], self.embedding)
        return one

    def known(self, given: object) -> Precision:
        """The precision conditional on `given`."""
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
        """The precision itself; raises if it is not compatible with the embedding."""
        size = self.embedding.num_parameters
        if precision.num_parameters not in (None, size):
            raise ValueError(
                f"{name}: expected P={size} parameters as in the embedding, got "
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
        """The embedding of targets; raises unless they have the posterior of the candidates."""
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
    """The number of numbers that a form consists of."""
    return sum(_size(x) if isinstance(x, tuple) else math.prod(x.shape) for x in form)

"""Weight space and function space: Gaussian outcomes of what an embedding measures."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array, mapped
from infoq.backends.registry import admit, check_sized
from infoq.backends.trees import Tree
from infoq.blocks import map_rows
from infoq.checks.choices import OfEachTarget
from infoq.checks.compatibility import check_alike, check_noise
from infoq.checks.numbers import check_count, check_index
from infoq.checks.probabilities import check_weights
from infoq.checks.values import check_results
from infoq.draws.categorical import Categorical
from infoq.gaussian import block_scores, forward
from infoq.gaussian.laplace import check_budget, fisher_diagonal, laplace
from infoq.gaussian.targets import explain
from infoq.structures.covariance import CovariancePrecision
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.diagonal_precision import DiagonalPrecision, ScalarPrecision, as_precision
from infoq.structures.embedding import DenseEmbedding, Embedding
from infoq.structures.forms import ConditionedForm
from infoq.structures.precision import Precision, same_precision
from infoq.structures.unit import UnitEmbedding
from infoq.unknowns import AllTargets, EachTarget, Parameters, approximation_for


@capabilities()
class Gaussian(Tree):
    """What a model believes about outcomes that measure its Gaussian parameters with noise.

    Parameters
    ----------
    embedding : Embedding or array [N, R, P] or [N, P]
        What each candidate's outcome measures, in units of its noise.
    precision : Precision, float, or array [P] or [P, P]
        The parameters' precision: a prior's, or a posterior's from `laplace`.

    Raises
    ------
    TypeError, ValueError
        If the two differ in the number of parameters, library, dtype or device, or their
        structures don't go together.

    Notes
    -----
    With a likelihood's Fisher information `E_i^T E_i` (`fisher_embedding`, `LastLayerEmbedding`)
    and a Laplace posterior this is weight space: exact for linear regression, a second-order
    approximation elsewhere. Whatever counts as known is a precision, too: `given` in every quantity
    is a precision, or an embedding of outcomes to add to this one.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 1.0]]), precision=0.5)
    >>> pool
    Gaussian(DenseEmbedding(N=2, R=1, P=2, numpy float64), ScalarPrecision(0.5))
    >>> infoq.eig(pool).round(4)
    array([0.5493, 0.8047])
    """

    _arrays = ("embedding", "precision")
    embedding: Embedding
    precision: Precision

    def __init__(
        self, embedding: Embedding | Array, precision: Precision | float | Array = 1.0
    ) -> None:
        if not isinstance(embedding, Embedding):
            embedding = DenseEmbedding(embedding)
        check_sized(embedding.ops, first_array(embedding), "embedding")
        self.embedding = embedding
        self.precision = self._fitting(as_precision(precision), "precision")

    @staticmethod
    @capabilities()
    def from_covariance(covariance: Array, noise_variance: float | Array = 1.0) -> Gaussian:
        """Function values with a given covariance, each measured with noise: a Gaussian process.

        Parameters
        ----------
        covariance : array [N, N]
            Of the function values of candidates (and targets: take slices of the result), given
            what is known; positive semi-definite, singular or not.
        noise_variance : float or array [N]
            Of each outcome, positive and finite. An array is of the library, dtype and device of
            the covariance, or integers.

        Returns
        -------
        Gaussian
            N candidates with one row each; nothing is inverted. A covariance that is not symmetric
            and positive semi-definite to rounding is refused: N^3 / 3 multiply-adds, once.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> both = infoq.Gaussian.from_covariance(np.array([[1.0, 0.6], [0.6, 1.0]]), 0.25)
        >>> infoq.epig(both[:1], both[1:]).round(4)
        array([0.1309])
        """
        precision = CovariancePrecision(covariance)
        ops, covariance = admit(covariance=covariance)
        size = precision.num_parameters
        noise = check_noise(ops, noise_variance, covariance, size)
        index = ops.xp.arange(size, device=ops.device(covariance))
        scale = 1 / ops.xp.sqrt(noise)
        return Gaussian(UnitEmbedding.of(scale=scale, index=index, size=size), precision)

    # --- what it is -------------------------------------------------------------------------

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

    def __getitem__(self, candidates: Any) -> Gaussian:
        """Some of the candidates, by a slice, integers or a mask, under the same precision."""
        return Gaussian(self.embedding[candidates], self.precision)

    def _words(self) -> str:
        return f"Gaussian({self.embedding!r}, {self.precision!r})"

    def as_targets(self, targets: Any) -> Any:
        """Targets as they are: a `Gaussian` or an `Embedding`."""
        return targets

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

    def entropy(self, given: Precision | Embedding | Gaussian | None = None) -> Array:
        r"""H[Y_i | given], the differential entropy of each outcome: [N] nats.

        .. math:: \tfrac12 \log\det\big(2 \pi e\, (\Sigma_i + J_i P^{-1} J_i^T)\big)

        Parameters
        ----------
        given : Precision, Embedding or Gaussian, optional
            The precision after what already counts as known, or the outcomes that do; of a
            Gaussian its embedding alone is read.

        Returns
        -------
        array [N]
            Nats, which may be below 0, in the namespace, device and dtype of the embedding.

        Raises
        ------
        TypeError
            If the outcomes are not normal, but class labels or counts: for class labels use
            ``sample(draws).entropy()``, or class probabilities.

        Notes
        -----
        The noise :math:`\Sigma_i` is that of a `Normal` likelihood or of `from_covariance`; of rows
        without a likelihood (`DenseEmbedding`, `DiagonalEmbedding`), which are in units of the
        noise, it is the identity. Costs as of `eig`; a `JacobianEmbedding` is differentiated twice.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> pool = infoq.Gaussian.from_covariance(np.array([[1.0]]), 0.5)
        >>> pool.entropy().round(4), np.round(np.log(2 * np.pi * np.e * 1.5) / 2, 4)
        (array([1.6217]), np.float64(1.6217))
        """
        self.embedding[:1].log_noise(self.ops)  # refused here, and not in some block
        covariance = self.known(given).covariance(self.like)
        return self.read(self.cast(self.over_blocks(block_scores.entropy, covariance)))

    def covariance(self, given: Precision | Embedding | Gaussian | None = None) -> Array:
        """The covariance of what each outcome measures, without its noise: [N, R, R].

        Of a last layer with `Normal` unit variance: the functional variance of the outputs.

        Parameters
        ----------
        given : Precision, Embedding or Gaussian, optional
            The precision after what already counts as known, or the outcomes that do; of a
            Gaussian its embedding alone is read.
        """
        if isinstance(self.embedding, DiagonalEmbedding):
            raise TypeError("covariance: a DiagonalEmbedding has P x P of them; use its entropy")
        forms = (self.known(given).covariance(self.like),)
        return self.read(self.cast(forward.begin(self.embedding, forms).forms[0]))

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

    @capabilities()
    def sample(self, draws: int, seed: Any = 0) -> Categorical:
        """Prediction space from the same posterior: K draws of its parameters.

        Parameters
        ----------
        draws : int
            How many, K.
        seed : int or the library's random generator
            What they are drawn from; the same for candidates and targets with one precision, so
            that draw k is one model for both.

        Returns
        -------
        Categorical
            Logits [N, K, C] of the model linearised at the mean: of a last layer, the model.

        Raises
        ------
        TypeError
            If the embedding does not know the logits: it needs features or Jacobians, and a
            `Softmax` or `Bernoulli` likelihood.
        ValueError
            If draws is less than 1.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> softmax = infoq.likelihoods.Softmax(logits=np.array([[1.0, 0.0, 0.0]]))
        >>> pool = infoq.Gaussian(infoq.LastLayerEmbedding(np.ones((1, 2)), softmax), 10.0)
        >>> pool.sample(100)
        Categorical(N=1, K=100, C=3, logits, numpy float64)
        """
        draws = check_count(draws, "draws")
        ops, size = self.ops, self.embedding.num_parameters
        shape = (draws, self.precision.num_noise(size))
        noise = ops.normal(shape, (ops.seed(seed),), self.like)
        logits = self.embedding.logit_draws(ops, self.precision.colour(noise))
        return Categorical(logits=self.cast(logits))

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
            return self._fitting(given, "given")
        embedding = given.embedding if isinstance(given, Gaussian) else given
        if not isinstance(embedding, Embedding):
            raise TypeError(
                "given: expected a Precision, or an Embedding or Gaussian of known outcomes, got "
                f"{type(given).__name__}"
            )
        return self._fitting(laplace(embedding, self.precision), "given")

    def _fitting(self, precision: Precision, name: str) -> Precision:
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
        embedding = targets.embedding if isinstance(targets, Gaussian) else targets
        if not isinstance(embedding, Embedding):
            raise TypeError(
                f"targets: expected a Gaussian or an Embedding, got {type(targets).__name__}"
            )
        if isinstance(targets, Gaussian) and not same_precision(targets.precision, self.precision):
            raise ValueError(
                f"targets: expected the posterior of the candidates, {self.precision!r}, got "
                f"another, {targets.precision!r}; pass the targets' embedding, or one precision"
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

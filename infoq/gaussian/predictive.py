"""Weight space and function space: outcomes that are linear in Gaussian parameters."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.backends.registry import admit, check_sized
from infoq.checks.choices import OfEachTarget
from infoq.checks.compatibility import check_noise
from infoq.checks.numbers import check_count
from infoq.draws.categorical import Categorical
from infoq.gaussian import block_scores, forward
from infoq.gaussian.batch_choice import batch_for, batch_of_labels
from infoq.gaussian.gaussian_batch import GaussianBatch
from infoq.gaussian.pool import MeasuredPool
from infoq.structures.covariance import CovariancePrecision
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.diagonal_precision import as_precision
from infoq.structures.embedding import DenseEmbedding, Embedding
from infoq.structures.precision import Precision
from infoq.structures.unit import UnitEmbedding
from infoq.unknowns import About, Parameters


@capabilities()
class Gaussian(MeasuredPool):
    """Predictive of outcomes that measure a model's Gaussian parameters, with noise.

    Parameters
    ----------
    embedding : Embedding or array [N, R, P] or [N, P]
        The rows of each candidate's outcome, in units of its noise.
    precision : Precision, float, or array [P] or [P, P]
        The precision of the parameters: of a prior, or of a posterior from `laplace`.

    Raises
    ------
    TypeError, ValueError
        If the two differ in the number of parameters, library, dtype or device, or their
        structures are not compatible.

    Notes
    -----
    With a likelihood's Fisher information `E_i^T E_i` (`fisher_embedding`, `LastLayerEmbedding`)
    and a Laplace posterior this is weight space: exact for linear regression, a second-order
    approximation otherwise. A context is a precision, too: `given` in every quantity is a
    precision, or an embedding of outcomes whose information is added to this one.

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

    def __init__(
        self, embedding: Embedding | Array, precision: Precision | float | Array = 1.0
    ) -> None:
        if not isinstance(embedding, Embedding):
            embedding = DenseEmbedding(embedding)
        check_sized(embedding.ops, first_array(embedding), "embedding")
        self.embedding = embedding
        self.precision = self.fitting(as_precision(precision), "precision")

    @staticmethod
    @capabilities()
    def from_covariance(covariance: Array, noise_variance: float | Array = 1.0) -> Gaussian:
        """Gaussian process: function values with a given covariance, each measured with noise.

        Parameters
        ----------
        covariance : array [N, N]
            The posterior covariance of the function values of candidates (and of targets: take
            slices of the result). Positive semi-definite, singular or not.
        noise_variance : float or array [N]
            The variance of each outcome's noise, positive and finite. An array has the library,
            dtype and device of the covariance, or is of integers.

        Returns
        -------
        Gaussian
            N candidates with one row each. Nothing is inverted; the check of the covariance costs
            N^3 / 3 multiply-adds, once.

        Raises
        ------
        TypeError, ValueError
            If the covariance is not symmetric and positive semi-definite up to rounding, or a
            variance of the noise is not positive and finite.

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

    # --- properties -------------------------------------------------------------------------

    def __getitem__(self, candidates: Any) -> Gaussian:
        """Some of the candidates (a slice, integers or a mask) under the same precision."""
        return Gaussian(self.embedding[candidates], self.precision)

    def _words(self) -> str:
        return f"Gaussian({self.embedding!r}, {self.precision!r})"

    def as_targets(self, targets: Any) -> Any:
        """The targets themselves: a `Gaussian` or an `Embedding`."""
        return targets

    # --- answers --------------------------------------------------------------------

    def entropy(self, given: Precision | Embedding | Gaussian | None = None) -> Array:
        r"""H[Y_i | given], the differential entropy of each outcome: [N] nats.

        .. math:: \tfrac12 \log\det\big(2 \pi e\, (\Sigma_i + J_i P^{-1} J_i^T)\big)

        Parameters
        ----------
        given : Precision, Embedding or Gaussian, optional
            The context: the precision after the observations, or an embedding of them. For a
            `Gaussian`, only its embedding is used.

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
        noise, it is the identity. It costs as much as `eig`; a `JacobianEmbedding` is
        differentiated twice.

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
        """The covariance of each outcome's rows, without its noise: [N, R, R].

        For a last layer with a `Normal` likelihood of unit variance, it is the functional variance
        of the outputs.

        Parameters
        ----------
        given : Precision, Embedding or Gaussian, optional
            The context: the precision after the observations, or an embedding of them. For a
            `Gaussian`, only its embedding is used.

        Returns
        -------
        array [N, R, R]
            In the namespace, device and dtype of the embedding.

        Raises
        ------
        TypeError
            If the embedding is a `DiagonalEmbedding`, which has P x P covariances.

        Notes
        -----
        It costs as much as the quadratic forms of `eig`.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> infoq.Gaussian(np.array([[1.0, 2.0]]), precision=0.5).covariance()
        array([[[10.]]])
        """
        if isinstance(self.embedding, DiagonalEmbedding):
            raise TypeError("covariance: a DiagonalEmbedding has P x P of them; use its entropy")
        forms = (self.known(given).covariance(self.like),)
        return self.read(self.cast(forward.begin(self.embedding, forms).forms[0]))

    def batch(
        self,
        about: About,
        given: object = None,
        approximation: OfEachTarget = "logdet",
        *,
        samples: int = 10_000,
        seed: Any = 0,
    ) -> GaussianBatch:
        """The information of a growing batch of outcomes, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            The unknowns that the information is about.
        given : Precision, Embedding or Gaussian, optional
            The context, as in `information`.
        approximation : {"logdet", "jensen", "trace", "kronecker"}
            See `EIG`, `EPIG` and `JEPIG`.
        samples, seed
            As in `Categorical.batch`. They are checked and not used: everything here is exact.

        Returns
        -------
        SetFunction
            The one that `EIG`, `EPIG` or `JEPIG` is: gains and values are nats.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> from infoq.predictives import PARAMETERS
        >>> f = infoq.Gaussian(np.array([[1.0, 0.0]])).batch(PARAMETERS)
        >>> f.gains(f.add(f.start(), 0)).round(4)
        array([0.2027])
        """
        self.context(samples=samples, seed=seed)  # checked, and not used
        known = self.replace(precision=self.known(given))
        if not isinstance(about, Parameters):
            about = about._replace(targets=self.targets(about.targets))
        return batch_for(known, about, approximation)

    def labelled_batch(
        self,
        about: About,
        labels: Array | None,
        target_labels: Array | None = None,
        given: object = None,
        approximation: OfEachTarget = "logdet",
        *,
        log_density: Array | None = None,
    ) -> GaussianBatch:
        """The information of a growing batch of observed labels, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            The unknowns that the information is about.
        labels : array [N], optional
            The labels of the candidates.
        target_labels : array [M], optional
            The labels of the targets. With targets and without any labels, the expectation over
            both.
        given : Precision, Embedding or Gaussian, optional
            The context, as in `information`.
        approximation : {"logdet", "jensen", "trace", "kronecker"}
            See `IG`, `PIG` and `JPIG`.
        log_density : None
            For a `Categorical` only; not used.

        Returns
        -------
        SetFunction
            The one that `IG`, `PIG` or `JPIG` is: gains and values are nats.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> from infoq.predictives import PARAMETERS
        >>> normal = infoq.likelihoods.Normal(0.5, mean=np.zeros(1))
        >>> pool = infoq.Gaussian(infoq.LastLayerEmbedding(np.full((1, 1), 1.25**0.5), normal))
        >>> f = pool.labelled_batch(PARAMETERS, np.array([3.0]))
        >>> f.gains(f.start()).round(2)
        array([2.11])
        """
        if isinstance(about, Parameters):
            labelled = self.labelled(labels)
        elif labels is None and target_labels is None:
            return self.batch(about, given, approximation)
        else:
            labelled, about = self.both_labelled(about, labels, target_labels, approximation)
        known = labelled.replace(precision=labelled.known(given))
        return batch_of_labels(known, about, approximation)

    @capabilities()
    def sample(self, draws: int, seed: Any = 0) -> Categorical:
        """Prediction space: class probabilities under K draws from the same posterior.

        Parameters
        ----------
        draws : int
            The number of draws, K.
        seed : int or the library's random generator
            The source of the draws. Pass the same for candidates and targets with one precision,
            so that draw k is the same model for both.

        Returns
        -------
        Categorical
            Logits [N, K, C] of the model linearised at the mean; for a last layer that is exact.

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

"""Embeddings of a linear last layer, kept in Kronecker structure."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.blocks import map_rows
from infoq.checks.values import check_values
from infoq.likelihoods import Likelihood
from infoq.structures.curved_rows import CurvedKroneckerRows
from infoq.structures.embedding import Embedding, check_likelihood, check_predicts, drawn_logits
from infoq.structures.kronecker_rows import KroneckerRows


@capabilities()
class LastLayerEmbedding(Embedding):
    """A linear last layer on fixed features, in Kronecker structure: `L_i^T (x) phi_i^T`.

    Parameters
    ----------
    features : array [N, D]
        The inputs of the last layer.
    likelihood : Likelihood
        The likelihood of the outcomes given the logits [N, C]; see `infoq.likelihoods`.
    bias : bool
        Whether each class has a bias: a last feature that is 1.

    Attributes
    ----------
    features, likelihood, bias
        The given arguments.
    num_outputs : int
        The number of outputs, C.

    Raises
    ------
    TypeError, ValueError
        If the features are not floating, not [N, D] or (where values can be read) not finite or
        with squares that overflow. Also if the likelihood has another number of candidates, dtype,
        library or device.

    Notes
    -----
    The P = C D parameters, or C (D + 1) with biases, are ordered class by class: `c D + d`. The
    Fisher information is exact for a generalised linear model. For a network it is the last-layer
    generalised Gauss-Newton matrix. The [N, R, P] rows are never formed: a quadratic form costs
    N C (C + 1) / 2 D^2 multiply-adds for a dense precision, and N C D for a scalar, diagonal or
    Kronecker-factored one.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549, section 4.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[0.7, 0.2, 0.1], [0.4, 0.3, 0.3]])
    >>> softmax = infoq.likelihoods.Softmax(probs)
    >>> infoq.LastLayerEmbedding(np.ones((2, 4)), softmax, bias=True)
    LastLayerEmbedding(N=2, R=2, P=15, numpy float64)
    """

    _arrays = ("features", "likelihood")
    _static = ("num_outputs", "bias")
    features: Array
    likelihood: Likelihood
    num_outputs: int
    bias: bool

    def __init__(self, features: Array, likelihood: Likelihood, *, bias: bool = False) -> None:
        ops, features = admit(features=features)
        check_values(ops, features, "features", {2: "[N, D]"})
        self.num_outputs = check_likelihood(ops, features, likelihood, None)
        self.features, self.likelihood, self.bias = features, likelihood, bool(bias)

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return self.likelihood.num_rows(self.num_outputs)

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.num_outputs * (self.features.shape[1] + self.bias))

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: features per class, and a few C x C matrices."""
        return 2 * self.num_parameters + 6 * self.num_outputs**2 + self._extra

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that are read: features and a factor."""
        return int(self.features.shape[1]) + 6 * self.num_outputs**2 + self._extra

    def factored(self) -> FactoredEmbedding:
        """The embedding with the factors of the curvature computed: N C R numbers."""
        ops, features, outputs = self.ops, self.features, self.num_outputs
        factors = map_rows(
            _factors,
            (self,),
            bytes_per_row=ops.item_bytes(features)
            * (6 * (outputs**2 + int(features.shape[1])) + self._extra),
            shape=(outputs, self.num_rows),
        )
        kept = ops.adopt(ops.fetch(factors))
        return FactoredEmbedding.of(features=features, factor=kept, bias=self.bias)

    def _features(self, ops: Ops) -> Array:
        return with_bias(ops, ops.upcast(self.features), self.bias)

    @property
    def numbers_for_sums(self) -> int:
        """The numbers per candidate for sums over rows: features, and a few per class."""
        return 4 * int(self.features.shape[1]) + 12 * self.num_outputs + self._extra

    @property
    def _extra(self) -> int:
        return self.likelihood.extra_numbers(self.num_outputs)

    def rows(self, ops: Ops) -> KroneckerRows:
        """The rows of the candidates, as features and a curvature."""
        features = self._features(ops)
        return CurvedKroneckerRows(ops, features, self.likelihood, self.num_outputs)

    def log_noise(self, ops: Ops) -> Array:
        """The log-determinant of the noise covariance of a `Normal` likelihood: [n]."""
        features = ops.upcast(self.features)
        return self.likelihood.log_noise(ops, (features.shape[0], self.num_outputs), features)

    def scored(self, ops: Ops, labels: Array) -> tuple[KroneckerRows, Array]:
        """The rows of the candidates, and the scores u [n, R] of their labels."""
        features = self._features(ops)
        shape = (features.shape[0], self.num_outputs)
        factor, scores = self.likelihood.scores(ops, labels, shape, features)
        return KroneckerRows(features, factor), scores

    def gradients(self, ops: Ops, labels: Array) -> KroneckerRows:
        """The gradients at labels, one row per candidate, as features and residuals."""
        features = self._features(ops)
        shape = (features.shape[0], self.num_outputs)
        residual = self.likelihood.residual(ops, labels, shape, features)
        return KroneckerRows(features, residual[:, :, None])

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that the likelihood refuses, or if it has no predictions."""
        check_predicts(self.likelihood)
        self.likelihood.check_labels(labels)

    def logit_draws(self, ops: Ops, deviations: Array) -> Array:
        """Logits [N, K, C] under parameters that deviate from the mean by [K, P]."""
        mean = self.likelihood.outcome_logits()
        features = self._features(ops)
        outputs = self.num_outputs
        if mean is None or (outputs > 1) != (mean.shape[1] == outputs):
            return super().logit_draws(ops, deviations)
        draws = deviations.shape[0]
        # In two steps, because Dask can split one axis or merge two, but not both at once.
        columns = ops.xp.reshape(deviations, (draws, outputs, features.shape[1]))
        columns = ops.xp.reshape(columns, (-1, features.shape[1]))
        moved = ops.xp.reshape(features @ columns.T, (-1, draws, outputs))
        return drawn_logits(ops, mean, moved)


class FactoredEmbedding(Embedding):
    """Rows `L_i^T (x) phi_i^T` of a linear last layer, given by features and factors.

    Attributes
    ----------
    features : array [N, D]
        The inputs phi of the last layer.
    factor : array [N, C, R]
        The factors L.
    bias : bool
        Whether each class has a bias: a last feature that is 1.
    """

    _arrays = ("features", "factor")
    _static = ("bias",)
    features: Array
    factor: Array
    bias: bool

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return int(self.factor.shape[2])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.factor.shape[1] * (self.features.shape[1] + self.bias))

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: features per class, and a few C x C matrices."""
        return 2 * self.num_parameters + 6 * int(self.factor.shape[1]) ** 2

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that are read: features and a factor."""
        factor = self.factor
        return int(self.features.shape[1] + 2 * factor.shape[1] * factor.shape[2])

    def log_noise(self, ops: Ops) -> Array:
        """Raise a TypeError: rows that are gradients at labels have no noise.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            "entropy: rows are gradients at labels, and do not say what the outcomes are; use "
            "Categorical.entropy with class probabilities"
        )

    def rows(self, ops: Ops) -> KroneckerRows:
        """The rows of the candidates, as features and factors."""
        features = with_bias(ops, ops.upcast(self.features), self.bias)
        return KroneckerRows(features, ops.upcast(self.factor))


def with_bias(ops: Ops, features: Array, bias: bool) -> Array:
    """Features [n, D], or with a bias [n, D + 1], of which the last is 1."""
    if not bias:
        return features
    return ops.xp.concat([features, ops.xp.ones_like(features[:, :1])], axis=1)


def _factors(ops: Ops, embedding: LastLayerEmbedding) -> Array:
    """The factors [n, C, R] of the curvature, for a block of a last layer."""
    return embedding.rows(ops).factor

"""Embeddings of the Fisher information, from Jacobians of the model and a likelihood."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.values import check_values
from infoq.likelihoods import Likelihood
from infoq.structures.curved_rows import CurvedRows
from infoq.structures.embedding import (
    Embedding,
    check_likelihood,
    check_predicts,
    drawn_logits,
    numbers_in_full,
)
from infoq.structures.rows import DenseRows


class FisherEmbedding(Embedding):
    """Rows `L_i^T J_i` from Jacobians and the factor of the curvature; see `fisher_embedding`.

    Attributes
    ----------
    jacobian : array [N, C, P]
        The derivative of the outputs with respect to the parameters.
    likelihood : Likelihood
        The likelihood of the outcomes given the outputs.
    """

    _arrays = ("jacobian", "likelihood")
    jacobian: Array
    likelihood: Likelihood

    def __init__(self, jacobian: Array, likelihood: Likelihood) -> None:
        ops, jacobian = admit(jacobian=jacobian)
        check_values(ops, jacobian, "jacobian", {3: "[N, C, P]"})
        check_likelihood(ops, jacobian, likelihood, int(jacobian.shape[1]))
        self.jacobian, self.likelihood = jacobian, likelihood

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return self.likelihood.num_rows(int(self.jacobian.shape[1]))

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.jacobian.shape[2])

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: rows in full, and those of the likelihood."""
        # Not by super(), whose properties torch.compile cannot trace.
        return numbers_in_full(self.num_rows, self.num_parameters) + self._extra

    @property
    def numbers_for_sums(self) -> int:
        """The numbers per candidate where only sums are computed: a few Jacobians."""
        return 4 * int(self.jacobian.shape[1]) * self.num_parameters + self._extra

    @property
    def _extra(self) -> int:
        return self.likelihood.extra_numbers(int(self.jacobian.shape[1]))

    def rows(self, ops: Ops) -> DenseRows:
        """The rows of the candidates; the factor of the curvature is computed where needed."""
        return CurvedRows(ops, ops.upcast(self.jacobian), self.likelihood)

    def log_noise(self, ops: Ops) -> Array:
        """The log-determinant of the noise covariance of a `Normal` likelihood: [n]."""
        jacobian = ops.upcast(self.jacobian)
        shape = (jacobian.shape[0], jacobian.shape[1])
        return self.likelihood.log_noise(ops, shape, jacobian)

    def scored(self, ops: Ops, labels: Array) -> tuple[DenseRows, Array]:
        """The rows of the candidates, and the scores u [n, R] of their labels."""
        jacobian = ops.upcast(self.jacobian)
        shape = (jacobian.shape[0], jacobian.shape[1])
        factor, scores = self.likelihood.scores(ops, labels, shape, jacobian)
        return DenseRows(ops.xp.matrix_transpose(factor) @ jacobian), scores

    def gradients(self, ops: Ops, labels: Array) -> DenseRows:
        """The gradients at labels, residuals times Jacobians: one row per candidate."""
        jacobian = ops.upcast(self.jacobian)
        shape = (jacobian.shape[0], jacobian.shape[1])
        residual = self.likelihood.residual(ops, labels, shape, jacobian)
        return DenseRows(residual[:, None, :] @ jacobian)

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that the likelihood refuses, or if it has no predictions."""
        check_predicts(self.likelihood)
        self.likelihood.check_labels(labels)

    def logit_draws(self, ops: Ops, deviations: Array) -> Array:
        """Logits [N, K, C] of the model linearised at the mean, under deviations [K, P]."""
        mean = self.likelihood.outcome_logits()
        if mean is None:
            return super().logit_draws(ops, deviations)
        moved = DenseRows(ops.upcast(self.jacobian)).dot(ops, deviations)
        return drawn_logits(ops, mean, ops.xp.matrix_transpose(moved))


@capabilities()
def fisher_embedding(jacobian: Array, likelihood: Likelihood) -> Embedding:
    r"""Embedding of the Fisher information of a model with Jacobian J: :math:`E = L^T J`.

    .. math:: E_i^T E_i = J_i^T \Lambda_i J_i, \quad \Lambda_i = L_i L_i^T

    Parameters
    ----------
    jacobian : array [N, C, P]
        The derivative of the C outputs (logits) of each candidate with respect to the parameters.
    likelihood : Likelihood
        The likelihood of the outcomes given the outputs; see `infoq.likelihoods`.

    Returns
    -------
    Embedding
        Its rows [N, R, P] are formed block by block when they are used; R = C - 1 for a softmax,
        else C.

    Raises
    ------
    TypeError, ValueError
        If the Jacobian is not floating, not [N, C, P] or (where values can be read) not finite, or
        the likelihood has another number of candidates or outputs, library, dtype or device.

    Notes
    -----
    With the curvature at the outputs, `E^T E` is the generalised Gauss-Newton matrix. It is the
    Fisher information for any exponential family. In a generalised linear model with a canonical
    link it is also the observed information. N R C P multiply-adds.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549, section 3.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.fisher_embedding(np.ones((2, 3, 5)), infoq.likelihoods.Normal(0.25))
    FisherEmbedding(N=2, R=3, P=5, numpy float64)
    """
    return FisherEmbedding(jacobian, likelihood)

"""Embeddings of models that are differentiated block by block."""

from __future__ import annotations

from collections.abc import Callable

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import OwnArray
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.dtypes import check_floating
from infoq.likelihoods import Likelihood
from infoq.structures.curved_rows import CurvedRows
from infoq.structures.embedding import Embedding, check_predicts, drawn_logits
from infoq.structures.rows import DenseRows

# The number of candidates whose Jacobians exist at a time when logits are drawn.
_DIFFERENTIATED = 64


@capabilities()
class JacobianEmbedding(Embedding):
    """Rows of a model that is differentiated block by block, so that [N, C, P] never exists.

    Parameters
    ----------
    inputs : array [N, ...]
        The inputs of the model.
    linearise : callable
        Maps inputs [n, ...] to outputs [n, C] and their Jacobian [n, C, P]; see
        `infoq.integrations.torch.linearise` and `infoq.integrations.jax.linearise`.
    likelihood : callable
        Maps outputs [n, C] to the likelihood of the outcomes, such as
        ``lambda z: infoq.likelihoods.Softmax(logits=z)``.

    Raises
    ------
    TypeError, ValueError
        If the inputs are not a floating array, or `linearise` returns something else.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> def linearise(x):  # logits x @ w for parameters w [2, 1], at w = 0
    ...     return np.zeros((len(x), 1)), x[:, None, :]
    >>> infoq.JacobianEmbedding(
    ...     np.ones((4, 2)), linearise, lambda z: infoq.likelihoods.Bernoulli(logits=z)
    ... )
    JacobianEmbedding(N=4, R=1, P=2, numpy float64)
    """

    _arrays = ("inputs",)
    _static = ("linearise", "likelihood", "row_count", "parameter_count")
    inputs: Array
    linearise: Callable[[Array], tuple[Array, Array]]
    likelihood: Callable[[Array], Likelihood]
    row_count: int
    parameter_count: int

    def __init__(
        self,
        inputs: Array,
        linearise: Callable[[OwnArray], tuple[Array, Array]],
        likelihood: Callable[[OwnArray], Likelihood],
    ) -> None:
        ops, inputs = admit(inputs=inputs)
        if inputs.ndim < 1 or inputs.shape[0] == 0:
            raise ValueError(f"inputs: expected at least one candidate, got {tuple(inputs.shape)}")
        check_floating(ops, inputs, "inputs")
        outputs, jacobian = linearise(inputs[:1, ...])
        if jacobian.ndim != 3 or tuple(jacobian.shape[:2]) != tuple(outputs.shape):
            raise ValueError(
                f"linearise: expected outputs [n, C] and their Jacobian [n, C, P], got "
                f"{tuple(outputs.shape)} and {tuple(jacobian.shape)} for one candidate"
            )
        rows = likelihood(outputs).num_rows(int(jacobian.shape[1]))
        self.inputs, self.linearise, self.likelihood = inputs, linearise, likelihood
        self.row_count, self.parameter_count = int(rows), int(jacobian.shape[2])
        if ops_for(jacobian) is not ops:
            raise TypeError("linearise: expected a Jacobian of the library of the inputs")

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return self.row_count

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return self.parameter_count

    def rows(self, ops: Ops) -> DenseRows:
        """The rows of a block: its Jacobians times the factor of the curvature at its outputs."""
        outputs, jacobian = self.linearise(self.inputs)
        return CurvedRows(ops, ops.upcast(jacobian), self.likelihood(outputs))

    def log_noise(self, ops: Ops) -> Array:
        """The log-determinant of the noise covariance of a `Normal` likelihood: [n]."""
        outputs, jacobian = self.linearise(self.inputs)
        shape = (outputs.shape[0], outputs.shape[1])
        return self.likelihood(outputs).log_noise(ops, shape, ops.upcast(jacobian))

    def scored(self, ops: Ops, labels: Array) -> tuple[DenseRows, Array]:
        """The rows of a block, and the scores u [n, R] of their labels."""
        outputs, jacobian = self.linearise(self.inputs)
        outcomes = self.likelihood(outputs)
        outcomes.check_labels(labels)
        shape = (outputs.shape[0], outputs.shape[1])
        factor, scores = outcomes.scores(ops, labels, shape, jacobian)
        return DenseRows(ops.xp.matrix_transpose(factor) @ ops.upcast(jacobian)), scores

    def gradients(self, ops: Ops, labels: Array) -> DenseRows:
        """The gradients at labels, residuals times Jacobians: one row per candidate."""
        outputs, jacobian = self.linearise(self.inputs)
        outcomes = self.likelihood(outputs)
        outcomes.check_labels(labels)
        jacobian = ops.upcast(jacobian)
        shape = (outputs.shape[0], outputs.shape[1])
        residual = outcomes.residual(ops, labels, shape, jacobian)
        return DenseRows(residual[:, None, :] @ jacobian)

    def check_labels(self, labels: Array) -> None:
        """Raise an error for a first label that the likelihood of the first candidate refuses.

        The labels of a block are checked when its rows are computed.
        """
        outputs, _ = self.linearise(self.inputs[:1, ...])
        outcomes = self.likelihood(outputs)
        check_predicts(outcomes)
        outcomes.check_labels(labels[:1, ...])

    def logit_draws(self, ops: Ops, deviations: Array) -> Array:
        """Logits [N, K, C] of the model linearised at the mean, under deviations [K, P]."""
        drawn = []
        for start in range(0, len(self), _DIFFERENTIATED):
            outputs, jacobian = self.linearise(self[start : start + _DIFFERENTIATED].inputs)
            mean = self.likelihood(outputs).outcome_logits()
            if mean is None:
                return super().logit_draws(ops, deviations)
            moved = DenseRows(ops.upcast(jacobian)).dot(ops, deviations)
            drawn.append(drawn_logits(ops, mean, ops.xp.matrix_transpose(moved)))
        return ops.xp.concat(drawn)

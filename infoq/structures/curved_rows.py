"""Rows from a likelihood's curvature, whose factor is computed only where it is needed.

A factor has C x R numbers per candidate, which cost C R to compute and C R^2 to use. Sums over the
rows, such as traces and Fisher information, need the curvature alone. That is cheaper for every
likelihood: for a `Softmax`, it is a diagonal minus a matrix of rank one.
"""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.likelihoods import Likelihood
from infoq.structures.kronecker_rows import KroneckerRows, class_norms
from infoq.structures.rows import DenseRows, sum_of_squares


class CurvedKroneckerRows(KroneckerRows):
    """Rows `L_i^T (x) phi_i^T` of a linear last layer, where `L_i L_i^T` is the curvature.

    Parameters
    ----------
    ops : Ops
        The operations of the block's library.
    features : array [n, D]
        The features phi.
    likelihood : Likelihood
        The likelihood of the block's candidates.
    outputs : int
        The number of outputs, C.
    """

    def __init__(self, ops: Ops, features: Array, likelihood: Likelihood, outputs: int) -> None:
        self.features = features
        self._ops, self._likelihood = ops, likelihood
        self._shape = (int(features.shape[0]), outputs)
        self._computed: Array | None = None

    @property
    def factor(self) -> Array:
        """The factor L [n, C, R] of the curvature; computed once."""
        if self._computed is None:
            self._computed = self._likelihood.factor(self._ops, self._shape, self.features)
        return self._computed

    def curvature(self, ops: Ops) -> Array:
        """The curvature [n, C, C]."""
        return self._likelihood.curvature(ops, self._shape, self.features)

    def curvature_diagonal(self, ops: Ops) -> Array:
        """The diagonal of the curvature: [n, C]."""
        return self._likelihood.curvature_diagonal(ops, self._shape, self.features)

    def curvature_sum(self, ops: Ops, weights: Array) -> Array:
        """The sum of the curvatures, weighted by `weights` [n]: [C, C]."""
        return self._likelihood.curvature_sum(ops, weights, self._shape, self.features)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """`tr(E V^T V E^T)` for vectors V [Q, P]: [n]; N Q C D multiply-adds."""
        return sum_of_squares(ops, self._likelihood.halved(ops, self.outputs(ops, vectors)))

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """`tr(E U diag(v) U^T E^T)` for U = left (x) right and v [P]: [n].

        N (D^2 + C^2 + C D) multiply-adds.
        """
        if right.shape[0] != self.features.shape[1]:
            return super().rotated_trace(ops, left, right, weights)
        squares = self._likelihood.squares(ops, left, self._shape, self.features)
        return ops.xp.sum(squares * class_norms(ops, self.features @ right, weights), axis=1)

    def scaled(self, ops: Ops, scale: Array) -> CurvedKroneckerRows:
        """The rows `s_i E_i` for numbers s [n], by scaled features."""
        features = self.features * scale[:, None]
        return CurvedKroneckerRows(ops, features, self._likelihood, self._shape[1])


class CurvedRows(DenseRows):
    """Rows `L_i^T J_i` of Jacobians J, where `L_i L_i^T` is the curvature of a likelihood.

    Parameters
    ----------
    ops : Ops
        The operations of the block's library.
    jacobian : array [n, C, P]
        The derivatives J of the outputs.
    likelihood : Likelihood
        The likelihood of the block's candidates.
    """

    def __init__(self, ops: Ops, jacobian: Array, likelihood: Likelihood) -> None:
        self._ops, self._jacobian, self._likelihood = ops, jacobian, likelihood
        self._computed: Array | None = None

    @property
    def values(self) -> Array:
        """The rows [n, R, P]; computed once."""
        if self._computed is None:
            shape = (int(self._jacobian.shape[0]), int(self._jacobian.shape[1]))
            factor = self._likelihood.factor(self._ops, shape, self._jacobian)
            self._computed = self._ops.xp.matrix_transpose(factor) @ self._jacobian
        return self._computed

    def _sums(self, ops: Ops) -> DenseRows:
        """Other rows, possibly more of them, with the same Fisher information.

        N C P multiply-adds.
        """
        return DenseRows(self._likelihood.halved(ops, self._jacobian))

    def _squares(self, ops: Ops) -> DenseRows:
        """Rows with the same sums, for which products with P x P matrices are cheapest."""
        _, classes, size = self._jacobian.shape
        return self._sums(ops) if classes * (classes - 2) > size else DenseRows(self.values)

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P] or [1]: [n]; N C P multiply-adds."""
        return self._sums(ops).weighed_trace(ops, weights)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """`tr(E V^T V E^T)` for vectors V [Q, P]: [n]; N C P Q multiply-adds."""
        return self._squares(ops).dot_trace(ops, vectors)

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for a symmetric W [P, P]: [n]; N C P^2 multiply-adds."""
        return self._squares(ops).quadratic_trace(ops, matrix)

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """`tr(E U diag(v) U^T E^T)` for U = left (x) right and v [P]: [n].

        N C P (C' + D) multiply-adds, for left [C', C'] and right [D, D].
        """
        return self._squares(ops).rotated_trace(ops, left, right, weights)

    def scaled(self, ops: Ops, scale: Array) -> CurvedRows:
        """The rows `s_i E_i` for numbers s [n], by scaled Jacobians."""
        return CurvedRows(ops, self._jacobian * scale[:, None, None], self._likelihood)

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block: [P, P]; N C P^2 multiply-adds."""
        return self._squares(ops).fisher(ops)

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The diagonal of that sum: [P]; N C P multiply-adds."""
        return self._sums(ops).fisher_diagonal(ops)

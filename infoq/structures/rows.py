"""The rows of a block of candidates, in the structure that they have.

`E_i` [R, P] is what the outcome of candidate i measures: with unit noise its Fisher information is
`E_i^T E_i`. A quantity never sees the rows themselves; it asks for their products with vectors and
for their quadratic forms, which each structure computes in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import symmetric

Apply: TypeAlias = Callable[[Ops, Array], Array]


class Rows(Protocol):
    """What each structure answers, for n candidates with R rows over P parameters."""

    def dense(self, ops: Ops) -> Array:
        """The rows themselves: [n, R, P]."""
        ...

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """Products with vectors [Q, P]: [n, R, Q]."""
        ...

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` for what applies P^-1 to vectors [..., P]: [n, R, P]."""
        ...

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """Products with stacks of vectors [m, S, P], the pairs last: [R, S, m, n]."""
        ...

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """`E W E^T` for a symmetric W [P, P]: [n, R, R]."""
        ...

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """`E diag(v) E^T` for v [P], or [1] for all alike: [n, R, R]."""
        ...

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P], or [1] for all alike: [n]."""
        ...

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """`tr(E V^T V E^T)` for vectors V [Q, P]: [n]."""
        ...

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for a symmetric W [P, P]: [n]."""
        ...

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """`tr(E U diag(v) U^T E^T)` for U = left (x) right and v [P]: [n]."""
        ...

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """The rows `T_i E_i` for maps T [n, S, R]."""
        ...

    def scaled(self, ops: Ops, scale: Array) -> Rows:
        """The rows `s_i E_i` for numbers s [n]."""
        ...

    def rotated(self, ops: Ops, left: Array, right: Array) -> Rows:
        """The rows `E (left (x) right)` for left [C, C] and right [D, D] with C D = P."""
        ...

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """`E diag(v) (left (x) right) diag(v) E^T` for v [P]: [n, R, R]."""
        ...

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block: [P, P]."""
        ...

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The diagonal of that sum: [P]."""
        ...


class DenseRows:
    """Rows without structure.

    Parameters
    ----------
    values : array [n, R, P]
        The rows.
    """

    def __init__(self, values: Array) -> None:
        self._values = values

    @property
    def values(self) -> Array:
        """The rows [n, R, P]."""
        return self._values

    def dense(self, ops: Ops) -> Array:
        """The rows themselves."""
        return self.values

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """One product of matrices."""
        n, rows, _ = self.values.shape
        return ops.xp.reshape(_flat(ops, self.values) @ vectors.T, (n, rows, vectors.shape[0]))

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` in full."""
        return apply(ops, self.values)

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """One product of matrices."""
        xp = ops.xp
        n, rows, size = self.values.shape
        m, others, _ = vectors.shape
        stacked = xp.reshape(xp.permute_dims(vectors, (1, 0, 2)), (others * m, size))
        mine = xp.reshape(xp.permute_dims(self.values, (1, 0, 2)), (rows * n, size))
        product = xp.reshape(stacked @ mine.T, (others, m, rows, n))
        return xp.permute_dims(product, (2, 0, 1, 3))

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """N R P (P + R) multiply-adds."""
        xp = ops.xp
        half = xp.reshape(_flat(ops, self.values) @ matrix, self.values.shape)
        return symmetric(ops, half @ xp.matrix_transpose(self.values))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """N R^2 P multiply-adds."""
        half = self.values * weights
        return symmetric(ops, half @ ops.xp.matrix_transpose(self.values))

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """N R P multiply-adds."""
        squares = ops.xp.sum(self.values**2, axis=1)
        return ops.xp.sum(squares * weights, axis=1)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """N R P Q multiply-adds."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """N R P^2 multiply-adds."""
        half = ops.xp.reshape(_flat(ops, self.values) @ matrix, self.values.shape)
        return ops.xp.sum(ops.xp.sum(half * self.values, axis=2), axis=1)

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """N R P (C + D) multiply-adds."""
        return self.rotated(ops, left, right).weighed_trace(ops, weights)

    def transformed(self, ops: Ops, maps: Array) -> DenseRows:
        """Rows without structure."""
        return DenseRows(maps @ self.values)

    def scaled(self, ops: Ops, scale: Array) -> DenseRows:
        """Elementwise."""
        return DenseRows(self.values * scale[:, None, None])

    def rotated(self, ops: Ops, left: Array, right: Array) -> DenseRows:
        """Rows without structure."""
        xp = ops.xp
        n, rows, size = self.values.shape
        classes, features = left.shape[0], right.shape[0]
        turned = xp.reshape(self.values, (n * rows * classes, features)) @ right
        turned = left.T @ xp.reshape(turned, (n * rows, classes, features))
        return DenseRows(xp.reshape(turned, (n, rows, size)))

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """N R P (C + D + R) multiply-adds."""
        half = DenseRows(self.values * weights)
        between = half.rotated(ops, left, right).values
        return symmetric(ops, between @ ops.xp.matrix_transpose(half.values))

    def fisher(self, ops: Ops) -> Array:
        """N R P^2 multiply-adds."""
        flat = _flat(ops, self.values)
        return flat.T @ flat

    def fisher_diagonal(self, ops: Ops) -> Array:
        """N R P multiply-adds."""
        return ops.xp.sum(_flat(ops, self.values) ** 2, axis=0)


def sum_of_squares(ops: Ops, x: Array) -> Array:
    """The sum of the squares of each candidate's numbers [n, R, Q]: [n]."""
    return ops.xp.sum(ops.xp.sum(x**2, axis=2), axis=1)


def _flat(ops: Ops, values: Array) -> Array:
    n, rows, size = values.shape
    return ops.xp.reshape(values, (n * rows, size))

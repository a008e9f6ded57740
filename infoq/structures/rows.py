"""The rows of a block of candidates, in their structure.

The outcome of candidate i measures `E_i theta` with unit noise for rows `E_i` [R, P]: its Fisher
information is `E_i^T E_i`. Quantities use only products of the rows with vectors, and quadratic
forms; each structure computes these in its own way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import symmetric

Apply: TypeAlias = Callable[[Ops, Array], Array]


class Rows(ABC):
    """Base class of rows E [n, R, P]: those of n candidates, with R rows each over P parameters.

    A subclass defines `dense`. All other methods have a default that uses it, at the stated cost; a
    subclass overrides those that it computes faster. An `Embedding` returns it from `rows`.

    Notes
    -----
    Rows live within a block of candidates: they are made there, and are not passed to compiled
    functions. Methods get the `Ops` of the block's library.

    Rows may come in groups that share no parameter, as in `DiagonalRows`. Methods may then return
    the diagonal blocks alone, with one more axis for the groups: `weighed` returns [n, G, R, R]
    instead of [n, G R, G R]. Scores are summed over that axis.

    Examples
    --------
    Rows that are differences of features. Their products with vectors need no differences:

    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.predictives import Rows
    >>> class Differences(Rows):
    ...     def __init__(self, points, reference):
    ...         self.points, self.reference = points, reference
    ...     def dense(self, ops):
    ...         return (self.points - self.reference)[:, None, :]
    ...     def dot(self, ops, vectors):
    ...         return (self.points @ vectors.T - vectors @ self.reference)[:, None, :]
    >>> rows = Differences(np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([1.0, 1.0]))
    >>> rows.weighed_trace(ops_for(rows.points), np.array([1.0, 2.0]))
    array([2., 4.])
    """

    @abstractmethod
    def dense(self, ops: Ops) -> Array:
        """The rows in full: [n, R, P]."""

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [Q, P]: [n, R, Q]; one matrix product."""
        values = self.dense(ops)
        n, rows, _ = values.shape
        return ops.xp.reshape(_flat(ops, values) @ vectors.T, (n, rows, vectors.shape[0]))

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """`tr(E V^T V E^T)` for vectors V [Q, P], from `dot`: [n]."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` in full, where `apply` multiplies vectors [..., P] by P^-1: [n, R, P]."""
        return apply(ops, self.dense(ops))

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """The products with m stacks of vectors [m, S, P], with pairs on the last axes.

        They are [R, S, m, n].
        """
        xp, values = ops.xp, self.dense(ops)
        n, rows, size = values.shape
        m, others, _ = vectors.shape
        stacked = xp.reshape(xp.permute_dims(vectors, (1, 0, 2)), (others * m, size))
        mine = xp.reshape(xp.permute_dims(values, (1, 0, 2)), (rows * n, size))
        product = xp.reshape(stacked @ mine.T, (others, m, rows, n))
        return xp.permute_dims(product, (2, 0, 1, 3))

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """`E W E^T` for a symmetric W [P, P]: [n, R, R]; N R P (P + R) multiply-adds."""
        xp, values = ops.xp, self.dense(ops)
        half = xp.reshape(_flat(ops, values) @ matrix, values.shape)
        return symmetric(ops, half @ xp.matrix_transpose(values))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for a symmetric W [P, P]: [n]; N R P^2 multiply-adds."""
        xp, values = ops.xp, self.dense(ops)
        half = xp.reshape(_flat(ops, values) @ matrix, values.shape)
        return xp.sum(xp.sum(half * values, axis=2), axis=1)

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """`E diag(v) E^T` for v [P], or [1] if all are equal: [n, R, R]; N R^2 P multiply-adds."""
        values = self.dense(ops)
        return symmetric(ops, (values * weights) @ ops.xp.matrix_transpose(values))

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P], or [1] if all are equal: [n]; N R P multiply-adds."""
        squares = ops.xp.sum(self.dense(ops) ** 2, axis=1)
        return ops.xp.sum(squares * weights, axis=1)

    def rotated(self, ops: Ops, left: Array, right: Array) -> Rows:
        """The rows `E (left (x) right)` for left [C, C] and right [D, D] with C D = P."""
        xp, values = ops.xp, self.dense(ops)
        n, rows, size = values.shape
        classes, features = left.shape[0], right.shape[0]
        turned = xp.reshape(values, (n * rows * classes, features)) @ right
        turned = left.T @ xp.reshape(turned, (n * rows, classes, features))
        return DenseRows(xp.reshape(turned, (n, rows, size)))

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """`tr(E U diag(v) U^T E^T)` for U = left (x) right and v [P], from `rotated`: [n]."""
        return self.rotated(ops, left, right).weighed_trace(ops, weights)

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """`E diag(v) (left (x) right) diag(v) E^T` for v [P]: [n, R, R].

        N R P (C + D + R) multiply-adds.
        """
        half = DenseRows(self.dense(ops) * weights)
        between = half.rotated(ops, left, right).dense(ops)
        return symmetric(ops, between @ ops.xp.matrix_transpose(half.values))

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """The rows `T_i E_i` for maps T [n, S, R]."""
        return DenseRows(maps @ self.dense(ops))

    def scaled(self, ops: Ops, scale: Array) -> Rows:
        """The rows `s_i E_i` for numbers s [n]."""
        return DenseRows(self.dense(ops) * scale[:, None, None])

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block: [P, P]; N R P^2 multiply-adds."""
        flat = _flat(ops, self.dense(ops))
        return flat.T @ flat

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The diagonal of that sum: [P]; N R P multiply-adds."""
        return ops.xp.sum(_flat(ops, self.dense(ops)) ** 2, axis=0)

    def factors(self, ops: Ops) -> tuple[Array, ...]:
        """Arrays [n, d] whose inner products, multiplied with each other, give those of the rows.

        The inner product of two candidates is `tr(E_i E_j^T)`. The default is one array of all
        rows, [n, R P].
        """
        values = self.dense(ops)
        return (ops.xp.reshape(values, (values.shape[0], -1)),)


class DenseRows(Rows):
    """Rows without structure, given in full.

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
        """The rows in full: [n, R, P]."""
        return self.values


def sum_of_squares(ops: Ops, x: Array) -> Array:
    """The sum of squares of x [n, R, Q] per candidate: [n]."""
    return ops.xp.sum(ops.xp.sum(x**2, axis=2), axis=1)


def _flat(ops: Ops, values: Array) -> Array:
    n, rows, size = values.shape
    return ops.xp.reshape(values, (n * rows, size))

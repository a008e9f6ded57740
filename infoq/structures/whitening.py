"""Coordinates in which the parameters are independent with unit variance: `S S^T` the covariance.

What rows measure is then a sum of squares, `E W E^T = (E S) (E S)^T`, and what a projection takes
from the rows and what it leaves are two sums of squares: neither is the difference of two large
numbers, however much the rows say. Like forms they are nothing but arrays.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import flat_product, turn
from infoq.structures.rows import Rows


class Whitening(Protocol):
    """A factor S [P, P] of the covariance.

    All four members are required, and one's own is a named tuple of arrays, as a `Form` is. What
    has nothing to compute is `ready` as it is.
    """

    def ready(self, ops: Ops) -> Whitening:
        """The same with what it needs computed; inside a block's own library."""
        ...

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """`E_i S` of each candidate: [n, R, P]."""
        ...

    def vectors(self, ops: Ops, x: Array) -> Array:
        """`x S` for vectors x [..., P]."""
        ...

    def back(self, ops: Ops, x: Array) -> Array:
        """`x S^T` for vectors x [..., P], with which rows have the products `E S x^T`."""
        ...


class DiagonalWhitening(NamedTuple):
    """diag(v).

    Attributes
    ----------
    values : array [P] or [1]
        The standard deviations of the parameters.
    """

    values: Array

    def ready(self, ops: Ops) -> DiagonalWhitening:
        """Itself."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """Elementwise."""
        return rows.dense(ops) * self.values

    def vectors(self, ops: Ops, x: Array) -> Array:
        """Elementwise."""
        return x * self.values

    def back(self, ops: Ops, x: Array) -> Array:
        """Elementwise."""
        return x * self.values


class DenseWhitening(NamedTuple):
    """A matrix.

    Attributes
    ----------
    root : array [P, P]
        R, with `R^T R` the covariance: `S = R^T`.
    """

    root: Array

    def ready(self, ops: Ops) -> DenseWhitening:
        """Itself."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """By the structure of the rows."""
        return rows.dot(ops, self.root)

    def vectors(self, ops: Ops, x: Array) -> Array:
        """One product of matrices."""
        return flat_product(ops, x, self.root.T)

    def back(self, ops: Ops, x: Array) -> Array:
        """One product of matrices."""
        return flat_product(ops, x, self.root)


class RotatedWhitening(NamedTuple):
    """`Q diag(v)`, Q = left (x) right.

    Attributes
    ----------
    left : array [C, C]
        Orthogonal.
    right : array [D, D]
        Orthogonal.
    values : array [C D]
        The standard deviations in that basis.
    """

    left: Array
    right: Array
    values: Array

    def ready(self, ops: Ops) -> RotatedWhitening:
        """Itself."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """Elementwise, once the rows are turned."""
        return rows.rotated(ops, self.left, self.right).dense(ops) * self.values

    def vectors(self, ops: Ops, x: Array) -> Array:
        """X C D (C + D) multiply-adds."""
        return turn(ops, x, self.left, self.right) * self.values

    def back(self, ops: Ops, x: Array) -> Array:
        """X C D (C + D) multiply-adds."""
        return turn(ops, x * self.values, self.left.T, self.right.T)


class ReducedWhitening(NamedTuple):
    """`S (I - V^T V + V^T diag(v) V)`: after outcomes that measure V, orthonormal under S.

    Attributes
    ----------
    base : Whitening
        S.
    directions : array [Q, P]
        V.
    values : array [Q]
        The standard deviation that is left in each direction.
    """

    base: Whitening
    directions: Array
    values: Array

    def ready(self, ops: Ops) -> ReducedWhitening:
        """Itself."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """By a projection."""
        return self._reduced(ops, self.base.rows(ops, rows))

    def vectors(self, ops: Ops, x: Array) -> Array:
        """By a projection."""
        return self._reduced(ops, self.base.vectors(ops, x))

    def back(self, ops: Ops, x: Array) -> Array:
        """By a projection."""
        return self.base.back(ops, self._reduced(ops, x))

    def _reduced(self, ops: Ops, x: Array) -> Array:
        return shrunk(ops, x, self.directions, self.values)


class ObservedWhitening(NamedTuple):
    """After outcomes with some rows, from what was known before.

    Attributes
    ----------
    base : Whitening
        What was known before.
    known : array [Q, P]
        What the outcomes measure, in units of their noise.
    """

    base: Whitening
    known: Array

    def ready(self, ops: Ops) -> Whitening:
        """By the singular vectors of the rows; Q P min(Q, P) multiply-adds, a few times."""
        base = self.base.ready(ops)
        return ReducedWhitening(base, *observed(ops, base.vectors(ops, self.known)))

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """By a projection."""
        return self.ready(ops).rows(ops, rows)

    def vectors(self, ops: Ops, x: Array) -> Array:
        """By a projection."""
        return self.ready(ops).vectors(ops, x)

    def back(self, ops: Ops, x: Array) -> Array:
        """By a projection."""
        return self.ready(ops).back(ops, x)


def principal(ops: Ops, rows: Array) -> tuple[Array, Array]:
    """The right singular vectors [r, P] and values [r] of rows [Q, P], r = min(Q, P)."""
    _, values, vectors = ops.xp.linalg.svd(rows, full_matrices=False)
    return vectors, values


def outside_and_inside(ops: Ops, x: Array, directions: Array) -> tuple[Array, Array]:
    """Vectors x [..., P] outside of orthonormal directions [Q, P], and their products with these.

    Twice: what the first projection leaves behind by rounding lies in the span for the most part.
    """
    inside = flat_product(ops, x, directions.T)
    outside = x - flat_product(ops, inside, directions)
    rounding = flat_product(ops, outside, directions.T)
    return outside - flat_product(ops, rounding, directions), inside + rounding


def observed(ops: Ops, rows: Array) -> tuple[Array, Array]:
    """Directions [r, P] of white rows [Q, P], and the deviations [r] that their outcomes leave."""
    directions, strengths = principal(ops, rows)
    return directions, 1 / ops.xp.sqrt(1 + strengths * strengths)


def shrunk(ops: Ops, x: Array, directions: Array, values: Array) -> Array:
    """Vectors x [..., P] times numbers [Q] in orthonormal directions [Q, P]."""
    outside, inside = outside_and_inside(ops, x, directions)
    return outside + flat_product(ops, inside * values, directions)

"""Whitening: coordinates in which the parameters are independent with unit variance.

With a factor S of the covariance, `W = S S^T`, the prior covariance of outcomes is a sum of
squares, `E W E^T = (E S) (E S)^T`. A projection splits it into the part that it removes and the
part that it leaves. Both are sums of squares, not differences of large numbers, however informative
the rows are. Like forms, whitenings consist of arrays alone.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import flat_product, turn
from infoq.structures.rows import Rows


class Whitening(Protocol):
    """A factor S [P, P] of the covariance `S S^T`.

    A whitening of your own is a named tuple of arrays with these four members, like a `Form`. If it
    has nothing to compute, `ready` returns itself.
    """

    def ready(self, ops: Ops) -> Whitening:
        """The same whitening after its computations, which run in the library of a block."""
        ...

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The whitened rows `E_i S` per candidate: [n, R, P]."""
        ...

    def vectors(self, ops: Ops, x: Array) -> Array:
        """`x S` for vectors x [..., P]."""
        ...

    def back(self, ops: Ops, x: Array) -> Array:
        """`x S^T` for vectors x [..., P]: products of rows with these are `E S x^T`."""
        ...


class DiagonalWhitening(NamedTuple):
    """The factor diag(v).

    Attributes
    ----------
    values : array [P] or [1]
        The standard deviations v of the parameters.
    """

    values: Array

    def ready(self, ops: Ops) -> DiagonalWhitening:
        """The whitening itself; there is nothing to compute."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The whitened rows `E_i diag(v)`, in full: [n, R, P]."""
        return rows.dense(ops) * self.values

    def vectors(self, ops: Ops, x: Array) -> Array:
        """`x diag(v)` for vectors x [..., P]."""
        return x * self.values

    def back(self, ops: Ops, x: Array) -> Array:
        """`x diag(v)` for vectors x [..., P]."""
        return x * self.values


class DenseWhitening(NamedTuple):
    """A factor that is given as a matrix.

    Attributes
    ----------
    root : array [P, P]
        R, with `R^T R` the covariance: `S = R^T`.
    """

    root: Array

    def ready(self, ops: Ops) -> DenseWhitening:
        """The whitening itself; there is nothing to compute."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The whitened rows `E_i R^T`, from `rows.dot`: [n, R, P]."""
        return rows.dot(ops, self.root)

    def vectors(self, ops: Ops, x: Array) -> Array:
        """`x R^T` for vectors x [..., P], one matrix product."""
        return flat_product(ops, x, self.root.T)

    def back(self, ops: Ops, x: Array) -> Array:
        """`x R` for vectors x [..., P], one matrix product."""
        return flat_product(ops, x, self.root)


class RotatedWhitening(NamedTuple):
    """The factor `Q diag(v)` with Q = left (x) right.

    Attributes
    ----------
    left : array [C, C]
        The orthogonal factor over classes.
    right : array [D, D]
        The orthogonal factor over features.
    values : array [C D]
        The standard deviations v in the basis Q.
    """

    left: Array
    right: Array
    values: Array

    def ready(self, ops: Ops) -> RotatedWhitening:
        """The whitening itself; there is nothing to compute."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The whitened rows, rotated and then scaled: [n, R, P]."""
        return rows.rotated(ops, self.left, self.right).dense(ops) * self.values

    def vectors(self, ops: Ops, x: Array) -> Array:
        """`x S` for X vectors x: X C D (C + D) multiply-adds."""
        return turn(ops, x, self.left, self.right) * self.values

    def back(self, ops: Ops, x: Array) -> Array:
        """`x S^T` for X vectors x: X C D (C + D) multiply-adds."""
        return turn(ops, x * self.values, self.left.T, self.right.T)


class ReducedWhitening(NamedTuple):
    """`S (I - V^T V + V^T diag(v) V)`: the factor given outcomes in whitened directions V.

    Attributes
    ----------
    base : Whitening
        The factor S before the outcomes.
    directions : array [Q, P]
        The orthonormal directions V, in whitened coordinates.
    values : array [Q]
        The standard deviations v that are left in these directions.
    """

    base: Whitening
    directions: Array
    values: Array

    def ready(self, ops: Ops) -> ReducedWhitening:
        """The whitening itself; there is nothing to compute."""
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The base's whitened rows, scaled by v in the directions V: [n, R, P]."""
        return self._reduced(ops, self.base.rows(ops, rows))

    def vectors(self, ops: Ops, x: Array) -> Array:
        """The base's whitened vectors, scaled by v in the directions V: [..., P]."""
        return self._reduced(ops, self.base.vectors(ops, x))

    def back(self, ops: Ops, x: Array) -> Array:
        """Vectors x [..., P], scaled by v in the directions V and then mapped by the base."""
        return self.base.back(ops, self._reduced(ops, x))

    def _reduced(self, ops: Ops, x: Array) -> Array:
        return shrunk(ops, x, self.directions, self.values)


class ObservedWhitening(NamedTuple):
    """A factor of the covariance given outcomes, from a factor before them.

    Attributes
    ----------
    base : Whitening
        The factor before the outcomes.
    known : array [Q, P]
        The rows of the outcomes, in units of their noise.
    """

    base: Whitening
    known: Array

    def ready(self, ops: Ops) -> Whitening:
        """A `ReducedWhitening`, from the singular vectors of the whitened rows.

        A few times Q P min(Q, P) multiply-adds.
        """
        base = self.base.ready(ops)
        return ReducedWhitening(base, *observed(ops, base.vectors(ops, self.known)))

    def rows(self, ops: Ops, rows: Rows) -> Array:
        """The whitened rows, as in `ready`: [n, R, P]."""
        return self.ready(ops).rows(ops, rows)

    def vectors(self, ops: Ops, x: Array) -> Array:
        """The whitened vectors x [..., P], as in `ready`."""
        return self.ready(ops).vectors(ops, x)

    def back(self, ops: Ops, x: Array) -> Array:
        """`x S^T` for vectors x [..., P], as in `ready`."""
        return self.ready(ops).back(ops, x)


def principal(ops: Ops, rows: Array) -> tuple[Array, Array]:
    """The right singular vectors [r, P] and singular values [r] of rows [Q, P], r = min(Q, P)."""
    _, values, vectors = ops.xp.linalg.svd(rows, full_matrices=False)
    return vectors, values


def outside_and_inside(ops: Ops, x: Array, directions: Array) -> tuple[Array, Array]:
    """The part of vectors x [..., P] orthogonal to orthonormal directions, and their products.

    The directions are [Q, P] and the products [..., Q]. The projection runs twice, because the
    rounding that the first one leaves lies mostly in the span of the directions.
    """
    inside = flat_product(ops, x, directions.T)
    outside = x - flat_product(ops, inside, directions)
    rounding = flat_product(ops, outside, directions.T)
    return outside - flat_product(ops, rounding, directions), inside + rounding


def observed(ops: Ops, rows: Array) -> tuple[Array, Array]:
    """The directions [r, P] of whitened rows [Q, P], and the deviations [r] left given outcomes."""
    directions, strengths = principal(ops, rows)
    return directions, 1 / ops.xp.sqrt(1 + strengths * strengths)


def shrunk(ops: Ops, x: Array, directions: Array, values: Array) -> Array:
    """Vectors x [..., P], scaled by numbers [Q] in orthonormal directions [Q, P]."""
    outside, inside = outside_and_inside(ops, x, directions)
    return outside + flat_product(ops, inside * values, directions)

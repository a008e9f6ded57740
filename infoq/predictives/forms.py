"""Symmetric forms on the parameters: a covariance, and the part of it that something explains.

A form is handed to compiled blocks, so it is nothing but arrays. It is asked for its quadratic form
in the rows of candidates, [n, R, R], and for its product with vectors.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from infoq.backends import Array, Ops
from infoq.predictives.rows import Rows


class Form(Protocol):
    """A symmetric positive semi-definite form W on P parameters."""

    @property
    def rank(self) -> int:
        """How many vectors it multiplies the rows by; 0 where it has another way."""
        ...

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i W E_i^T` of each candidate: [n, R, R], or [n, P, 1, 1] of diagonal rows."""
        ...

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i W E_i^T)` of each candidate: [n]."""
        ...

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x W` for vectors x [..., P]."""
        ...


class DiagonalForm(NamedTuple):
    """diag(v).

    Attributes
    ----------
    values : array [P] or [1]
        The diagonal; a single number stands for all.
    """

    values: Array

    @property
    def rank(self) -> int:
        """None: elementwise."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """By the rows' weighed squares."""
        return rows.weighed(ops, self.values)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """By the rows' weighed squares: [n]."""
        return rows.weighed_trace(ops, self.values)

    def apply(self, ops: Ops, x: Array) -> Array:
        """Elementwise."""
        return x * self.values


class DenseForm(NamedTuple):
    """A matrix.

    Attributes
    ----------
    matrix : array [P, P]
        Symmetric.
    """

    matrix: Array

    @property
    def rank(self) -> int:
        """None: by the structure of the rows."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """By the structure of the rows."""
        return rows.quadratic(ops, self.matrix)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """By the structure of the rows: [n]."""
        return rows.quadratic_trace(ops, self.matrix)

    def apply(self, ops: Ops, x: Array) -> Array:
        """One product of matrices."""
        return flat_product(ops, x, self.matrix)


class RootForm(NamedTuple):
    """`V^T V`.

    Attributes
    ----------
    vectors : array [Q, P]
        V.
    """

    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors."""
        return int(self.vectors.shape[0])

    def of(self, ops: Ops, rows: Rows) -> Array:
        """By the products of the rows with the vectors."""
        half = rows.dot(ops, self.vectors)
        return half @ ops.xp.matrix_transpose(half)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """By the products of the rows with the vectors: [n]."""
        return rows.dot_trace(ops, self.vectors)

    def apply(self, ops: Ops, x: Array) -> Array:
        """Two products of matrices."""
        return flat_product(ops, flat_product(ops, x, self.vectors.T), self.vectors)


class RotatedForm(NamedTuple):
    """`Q diag(v) Q^T`, Q = left (x) right: the inverse of a Kronecker product plus a scalar.

    Attributes
    ----------
    left : array [C, C]
        Orthogonal.
    right : array [D, D]
        Orthogonal.
    values : array [C D]
        The diagonal between them.
    """

    left: Array
    right: Array
    values: Array

    @property
    def rank(self) -> int:
        """None: diagonal, once the rows are turned."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """Diagonal, once the rows are turned."""
        return rows.rotated(ops, self.left, self.right).weighed(ops, self.values)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Diagonal, once the rows are turned: [n]."""
        return rows.rotated_trace(ops, self.left, self.right, self.values)

    def apply(self, ops: Ops, x: Array) -> Array:
        """X C D (2 C + 2 D) multiply-adds."""
        turned = turn(ops, x, self.left, self.right) * self.values
        return turn(ops, turned, self.left.T, self.right.T)


class SandwichForm(NamedTuple):
    """`W (A (x) B) W` for a rotated W: what Kronecker-factored targets explain, to first order.

    Attributes
    ----------
    outer : RotatedForm
        W.
    left : array [C, C]
        A in the basis of W.
    right : array [D, D]
        B in the basis of W.
    """

    outer: RotatedForm
    left: Array
    right: Array

    @property
    def rank(self) -> int:
        """None: by its factors."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """N C D (D + C) multiply-adds for rows of a last layer."""
        turned = rows.rotated(ops, self.outer.left, self.outer.right)
        return turned.sandwiched(ops, self.outer.values, self.left, self.right)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Of the quadratic forms: [n]."""
        return trace_of(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """By its three factors."""
        between = turn(ops, self.outer.apply(ops, x), self.outer.left, self.outer.right)
        between = turn(ops, between, self.left, self.right)
        return self.outer.apply(ops, turn(ops, between, self.outer.left.T, self.outer.right.T))


class ReducedForm(NamedTuple):
    """`W - V^T V`, which is positive semi-definite: a covariance after more outcomes.

    Attributes
    ----------
    base : Form
        W.
    vectors : array [Q, P]
        V.
    """

    base: Form
    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors, and the base's."""
        return int(self.vectors.shape[0]) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The difference of both quadratic forms."""
        return self.base.of(ops, rows) - RootForm(self.vectors).of(ops, rows)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Of the quadratic forms: [n]."""
        return trace_of(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The difference of both products."""
        return self.base.apply(ops, x) - RootForm(self.vectors).apply(ops, x)


class EnlargedForm(NamedTuple):
    """`W + V^T V`: a covariance after outcomes have been taken back.

    Attributes
    ----------
    base : Form
        W.
    vectors : array [Q, P]
        V.
    """

    base: Form
    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors, and the base's."""
        return int(self.vectors.shape[0]) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The sum of both quadratic forms."""
        return self.base.of(ops, rows) + RootForm(self.vectors).of(ops, rows)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Of the quadratic forms: [n]."""
        return trace_of(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The sum of both products."""
        return self.base.apply(ops, x) + RootForm(self.vectors).apply(ops, x)


def trace_of(ops: Ops, x: Array) -> Array:
    """The traces of matrices [n, R, R], or the sums of those [n, P, 1, 1]: [n]."""
    traces = ops.xp.sum(ops.xp.linalg.diagonal(x), axis=-1)
    return traces if traces.ndim == 1 else ops.xp.sum(traces, axis=-1)


def flat_product(ops: Ops, x: Array, matrix: Array) -> Array:
    """`x @ matrix` for x [..., P], as one product of two matrices."""
    xp = ops.xp
    flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])) @ matrix
    return xp.reshape(flat, (*x.shape[:-1], matrix.shape[1]))


def turn(ops: Ops, x: Array, left: Array, right: Array) -> Array:
    """`x (left (x) right)` for vectors x [..., C D]."""
    xp = ops.xp
    classes, features = left.shape[0], right.shape[0]
    # One axis merged or split at a time: Dask can do no more.
    flat = xp.reshape(x, (-1, classes * features))
    stack = xp.reshape(flat, (-1, classes, features))
    turned = xp.reshape(stack, (-1, features)) @ right
    turned = left.T @ xp.reshape(turned, stack.shape)
    return xp.reshape(xp.reshape(turned, flat.shape), x.shape)

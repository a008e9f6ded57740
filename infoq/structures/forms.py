"""Symmetric forms on the parameters: a covariance, and the part of it that something explains.

A form is handed to compiled blocks, so it is nothing but arrays. It is asked for its quadratic form
in the rows of candidates, [n, R, R], and for its product with vectors.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import flat_product, identity, trace_per_candidate, turn
from infoq.structures.rows import DenseRows, Rows

# Rows of which none says more than 10^4 times as much as was known.
_MILD = 100


class Form(Protocol):
    """A symmetric positive semi-definite form W on P parameters.

    All four members are required, and one's own is a named tuple of arrays with them: blocks,
    chunks and compiled programs take it apart and put it together. A `trace` that knows nothing
    faster is `trace_of(ops, self.of(ops, rows))`.
    """

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
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """By its three factors."""
        between = turn(ops, self.outer.apply(ops, x), self.outer.left, self.outer.right)
        between = turn(ops, between, self.left, self.right)
        return self.outer.apply(ops, turn(ops, between, self.outer.left.T, self.outer.right.T))


class ReducedForm(NamedTuple):
    """`W - V^T V`, which is positive semi-definite: a covariance after outcomes that say little.

    A difference, which loses the digits that both have in common; see `ConditionedForm`.

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
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The difference of both products."""
        return self.base.apply(ops, x) - RootForm(self.vectors).apply(ops, x)


class ConditionedForm(NamedTuple):
    """`W - W F^T (I + F W F^T)^-1 F W`: a covariance W after outcomes with rows F.

    No difference is taken: with a = (I + F W F^T)^-1 F W x, what is left of a row x is
    `(x - F^T a)^T W (x - F^T a) + a^T a`, the least that any a gives. Both terms are at least 0,
    and an error of a enters by its square.

    Attributes
    ----------
    base : Form
        W.
    rows : array [Q, P]
        F.
    lower : array [Q, Q]
        L, lower triangular, with `L L^T = I + F W F^T`.
    vectors : array [Q, P]
        `L^-1 F W`.
    """

    base: Form
    rows: Array
    lower: Array
    vectors: Array

    @property
    def rank(self) -> int:
        """The number of rows, and of parameters, as the candidates' own are made in full."""
        return int(sum(self.vectors.shape)) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """By what is left of the rows; by a difference where that costs less than a digit."""
        known = rows.dot(ops, self.vectors)
        whole = self.base.of(ops, rows)
        told = known @ ops.xp.matrix_transpose(known)
        return ops.choose(
            _keeps_digits(ops, whole, told),
            lambda: whole - told,
            lambda: self.flat(ops).of(ops, self.unfold(ops, rows)),
        )

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Of the quadratic forms: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The base's product with what is left of the vectors."""
        return self.base.apply(ops, self._left(ops, x)[0])

    def unfold(self, ops: Ops, rows: Rows) -> DenseRows:
        """The rows [n, R, P + Q] whose products by `flat` are those of the rows by this form."""
        return DenseRows(ops.xp.concat(self._left(ops, rows.dense(ops)), axis=-1))

    def mild(self, ops: Ops) -> Form:
        """The difference where it keeps three digits in float32, else itself.

        For rows in a structure that unfolded ones have not.
        """
        if ops.concrete(self.lower) and bool(ops.xp.all(ops.xp.abs(self.lower) < _MILD)):
            return ReducedForm(self.base, self.vectors)
        return self

    def flat(self, ops: Ops) -> BesideForm:
        """The form of unfolded rows."""
        return BesideForm(self.base, ops.xp.ones_like(self.rows[:, 0]))

    def _left(self, ops: Ops, x: Array) -> tuple[Array, Array]:
        """`x - F^T a` and a for vectors x [..., P], projected twice."""
        shares = self._solve(ops, flat_product(ops, x, self.vectors.T), lower=False)
        left = x - flat_product(ops, shares, self.rows)
        rest = flat_product(ops, left, self.vectors.T) - self._solve(ops, shares, lower=True)
        shares = shares + self._solve(ops, rest, lower=False)
        return x - flat_product(ops, shares, self.rows), shares

    def _solve(self, ops: Ops, x: Array, *, lower: bool) -> Array:
        """`x L^-T`, or `x L^-1`, for vectors x [..., Q]."""
        xp = ops.xp
        flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        side = self.lower if lower else self.lower.T
        return xp.reshape(ops.solve_triangular(side, flat.T, lower=lower).T, x.shape)


class BesideForm(NamedTuple):
    """A form on the first parameters, and a diagonal one on the others.

    Attributes
    ----------
    first : Form
        On the first P.
    values : array [Q]
        The diagonal on the others.
    """

    first: Form
    values: Array

    @property
    def rank(self) -> int:
        """As of the first."""
        return self.first.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The sum of both quadratic forms."""
        one, two = self._split(rows.dense(ops))
        return self.first.of(ops, DenseRows(one)) + DiagonalForm(self.values).of(
            ops, DenseRows(two)
        )

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """Of the quadratic forms: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """Both products, side by side."""
        one, two = self._split(x)
        return ops.xp.concat([self.first.apply(ops, one), two * self.values], axis=-1)

    def _split(self, x: Array) -> tuple[Array, Array]:
        size = x.shape[-1] - self.values.shape[0]
        return x[..., :size], x[..., size:]


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
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The sum of both products."""
        return self.base.apply(ops, x) + RootForm(self.vectors).apply(ops, x)


def unfolded(ops: Ops, form: Form, rows: Rows) -> tuple[Form, Rows]:
    """A form and rows, or others of the same products that are exact where rows are alike.

    Forms that are added to the first one have to be made of unfolded rows, too.
    """
    if isinstance(form, ConditionedForm):
        rows = form.unfold(ops, rows)
    return flattened(ops, form), rows


def flattened(ops: Ops, form: Form) -> Form:
    """The form of unfolded rows."""
    return form.flat(ops) if isinstance(form, ConditionedForm) else form


def as_difference(form: Form) -> Form:
    """The same form as a difference, for what is made of rows that are not unfolded."""
    return ReducedForm(form.base, form.vectors) if isinstance(form, ConditionedForm) else form


def _keeps_digits(ops: Ops, whole: Array, told: Array) -> Array:
    """Whether `whole - told` [n, R, R] loses less than a digit, in every direction: [] boolean.

    The largest eigenvalue x of `(I + whole)^-1 told` is at most the root of the sum of fourth
    powers, and `1 - x` of what varies is left.
    """
    xp = ops.xp
    most, size = 7 / 8, whole.shape[-1]
    fine = xp.all(xp.linalg.diagonal(told) <= most * xp.linalg.diagonal(whole))
    if size == 1:
        return fine
    share = xp.linalg.solve(whole + identity(ops, size, whole), told)
    square = share @ share
    powers = xp.sum(xp.sum(square * xp.matrix_transpose(square), axis=-1), axis=-1)
    return fine & xp.all(powers <= most**4)

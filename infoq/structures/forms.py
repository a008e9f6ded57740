"""Symmetric forms on the parameters: a covariance, or the part of it that targets explain.

A form is passed to compiled blocks, so it consists of arrays alone. It computes quadratic forms of
the rows of candidates, [n, R, R], and products with vectors.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import flat_product, identity, trace_per_candidate, turn
from infoq.structures.rows import DenseRows, Rows

# Bound on the factor's entries: no row then measures more than 10^4 times as much as was known.
_MILD = 100


class Form(Protocol):
    """A symmetric positive semi-definite form W on P parameters.

    A form of your own is a named tuple of arrays with these four members, because blocks, chunks
    and compiled programs take it apart and rebuild it. If there is no faster way, `trace` is the
    trace of what `of` returns.
    """

    @property
    def rank(self) -> int:
        """The number of vectors that rows are multiplied by; 0 where there are none."""
        ...

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i W E_i^T` per candidate: [n, R, R], or [n, P, 1, 1] for diagonal rows."""
        ...

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i W E_i^T)` per candidate: [n]."""
        ...

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x W` for vectors x [..., P]."""
        ...


class DiagonalForm(NamedTuple):
    """The form diag(v).

    Attributes
    ----------
    values : array [P] or [1]
        The diagonal v; a single number stands for all parameters.
    """

    values: Array

    @property
    def rank(self) -> int:
        """0: rows are multiplied by no vectors."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i diag(v) E_i^T` per candidate, from `rows.weighed`."""
        return rows.weighed(ops, self.values)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i diag(v) E_i^T)` per candidate: [n]."""
        return rows.weighed_trace(ops, self.values)

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x diag(v)` for vectors x [..., P]."""
        return x * self.values


class DenseForm(NamedTuple):
    """A form that is given as a matrix W.

    Attributes
    ----------
    matrix : array [P, P]
        The symmetric matrix W.
    """

    matrix: Array

    @property
    def rank(self) -> int:
        """0: rows are multiplied by no vectors."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i W E_i^T` per candidate, from `rows.quadratic`: [n, R, R]."""
        return rows.quadratic(ops, self.matrix)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i W E_i^T)` per candidate: [n]."""
        return rows.quadratic_trace(ops, self.matrix)

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x W` for vectors x [..., P], one matrix product."""
        return flat_product(ops, x, self.matrix)


class RootForm(NamedTuple):
    """The form `V^T V`.

    Attributes
    ----------
    vectors : array [Q, P]
        The vectors V.
    """

    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors, Q."""
        return int(self.vectors.shape[0])

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i V^T V E_i^T` per candidate, from the products of rows and vectors: [n, R, R]."""
        half = rows.dot(ops, self.vectors)
        return half @ ops.xp.matrix_transpose(half)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i V^T V E_i^T)` per candidate: [n]."""
        return rows.dot_trace(ops, self.vectors)

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x V^T V` for vectors x [..., P], two matrix products."""
        return flat_product(ops, flat_product(ops, x, self.vectors.T), self.vectors)


class RotatedForm(NamedTuple):
    """`Q diag(v) Q^T`, Q = left (x) right: the inverse of a Kronecker product plus a scalar.

    Attributes
    ----------
    left : array [C, C]
        The orthogonal factor over classes.
    right : array [D, D]
        The orthogonal factor over features.
    values : array [C D]
        The diagonal v.
    """

    left: Array
    right: Array
    values: Array

    @property
    def rank(self) -> int:
        """0: rows are multiplied by no vectors."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i W E_i^T` per candidate, from rotated rows, for which the form is diagonal."""
        return rows.rotated(ops, self.left, self.right).weighed(ops, self.values)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """`tr(E_i W E_i^T)` per candidate: [n]."""
        return rows.rotated_trace(ops, self.left, self.right, self.values)

    def apply(self, ops: Ops, x: Array) -> Array:
        """`x W` for X vectors x: X C D (2 C + 2 D) multiply-adds."""
        turned = turn(ops, x, self.left, self.right) * self.values
        return turn(ops, turned, self.left.T, self.right.T)


class SandwichForm(NamedTuple):
    """`W (A (x) B) W`: the covariance that Kronecker-factored targets explain, to first order.

    Attributes
    ----------
    outer : RotatedForm
        The covariance W.
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
        """0: rows are multiplied by no vectors."""
        return 0

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The quadratic forms per candidate: [n, R, R].

        N C D (D + C) multiply-adds for rows of a last layer.
        """
        turned = rows.rotated(ops, self.outer.left, self.outer.right)
        return turned.sandwiched(ops, self.outer.values, self.left, self.right)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """The traces of the quadratic forms, per candidate: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The products with vectors x [..., P], factor by factor."""
        between = turn(ops, self.outer.apply(ops, x), self.outer.left, self.outer.right)
        between = turn(ops, between, self.left, self.right)
        return self.outer.apply(ops, turn(ops, between, self.outer.left.T, self.outer.right.T))


class ReducedForm(NamedTuple):
    """`W - V^T V`: a covariance given outcomes that reduce it little.

    It is positive semi-definite. The difference loses the digits that both terms share; see
    `ConditionedForm`.

    Attributes
    ----------
    base : Form
        The covariance W before the outcomes.
    vectors : array [Q, P]
        The vectors V.
    """

    base: Form
    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors, Q, plus the rank of the base."""
        return int(self.vectors.shape[0]) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The difference of the quadratic forms, per candidate: [n, R, R]."""
        return self.base.of(ops, rows) - RootForm(self.vectors).of(ops, rows)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """The traces of the quadratic forms, per candidate: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The difference of the products with vectors x [..., P]."""
        return self.base.apply(ops, x) - RootForm(self.vectors).apply(ops, x)


class ConditionedForm(NamedTuple):
    """`W - W F^T (I + F W F^T)^-1 F W`: a covariance W conditional on outcomes with rows F.

    It is not computed as a difference. With a = (I + F W F^T)^-1 F W x, the variance that is left
    of a row x is `(x - F^T a)^T W (x - F^T a) + a^T a`, which is the minimum over all a. Both terms
    are at least 0, and an error of a enters by its square.

    Attributes
    ----------
    base : Form
        The covariance W before the outcomes.
    rows : array [Q, P]
        The rows F of the outcomes.
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
        """Q + P plus the rank of the base: the rows of candidates are computed in full."""
        return int(sum(self.vectors.shape)) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """`E_i W E_i^T` per candidate for the conditional covariance: [n, R, R].

        It is a difference where that loses less than a digit, else a sum of two terms.
        """
        known = rows.dot(ops, self.vectors)
        whole = self.base.of(ops, rows)
        explained = known @ ops.xp.matrix_transpose(known)
        return ops.choose(
            _keeps_digits(ops, whole, explained),
            lambda: whole - explained,
            lambda: self.flat(ops).of(ops, self.unfold(ops, rows)),
        )

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """The traces of the quadratic forms, per candidate: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The products with vectors x [..., P], as `W (x - F^T a)`."""
        return self.base.apply(ops, self._left(ops, x)[0])

    def unfold(self, ops: Ops, rows: Rows) -> DenseRows:
        """Rows [n, R, P + Q] whose quadratic forms by `flat` are those of `rows` by this form."""
        return DenseRows(ops.xp.concat(self._left(ops, rows.dense(ops)), axis=-1))

    def mild(self, ops: Ops) -> Form:
        """A `ReducedForm` where the difference keeps three digits in float32, else this form.

        A difference preserves the structure of rows; unfolded rows are dense.
        """
        if ops.concrete(self.lower) and bool(ops.xp.all(ops.xp.abs(self.lower) < _MILD)):
            return ReducedForm(self.base, self.vectors)
        return self

    def flat(self, ops: Ops) -> BesideForm:
        """The form for unfolded rows; see `unfold`."""
        return BesideForm(self.base, ops.xp.ones_like(self.rows[:, 0]))

    def _left(self, ops: Ops, x: Array) -> tuple[Array, Array]:
        """`x - F^T a` and a for vectors x [..., P]; projected twice, for accuracy."""
        shares = self._solve(ops, flat_product(ops, x, self.vectors.T), lower=False)
        left = x - flat_product(ops, shares, self.rows)
        rest = flat_product(ops, left, self.vectors.T) - self._solve(ops, shares, lower=True)
        shares = shares + self._solve(ops, rest, lower=False)
        return x - flat_product(ops, shares, self.rows), shares

    def _solve(self, ops: Ops, x: Array, *, lower: bool) -> Array:
        """`x L^-T` with `lower`, else `x L^-1`, for vectors x [..., Q]."""
        xp = ops.xp
        flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        side = self.lower if lower else self.lower.T
        return xp.reshape(ops.solve_triangular(side, flat.T, lower=lower).T, x.shape)


class BesideForm(NamedTuple):
    """The block-diagonal form of a form on the first P parameters and a diagonal on Q others.

    Attributes
    ----------
    first : Form
        The form on the first P parameters.
    values : array [Q]
        The diagonal on the others.
    """

    first: Form
    values: Array

    @property
    def rank(self) -> int:
        """The rank of the first form."""
        return self.first.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The sum of the quadratic forms of both parts, per candidate: [n, R, R]."""
        one, two = self._split(rows.dense(ops))
        return self.first.of(ops, DenseRows(one)) + DiagonalForm(self.values).of(
            ops, DenseRows(two)
        )

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """The traces of the quadratic forms, per candidate: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The products with vectors x [..., P + Q], of both parts side by side."""
        one, two = self._split(x)
        return ops.xp.concat([self.first.apply(ops, one), two * self.values], axis=-1)

    def _split(self, x: Array) -> tuple[Array, Array]:
        size = x.shape[-1] - self.values.shape[0]
        return x[..., :size], x[..., size:]


class EnlargedForm(NamedTuple):
    """`W + V^T V`: a covariance after outcomes have been removed.

    Attributes
    ----------
    base : Form
        The covariance W with the outcomes.
    vectors : array [Q, P]
        The vectors V.
    """

    base: Form
    vectors: Array

    @property
    def rank(self) -> int:
        """The number of vectors, Q, plus the rank of the base."""
        return int(self.vectors.shape[0]) + self.base.rank

    def of(self, ops: Ops, rows: Rows) -> Array:
        """The sum of the quadratic forms, per candidate: [n, R, R]."""
        return self.base.of(ops, rows) + RootForm(self.vectors).of(ops, rows)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        """The traces of the quadratic forms, per candidate: [n]."""
        return trace_per_candidate(ops, self.of(ops, rows))

    def apply(self, ops: Ops, x: Array) -> Array:
        """The sum of the products with vectors x [..., P]."""
        return self.base.apply(ops, x) + RootForm(self.vectors).apply(ops, x)


def unfolded(ops: Ops, form: Form, rows: Rows) -> tuple[Form, Rows]:
    """The form and rows, unfolded if the form is a `ConditionedForm`; see `ConditionedForm.unfold`.

    Products are the same, and stay exact where rows are nearly equal. A form that is added to the
    result must be made from unfolded rows, too.
    """
    if isinstance(form, ConditionedForm):
        rows = form.unfold(ops, rows)
    return flattened(ops, form), rows


def flattened(ops: Ops, form: Form) -> Form:
    """The form for unfolded rows; the form itself where it does not unfold rows."""
    return form.flat(ops) if isinstance(form, ConditionedForm) else form


def as_difference(form: Form) -> Form:
    """The same form, with a `ConditionedForm` as a difference; for rows that are not unfolded."""
    return ReducedForm(form.base, form.vectors) if isinstance(form, ConditionedForm) else form


def _keeps_digits(ops: Ops, whole: Array, explained: Array) -> Array:
    """Whether `whole - explained` [n, R, R] loses less than a digit in every direction: [] boolean.

    Let x be the largest eigenvalue of `(I + whole)^-1 explained`. The fraction `1 - x` of the
    variance is left, and x is at most the fourth root of the sum of the fourth powers of the
    eigenvalues.
    """
    xp = ops.xp
    most, size = 7 / 8, whole.shape[-1]
    fine = xp.all(xp.linalg.diagonal(explained) <= most * xp.linalg.diagonal(whole))
    if size == 1:
        return fine
    share = xp.linalg.solve(whole + identity(ops, size, whole), explained)
    square = share @ share
    powers = xp.sum(xp.sum(square * xp.matrix_transpose(square), axis=-1), axis=-1)
    return fine & xp.all(powers <= most**4)

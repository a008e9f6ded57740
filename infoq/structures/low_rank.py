"""A precision and the rows of outcomes that it keeps, where these are fewer than parameters."""

from __future__ import annotations

from collections.abc import Callable

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import matrix_factor
from infoq.checks.numbers import number
from infoq.checks.values import overflow
from infoq.linear_algebra.small_matrices import factor_logdet, identity, symmetric
from infoq.structures.diagonal_precision import as_precision
from infoq.structures.forms import ConditionedForm, EnlargedForm, Form, ReducedForm
from infoq.structures.precision import DensePrecision, Precision, check_rows
from infoq.structures.whitening import ObservedWhitening, Whitening


@capabilities()
class LowRankPrecision(Precision):
    r"""`base + rows^T rows`, or with a minus: a precision and Q outcomes more or less.

    .. math:: P = P_0 + U^T U, \qquad
              P^{-1} = P_0^{-1} - P_0^{-1} U^T (I + U P_0^{-1} U^T)^{-1} U P_0^{-1}

    Parameters
    ----------
    base : Precision, float, or array [P] or [P, P]
        What the rows are added to: usually a scalar or diagonal prior.
    rows : array [Q, P]
        What the outcomes measure, with unit noise.
    sign : {1, -1}
        Whether the rows are added or taken off.

    Raises
    ------
    TypeError, ValueError
        If the shapes don't fit, or (where values can be read) taking off leaves nothing positive
        definite.

    Notes
    -----
    Exact. Orthogonal columns take 2 Q^2 (P + Q) multiply-adds once; a vector takes Q P, and where
    the rows say much of it 4 Q P + 2 Q^2; no P x P matrix. What is left of a vector is then no
    difference of covariances but what two projections on the rows leave, a sum of squares: float32
    keeps five digits where a row says 10^6 times more than the base, and three at 10^8.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> precision = infoq.LowRankPrecision(1.0, np.array([[1.0, 1.0]]))
    >>> precision.solve(np.array([3.0, 0.0])).round(4)
    array([ 2., -1.])
    """

    _arrays = ("base", "rows", "lower", "vectors")
    _static = ("sign",)
    base: Precision
    rows: Array
    lower: Array
    vectors: Array
    sign: int

    def __init__(self, base: Precision | float | Array, rows: Array, *, sign: int = 1) -> None:
        below = as_precision(base, "base")
        ops = check_rows(rows, below.num_parameters)
        if sign not in (1, -1):
            raise ValueError(f"sign: expected 1 or -1, got {sign}")
        rows = ops.upcast(ops.native(rows))
        if isinstance(below, LowRankPrecision) and below.sign == sign:
            rows, below = fewer(ops, ops.join([below.rows, rows])), below.base
        taken = _conditioned if sign > 0 else _taken_off
        self.lower, self.vectors = taken(ops, below, rows)
        self.base, self.rows, self.sign = below, rows, sign

    @property
    def ops(self) -> Ops:
        """The operations of the library of the rows."""
        return ops_for(self.rows)

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.rows.shape[1])

    def covariance(self, like: Array) -> Form:
        """The base's, less (or more) what the rows measured."""
        form = self.base.covariance(like)
        if self.sign == -1:
            return EnlargedForm(form, self.vectors)
        if self._says_little():
            return ReducedForm(form, self.vectors)
        return ConditionedForm(form, self.rows, self.lower, self.vectors)

    def unfolded_root(self, like: Array) -> Array:
        """R [P + Q, P + Q] with `R^T R` the form of rows that its covariance unfolds."""
        ops, rows = self.ops, self.rows
        count, size = rows.shape
        above = self.base.root(size, like)
        beside = ops.xp.zeros_like(rows)
        eye = identity(ops, count, rows)
        return ops.join(
            [ops.xp.concat([above, beside.T], axis=1), ops.xp.concat([beside, eye], axis=1)]
        )

    def _says_little(self) -> bool:
        """Whether no direction is known so well that a difference of covariances loses a digit."""
        lower, xp = self.lower, self.ops.xp
        if not self.ops.concrete(lower) or bool(xp.any(xp.abs(lower) > 3)):
            return False
        # The sum of the eigenvalues of I + F W F^T, less those that are 1.
        return bool(number(xp.sum(lower**2)) - lower.shape[0] < 7)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The base's, and that of a Q x Q matrix."""
        return self.base.logdet(self.num_parameters) + factor_logdet(self.ops, self.lower)

    def diagonal(self, like: Array) -> Array:
        """The base's, and the squares of the rows."""
        more = self.sign * self.ops.xp.sum(self.rows**2, axis=0)
        return self.base.diagonal(self.rows) + more

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """In full."""
        rows = self.rows
        return self.base.matrix(self.num_parameters, rows) + self.sign * (rows.T @ rows)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """By a projection on the rows; in full where they are taken off."""
        if self.sign == -1:
            return super().whitening(self.num_parameters, like)
        return ObservedWhitening(self.base.whitening(self.num_parameters, self.rows), self.rows)

    def colour(self, noise: Array) -> Array:
        """By conditioning deviations of the base on noisy outcomes of the rows that are zero.

        The first Q of the numbers are the outcomes' noise.
        """
        rows, count = self.rows, self.rows.shape[0]
        if self.sign == -1:
            dense = DensePrecision.symmetric(self.matrix(self.num_parameters, rows))
            return dense.colour(noise)
        deviation = self.base.colour(noise[:, count:])
        misfit = deviation @ rows.T + noise[:, :count]
        return deviation - self.solve(misfit @ rows)

    def num_noise(self, num_parameters: int) -> int:
        """Q more than the base; P where rows are taken off."""
        if self.sign == -1:
            return num_parameters
        return self.base.num_noise(num_parameters) + int(self.rows.shape[0])

    def plus(self, other: Precision) -> Precision | None:
        """The sum of the bases, and the rows of both."""
        if isinstance(other, LowRankPrecision):
            total = self.plus(other.base)
            return None if total is None else LowRankPrecision(total, other.rows, sign=other.sign)
        return LowRankPrecision(self.base + other, self.rows, sign=self.sign)

    @property
    def remedy(self) -> str:
        """As of the base."""
        return self.base.remedy

    @property
    def kept_rows(self) -> int:
        """How many rows it keeps: Q, and those of the base."""
        return self.base.kept_rows + int(self.rows.shape[0])

    @property
    def known_by_covariance(self) -> bool:
        """Whether the base is known by its covariance."""
        return self.base.known_by_covariance

    def without(self, rows: Array) -> Precision | None:
        """What is left without rows [r, P] that it keeps next to each other."""
        if self.sign < 0:
            return None
        kept, count = self.rows, int(rows.shape[0])
        ops = ops_for(kept, rows)
        if count == 0 or not ops.concrete(kept, rows) or ops.derives(kept, rows):
            return None
        here = ops.to_host(ops.xp.all(kept == rows[:1, :], axis=1)).tolist()
        for start in (place for place, same in enumerate(here) if same):
            stop = start + count
            if stop <= len(here) and bool(ops.xp.all(kept[start:stop, :] == rows)):
                rest = ops.xp.concat([kept[:start, :], kept[stop:, :]])
                return self.base if rest.shape[0] == 0 else LowRankPrecision(self.base, rest)
        return None

    def _words(self) -> str:
        sign = "" if self.sign == 1 else ", sign=-1"
        return f"LowRankPrecision({self.base!r}, Q={self.rows.shape[0]}{sign})"


def as_matrix(precision: Precision, total: Array, rows: Callable[[], Array]) -> Precision:
    """The matrix `precision + rows^T rows`, or the rows where rounding leaves it indefinite."""
    try:
        return DensePrecision.symmetric(total)
    except NotImplementedError:
        raise
    except ValueError:
        if not isinstance(precision, LowRankPrecision):
            raise
        return LowRankPrecision(precision, rows())


def gathered(precision: Precision, rows: Array, sign: int) -> Precision:
    """A precision with the outcomes of rows [r, P], or without: as rows, or as a matrix."""
    ops = check_rows(rows, precision.num_parameters)
    count, size = rows.shape
    if sign < 0 and (less := precision.without(ops.upcast(ops.native(rows)))) is not None:
        return less
    if precision.kept_rows + count < size or precision.known_by_covariance:
        return LowRankPrecision(precision, rows, sign=sign)
    rows = ops.upcast(ops.native(rows))
    total = precision.matrix(int(size), rows) + sign * (rows.T @ rows)
    return (
        as_matrix(precision, total, lambda: rows) if sign > 0 else DensePrecision.symmetric(total)
    )


def fewer(ops: Ops, rows: Array) -> Array:
    """The rows [Q, P], or P others with the same `rows^T rows` where these are fewer."""
    if rows.shape[0] <= rows.shape[1] or ops.derives(rows):
        return rows
    return ops.orthogonal(rows)[1]


def _conditioned(ops: Ops, base: Precision, rows: Array) -> tuple[Array, Array]:
    """L with `L L^T = I + F W F^T` for rows F [Q, P] and the base's covariance W, and `L^-1 F W`.

    By orthogonal columns: the product F W F^T has half the digits, and may be singular for them.
    """
    name = "base + rows^T rows"
    count, size = rows.shape
    if count == 0 or not base.rooted:
        solved = base.solve(rows)
        inner = symmetric(ops, solved @ rows.T) + identity(ops, rows.shape[0], rows)
        lower = matrix_factor(ops, inner, name, base.remedy)
        return lower, ops.solve_triangular(lower, solved)
    whitening = base.whitening(size, rows)
    tall = ops.join([whitening.vectors(ops, rows).T, identity(ops, count, rows)])
    columns, upper = ops.orthogonal(tall)
    if ops.concrete(upper) and not bool(ops.xp.all(ops.xp.isfinite(upper))):
        raise ValueError(f"{name}: where outcomes measure much, {overflow(ops, rows, 'rows')}")
    return upper.T, whitening.back(ops, columns[:size, :].T)


def _taken_off(ops: Ops, base: Precision, rows: Array) -> tuple[Array, Array]:
    """The same for `I - F W F^T`."""
    solved = base.solve(rows)
    inner = identity(ops, rows.shape[0], rows) - symmetric(ops, solved @ rows.T)
    lower = matrix_factor(ops, inner, "base - rows^T rows", base.remedy)
    return lower, ops.solve_triangular(lower, solved)

"""A base precision plus a sum over rows of outcomes, for fewer rows than parameters."""

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
    r"""A base precision with Q outcomes added or removed: `base + sign * rows^T rows`.

    .. math:: P = P_0 + U^T U, \qquad
              P^{-1} = P_0^{-1} - P_0^{-1} U^T (I + U P_0^{-1} U^T)^{-1} U P_0^{-1}

    Parameters
    ----------
    base : Precision, float, or array [P] or [P, P]
        The precision :math:`P_0`: usually a scalar or diagonal prior.
    rows : array [Q, P]
        The rows U of the outcomes, in units of their noise.
    sign : {1, -1}
        Whether the rows are added (1) or removed (-1).

    Raises
    ------
    TypeError, ValueError
        If the shapes are not compatible, or (where values can be read) the result is not positive
        definite.

    Notes
    -----
    Exact, without a P x P matrix. Orthogonal columns cost 2 Q^2 (P + Q) multiply-adds, once. The
    product of the covariance with a vector costs Q P, or 4 Q P + 2 Q^2 where the rows determine it
    well. In that case the variance that is left is not a difference of covariances: it is a sum of
    squares after two projections on the rows. float32 keeps five digits where a row measures 10^6
    times more than the base, and three at 10^8.

    References
    ----------
    Hager, W. W. (1989). Updating the inverse of a matrix. SIAM Review 31, 221-239.

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
        """The covariance as a form: the base's, conditional on the rows (or without them)."""
        form = self.base.covariance(like)
        if self.sign == -1:
            return EnlargedForm(form, self.vectors)
        if self._says_little():
            return ReducedForm(form, self.vectors)
        return ConditionedForm(form, self.rows, self.lower, self.vectors)

    def unfolded_root(self, like: Array) -> Array:
        """R [P + Q, P + Q] with `R^T R` the form for rows that the covariance unfolds."""
        ops, rows = self.ops, self.rows
        count, size = rows.shape
        above = self.base.root(size, like)
        beside = ops.xp.zeros_like(rows)
        eye = identity(ops, count, rows)
        return ops.join(
            [ops.xp.concat([above, beside.T], axis=1), ops.xp.concat([beside, eye], axis=1)]
        )

    def _says_little(self) -> bool:
        """Whether a difference of covariances loses less than a digit in every direction."""
        lower, xp = self.lower, self.ops.xp
        if not self.ops.concrete(lower) or bool(xp.any(xp.abs(lower) > 3)):
            return False
        # The sum of the eigenvalues of F W F^T.
        return bool(number(xp.sum(lower**2)) - lower.shape[0] < 7)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant: the base's, plus that of a Q x Q matrix."""
        return self.base.logdet(self.num_parameters) + factor_logdet(self.ops, self.lower)

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the precision: the base's, plus the squares of the rows."""
        more = self.sign * self.ops.xp.sum(self.rows**2, axis=0)
        return self.base.diagonal(self.rows) + more

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The precision in full: [P, P]; Q P^2 multiply-adds."""
        rows = self.rows
        return self.base.matrix(self.num_parameters, rows) + self.sign * (rows.T @ rows)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """Whitened coordinates from a projection on the rows; in full where they are removed."""
        if self.sign == -1:
            return super().whitening(self.num_parameters, like)
        return ObservedWhitening(self.base.whitening(self.num_parameters, self.rows), self.rows)

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this precision.

        Deviations of the base are conditioned on noisy outcomes of the rows that are zero. The
        first Q numbers of the noise are that of the outcomes.
        """
        rows, count = self.rows, self.rows.shape[0]
        if self.sign == -1:
            dense = DensePrecision.symmetric(self.matrix(self.num_parameters, rows))
            return dense.colour(noise)
        deviation = self.base.colour(noise[:, count:])
        misfit = deviation @ rows.T + noise[:, :count]
        return deviation - self.solve(misfit @ rows)

    def num_noise(self, num_parameters: int) -> int:
        """The number of normal numbers that `colour` takes: Q more than the base.

        It is P where rows are removed.
        """
        if self.sign == -1:
            return num_parameters
        return self.base.num_noise(num_parameters) + int(self.rows.shape[0])

    def plus(self, other: Precision) -> Precision | None:
        """The sum with another precision: the sum of the bases, and the rows of both."""
        if isinstance(other, LowRankPrecision):
            total = self.plus(other.base)
            return None if total is None else LowRankPrecision(total, other.rows, sign=other.sign)
        return LowRankPrecision(self.base + other, self.rows, sign=self.sign)

    @property
    def remedy(self) -> str:
        """The remedy of the base."""
        return self.base.remedy

    @property
    def kept_rows(self) -> int:
        """The number of rows that are kept: Q, plus those of the base."""
        return self.base.kept_rows + int(self.rows.shape[0])

    @property
    def known_by_covariance(self) -> bool:
        """Whether the base is given by its covariance."""
        return self.base.known_by_covariance

    def without(self, rows: Array) -> Precision | None:
        """The precision without the rows [r, P]; None unless it keeps them, one after another."""
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
    """The sum `precision + rows^T rows` as a dense precision from its matrix `total`.

    If rounding makes the matrix indefinite, the rows are kept in a `LowRankPrecision` instead.
    """
    try:
        return DensePrecision.symmetric(total)
    except NotImplementedError:
        raise
    except ValueError:
        if not isinstance(precision, LowRankPrecision):
            raise
        return LowRankPrecision(precision, rows())


def gathered(precision: Precision, rows: Array, sign: int) -> Precision:
    """`precision + sign * rows^T rows` for rows [r, P], kept as rows or as a matrix."""
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
    """The rows [Q, P], or P rows with the same `rows^T rows` where P < Q."""
    if rows.shape[0] <= rows.shape[1] or ops.derives(rows):
        return rows
    return ops.orthogonal(rows)[1]


def _conditioned(ops: Ops, base: Precision, rows: Array) -> tuple[Array, Array]:
    """L with `L L^T = I + F W F^T` for rows F [Q, P] and the base's covariance W, and `L^-1 F W`.

    They come from orthogonal columns: the product F W F^T would lose half of the digits, and may be
    singular in rounding.
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
        raise ValueError(f"{name}: if rows are large, {overflow(ops, rows, 'the rows')}")
    return upper.T, whitening.back(ops, columns[:size, :].T)


def _taken_off(ops: Ops, base: Precision, rows: Array) -> tuple[Array, Array]:
    """L with `L L^T = I - F W F^T`, and `L^-1 F W`, for rows F that are removed."""
    solved = base.solve(rows)
    inner = identity(ops, rows.shape[0], rows) - symmetric(ops, solved @ rows.T)
    lower = matrix_factor(ops, inner, "base - rows^T rows", base.remedy)
    return lower, ops.solve_triangular(lower, solved)

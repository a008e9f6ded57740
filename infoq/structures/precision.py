"""The inverse covariance of the parameters: scalar, diagonal, or any matrix.

Parameters count class by class where there are classes: parameter `c D + d` weighs feature d in the
logit of class c. What is known of the parameters enters by `update` and `+`, and leaves by
`downdate`: information is additive.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.backends.trees import Tree
from infoq.checks.dtypes import check_floating
from infoq.checks.matrices import ADD_A_PRIOR, factor, read_matrix, read_scalar, read_vector
from infoq.checks.numbers import number
from infoq.checks.values import check_values, overflow
from infoq.linear_algebra.small_matrices import diagonal_matrices, identity, symmetric
from infoq.structures.forms import (
    ConditionedForm,
    DenseForm,
    DiagonalForm,
    EnlargedForm,
    Form,
    ReducedForm,
)
from infoq.structures.whitening import (
    DenseWhitening,
    DiagonalWhitening,
    ObservedWhitening,
    Whitening,
)


def same_precision(one: Precision, two: Precision) -> bool:
    """Whether two precisions are the same as far as can be told."""
    if one is two:
        return True
    if type(one) is not type(two) or one.settings != two.settings:
        return False
    return all(_same_part(x, y) for x, y in zip(one.parts, two.parts, strict=True))


def _same_part(x: Any, y: Any) -> bool:
    if x is y:
        return True
    if isinstance(x, Precision):
        return same_precision(x, y)
    if tuple(x.shape) != tuple(y.shape) or x.dtype != y.dtype:
        return False
    ops = ops_for(x, y)
    return not ops.concrete(x, y) or bool(ops.xp.all(x == y))


class Precision(Tree, ABC):
    """A positive definite inverse covariance of P parameters.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> prior = infoq.DiagonalPrecision(np.array([1.0, 4.0]))
    >>> isinstance(prior, infoq.Precision), prior.num_parameters, prior.solve(np.ones((1, 2)))
    (True, 2, array([[1.  , 0.25]]))
    """

    remedy = ADD_A_PRIOR
    """What to do where it, or what it is with more outcomes, is not positive definite."""

    rooted = True
    """Whether a root of the covariance costs no more than the covariance."""

    @property
    def ops(self) -> Ops | None:
        """The operations of its library; None where it is a number."""
        arrays = [x for x in self.parts if not isinstance(x, Precision)]
        return ops_for(arrays[0]) if arrays else None

    @property
    @abstractmethod
    def num_parameters(self) -> int | None:
        """The number of parameters, P; None where it fits any."""

    @abstractmethod
    def covariance(self, like: Array) -> Form:
        """The inverse, as a form that blocks of candidates are measured by."""

    @abstractmethod
    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant."""

    @abstractmethod
    def diagonal(self, like: Array) -> Array:
        """The diagonal of the precision: [P], or [1] where all are alike."""

    @abstractmethod
    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The precision in full: [P, P]."""

    def root(self, num_parameters: int, like: Array) -> Array:
        """R [P, P] with `R^T R` the covariance."""
        return DensePrecision.symmetric(self.matrix(num_parameters, like)).root(
            num_parameters, like
        )

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """Coordinates in which the parameters have unit variance and nothing in common."""
        return DenseWhitening(self.root(num_parameters, like))

    @abstractmethod
    def colour(self, noise: Array) -> Array:
        """Independent normal numbers [K, P] as deviations with this precision: [K, P]."""

    def num_noise(self, num_parameters: int) -> int:
        """How many normal numbers `colour` takes for a deviation: P, unless it says otherwise."""
        return num_parameters

    @abstractmethod
    def _plus(self, other: Precision) -> Precision | None:
        """The sum with a precision of no more structure than this one; None where unknown."""

    def solve(self, x: Array) -> Array:
        """`P^-1 x` for vectors x [..., P]."""
        ops, x = admit(x=x)
        size = self.num_parameters
        check_floating(ops, x, "x")
        if x.ndim < 1 or size not in (None, x.shape[-1]):
            raise ValueError(f"x: expected shape [..., {size or 'P'}], got {tuple(x.shape)}")
        return ops.xp.astype(self.covariance(x).apply(ops, ops.upcast(x)), x.dtype)

    def update(self, rows: Array) -> Precision:
        """The precision after R more outcomes with rows [R, P]: `P + rows^T rows`.

        As rows where all that are kept are fewer than the parameters, else as a matrix.
        """
        return _gathered(self, rows, 1)

    def downdate(self, rows: Array) -> Precision:
        """The precision before R outcomes with rows [R, P]: `P - rows^T rows`.

        Raises
        ------
        ValueError
            If nothing positive definite is left.
        """
        return _gathered(self, rows, -1)

    def __add__(self, other: Precision) -> Precision:
        """The precision of what both know."""
        if not isinstance(other, Precision):
            return NotImplemented
        _check_same_size(self, other)
        for one, two in ((self, other), (other, self)):
            total = one._plus(two)
            if total is not None:
                return total
        size = self.num_parameters or other.num_parameters
        like = some_array(self, other)
        if size is None or like is None:
            raise ValueError("two precisions of unknown size; add them to an embedding's first")
        return DensePrecision.symmetric(self.matrix(size, like) + other.matrix(size, like))

    def _words(self) -> str:
        return f"{type(self).__name__}(P={self.num_parameters})"


@capabilities()
class ScalarPrecision(Precision):
    """The same precision for every parameter, independently: `value I`.

    Parameters
    ----------
    value : float or array []
        Positive.

    Raises
    ------
    ValueError
        If the value is not positive and finite.

    Examples
    --------
    >>> import infoq
    >>> infoq.ScalarPrecision(2.0) + infoq.ScalarPrecision(0.5)
    ScalarPrecision(2.5)
    """

    def __init__(self, value: Any) -> None:
        self._parts, self._settings = read_scalar(value, "value")

    @property
    def num_parameters(self) -> None:
        """Fits any."""

    def _value(self, like: Array) -> Array:
        if self.parts:
            return self.parts[0]
        ops = ops_for(like)
        return ops.native(ops.scalar(self.settings, like))

    def covariance(self, like: Array) -> Form:
        """One number."""
        return DiagonalForm(1 / ops_for(like).xp.reshape(self._value(like), (1,)))

    def logdet(self, num_parameters: int | None = None) -> Array:
        """P log value; the number of parameters has to be given."""
        if num_parameters is None:
            raise ValueError("num_parameters: a ScalarPrecision does not know it; pass it")
        if self.parts:
            return num_parameters * ops_for(*self.parts).xp.log(self.parts[0])
        import math

        return num_parameters * math.log(self.settings)

    def diagonal(self, like: Array) -> Array:
        """One number."""
        return ops_for(like).xp.reshape(self._value(like), (1,))

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """A multiple of the identity."""
        return identity(ops_for(like), num_parameters, like) * self.diagonal(like)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """One number."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.diagonal(like)))

    def colour(self, noise: Array) -> Array:
        """Elementwise."""
        return noise / ops_for(noise).xp.sqrt(self._value(noise))

    def _plus(self, other: Precision) -> Precision | None:
        if not isinstance(other, ScalarPrecision):
            return None
        like = some_array(self, other)
        if like is None:
            return ScalarPrecision(self.settings + other.settings)
        return ScalarPrecision(self._value(like) + other._value(like))

    def _words(self) -> str:
        return f"ScalarPrecision({self.settings if not self.parts else self.parts[0]})"


@capabilities()
class DiagonalPrecision(Precision):
    """A precision of each parameter's own, independently.

    Parameters
    ----------
    values : array [P]
        Positive.

    Raises
    ------
    TypeError, ValueError
        If the values are no floating vector, or (where they can be read) not all positive.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.DiagonalPrecision(np.array([1.0, 4.0])).solve(np.array([2.0, 2.0]))
    array([2. , 0.5])
    """

    def __init__(self, values: Array) -> None:
        self._parts = (read_vector(values, "values"),)

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.parts[0].shape[0])

    def covariance(self, like: Array) -> Form:
        """The inverse of each."""
        return DiagonalForm(1 / self.parts[0])

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The sum of the logarithms."""
        xp = ops_for(*self.parts).xp
        return xp.sum(xp.log(self.parts[0]))

    def diagonal(self, like: Array) -> Array:
        """The values."""
        return self.parts[0]

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """A diagonal matrix."""
        return diagonal_matrices(ops_for(like), self.parts[0])

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """One number a parameter."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.parts[0]))

    def colour(self, noise: Array) -> Array:
        """Elementwise."""
        return noise / ops_for(noise).xp.sqrt(self.parts[0])

    def _plus(self, other: Precision) -> Precision | None:
        if isinstance(other, ScalarPrecision | DiagonalPrecision):
            return DiagonalPrecision(self.parts[0] + other.diagonal(self.parts[0]))
        return None


@capabilities()
class DensePrecision(Precision):
    """Any precision, as a matrix.

    Parameters
    ----------
    matrix : array [P, P]
        Symmetric and positive definite.

    Raises
    ------
    TypeError, ValueError
        If it is no square floating matrix, or (where values can be read) not symmetric or not
        positive definite; the message has two elements that differ, or its smallest eigenvalue.

    Notes
    -----
    P^3 multiply-adds for the Cholesky factor and the covariance; four P x P matrices in memory.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> precision = infoq.DensePrecision(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> precision.solve(np.array([3.0, 0.0])).round(4)
    array([ 2., -1.])
    >>> precision.logdet().round(4)
    np.float64(1.0986)
    """

    def __init__(self, matrix: Array) -> None:
        self._parts = read_matrix(matrix, "matrix")

    @classmethod
    def symmetric(cls, matrix: Array) -> DensePrecision:
        """Of a matrix that is symmetric as it was made, except by rounding."""
        ops = ops_for(matrix=matrix)
        return cls.from_parts((matrix, factor(ops, matrix, "matrix")), ())

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.parts[0].shape[0])

    def root(self, num_parameters: int, like: Array) -> Array:
        """The inverse of the Cholesky factor; computed once."""
        ops, lower = ops_for(*self.parts), self.parts[1]
        return self._once(
            "_root", lambda: ops.solve_triangular(lower, identity(ops, lower.shape[0], lower))
        )

    def covariance(self, like: Array) -> Form:
        """The inverse matrix; computed once."""
        root = self.root(self.num_parameters, like)
        return DenseForm(self._once("_inverse", lambda: root.T @ root))

    def _once(self, name: str, make: Callable[[], Array]) -> Array:
        """What is made the first time, and kept unless it belongs to a trace or is lazy.

        Nor is it kept where gradients are off that its factor has, under `torch.no_grad`.
        """
        kept = getattr(self, name, None)
        if kept is None:
            kept = make()
            ops = ops_for(kept)
            if ops.concrete(kept) and ops.records(kept) == ops.records(self.parts[1]):
                setattr(self, name, kept)
        return kept

    def logdet(self, num_parameters: int | None = None) -> Array:
        """Twice the sum of the logarithms of the pivots."""
        xp = ops_for(*self.parts).xp
        return 2 * xp.sum(xp.log(xp.linalg.diagonal(self.parts[1])))

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the matrix."""
        return ops_for(*self.parts).xp.linalg.diagonal(self.parts[0])

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The matrix."""
        return self.parts[0]

    def update(self, rows: Array) -> Precision:
        """The precision after R more outcomes with rows [R, P]."""
        _check_rows(rows, self.num_parameters)
        return DensePrecision.symmetric(self.parts[0] + rows.T @ rows)

    def downdate(self, rows: Array) -> Precision:
        """The precision before R outcomes with rows [R, P]."""
        _check_rows(rows, self.num_parameters)
        return DensePrecision.symmetric(self.parts[0] - rows.T @ rows)

    def colour(self, noise: Array) -> Array:
        """By the inverse of the Cholesky factor."""
        return noise @ self.root(self.num_parameters, noise)

    def _plus(self, other: Precision) -> Precision | None:
        size = self.num_parameters
        return DensePrecision.symmetric(self.parts[0] + other.matrix(size, self.parts[0]))


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

    def __init__(self, base: Precision | float | Array, rows: Array, *, sign: int = 1) -> None:
        base = as_precision(base, "base")
        ops = _check_rows(rows, base.num_parameters)
        if sign not in (1, -1):
            raise ValueError(f"sign: expected 1 or -1, got {sign}")
        rows = ops.upcast(ops.native(rows))
        if isinstance(base, LowRankPrecision) and base.settings == sign:
            rows, base = fewer(ops, ops.join([base.parts[1], rows])), base.parts[0]
        self.remedy = base.remedy
        lower, vectors = _conditioned(ops, base, rows) if sign > 0 else _taken_off(ops, base, rows)
        self._parts = (base, rows, lower, vectors)
        self._settings = sign

    @property
    def ops(self) -> Ops:
        """The operations of the library of the rows."""
        return ops_for(self.parts[1])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.parts[1].shape[1])

    def covariance(self, like: Array) -> Form:
        """The base's, less (or more) what the rows measured."""
        base, rows, lower, vectors = self.parts
        form = base.covariance(like)
        if self.settings == -1:
            return EnlargedForm(form, vectors)
        if self._says_little():
            return ReducedForm(form, vectors)
        return ConditionedForm(form, rows, lower, vectors)

    def unfolded_root(self, like: Array) -> Array:
        """R [P + Q, P + Q] with `R^T R` the form of rows that its covariance unfolds."""
        ops, rows = self.ops, self.parts[1]
        count, size = rows.shape
        above = self.parts[0].root(size, like)
        beside = ops.xp.zeros_like(rows)
        eye = identity(ops, count, rows)
        return ops.join(
            [ops.xp.concat([above, beside.T], axis=1), ops.xp.concat([beside, eye], axis=1)]
        )

    def _says_little(self) -> bool:
        """Whether no direction is known so well that a difference of covariances loses a digit."""
        lower, xp = self.parts[2], self.ops.xp
        if not self.ops.concrete(lower) or bool(xp.any(xp.abs(lower) > 3)):
            return False
        # The sum of the eigenvalues of I + F W F^T, less those that are 1.
        return bool(number(xp.sum(lower**2)) - lower.shape[0] < 7)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The base's, and that of a Q x Q matrix."""
        base, _, lower, _ = self.parts
        xp = self.ops.xp
        more = 2 * xp.sum(xp.log(xp.linalg.diagonal(lower)))
        return base.logdet(self.num_parameters) + more

    def diagonal(self, like: Array) -> Array:
        """The base's, and the squares of the rows."""
        base, rows, _, _ = self.parts
        return base.diagonal(rows) + self.settings * self.ops.xp.sum(rows**2, axis=0)

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """In full."""
        base, rows, _, _ = self.parts
        return base.matrix(self.num_parameters, rows) + self.settings * (rows.T @ rows)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """By a projection on the rows; in full where they are taken off."""
        if self.settings == -1:
            return super().whitening(self.num_parameters, like)
        base, rows, *_ = self.parts
        return ObservedWhitening(base.whitening(self.num_parameters, rows), rows)

    def colour(self, noise: Array) -> Array:
        """By conditioning deviations of the base on noisy outcomes of the rows that are zero.

        The first Q of the numbers are the outcomes' noise.
        """
        base, rows, _, _ = self.parts
        count = rows.shape[0]
        if self.settings == -1:
            dense = DensePrecision.symmetric(self.matrix(self.num_parameters, rows))
            return dense.colour(noise)
        deviation = base.colour(noise[:, count:])
        misfit = deviation @ rows.T + noise[:, :count]
        return deviation - self.solve(misfit @ rows)

    def num_noise(self, num_parameters: int) -> int:
        """Q more than the base; P where rows are taken off."""
        base, rows, _, _ = self.parts
        if self.settings == -1:
            return num_parameters
        return int(base.num_noise(num_parameters) + rows.shape[0])

    def _plus(self, other: Precision) -> Precision | None:
        base, rows, _, _ = self.parts
        if isinstance(other, LowRankPrecision):
            total = self._plus(other.parts[0])
            return (
                None
                if total is None
                else LowRankPrecision(total, other.parts[1], sign=other.settings)
            )
        return LowRankPrecision(base + other, rows, sign=self.settings)

    def _words(self) -> str:
        sign = "" if self.settings == 1 else ", sign=-1"
        return f"LowRankPrecision({self.parts[0]!r}, Q={self.parts[1].shape[0]}{sign})"


def kept_rows(precision: Precision) -> int:
    """How many rows a precision keeps beside what they are added to."""
    if not isinstance(precision, LowRankPrecision):
        return 0
    return kept_rows(precision.parts[0]) + int(precision.parts[1].shape[0])


def known_by_covariance(precision: Precision) -> bool:
    """Whether a covariance, which may be singular, is what a precision is known by."""
    if isinstance(precision, LowRankPrecision):
        return known_by_covariance(precision.parts[0])
    return not precision.rooted


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


def _gathered(precision: Precision, rows: Array, sign: int) -> Precision:
    ops = _check_rows(rows, precision.num_parameters)
    count, size = rows.shape
    if sign < 0 and (less := _without(precision, ops.upcast(ops.native(rows)))) is not None:
        return less
    if kept_rows(precision) + count < size or known_by_covariance(precision):
        return LowRankPrecision(precision, rows, sign=sign)
    rows = ops.upcast(ops.native(rows))
    total = precision.matrix(int(size), rows) + sign * (rows.T @ rows)
    return (
        as_matrix(precision, total, lambda: rows) if sign > 0 else DensePrecision.symmetric(total)
    )


def _without(precision: Precision, rows: Array) -> Precision | None:
    """The precision without rows that it keeps as they are; None where it does not keep them.

    Exact, where taking them off would be a difference: what has measured 1,000 times the noise
    leaves no digit of the rest in float32.
    """
    if not isinstance(precision, LowRankPrecision) or precision.settings < 0:
        return None
    base, kept = precision.parts[0], precision.parts[1]
    ops, count = ops_for(kept, rows), int(rows.shape[0])
    if count == 0 or not ops.concrete(kept, rows) or ops.derives(kept, rows):
        return None
    here = ops.to_host(ops.xp.all(kept == rows[:1, :], axis=1)).tolist()
    for start in (place for place, same in enumerate(here) if same):
        stop = start + count
        if stop <= len(here) and bool(ops.xp.all(kept[start:stop, :] == rows)):
            rest = ops.xp.concat([kept[:start, :], kept[stop:, :]])
            return base if rest.shape[0] == 0 else LowRankPrecision(base, rest)
    return None


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
        lower = factor(ops, inner, name, base.remedy)
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
    lower = factor(ops, inner, "base - rows^T rows", base.remedy)
    return lower, ops.solve_triangular(lower, solved)


def as_precision(x: Any, name: str = "precision") -> Precision:
    """A precision from itself, a number, a vector or a matrix, which messages call by `name`."""
    if isinstance(x, Precision):
        return x
    if x is None:
        raise TypeError(f"{name}: expected a Precision, a number, or an array [P] or [P, P]")
    if isinstance(x, numbers.Real) or getattr(x, "ndim", None) == 0:
        return ScalarPrecision.from_parts(*read_scalar(x, name))
    ops_for(**{name: x})
    if x.ndim == 1:
        return DiagonalPrecision.from_parts((read_vector(x, name, "each parameter needs one"),), ())
    return DensePrecision.from_parts(read_matrix(x, name, "add a multiple of the identity"), ())


def _check_rows(rows: Array, size: int | None) -> Ops:
    """The operations of rows [Q, P], refused where they have another shape or dtype."""
    ops = ops_for(rows=rows)
    check_floating(ops, rows, "rows")
    if rows.ndim != 2 or size not in (None, rows.shape[1]):
        raise ValueError(f"rows: expected shape (Q, {size or 'P'}), got {tuple(rows.shape)}")
    if rows.shape[0]:
        check_values(ops, rows, "rows", {2: "(Q, P)"})
    return ops


def _check_same_size(one: Precision, two: Precision) -> None:
    """Refuse precisions of different numbers of parameters, libraries or dtypes."""
    sizes = [p.num_parameters for p in (one, two) if p.num_parameters is not None]
    if len(set(sizes)) > 1:
        raise ValueError(f"precisions of P={sizes[0]} and P={sizes[1]} parameters don't add up")


def some_array(*precisions: Precision) -> Array | None:
    """An array that says which library and dtype the precisions are of."""
    for precision in precisions:
        for part in precision.parts:
            found = some_array(part) if isinstance(part, Precision) else part
            if found is not None:
                return found
    return None

"""Input validation for the vectors and matrices of precisions."""

from __future__ import annotations

import math
import numbers
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_index, number
from infoq.checks.symmetric_matrices import check_square, rounding_of
from infoq.checks.values import overflow
from infoq.linear_algebra.small_matrices import identity


def check_array(ops: Ops, x: Array, ndim: int, name: str) -> Array:
    """`x` in the precision that it is computed in, refused where it has another rank or dtype."""
    check_floating(ops, x, name)
    square = ndim != 2 or x.ndim != 2 or x.shape[0] == x.shape[1]
    if x.ndim != ndim or 0 in x.shape or not square:
        expected = {1: "(P,)", 2: "(P, P)"}[ndim]
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(x.shape)}")
    return ops.upcast(ops.native(x))


def read_scalar(value: Any, name: str) -> tuple[tuple[Array, ...], float | None]:
    """A positive number as settings, or a 0-d array as parts of a precision."""
    if isinstance(value, numbers.Real):
        if not 0 < float(value) < math.inf:
            raise ValueError(f"{name}: expected a positive precision, got {value}")
        return (), float(value)
    ops, value = admit(**{name: value})
    check_floating(ops, value, name)
    if value.ndim != 0:
        raise ValueError(f"{name}: expected a number or a 0-d array, got {tuple(value.shape)}")
    if ops.concrete(value) and not 0 < number(value) < math.inf:
        raise ValueError(f"{name}: expected a positive precision, got {number(value)}")
    return (value,), None


def read_vector(values: Array, name: str, remedy: str = "add a prior precision") -> Array:
    """Positive numbers [P], in the precision that they are computed in."""
    ops = ops_for(**{name: values})
    values = check_array(ops, values, 1, name)
    if not ops.concrete(values):
        return values
    index = first_index(ops, ~((values > 0) & ops.xp.isfinite(values)))
    if index is not None:
        value = number(values[index])
        if value == math.inf:
            remedy = f"where outcomes measure much, {overflow(ops, values, 'them')}"
        raise ValueError(f"{name}: expected positive precisions, got {value} at {index}; {remedy}")
    return values


# So that a covariance of zeros has a Cholesky factor, too.
_TINY = 1e-30

ADD_A_PRIOR = "add a prior, for example infoq.ScalarPrecision(1.0)"


def factor(ops: Ops, matrix: Array, name: str, remedy: str = ADD_A_PRIOR) -> Array:
    """The lower Cholesky factor; an error that says how far from positive definite a matrix is."""
    try:
        return ops.cholesky(matrix)
    except NotImplementedError:
        raise
    except ValueError as error:
        finite = bool(ops.xp.all(ops.xp.isfinite(matrix)))
        least = "not defined: there are values that are not finite"
        if finite:
            least = f"{float(ops.xp.linalg.eigvalsh(matrix)[0]):.3g}"
        else:
            remedy = f"where outcomes measure much, {overflow(ops, matrix, 'what they measure')}"
        raise ValueError(
            f"{name}: of shape {tuple(matrix.shape)}, is not positive definite; its smallest "
            f"eigenvalue is {least}; {remedy}"
        ) from error


def read_matrix(matrix: Array, name: str, remedy: str = ADD_A_PRIOR) -> tuple[Array, Array]:
    """A symmetric positive definite matrix [P, P], and its lower Cholesky factor."""
    ops = ops_for(**{name: matrix})
    full = check_array(ops, matrix, 2, name)
    check_symmetric(ops, full, matrix, name)
    return full, factor(ops, full, name, remedy)


def check_symmetric(ops: Ops, matrix: Array, given: Array, name: str) -> None:
    """Refuse a matrix that is not symmetric, with the two values that differ."""
    if ops.concrete(matrix) and bool(ops.xp.all(ops.xp.isfinite(matrix))):
        check_square(ops, matrix, given, name)


def check_semidefinite(
    ops: Ops, matrix: Array, given: Array, name: str, remedy: str, values: Array | None = None
) -> None:
    """Refuse a symmetric matrix with an eigenvalue below 0 by more than rounding makes of one.

    By its eigenvalues, ascending, where these are known. Else by a Cholesky factor of the matrix
    plus that rounding, P^3 / 3 multiply-adds, and by eigenvalues where it has none.
    """
    xp = ops.xp
    if not ops.concrete(matrix):
        return
    size = matrix.shape[0]
    # Of the scale: what was given may be off by, and what rounding of P rows adds to it.
    share = rounding_of(ops, given) + float(10 * size * xp.finfo(matrix.dtype).eps)
    allowed = share * max(0.0, number(xp.max(xp.linalg.diagonal(matrix))))
    if values is None:
        try:
            ops.cholesky(matrix + identity(ops, size, matrix) * max(allowed, _TINY))
            return
        except NotImplementedError:
            return  # no linear algebra in this library
        except ValueError:
            values = xp.linalg.eigvalsh(matrix)
    least = number(values[0])
    if least < -allowed:
        raise ValueError(
            f"{name}: expected a positive semi-definite matrix, got one of shape "
            f"{tuple(matrix.shape)} with the eigenvalue {least:.6g}; {remedy}"
        )

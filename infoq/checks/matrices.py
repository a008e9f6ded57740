"""Input validation for vectors and matrices."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit, admit_all, required
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_index, first_place, number
from infoq.checks.values import overflow
from infoq.linear_algebra.small_matrices import equilibrate, identity

# Added so that a covariance of zeros also has a Cholesky factor.
_TINY = 1e-30

ADD_A_PRIOR = "add a prior, for example infoq.ScalarPrecision(1.0)"


# --- reading arguments -------------------------------------------------------------------------
def read_scalar(value: Any, name: str) -> tuple[Array | None, float | None]:
    """A positive 0-d array and None, or None and a positive number."""
    if isinstance(value, numbers.Real):
        if not 0 < float(value) < math.inf:
            raise ValueError(f"{name}: expected a positive precision, got {value}")
        return None, float(value)
    ops, value = admit(**{name: value})
    check_floating(ops, value, name)
    if value.ndim != 0:
        raise ValueError(f"{name}: expected a number or a 0-d array, got {tuple(value.shape)}")
    if ops.concrete(value) and not 0 < number(value) < math.inf:
        raise ValueError(f"{name}: expected a positive precision, got {number(value)}")
    return value, None


def read_vector(values: Array, name: str, remedy: str = "add a prior precision") -> Array:
    """Positive numbers [P], in their working dtype."""
    ops = ops_for(**{name: values})
    values = read_array(ops, values, 1, name)
    if not ops.concrete(values):
        return values
    index = first_index(ops, ~((values > 0) & ops.xp.isfinite(values)))
    if index is not None:
        value = number(values[index])
        if value == math.inf:
            remedy = f"where embeddings are large, {overflow(ops, values, 'them')}"
        raise ValueError(f"{name}: expected positive precisions, got {value} at {index}; {remedy}")
    return values


def read_matrix(matrix: Array, name: str, remedy: str = ADD_A_PRIOR) -> tuple[Array, Array]:
    """A symmetric positive definite matrix [P, P] and its lower Cholesky factor [P, P]."""
    ops = ops_for(**{name: matrix})
    full = read_array(ops, matrix, 2, name)
    check_symmetric(ops, full, matrix, name)
    return full, matrix_factor(ops, full, name, remedy)


def read_array(ops: Ops, x: Array, ndim: int, name: str) -> Array:
    """A vector [P] or a square matrix [P, P], in its working dtype."""
    check_floating(ops, x, name)
    square = ndim != 2 or x.ndim != 2 or x.shape[0] == x.shape[1]
    if x.ndim != ndim or 0 in x.shape or not square:
        expected = {1: "(P,)", 2: "(P, P)"}[ndim]
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(x.shape)}")
    return ops.upcast(ops.native(x))


def read_stacks(**named: Array) -> tuple[Ops, list[Array]]:
    """The `Ops` and finite stacks of vectors or matrices, in their working dtype.

    In a chunked library each matrix is in one chunk.

    Raises
    ------
    TypeError
        If they differ in library or dtype, or are not real floating.
    ValueError
        If a value is not finite (where values can be read).
    """
    required(**named)
    ops, arrays = admit_all(**named)
    named = dict(zip(named, arrays, strict=True))
    for name, x in named.items():
        check_floating(ops, x, name)
    if len({str(x.dtype) for x in named.values()}) > 1:
        parts = ", ".join(f"{name} is {x.dtype}" for name, x in named.items())
        raise TypeError(f"expected one dtype: {parts}")
    for name, x in named.items():
        if ops.concrete(x) and not bool(ops.compiled(_all_finite, None)(x)):
            raise ValueError(f"{name}: a value of shape {tuple(x.shape)} is not finite")
    return ops, [ops.whole(ops.upcast(x), 2) for x in named.values()]


def _all_finite(ops: Ops, x: Array) -> Array:
    return ops.xp.all(ops.xp.isfinite(x))


# --- symmetric and positive semi-definite matrices ----------------------------------------------
def check_square(ops: Ops, a: Array, given: Array, name: str, *, empty: bool = False) -> None:
    """Check that matrices are square and, where values can be read, symmetric up to rounding."""
    shape = tuple(a.shape)
    if len(shape) < 2 or shape[-1] != shape[-2] or (shape[-1] == 0 and not empty):
        raise ValueError(f"{name}: expected square matrices [..., D, D], got shape {shape}")
    if not ops.concrete(a) or 0 in shape:
        return
    tolerance = symmetry_tolerance(ops, given)
    place = first_place(ops, ops.compiled(partial(_asymmetric, tolerance=tolerance), None)(a))
    if place is not None:
        mirror = (*place[:-2], place[-1], place[-2])
        values = [float(ops.to_host(a[place])), float(ops.to_host(a[mirror]))]
        raise ValueError(
            f"{name}: element {place} of shape {shape} differs from its mirror image by more than "
            f"{tolerance} of the scale: {values[0]:.6g} and {values[1]:.6g}; expected symmetric "
            "matrices, such as (a + a^T) / 2"
        )


def check_symmetric(ops: Ops, matrix: Array, given: Array, name: str) -> None:
    """Check that a matrix is symmetric; matrices that are not finite are checked elsewhere."""
    if ops.concrete(matrix) and bool(ops.xp.all(ops.xp.isfinite(matrix))):
        check_square(ops, matrix, given, name)


def check_semidefinite(
    ops: Ops, matrix: Array, given: Array, name: str, remedy: str, values: Array | None = None
) -> None:
    """Check that a symmetric matrix is positive semi-definite, up to rounding.

    `values` are its ascending eigenvalues, if known. Otherwise the check is a Cholesky factor of
    the matrix plus that rounding, at P^3 / 3 multiply-adds, and eigenvalues if there is none.
    """
    xp = ops.xp
    if not ops.concrete(matrix):
        return
    # Relative to the scale: the error that the input may have, plus the rounding of P rows.
    share = symmetry_tolerance(ops, given) + pivot_rounding(ops, matrix)
    allowed = share * max(0.0, number(xp.max(xp.linalg.diagonal(matrix))))
    if values is None:
        try:
            ops.cholesky(matrix + identity(ops, matrix.shape[0], matrix) * max(allowed, _TINY))
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


def symmetry_tolerance(ops: Ops, given: Array) -> float:
    """The largest allowed deviation of a matrix from its transpose, relative to its scale."""
    return {16: 1e-2, 32: 1e-4}.get(ops.bits(given), 1e-8)


def pivot_rounding(ops: Ops, a: Array) -> float:
    """A bound on the rounding error of a zero pivot of matrices [..., D, D] of unit diagonal."""
    return float(10 * a.shape[-1] * ops.xp.finfo(a.dtype).eps)


def _asymmetric(ops: Ops, a: Array, *, tolerance: float) -> Array:
    """The mask of elements that differ from their mirror image by more than the tolerance."""
    xp = ops.xp
    scale = xp.sqrt(xp.abs(xp.linalg.diagonal(a)))
    allowed = tolerance * scale[..., :, None] * scale[..., None, :]
    return xp.abs(a - xp.matrix_transpose(a)) > allowed


# --- Cholesky factors, or an error message ------------------------------------------------------
def factor_or_say(ops: Ops, a: Array, problem: Callable[[], str]) -> Array:
    """The lower Cholesky factors of matrices [..., D, D]; or a `ValueError` of `problem()`."""
    try:
        return ops.cholesky(a)
    except NotImplementedError:
        raise
    except ValueError as error:
        raise ValueError(problem()) from error


def matrix_factor(ops: Ops, matrix: Array, name: str, remedy: str = ADD_A_PRIOR) -> Array:
    """The lower Cholesky factor of a matrix [P, P]; or an error with its smallest eigenvalue."""
    return factor_or_say(ops, matrix, partial(_matrix_problem, ops, matrix, name, remedy))


def _matrix_problem(ops: Ops, matrix: Array, name: str, remedy: str) -> str:
    finite = bool(ops.xp.all(ops.xp.isfinite(matrix)))
    least = "not defined: there are values that are not finite"
    if finite:
        least = f"{float(ops.xp.linalg.eigvalsh(matrix)[0]):.3g}"
    else:
        remedy = f"where embeddings are large, {overflow(ops, matrix, 'the embedding')}"
    return (
        f"{name}: of shape {tuple(matrix.shape)}, is not positive definite; its smallest "
        f"eigenvalue is {least}; {remedy}"
    )


def stack_factor(ops: Ops, a: Array, name: str, remedy: str, scale: Array | None = None) -> Array:
    """The lower Cholesky factors of positive definite matrices [..., D, D].

    A pivot counts as zero if it could be rounding error: at most 10 D eps times `scale` [..., D],
    by default the diagonal of the matrices. Where values can't be read, the factor is NaN instead.

    Raises
    ------
    ValueError
        If a matrix is singular or not positive definite (where values can be read).
    """
    xp = ops.xp
    scale = xp.linalg.diagonal(a) if scale is None else scale
    problem = partial(not_definite, ops, a, scale, name, remedy)
    lower = factor_or_say(ops, a, problem)
    lower = ops.over_stacks(_held, "(i,j),(i)->(i,j)", lower, scale, least=pivot_rounding(ops, a))
    if ops.concrete(lower) and bool(xp.any(xp.isnan(lower[..., 0, 0]))):
        raise ValueError(problem())
    return lower


def _held(ops: Ops, lower: Array, scale: Array, *, least: float) -> Array:
    """The factors [..., D, D]; NaN where a pivot is at most `least` of the scale [..., D]."""
    pivots = ops.xp.linalg.diagonal(lower)
    bad = ops.xp.any(pivots * pivots <= least * scale, axis=-1)
    return ops.xp.where(bad[..., None, None], ops.scalar(math.nan, lower), lower)


def not_definite(ops: Ops, a: Array, scale: Array, name: str, remedy: str) -> str:
    """The error message for a stack with a singular or not positive definite matrix."""
    xp = ops.xp
    if not ops.concrete(a):
        return f"{name}: shape {tuple(a.shape)} is singular or not positive definite; {remedy}"
    least = xp.min(xp.linalg.eigvalsh(equilibrate(ops, a, scale)[0]), axis=-1)
    # The first matrix that is clearly bad; otherwise the worst one.
    limit = xp.maximum(xp.min(least), ops.scalar(pivot_rounding(ops, a), a))
    place = first_place(ops, least <= limit) or ()
    smallest = ops.to_host(xp.min(xp.linalg.eigvalsh(a), axis=-1))[place]
    which = f"matrix {place}" if place else "the matrix"
    return (
        f"{name}: {which} of shape {tuple(a.shape)} is singular or not positive definite "
        f"(smallest eigenvalue {float(smallest):.3g}); {remedy}"
    )

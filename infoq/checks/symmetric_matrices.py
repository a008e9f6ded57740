"""Input validation for stacks of symmetric matrices."""

from __future__ import annotations

import math
from functools import partial

from infoq.backends import Array, Ops
from infoq.backends.registry import admit, required
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_place
from infoq.linear_algebra.small_matrices import equilibrate


def read(**named: Array) -> tuple[Ops, list[Array]]:
    """Finite floating arrays of one library and dtype, in the precision they are computed in.

    A library that cuts its arrays into chunks keeps each matrix in one.

    Raises
    ------
    TypeError
        If they differ in library or dtype, or are not real floating.
    ValueError
        If a value is not finite (where values can be read).
    """
    required(**named)
    ops, *arrays = admit(**named)
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


def check_square(ops: Ops, a: Array, given: Array, name: str, *, empty: bool = False) -> None:
    """Refuse what is not square, or (where values can be read) clearly not symmetric."""
    shape = tuple(a.shape)
    if len(shape) < 2 or shape[-1] != shape[-2] or (shape[-1] == 0 and not empty):
        raise ValueError(f"{name}: expected square matrices [..., D, D], got shape {shape}")
    if not ops.concrete(a) or 0 in shape:
        return
    tolerance = rounding_of(ops, given)
    off = ops.compiled(partial(_asymmetric, tolerance=tolerance), None)(a)
    place = first_place(ops, off)
    if place is not None:
        mirror = (*place[:-2], place[-1], place[-2])
        values = [float(ops.to_host(a[place])), float(ops.to_host(a[mirror]))]
        raise ValueError(
            f"{name}: element {place} of shape {shape} differs from its mirror image by more than "
            f"{tolerance} of the scale: {values[0]:.6g} and {values[1]:.6g}; expected symmetric "
            "matrices, such as (a + a^T) / 2"
        )


def rounding_of(ops: Ops, given: Array) -> float:
    """What a symmetric matrix that was given may be off by, as a part of its scale."""
    return {16: 1e-2, 32: 1e-4}.get(ops.bits(given), 1e-8)


def _all_finite(ops: Ops, x: Array) -> Array:
    return ops.xp.all(ops.xp.isfinite(x))


def _asymmetric(ops: Ops, a: Array, *, tolerance: float) -> Array:
    """Which elements differ from their mirror image, by more than a part of the scale."""
    xp = ops.xp
    scale = xp.sqrt(xp.abs(xp.linalg.diagonal(a)))
    allowed = tolerance * scale[..., :, None] * scale[..., None, :]
    return xp.abs(a - xp.matrix_transpose(a)) > allowed


def factor(ops: Ops, a: Array, name: str, remedy: str, scale: Array | None = None) -> Array:
    """The lower Cholesky factor of positive definite matrices [..., D, D].

    A pivot counts as zero where rounding alone makes it: below 10 D eps of what `scale` [..., D]
    says, the matrices' own diagonal unless given. Where values can't be read the factor is NaN.

    Raises
    ------
    ValueError
        If a matrix is singular or not positive definite (where values can be read).
    """
    xp = ops.xp
    scale = xp.linalg.diagonal(a) if scale is None else scale
    try:
        lower = ops.cholesky(a)
    except NotImplementedError:
        raise
    except ValueError as error:
        raise ValueError(not_definite(ops, a, scale, name, remedy)) from error
    lower = ops.over_stacks(_held, "(i,j),(i)->(i,j)", lower, scale, least=rounding(ops, a))
    if ops.concrete(lower) and bool(xp.any(xp.isnan(lower[..., 0, 0]))):
        raise ValueError(not_definite(ops, a, scale, name, remedy))
    return lower


def _held(ops: Ops, lower: Array, scale: Array, *, least: float) -> Array:
    """The factors [..., D, D]; NaN where a pivot is at most `least` of the scale [..., D]."""
    pivots = ops.xp.linalg.diagonal(lower)
    bad = ops.xp.any(pivots * pivots <= least * scale, axis=-1)
    return ops.xp.where(bad[..., None, None], ops.scalar(math.nan, lower), lower)


def rounding(ops: Ops, a: Array) -> float:
    """What rounding leaves of a zero pivot of matrices [..., D, D] with ones on the diagonal."""
    return float(10 * a.shape[-1] * ops.xp.finfo(a.dtype).eps)


def not_definite(ops: Ops, a: Array, scale: Array, name: str, remedy: str) -> str:
    """What to say of matrices of which one is singular or not positive definite."""
    xp = ops.xp
    if not ops.concrete(a):
        return f"{name}: shape {tuple(a.shape)} is singular or not positive definite; {remedy}"
    least = xp.min(xp.linalg.eigvalsh(equilibrate(ops, a, scale)[0]), axis=-1)
    # The first that is clearly bad, else (by a hair) the worst.
    worst = least <= xp.maximum(xp.min(least), ops.scalar(rounding(ops, a), a))
    place = first_place(ops, worst) or ()
    smallest = ops.to_host(xp.min(xp.linalg.eigvalsh(a), axis=-1))[place]
    which = f"matrix {place}" if place else "the matrix"
    return (
        f"{name}: {which} of shape {tuple(a.shape)} is singular or not positive definite "
        f"(smallest eigenvalue {float(smallest):.3g}); {remedy}"
    )

"""Log-determinants of similarity matrices, with or without a ridge on the diagonal."""

from __future__ import annotations

import math
from functools import partial

from infoq.backends import Array, Ops
from infoq.checks.matrices import factor_or_say, not_definite, pivot_rounding, stack_factor
from infoq.linear_algebra.elimination import eliminate_semidefinite, log1p_det
from infoq.linear_algebra.small_matrices import equilibrate, identity, small_gram, whiten

_REMEDY = "pass a larger ridge=, for example ridge=1.0, or leave out duplicates"

_INDEFINITE = "similarities are inner products, and have no negative eigenvalue"


def residual_similarities(ops: Ops, a: Array, left: Array, right: Array) -> Array:
    """The similarities conditional on a set, `a - left right^T` [..., B, E]; see `whitened`."""
    if 0 in left.shape or 0 in right.shape:
        return a
    return ops.over_stacks(_less_product, "(i,j),(i,k),(j,k)->(i,j)", a, left, right)


def _less_product(ops: Ops, a: Array, left: Array, right: Array) -> Array:
    return a - ops.xp.matmul(left, ops.xp.matrix_transpose(right))


def whitened(ops: Ops, p: Array, ridge: float, *crosses: Array) -> list[Array]:
    """`S_AP L^-T` for each of the cross blocks S_AP [..., B, M], where `L L^T = p + ridge I`."""
    lower = _positive_factor(ops, p, ops.xp.linalg.diagonal(p), ridge, "s_p") if p.shape[-1] else p
    return [
        x if 0 in x.shape else ops.over_stacks(_solved, "(i,i),(j,i)->(j,i)", lower, x)
        for x in crosses
    ]


def _solved(ops: Ops, lower: Array, x: Array) -> Array:
    xp = ops.xp
    return xp.matrix_transpose(ops.solve_triangular(_like(ops, lower, x), xp.matrix_transpose(x)))


def _like(ops: Ops, a: Array, other: Array) -> Array:
    """The matrices `a`, broadcast to the leading axes of `other`."""
    return ops.xp.broadcast_to(a, (*other.shape[:-2], *a.shape[-2:]))


def _positive_factor(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """The Cholesky factor of `a + ridge I`; refused where that is not positive definite."""
    return stack_factor(ops, with_ridge(ops, a, ridge), name, _REMEDY, ops.xp.abs(scale) + ridge)


def with_ridge(ops: Ops, a: Array, ridge: float) -> Array:
    """`a + ridge I`."""
    return a + ridge * identity(ops, a.shape[-1], a) if ridge > 0 else a


def not_negative(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """Whether no eigenvalue of `a + ridge I` is clearly negative: [...] boolean.

    Where values can be read, a clearly negative eigenvalue raises a ValueError.
    """
    xp = ops.xp
    least = clearly(ops, a)
    whole, scale = with_ridge(ops, a, ridge), xp.abs(scale) + ridge
    relative = ops.over_stacks(_relative, "(i,j),(i)->(i,j)", whole, scale, least=least)
    remedy = _INDEFINITE
    if ridge > 0:
        remedy = f"that is with ridge={ridge:g} on its diagonal: pass a larger ridge="
    problem = partial(not_definite, ops, whole, scale, name, remedy)
    pivots = xp.linalg.diagonal(factor_or_say(ops, relative, problem))
    return xp.all(xp.isfinite(pivots), axis=-1)


def _relative(ops: Ops, a: Array, scale: Array, *, least: float) -> Array:
    return equilibrate(ops, a, scale)[0] + least * identity(ops, a.shape[-1], a)


def clearly(ops: Ops, a: Array) -> float:
    """How far below zero an eigenvalue is more than rounding, for a unit diagonal."""
    return max(math.sqrt(ops.xp.finfo(a.dtype).eps), pivot_rounding(ops, a))


def log_det(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """`log det(a + ridge I)`; -inf where that is singular relative to `scale` [..., D]."""
    xp = ops.xp
    if a.shape[-1] == 0:
        return xp.zeros_like(xp.sum(a, axis=(-2, -1)))
    if _plainly_above(ops, a, scale, ridge):
        return a.shape[-1] * math.log(ridge) + log1p_det(ops, a / ridge)
    fine = not_negative(ops, a, scale, ridge, name)
    if ridge == 0:
        value = ops.over_stacks(_without_ridge, "(i,j),(i)->()", a, scale)
    else:
        value = _with_any_ridge(ops, a, scale, ridge)
    return xp.where(fine, value, ops.scalar(math.nan, a))


def _plainly_above(ops: Ops, a: Array, scale: Array, ridge: float) -> bool:
    """Whether the ridge is visibly larger than all negative eigenvalues, as for inner products.

    False where values can't be read.
    """
    if ridge == 0 or not ops.concrete(a):
        return False
    if not bool(ops.xp.all(ridge > 2 * clearly(ops, a) * ops.xp.abs(scale))):
        return False
    try:
        not_negative(ops, a, scale, 0.0, "")
    except NotImplementedError:
        raise
    except ValueError:
        return False
    return True


def resolves(ops: Ops, a: Array, scale: Array, ridge: float) -> Array:
    """Whether a ridge exceeds the rounding of similarities a [..., D, D] with a scale [...].

    If not, an eigenvalue between -ridge and 0 can't be distinguished from 0.
    """
    return ridge > 100 * pivot_rounding(ops, a) * scale


def _with_any_ridge(ops: Ops, a: Array, scale: Array, ridge: float) -> Array:
    xp = ops.xp
    seen = resolves(ops, a, xp.max(xp.abs(scale), axis=-1), ridge)

    def above(a: Array) -> Array:
        return ops.over_stacks(_with_ridge, "(i,j),(i)->()", a, scale, ridge=ridge)

    def hidden(a: Array) -> Array:
        return ops.over_stacks(_with_hidden_ridge, "(i,j),(i)->()", a, scale, ridge=ridge)

    if ops.concrete(seen):
        if bool(xp.all(seen)):
            return above(a)
        if not bool(xp.any(seen)):
            return hidden(a)
    zero = ops.scalar(0.0, a)
    first, second = (xp.where(where[..., None, None], a, zero) for where in (seen, ~seen))
    return xp.where(seen, above(first), hidden(second))


def _with_ridge(ops: Ops, a: Array, scale: Array, *, ridge: float) -> Array:
    """`log det(a + ridge I)` in units of the ridge, so that small similarities stay accurate."""
    xp = ops.xp
    zero = pivot_rounding(ops, a) * (1 + xp.abs(scale) / ridge)
    total, pivots = eliminate_semidefinite(ops, a / ridge, zero)
    value = total + a.shape[-1] * math.log(ridge)
    return xp.where(xp.any(pivots <= zero, axis=-1), ops.scalar(-math.inf, a), value)


def _with_hidden_ridge(ops: Ops, a: Array, scale: Array, *, ridge: float) -> Array:
    """`log det(a + ridge I)` for a ridge that is no larger than rounding.

    `a` counts as positive semi-definite, so that no pivot is below the ridge.
    """
    xp = ops.xp
    relative, root = equilibrate(ops, with_ridge(ops, a, ridge), xp.abs(scale) + ridge)
    floor = ridge / root**2
    zero = floor + pivot_rounding(ops, a)
    pivots = eliminate_semidefinite(ops, relative - identity(ops, a.shape[-1], a), zero)[1]
    held = xp.where(pivots > zero, pivots, floor)
    return xp.sum(xp.log(held) + 2 * xp.log(root), axis=-1)


def _without_ridge(ops: Ops, a: Array, scale: Array) -> Array:
    """`log det(a)`; -inf where it is singular relative to `scale`."""
    xp = ops.xp
    relative, root = equilibrate(ops, a, scale)
    zero = xp.full_like(root, pivot_rounding(ops, a))
    total, pivots = eliminate_semidefinite(ops, relative - identity(ops, a.shape[-1], a), zero)
    value = total + 2 * xp.sum(xp.log(root), axis=-1)
    return xp.where(xp.any(pivots <= zero, axis=-1), ops.scalar(-math.inf, a), value)


def shared_log_det(
    ops: Ops,
    a: Array,
    cross: Array,
    e: Array,
    scales: tuple[Array, Array],
    ridge: float,
    names: tuple[str, str],
) -> Array:
    """`-log det(I - K K^T)` [...] with K the cross block, whitened by both square blocks.

    It is infinite where `I - K K^T` is singular, and NaN where the blocks belong to no positive
    semi-definite matrix; where values can be read, the latter raises a ValueError.
    """
    xp = ops.xp
    if 0 in cross.shape[-2:]:
        return xp.zeros_like(xp.sum(cross, axis=(-2, -1)))
    left = _positive_factor(ops, a, scales[0], ridge, names[0])
    right = _positive_factor(ops, e, scales[1], ridge, names[1])
    value, least = ops.over_stacks(
        _shared_of, "(i,i),(i,j),(j,j)->(),()", left, cross, right, ridge=ridge
    )
    if ops.concrete(least) and bool(xp.any(least < -clearly(ops, cross))):
        raise ValueError(
            f"{names[0]} and {names[1]}: the block between them, of shape {tuple(cross.shape)}, is "
            "too large for any positive semi-definite matrix to have all three"
        )
    return value


def _shared_of(
    ops: Ops, left: Array, cross: Array, right: Array, *, ridge: float
) -> tuple[Array, Array]:
    """The value of `shared_log_det` and the least pivot, from two factors and the cross block."""
    xp = ops.xp
    gram = small_gram(ops, whiten(ops, _like(ops, left, cross), cross, _like(ops, right, cross)))
    zero = pivot_rounding(ops, cross) + pivot_rounding(ops, gram)
    total, pivots = eliminate_semidefinite(ops, -gram, xp.full_like(gram[..., 0, :], zero))
    # 0 rather than -0 where nothing is shared; no pivot is above 1.
    value = 0.0 - total
    singular = xp.any(pivots <= zero, axis=-1)
    if ridge > 0:
        # For a positive semi-definite matrix, pivots are at least the ridge's share of its trace.
        traces = (xp.sum(lower * lower, axis=(-2, -1)) for lower in (left, right))
        singular = singular & (ridge > 2 * zero * xp.maximum(*traces))
    value = xp.where(singular, ops.scalar(math.inf, value), value)
    # A NaN pivot makes the comparison false.
    fine = xp.all(pivots >= -clearly(ops, cross), axis=-1)
    return xp.where(fine, value, ops.scalar(math.nan, value)), xp.min(pivots, axis=-1)

"""Elimination for `I + x`, applied to x itself: accurate where x is small."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import identity

Term: TypeAlias = Callable[[Ops, Array], Array]

# For more rows, a Cholesky solve with half the matrix is faster than elimination row by row.
_ROWS = 12


def log1p_det(ops: Ops, x: Array, *, semidefinite: bool = False) -> Array:
    """`log det(I + x)` [...] of symmetric x [..., R, R] with `I + x` positive definite.

    Rows are eliminated from x rather than from `I + x`, and each pivot `1 + d` enters as
    `log1p(d)`. So the result keeps its relative accuracy for small x, which the determinant of
    `I + x` loses. If `-x` is positive semi-definite, all terms have the same sign.

    With `semidefinite` (x is known to be positive semi-definite), rounding can't make a pivot
    smaller than 1. The cost is R^3 / 3 multiply-adds per matrix.
    """
    return ops.over_stacks(_log1p_det, "(i,j)->()", x, semidefinite=semidefinite)


def _log1p_det(ops: Ops, x: Array, *, semidefinite: bool) -> Array:
    return _sum_of_pivots(ops, x, _log1p, semidefinite=semidefinite)


def _log1p(ops: Ops, deviation: Array) -> Array:
    return ops.xp.log1p(deviation)


def _sum_of_pivots(ops: Ops, x: Array, term: Term, *, semidefinite: bool) -> Array:
    """The sum of `term(d)` over the pivots `1 + d`: [...]."""
    if x.shape[-1] > _ROWS:
        first, _, rest = _halves(ops, x)
        parts = (first, rest)
        one, other = (_sum_of_pivots(ops, x, term, semidefinite=semidefinite) for x in parts)
        return one + other
    # With the matrix axes first, every operation runs over all matrices at once.
    batch = tuple(range(x.ndim - 2))
    x = ops.xp.permute_dims(x, (x.ndim - 2, x.ndim - 1, *batch))
    lines = [x[row, row:, ...] for row in range(x.shape[0])]
    return eliminate(ops, lines, semidefinite=semidefinite, term=term)


def log_above_share(ops: Ops, x: Array) -> Array:
    """`log det(I + x) - tr x (I + x)^-1` [n] of positive semi-definite x [n, R, R].

    It is twice the divergence of a Gaussian from one with `I + x` times the precision and the same
    mean. With L D L^T = I + x, it is the sum of `log d - (d - 1) / d` over pivots d, plus the sum
    of squares of `(L^-1)_rs d_r^-1/2` below the diagonal. No term is below 0.
    """
    pivots = _sum_of_pivots(ops, x, _log_above_share, semidefinite=True)
    if x.shape[-1] == 1:
        return pivots
    lower = ops.cholesky(x + identity(ops, x.shape[-1], x))
    inverse = ops.solve_triangular(
        lower, ops.xp.broadcast_to(identity(ops, x.shape[-1], x), lower.shape)
    )
    return pivots + ops.xp.sum(ops.xp.tril(inverse, k=-1) ** 2, axis=(-2, -1))


def _log_above_share(ops: Ops, deviation: Array) -> Array:
    return ops.kl_term(deviation) / (1 + deviation)


def eliminate(
    ops: Ops, lines: list[Array], *, semidefinite: bool = False, term: Term = _log1p
) -> Array:
    """`log1p_det` [...] of matrices given by the rows [R - r, ...] of their upper triangles.

    With another `term` it is the sum of `term(d)` over the pivots `1 + d`.
    """
    return bordered(ops, lines, len(lines), semidefinite=semidefinite, term=term)[0]


def bordered(
    ops: Ops,
    lines: list[Array],
    rows: int,
    *,
    semidefinite: bool = False,
    term: Term = _log1p,
) -> tuple[Array, list[Array]]:
    """The result of `eliminate` for the first `rows` rows, and the Schur complement of the others.

    The latter is given by the rows of its upper triangle. For `I + x` bordered by vectors v, with
    zeros in the corner, it is `-v^T (I + x)^-1 v`.
    """
    xp = ops.xp
    # Rounding may take a deviation just above -1 to -1 or below, outside the domain of log1p.
    lowest = 0.0 if semidefinite else -1 + float(xp.finfo(lines[0].dtype).eps)
    least = ops.scalar(lowest, lines[0])
    lines = list(lines)
    pivots: list[Array] = []
    for row in range(rows):
        line = lines[row]
        deviation = xp.where(line[0, ...] < least, least, line[0, ...])
        pivots.append(term(ops, deviation))
        scaled = line[1:, ...] / (1 + deviation)
        for below in range(row + 1, len(lines)):
            place = below - row
            lines[below] = lines[below] - line[place, ...] * scaled[place - 1 :, ...]
    return reduce(operator.add, pivots), lines[rows:]


def _halves(ops: Ops, x: Array) -> tuple[Array, Array, Array]:
    """The first diagonal block, the whitened block beside it, and the Schur complement."""
    xp = ops.xp
    half = x.shape[-1] // 2
    first, between, last = x[..., :half, :half], x[..., :half, half:], x[..., half:, half:]
    across = ops.solve_triangular(
        ops.cholesky(first + identity(ops, first.shape[-1], first)), between
    )
    return first, across, last - xp.matmul(xp.matrix_transpose(across), across)


def trace_above_log(ops: Ops, x: Array) -> Array:
    """`tr x - log det(I + x)` [...] for symmetric x [..., R, R] of norm at most 1/2.

    No term is below 0.
    """
    xp = ops.xp
    if x.shape[-1] > _ROWS:
        first, across, rest = _halves(ops, x)
        off = xp.sum(across * across, axis=(-2, -1))
        return off + trace_above_log(ops, first) + trace_above_log(ops, rest)
    total = xp.zeros_like(x[..., 0, 0])
    while x.shape[-1] > 0:
        pivot = 1 + x[..., 0, 0]
        # d - log1p(d), by the function that is accurate for small arguments.
        total = total + pivot * ops.kl_term(-x[..., 0, 0] / pivot)
        column = x[..., 1:, 0]
        scaled = column / pivot[..., None]
        total = total + xp.sum(column * scaled, axis=-1)
        x = x[..., 1:, 1:] - column[..., :, None] * scaled[..., None, :]
    return total


def eliminate_semidefinite(ops: Ops, x: Array, zero: Array) -> tuple[Array, Array]:
    """`log det(I + x)` [...] and the pivots [..., R], for `I + x` positive semi-definite.

    It is like `log1p_det`, except that pivots may be zero. Pivots of at most `zero` [..., R] enter
    as that value, and their rows count as eliminated.
    """
    xp = ops.xp
    deviations = _factor(ops, x, zero)[1]
    held = xp.where(1 + deviations > zero, deviations, zero - 1)
    return xp.sum(xp.log1p(held), axis=-1), 1 + deviations


def _factor(ops: Ops, x: Array, zero: Array) -> tuple[Array, Array]:
    """The lower factor [..., R, R] of `I + x`, and its pivots minus one [..., R]."""
    xp = ops.xp
    size = x.shape[-1]
    if size > _ROWS:
        half = size // 2
        above = x[..., :half, half:]
        first, pivots = _factor(ops, x[..., :half, :half], zero[..., :half])
        across = ops.solve_triangular(first, above)
        below = xp.matrix_transpose(across)
        rest = x[..., half:, half:] - xp.matmul(below, across)
        last, others = _factor(ops, rest, zero[..., half:])
        rows = xp.concat([first, xp.zeros_like(above)], axis=-1), xp.concat([below, last], axis=-1)
        return xp.concat(rows, axis=-2), xp.concat([pivots, others], axis=-1)
    columns, deviations = [], []
    place = xp.arange(size, device=ops.device(x))
    for k in range(size):
        deviation = x[..., k, k]
        kept = 1 + deviation > zero[..., k]
        root = xp.sqrt(1 + xp.where(kept, deviation, ops.scalar(0.0, x)))[..., None]
        below = xp.where((place > k) & kept[..., None], x[..., :, k], ops.scalar(0.0, x)) / root
        columns.append(xp.where(place == k, root, below))
        deviations.append(deviation)
        x = x - below[..., :, None] * below[..., None, :]
    return xp.stack(columns, axis=-1), xp.stack(deviations, axis=-1)

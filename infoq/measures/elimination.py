"""The log-determinant of the identity plus a matrix, exact where the matrix is small."""

from __future__ import annotations

from infoq.backends import Array, Ops

# Beyond this many rows a Cholesky solve of half the matrix is faster than eliminating row by row.
_ROWS = 12


def log1p_det(ops: Ops, x: Array, *, semidefinite: bool = False) -> Array:
    """`log det(I + x)` of symmetric matrices x [..., R, R] with `I + x` positive definite: [...].

    Rows are eliminated from x rather than from `I + x`, and each pivot `1 + d` enters as
    `log1p(d)`: where x is small the result keeps its relative accuracy, which the determinant of
    `I + x` loses. With `-x` positive semi-definite no two terms have opposite signs at all.

    Where x is known to be positive semi-definite (`semidefinite`), rounding can't make a pivot
    smaller than 1. Costs R^3 / 3 multiply-adds a matrix.
    """
    return ops.over_stacks(_log1p_det, "(i,j)->()", x, semidefinite=semidefinite)


def _log1p_det(ops: Ops, x: Array, *, semidefinite: bool) -> Array:
    if x.shape[-1] > _ROWS:
        return _by_halves(ops, x, semidefinite)
    # The matrices' own axes first: every operation then runs over all matrices at once.
    batch = tuple(range(x.ndim - 2))
    x = ops.xp.permute_dims(x, (x.ndim - 2, x.ndim - 1, *batch))
    lines = [x[row, row:, ...] for row in range(x.shape[0])]
    return eliminate(ops, lines, semidefinite=semidefinite)


def eliminate(ops: Ops, lines: list[Array], *, semidefinite: bool = False) -> Array:
    """`log1p_det` of matrices by the lines of their upper triangles, [R - r, ...] each: [...]."""
    xp = ops.xp
    # Rounding may take what is just above -1 to -1 or below, where the logarithm ends.
    lowest = 0.0 if semidefinite else -1 + float(xp.finfo(lines[0].dtype).eps)
    least = ops.scalar(lowest, lines[0])
    lines, total = list(lines), None
    for row, line in enumerate(lines):
        deviation = xp.where(line[0, ...] < least, least, line[0, ...])
        pivot = xp.log1p(deviation)
        total = pivot if total is None else total + pivot
        scaled = line[1:, ...] / (1 + deviation)
        for below in range(row + 1, len(lines)):
            place = below - row
            lines[below] = lines[below] - line[place, ...] * scaled[place - 1 :, ...]
    return total


def _by_halves(ops: Ops, x: Array, semidefinite: bool) -> Array:
    xp = ops.xp
    half = x.shape[-1] // 2
    first, between, last = x[..., :half, :half], x[..., :half, half:], x[..., half:, half:]
    eye = xp.eye(half, dtype=x.dtype, device=ops.device(x))
    across = ops.solve_triangular(ops.cholesky(first + eye), between)
    rest = last - xp.matmul(xp.matrix_transpose(across), across)
    parts = (_log1p_det(ops, part, semidefinite=semidefinite) for part in (first, rest))
    return sum(parts)

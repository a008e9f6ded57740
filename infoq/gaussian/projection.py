"""The parts of candidates that targets explain and leave, by a projection on the targets' rows.

In coordinates in which the parameters have unit variance (see `whitening`), the targets' rows have
singular values s and right singular vectors V. A candidate y has coordinates c = y V^T, of which
the targets explain `c s / sqrt(1 + s^2)`, and leave `c / sqrt(1 + s^2)` and what lies outside of
their span. Both are vectors, whose squares add up to the candidate's variance. The information of
its outcome, `1/2 log det(I + (I + L)^-1 B)` of the parts left L and explained B, is no difference
of two numbers, however large or small it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.fields import mapped
from infoq.linear_algebra.small_matrices import flat_product, identity
from infoq.structures.embedding import Embedding
from infoq.structures.rows import Rows
from infoq.structures.whitening import Whitening, outside_and_inside, principal

# Up to this many rows one is eliminated after another, of all candidates at once; beyond, by the
# library's orthogonal factors.
_ROWS = 12

# Rows of targets are reduced to P whenever there are this many times P.
_TALL = 4


class Spanned(NamedTuple):
    """Targets with as many directions as there are parameters: nothing lies outside.

    Attributes
    ----------
    vectors : array [P, P]
        With which rows have their coordinates c as products.
    strengths : array [P]
        The singular values s.
    """

    vectors: Array
    strengths: Array

    def split(self, ops: Ops, rows: Rows, *, trace: bool) -> tuple[Array, Array]:
        """What is left and what is explained of each candidate: [n, R, P] both."""
        coordinates = rows.dot(ops, self.vectors)
        if trace:
            return coordinates, coordinates * self.strengths
        root = _root(ops, self.strengths)
        return coordinates / root, coordinates * (self.strengths / root)


class Beyond(NamedTuple):
    """Targets with fewer directions than there are parameters.

    Attributes
    ----------
    whitening : Whitening
        The coordinates.
    directions : array [Q, P]
        The singular vectors V.
    strengths : array [Q]
        The singular values s.
    """

    whitening: Whitening
    directions: Array
    strengths: Array

    def split(self, ops: Ops, rows: Rows, *, trace: bool) -> tuple[Array, Array]:
        """What is left [n, R, P + Q] and what is explained [n, R, Q] of each candidate."""
        return divided(
            ops, self.whitening.rows(ops, rows), self.directions, self.strengths, trace=trace
        )


def spanned(
    ops: Ops,
    whitening: Whitening,
    targets: Embedding,
    scale: Array,
) -> Spanned | Beyond:
    """What divides candidates, from the targets' rows, each target times a number [M].

    With Q rows of all targets, Q P min(Q, P) multiply-adds, a few times; memory is that of
    min(Q, P) rows, and of a block of targets.
    """
    whitening = whitening.ready(ops)
    white = white_targets(ops, whitening, targets, scale)
    return dividing(ops, whitening, *strongest(ops, white))


def dividing(
    ops: Ops, whitening: Whitening, directions: Array, strengths: Array
) -> Spanned | Beyond:
    """What divides candidates, from the singular vectors [r, P] and values of white targets."""
    if directions.shape[0] < directions.shape[1]:
        return Beyond(whitening, directions, strengths)
    return Spanned(whitening.back(ops, directions), strengths)


def white_targets(
    ops: Ops,
    whitening: Whitening,
    targets: Embedding,
    scale: Array,
) -> Array:
    """At most P white rows with the Fisher information of all targets, [min(Q, P), P]."""

    def white(start: int, stop: int) -> Array:
        block = mapped(lambda x: x[start:stop, ...], targets)
        rows = whitening.rows(ops, block.rows(ops).scaled(ops, scale[start:stop]))
        return ops.xp.reshape(rows, (-1, rows.shape[-1]))

    return reduced(ops, white, int(scale.shape[0]))


def reduced(ops: Ops, white: Callable[[int, int], Array], count: int) -> Array:
    """The rows of all targets, by blocks, as no more than columns that have the same products.

    `white` gives those of targets from one to another; of the first alone, to learn the sizes.
    """
    first = white(0, 1)
    each, size = int(first.shape[0]), int(first.shape[1])
    step = max(1, -(-_TALL * size // each))
    rows = white(0, min(step, count))
    for start in range(step, count, step):
        rows = ops.xp.concat([_triangle(ops, rows), white(start, min(start + step, count))])
    return _triangle(ops, rows)


def strongest(ops: Ops, rows: Array, most: Array | None = None) -> tuple[Array, Array]:
    """Singular vectors and values of white rows; those are 0 that are rounding of the largest.

    Where rows are redundant, what they measure beside each other is rounding: of the largest value,
    or of `most`, where the values were larger once.
    """
    directions, strengths = principal(ops, rows)
    return directions, above_rounding(ops, strengths, most)


def above_rounding(ops: Ops, strengths: Array, most: Array | None = None) -> Array:
    """Singular values, 0 where they are rounding of the largest, or of `most`."""
    xp = ops.xp
    rounding = float(xp.finfo(strengths.dtype).eps) * strengths.shape[0] ** 0.5
    some = strengths > rounding * (xp.max(strengths) if most is None else most)
    return xp.where(some, strengths, ops.scalar(0.0, strengths))


def _triangle(ops: Ops, rows: Array) -> Array:
    """As many rows as columns, or fewer, with the same products of columns."""
    return ops.xp.linalg.qr(rows)[1] if rows.shape[0] > rows.shape[1] else rows


def divided(
    ops: Ops, x: Array, directions: Array, strengths: Array, *, trace: bool
) -> tuple[Array, Array]:
    """What is left [n, R, P + Q] and explained [n, R, Q] of white rows x [n, R, P].

    Of a trace what is left is all of x.
    """
    if trace:
        return x, flat_product(ops, x, directions.T) * strengths
    outside, inside = outside_and_inside(ops, x, directions)
    root = _root(ops, strengths)
    return ops.xp.concat([outside, inside / root], axis=-1), inside * (strengths / root)


def _root(ops: Ops, strengths: Array) -> Array:
    return ops.xp.sqrt(1 + strengths * strengths)


# --- one score per candidate -------------------------------------------------------------------
def told_logdet(ops: Ops, left: Array, told: Array) -> Array:
    """`1/2 log det(I + (I + L)^-1 B)` from roots of L [n, R, S] and B [n, R, Q]: [n]."""
    return spanned_logdet(ops, beyond_noise(ops, left, told)) / 2


def told_trace(ops: Ops, left: Array, told: Array) -> Array:
    """`1/2 tr (I + L)^-1 B` from the same: [n]."""
    rows = beyond_noise(ops, left, told)
    return ops.xp.sum(rows * rows, axis=(-2, -1)) / 2


def beyond_noise(ops: Ops, left: Array, told: Array) -> Array:
    """`K^-1 told` with `K K^T = I + left left^T`: [n, R, Q].

    By rotations of the rows, and never from `left left^T`: nearly redundant rows would cancel in
    it.
    """
    xp = ops.xp
    if left.shape[1] > _ROWS:
        return _by_orthogonal_factors(ops, left, told)
    done = []
    while left.shape[1] > 0:
        first, left = left[:, :1, :], left[:, 1:, :]
        own, told = told[:, :1, :], told[:, 1:, :]
        square = xp.sum(first * first, axis=-1, keepdims=True)
        done.append(own / xp.sqrt(1 + square))
        if left.shape[1] == 0:
            break
        across = xp.sum(left * first, axis=-1, keepdims=True)
        told = told - (across / (1 + square)) * own
        left = left - across * _shrink(ops, square) * first
    return done[0] if len(done) == 1 else xp.concat(done, axis=1)


def spanned_logdet(ops: Ops, rows: Array) -> Array:
    """`log det(I + G G^T)` of rows G [n, R, Q]: [n]. A sum of logarithms, none below 0."""
    xp = ops.xp
    if rows.shape[1] > _ROWS:
        values = xp.linalg.svdvals(rows)
        return xp.sum(xp.log1p(values * values), axis=-1)
    total = xp.zeros_like(rows[:, 0, 0])
    while rows.shape[1] > 0:
        first, rows = rows[:, :1, :], rows[:, 1:, :]
        square = xp.sum(first * first, axis=-1, keepdims=True)
        total = total + xp.log1p(square[:, 0, 0])
        across = xp.sum(rows * first, axis=-1, keepdims=True)
        rows = rows - across * _shrink(ops, square) * first
    return total


def _shrink(ops: Ops, square: Array) -> Array:
    """The number a with `(I - a v v^T)^2 = I - v v^T / (1 + v^2)`, for v^2."""
    root = ops.xp.sqrt(1 + square)
    return 1 / (root * (1 + root))


def _by_orthogonal_factors(ops: Ops, left: Array, told: Array) -> Array:
    xp = ops.xp
    n, size, _ = left.shape
    stack = xp.concat([xp.broadcast_to(identity(ops, size, left), (n, size, size)), left], axis=-1)
    upper = xp.linalg.qr(xp.matrix_transpose(stack))[1]
    return ops.solve_triangular(xp.matrix_transpose(upper), told)

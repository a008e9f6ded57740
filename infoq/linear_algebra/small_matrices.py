"""Linear algebra of small matrices, and products with structured ones."""

from __future__ import annotations

import math

from infoq.backends import Array, Ops


def identity(ops: Ops, size: int, like: Array) -> Array:
    """The identity matrix [size, size], with the dtype and device of `like`."""
    return ops.xp.eye(size, dtype=like.dtype, device=ops.device(like))


def diagonal_matrices(ops: Ops, x: Array) -> Array:
    """Matrices [..., D, D] with the values x [..., D] on their diagonals, and 0 elsewhere."""
    places = ops.xp.arange(x.shape[-1], device=ops.device(x))
    return ops.xp.where(places[:, None] == places, x[..., None], ops.scalar(0.0, x))


def whiten(ops: Ops, left: Array, a: Array, right: Array) -> Array:
    """`left^-1 a right^-T` for a [..., R, S] and lower factors [..., R, R] and [..., S, S]."""
    half = ops.xp.matrix_transpose(ops.solve_triangular(left, a))
    return ops.xp.matrix_transpose(ops.solve_triangular(right, half))


def small_gram(ops: Ops, k: Array) -> Array:
    """The smaller of `k k^T` and `k^T k`; their nonzero eigenvalues are the same."""
    across = ops.xp.matrix_transpose(k)
    return ops.xp.matmul(k, across) if k.shape[-2] <= k.shape[-1] else ops.xp.matmul(across, k)


def broadcast_batch(ops: Ops, *matrices: Array) -> list[Array]:
    """The matrices, broadcast to common leading axes."""
    batch: tuple[int, ...] = ()
    for shape in (tuple(a.shape[:-2]) for a in matrices):
        longest = max(len(batch), len(shape))
        old, new = ((1,) * (longest - len(s)) + s for s in (batch, shape))
        if any(m != n and 1 not in (m, n) for m, n in zip(old, new, strict=True)):
            raise ValueError(f"leading axes {batch} and {shape} of the matrices do not broadcast")
        batch = tuple(n if m == 1 else m for m, n in zip(old, new, strict=True))
    return [ops.xp.broadcast_to(a, (*batch, *a.shape[-2:])) for a in matrices]


def equilibrate(ops: Ops, a: Array, scale: Array) -> tuple[Array, Array]:
    """The matrices divided on both sides by the root of `scale` [..., D], and that root [..., D].

    Where the scale is 0, the sum of absolute values of the row replaces it; 1 if that is 0, too.
    """
    xp = ops.xp
    size = xp.sum(xp.abs(a), axis=-1)
    size = xp.where(scale == 0, size, xp.abs(scale))
    root = xp.sqrt(xp.where(size == 0, ops.scalar(1.0, a), size))
    return a / root[..., :, None] / root[..., None, :], root


def symmetric(ops: Ops, x: Array) -> Array:
    """The symmetric part of matrices [..., D, D], which removes asymmetry from rounding."""
    return (x + ops.xp.matrix_transpose(x)) / 2


def traces(ops: Ops, x: Array) -> Array:
    """The traces [...] of matrices [..., D, D]."""
    return ops.xp.sum(ops.xp.linalg.diagonal(x), axis=-1)


def factor_logdet(ops: Ops, lower: Array) -> Array:
    """The log-determinants [...] of matrices, from their lower Cholesky factors [..., D, D]."""
    return 2 * ops.xp.sum(ops.xp.log(ops.xp.linalg.diagonal(lower)), axis=-1)


def trace_per_candidate(ops: Ops, x: Array) -> Array:
    """The traces of matrices [n, R, R], or the sums of the traces of [n, P, 1, 1]: [n]."""
    each = traces(ops, x)
    return each if each.ndim == 1 else ops.xp.sum(each, axis=-1)


def flat_product(ops: Ops, x: Array, matrix: Array) -> Array:
    """`x @ matrix` for x [..., P], by one product of two matrices."""
    xp = ops.xp
    flat = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])) @ matrix
    return xp.reshape(flat, (*x.shape[:-1], matrix.shape[1]))


def turn(ops: Ops, x: Array, left: Array, right: Array) -> Array:
    """The products `x (left (x) right)` [..., C D] with a Kronecker product, for x [..., C D]."""
    xp = ops.xp
    classes, features = left.shape[0], right.shape[0]
    # One axis is merged or split at a time, as Dask supports no more.
    flat = xp.reshape(x, (-1, classes * features))
    stack = xp.reshape(flat, (-1, classes, features))
    turned = xp.reshape(stack, (-1, features)) @ right
    turned = left.T @ xp.reshape(turned, stack.shape)
    return xp.reshape(xp.reshape(turned, flat.shape), x.shape)

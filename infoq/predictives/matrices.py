"""What is asked of vectors and matrices at the door."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.door import check_floating
from infoq.predictives.values import overflow


def check_array(ops: Ops, x: Array, ndim: int, name: str) -> Array:
    """`x` in the precision that it is computed in, refused where it has another rank or dtype."""
    check_floating(ops, x, name)
    square = ndim != 2 or x.ndim != 2 or x.shape[0] == x.shape[1]
    if x.ndim != ndim or 0 in x.shape or not square:
        expected = {1: "(P,)", 2: "(P, P)"}[ndim]
        raise ValueError(f"{name}: expected shape {expected}, got {tuple(x.shape)}")
    return ops.upcast(ops.native(x))


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


def identity(ops: Ops, size: int, like: Array) -> Array:
    """The identity [size, size], in the dtype and on the device of `like`."""
    return ops.xp.eye(size, dtype=like.dtype, device=ops.device(like))

"""The operations that infoq needs from an array library, with defaults in pure array API.

A library that follows the array API standard needs no code: `Ops` works for it unchanged. A
subclass overrides a method only for speed, or where the library departs from the standard.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from infoq.backends.arrays import Array, is_integer
from infoq.backends.formula_ops import FormulaOps

Seed: TypeAlias = tuple[int, ...]
"""Integers that name one stream of random numbers; equal seeds give equal numbers."""


class Ops(FormulaOps):
    """The operations that infoq needs and the array API standard lacks, for one array library.

    Parameters
    ----------
    xp : module
        An array API namespace, such as `array_api_compat.array_namespace` returns.

    Notes
    -----
    Methods take and return arrays of `xp`, keep their device and dtype, and never modify them.
    """

    # --- linear algebra ---------------------------------------------------------------------

    def cholesky(self, a: Array) -> Array:
        """The lower Cholesky factor of symmetric matrices [..., R, R].

        Raises
        ------
        ValueError
            If the matrices are not square, or (where values can be read) not positive definite.
        """
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            raise ValueError(f"expected square matrices, got shape {tuple(a.shape)}")
        try:
            factor = self._lower_factor(a)
        except NotImplementedError:  # no linear algebra in this dtype
            raise
        except (ArithmeticError, RuntimeError, ValueError) as error:
            raise ValueError(_not_positive_definite(a)) from error
        if self.concrete(factor) and not bool(self.xp.all(self.xp.isfinite(factor))):
            raise ValueError(_not_positive_definite(a))
        return factor

    def _lower_factor(self, a: Array) -> Array:
        return self.xp.linalg.cholesky(a)

    def cholesky_logdet(self, a: Array) -> Array:
        """`log det a` [...] of positive definite matrices [..., R, R], by their Cholesky factor."""
        diagonal = self.xp.linalg.diagonal(self.cholesky(a))
        return 2 * self.xp.sum(self.xp.log(diagonal), axis=-1)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution x of `a x = b` for triangular a [..., R, R] and b [..., R, S].

        The other triangle of `a` is not read.
        """
        xp = self.xp
        return xp.linalg.solve(xp.tril(a) if lower else xp.triu(a), b)

    def orthogonal(self, a: Array) -> tuple[Array, Array]:
        """The thin QR factors of a [P, Q] of rank Q: `a = q r`.

        q [P, Q] has orthonormal columns. r [Q, Q] is upper triangular with a positive diagonal.
        """
        xp = self.xp
        q, r = self._thin_qr(a)
        diagonal = xp.linalg.diagonal(r)
        sign = xp.where(diagonal < 0, self.scalar(-1.0, a), self.scalar(1.0, a))
        return q * sign, r * sign[:, None]

    def _thin_qr(self, a: Array) -> tuple[Array, Array]:
        q, r = self.xp.linalg.qr(a)
        return q, r

    def symmetric_eigen(self, a: Array) -> tuple[Array, Array]:
        """The ascending eigenvalues [..., R] and the eigenvectors of symmetric matrices.

        The eigenvectors are the columns of matrices [..., R, R].
        """
        values, vectors = self.xp.linalg.eigh(a)
        return values, vectors

    # --- sorting and indexing ---------------------------------------------------------------

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The `k` largest values of x [N] and their indices, in descending order.

        Ties are in the order of their indices. NaN counts as -inf.
        """
        xp = self.xp
        key = xp.where(xp.isnan(x), self.scalar(-float("inf"), x), x)
        indices = xp.argsort(key, descending=True, stable=True)[: min(k, x.shape[0])]
        return xp.take(x, indices, axis=0), indices

    def join(self, arrays: Sequence[Array]) -> Array:
        """The arrays concatenated along their first axis, in one chunk."""
        return self.xp.concat(list(arrays))

    def join_blocks(self, blocks: Iterable[Array], axis: int, size: int) -> Array:
        """The blocks concatenated along an axis, whose total size is `size`."""
        return self.xp.concat(list(blocks), axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int = -1) -> Array:
        """The entries of `x` at the `indices` along one axis; the other axes match."""
        xp = self.xp
        if hasattr(xp, "take_along_axis"):
            return xp.take_along_axis(x, indices, axis=axis)
        x, indices = xp.moveaxis(x, axis, -1), xp.moveaxis(indices, axis, -1)
        size = x.shape[-1]
        rows = xp.reshape(x, (-1, size))
        start = size * xp.arange(rows.shape[0], dtype=indices.dtype, device=self.device(x))
        picked = xp.reshape(indices, (rows.shape[0], -1)) + start[:, None]
        flat = xp.take(xp.reshape(rows, (-1,)), xp.reshape(picked, (-1,)), axis=0)
        return xp.moveaxis(xp.reshape(flat, indices.shape), -1, axis)

    def row(self, x: Array, index: Array | int) -> Array:
        """`x[index, ...]`, for an index that may be a 0-d array."""
        if is_integer(index):  # also NumPy's integers, with any library
            return x[int(index), ...]
        return self.xp.take(x, self.xp.reshape(index, (1,)), axis=0)[0, ...]

    # --- random numbers ---------------------------------------------------------------------

    def seed(self, seed: Any) -> int:
        """An integer from a user's seed: an integer, or a random generator of the library."""
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
            raise TypeError(
                f"seed: expected an integer or a random generator of {self.name}, "
                f"got {type(seed).__name__}"
            )
        return int(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Independent uniform numbers in [0, 1), with the dtype and device of `like`."""
        from random import Random  # imports hashlib, which takes a tenth of `import infoq`

        source = Random(stream(seed))
        count = math.prod(shape)
        # A number just below 1 must not round to 1 in a narrower dtype.
        below_one = 1 - float(self.xp.finfo(like.dtype).eps) / 2
        values = [min(source.random(), below_one) for _ in range(count)]
        device = self.device(like)
        return self.xp.reshape(self.xp.asarray(values, dtype=like.dtype, device=device), shape)

    def normal(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Independent standard normal numbers, with the dtype and device of `like`."""
        xp = self.xp
        radius = xp.sqrt(-2 * xp.log1p(-self.uniform(shape, (*seed, 0), like)))
        return radius * xp.cos(2 * math.pi * self.uniform(shape, (*seed, 1), like))


def _not_positive_definite(a: Array) -> str:
    return (
        f"the matrix of shape {tuple(a.shape)} is not positive definite; "
        "a larger prior precision or ridge makes it so"
    )


def stream(seed: Seed) -> int:
    """A 63-bit integer determined by all integers of a seed, the same on every machine.

    Parameters
    ----------
    seed : tuple of int
        The integers that name the stream.

    Returns
    -------
    int
        Between 0 and 2^63 - 1.

    Examples
    --------
    >>> import infoq
    >>> infoq.backends.stream((0, 1)) == infoq.backends.stream((0, 1))
    True
    """
    from random import Random

    return Random(":".join(map(str, seed))).getrandbits(63)

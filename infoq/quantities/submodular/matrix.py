"""Similarities given as a matrix."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit
from infoq.checks.numbers import first_place
from infoq.checks.values import check_values
from infoq.quantities.submodular.reading import Block, integers, nowhere_negative


class MatrixSimilarities:
    """A matrix [M, N] of the similarities of N candidates.

    A linear combination of candidates is represented by that combination of their columns, [M].
    """

    def __init__(self, columns: Array, like: Array) -> None:
        self.like, self.ops = like, ops_for(like)
        self.reader = _columns
        self.rows = (columns,)
        self.width = int(columns.shape[1])

    def numbers(self, points: int) -> int:
        """The numbers that a block keeps per candidate when compared with this many points."""
        return 4 * points

    def vector(self, index: Array | int) -> Array:
        """The vector of one candidate: its column [M], in memory."""
        column = self._fetch(ops_for(self.rows[0]).row(self.rows[0], index))
        return ops_for(column).upcast(column)

    def project(self, vector: Array, indices: Array | None = None) -> Array:
        """The combination of columns unchanged, or only at some candidates [m]."""
        return vector if indices is None else ops_for(vector).xp.take(vector, indices, axis=0)

    def diagonal(self) -> Array:
        """Similarities of the candidates with themselves: [N], in memory."""
        values = self._fetch(self.ops.xp.linalg.diagonal(self.rows[0]))
        return ops_for(values).upcast(values)

    def total(self) -> Array:
        """The sum of all columns: [M], in memory."""
        return self._fetch(self.ops.xp.sum(self.ops.upcast(self.rows[0]), axis=0))

    def weighed(self, weights: Array) -> Array:
        """Sum of columns times weights [N], for a symmetric matrix: [N], in memory."""
        columns = ops_for(self.rows[0]).upcast(self.rows[0])
        return self._fetch(columns @ ops_for(columns).adopt(weights))

    def among(self, indices: tuple[Any, ...]) -> Array:
        """Similarities [B, B] of some candidates, in memory."""
        columns = [self.vector(index) for index in indices]
        ops = ops_for(columns[0])
        members = integers(ops, indices, columns[0])
        return ops.xp.stack([ops.xp.take(column, members, axis=0) for column in columns])

    def nowhere_negative(self) -> bool:
        """Whether all similarities are known to be at least 0."""
        return nowhere_negative(self.ops, self.like)

    def _fetch(self, x: Array) -> Array:
        return ops_for(x).fetch(x)


def matrix(kernel: Array, *, square: bool) -> MatrixSimilarities:
    """Similarities from a kernel [M, N], or a symmetric one [N, N] if `square`."""
    ops, kernel = admit(kernel=kernel)
    if square:
        check_values(ops, kernel, "kernel", {2: "[N, N]"}, squared=False)
        if kernel.shape[0] != kernel.shape[1]:
            raise ValueError(
                f"kernel: expected a square matrix [N, N] of similarities between candidates, got "
                f"{tuple(kernel.shape)}; for features pass points="
            )
        _check_symmetric(ops, kernel)
    else:
        check_values(
            ops, kernel.T if kernel.ndim == 2 else kernel, "kernel", {2: "[M, N]"}, squared=False
        )
    return MatrixSimilarities(kernel if _symmetric(ops, kernel) else ops.packed(kernel.T), kernel)


def _columns(ops: Ops, arguments: tuple[Any, ...]) -> Block:
    """Similarities of a block of candidates with all points."""
    return Block(ops.upcast(arguments[0]), None, arguments[1:])


def _check_symmetric(ops: Ops, kernel: Array) -> None:
    xp = ops.xp
    if not ops.concrete(kernel):
        return
    values = ops.upcast(kernel)
    largest = xp.max(xp.abs(values))
    off = xp.abs(values - values.T) > float(xp.finfo(kernel.dtype).eps) ** 0.5 * largest
    place = first_place(ops, off)
    if place is not None:
        raise ValueError(
            f"kernel: element {place} of shape "
            f"{tuple(kernel.shape)} differs from its mirror image; pass (kernel + kernel.T) / 2"
        )


def _symmetric(ops: Ops, kernel: Array) -> bool:
    """Whether the kernel is known to be symmetric, so that it need not be copied."""
    alike = kernel.shape[0] == kernel.shape[1] and ops.concrete(kernel)
    return alike and bool(ops.xp.all(kernel == kernel.T))

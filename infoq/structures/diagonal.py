"""Candidates whose Fisher information is a diagonal matrix."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.numbers import first_place
from infoq.checks.values import check_values
from infoq.linear_algebra.small_matrices import diagonal_matrices
from infoq.structures.embedding import Embedding
from infoq.structures.rows import Apply, Rows


class DiagonalRows(Rows):
    """Rows of a diagonal Fisher information: P rows that share no parameter.

    Each row is a group of its own (see `Rows`), so `weighed` returns [n, P, 1, 1]. `solved` returns
    the P non-zero numbers as one row [n, 1, P], from which `pairs` computes [1, 1, P, m, n]. Forms
    that are not diagonal have no such blocks, and use the rows in full.

    Parameters
    ----------
    roots : array [n, P]
        The square roots of the diagonal.
    """

    def __init__(self, roots: Array) -> None:
        self.roots = roots

    def dense(self, ops: Ops) -> Array:
        """The rows in full, as diagonal matrices: [n, P, P]."""
        return diagonal_matrices(ops, self.roots)

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [Q, P]: [n, P, Q]; N P Q multiplications."""
        return self.roots[:, :, None] * vectors.T[None, :, :]

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """The diagonal of `E P^-1` as one row: [n, 1, P]."""
        return apply(ops, self.roots)[:, None, :]

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """The products with the diagonals [m, 1, P] of targets, per parameter: [1, 1, P, m, n]."""
        others = ops.xp.permute_dims(vectors[:, 0, :], (1, 0))
        return (others[:, :, None] * self.roots.T[:, None, :])[None, None, ...]

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """The blocks of `E diag(v) E^T` for v [P] or [1]: [n, P, 1, 1]."""
        return (self.roots**2 * weights[None, :])[:, :, None, None]

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P] or [1]: [n]; N P multiply-adds."""
        return ops.xp.sum(self.roots**2 * weights[None, :], axis=1)

    def transformed(self, ops: Ops, maps: Array) -> DiagonalRows:
        """The rows times numbers, one per row [n, P, 1, 1] or per candidate [n, 1, 1]."""
        return DiagonalRows(self.roots * ops.xp.reshape(maps, (maps.shape[0], -1)))

    def scaled(self, ops: Ops, scale: Array) -> DiagonalRows:
        """The rows `s_i E_i` for numbers s [n]."""
        return DiagonalRows(self.roots * scale[:, None])

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block, a diagonal matrix: [P, P]."""
        return diagonal_matrices(ops, self.fisher_diagonal(ops))

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The sum of the diagonals over the block: [P]."""
        return ops.xp.sum(self.roots**2, axis=0)

    def factors(self, ops: Ops) -> tuple[Array, ...]:
        """The square roots of the diagonals: [n, P]."""
        return (self.roots,)


@capabilities()
class DiagonalEmbedding(Embedding):
    """The diagonal of each candidate's Fisher information, without the entries off it.

    Parameters
    ----------
    fisher_diagonal : array [N, P]
        The diagonal of each candidate's Fisher information, at least 0.

    Raises
    ------
    TypeError, ValueError
        If the array is not floating or not [N, P], or (where values can be read) has a value that
        is negative or not finite.

    Notes
    -----
    An approximation. For `eig` with a scalar precision, its log-determinant lies between the exact
    one and the trace (Hadamard's inequality). For information about targets it is no bound: rows
    (1, 1) and (1, -1) share no information, but their diagonals share 0.288 nats. It works with
    scalar and diagonal precisions, and costs N P logarithms.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(infoq.DiagonalEmbedding(np.array([[1.0, 3.0]])), 1.0)
    >>> infoq.eig(pool).round(4)
    array([1.0397])
    """

    _arrays = ("fisher_diagonal",)
    fisher_diagonal: Array

    def __init__(self, fisher_diagonal: Array) -> None:
        ops, fisher_diagonal = admit(fisher_diagonal=fisher_diagonal)
        check_values(ops, fisher_diagonal, "fisher_diagonal", {2: "[N, P]"}, squared=False)
        if ops.concrete(fisher_diagonal) and (place := first_place(ops, fisher_diagonal < 0)):
            raise ValueError(
                f"fisher_diagonal: candidate {place[0]} has a negative entry; pass squares of "
                "gradients, or the diagonal of a positive semi-definite matrix"
            )
        self.fisher_diagonal = fisher_diagonal

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, P."""
        return self.num_parameters

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.fisher_diagonal.shape[1])

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: a few per parameter."""
        return 8 * self.num_parameters

    def rows(self, ops: Ops) -> DiagonalRows:
        """The rows from the square roots of the diagonal, which have a gradient of 0 at 0."""
        xp = ops.xp
        values = ops.upcast(self.fisher_diagonal)
        some = values > 0
        roots = xp.sqrt(xp.where(some, values, ops.scalar(1.0, values)))
        return DiagonalRows(xp.where(some, roots, ops.scalar(0.0, values)))

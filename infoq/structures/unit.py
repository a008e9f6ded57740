"""Rows and embedding of candidates that each measure one function value of a Gaussian process."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import diagonal_matrices
from infoq.structures.embedding import Embedding
from infoq.structures.rows import Rows


class UnitRows(Rows):
    """One row per candidate, a multiple of a unit vector: it measures one function value.

    Parameters
    ----------
    scale : array [n]
        One over the standard deviation of each outcome's noise.
    index : integer array [n]
        The index of the function value that each candidate measures, from 0 to P - 1.
    size : int
        The number of function values, P.
    """

    def __init__(self, scale: Array, index: Array, size: int) -> None:
        self.scale, self.index, self.size = scale, index, size

    def dense(self, ops: Ops) -> Array:
        """The rows in full: [n, 1, P]."""
        xp = ops.xp
        places = xp.arange(self.size, dtype=self.index.dtype, device=ops.device(self.scale))
        here = xp.astype(self.index[:, None] == places[None, :], self.scale.dtype)
        return (here * self.scale[:, None])[:, None, :]

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [Q, P]: [n, 1, Q]; a look-up of entries."""
        picked = ops.xp.take(vectors, self.index, axis=1) * self.scale[None, :]
        return picked.T[:, None, :]

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [m, S, P]: [1, S, m, n]; a look-up of entries."""
        picked = ops.xp.take(vectors, self.index, axis=2) * self.scale
        return ops.xp.permute_dims(picked, (1, 0, 2))[None, ...]

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """`E W E^T` for W [P, P]: [n, 1, 1]; a look-up of diagonal entries."""
        return self.weighed(ops, ops.xp.linalg.diagonal(matrix))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """`E diag(v) E^T` for v [P] or [1]: [n, 1, 1]; a look-up of entries."""
        xp = ops.xp
        spread = xp.broadcast_to(weights, (self.size,))
        return (xp.take(spread, self.index, axis=0) * self.scale**2)[:, None, None]

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P] or [1]: [n]; a look-up of entries."""
        return self.weighed(ops, weights)[:, 0, 0]

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for W [P, P]: [n]; a look-up of diagonal entries."""
        return self.quadratic(ops, matrix)[:, 0, 0]

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """The rows `T_i E_i` for maps T [n, S, 1]; still unit rows where S = 1."""
        if maps.shape[1] == 1:
            return UnitRows(self.scale * maps[:, 0, 0], self.index, self.size)
        return super().transformed(ops, maps)

    def scaled(self, ops: Ops, scale: Array) -> UnitRows:
        """The rows `s_i E_i` for numbers s [n]."""
        return UnitRows(self.scale * scale, self.index, self.size)

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block, a diagonal matrix: [P, P]."""
        return diagonal_matrices(ops, self.fisher_diagonal(ops))

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The diagonal of that sum, the noise precisions summed per function value: [P]."""
        return ops.xp.sum(self.dense(ops)[:, 0, :] ** 2, axis=0)


class UnitEmbedding(Embedding):
    """Candidates that measure one function value each; see `Gaussian.from_covariance`.

    Attributes
    ----------
    scale : array [N]
        One over the standard deviation of each outcome's noise.
    index : integer array [N]
        The index of the function value that each candidate measures.
    size : int
        The number of function values, P.
    """

    _arrays = ("scale", "index")
    _static = ("size",)
    scale: Array
    index: Array
    size: int

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, 1."""
        return 1

    @property
    def num_parameters(self) -> int:
        """The number of function values, P."""
        return self.size

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: a few."""
        return 16

    def log_noise(self, ops: Ops) -> Array:
        """The logarithm of each outcome's noise variance: [n]."""
        return -2 * ops.xp.log(ops.upcast(self.scale))

    def rows(self, ops: Ops) -> UnitRows:
        """The rows of the candidates, multiples of unit vectors."""
        return UnitRows(ops.upcast(self.scale), self.index, self.size)

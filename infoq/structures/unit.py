"""Candidates that each measure one parameter: function values of a Gaussian process."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import diagonal_matrices
from infoq.structures.embedding import Embedding
from infoq.structures.rows import Rows


class UnitRows(Rows):
    """One row a candidate, a multiple of a unit vector: the candidate's own function value.

    Parameters
    ----------
    scale : array [n]
        One over the standard deviation of the noise.
    index : array [n]
        Which of the P function values it is, integers.
    size : int
        The number of function values, P.
    """

    def __init__(self, scale: Array, index: Array, size: int) -> None:
        self.scale, self.index, self.size = scale, index, size

    def dense(self, ops: Ops) -> Array:
        """The rows in full, [n, 1, P]."""
        xp = ops.xp
        places = xp.arange(self.size, dtype=self.index.dtype, device=ops.device(self.scale))
        here = xp.astype(self.index[:, None] == places[None, :], self.scale.dtype)
        return (here * self.scale[:, None])[:, None, :]

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """By look-up."""
        picked = ops.xp.take(vectors, self.index, axis=1) * self.scale[None, :]
        return picked.T[:, None, :]

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """By look-up."""
        picked = ops.xp.take(vectors, self.index, axis=2) * self.scale
        return ops.xp.permute_dims(picked, (1, 0, 2))[None, ...]

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """By look-up."""
        return self.weighed(ops, ops.xp.linalg.diagonal(matrix))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """By look-up."""
        xp = ops.xp
        spread = xp.broadcast_to(weights, (self.size,))
        return (xp.take(spread, self.index, axis=0) * self.scale**2)[:, None, None]

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """By look-up: [n]."""
        return self.weighed(ops, weights)[:, 0, 0]

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """By look-up: [n]."""
        return self.quadratic(ops, matrix)[:, 0, 0]

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """A unit vector still where each map is a number."""
        if maps.shape[1] == 1:
            return UnitRows(self.scale * maps[:, 0, 0], self.index, self.size)
        return super().transformed(ops, maps)

    def scaled(self, ops: Ops, scale: Array) -> UnitRows:
        """Elementwise."""
        return UnitRows(self.scale * scale, self.index, self.size)

    def fisher(self, ops: Ops) -> Array:
        """A diagonal matrix."""
        return diagonal_matrices(ops, self.fisher_diagonal(ops))

    def fisher_diagonal(self, ops: Ops) -> Array:
        """How often each function value is measured, by its precision."""
        return ops.xp.sum(self.dense(ops)[:, 0, :] ** 2, axis=0)


class UnitEmbedding(Embedding):
    """Candidates that measure one function value each; see `Gaussian.from_covariance`.

    Attributes
    ----------
    scale : array [N]
        One over the standard deviation of each outcome's noise.
    index : integer array [N]
        Which function value each measures.
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
        """One."""
        return 1

    @property
    def num_parameters(self) -> int:
        """The number of function values, P."""
        return self.size

    @property
    def numbers_per_candidate(self) -> int:
        """A few look-ups."""
        return 16

    def log_noise(self, ops: Ops) -> Array:
        """The logarithm of each noise variance: [n]."""
        return -2 * ops.xp.log(ops.upcast(self.scale))

    def rows(self, ops: Ops) -> UnitRows:
        """Multiples of unit vectors."""
        return UnitRows(ops.upcast(self.scale), self.index, self.size)

"""Conditional self-similarities (pivots) of a log-determinant, and which candidates can be added.

The pivot of a candidate is its self-similarity given the batch: its Schur complement.
"""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, ops_for
from infoq.measures.ridge import clearly, log_det, resolves
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.magnified import MagnifiedSimilarities
from infoq.quantities.submodular.reading import integers
from infoq.quantities.submodular.similarities import Similarities

# An error message names at most this many candidates.
_NAMED = 8


class Pivots:
    """Pivots of features, whose similarities have no negative eigenvalue.

    A pivot that is no more than rounding error counts as 0, and none is negative.
    """

    def __init__(self, pool: Similarities | MagnifiedSimilarities, ridge: float) -> None:
        self.pool, self.ridge = pool, ridge
        self.own = pool.diagonal()
        self.ops = ops = ops_for(self.own)
        self.scale = ops.xp.abs(self.own)
        self.zero, self.one = ops.scalar(0.0, self.own), ops.scalar(1.0, self.own)
        self.rounding = 10 * float(ops.xp.finfo(self.own.dtype).eps)

    def cut(self, left: Array, size: int) -> Array:
        """The pivots [N] given a batch of `size`; 0 where they are rounding error."""
        # Not `>`, so that NaN stays.
        limit = ((size + 1) * self.rounding) * self.scale
        return self.ops.xp.where(left <= limit, self.zero, left)

    def alive(self, left: Array, places: Array | None, size: int) -> Array:
        """Mask of the candidates, of all or at `places`, that can join a batch of `size`."""
        return left > 0 if self.ridge == 0 else self.ops.xp.ones_like(left) > 0

    def all_alive(self, left: Array) -> bool:
        """Whether all candidates are known to be addable without a closer look."""
        return self.ridge > 0

    def floored(self, left: Array, places: Array | None) -> Array:
        """The pivots of candidates that are not refused."""
        return left

    def refused(self, left: Array, places: Array | None, indices: tuple[Any, ...]) -> Array | None:
        """Mask of candidates without a log-determinant given the batch; None if there are none."""
        return None

    def log_det(self, indices: tuple[Any, ...]) -> Array:
        """Log-determinant of some candidates; raises if their matrix has a negative eigenvalue."""
        square = self.pool.among(indices)
        ops = ops_for(square)
        return log_det(ops, square, ops.xp.linalg.diagonal(square), self.ridge, self._name(indices))

    def _name(self, indices: tuple[Any, ...]) -> str:
        return "points"

    def _at(self, x: Array, places: Array | None) -> Array:
        return x if places is None else self.ops.xp.take(x, places, axis=0)


class KernelPivots(Pivots):
    """Pivots of a kernel, which may have negative eigenvalues.

    Pivots above -ridge have a log-determinant; below that the candidate is refused. If the ridge is
    no more than rounding error, so are pivots slightly below 0.
    """

    def __init__(self, pool: Similarities | MagnifiedSimilarities, ridge: float) -> None:
        super().__init__(pool, ridge)
        ops, one = self.ops, self.ops.xp.reshape(self.own[:1], (1, 1))
        self._whole = self.scale + ridge
        self._limit = clearly(ops, one) * self._whole
        self._hidden = ~resolves(ops, one, 10 * self.scale, ridge)

    def cut(self, left: Array, size: int) -> Array:
        """The pivots [N] given a batch of `size`; 0 where they are rounding error."""
        xp = self.ops.xp
        limit = ((size + 1) * self.rounding) * self.scale
        below = xp.where(self._hidden, xp.maximum(limit, self._limit), limit)
        return xp.where((left <= limit) & (left >= -below), self.zero, left)

    def alive(self, left: Array, places: Array | None, size: int) -> Array:
        """Mask of the candidates, of all or at `places`, that can join a batch of `size`."""
        if self.ridge == 0:
            return left > 0
        limit = ((size + 1) * self.rounding) * self._at(self._whole, places)
        dead = (left < 0) & (left + self.ridge <= limit)
        return ~dead | (self._at(self._hidden, places) & (left > -math.inf))

    def all_alive(self, left: Array) -> bool:
        """Whether all candidates are known to be addable without a closer look."""
        if self.ridge == 0 or not self.ops.concrete(left):
            return False
        return bool(self.ops.xp.min(left) >= 0)

    def floored(self, left: Array, places: Array | None) -> Array:
        """The pivots of candidates that are not refused."""
        hidden = (left < 0) & (left > -math.inf) & self._at(self._hidden, places)
        return self.ops.xp.where(hidden, self.zero, left)

    def pick(
        self, column: Array, left: Array, mine: Array, index: Array | int, kept: Array
    ) -> tuple[Array, Array]:
        """The column of a pick given the batch, [N], and a mask of candidates to refuse with it.

        A candidate with a pivot of 0 shares nothing with any other, up to rounding.
        """
        xp, row = self.ops.xp, self.ops.row
        common = xp.abs(column) > xp.sqrt(row(self._limit, index)) * xp.sqrt(self._whole)
        apart = (mine == 0) & ~common
        negative = row(left, index) + self.ridge < -row(self._limit, index)
        return xp.where(apart, self.zero, column), negative | (~kept & common)

    def refused(self, left: Array, places: Array | None, indices: tuple[Any, ...]) -> Array | None:
        """Mask of candidates without a log-determinant given the batch; None if there are none.

        Raises the error of `value` if the batch has no log-determinant itself, or has none with any
        candidate.
        """
        xp = self.ops.xp
        refused = left + self.ridge < -self._at(self._limit, places)
        if not self.ops.concrete(refused):
            return refused
        if not bool(xp.any(refused)):
            return None
        if indices and bool(xp.all(left == -math.inf)):
            self.log_det(indices)
        others = refused | True
        every = xp.arange(self.scale.shape[0], device=self.ops.device(left))
        every = self._at(every, places)
        if indices:
            members = integers(self.ops, indices, left)[None, :]
            others = ~xp.any(every[:, None] == members, axis=1)
        none = places is None and not bool(xp.any(others & ~refused))
        refused = refused & others
        if bool(xp.any(refused if none else refused & self._at(self._hidden, places))):
            worst = xp.argmin(xp.where(refused, left, self.ops.scalar(math.inf, left)))
            try:
                self.log_det((*indices, int(every[int(worst)])))
            except ValueError:
                if none:
                    raise
            else:
                return None  # it was rounding
        return refused

    def _name(self, indices: tuple[Any, ...]) -> str:
        if len(indices) > _NAMED or not all(_readable(index) for index in indices):
            return f"kernel of {len(indices)} candidates"
        return f"kernel of candidates {[int(index) for index in indices]}"


def _readable(index: Any) -> bool:
    return not hasattr(index, "shape") or ops_for(index).concrete(index)


def pivots(pool: Similarities | MagnifiedSimilarities, ridge: float) -> Pivots:
    """The pivots of the candidates of a pool."""
    kind = Pivots if isinstance(pool, FeatureSimilarities) else KernelPivots
    return kind(pool, ridge)

"""LogDet: the volume that the features of a batch span."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.measures import logdet
from infoq.predictives import Embedding
from infoq.predictives.matrices import identity
from infoq.predictives.outcomes import place_of
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.similarities import at_least_zero, similarities

# Rows are made so many at a time: fewer shapes to compile for.
_ROWS = 16


class LogDetState(NamedTuple):
    """A batch of `LogDet`.

    Attributes
    ----------
    left : array [N]
        What the batch leaves of each candidate's similarity with itself; 0 where that is rounding.
    directions : array [B', P + B'], [B', P] without a ridge, or [B', N] of a kernel
        Of features orthonormal, with a coordinate for the ridge of each member; of a kernel the
        rows of its incomplete Cholesky factor. B' >= B: the rows that are left are 0.
    indices : tuple of int or array []
        The picks.
    """

    left: Array
    directions: Array
    indices: tuple[Any, ...]


class LogDet(SimilarityFunction):
    r"""LogDet as a set function, :math:`f(A) = \log\det(S_A + \lambda I)`.

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row a candidate; similarities are their inner products.
    kernel : array [N, N] or Neighbours, optional
        Similarities in place of points, symmetric and positive semi-definite.
    ridge : float
        What is added to the diagonal, :math:`\lambda`.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given, one is not floating, of another shape or
        (where values can be read) not finite, a kernel is not symmetric, an embedding has more
        rows a candidate than one, or `ridge` is negative or no number.

    Notes
    -----
    As published, without the factor 1/2 of an entropy: with ``ridge=1`` twice `EIG` of a `Gaussian`
    with precision 1. Submodular; monotone for a ridge of at least 1. Without a ridge a candidate
    that depends on the batch has a gain of -inf: where 10 B eps or less of its similarity with
    itself is left, whatever the scale. A candidate that is added again counts as a copy.

    From features a step costs N P + B (P + B) multiply-adds, N + B (P + B) numbers in memory, and
    never N x N: what is kept are directions in feature space, orthogonalised twice, so that float32
    survives near copies and small ridges. From a kernel N B and N B (Chen et al., 2018), from
    neighbour lists, too. `mutual` gives LogDetMI, `conditional` LogDetCG, and both LogDetCMI.

    References
    ----------
    Chen, L., Zhang, G. and Zhou, H. (2018). Fast greedy MAP inference for determinantal point
    processes. NeurIPS, arXiv:1709.05135. Kothawade, S. et al. (2021). SIMILAR: submodular
    information measures based active learning in realistic scenarios. NeurIPS, arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import LogDet
    >>> batch = infoq.greedy(LogDet(np.array([[2.0, 0.0], [2.0, 0.0], [1.0, 1.0]])), 3)
    >>> batch.indices, batch.gains.round(4), batch.reason
    (array([0, 2]), array([1.3863, 0.    ]), 'rank')
    """

    def __init__(
        self,
        points: Embedding | Array | None = None,
        *,
        kernel: Array | Neighbours | None = None,
        ridge: float = 0.0,
    ) -> None:
        super().__init__(similarities(points, kernel, square=True))
        self._ridge = at_least_zero(ridge, "ridge")
        self._scale = self._pool.diagonal()

    def start(self) -> LogDetState:
        """The state of the empty batch."""
        return LogDetState(self._above(self._scale, 1), self._room(0), ())

    def gains(self, state: LogDetState) -> Array:
        """What each candidate would add to the log-determinant: [N]."""
        ops = ops_for(state.left)
        if self._ridge > 0:
            gains = math.log(self._ridge) + ops.xp.log1p(state.left / self._ridge)
        else:
            some = state.left > 0
            gains = ops.xp.log(ops.xp.where(some, state.left, ops.scalar(1.0, state.left)))
            gains = ops.xp.where(some, gains, ops.scalar(-math.inf, gains))
        return self._finish(gains)

    def add(self, state: LogDetState, index: Array | int) -> LogDetState:
        """The state of the batch with one more candidate."""
        ops, place = ops_for(state.left), len(state.indices)
        left, old = ops.row(state.left, index), state.directions
        if place == old.shape[0]:
            old = self._enlarged(ops, old)
        vector = self._pool.vector(index)
        if isinstance(self._pool, FeatureSimilarities):
            direction = self._orthogonal(ops, old, vector, left, place)
            across = self._pool.project(direction[: self._pool.width])
        else:
            rest = vector - ops.row(old.T, index) @ old
            direction = across = _divided(ops, rest, left + self._ridge, left + self._ridge > 0)
        here = _unit(ops, old[:, 0], place)
        directions = ops.xp.where(here[:, None], direction[None, :], old)
        left = self._above(state.left - across * across, place + 2)
        return LogDetState(left, directions, (*state.indices, index))

    def value(self, state: LogDetState) -> Array:
        """The log-determinant of the batch, computed anew: a 0-d array."""
        if not state.indices:
            return self._finish(self._full(1)[0])
        return self._finish(logdet(self._pool.among(state.indices), ridge=self._ridge))

    def losses_of(self, state: LogDetState, indices: Array) -> Array:
        """What the removal of each of some members [m] would take off the value: [m]."""
        square = self._pool.among(state.indices)
        ops = ops_for(square)
        eye = identity(ops, square.shape[0], square)
        inverse = ops.solve_triangular(ops.cholesky(square + self._ridge * eye), eye)
        losses = -ops.xp.log(ops.xp.sum(inverse * inverse, axis=0))
        places = [place_of(state.indices, indices[i]) for i in range(indices.shape[0])]
        return self._finish(ops.xp.stack([losses[place] for place in places]))

    def _room(self, rows: int) -> Array:
        """Directions that are 0, next to so many rows."""
        width = self._pool.width
        if self._ridge > 0 and isinstance(self._pool, FeatureSimilarities):
            width += rows + _ROWS
        return ops_for(self._scale).xp.reshape(self._full(_ROWS * width), (_ROWS, width))

    def _enlarged(self, ops: Ops, directions: Array) -> Array:
        """The directions with more rows and, for the ridge, as many more coordinates."""
        more = self._room(int(directions.shape[0]))
        wider = more[:, directions.shape[1] :]
        beside = [wider] * (int(directions.shape[0]) // _ROWS)
        directions = ops.xp.concat([directions, ops.xp.concat(beside)], axis=1)
        return ops.xp.concat([directions, more])

    def _orthogonal(
        self, ops: Ops, directions: Array, vector: Array, left: Array, place: int
    ) -> Array:
        """A direction orthogonal to the others, with a coordinate of its own for the ridge."""
        xp = ops.xp
        kept = left > 0
        if self._ridge > 0:
            kept = left >= 0
            own = _unit(ops, directions[:, 0], place)
            root = ops.scalar(math.sqrt(self._ridge), vector)
            vector = xp.concat([vector, xp.where(own, root, ops.scalar(0.0, vector))])
        for _ in range(2):
            vector = vector - (directions @ vector) @ directions
        return _divided(ops, vector, xp.sum(vector * vector), kept)

    def _above(self, left: Array, size: int) -> Array:
        """What is left of each candidate, 0 where that is no more than rounding."""
        ops = ops_for(left)
        rounding = 10 * size * float(ops.xp.finfo(left.dtype).eps)
        return ops.xp.where(left > rounding * self._scale, left, ops.scalar(0.0, left))


def _divided(ops: Ops, x: Array, square: Array, kept: Array) -> Array:
    """`x` by the root of a number, or zeros where it is not kept."""
    root = ops.xp.sqrt(ops.xp.where(kept, square, ops.scalar(1.0, x)))
    return ops.xp.where(kept, x / root, ops.scalar(0.0, x))


def _unit(ops: Ops, like: Array, place: int) -> Array:
    """Which element of [B'] stands at a place."""
    return ops.xp.arange(like.shape[0], device=ops.device(like)) == place

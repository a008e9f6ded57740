"""LogDet: the volume that the features of a batch span."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.measures import logdet
from infoq.predictives import Embedding
from infoq.predictives.matrices import identity
from infoq.predictives.outcomes import place_of
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.similarities import at_least_zero, similarities

# Directions are copied for each new one until there are so many: then they stay as they are.
_ROWS = 16


class LogDetState(NamedTuple):
    """A batch of `LogDet`.

    Attributes
    ----------
    left : array [N]
        What the batch leaves of each candidate's similarity with itself; 0 where that is rounding.
    settled : array [S, P + S + 16], [S, P] without a ridge, or [S, N] of a kernel
        Of features orthonormal directions, with a coordinate for the ridge of each member; of a
        kernel the rows of its incomplete Cholesky factor. Of the first S members, in full groups
        of 16.
    recent : array [16, P + S + 16], [16, P] or [16, N]
        The same of the members since then; the rows that are left are 0.
    indices : tuple of int or array []
        The picks.
    """

    left: Array
    settled: Array
    recent: Array
    indices: tuple[Any, ...]


@capabilities(lazy="what a batch grows by is kept in memory")
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
        self._scale = scale = self._pool.diagonal()
        self._local = ops = ops_for(scale)
        numbers = ops.xp.finfo(scale.dtype)
        self._rounding = 10 * float(numbers.eps)
        self._zero, self._one = ops.scalar(0.0, scale), ops.scalar(1.0, scale)
        self._tiny = ops.scalar(float(numbers.smallest_normal), scale)
        self._root = ops.scalar(math.sqrt(self._ridge), scale)
        self._padded = self._ridge > 0 and isinstance(self._pool, FeatureSimilarities)

    def start(self) -> LogDetState:
        """The state of the empty batch."""
        width = self._pool.width + _ROWS * self._padded
        return LogDetState(
            self._above(self._scale, 1), self._zeros(0, width), self._zeros(_ROWS, width), ()
        )

    def gains(self, state: LogDetState) -> Array:
        """What each candidate would add to the log-determinant: [N]."""
        xp = self._local.xp
        if self._ridge > 0:
            gains = math.log(self._ridge) + xp.log1p(state.left / self._ridge)
        else:
            some = state.left > 0
            gains = xp.log(xp.where(some, state.left, self._one))
            gains = xp.where(some, gains, self._local.scalar(-math.inf, gains))
        return self._finish(gains)

    def overlap(self, state: LogDetState, more: LogDetState) -> Array:
        """What each candidate adds to a batch beyond what it adds to a larger one: [N].

        By what is left of it in both, before either is rounded to the dtype that came in.
        """
        xp, infinity = self._local.xp, self._local.scalar(math.inf, state.left)
        between = xp.maximum(state.left - more.left, self._zero)
        rest = more.left + self._ridge
        some = rest > 0
        shared = xp.log1p(between / xp.where(some, rest, self._one))
        if self._ridge == 0:
            shared = xp.where(some, shared, infinity)
            shared = xp.where(state.left > 0, shared, -infinity)
        return self._finish(shared)

    def add(self, state: LogDetState, index: Array | int) -> LogDetState:
        """The state of the batch with one more candidate."""
        xp, size = self._local.xp, len(state.indices)
        if size > 0 and size % _ROWS == 0:
            state = self._settled(state)
        own = self._place(state, size)
        vector = self._pool.vector(index)
        if isinstance(self._pool, FeatureSimilarities):
            direction = self._orthogonal(state, vector, own, index)
            across = self._pool.project(direction[: self._pool.width])
        else:
            for group in (state.settled, state.recent):
                vector = vector - self._local.row(group.T, index) @ group
            square = self._local.row(state.left, index) + self._ridge
            direction = across = self._divided(vector, square, square > 0)
        recent = xp.where(own[-_ROWS:, None], direction[None, :], state.recent)
        left = self._above(state.left - across * across, size + 2)
        return LogDetState(left, state.settled, recent, (*state.indices, index))

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

    def _settled(self, state: LogDetState) -> LogDetState:
        """The state with its directions settled, and room for others and their coordinates."""
        xp = self._local.xp
        settled = xp.concat([state.settled, state.recent])
        if self._padded:
            settled = xp.concat([settled, self._zeros(int(settled.shape[0]), _ROWS)], axis=1)
        recent = self._zeros(_ROWS, int(settled.shape[1]))
        return LogDetState(state.left, settled, recent, state.indices)

    def _place(self, state: LogDetState, size: int) -> Array:
        """Which of the directions, and of the coordinates for the ridge, is the next: [S + 16]."""
        count = int(state.settled.shape[0]) + _ROWS
        return self._local.xp.arange(count, device=self._local.device(state.left)) == size

    def _orthogonal(
        self, state: LogDetState, vector: Array, own: Array, index: Array | int
    ) -> Array:
        """A direction orthogonal to the others, with a coordinate of its own for the ridge."""
        xp = self._local.xp
        if self._padded:
            vector = xp.concat([vector, xp.where(own, self._root, self._zero)])
        for group in (state.settled, state.recent) * 2:
            vector = vector - (group @ vector) @ group
        square = vector @ vector
        if self._padded:  # the square of its own coordinate is the ridge, unless that underflows
            return vector / xp.sqrt(xp.maximum(square, self._tiny))
        return self._divided(vector, square, self._local.row(state.left, index) > 0)

    def _divided(self, x: Array, square: Array, kept: Array) -> Array:
        """`x` by the root of a number, or zeros where it is not kept."""
        xp = self._local.xp
        root = xp.sqrt(xp.where(kept, square, self._one))
        return xp.where(kept, x / root, self._zero)

    def _above(self, left: Array, size: int) -> Array:
        """What is left of each candidate, 0 where that is no more than rounding."""
        # Not `>`, so that NaN stays.
        return self._local.xp.where(left <= (size * self._rounding) * self._scale, self._zero, left)

    def _zeros(self, rows: int, width: int) -> Array:
        return self._local.xp.reshape(self._full(rows * width), (rows, width))

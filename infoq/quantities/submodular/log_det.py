"""LogDet: the log-volume that the features of a batch span."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.numbers import at_least_zero
from infoq.draws.outcomes import place_of
from infoq.linear_algebra.small_matrices import identity
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.magnified import MagnifiedSimilarities, magnified
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.pivots import KernelPivots, pivots
from infoq.quantities.submodular.similarities import Similarities, similarities
from infoq.structures.embedding import Embedding

# Recent directions are copied for each new one until there are this many; then they are settled.
_ROWS = 16


class LogDetState(NamedTuple):
    """A batch of `LogDet`.

    Attributes
    ----------
    left : array [N]
        The conditional self-similarity of each candidate given the batch (its Schur complement); 0
        where that is rounding error. It may be below 0 for a kernel with negative eigenvalues.
    settled : array [S, P + S + 16], [S, P] without a ridge, or [S, N] for a kernel
        For features, orthonormal directions with a coordinate for the ridge of each member. For a
        kernel, the rows of its incomplete Cholesky factor. They belong to the first S members, in
        full groups of 16.
    recent : array [16, P + S + 16], [16, P] or [16, N]
        The same for the later members; unused rows are 0.
    indices : tuple of int or array []
        The picks.
    """

    left: Array
    settled: Array
    recent: Array
    indices: tuple[Any, ...]


@capabilities(lazy="the state of the batch is kept in memory")
class LogDet(SimilarityFunction):
    r"""LogDet as a set function, :math:`f(A) = \log\det(S_A + \lambda I)`.

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row per candidate. Similarities are their inner products.
    kernel : array [N, N] or Neighbours, optional
        Symmetric similarities in place of points; positive semi-definite with the ridge added.
    ridge : float
        The number that is added to the diagonal, :math:`\lambda`.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given; if one is not floating, has another shape
        or (where values can be read) is not finite; if a kernel is not symmetric; if an embedding
        has more than one row per candidate; or if `ridge` is negative or not a number. `value`
        raises if the kernel of the batch has an eigenvalue that is clearly below -ridge. A
        candidate that would give the batch such an eigenvalue has a gain of -inf, and is not
        picked; `gains` raises if every candidate would.

    Notes
    -----
    Exact. As published, without the factor 1/2 of an entropy: with ``ridge=1`` it is twice the
    `EIG` of a `Gaussian` with precision 1, in nats. Submodular, and monotone for a ridge of at
    least 1.

    Without a ridge, a candidate that is linearly dependent on the batch has a gain of -inf. It
    counts as dependent if at most 10 B eps of its self-similarity is left given the batch, whatever
    the scale. A kernel may have negative eigenvalues, like those with magnified queries: the
    conditional self-similarity may fall to -ridge. A candidate that is added again counts as a
    copy.

    From features a step costs N P + B (P + B) multiply-adds and N + B (P + B) numbers in memory; N
    x N is never formed. It keeps directions in feature space, orthogonalised twice, so that float32
    tolerates near copies and small ridges. From a kernel or neighbour lists both are N B (Chen et
    al., 2018). `mutual` gives LogDetMI, `conditional` LogDetCG, and both together LogDetCMI.

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

    _finite = False  # the logarithm of a determinant that is 0

    def __init__(
        self,
        points: Embedding | Array | None = None,
        *,
        kernel: Array | Neighbours | None = None,
        ridge: float = 0.0,
    ) -> None:
        ridge = at_least_zero(ridge, "ridge")
        self._set_up(similarities(points, kernel, square=True), ridge)

    def _set_up(self, pool: Similarities | MagnifiedSimilarities, ridge: float) -> None:
        super().__init__(pool)
        self._ridge = ridge
        self._pivots = pivots(self._pool, self._ridge)
        self._local = ops = self._pivots.ops
        scale = self._pivots.own
        self._zero, self._one = self._pivots.zero, self._pivots.one
        self._tiny = ops.scalar(float(ops.xp.finfo(scale.dtype).smallest_normal), scale)
        self._root = ops.scalar(math.sqrt(self._ridge), scale)
        self._padded = self._ridge > 0 and isinstance(self._pool, FeatureSimilarities)

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return isinstance(self._pool, MagnifiedSimilarities)

    def magnified(self, members: list[int], factor: float) -> LogDet:
        """The same function with the similarities of some candidates to others times a number."""
        function = type(self).__new__(type(self))
        function._set_up(magnified(self._pool, members, factor), self._ridge)
        return function

    def start(self) -> LogDetState:
        """The state of the empty batch."""
        width = self._pool.width + _ROWS * self._padded
        left = self._pivots.cut(self._pivots.own, 0)
        return LogDetState(left, self._zeros(0, width), self._zeros(_ROWS, width), ())

    def gains(self, state: LogDetState) -> Array:
        """The increase of the log-determinant for each candidate: [N]."""
        return self._gains(state, None)

    def gains_of(self, state: LogDetState, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]."""
        return self._gains(state, indices)

    def overlap(self, state: LogDetState, more: LogDetState) -> Array:
        """The gain of each candidate to a batch minus its gain to a larger one: [N].

        Computed from the conditional self-similarities of both, before rounding to the input dtype.
        """
        return self._overlap(state, more, None)

    def overlap_of(self, state: LogDetState, more: LogDetState, indices: Array) -> Array:
        """The same differences for some candidates [m]: [m]."""
        return self._overlap(state, more, indices)

    def add(self, state: LogDetState, index: Array | int) -> LogDetState:
        """The state of the batch with one more candidate."""
        xp, size = self._local.xp, len(state.indices)
        if size > 0 and size % _ROWS == 0:
            state = self._settled(state)
        own = self._place(state, size)
        left, pivots = state.left, self._pivots
        here = xp.reshape(xp.asarray(index, device=self._local.device(left)), (1,))
        mine = xp.take(left, here, axis=0)
        kept = pivots.alive(mine, here, size)[0, ...]
        vector = self._pool.vector(index)
        if isinstance(pivots, KernelPivots):
            mine = pivots.floored(mine, here)[0, ...]
            for group in (state.settled, state.recent):
                vector = vector - self._local.row(group.T, index) @ group
            vector, refused = pivots.pick(vector, left, mine, index, kept)
            direction = across = self._divided(vector, mine + self._ridge, kept)
            left = xp.where(refused, self._infinite(-1), left)
        else:
            direction = self._orthogonal(state, vector, own, kept)
            across = self._pool.project(direction[: self._pool.width])
        recent = xp.where(own[-_ROWS:, None], direction[None, :], state.recent)
        left = pivots.cut(left - across * across, size + 1)
        return LogDetState(left, state.settled, recent, (*state.indices, index))

    def value(self, state: LogDetState) -> Array:
        """The log-determinant of the batch, computed anew: a 0-d array."""
        if not state.indices:
            return self._finish(self._full(1)[0])
        return self._finish(self._pivots.log_det(state.indices))

    def losses_of(self, state: LogDetState, indices: Array) -> Array:
        """How much the value would drop if each of some members [m] were removed: [m]."""
        square = self._pool.among(state.indices)
        ops = ops_for(square)
        eye = identity(ops, square.shape[0], square)
        inverse = ops.solve_triangular(ops.cholesky(square + self._ridge * eye), eye)
        losses = -ops.xp.log(ops.xp.sum(inverse * inverse, axis=0))
        places = [place_of(state.indices, indices[i]) for i in range(indices.shape[0])]
        return self._finish(ops.xp.stack([losses[place] for place in places]))

    def _gains(self, state: LogDetState, places: Array | None) -> Array:
        """The gains of all candidates, or of those at `places`."""
        xp = self._local.xp
        left = self._at(state.left, places)
        if self._pivots.all_alive(left):
            gains = math.log(self._ridge) + xp.log1p(left / self._ridge)
            return self._finish(gains)
        left, alive, refused = self._left(state, places)
        if self._ridge > 0:
            part = xp.where(alive, left / self._ridge, self._zero)
            gains = math.log(self._ridge) + xp.log1p(part)
        else:
            gains = xp.log(xp.where(alive, left, self._one))
        return self._finish(self._unless(xp.where(alive, gains, self._infinite(-1)), refused))

    def _overlap(self, state: LogDetState, more: LogDetState, places: Array | None) -> Array:
        xp = self._local.xp
        left, possible, _ = self._left(state, places)
        rest, alive, refused = self._left(more, places)
        between = xp.where(alive, xp.maximum(left - rest, self._zero), self._zero)
        shared = xp.log1p(between / xp.where(alive, rest + self._ridge, self._one))
        shared = xp.where(alive, shared, self._infinite(1))
        shared = xp.where(possible, shared, self._infinite(-1))
        return self._finish(self._unless(shared, refused))

    def _left(self, state: LogDetState, places: Array | None) -> tuple[Array, Array, Array | None]:
        """Conditional self-similarities, and masks of the addable and the refused candidates."""
        left = self._at(state.left, places)
        refused = self._pivots.refused(left, places, state.indices)
        alive = self._pivots.alive(left, places, len(state.indices))
        return self._pivots.floored(left, places), alive, refused

    def _at(self, x: Array, places: Array | None) -> Array:
        return x if places is None else self._local.xp.take(x, places, axis=0)

    def _unless(self, gains: Array, refused: Array | None) -> Array:
        if refused is None:
            return gains
        return self._local.xp.where(refused, self._infinite(-1), gains)

    def _infinite(self, sign: float) -> Array:
        return self._local.scalar(sign * math.inf, self._zero)

    def _settled(self, state: LogDetState) -> LogDetState:
        """The state with its recent directions settled, and room for 16 new ones."""
        xp = self._local.xp
        settled = xp.concat([state.settled, state.recent])
        if self._padded:
            settled = xp.concat([settled, self._zeros(int(settled.shape[0]), _ROWS)], axis=1)
        recent = self._zeros(_ROWS, int(settled.shape[1]))
        return state._replace(settled=settled, recent=recent)

    def _place(self, state: LogDetState, size: int) -> Array:
        """Mask of the next direction, and of its coordinate for the ridge: [S + 16]."""
        count = int(state.settled.shape[0]) + _ROWS
        return self._local.xp.arange(count, device=self._local.device(state.left)) == size

    def _orthogonal(self, state: LogDetState, vector: Array, own: Array, kept: Array) -> Array:
        """A unit vector orthogonal to the other directions, with its own ridge coordinate."""
        xp = self._local.xp
        if self._padded:
            vector = xp.concat([vector, xp.where(own, self._root, self._zero)])
        for group in (state.settled, state.recent) * 2:
            vector = vector - (group @ vector) @ group
        square = vector @ vector
        if self._padded:  # its own coordinate squared is the ridge, unless that underflows
            return vector / xp.sqrt(xp.maximum(square, self._tiny))
        return self._divided(vector, square, kept)

    def _divided(self, x: Array, square: Array, kept: Array) -> Array:
        """`x / sqrt(square)`, or zeros where it is not kept."""
        xp = self._local.xp
        root = xp.sqrt(xp.where(kept, square, self._one))
        return xp.where(kept, x / root, self._zero)

    def _zeros(self, rows: int, width: int) -> Array:
        return self._local.xp.reshape(self._full(rows * width), (rows, width))

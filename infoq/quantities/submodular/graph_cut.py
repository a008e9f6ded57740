"""Graph cut: representation minus redundancy."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.dtypes import has_dtype
from infoq.checks.numbers import at_least_zero
from infoq.draws.outcomes import place_of
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.lists import ListSimilarities
from infoq.quantities.submodular.magnified import MagnifiedSimilarities, magnified
from infoq.quantities.submodular.matrix import MatrixSimilarities
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.parts import members
from infoq.quantities.submodular.similarities import compared, similarities
from infoq.structures.embedding import Embedding


class CutState(NamedTuple):
    """A batch of `GraphCut`.

    Attributes
    ----------
    together : array [P], or [N] for a kernel
        The sum of the members' features, or of their columns.
    indices : tuple of int or array []
        The picks.
    """

    together: Array
    indices: tuple[Any, ...]


@capabilities(lazy="the state of the batch is kept in memory")
class GraphCut(SimilarityFunction):
    r"""Graph cut, :math:`f(A) = \lambda \sum_{i \in V, j \in A} s_{ij} - \sum_{i, j \in A} s_{ij}`.

    The similarity of a batch to the represented points V, minus the similarity of its members to
    each other.

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row per candidate. Similarities are their inner products.
    kernel : array [N, N] or Neighbours, optional
        Symmetric similarities in place of points.
    represented : Embedding or array [M, P], or integers, optional
        The points to represent, V, for example without queries and private points. With points
        these are features; with a kernel the indices of some candidates, or a mask [N]. Default:
        all candidates.
    trade_off : float
        Weight of the similarity to V, :math:`\lambda`.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given; if one is not floating, has another shape
        or (where values can be read) is not finite; if a kernel is not symmetric; if an embedding
        has more than one row per candidate; if `represented` is not compatible with the points, or
        is not among the candidates of a kernel; or if `trade_off` is negative or not a number.

    Notes
    -----
    Submodular if no similarity of candidates is negative, whatever V is. If V is all candidates, it
    is then monotone with a trade-off of at least 2. `submodular` says whether submodularity is
    known: no element of the kernel, or of the candidates' features, is negative.

    `mutual` gives GCMI, :math:`2 \sum_{i \in A, j \in Q} s_{ij}`, which is modular whatever the
    similarities, V and the trade-off are. `conditional` gives GCCG. In the published graph cut the
    trade-off multiplies the second sum. It equals this one with the inverse trade-off, divided by
    that inverse.

    Exact. From features a step of `greedy` costs N P multiply-adds, with sums of features: P for a
    pick, and N P for all gains. `lazy_greedy` evaluates only a few gains, with `gains_of`, and so
    picks by GCMI in about one pass. Neighbour lists of n points cost N n once, and N per step.

    References
    ----------
    Iyer, R., Khargoankar, N., Bilmes, J. and Asnani, H. (2021). Submodular combinatorial
    information measures with applications in machine learning. ALT, arXiv:2006.15412. Kothawade, S.
    et al. (2021). SIMILAR: submodular information measures based active learning in realistic
    scenarios. NeurIPS, arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import GraphCut
    >>> cut = GraphCut(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.2]]))
    >>> infoq.greedy(cut, 2).gains
    array([3.  , 1.44])
    """

    mutual_submodular = True

    def __init__(
        self,
        points: Embedding | Array | None = None,
        *,
        kernel: Array | Neighbours | None = None,
        represented: Embedding | Array | Sequence[int] | None = None,
        trade_off: float = 2.0,
    ) -> None:
        pool = similarities(points, kernel, square=True)
        super().__init__(pool)
        self._trade_off = at_least_zero(trade_off, "trade_off")
        self.submodular = pool.nowhere_negative()
        if isinstance(pool, FeatureSimilarities):
            theirs = pool if represented is None else compared(pool, represented, "represented")
            represents = pool.project(theirs.total())
        elif represented is None:
            represents = pool.total()
        else:
            represents = pool.weighed(_selected(pool, represented))
        self._represents = self._trade_off * represents
        self._alone = self._represents - pool.diagonal()

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return isinstance(self._pool, MagnifiedSimilarities)

    def magnified(self, members: list[int], factor: float) -> GraphCut:
        """The same function with the similarities of some candidates to others times a number."""
        function = copy(self)
        function._pool = magnified(self._pool, members, factor)
        return function

    def start(self) -> CutState:
        """The state of the empty batch."""
        return CutState(self._full(self._pool.width), ())

    def gains(self, state: CutState) -> Array:
        """The gain of each candidate: [N]."""
        if not state.indices:
            return self._finish(self._alone)
        return self._finish(self._alone - 2 * self._pool.project(state.together))

    def gains_of(self, state: CutState, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]. Costs m P multiply-adds."""
        alone = ops_for(self._alone).xp.take(self._alone, indices, axis=0)
        return self._finish(alone - 2 * self._pool.project(state.together, indices))

    def overlap(self, state: CutState, more: CutState) -> Array:
        """The gain of each candidate to a batch minus its gain to a larger one: [N]."""
        return self._finish(2 * self._pool.project(more.together - state.together))

    def overlap_of(self, state: CutState, more: CutState, indices: Array) -> Array:
        """The same differences for some candidates [m]: [m]."""
        return self._finish(2 * self._pool.project(more.together - state.together, indices))

    def add(self, state: CutState, index: Array | int) -> CutState:
        """The state of the batch with one more candidate."""
        return CutState(state.together + self._pool.vector(index), (*state.indices, index))

    def remove(self, state: CutState, index: Array | int) -> CutState:
        """The state of the batch without one of its candidates."""
        place = place_of(state.indices, index)
        rest = state.indices[:place] + state.indices[place + 1 :]
        return CutState(state.together - self._pool.vector(index), rest)

    def value(self, state: CutState) -> Array:
        """The cut of the batch, computed anew: a 0-d array."""
        if not state.indices:
            return self._finish(self._full(1)[0])
        ops = ops_for(state.together)
        represents = ops.xp.stack([ops.row(self._represents, i) for i in state.indices])
        inside = self._pool.among(state.indices)
        return self._finish(ops.xp.sum(represents) - ops.xp.sum(inside))


def _selected(pool: MatrixSimilarities | ListSimilarities, represented: Any) -> Array:
    """Weights [N] of the candidates of a kernel: 1 if represented, else 0."""
    count = pool.width
    own = pool.diagonal()
    ops = ops_for(own)
    xp = ops.xp
    if hasattr(represented, "dtype"):
        memory = ops_for(represented=represented).fetch(represented)
        ops_for(kernel=own, represented=memory)
        if memory.ndim == 2:
            raise TypeError(
                f"represented: needs points= for features [M, P], got {memory.dtype} of shape "
                f"{tuple(memory.shape)}; with a kernel [N, N] pass indices of candidates, or a mask"
            )
        if has_dtype(ops, memory, "bool"):
            if tuple(memory.shape) != (count,):
                raise ValueError(
                    f"represented: expected a mask [N] with N={count}, got {tuple(memory.shape)}"
                )
            return xp.astype(memory, own.dtype)
    chosen = members(represented, "represented", count)
    spots = xp.asarray(chosen, dtype=xp.int64, device=ops.device(own))
    places = xp.arange(count, dtype=xp.int64, device=ops.device(own))
    here = xp.any(places[:, None] == spots[None, :], axis=1)
    return xp.astype(here, own.dtype)

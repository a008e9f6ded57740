"""Facility location: how well a batch represents a set of points."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.blocks import map_rows
from infoq.draws.outcomes import place_of
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.reading import Block, Reader
from infoq.quantities.submodular.similarities import Similarities, compared, similarities
from infoq.structures.embedding import Embedding


class FacilityState(NamedTuple):
    """A batch of `FacilityLocation`.

    Attributes
    ----------
    best : array [M]
        The similarity of each point to its most similar member of the batch, at least 0.
    indices : tuple of int or array []
        The picks.
    """

    best: Array
    indices: tuple[Any, ...]


class Magnified(NamedTuple):
    """Reader of similarities times a factor per candidate.

    Attributes
    ----------
    reader : Reader
        The reader of the similarities themselves.
    """

    reader: Reader

    def __call__(self, ops: Ops, arguments: tuple[Any, ...]) -> Block:
        """Similarities from the factors [n] and the arguments of the reader."""
        factors, *rest = arguments
        block = self.reader(ops, tuple(rest))
        return block._replace(similar=block.similar * factors[:, None])


@capabilities(lazy="the state of the batch is kept in memory")
class FacilityLocation(SimilarityFunction):
    r"""Facility location, :math:`f(A) = \sum_i \max(0, \max_{j \in A} s_{ij})`.

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row per candidate. Similarities are their inner products.
    kernel : array [M, N] or Neighbours, optional
        Similarities of the represented points with the candidates, in place of points.
    represented : Embedding or array [M, P], optional
        Features of the points to represent. Default: all candidates.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given; if one is not floating, has another shape
        or (where values can be read) is not finite; if an embedding has more than one row per
        candidate; or if `represented` is given with a kernel or is not compatible with the points.

    Notes
    -----
    Exact. Monotone and submodular whatever the similarities: the maximum over the empty set is 0,
    and a point that is similar to no member counts as 0.

    From features a step of `greedy` costs M N P multiply-adds, in blocks of candidates; M x N is
    never formed. The represented points are kept in memory, M P numbers. `lazy_greedy` makes the
    same picks at a small part of the cost, with `gains_of`. A kernel costs M N per step and in
    memory. Neighbour lists of n points cost N n per step and in memory, and M per pick.

    `mutual` gives FLVMI, also submodular, at the cost of one state; `conditional` gives FLCG, and
    both together FLCMI.

    References
    ----------
    Kothawade, S. et al. (2021). SIMILAR: submodular information measures based active learning in
    realistic scenarios. NeurIPS, arXiv:2107.00717. Krause, A. and Golovin, D. (2014). Submodular
    function maximization. Tractability, 71-104.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import FacilityLocation
    >>> kernel = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> batch = infoq.lazy_greedy(FacilityLocation(kernel=kernel), 2)
    >>> batch.indices, batch.gains.round(4)
    (array([0, 2]), array([1.9, 1. ]))
    """

    mutual_submodular = True

    def __init__(
        self,
        points: Embedding | Array | None = None,
        *,
        kernel: Array | Neighbours | None = None,
        represented: Embedding | Array | None = None,
    ) -> None:
        pool = similarities(points, kernel, square=False)
        self._others: Array | None = None
        if points is None and represented is not None:
            raise TypeError(
                "represented: needs points=; the rows of a kernel are what is represented"
            )
        if isinstance(pool, FeatureSimilarities):
            others = pool if represented is None else compared(pool, represented, "represented")
            self._others = others.dense()
        self._set_up(pool)

    @classmethod
    def of(cls, pool: Similarities) -> FacilityLocation:
        """Facility location with these similarities."""
        function = cls.__new__(cls)
        function._others = None
        function._set_up(pool)
        return function

    def _set_up(self, pool: Similarities) -> None:
        super().__init__(pool)
        self._factors: Array | None = None
        self._count = pool.width if self._others is None else int(self._others.shape[0])

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return self._factors is not None

    def magnified(self, members: list[int], factor: float) -> FacilityLocation:
        """The same function with all similarities of some candidates times a number."""
        function = copy(self)
        factors = self._full(len(self)) + 1 if self._factors is None else self._factors
        ops = ops_for(factors)
        places = ops.xp.arange(len(self), device=ops.device(factors))
        for index in members:
            factors = ops.xp.where(places == index, ops.scalar(factor, factors), factors)
        function._factors = factors
        return function

    def start(self) -> FacilityState:
        """The state of the empty batch."""
        return FacilityState(self._full(self._count), ())

    def gains(self, state: FacilityState) -> Array:
        """The gain of each candidate: [N]."""
        return self._finish(self._map(_gains, self._all(), state.best))

    def gains_of(self, state: FacilityState, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]. Costs m M P multiply-adds."""
        return self._finish(self._map(_gains, self._some(indices), state.best))

    def overlap(self, state: FacilityState, more: FacilityState) -> Array:
        """The gain of each candidate to a batch minus its gain to a larger one: [N]."""
        return self._finish(self._map(_overlap, self._all(), state.best, more.best))

    def overlap_of(self, state: FacilityState, more: FacilityState, indices: Array) -> Array:
        """The same differences for some candidates [m]: [m]."""
        return self._finish(self._map(_overlap, self._some(indices), state.best, more.best))

    def add(self, state: FacilityState, index: Array | int) -> FacilityState:
        """The state of the batch with one more candidate."""
        best = ops_for(state.best).xp.maximum(state.best, self._column(index))
        return FacilityState(best, (*state.indices, index))

    def value(self, state: FacilityState) -> Array:
        """The value of the batch, how well it represents the points: a 0-d array."""
        return self._finish(ops_for(state.best).xp.sum(state.best))

    def losses_of(self, state: FacilityState, indices: Array) -> Array:
        """How much the value would drop if each of some members [m] were removed: [m]."""
        xp = ops_for(state.best).xp
        columns = [self._column(index) for index in state.indices]
        # Zeros twice, so that the second largest of a single member is 0.
        none = xp.zeros_like(state.best)
        second = xp.sort(xp.stack([none, none, *columns]), axis=0)[-2, ...]
        places = [place_of(state.indices, indices[i]) for i in range(indices.shape[0])]
        losses = [xp.sum(xp.maximum(columns[place] - second, none)) for place in places]
        return self._finish(xp.stack(losses))

    def _column(self, index: Array | int) -> Array:
        vector: Array = self._pool.vector(index)
        column = vector if self._others is None else self._others @ vector
        return (
            column if self._factors is None else column * ops_for(column).row(self._factors, index)
        )

    def _all(self) -> tuple[Array, ...]:
        """The rows of all candidates."""
        rows: tuple[Array, ...] = self._pool.rows
        return rows if self._factors is None else (self.ops.adopt(self._factors), *rows)

    def _some(self, indices: Array) -> tuple[Array, ...]:
        """The rows of some candidates [m]."""
        if self._factors is None:
            return self._taken(indices)
        factors = ops_for(self._factors).xp.take(self._factors, indices, axis=0)
        return (factors, *self._taken(indices))

    def _map(self, kernel: Callable[..., Array], rows: tuple[Array, ...], *shared: Array) -> Array:
        item = self.ops.item_bytes(self._pool.like)
        reader: Reader = self._pool.reader
        if self._factors is not None:
            reader = Magnified(reader)
        others: tuple[Array, ...] = () if self._others is None else (self._others,)
        gains = map_rows(
            partial(kernel, reader),
            rows,
            (*others, *shared),
            bytes_per_row=item * self._pool.numbers(self._count),
            bytes_shared=item * self._count * (self._pool.width if others else 1),
        )
        return ops_for(gains).fetch(gains)


def _gains(reader: Reader, ops: Ops, *arguments: Any) -> Array:
    """The gains of a block of candidates over the best similarities: [n]."""
    block = reader(ops, arguments)
    best = block.at(ops, *block.rest)
    # The similarity with a point that is not listed is 0, which is never better.
    return ops.xp.sum(ops.xp.maximum(block.similar, best) - best, axis=1)


def _overlap(reader: Reader, ops: Ops, *arguments: Any) -> Array:
    """The gains of a block of candidates to one batch minus those to a larger one: [n]."""
    xp, block = ops.xp, reader(ops, arguments)
    low, high = (block.at(ops, best) for best in block.rest)
    between = xp.minimum(xp.maximum(block.similar, low), high)
    return xp.sum(between - low, axis=1)

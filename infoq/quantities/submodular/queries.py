"""FLQMI, and the base class of set functions of similarities with queries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.blocks import map_rows
from infoq.checks.numbers import at_least_zero
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.facility_location import FacilityLocation, FacilityState
from infoq.quantities.submodular.features import FeatureSimilarities
from infoq.quantities.submodular.matrix import MatrixSimilarities
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.reading import Reader
from infoq.quantities.submodular.similarities import compared, similarities
from infoq.structures.embedding import Embedding


class QueryFunction(SimilarityFunction):
    """A set function of the N Q similarities of candidates with queries, which are kept."""

    def __init__(self, points: Any, queries: Any, kernel: Any, eta: Any) -> None:
        if isinstance(kernel, Neighbours):
            raise TypeError(
                f"kernel: expected an array [Q, N], got {kernel!r}; neighbour lists are for "
                "FacilityLocation, GraphCut and LogDet"
            )
        pool = similarities(points, kernel, square=False)
        if (points is None) != (queries is None):
            raise TypeError(
                "queries: need points=; the rows of a kernel [Q, N] are the queries, got "
                + ("queries and a kernel" if points is None else "points alone")
            )
        if isinstance(pool, FeatureSimilarities):
            pool = _matrix(pool, compared(pool, queries, "queries").dense())
        super().__init__(pool)
        self._eta = at_least_zero(eta, "eta")

    def _rows(self, kernel: Callable[..., Array], rows: tuple[Array, ...], *shared: Array) -> Array:
        """A kernel of the similarities of each candidate: one number per candidate, in memory."""
        each = 4 * self.ops.item_bytes(self._pool.like) * self._pool.width
        result = map_rows(kernel, rows, shared, bytes_per_row=each)
        return ops_for(result).fetch(result)


@capabilities(lazy="the state of the batch is kept in memory")
class FacilityLocationQuery(QueryFunction):
    r"""FLQMI: how well a batch represents queries, plus how relevant each member is to them.

    .. math:: f(A) = \sum_q \max(0, \max_{a \in A} s_{qa}) + \eta \sum_{a \in A} \max_q s_{qa}

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row per candidate. Similarities are their inner products.
    queries : Embedding or array [Q, P], optional
        Features of the queries.
    kernel : array [Q, N], optional
        Similarities of queries and candidates, in place of both.
    eta : float
        Weight of the members' relevance, :math:`\eta`.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given; if queries are given without points, or
        points without queries; if an array is not floating, has another shape or (where values can
        be read) is not finite; or if `eta` is negative or not a number.

    Notes
    -----
    Exact. Submodular, and monotone if every candidate has a query with a similarity of at least 0.
    The N Q similarities are computed once and kept; a step costs N Q. The maximum over the empty
    set is 0, as in `FacilityLocation`.

    References
    ----------
    Kothawade, S. et al. (2021). SIMILAR: submodular information measures based active learning in
    realistic scenarios. NeurIPS, arXiv:2107.00717. Kothawade, S. et al. (2022). PRISM: a rich class
    of parameterized submodular information measures. AAAI, arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import FacilityLocationQuery
    >>> points, queries = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.8]]), np.eye(2)
    >>> infoq.greedy(FacilityLocationQuery(points, queries, eta=0.1), 2).indices
    array([0, 2])
    """

    def __init__(
        self,
        points: Embedding | Array | None = None,
        queries: Embedding | Array | None = None,
        *,
        kernel: Array | None = None,
        eta: float = 1.0,
    ) -> None:
        super().__init__(points, queries, kernel, eta)
        self._represents = FacilityLocation.of(self._pool)
        self._relevance = self._eta * self._rows(_largest, self._pool.rows)

    def start(self) -> FacilityState:
        """The state of the empty batch."""
        return self._represents.start()

    def gains(self, state: FacilityState) -> Array:
        """The gain of each candidate: [N]."""
        represents = self.ops.fetch(self._represents.gains(state))
        return self._finish(self._relevance + represents)

    def gains_of(self, state: FacilityState, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]."""
        represents = self.ops.fetch(self._represents.gains_of(state, indices))
        relevance = ops_for(self._relevance).xp.take(self._relevance, indices, axis=0)
        return self._finish(relevance + represents)

    def add(self, state: FacilityState, index: Array | int) -> FacilityState:
        """The state of the batch with one more candidate."""
        return self._represents.add(state, index)

    def value(self, state: FacilityState) -> Array:
        """The value of the batch: a 0-d array."""
        represents = self.ops.fetch(self._represents.value(state))
        return self._finish(sum_at(self._relevance, state.indices) + represents)


def _matrix(pool: FeatureSimilarities, queries: Array) -> MatrixSimilarities:
    """The similarities with queries, computed: [N, Q], in memory."""
    size = pool.ops.item_bytes(pool.like) * (int(queries.shape[0]) + 2 * pool.width)
    kernel, shape = partial(_read, pool.reader), (int(queries.shape[0]),)
    columns = map_rows(kernel, pool.rows, (queries,), bytes_per_row=size, shape=shape)
    return MatrixSimilarities(ops_for(columns).fetch(columns), pool.like)


def _read(reader: Reader, ops: Ops, *arguments: Any) -> Array:
    return reader(ops, arguments).similar


def _largest(ops: Ops, similar: Array) -> Array:
    """The similarity with the most similar query: [n]."""
    return ops.xp.max(ops.upcast(similar), axis=1)


def sum_at(values: Array, indices: tuple[Any, ...]) -> Array:
    """The sum of some of the values [N]: a 0-d array."""
    ops = ops_for(values)
    total = ops.scalar(0.0, values)
    for index in indices:
        total = total + ops.row(values, index)
    return total

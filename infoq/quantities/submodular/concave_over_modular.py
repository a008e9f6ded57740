"""COM: concave functions of sums of similarities with queries."""

from __future__ import annotations

from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.numbers import number
from infoq.quantities.submodular.queries import QueryFunction, sum_at
from infoq.quantities.submodular.similarities import Similarities
from infoq.structures.embedding import Embedding


class ConcaveState(NamedTuple):
    """A batch of `ConcaveOverModular`.

    Attributes
    ----------
    total : array [Q]
        The sum of each query's similarities with the members of the batch.
    indices : tuple of int or array []
        The picks.
    """

    total: Array
    indices: tuple[Any, ...]


@capabilities(lazy="the state of the batch is kept in memory")
class ConcaveOverModular(QueryFunction):
    r"""COM: concave functions of sums of similarities with queries.

    .. math:: f(A) = \eta \sum_{a \in A} \sqrt{\sum_q s_{qa}} + \sum_q \sqrt{\sum_{a \in A} s_{qa}}

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
        See `FacilityLocationQuery`; also if a similarity is clearly negative, where values can be
        read. Where they cannot, such a similarity counts as 0.

    Notes
    -----
    Monotone and submodular. Exact; gains are computed without differences of roots. The N Q
    similarities are computed once and kept. A step costs N Q roots. A candidate that is added again
    counts twice.

    References
    ----------
    Kothawade, S. et al. (2022). PRISM: a rich class of parameterized submodular information
    measures. AAAI, arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import ConcaveOverModular
    >>> batch = infoq.greedy(ConcaveOverModular(kernel=np.array([[4.0, 4.0, 0.0], [0, 0, 1.0]])), 3)
    >>> batch.indices, batch.gains.round(4)
    (array([0, 1, 2]), array([4.    , 2.8284, 2.    ]))
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
        _check_not_negative(self._pool)
        self._relevance = self._eta * self._rows(_root_of_sum, self._pool.rows)

    def start(self) -> ConcaveState:
        """The state of the empty batch."""
        return ConcaveState(self._full(self._pool.width), ())

    def gains(self, state: ConcaveState) -> Array:
        """The gain of each candidate: [N]."""
        more = self._rows(_more_roots, self._pool.rows, state.total)
        return self._finish(self._relevance + more)

    def gains_of(self, state: ConcaveState, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]."""
        more = self._rows(_more_roots, self._taken(indices), state.total)
        relevance = ops_for(self._relevance).xp.take(self._relevance, indices, axis=0)
        return self._finish(relevance + more)

    def add(self, state: ConcaveState, index: Array | int) -> ConcaveState:
        """The state of the batch with one more candidate."""
        column = _clipped(ops_for(state.total), self._pool.vector(index))
        return ConcaveState(state.total + column, (*state.indices, index))

    def value(self, state: ConcaveState) -> Array:
        """The value of the batch: a 0-d array."""
        xp = ops_for(state.total).xp
        relevance = sum_at(self._relevance, state.indices)
        return self._finish(relevance + xp.sum(xp.sqrt(state.total)))


def _clipped(ops: Ops, similar: Array) -> Array:
    return ops.xp.maximum(ops.upcast(similar), ops.scalar(0.0, ops.upcast(similar)))


def _root_of_sum(ops: Ops, similar: Array) -> Array:
    """The root of the sum over queries: [n]."""
    return ops.xp.sqrt(ops.xp.sum(_clipped(ops, similar), axis=1))


def _more_roots(ops: Ops, similar: Array, total: Array) -> Array:
    """The increase of the sum of roots of totals [Q], per candidate: [n]."""
    xp = ops.xp
    similar = _clipped(ops, similar)
    some = similar > 0
    one = ops.scalar(1.0, similar)
    grown = xp.sqrt(xp.where(some, total[None, :] + similar, one))
    return xp.sum(similar / (grown + xp.sqrt(total)[None, :]), axis=1)


def _check_not_negative(pool: Similarities) -> None:
    (columns,) = pool.rows
    ops = ops_for(columns)
    if not ops.concrete(columns):
        return
    xp = ops.xp
    rounding = float(xp.finfo(columns.dtype).eps) ** 0.5 * number(xp.max(xp.abs(columns)))
    least = xp.min(columns, axis=1)
    index = int(xp.argmin(least))
    if number(least[index]) < -rounding:
        raise ValueError(
            f"{'points' if ops is not pool.ops else 'kernel or points'}: candidate {index} has a "
            f"negative similarity, {number(least[index]):.3g}, with a query, and roots need "
            "similarities of at least 0; shift or clip them and pass kernel="
        )

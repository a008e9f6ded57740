"""Graph cut: representation less redundancy."""

from __future__ import annotations

from typing import Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.predictives import Embedding
from infoq.predictives.outcomes import place_of
from infoq.quantities.submodular.base import SimilarityFunction
from infoq.quantities.submodular.similarities import at_least_zero, similarities


class CutState(NamedTuple):
    """A batch of `GraphCut`.

    Attributes
    ----------
    shared : array [N]
        The sum of each candidate's similarities with the members of the batch.
    indices : tuple of int or array []
        The picks.
    """

    shared: Array
    indices: tuple[Any, ...]


class GraphCut(SimilarityFunction):
    r"""Graph cut, :math:`f(A) = \lambda \sum_{i \in V, j \in A} s_{ij} - \sum_{i, j \in A} s_{ij}`.

    How similar a batch is to all candidates V, less how similar its members are to each other.

    Parameters
    ----------
    points : Embedding or array [N, P], optional
        Features, one row a candidate; similarities are their inner products.
    kernel : array [N, N], optional
        Similarities in place of points, symmetric.
    trade_off : float
        What similarity to all candidates counts, :math:`\lambda`.

    Raises
    ------
    TypeError, ValueError
        If neither or both of points and kernel are given, one is not floating, of another shape or
        (where values can be read) not finite, a kernel is not symmetric, an embedding has more
        rows a candidate than one, or `trade_off` is negative or no number.

    Notes
    -----
    Submodular where no similarity is negative, and monotone with a trade-off of at least 2;
    `submodular` says whether the former is known: no element of the kernel, or of the features, is
    negative. `mutual` gives GCMI, :math:`2 \sum_{i \in A, j \in Q} s_{ij}`, modular whatever the
    similarities and the trade-off, and `conditional` GCCG. The published graph cut, whose trade-off
    multiplies the second sum, is this one with its inverse, divided by it.

    From features N P multiply-adds a step, by sums of features; exact.

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
        kernel: Array | None = None,
        trade_off: float = 2.0,
    ) -> None:
        pool = similarities(points, kernel, square=True)
        super().__init__(pool)
        self._trade_off = at_least_zero(trade_off, "trade_off")
        self.submodular = pool.nowhere_negative()
        self._represents = self._trade_off * pool.project(pool.total())
        self._alone = self._represents - pool.diagonal()

    def start(self) -> CutState:
        """The state of the empty batch."""
        return CutState(self._full(len(self)), ())

    def gains(self, state: CutState) -> Array:
        """What each candidate would add: [N]."""
        return self._finish(self._alone - 2 * state.shared)

    def overlap(self, state: CutState, more: CutState) -> Array:
        """What each candidate adds to a batch beyond what it adds to a larger one: [N]."""
        return self._finish(2 * (more.shared - state.shared))

    def add(self, state: CutState, index: Array | int) -> CutState:
        """The state of the batch with one more candidate."""
        column = self._pool.project(self._pool.vector(index))
        return CutState(state.shared + column, (*state.indices, index))

    def remove(self, state: CutState, index: Array | int) -> CutState:
        """The state of the batch without one of its candidates."""
        place = place_of(state.indices, index)
        column = self._pool.project(self._pool.vector(index))
        rest = state.indices[:place] + state.indices[place + 1 :]
        return CutState(state.shared - column, rest)

    def value(self, state: CutState) -> Array:
        """The cut of the batch, computed anew: a 0-d array."""
        if not state.indices:
            return self._finish(self._full(1)[0])
        ops = ops_for(state.shared)
        represents = ops.xp.stack([ops.row(self._represents, i) for i in state.indices])
        inside = self._pool.among(state.indices)
        return self._finish(ops.xp.sum(represents) - ops.xp.sum(inside))

"""What a batch tells about queries, or beyond a private set, by any set function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.checks.numbers import at_least_zero
from infoq.quantities.set_function import (
    SetFunction,
    SetFunctionLike,
    as_set_function,
    difference,
)
from infoq.quantities.submodular.parts import added, magnify, members


@capabilities(lazy="the state of the batch is kept in memory")
def mutual(f: SetFunctionLike, queries: Sequence[int] | Array, *, eta: float = 1.0) -> Mutual:
    r"""Submodular mutual information, :math:`I_f(A; Q) = f(A) + f(Q) - f(A \cup Q)`.

    What a batch A and the queries Q have in common, as a set function of A.

    Parameters
    ----------
    f : set function
        For example `LogDet`, `FacilityLocation`, `GraphCut` or `infoq.EIG`; `conditional` of one
        for :math:`I_f(A; Q \mid P)`.
    queries : integers
        Q, among the candidates of f.
    eta : float
        What similarities of candidates and queries are multiplied by, SIMILAR's and PRISM's
        :math:`\eta`: of `LogDet` and `GraphCut` those with all but each other and a private set,
        of `FacilityLocation` those of what is represented with the queries.

    Returns
    -------
    set function
        With the candidates of f: mask the queries out by ``candidates=`` of `greedy`.

    Raises
    ------
    TypeError
        If f is no set function, or has no similarities to magnify, or the queries are no integers,
        or cannot be read.
    ValueError
        If a query is no candidate, or comes twice, or `eta` is negative.

    Notes
    -----
    Two states of f side by side, with and without the queries. The gain of a candidate is its gain
    to A less its gain to A and Q, at least 0 for a submodular f: of `FacilityLocation` in one pass
    and of `GraphCut` as a sum over Q, exact; of others the difference of two gains, exact except
    that little in common loses relative accuracy, which `infoq.JEPIG` keeps. Where A and Q
    determine what A does not, a log-determinant without a ridge has infinitely much in common. A
    query that is added to A counts as f counts a copy.

    Not submodular in general (`submodular` is False), so that `lazy_greedy` is a heuristic: FLVMI
    is, and GCMI is modular. Of `LogDet` it is LogDetMI, and of `infoq.EIG` the mutual information
    between outcomes.

    References
    ----------
    Iyer, R., Khargoankar, N., Bilmes, J. and Asnani, H. (2021). Submodular combinatorial
    information measures with applications in machine learning. ALT, arXiv:2006.15412. Kothawade, S.
    et al. (2021). SIMILAR: submodular information measures based active learning in realistic
    scenarios. NeurIPS, arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import LogDet, mutual
    >>> points = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 1.0]])
    >>> like_the_last = mutual(LogDet(points, ridge=1.0), [3])
    >>> infoq.greedy(like_the_last, 1, candidates=np.arange(4) != 3).indices
    array([2])
    """
    whole = as_set_function(f, "LogDet(points)")
    asked = members(queries, "queries", len(whole))
    return Mutual(magnify(whole, asked, at_least_zero(eta, "eta"), "eta"), asked)


@capabilities(lazy="the state of the batch is kept in memory")
def conditional(
    f: SetFunctionLike, private: Sequence[int] | Array, *, nu: float = 1.0
) -> Conditional:
    r"""Conditional gain, :math:`f(A \mid P) = f(A \cup P) - f(P)`.

    What a batch A has beyond the private (or labelled) set P, as a set function of A.

    Parameters
    ----------
    f : set function
        For example `LogDet`, `FacilityLocation`, `GraphCut` or `infoq.EIG`.
    private : integers
        P, among the candidates of f.
    nu : float
        What similarities of candidates and the private set are multiplied by, PRISM's :math:`\nu`,
        in the way of `mutual`.

    Returns
    -------
    set function
        With the candidates of f: mask the private ones out by ``candidates=`` of `greedy`.

    Raises
    ------
    TypeError
        If f is no set function, or has no similarities to magnify, or the private set is of no
        integers, or cannot be read.
    ValueError
        If one of it is no candidate, or comes twice, or `nu` is negative.

    Notes
    -----
    The gains of f after P, exactly, at the cost of f; submodular and monotone where f is. Values
    are differences of two of f's. LogDetCG, FLCG and GCCG; ``mutual(conditional(f, p), q)`` is
    LogDetCMI and FLCMI.

    References
    ----------
    Iyer, R., Khargoankar, N., Bilmes, J. and Asnani, H. (2021). Submodular combinatorial
    information measures with applications in machine learning. ALT, arXiv:2006.15412.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq import FacilityLocation, conditional
    >>> f = FacilityLocation(np.array([[2.0, 0.0], [1.5, 0.0], [0.0, 1.0]]))
    >>> infoq.greedy(f, 1).indices, infoq.greedy(conditional(f, [0]), 1).indices
    (array([0]), array([2]))
    """
    whole = as_set_function(f, "LogDet(points)")
    hidden = members(private, "private", len(whole))
    return Conditional(magnify(whole, hidden, at_least_zero(nu, "nu"), "nu"), hidden)


class Combined(SetFunction):
    """The candidates of a set function f, with gains made of those of f and of some candidates."""

    _PASSED_ON: tuple[str, ...] = ("remove", "value", "magnified")

    def __init__(self, f: SetFunction, members: list[int]) -> None:
        self._f, self._members = f, members

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        return self._f.ops

    @property
    def device(self) -> Any:
        """Where the gains are, in memory; None where that is not known."""
        return self._f.device

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return self._f.is_magnified

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return len(self._f)

    def has_own(self, name: str) -> bool:
        """Whether a method is one's own: what is passed on to f is where it is f's."""
        return self._f.has_own(name) if name in self._PASSED_ON else super().has_own(name)

    def magnified(self, members: list[int], factor: float) -> SetFunction:
        """The same with the similarities of some candidates with others times a number."""
        f = self._f
        if not self.is_magnified:  # so that those with its own are as they are
            f = f.magnified(self._members, 1.0)
        return type(self)(f.magnified(members, factor), self._members)


class Conditional(Combined):
    """A set function beyond some of its candidates: a state is one of f, with these."""

    _PASSED_ON = (*Combined._PASSED_ON, "gains_of", "overlap", "overlap_of")

    def __init__(self, f: SetFunction, private: list[int]) -> None:
        super().__init__(f, private)
        self._known = added(f, f.start(), private)
        self.submodular, self.mutual_submodular = f.submodular, f.mutual_submodular

    def start(self) -> Any:
        """The state of the empty batch: that of the private set."""
        return self._known

    def gains(self, state: Any) -> Array:
        """What each candidate would add: [N]."""
        return self._f.gains(state)

    def gains_of(self, state: Any, indices: Array) -> Array:
        """What some candidates [m] would add: [m]."""
        return self._f.gains_of(state, indices)

    def overlap(self, state: Any, more: Any) -> Array:
        """What each candidate adds to a batch beyond what it adds to a larger one: [N]."""
        return self._f.overlap(state, more)

    def overlap_of(self, state: Any, more: Any, indices: Array) -> Array:
        """The same of some candidates [m]: [m]."""
        return self._f.overlap_of(state, more, indices)

    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate."""
        return self._f.add(state, index)

    def remove(self, state: Any, index: Array | int) -> Any:
        """The state of the batch without one of its candidates."""
        return self._f.remove(state, index)

    def value(self, state: Any) -> Array:
        """The value of f with the batch, less that without it: a 0-d array."""
        return difference(self.ops, self._f.value(state), self._f.value(self._known))


class Beside(NamedTuple):
    """A batch, without and with the queries.

    Attributes
    ----------
    alone : state of f
        Of the batch.
    joined : state of f
        Of the batch and the queries.
    """

    alone: Any
    joined: Any


class Mutual(Combined):
    """What a batch and some of the candidates have in common: a state is two of f."""

    def __init__(self, f: SetFunction, queries: list[int]) -> None:
        super().__init__(f, queries)
        none = f.start()
        self._begin = Beside(none, added(f, none, queries))
        self.submodular = f.mutual_submodular

    def has_own(self, name: str) -> bool:
        """Whether a method is one's own: the gains of a few are where they or their overlap are."""
        if name == "gains_of":
            return self._f.has_own("gains_of") or self._f.has_own("overlap_of")
        return super().has_own(name)

    def start(self) -> Beside:
        """The state of the empty batch."""
        return self._begin

    def gains(self, state: Beside) -> Array:
        """What each candidate would add: [N]."""
        return self._f.overlap(state.alone, state.joined)

    def gains_of(self, state: Beside, indices: Array) -> Array:
        """What some candidates [m] would add: [m]."""
        return self._f.overlap_of(state.alone, state.joined, indices)

    def add(self, state: Beside, index: Array | int) -> Beside:
        """The state of the batch with one more candidate."""
        return Beside(*(self._f.add(one, index) for one in state))

    def remove(self, state: Beside, index: Array | int) -> Beside:
        """The state of the batch without one of its candidates."""
        return Beside(*(self._f.remove(one, index) for one in state))

    def value(self, state: Beside) -> Array:
        """What batch and queries have in common, by three values of f: a 0-d array."""
        alone, queries, joined = map(self._f.value, (state.alone, self._begin.joined, state.joined))
        return difference(self.ops, alone, joined - queries)

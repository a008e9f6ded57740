"""Mutual information with queries, and conditional gain given a private set, of set functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.checks.numbers import at_least_zero
from infoq.quantities.submodular.parts import added, magnify, members
from infoq.set_function import (
    SetFunction,
    SetFunctionLike,
    as_set_function,
    difference,
)


@capabilities(lazy="the state of the batch is kept in memory")
def mutual(f: SetFunctionLike, queries: Sequence[int] | Array, *, eta: float = 1.0) -> Mutual:
    r"""Submodular mutual information, :math:`I_f(A; Q) = f(A) + f(Q) - f(A \cup Q)`.

    A set function of a batch A: what A and the queries Q share.

    Parameters
    ----------
    f : set function
        For example `LogDet`, `FacilityLocation`, `GraphCut` or `infoq.EIG`; `conditional` of one
        for :math:`I_f(A; Q \mid P)`.
    queries : integers
        Q, indices of candidates of f.
    eta : float
        Factor of the similarities of candidates with queries, :math:`\eta` in SIMILAR and PRISM.
        For `LogDet` and `GraphCut` it multiplies the similarities of queries with all candidates
        except each other and a private set. For `FacilityLocation` it multiplies those of
        represented points with queries.

    Returns
    -------
    set function
        A set function of the same candidates, in the units of f. Mask the queries out with
        ``candidates=`` of `greedy`.

    Raises
    ------
    TypeError
        If f is not a set function, or has no similarities to magnify; or if the queries are not
        integers, or cannot be read.
    ValueError
        If a query is not a candidate or is repeated, or `eta` is negative.

    Notes
    -----
    Exact, at the cost of two states of f, with and without the queries. The gain of a candidate is
    its gain to A minus its gain to A and Q, at least 0 for a submodular f. `FacilityLocation`
    computes it in one pass and `GraphCut` as a sum over Q. Other functions take the difference of
    two gains, which loses relative accuracy if little is shared; `infoq.JEPIG` keeps it. If A and Q
    determine a candidate that A alone does not, a log-determinant without a ridge is infinite. A
    query that is added to A counts as a copy does in f.

    Not submodular in general (`submodular` is False), so that `lazy_greedy` is a heuristic. FLVMI
    is submodular, and GCMI is modular. With `LogDet` this is LogDetMI, and with `infoq.EIG` the
    mutual information between outcomes.

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

    A set function of a batch A: its gain given the private (or labelled) set P.

    Parameters
    ----------
    f : set function
        For example `LogDet`, `FacilityLocation`, `GraphCut` or `infoq.EIG`.
    private : integers
        P, indices of candidates of f.
    nu : float
        Factor of the similarities of candidates with the private set, :math:`\nu` in PRISM; applied
        as `eta` is in `mutual`.

    Returns
    -------
    set function
        A set function of the same candidates, in the units of f. Mask the private ones out with
        ``candidates=`` of `greedy`.

    Raises
    ------
    TypeError
        If f is not a set function, or has no similarities to magnify; or if the indices of the
        private set are not integers, or cannot be read.
    ValueError
        If one of them is not a candidate or is repeated, or `nu` is negative.

    Notes
    -----
    Exact: the gains of f after P is added, at the cost of f. Submodular and monotone if f is. A
    value is the difference of two values of f. This gives LogDetCG, FLCG and GCCG;
    ``mutual(conditional(f, p), q)`` gives LogDetCMI and FLCMI.

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
    """A set function made of another, f, and some of its candidates."""

    _PASSED_ON: tuple[str, ...] = ("remove", "value", "magnified")

    def __init__(self, f: SetFunction, members: list[int]) -> None:
        self._f, self._members = f, members

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        return self._f.ops

    @property
    def device(self) -> Any:
        """The device of the gains in memory; None if not known."""
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
        """Whether a method is overridden; for methods passed on to f, whether f overrides it."""
        return self._f.has_own(name) if name in self._PASSED_ON else super().has_own(name)

    def magnified(self, members: list[int], factor: float) -> SetFunction:
        """The same function with the similarities of some candidates to others times a number."""
        f = self._f
        if not self.is_magnified:  # marks its own members as special, with a factor of 1
            f = f.magnified(self._members, 1.0)
        return type(self)(f.magnified(members, factor), self._members)


class Conditional(Combined):
    """A set function given some of its candidates: a state is one of f that includes these."""

    _PASSED_ON = (*Combined._PASSED_ON, "gains_of", "overlap", "overlap_of")

    def __init__(self, f: SetFunction, private: list[int]) -> None:
        super().__init__(f, private)
        self._known = added(f, f.start(), private)
        self.submodular, self.mutual_submodular = f.submodular, f.mutual_submodular

    def start(self) -> Any:
        """The state of the empty batch: that of the private set."""
        return self._known

    def gains(self, state: Any) -> Array:
        """The gain of each candidate: [N]."""
        return self._f.gains(state)

    def gains_of(self, state: Any, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]."""
        return self._f.gains_of(state, indices)

    def overlap(self, state: Any, more: Any) -> Array:
        """The gain of each candidate to a batch minus its gain to a larger one: [N]."""
        return self._f.overlap(state, more)

    def overlap_of(self, state: Any, more: Any, indices: Array) -> Array:
        """The same differences for some candidates [m]: [m]."""
        return self._f.overlap_of(state, more, indices)

    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate."""
        return self._f.add(state, index)

    def remove(self, state: Any, index: Array | int) -> Any:
        """The state of the batch without one of its candidates."""
        return self._f.remove(state, index)

    def value(self, state: Any) -> Array:
        """The value of f with batch and private set, minus that of the private set: a 0-d array."""
        return difference(self.ops, self._f.value(state), self._f.value(self._known))


class Beside(NamedTuple):
    """Two states of a batch, without and with the queries.

    Attributes
    ----------
    alone : state of f
        State of the batch.
    joined : state of f
        State of the batch and the queries.
    """

    alone: Any
    joined: Any


class Mutual(Combined):
    """Mutual information of a batch and the queries: a state holds two states of f."""

    def __init__(self, f: SetFunction, queries: list[int]) -> None:
        super().__init__(f, queries)
        none = f.start()
        self._begin = Beside(none, added(f, none, queries))
        self.submodular = f.mutual_submodular

    def has_own(self, name: str) -> bool:
        """Whether a method is overridden; for `gains_of`, whether f has it or `overlap_of`."""
        if name == "gains_of":
            return self._f.has_own("gains_of") or self._f.has_own("overlap_of")
        return super().has_own(name)

    def start(self) -> Beside:
        """The state of the empty batch."""
        return self._begin

    def gains(self, state: Beside) -> Array:
        """The gain of each candidate: [N]."""
        return self._f.overlap(state.alone, state.joined)

    def gains_of(self, state: Beside, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]."""
        return self._f.overlap_of(state.alone, state.joined, indices)

    def add(self, state: Beside, index: Array | int) -> Beside:
        """The state of the batch with one more candidate."""
        return Beside(*(self._f.add(one, index) for one in state))

    def remove(self, state: Beside, index: Array | int) -> Beside:
        """The state of the batch without one of its candidates."""
        return Beside(*(self._f.remove(one, index) for one in state))

    def value(self, state: Beside) -> Array:
        """The mutual information of batch and queries, from three values of f: a 0-d array."""
        alone, queries, joined = map(self._f.value, (state.alone, self._begin.joined, state.joined))
        return difference(self.ops, alone, joined - queries)

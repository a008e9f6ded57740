"""Lazy greedy selection: gains are evaluated again only for candidates that may be the best."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, ops_for
from infoq.backends.arrays import OwnArray, OwnNamespace
from infoq.backends.capabilities import capabilities
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection
from infoq.set_function import SetFunctionLike, name_of

# The number of stale gains in the first group; each further group is twice as large.
_FIRST = 8
# All are evaluated once a group would exceed 1 / _PART of them and half of the bounds are ahead.
_PART = 8

Bound: TypeAlias = tuple[float, int]
"""The negated upper bound of a candidate's gain, and its index.

Bounds sort with the best first, and ties by ascending index.
"""

# At most this many are ranked anew in every step; then they are merged into the ranking of all.
_FEW = 512

# Sorts after every candidate that can be added.
_NONE: Bound = (math.inf, -1)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
def lazy_greedy(
    f: SetFunctionLike,
    k: int | None = None,
    *,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """The batch of `greedy` with fewer evaluations, as old gains bound new ones.

    Parameters
    ----------
    f : set function
        A submodular one: gains never grow with the batch. If it has a method
        ``gains_of(state, indices)``, which returns the gains [m] of the candidates `indices` [m],
        that is used.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that are already in the batch, picked or pending.
    costs : array [N], optional
        The cost of each candidate, more than 0. The largest gain per cost is picked.
    budget : float, optional
        The most that the picks may cost together.

    Returns
    -------
    Selection
        Indices, gains and their sum, as from `greedy`.

    Raises
    ------
    TypeError
        If f is not a set function, k is not an integer and there is no budget, or values cannot be
        read (inside `jax.jit`).
    ValueError
        If k is negative, or `candidates`, the costs or an index does not fit the pool.

    Notes
    -----
    Exact for a submodular f: the same picks as `greedy`, except that gains which differ only by
    rounding may swap. With `gains_of`, a step evaluates the candidates whose last known gain is at
    least the best new one, in groups of 8, 16, 32 and so on. Once a group would exceed N / 8 and
    half of all candidates may still be better, it evaluates all at once. Group sizes are powers of
    two, for libraries that compile for each size. Without `gains_of`, it evaluates all N gains and
    saves nothing. Bounds are kept on the host, sorted.

    If the attribute `submodular` of f is False, this is a heuristic, and it warns. The gains of a
    sampled `EIG` shrink up to the noise of the samples; once they are as small as that noise, picks
    may differ from those of `greedy`.

    References
    ----------
    Minoux, M. (1978). Accelerated greedy algorithms for maximizing submodular set functions.
    Optimization Techniques, 234-243.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.random.default_rng(0).dirichlet(np.ones(3), size=(50, 10))
    >>> lazy = infoq.lazy_greedy(infoq.EIG(probs), 4)
    >>> bool(np.all(lazy.indices == infoq.greedy(infoq.EIG(probs), 4).indices))
    True
    """
    growth = Growth(f, k, candidates, given, costs, budget)
    if not growth.readable:
        raise TypeError("lazy_greedy: needs values that can be read; use greedy inside jax.jit")
    submodular = growth.f.submodular
    if submodular is not None and not submodular:
        warnings.warn(
            f"lazy_greedy is a heuristic for {name_of(growth.f)}, which is not submodular; "
            "greedy picks the largest gains",
            UserWarning,
            stacklevel=2,
        )
    queue = _Queue(growth)
    while growth.open() and queue.pick():
        pass
    return growth.selection()


class _Ranking(NamedTuple):
    """Candidates sorted by the bounds of their gains.

    Attributes
    ----------
    bounds : array [m]
        The negated bounds, ascending.
    indices : array [m]
        The indices of the candidates; ascending where bounds are equal.
    """

    bounds: OwnArray
    indices: OwnArray

    @classmethod
    def of(cls, xp: OwnNamespace, bounds: OwnArray, indices: OwnArray) -> _Ranking:
        """Ranking of candidates whose indices ascend."""
        order = xp.argsort(bounds, stable=True)
        return cls(bounds[order], indices[order])

    def before(self, bound: Bound) -> int:
        """The number of candidates before a bound."""
        worth, index = bound
        if worth == math.inf:
            return int(self.indices.size)
        better = int(self.bounds.searchsorted(worth))
        if better == self.indices.size or self.bounds[better] != worth:
            return better
        equal = self.indices[better : self.bounds.searchsorted(worth, side="right")]
        return better + int(equal.searchsorted(index))

    def merged(self, xp: OwnNamespace, other: _Ranking) -> _Ranking:
        """The two rankings merged into one."""
        spots = xp.searchsorted(self.bounds, other.bounds)
        bounds = xp.insert(self.bounds, spots, other.bounds)
        candidates = xp.insert(self.indices, spots, other.indices)
        alike = bounds[1:] == bounds[:-1]
        if alike.any():  # `other` comes first among equals, and may have the higher indices
            tied = xp.flatnonzero(xp.concat([alike, [False]]) | xp.concat([[False], alike]))
            candidates[tied] = candidates[tied][xp.lexsort((candidates[tied], bounds[tied]))]
        return _Ranking(bounds, candidates)

    def part(self, which: Any) -> _Ranking:
        """The ranking of some of them, selected by a slice or a mask."""
        return _Ranking(self.bounds[which], self.indices[which])


class _Queue:
    """Candidates sorted by their last known gains, best first, in host memory.

    All are ranked when all are evaluated. Those evaluated since then are ranked anew in every step,
    and are merged into the ranking of all once they are many.
    """

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        host = growth.ops.to_host
        self.costs = None if growth.costs is None else host(growth.costs)
        places = host(growth.places)
        self.xp: OwnNamespace = ops_for(places).xp  # NumPy
        self.among = host(growth.among)
        self.most = max(_FIRST, self.among.size // _PART) if growth.few else 0
        # Per candidate: the last bound, and whether it is newer than the ranking of all.
        self.bounds: OwnArray = self.xp.full(places.size, math.inf, dtype=host(growth.none).dtype)
        self.since: OwnArray = self.xp.zeros(places.size, dtype=bool)
        # Candidates not evaluated in this step; the best of those that were; those with NaN.
        empty = _Ranking(self.bounds[:0], self.among[:0])
        self.ranked, self.again, self.best = empty, empty, _NONE
        self.unclear = self.among[:0]
        self.seen_unclear = False
        # Evaluated in this step: candidates (None for all) and their gains.
        self.evaluated: list[tuple[OwnArray | None, Array]] = []
        self.may = host(growth.eligible())

    def pick(self) -> bool:
        """Pick the best candidate; return False if none can be added."""
        self._begin()
        self._refresh()
        index = self.best[1]
        if self.best == _NONE:
            self.seen_unclear = self.seen_unclear or self.unclear.size > 0
            if not self.seen_unclear:
                self.growth.reason = "rank"
                return False
            index = int(self.xp.argmax(self.may))  # all are -inf or NaN
        self.bounds[index], self.since[index] = math.inf, False
        self.growth.take(self.growth.places[index : index + 1], self._gain(index))
        return True

    def _begin(self) -> None:
        """Start a step: gains become stale, and candidates that are not eligible are removed."""
        self.evaluated, self.best = [], _NONE
        self.may = self.growth.ops.to_host(self.growth.eligible())
        if self.growth.left() < math.inf or self.seen_unclear:
            self.since = self.since & self.may
            self.ranked = self.ranked.part(self.may[self.ranked.indices])
            self.unclear = self.unclear[self.may[self.unclear]]
        candidates = self.xp.flatnonzero(self.since)
        self.again = _Ranking.of(self.xp, self.bounds[candidates], candidates)
        if candidates.size > _FEW:
            self.ranked = self.ranked.merged(self.xp, self.again)
            self.again = self.again.part(slice(0))
            self.since[:] = False

    def _refresh(self) -> None:
        """Evaluate stale gains from the top until the best is new or cannot be added."""
        if not self.growth.indices:
            self._evaluate_all()
            return
        width = _FIRST
        unclear, self.unclear = self.unclear, self.unclear[:0]  # NaN bounds nothing
        while True:
            ahead = sum(queue.before(self.best) for queue in (self.ranked, self.again))
            count = min(ahead, width) + unclear.size
            if count == 0:
                return
            # Few sizes, as some libraries compile for each. The next candidates fill the group.
            size = 1 << (count - 1).bit_length()
            if self._all_is_less(size, ahead):
                self._evaluate_all()
                return
            self._evaluate(self.xp.concat([unclear, self._next(size - unclear.size)]), size)
            unclear, width = unclear[:0], 2 * width

    def _next(self, number: int) -> OwnArray:
        """Remove and return the best candidates that were not evaluated in this step."""
        xp, queues = self.xp, (self.ranked, self.again)
        heads = [queue.part(slice(number)) for queue in queues]
        bounds, candidates = (xp.concat(each) for each in zip(*heads, strict=True))
        order = xp.lexsort((candidates, bounds))[:number]
        if order.size > 0:
            end = (float(bounds[order[-1]]), int(candidates[order[-1]]) + 1)
            self.ranked, self.again = (q.part(slice(q.before(end), None)) for q in queues)
        return candidates[order]

    def _all_is_less(self, size: int, ahead: int) -> bool:
        """Whether evaluating all gains at once takes less time than this and later groups."""
        if size <= self.most:
            return False
        return self.most == 0 or 2 * ahead > len(self.among)

    def _evaluate(self, members: OwnArray, size: int) -> None:
        places, members = self.growth.places, self.xp.sort(members)
        xp, device = self.growth.ops.xp, self.growth.ops.device(places)
        padded = self.xp.concat([members, self.xp.repeat(members[-1:], size - members.size)])
        indices = xp.asarray(padded, dtype=places.dtype, device=device)
        gains = self.growth.gains_of(indices)
        self.evaluated.append((members, gains))
        bounds, candidates = self._bounds(members, self.growth.ops.to_host(gains)[: members.size])
        self.bounds[candidates], self.since[members], self.since[candidates] = bounds, False, True
        if candidates.size > 0:
            spot = int(self.xp.argmin(bounds))  # the first of equals has the lowest index
            self.best = min(self.best, (float(bounds[spot]), int(candidates[spot])))

    def _evaluate_all(self) -> None:
        gains = self.growth.gains()
        self.evaluated, self.unclear = [(None, gains)], self.unclear[:0]
        may = self.may[self.among]
        bounds, candidates = self._bounds(self.among[may], self.growth.ops.to_host(gains)[may])
        self.bounds[candidates], self.since[:] = bounds, False
        ranked = _Ranking.of(self.xp, bounds, candidates)
        self.ranked, self.again = ranked.part(slice(1, None)), ranked.part(slice(0))
        self.best = (
            (float(ranked.bounds[0]), int(ranked.indices[0])) if candidates.size > 0 else _NONE
        )

    def _bounds(self, members: OwnArray, gains: OwnArray) -> tuple[OwnArray, OwnArray]:
        """Bounds of the candidates that can be added, and their indices; NaN is set apart."""
        unclear = self.xp.isnan(gains)
        if unclear.any():
            self.unclear = self.xp.concat([self.unclear, members[unclear]])
        bounds = -gains if self.costs is None else -gains / self.costs[members]
        possible = bounds < math.inf  # excludes NaN, and candidates that cannot be added
        return bounds[possible], members[possible]

    def _gain(self, index: int) -> Array:
        """The gain of one candidate, as an array [1]."""
        for members, gains in self.evaluated:
            candidates = self.among if members is None else members
            spots = self.xp.flatnonzero(candidates == index).tolist()
            if spots:
                return gains[spots[0] : spots[0] + 1]
        return self.growth.gains_of(self.growth.places[index : index + 1])

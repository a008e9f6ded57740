"""Lazy greedy batches: gains are evaluated again only for who might be the best."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, ops_for
from infoq.backends.arrays import OwnArray, OwnNamespace
from infoq.backends.capabilities import capabilities
from infoq.quantities.set_function import SetFunctionLike, name_of
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection

# How many stale gains are evaluated at first; then twice as many, and so on.
_FIRST = 8
# All are evaluated where a group would be more than this part, and half of the bounds are ahead.
_PART = 8

Bound: TypeAlias = tuple[float, int]
"""What a candidate is known to be worth, with its sign changed, and its index.

So they sort: the best first, and of equals the one with the lowest index.
"""

# So many are ranked anew in every step, and then among all others.
_FEW = 512

# After all who can be added.
_NOBODY: Bound = (math.inf, -1)


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
    """Pick what `greedy` picks, with fewer evaluations: old gains bound new ones.

    Parameters
    ----------
    f : set function
        Submodular: gains never grow with the batch. Where it has a method
        ``gains_of(state, indices)``, gains [m] of the candidates `indices` [m], that is used.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    candidates : boolean array [N] or integers, optional
        Who may be picked, by a mask or by indices.
    given : integers
        Who is already in the batch, picked or pending.
    costs : array [N], optional
        What each candidate costs, more than 0. The largest gain per cost is picked.
    budget : float, optional
        What the picks may cost together.

    Returns
    -------
    Selection
        As of `greedy`.

    Raises
    ------
    TypeError
        If f is no set function, k is no integer and there is no budget, or values cannot be read
        (inside `jax.jit`).
    ValueError
        If k is negative, or `candidates`, the costs or an index does not fit the pool.

    Notes
    -----
    The same picks as `greedy` for a submodular f (gains that differ by rounding alone may swap).
    With `gains_of` a step evaluates the candidates whose last known gain is at least the best new
    one, in groups of 8, 16, 32 and so on; where a group would pass N / 8 and half of all may still
    be better, all at once. Groups are powers of two, for libraries that compile for each size.
    Without, it evaluates all N gains and saves nothing. Bounds are kept on the host, sorted.

    An f whose attribute `submodular` is False is a heuristic here, with a warning. Of a sampled
    `EIG` gains shrink but for the noise of the samples: where they are down to it, picks may
    differ from those of `greedy`.

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
    """Candidates by what is known of them, in order.

    Attributes
    ----------
    bounds : array [m]
        What they are known to be worth, with its sign changed; ascending.
    who : array [m]
        Their indices; of equals ascending.
    """

    bounds: OwnArray
    who: OwnArray

    @classmethod
    def of(cls, xp: OwnNamespace, bounds: OwnArray, who: OwnArray) -> _Ranking:
        """Of candidates whose indices ascend."""
        order = xp.argsort(bounds, stable=True)
        return cls(bounds[order], who[order])

    def before(self, bound: Bound) -> int:
        """How many come before a bound."""
        worth, index = bound
        if worth == math.inf:
            return int(self.who.size)
        better = int(self.bounds.searchsorted(worth))
        if better == self.who.size or self.bounds[better] != worth:
            return better
        equal = self.who[better : self.bounds.searchsorted(worth, side="right")]
        return better + int(equal.searchsorted(index))

    def merged(self, xp: OwnNamespace, other: _Ranking) -> _Ranking:
        """Both as one."""
        spots = xp.searchsorted(self.bounds, other.bounds)
        bounds = xp.insert(self.bounds, spots, other.bounds)
        who = xp.insert(self.who, spots, other.who)
        alike = bounds[1:] == bounds[:-1]
        if alike.any():  # of equals those of `other` came first, and others may have lower indices
            tied = xp.flatnonzero(xp.concat([alike, [False]]) | xp.concat([[False], alike]))
            who[tied] = who[tied][xp.lexsort((who[tied], bounds[tied]))]
        return _Ranking(bounds, who)

    def part(self, which: Any) -> _Ranking:
        """Some of them, by a slice or a mask."""
        return _Ranking(self.bounds[which], self.who[which])


class _Queue:
    """Candidates by the last that is known of them, best first, in memory of the host.

    They are ranked where all are evaluated. Who was evaluated since then is ranked anew in every
    step, and among all others once these are many.
    """

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        host = growth.ops.to_host
        self.costs = None if growth.costs is None else host(growth.costs)
        places = host(growth.places)
        self.xp: OwnNamespace = ops_for(places).xp  # NumPy
        self.among = host(growth.among)
        self.most = max(_FIRST, self.among.size // _PART) if growth.few else 0
        # By candidate: the last bound, and whether it is newer than the ranking of all.
        self.bounds: OwnArray = self.xp.full(places.size, math.inf, dtype=host(growth.none).dtype)
        self.since: OwnArray = self.xp.zeros(places.size, dtype=bool)
        # Who has not been evaluated in this step, and the best of who was; who is NaN.
        nobody = _Ranking(self.bounds[:0], self.among[:0])
        self.ranked, self.again, self.best = nobody, nobody, _NOBODY
        self.unclear = self.among[:0]
        self.seen_unclear = False
        # What was evaluated in this step: who, or None for all, and their gains.
        self.evaluated: list[tuple[OwnArray | None, Array]] = []
        self.may = host(growth.eligible())

    def pick(self) -> bool:
        """Pick the best; False where none can be added."""
        self._begin()
        self._refresh()
        index = self.best[1]
        if self.best == _NOBODY:
            self.seen_unclear = self.seen_unclear or self.unclear.size > 0
            if not self.seen_unclear:
                self.growth.reason = "rank"
                return False
            index = int(self.xp.argmax(self.may))  # all are -inf or NaN
        self.bounds[index], self.since[index] = math.inf, False
        self.growth.take(self.growth.places[index : index + 1], self._gain(index))
        return True

    def _begin(self) -> None:
        """What was new is old; who is no longer eligible leaves."""
        self.evaluated, self.best = [], _NOBODY
        self.may = self.growth.ops.to_host(self.growth.eligible())
        if self.growth.left() < math.inf or self.seen_unclear:
            self.since = self.since & self.may
            self.ranked = self.ranked.part(self.may[self.ranked.who])
            self.unclear = self.unclear[self.may[self.unclear]]
        who = self.xp.flatnonzero(self.since)
        self.again = _Ranking.of(self.xp, self.bounds[who], who)
        if who.size > _FEW:
            self.ranked = self.ranked.merged(self.xp, self.again)
            self.again = self.again.part(slice(0))
            self.since[:] = False

    def _refresh(self) -> None:
        """Evaluate from the top until what is there is new, or cannot be added anyway."""
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
            # Few sizes: some libraries compile for each. Who is next fills them up.
            size = 1 << (count - 1).bit_length()
            if self._all_is_less(size, ahead):
                self._evaluate_all()
                return
            self._evaluate(self.xp.concat([unclear, self._next(size - unclear.size)]), size)
            unclear, width = unclear[:0], 2 * width

    def _next(self, number: int) -> OwnArray:
        """The best of who was not evaluated in this step; they leave."""
        xp, queues = self.xp, (self.ranked, self.again)
        heads = [queue.part(slice(number)) for queue in queues]
        bounds, who = (xp.concat(each) for each in zip(*heads, strict=True))
        order = xp.lexsort((who, bounds))[:number]
        if order.size > 0:
            end = (float(bounds[order[-1]]), int(who[order[-1]]) + 1)
            self.ranked, self.again = (q.part(slice(q.before(end), None)) for q in queues)
        return who[order]

    def _all_is_less(self, size: int, ahead: int) -> bool:
        """Whether all gains together take less time than a group, and those to come."""
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
        bounds, who = self._bounds(members, self.growth.ops.to_host(gains)[: members.size])
        self.bounds[who], self.since[members], self.since[who] = bounds, False, True
        if who.size > 0:
            spot = int(self.xp.argmin(bounds))  # of equals the first, which has the lowest index
            self.best = min(self.best, (float(bounds[spot]), int(who[spot])))

    def _evaluate_all(self) -> None:
        gains = self.growth.gains()
        self.evaluated, self.unclear = [(None, gains)], self.unclear[:0]
        may = self.may[self.among]
        bounds, who = self._bounds(self.among[may], self.growth.ops.to_host(gains)[may])
        self.bounds[who], self.since[:] = bounds, False
        ranked = _Ranking.of(self.xp, bounds, who)
        self.ranked, self.again = ranked.part(slice(1, None)), ranked.part(slice(0))
        self.best = (float(ranked.bounds[0]), int(ranked.who[0])) if who.size > 0 else _NOBODY

    def _bounds(self, members: OwnArray, gains: OwnArray) -> tuple[OwnArray, OwnArray]:
        """The bounds of candidates, and who they are; of NaN nothing is known."""
        unclear = self.xp.isnan(gains)
        if unclear.any():
            self.unclear = self.xp.concat([self.unclear, members[unclear]])
        bounds = -gains if self.costs is None else -gains / self.costs[members]
        possible = bounds < math.inf  # neither NaN nor who cannot be added
        return bounds[possible], members[possible]

    def _gain(self, index: int) -> Array:
        """The gain of a candidate, as an array [1]."""
        for members, gains in self.evaluated:
            who = self.among if members is None else members
            spots = self.xp.flatnonzero(who == index).tolist()
            if spots:
                return gains[spots[0] : spots[0] + 1]
        return self.growth.gains_of(self.growth.places[index : index + 1])

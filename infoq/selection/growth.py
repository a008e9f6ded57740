"""Greedy growth of a batch: its state, the eligible candidates, and the reason it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.checks.numbers import number
from infoq.selection.budget import Budget, check_size
from infoq.selection.candidates import allowed, given_indices, read_once
from infoq.selection.selected import Selection, check_batch_size
from infoq.set_function import SetFunction, SetFunctionLike, as_set_function


class Growth:
    """A batch that grows greedily; shared by the greedy selections.

    Parameters
    ----------
    f : set function
        The function to maximise.
    k : int, optional
        How many to pick.
    candidates, given, costs, budget
        See `greedy`.

    Attributes
    ----------
    places : array [N]
        0 to N - 1.
    among : array [m]
        The candidates whose gains are evaluated, ascending. These are the candidates that may be
        picked if the set function has `gains_of` and values can be read; otherwise all.
    """

    def __init__(
        self,
        f: SetFunctionLike,
        k: int | None,
        candidates: Array | Sequence[int] | None,
        given: Sequence[int] | Array,
        costs: Array | None = None,
        budget: float | None = None,
    ) -> None:
        check_size(k, budget)
        self.size = None if k is None else check_batch_size(k)
        hint = "; for plain scores use infoq.top_k"
        self.f = whole = as_set_function(f, "infoq.EIG(pool)", hint)
        self._state, self._behind = whole.start(), 0
        taken = given_indices(given, len(whole))
        for index in taken:
            self._state = whole.add(self._state, index)
        candidates = read_once(candidates)
        self.few = whole.has_own("gains_of")
        self.indices: list[Array] = []
        self.gained: list[Array] = []
        among = self._looked_at(candidates, taken)
        self._all = among is None
        first = whole.gains(self._state) if among is None else whole.gains_of(self._state, among)
        self.outer = ops_for(gains=first)
        self._first: Array | None = self.outer.fetch(first)
        self.ops = ops = ops_for(self._first)
        self.none = self._first[:0]
        self.places = ops.xp.arange(len(whole), device=ops.device(self._first))
        self.available, self.unpicked = allowed(ops, self.places, candidates, taken)
        # The device of the gains is known by now.
        self.among = self.places if among is None else _at(ops, self.available, self.places)
        self.readable = ops.concrete(self._first, self.available)
        self.lowest = ops.scalar(-float("inf"), self._first)
        self.count = len(whole) - len(taken)
        if candidates is not None and self.readable:
            self.count = int(ops.xp.sum(ops.xp.astype(self.available, ops.xp.int32)))
        self.budget = Budget(ops, self.none, len(whole), costs, budget, readable=self.readable)
        self.reason = "size"
        self._unclear = False
        self._most = self._fetched(whole.most(self.state))
        known = whole.has_own("noise") and self.readable
        self._noises: list[float] | None = [] if known else None

    def _looked_at(self, candidates: Any, taken: list[Any]) -> Array | None:
        """Candidates whose gains are evaluated, [m], ascending; None for all."""
        if not self.few or candidates is None:
            return None
        places = _places(self.f, candidates)
        ops = ops_for(places)
        free, _ = allowed(ops, places, candidates, taken)
        if not ops.concrete(free):
            return None
        return None if bool(ops.xp.all(free)) else _at(ops, free, places)

    def _gains_now(self) -> Array:
        """The gains of the candidates `among`, [m], in memory."""
        if self._all:
            return self.outer.fetch(self.f.gains(self.state))
        return self.outer.fetch(self.f.gains_of(self.state, self.among))

    @property
    def state(self) -> Any:
        """The state of the batch with all picks."""
        while self._behind < len(self.indices):
            self._state = self.f.add(self._state, self.indices[self._behind][0])
            self._behind += 1
        return self._state

    def gains(self) -> Array:
        """The gain of each of the candidates `among`: [m], in memory."""
        if self._first is not None and not self.indices:
            return self._first
        self._first = None
        return self._gains_now()

    def gains_of(self, places: Array) -> Array:
        """The gains of some of the candidates `among`; uses `gains_of` of f if it has one."""
        if not self.few or (self._first is not None and not self.indices):
            spots = places if self._all else self.ops.xp.searchsorted(self.among, places)
            return self.ops.xp.take(self.gains(), spots, axis=0)
        return self.outer.fetch(self.f.gains_of(self.state, places))

    @property
    def costs(self) -> Array | None:
        """The cost of each candidate, [N] in memory, or None."""
        return self.budget.costs

    def left(self) -> float:
        """What is left of the budget."""
        return self.budget.left()

    def eligible(self) -> Array:
        """Mask [N] of the candidates that are available and fit what is left of the budget."""
        return self.budget.fitting(self.available)

    def open(self) -> bool:
        """Whether another candidate can be picked; if not, sets `reason`."""
        picked = len(self.indices)
        if self.size is not None and picked >= self.size:
            self.reason = "size"
        elif picked >= self.count:
            self.reason = "pool"
        elif self.budget.limit is not None and not bool(self.ops.xp.any(self.eligible())):
            self.reason = "budget"
        else:
            return True
        return False

    def _fetched(self, x: Array | None) -> Array | None:
        """`x` in memory; None stays None."""
        return None if x is None else self.outer.fetch(x)

    def _at(self, x: Array, places: Array) -> Array:
        """The elements of x [N] at some places, without a copy for all of them."""
        return x if places is self.places else self.ops.xp.take(x, places, axis=0)

    def worth(self, gains: Array, places: Array) -> Array:
        """Gains, or gains per cost, by which candidates are picked; -inf if not eligible."""
        xp = self.ops.xp
        key = gains
        if self.budget.costs is not None:
            key = gains / self._at(self.budget.costs, places)
        may = self._at(self.eligible(), places)
        return xp.where(may & ~xp.isnan(gains), key, self.lowest)

    def pick(self, gains: Array, places: Array) -> bool:
        """Add the best of the candidates at `places`; return False if none can be added."""
        xp = self.ops.xp
        key = self.worth(gains, places)
        may = self._at(self.eligible(), places)
        best = xp.max(key)
        if self.readable and bool(best == self.lowest):
            # NaN counts as -inf. The batch ends here unless some gains are NaN, which have no
            # order.
            self._unclear = self._unclear or bool(xp.any(may & xp.isnan(gains)))
            if not self._unclear:
                self.reason = "rank"
                return False
        rank = xp.astype((key == best) & may, xp.int32)
        if not self.readable:
            # More picks than candidates: others follow, with a gain of -inf.
            rank = 2 * rank + xp.astype(self._at(self.unpicked, places), xp.int32)
            gains = xp.where(may, gains, self.lowest)
        spot = xp.reshape(xp.argmax(rank), (1,))
        self.take(xp.take(places, spot, axis=0), xp.take(gains, spot, axis=0))
        return True

    def take(self, index: Array, gain: Array) -> None:
        """Add one candidate, by its index [1] and its gain [1]."""
        index = self.ops.xp.astype(index, self.places.dtype)
        if self._noises is not None:
            noise = self._fetched(self.f.noise(self.state, index))
            self._noises = None if noise is None else [*self._noises, number(noise[0])]
        self.indices.append(index)
        self.gained.append(gain)
        if self.budget.limit is not None:
            self.budget.pay(int(index[0]))
        other = self.places != index
        self.available, self.unpicked = self.available & other, self.unpicked & other

    def selection(self) -> Selection:
        """The picks, as a `Selection`."""
        xp, adopt = self.ops.xp, self.outer.adopt
        gains = xp.concat([self.none, *self.gained])
        value = xp.sum(gains)
        if self._most is not None:
            # In half precision rounded down, too.
            rounding = float(xp.finfo(gains.dtype).eps) if gains.dtype != self._most.dtype else 0
            most = xp.astype(self._most * (1 - rounding), gains.dtype)
            gains = _at_most(self.ops, gains, most)
            value = xp.minimum(xp.sum(gains), most)
        indices = xp.concat([self.places[:0], *self.indices])
        reason, informative = self.reason, None
        if self._noises is not None:
            pairs = zip(self.ops.to_host(gains).tolist(), self._noises, strict=True)
            above = [gain > noise for gain, noise in pairs]
            informative = sum(above)
            if reason == "size" and above and not above[-1]:
                reason = "saturated"
        return Selection(adopt(indices), adopt(gains), adopt(value), reason, informative)


def _at_most(ops: Ops, gains: Array, most: Array) -> Array:
    """Gains [B], the last of them reduced so that their sum is at most `most`."""
    xp = ops.xp
    if gains.shape[0] == 0:
        return gains
    zero = ops.scalar(0.0, gains)
    total = ops.cumulative_sum(gains)
    beyond = xp.where(total > most, total - most, zero)
    before = xp.concat([zero[None], beyond[:-1]])
    return xp.where(beyond > before, xp.maximum(gains - (beyond - before), zero), gains)


def _at(ops: Ops, free: Array, places: Array) -> Array:
    """The free places; the first place if none is free, as some libraries need at least one."""
    some = ops.xp.astype(ops.xp.nonzero(free)[0], places.dtype)
    return some if some.shape[0] > 0 else places[:1]


def _places(f: SetFunction, candidates: Any) -> Array:
    """0 to N - 1 [N], in memory, on the device of the gains."""
    ops = f.ops
    device = f.device
    if device is None and hasattr(candidates, "shape"):
        theirs = ops_for(candidates=candidates)
        memory = theirs.fetch(candidates)
        if ops_for(memory) is ops_for(ops.fetch(ops.xp.arange(1))):
            device = ops_for(memory).device(memory)
    return ops.fetch(ops.xp.arange(len(f), device=device))

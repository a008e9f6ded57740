"""Lazy greedy batches: gains are evaluated again only for who might be the best."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.quantities.set_function import SetFunctionLike, name_of
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection

# How many stale gains are evaluated at first; then twice as many, and so on.
_FIRST = 8
# All are evaluated where a group would be more than this part, and half of the bounds are ahead.
_PART = 8
# So many are sorted in at every step, and then together.
_FEW = 1024
# Before who cannot be added, and after all others.
_NOBODY = complex(math.inf, -1)


@capabilities(reads_values="whose gains are evaluated depends on values; `greedy` works")
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


class _Queue:
    """Candidates by the last that is known of them, best first, in memory of the host.

    Complex numbers sort by their real part, then by the imaginary one: here by what a candidate is
    known to be worth, with its sign changed, then by its index.
    """

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        host = growth.ops.to_host
        self.costs = None if growth.costs is None else host(growth.costs)
        self.xp = ops_for(host(growth.places)).xp  # NumPy
        few = growth.few
        self.among = host(growth.among)
        self.most = max(_FIRST, self.among.size // _PART) if few else 0
        self.fresh = self.xp.zeros(0, dtype=complex)
        # Who has not been evaluated in this step, as two sorted arrays, most in the first; NaN.
        self.many = self.few = self.fresh
        self.unclear = self.xp.arange(0)
        self.seen_unclear = False
        # What was evaluated in this step: who, or None for all, and their gains.
        self.evaluated: list[tuple[Any, Array]] = []
        self.may = host(growth.eligible())

    def pick(self) -> bool:
        """Pick the best; False where none can be added."""
        self._begin()
        self._refresh()
        if self.fresh.size > 0 and self.fresh[0].real < math.inf:
            index = int(self.fresh[0].imag)
            self.fresh = self.fresh[1:]
        else:
            self.seen_unclear = self.seen_unclear or self.unclear.size > 0
            if not self.seen_unclear:
                self.growth.reason = "rank"
                return False
            index = int(self.xp.argmax(self.may))  # all are -inf or NaN
        self.growth.take(self.growth.places[index : index + 1], self._gain(index))
        return True

    def _begin(self) -> None:
        """What was new is old; who is no longer eligible leaves."""
        self.few, self.fresh = _merged(self.xp, self.few, self.fresh), self.fresh[:0]
        if self.few.size > _FEW:
            self.many, self.few = _merged(self.xp, self.many, self.few), self.few[:0]
        self.evaluated = []
        self.may = self.growth.ops.to_host(self.growth.eligible())
        if self.growth.left() < math.inf or self.seen_unclear:
            self.many, self.few = (x[self.may[_indices(x)]] for x in (self.many, self.few))
            self.unclear = self.unclear[self.may[self.unclear]]

    def _refresh(self) -> None:
        """Evaluate from the top until what is there is new, or cannot be added anyway."""
        if not self.growth.indices:
            self._evaluate_all()
            return
        width = _FIRST
        unclear, self.unclear = self.unclear, self.unclear[:0]  # NaN bounds nothing
        while True:
            best = self.fresh[0] if self.fresh.size > 0 else _NOBODY
            heads = self.xp.concat([self.many[:width], self.few[:width]])
            heads = self.xp.sort(heads)[:width]
            ahead = int(self.xp.searchsorted(heads, best if best.real < math.inf else _NOBODY))
            if ahead + unclear.size == 0:
                return
            # Few sizes: some libraries compile for each. Who is next fills them up.
            size = 1 << int(ahead + unclear.size - 1).bit_length()
            if self._all_is_less(size, best):
                self._evaluate_all()
                return
            heads = heads[: size - unclear.size]
            heads = heads[heads.real < math.inf]
            self._evaluate(self.xp.sort(self.xp.concat([unclear, _indices(heads)])), size)
            if heads.size > 0:
                queues = (self.many, self.few)
                self.many, self.few = (_behind(self.xp, x, heads[-1]) for x in queues)
            unclear, width = unclear[:0], 2 * width

    def _all_is_less(self, size: int, best: Any) -> bool:
        """Whether all gains together take less time than a group, and those to come."""
        if size <= self.most:
            return False
        if self.most == 0:
            return True
        ahead = sum(int(self.xp.searchsorted(x, best)) for x in (self.many, self.few))
        return 2 * ahead > len(self.among)

    def _evaluate(self, members: Any, size: int) -> None:
        places = self.growth.places
        xp, device = self.growth.ops.xp, self.growth.ops.device(places)
        padded = self.xp.concat([members, self.xp.repeat(members[-1:], size - members.size)])
        indices = xp.asarray(padded, dtype=places.dtype, device=device)
        gains = self.growth.gains_of(indices)
        self.evaluated.append((members, gains))
        self._note(members, self.growth.ops.to_host(gains)[: members.size])

    def _evaluate_all(self) -> None:
        gains = self.growth.gains()
        self.evaluated = [(None, gains)]
        self.many = self.few = self.fresh = self.fresh[:0]
        self.unclear = self.unclear[:0]
        may = self.may[self.among]
        self._note(self.among[may], self.growth.ops.to_host(gains)[may])

    def _note(self, members: Any, gains: Any) -> None:
        """Sort candidates in by their gains, or gains per cost."""
        clear = ~self.xp.isnan(gains)
        if not clear.all():
            self.unclear = self.xp.concat([self.unclear, members[~clear]])
            members, gains = members[clear], gains[clear]
        worth = -gains if self.costs is None else -gains / self.costs[members]
        order = self.xp.argsort(worth, stable=True)  # members ascend
        found = self.xp.empty(order.size, dtype=complex)
        found.real, found.imag = worth[order], members[order]
        self.fresh = _merged(self.xp, self.fresh, found)

    def _gain(self, index: int) -> Array:
        """The gain of a candidate, as an array [1]."""
        for members, gains in self.evaluated:
            who = self.among if members is None else members
            spots = self.xp.flatnonzero(who == index).tolist()
            if spots:
                return gains[spots[0] : spots[0] + 1]
        return self.growth.gains_of(self.growth.places[index : index + 1])


def _indices(queue: Any) -> Any:
    """Who the entries of a queue are."""
    return queue.imag.astype(int)


def _behind(xp: ModuleType, queue: Any, entry: Any) -> Any:
    """What comes after an entry."""
    return queue[int(xp.searchsorted(queue, entry, side="right")) :]


def _merged(xp: ModuleType, queue: Any, more: Any) -> Any:
    """Two sorted arrays as one."""
    if queue.size == 0 or more.size == 0:
        return more if queue.size == 0 else queue
    return xp.insert(queue, xp.searchsorted(queue, more), more)

"""Lazy greedy batches: gains are evaluated again only for who might be the best."""

from __future__ import annotations

import heapq
import math
import warnings
from collections.abc import Sequence

from infoq.backends import Array
from infoq.quantities import SetFunction
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection

# How many stale gains are evaluated at first; then twice as many, and so on.
_FIRST = 8


def lazy_greedy(
    f: SetFunction,
    k: int | None = None,
    *,
    candidates: Array | None = None,
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
    candidates : boolean array [N], optional
        Who may be picked.
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
        If k is negative, or the mask, the costs or an index does not fit the pool.

    Notes
    -----
    The same picks as `greedy` for a submodular f (gains that differ by rounding alone may swap).
    With `gains_of` a step evaluates the candidates whose last known gain is at least the best new
    one, in groups of 8, 16, 32 and so on; without, it evaluates all N gains and saves nothing. An f
    whose attribute `submodular` is False is a heuristic here, with a warning.

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
    if not getattr(f, "submodular", True):
        warnings.warn(
            f"lazy_greedy is a heuristic for {type(f).__name__}, which is not submodular; "
            "greedy picks the largest gains",
            UserWarning,
            stacklevel=2,
        )
    queue = _Queue(growth)
    while growth.open() and queue.pick():
        pass
    return growth.selection()


class _Queue:
    """Candidates by the last that is known of them, best first."""

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        host = growth.ops.to_host
        self.costs = None if growth.costs is None else host(growth.costs).tolist()
        # Gain, array and place in it; the step in which it was evaluated, by candidate.
        self.known: dict[int, tuple[Array, int]] = {}
        self.step: dict[int, int] = {}
        self.heap: list[tuple[float, int]] = []
        self.unclear: set[int] = set()
        self.seen_unclear = False
        members = [i for i, may in enumerate(host(growth.available).tolist()) if may]
        self._note(members, growth.gains(), members)

    def _note(self, members: list[int], gains: Array, spots: list[int]) -> None:
        values = self.growth.ops.to_host(gains).tolist()
        for index, spot in zip(members, spots, strict=True):
            self.known[index] = (gains, spot)
            self.step[index] = len(self.growth.indices)
            if math.isnan(values[spot]):
                self.unclear.add(index)
            else:
                cost = 1.0 if self.costs is None else self.costs[index]
                heapq.heappush(self.heap, (-values[spot] / cost, index))

    def _fits(self, index: int) -> bool:
        return self.costs is None or self.costs[index] <= self.growth.left()

    def _refresh(self) -> None:
        """Evaluate from the top until what is there is new, or cannot be added anyway."""
        now, width = len(self.growth.indices), _FIRST
        # NaN bounds nothing.
        stale = sorted(index for index in self.unclear if self.step[index] != now)
        self.unclear.difference_update(stale)
        while True:
            while self.heap and len(stale) < width:
                key, index = self.heap[0]
                if self.step[index] == now or key == float("inf"):
                    break
                heapq.heappop(self.heap)
                if self._fits(index):
                    stale.append(index)
            if not stale:
                return
            places = self.growth.places
            xp, device = self.growth.ops.xp, self.growth.ops.device(places)
            indices = xp.asarray(stale, dtype=places.dtype, device=device)
            self._note(stale, self.growth.gains_of(indices), list(range(len(stale))))
            stale, width = [], 2 * width

    def pick(self) -> bool:
        """Pick the best; False where none can be added."""
        self._refresh()
        while self.heap and not self._fits(self.heap[0][1]):
            heapq.heappop(self.heap)
            self._refresh()
        if self.heap and self.heap[0][0] < float("inf"):
            index = heapq.heappop(self.heap)[1]
        else:
            left = {i for i in self.unclear if self._fits(i)}
            self.seen_unclear = self.seen_unclear or bool(left)
            if not self.seen_unclear:
                self.growth.reason = "rank"
                return False
            index = min(left | {i for _, i in self.heap if self._fits(i)})
            self.unclear.discard(index)
            self.heap = [entry for entry in self.heap if entry[1] != index]
            heapq.heapify(self.heap)
        gains, spot = self.known.pop(index)
        self.growth.take(self.growth.places[index : index + 1], gains[spot : spot + 1])
        return True

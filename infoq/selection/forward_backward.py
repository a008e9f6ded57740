"""Forward-backward selection: grow a batch that is too large, then drop the least useful."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.selection.budget import Budget, check_budget, check_size
from infoq.selection.candidates import given_indices, read_once
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection, check_batch_size
from infoq.set_function import SetFunctionLike


@capabilities(reads_values="which members are dropped depends on values")
def forward_backward(
    f: SetFunctionLike,
    k: int | None = None,
    *,
    oversample: float = 2,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """Batch of k kept from a larger greedy batch by repeatedly dropping the least useful member.

    Parameters
    ----------
    f : set function
        Optional methods are used if it has them. ``remove(state, index)`` is the inverse of `add`;
        without it, all other members are added again. ``losses_of(state, indices)`` returns how
        much the value drops if each of the members `indices` [m] is removed.
        ``gains_of(state, indices)`` returns the gains [m] of some candidates.
        ``pruned(members, size, given)``, as `EIG`, `EPIG` and `JEPIG` of a `Gaussian` have it,
        decides which members are kept.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    oversample : float
        The batch grows to this many times k (and times the budget); at least 1.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that are already in the batch, picked or pending. They are never dropped.
    costs : array [N], optional
        The cost of each candidate, more than 0. Gains and losses are then compared per cost.
    budget : float, optional
        The most that the members that are kept may cost together.

    Returns
    -------
    Selection
        The members that are kept, in the order of picking. Gains are those of adding them in this
        order from the start, so that they sum to the value. Among members of equal loss the highest
        index is dropped first; a member whose loss is NaN is dropped before all others.

    Raises
    ------
    TypeError
        If f is not a set function, k is not an integer, or values cannot be read (inside
        `jax.jit`).
    ValueError
        If k is negative, oversample is below 1, or `candidates`, the costs or an index does not fit
        the pool.

    Notes
    -----
    A heuristic with no better guarantee than `greedy`, which often finds a better batch.

    Costs oversample k evaluations of all gains forward, and k more at the end. Each of the
    (oversample - 1) k removals evaluates the loss of every member. By default a loss takes `remove`
    and all gains; without `remove` it takes m - 1 calls of `add` for each of m members. In weight
    space the backward pass reads only the m members: m^2 R^3 multiply-adds per removal.

    References
    ----------
    Ash, J. T. et al. (2021). Gone fishing: neural active learning with Fisher embeddings,
    arXiv:2106.09675, algorithm 1 (BAIT).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> class Cover(infoq.SetFunction):  # how much the batch has of two things
    ...     num_candidates, things = 3, np.array([[3.0, 3.0], [0.0, 4.0], [5.0, 0.0]])
    ...     start = lambda self: np.zeros(2)
    ...     gains = lambda self, most: np.maximum(self.things - most, 0.0).sum(axis=1)
    ...     add = lambda self, most, i: np.maximum(self.things[i], most)
    >>> infoq.greedy(Cover(), 2).indices, infoq.forward_backward(Cover(), 2).indices
    (array([0, 2]), array([2, 1]))
    """
    check_size(k, budget)
    size = None if k is None else check_batch_size(k)
    _check_oversample(oversample)
    most = None if size is None else math.ceil(oversample * size)
    beyond = None
    if budget is not None:
        check_budget(budget)
        beyond = oversample * budget
    given = read_once(given)
    growth = Growth(f, most, candidates, given, costs, beyond)
    if not growth.readable:
        raise TypeError("forward_backward: needs values that can be read; not inside jax.jit")
    while growth.open() and growth.pick(growth.gains(), growth.among):
        pass
    taken = [int(index) for index in given_indices(given, len(growth.f))]
    purse = Budget(growth.ops, growth.none, len(growth.f), costs, budget)
    batch = _Members(growth, taken, size, purse)
    if not batch.too_many():
        growth.reason = "size" if len(batch.members) == size else growth.reason
        return growth.selection()
    if costs is None and size is not None:
        kept = growth.f.pruned(batch.members, size, taken)
        if kept is not None:
            return _selected(growth, *kept)
    while batch.too_many():
        batch.drop()
    chain = Growth(f, len(batch.members), _as_array(growth, batch.members), given)
    for index in batch.members:
        place = chain.places[index : index + 1]
        chain.take(place, chain.gains_of(place))
    chain.reason = "size" if len(batch.members) == size else "budget"
    return chain.selection()


class _Members:
    """A batch that is too large, and its state as members are dropped."""

    def __init__(self, growth: Growth, given: list[int], size: int | None, purse: Budget) -> None:
        self.growth, self.given, self.size, self.limit = growth, given, size, purse.limit
        self.members = [int(index[0]) for index in growth.indices]
        self.price = {index: purse.cost(index) for index in self.members}
        self.state: Any = growth.state

    def too_many(self) -> bool:
        """Whether the batch is larger, or costs more, than it may."""
        if self.size is not None and len(self.members) > self.size:
            return True
        return (
            self.limit is not None and math.fsum(self.price[i] for i in self.members) > self.limit
        )

    def drop(self) -> None:
        """Remove the least useful member."""
        # The smallest loss (per cost). NaN counts as the smallest; ties go to the highest index.
        losses = map(_order, self._losses())
        worth = [loss / self.price[index] for loss, index in zip(losses, self.members, strict=True)]
        index = -min(zip(worth, (-i for i in self.members), strict=True))[1]
        self.state = self._without(index)
        self.members.remove(index)

    def _without(self, index: int) -> Any:
        """The state without one member, from `remove` or by adding all others again."""
        f = self.growth.f
        if f.has_own("remove"):
            return f.remove(self.state, index)
        state = f.start()
        for other in (*self.given, *(i for i in self.members if i != index)):
            state = f.add(state, other)
        return state

    def _losses(self) -> list[float]:
        """How much the value would drop if each member were removed."""
        f, outer = self.growth.f, self.growth.outer
        indices = _as_array(self.growth, self.members)
        if f.has_own("losses_of") or f.has_own("remove"):
            found = [f.losses_of(self.state, indices)]
        else:
            spots = (indices[spot : spot + 1] for spot in range(len(self.members)))
            pairs = zip(self.members, spots, strict=True)
            found = [f.gains_of(self._without(index), spot) for index, spot in pairs]
        losses: list[float] = []
        for some in found:
            losses += self.growth.ops.to_host(outer.fetch(some)).tolist()
        return losses


def _check_oversample(oversample: Any) -> None:
    """Raise unless it is a finite number of at least 1, of any library."""
    if not isinstance(oversample, numbers.Real) or not 1 <= float(oversample) < math.inf:
        raise ValueError(f"oversample: expected a number of at least 1, got {oversample!r}")


def _selected(growth: Growth, members: list[int], gains: Array) -> Selection:
    """`Selection` of the members that are kept and their gains."""
    xp, adopt = growth.ops.xp, growth.outer.adopt
    gains = growth.outer.fetch(gains)
    return Selection(adopt(_as_array(growth, members)), adopt(gains), adopt(xp.sum(gains)), "size")


def _as_array(growth: Growth, members: list[int]) -> Array:
    """Members as an array of indices [m], on the device of the gains."""
    places = growth.places
    device = growth.ops.device(places)
    return growth.ops.xp.asarray(members, dtype=places.dtype, device=device)


def _order(loss: float) -> float:
    return -float("inf") if math.isnan(loss) else loss

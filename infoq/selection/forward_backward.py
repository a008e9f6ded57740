"""Forward-backward batches: more than are wanted, and then the least missed are given back."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.quantities import SetFunction
from infoq.selection.budget import Budget, check_budget, check_size
from infoq.selection.candidates import given_indices, read_once
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection, check_batch_size


@capabilities(reads_values="who is given back depends on values")
def forward_backward(
    f: SetFunction,
    k: int | None = None,
    *,
    oversample: float = 2,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """Grow a batch greedily beyond k, then remove who is missed least until k are left.

    Parameters
    ----------
    f : set function
        With a method ``remove(state, index)``, the inverse of `add`. Where it has
        ``losses_of(state, indices)``, what the removal of each of the members `indices` [m] would
        take off the value, or ``gains_of(state, indices)``, those are used. Where it has
        ``pruned(members, size, given)``, as `EIG`, `EPIG` and `JEPIG` of a `Gaussian` do, who stays
        is left to that.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    oversample : float
        How many times k (and the budget) the batch grows to, at least 1.
    candidates : boolean array [N] or integers, optional
        Who may be picked, by a mask or by indices.
    given : integers
        Who is already in the batch, picked or pending; they stay.
    costs : array [N], optional
        What each candidate costs, more than 0: gains and losses per cost decide.
    budget : float, optional
        What those who stay may cost together.

    Returns
    -------
    Selection
        Who is left, in the order of picking. Gains are those of adding them in this order from the
        start, so that they sum to the value. Of members that are missed alike the highest index
        goes first, and one that is missed by NaN before all others.

    Raises
    ------
    TypeError
        If f is no set function or has no `remove`, k is no integer, or values cannot be read
        (inside `jax.jit`).
    ValueError
        If k is negative, oversample is below 1, or `candidates`, the costs or an index does not fit
        the pool.

    Notes
    -----
    No guarantee beyond that of `greedy`, and often a better batch. oversample k evaluations of all
    gains forward and k more at the end; backward, for each of the (oversample - 1) k removals, the
    loss of every member: by `remove` and all gains where f has nothing better. In weight space the
    way back reads the members alone: with m of them, m^2 R^3 multiply-adds a removal.

    References
    ----------
    Ash, J. T. et al. (2021). Gone fishing: neural active learning with Fisher embeddings,
    arXiv:2106.09675, algorithm 1 (BAIT).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> class Cover:  # how much the batch has of two things
    ...     ops, things = infoq.backends.ops_for(np.ones(1)), np.array([[3.0, 3], [0, 4], [5, 0]])
    ...     __len__ = lambda self: 3
    ...     start = lambda self: frozenset()
    ...     value = lambda self, s: sum(max(x[[*s]], default=0) for x in self.things.T)
    ...     gain = lambda self, s, i: self.value(s | {i}) - self.value(s)
    ...     gains = lambda self, s: np.array([self.gain(s, i) for i in range(3)])
    ...     add = lambda self, s, i: s | {int(i)}
    ...     remove = lambda self, s, i: s - {int(i)}
    >>> infoq.greedy(Cover(), 2).indices, infoq.forward_backward(Cover(), 2).indices
    (array([0, 2]), array([2, 1]))
    """
    check_size(k, budget)
    size = None if k is None else check_batch_size(k)
    many: Any = oversample  # a number of any library, or what is none
    if not isinstance(many, numbers.Real) or not 1 <= float(many) < math.inf:
        raise ValueError(f"oversample: expected a number of at least 1, got {oversample!r}")
    most = None if size is None else math.ceil(oversample * size)
    beyond = None
    if budget is not None:
        check_budget(budget)
        beyond = oversample * budget
    given = read_once(given)
    growth = Growth(f, most, candidates, given, costs, beyond)
    remove: Callable[[Any, int], Any] | None = getattr(f, "remove", None)
    if remove is None:
        raise TypeError(
            f"f: {type(f).__name__} has no method remove(state, index), by which a batch is pruned"
        )
    if not growth.readable:
        raise TypeError("forward_backward: needs values that can be read; not inside jax.jit")
    while growth.open() and growth.pick(growth.gains(), growth.among):
        pass
    members = [int(index[0]) for index in growth.indices]
    purse = Budget(growth.ops, growth.none, len(f), costs, budget)
    price = {index: purse.cost(index) for index in members}
    if not _too_many(members, size, price, purse):
        growth.reason = "size" if len(members) == size else growth.reason
        return growth.selection()
    taken = [int(index) for index in given_indices(given, len(f))]
    own = getattr(f, "pruned", None)
    kept = None
    if own is not None and costs is None:
        kept = own(members, size, taken)
    if kept is not None:
        return _selected(growth, *kept)
    state = growth.state
    while _too_many(members, size, price, purse):
        # The smallest loss (per cost); NaN below all, and of equals the highest index.
        losses = map(_order, _losses(growth, remove, state, members))
        worth = [loss / price[index] for loss, index in zip(losses, members, strict=True)]
        index = -min(zip(worth, (-i for i in members), strict=True))[1]
        members.remove(index)
        state = remove(state, index)
    chain = Growth(f, len(members), _as_array(growth, members), given)
    for index in members:
        place = chain.places[index : index + 1]
        chain.take(place, chain.gains_of(place))
    chain.reason = "size" if len(members) == size else "budget"
    return chain.selection()


def _too_many(members: list[int], size: int | None, price: dict[int, float], purse: Budget) -> bool:
    """Whether somebody has to go."""
    if size is not None and len(members) > size:
        return True
    return purse.limit is not None and math.fsum(price[i] for i in members) > purse.limit


def _selected(growth: Growth, members: list[int], gains: Array) -> Selection:
    """Who stays and what each adds, as a selection."""
    xp, adopt = growth.ops.xp, growth.f.ops.adopt
    gains = growth.f.ops.fetch(gains)
    return Selection(adopt(_as_array(growth, members)), adopt(gains), adopt(xp.sum(gains)), "size")


def _as_array(growth: Growth, members: list[int]) -> Array:
    """Members as indices [m], where gains are."""
    places = growth.places
    device = growth.ops.device(places)
    return growth.ops.xp.asarray(members, dtype=places.dtype, device=device)


def _order(loss: float) -> float:
    return -float("inf") if math.isnan(loss) else loss


def _losses(
    growth: Growth, remove: Callable[[Any, int], Any], state: Any, members: list[int]
) -> list[float]:
    """What the removal of each member would take off the value."""
    f, ops = growth.f, growth.ops
    indices = _as_array(growth, members)
    if hasattr(f, "losses_of"):
        losses: list[float] = ops.to_host(f.ops.fetch(f.losses_of(state, indices))).tolist()
        return losses
    found = []
    for spot, index in enumerate(members):
        without = remove(state, index)
        if hasattr(f, "gains_of"):
            gain = f.ops.fetch(f.gains_of(without, indices[spot : spot + 1]))[0]
        else:
            gain = f.ops.fetch(f.gains(without))[index]
        found.append(float(ops.to_host(gain)))
    return found

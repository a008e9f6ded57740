"""Who may be picked: the mask of candidates, without those that are given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from infoq.backends import Array, Ops, ops_for


def given_indices(given: Any, count: int) -> list[Any]:
    """The given indices one by one: integers, or 0-d arrays where values cannot be read.

    Raises
    ------
    TypeError, ValueError
        If they are no integers, or one of them is no index of the pool or comes twice.
    """
    if hasattr(given, "shape"):
        ops = ops_for(given=given)
        if given.ndim != 1 or not ops.xp.isdtype(given.dtype, "integral"):
            raise TypeError(
                f"given: expected integers [G], got {given.dtype} of shape {tuple(given.shape)}"
            )
        given = ops.fetch(given)
        local = ops_for(given)
        if not local.concrete(given):
            return [given[place] for place in range(given.shape[0])]
        given = [int(given[place]) for place in range(given.shape[0])]
    if not isinstance(given, Iterable):
        raise TypeError(f"given: expected integers such as [0, 3], got {given!r}")
    found: list[Any] = []
    seen: set[int] = set()
    for index in given:
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"given: expected integers, got {type(index).__name__}")
        place = int(index.__index__())
        if not 0 <= place < count:
            raise ValueError(f"given: expected indices from 0 to {count - 1}, got {place}")
        if place in seen:
            raise ValueError(f"given: {place} comes twice")
        seen.add(place)
        found.append(place)
    return found


def allowed(
    ops: Ops, places: Array, candidates: Array | None, given: Sequence[Any]
) -> tuple[Array, Array]:
    """Who may be picked, and who is not given: two masks [N].

    Parameters
    ----------
    ops : Ops
        Of arrays in memory.
    places : array [N]
        0 to N - 1.
    candidates : boolean array [N], optional
        Who may be picked; by default everybody.
    given : sequence
        As of `given_indices`.
    """
    xp = ops.xp
    free = places >= 0
    if len(given) > 0:
        device = ops.device(places)
        parts = [
            xp.reshape(xp.asarray(index, dtype=places.dtype, device=device), (1,))
            for index in given
        ]
        free = ~members(ops, places, xp.concat(parts))
    if candidates is None:
        return free, free
    theirs = ops_for(candidates=candidates)
    if tuple(candidates.shape) != tuple(places.shape) or not theirs.xp.isdtype(
        candidates.dtype, "bool"
    ):
        raise ValueError(
            f"candidates: expected a boolean mask [N] with N={places.shape[0]}, "
            f"got {candidates.dtype} of shape {tuple(candidates.shape)}"
        )
    mask = theirs.fetch(candidates)
    ops_for(scores=places, candidates=mask)
    return free & mask, free


def members(ops: Ops, places: Array, indices: Array) -> Array:
    """Whether each of the places [N] is one of at least one index [G]."""
    xp = ops.xp
    ordered = xp.sort(indices)
    spot = xp.searchsorted(ordered, places)
    spot = xp.where(spot < indices.shape[0], spot, xp.zeros_like(spot))
    return xp.take(ordered, spot, axis=0) == places


def ordered_by_tier(ops: Ops, key: Array, tier: Array) -> Array:
    """Indices by tier, low to high, then by key, high to low, then from the lowest index."""
    xp = ops.xp
    _, order = ops.top_k(key, key.shape[0])
    return xp.take(order, xp.argsort(xp.take(tier, order, axis=0), stable=True), axis=0)

"""Validation of `candidates` and `given`: the candidates that may be picked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.checks.dtypes import has_dtype


def read_once(indices: Any) -> Any:
    """The indices so that they can be read twice: an iterator as a list, all else unchanged."""
    return list(indices) if isinstance(indices, Iterator) else indices


def given_indices(given: Any, count: int, name: str = "given") -> list[Any]:
    """The given indices as a list: integers, or 0-d arrays where values cannot be read.

    Raises
    ------
    TypeError, ValueError
        If they are not integers, or one of them is not an index of the pool or is repeated.
    """
    if hasattr(given, "shape"):
        ops = ops_for(**{name: given})
        if given.ndim != 1 or not has_dtype(ops, given, "integral"):
            raise TypeError(
                f"{name}: expected integers [G], got {given.dtype} of shape {tuple(given.shape)}"
            )
        given = ops.fetch(given)
        local = ops_for(given)
        if not local.concrete(given):
            return [given[place] for place in range(given.shape[0])]
        given = local.to_host(given).tolist()  # one by one takes 100 times as long
    if not isinstance(given, Iterable):
        raise TypeError(f"{name}: expected integers such as [0, 3], got {given!r}")
    found: list[Any] = []
    seen: set[int] = set()
    for index in given:
        if _is_bool(index) or not hasattr(index, "__index__"):
            raise TypeError(f"{name}: expected integers, got {type(index).__name__}")
        place = int(index.__index__())
        if not 0 <= place < count:
            raise ValueError(f"{name}: expected indices from 0 to {count - 1}, got {place}")
        if place in seen:
            raise ValueError(f"{name}: {place} comes twice")
        seen.add(place)
        found.append(place)
    return found


def allowed(ops: Ops, places: Array, candidates: Any, given: Sequence[Any]) -> tuple[Array, Array]:
    """Two masks [N]: the candidates that may be picked, and those that are not given.

    Parameters
    ----------
    ops : Ops
        The operations of arrays in memory.
    places : array [N]
        0 to N - 1.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : sequence
        The given candidates, from `given_indices`.
    """
    free = places >= 0
    if len(given) > 0:
        free = ~members(ops, places, _as_indices(ops, places, given))
    if candidates is None:
        return free, free
    return free & candidate_mask(ops, places, candidates), free


def candidate_mask(ops: Ops, places: Array, candidates: Any) -> Array:
    """Candidates, a mask or indices, as a mask [N] in memory.

    Raises
    ------
    TypeError, ValueError
        If they are neither, a mask has another length than the pool, or an index is repeated or is
        not in the pool.
    """
    count = int(places.shape[0])
    if hasattr(candidates, "shape"):
        theirs = ops_for(candidates=candidates)
        is_mask = has_dtype(theirs, candidates, "bool")
        fits = tuple(candidates.shape) == (count,) if is_mask else candidates.ndim == 1
        if not (fits and has_dtype(theirs, candidates, "bool", "integral")):
            raise ValueError(
                f"candidates: expected a boolean mask [N] with N={count} or integers, "
                f"got {candidates.dtype} of shape {tuple(candidates.shape)}"
            )
        if is_mask:
            mask = theirs.fetch(candidates)
            ops_for(scores=places, candidates=mask)
            return mask
    elif isinstance(candidates, Iterable) and not isinstance(candidates, str | bytes):
        candidates = list(candidates)
        if candidates and all(_is_bool(one) for one in candidates):
            if len(candidates) != count:
                raise ValueError(
                    f"candidates: expected a boolean mask [N] with N={count} or integers, "
                    f"got {len(candidates)} booleans"
                )
            return ops.xp.asarray([bool(one) for one in candidates], device=ops.device(places))
    try:
        indices = given_indices(candidates, count, "candidates")
    except ValueError as error:
        size = candidates.shape[0] if hasattr(candidates, "shape") else len(candidates)
        if size != count:
            raise
        raise ValueError(f"{error}; a mask must be an array of booleans") from None
    if not indices:
        return places < 0
    return members(ops, places, _as_indices(ops, places, indices))


def _as_indices(ops: Ops, places: Array, indices: Sequence[Any]) -> Array:
    """Integers or 0-d arrays as an array [G] with the dtype of `places`."""
    xp, device = ops.xp, ops.device(places)
    if all(isinstance(index, int) for index in indices):
        return xp.asarray(list(indices), dtype=places.dtype, device=device)
    parts = [xp.asarray(index, dtype=places.dtype, device=device) for index in indices]
    return xp.stack(parts)


def _is_bool(x: Any) -> bool:
    """Whether `x` is a boolean of Python or of any library."""
    return isinstance(x, bool) or str(getattr(x, "dtype", "")).rpartition(".")[2] == "bool"


def members(ops: Ops, places: Array, indices: Array) -> Array:
    """Mask [N] of the places that are among the indices [G], of which there is at least one."""
    xp = ops.xp
    ordered = xp.sort(indices)
    spot = xp.searchsorted(ordered, places)
    spot = xp.where(spot < indices.shape[0], spot, xp.zeros_like(spot))
    return xp.take(ordered, spot, axis=0) == places


def ordered_by_tier(ops: Ops, key: Array, tier: Array) -> Array:
    """Indices sorted by ascending tier, then by descending key, then by ascending index."""
    xp = ops.xp
    _, order = ops.top_k(key, key.shape[0])
    return xp.take(order, xp.argsort(xp.take(tier, order, axis=0), stable=True), axis=0)

"""What a combinator asks of the set function that it is made of."""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.quantities.set_function import SetFunction


def members(indices: Any, name: str, count: int) -> list[int]:
    """Indices of candidates as integers, refused where they are none."""
    if hasattr(indices, "shape"):
        ops = ops_for(**{name: indices})
        memory = ops.fetch(indices)
        if indices.ndim != 1 or not ops.xp.isdtype(indices.dtype, "integral"):
            raise TypeError(
                f"{name}: expected integers [Q], got {indices.dtype} of shape "
                f"{tuple(indices.shape)}; of a mask pass the indices"
            )
        if not ops_for(memory).concrete(memory):
            raise TypeError(f"{name}: need values that can be read; pass integers")
        indices = [int(memory[place]) for place in range(memory.shape[0])]
    found: list[int] = []
    for index in indices:
        if isinstance(index, bool) or not hasattr(index, "__index__"):
            raise TypeError(f"{name}: expected integers, got {type(index).__name__}")
        member = int(index.__index__())
        if not 0 <= member < count or member in found:
            problem = f"{member} twice" if member in found else str(member)
            raise ValueError(
                f"{name}: expected different indices from 0 to {count - 1}, got {problem}"
            )
        found.append(member)
    return found


def added(f: SetFunction, state: Any, members: list[int]) -> Any:
    """The state with some more candidates."""
    for index in members:
        state = f.add(state, index)
    return state


def magnify(f: SetFunction, members: list[int], factor: float, name: str) -> SetFunction:
    """The same function with similarities of some candidates times a number, which has a name."""
    if factor == 1 and not getattr(f, "is_magnified", False):
        return f
    magnified = getattr(f, "magnified", None)
    if magnified is None:
        raise TypeError(
            f"{name}: of {type(f).__name__} there are no similarities to multiply by {factor:g}; "
            "it goes with LogDet, FacilityLocation and GraphCut"
        )
    return magnified(members, factor)  # type: ignore[no-any-return]


def method(f: SetFunction, name: str) -> Any:
    """A method that not every set function has, refused where it is missing."""
    found = getattr(f, name, None)
    if found is None:
        raise TypeError(f"f: {type(f).__name__} has no method {name}, which this needs")
    return found


def gains_of(f: SetFunction, state: Any, indices: Array) -> Array:
    """Gains of some candidates: by `gains_of` where f has it."""
    few = getattr(f, "gains_of", None)
    if few is not None:
        return few(state, indices)
    return f.ops.xp.take(f.gains(state), indices, axis=0)


def overlap(f: SetFunction, state: Any, more: Any, indices: Array | None = None) -> Array:
    """What candidates add to a batch beyond what they add to a larger one: [N], or [m]."""
    name, few = ("overlap", ()) if indices is None else ("overlap_of", (indices,))
    own = getattr(f, name, None)
    if own is not None:
        return own(state, more, *few)
    if indices is None:
        gains = f.gains(state), f.gains(more)
    elif hasattr(f, "overlap"):
        return f.ops.xp.take(f.overlap(state, more), indices, axis=0)
    else:
        gains = gains_of(f, state, indices), gains_of(f, more, indices)
    shared = less(f.ops, *gains)
    if not getattr(f, "submodular", False):
        return shared
    # NaN stays, and so does -inf, the gain of who cannot be added.
    rounding = (shared < 0) & (shared > -math.inf)
    return f.ops.xp.where(rounding, f.ops.scalar(0.0, shared), shared)


def less(ops: Ops, one: Array, other: Array) -> Array:
    """The difference, which is -inf wherever the first is."""
    xp = ops.xp
    end = one == -math.inf
    finite = xp.where(end, xp.zeros_like(one), one) - xp.where(end, xp.zeros_like(other), other)
    return xp.where(end, one, finite)

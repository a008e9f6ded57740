"""Parts that the combinators `mutual` and `conditional` share."""

from __future__ import annotations

from typing import Any

from infoq.backends import ops_for
from infoq.checks.dtypes import has_dtype
from infoq.set_function import SetFunction, name_of


def members(indices: Any, name: str, count: int) -> list[int]:
    """Indices of candidates as a list of integers, after input validation."""
    if hasattr(indices, "shape"):
        ops = ops_for(**{name: indices})
        memory = ops.fetch(indices)
        if indices.ndim != 1 or not has_dtype(ops, indices, "integral"):
            raise TypeError(
                f"{name}: expected integers [Q], got {indices.dtype} of shape "
                f"{tuple(indices.shape)}; in place of a mask pass its indices"
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
    """The state of the batch with some more candidates."""
    for index in members:
        state = f.add(state, index)
    return state


def magnify(f: SetFunction, members: list[int], factor: float, name: str) -> SetFunction:
    """The same function with similarities of some candidates times a factor called `name`."""
    if factor == 1 and not f.is_magnified:
        return f
    if not f.has_own("magnified"):
        raise TypeError(
            f"{name}: {name_of(f)} has no similarities to multiply by {factor:g}; pass LogDet, "
            "FacilityLocation or GraphCut"
        )
    return f.magnified(members, factor)

"""Input validation for selected candidates: a slice, indices or a mask."""

from __future__ import annotations

import numbers
from typing import Any, TypeVar

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array, mapped
from infoq.checks.dtypes import has_dtype
from infoq.checks.numbers import first_index

T = TypeVar("T")


def some_of(ops: Ops, arrays: T, candidates: Any) -> T:
    """The object or tuple with the entries of some candidates only: arrays [m, ...].

    Parameters
    ----------
    ops : Ops
        The `Ops` of the arrays.
    arrays : tree or tuple of arrays [N, ...]
        The arrays to index along the first axis.
    candidates : slice, integers [m] or boolean array [N]
        The candidates, as in NumPy: integers may be negative, and may be repeated. Where values can
        be read, integers and masks may be of any library, or lists. Elsewhere only integers of the
        same library work.

    Raises
    ------
    TypeError
        If it is a single integer, which would drop the candidates' axis, or of another type.
    ValueError
        If the mask has another size, or the step of a slice is not positive.
    IndexError
        If an index is out of range.
    """
    like = first_array(arrays)
    count = int(like.shape[0])
    if isinstance(candidates, slice):
        if candidates.step is not None and candidates.step < 1:
            raise ValueError(f"expected a slice with a step of at least 1, got {candidates!r}")
        # With explicit ends: some libraries refuse slices beyond the end.
        start, stop, step = candidates.indices(count)
        some: T = mapped(lambda x: x[start:stop:step, ...], arrays)
        return some
    indices = _indices(ops, like, count, candidates)
    taken: T = mapped(lambda x: ops.xp.take(x, indices, axis=0), arrays)
    return taken


def _indices(ops: Ops, like: Array, count: int, candidates: Any) -> Array:
    """The indices from 0 to N - 1, from integers or a mask, in memory on the same device."""
    if isinstance(candidates, numbers.Integral) or getattr(candidates, "shape", None) == ():
        raise TypeError(
            f"expected a slice of candidates, integers or a mask, got the single index "
            f"{candidates!r}; a pool of one candidate is [i : i + 1] or [[i]]"
        )
    if isinstance(candidates, list | range):
        return _read(ops, like, count, list(candidates))
    if not hasattr(candidates, "shape"):
        raise TypeError(
            "expected a slice of candidates such as [:10], integers or a boolean mask, got "
            f"{candidates!r}"
        )
    theirs = ops_for(index=candidates)
    if candidates.ndim != 1 or not has_dtype(theirs, candidates, "integral", "bool"):
        raise TypeError(
            f"expected integers [m] or a boolean mask [{count}] of candidates, got "
            f"{candidates.dtype} of shape {tuple(candidates.shape)}"
        )
    memory = theirs.fetch(candidates)
    local = ops_for(memory)
    place = ops.constant((1,), 0.0, like)  # in memory
    if local is ops_for(place) and local.device(memory) == local.device(place):
        return _checked(local, count, memory)
    if not local.concrete(memory):
        raise TypeError(f"index: expected an array of {ops.name}, got a traced one of {local.name}")
    return _read(ops, like, count, local.to_host(memory).tolist())


def _read(ops: Ops, like: Array, count: int, values: list[Any]) -> Array:
    """The indices from a list of integers or booleans."""
    place = ops.constant((1,), 0.0, like)  # in memory
    local = ops_for(place)
    device = local.device(place)
    truths = [str(getattr(x, "dtype", type(x).__name__)).rpartition(".")[2] for x in values]
    if values and all(name == "bool" for name in truths):
        return _checked(local, count, local.xp.asarray([bool(x) for x in values], device=device))
    for x, name in zip(values, truths, strict=True):
        if name == "bool" or not hasattr(x, "__index__"):
            raise TypeError(f"index: expected integers or a boolean mask, got {type(x).__name__}")
    dtype = local.xp.arange(1, device=device).dtype
    whole = [int(x.__index__()) for x in values]
    return _checked(local, count, local.xp.asarray(whole, dtype=dtype, device=device))


def _checked(ops: Ops, count: int, candidates: Array) -> Array:
    """The indices from 0 to N - 1, from integers [m] or a mask [N], checked to be in range."""
    xp = ops.xp
    device = ops.device(candidates)
    if has_dtype(ops, candidates, "bool"):
        if candidates.shape[0] != count:
            raise ValueError(
                f"index: expected a boolean mask of N={count} candidates, got {candidates.shape[0]}"
            )
        if not ops.concrete(candidates):
            raise TypeError(
                "index: a mask must be readable, as the number of candidates depends on it; inside "
                "jax.jit pass integers, or weight or mask the scores"
            )
        return xp.nonzero(candidates)[0]
    indices = xp.astype(candidates, xp.arange(1, device=device).dtype)
    indices = xp.where(indices < 0, indices + count, indices)
    if ops.concrete(indices):
        place = first_index(ops, (indices < 0) | (indices >= count))
        if place is not None:
            raise IndexError(
                f"index: expected one of {count} candidates, got {int(candidates[place])} at "
                f"{place}"
            )
    return indices

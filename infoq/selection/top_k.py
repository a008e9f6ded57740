"""The highest scores."""

from __future__ import annotations

from collections.abc import Sequence

from infoq.backends import Array, Ops, ops_for
from infoq.selection.candidates import allowed, given_indices, ordered_by_tier
from infoq.selection.selected import Selection, check_batch_size, reason_for


def top_k(
    scores: Array,
    k: int,
    *,
    candidates: Array | None = None,
    given: Sequence[int] | Array = (),
) -> Selection:
    """The k candidates with the highest scores.

    Parameters
    ----------
    scores : array [N]
        A score a candidate. NaN counts as -inf, whatever the library thinks of it.
    k : int
        How many to pick; more than there are picks all.
    candidates : boolean array [N], optional
        Who may be picked.
    given : integers
        Who is not to be picked, because they were already.

    Returns
    -------
    Selection
        Indices and scores in descending order, ties to the lowest index, and the sum.

    Raises
    ------
    TypeError
        If the scores are no floating array, or k is no integer.
    ValueError
        If the scores have another rank than 1, k is negative, or the mask or an index does not
        fit the pool.

    Notes
    -----
    Picks as if the batch's value were the sum of the scores, and so ignores that candidates may
    tell the same: `greedy` over a set function does not. Costs a partial sort. Inside `jax.jit`,
    picks go on beyond the candidates of a mask, to k, with gains of -inf.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.top_k(np.array([0.25, 0.5, np.nan, 0.5, 0.125]), 3)
    Selection(indices=array([1, 3, 0]), gains=array([0.5 , 0.5 , 0.25]), value=np.float64(1.25))
    """
    size = check_batch_size(k)
    ops, memory = read_scores(scores)
    local = ops_for(memory)
    taken = given_indices(given, memory.shape[0])
    if candidates is None and not taken:
        gains, indices = local.top_k(memory, min(size, memory.shape[0]))
    else:
        xp = local.xp
        places = xp.arange(memory.shape[0], device=local.device(memory))
        free, unpicked = allowed(local, places, candidates, taken)
        if local.concrete(memory, free):
            places = xp.nonzero(free)[0]
            gains, spots = local.top_k(xp.take(memory, places, axis=0), min(size, places.shape[0]))
            indices = xp.take(places, spots, axis=0)
        else:
            order = ordered_by_tier(local, memory, tiers(local, free, unpicked))
            indices = order[: min(size, memory.shape[0] - len(taken))]
            gains = xp.where(free, memory, local.scalar(-float("inf"), memory))
            gains = xp.take(gains, indices, axis=0)
    return as_selection(ops, local, indices, gains, size)


def read_scores(scores: Array) -> tuple[Ops, Array]:
    """The operations of the scores' library, and the scores in memory."""
    ops = ops_for(scores=scores)
    if scores.ndim != 1:
        raise ValueError(f"scores: expected shape (N,), got {tuple(scores.shape)}")
    if not ops.xp.isdtype(scores.dtype, "real floating"):
        raise TypeError(f"scores: expected a real floating dtype, got {scores.dtype}")
    return ops, ops.fetch(scores)


def tiers(ops: Ops, free: Array, unpicked: Array) -> Array:
    """0 for who may be picked, 3 for other candidates, 4 for who is given."""
    xp = ops.xp
    return 4 - 3 * xp.astype(free, xp.int32) - xp.astype(unpicked, xp.int32)


def as_selection(ops: Ops, local: Ops, indices: Array, gains: Array, size: int) -> Selection:
    """Indices and scores in memory as what a selection returns."""
    value = local.xp.sum(gains)
    reason = reason_for(int(indices.shape[0]), size)
    return Selection(ops.adopt(indices), ops.adopt(gains), ops.adopt(value), reason)

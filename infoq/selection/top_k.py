"""The highest scores."""

from __future__ import annotations

from infoq.backends import Array, ops_for
from infoq.selection.selected import Selection, check_batch_size


def top_k(scores: Array, k: int) -> Selection:
    """The k candidates with the highest scores.

    Parameters
    ----------
    scores : array [N]
        A score a candidate. NaN counts as -inf, whatever the library thinks of it.
    k : int
        How many to pick; more than there are picks all.

    Returns
    -------
    Selection
        Indices and scores in descending order, ties to the lowest index, and the sum.

    Raises
    ------
    TypeError
        If the scores are no floating array, or k is no integer.
    ValueError
        If the scores have another rank than 1, or k is negative.

    Notes
    -----
    Picks as if the batch's value were the sum of the scores, and so ignores that candidates may
    tell the same: `greedy` over a set function does not. Costs a partial sort.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.top_k(np.array([0.25, 0.5, np.nan, 0.5, 0.125]), 3)
    Selection(indices=array([1, 3, 0]), gains=array([0.5 , 0.5 , 0.25]), value=np.float64(1.25))
    """
    size = check_batch_size(k)
    ops = ops_for(scores=scores)
    if scores.ndim != 1:
        raise ValueError(f"scores: expected shape (N,), got {tuple(scores.shape)}")
    if not ops.xp.isdtype(scores.dtype, "real floating"):
        raise TypeError(f"scores: expected a real floating dtype, got {scores.dtype}")
    memory = ops.fetch(scores)
    local = ops_for(memory)
    gains, indices = local.top_k(memory, min(size, memory.shape[0]))
    value = local.xp.sum(gains)
    return Selection(ops.adopt(indices), ops.adopt(gains), ops.adopt(value))

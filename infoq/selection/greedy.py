"""Greedy batches: the candidate with the largest gain, again and again."""

from __future__ import annotations

from infoq.backends import ops_for
from infoq.quantities import SetFunction
from infoq.selection.selected import Selection, check_batch_size


def greedy(f: SetFunction, k: int) -> Selection:
    """Grow a batch by the candidate with the largest gain, k times.

    Parameters
    ----------
    f : set function
        For example `infoq.EIG(pool)`: anything with `start`, `gains` and `add`.
    k : int
        How many to pick; more than there are picks all.

    Returns
    -------
    Selection
        Indices in the order of picking, their gains, and the sum of the gains. Ties go to the
        lowest index; a candidate is never picked twice; a NaN gain is picked last.

    Raises
    ------
    TypeError
        If f is no set function, or k is no integer.
    ValueError
        If k is negative.

    Notes
    -----
    For a monotone submodular f the value is at least (1 - 1/e) of the best batch's. k evaluations
    of all N gains.

    References
    ----------
    Nemhauser, G. L., Wolsey, L. A. and Fisher, M. L. (1978). An analysis of approximations for
    maximizing submodular set functions I. Mathematical Programming 14, 265-294.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.greedy(infoq.EIG(probs), 1).indices
    array([1])
    """
    size = check_batch_size(k)
    if not isinstance(f, SetFunction):
        raise TypeError(
            f"f: expected a set function such as infoq.EIG(pool), got {type(f).__name__}; "
            "for plain scores use infoq.top_k"
        )
    state = f.start()
    gains = f.ops.fetch(f.gains(state))
    ops = ops_for(gains)
    xp = ops.xp
    places = xp.arange(gains.shape[0], device=ops.device(gains))
    lowest = ops.scalar(-float("inf"), gains)
    available = places >= 0
    indices, picked = [places[:0]], [gains[:0]]
    for step in range(min(size, len(f))):
        if step > 0:
            state = f.add(state, indices[-1][0])
            gains = f.ops.fetch(f.gains(state))
        # NaN as -inf could lose to nothing but what was picked already: mark that beside it.
        key = xp.where(available & ~xp.isnan(gains), gains, lowest)
        best = xp.max(key)
        first = xp.argmax(xp.astype((key == best) & available, xp.int32))
        index = xp.reshape(first, (1,))
        indices.append(xp.astype(index, places.dtype))
        picked.append(xp.take(gains, index, axis=0))
        available = available & (places != index)
    chosen = xp.concat(picked)
    adopt = f.ops.adopt
    value = xp.sum(chosen)
    return Selection(adopt(xp.concat(indices)), adopt(chosen), adopt(value))

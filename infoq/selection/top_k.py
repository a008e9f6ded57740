"""Selection of the highest scores."""

from __future__ import annotations

from collections.abc import Sequence

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.dtypes import check_floating
from infoq.selection.asked import Asked, asked
from infoq.selection.budget import check_size
from infoq.selection.candidates import ordered_by_tier
from infoq.selection.selected import Selection, check_batch_size, reason_for


@capabilities(lazy="the picks are computed eagerly")
@capabilities("costs", reads_values="which candidates fit the rest of the budget depends on values")
def top_k(
    scores: Array,
    k: int | None = None,
    *,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """The k candidates with the highest scores.

    Parameters
    ----------
    scores : array [N]
        The score of each candidate. NaN ranks last, and stays NaN in the gains and the value.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that were picked before. They are not picked again.
    costs : array [N], optional
        The cost of each candidate, more than 0. The highest score per cost is picked.
    budget : float, optional
        The most that the picks may cost together. A candidate that costs more than what is left is
        skipped.

    Returns
    -------
    Selection
        Indices and scores in descending order (of scores per cost, if there are costs), and the sum
        of the scores. Ties go to the lowest index. Gains have the units of the scores.

    Raises
    ------
    TypeError
        If the scores are not a floating array, k is not an integer and there is no budget, or costs
        are given and values cannot be read.
    ValueError
        If the scores have another rank than 1, k is negative, or `candidates`, the costs or an
        index does not fit the pool.

    Notes
    -----
    Exact for a value that is the sum of the scores. So it ignores that candidates may be redundant;
    `greedy` with a set function takes that into account. Costs a partial sort of N scores. Inside
    `jax.jit` there are always k picks: those beyond the candidates of a mask have gains of -inf.

    References
    ----------
    Settles, B. (2009). Active learning literature survey. University of Wisconsin-Madison,
    Computer Sciences Technical Report 1648.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> scores = np.array([0.25, 0.5, np.nan, 0.5, 0.125])
    >>> infoq.top_k(scores, 3)
    Selection(indices=array([1, 3, 0]), gains=array([0.5 , 0.5 , 0.25]), value=np.float64(1.25))
    >>> infoq.top_k(scores, costs=np.array([1.0, 4.0, 1.0, 2.0, 1.0]), budget=3.0).indices
    array([0, 3])
    """
    check_size(k, budget)
    ops, memory = read_scores(scores)
    local = ops_for(memory)
    xp, every = local.xp, candidates is None and isinstance(given, list | tuple) and not given
    if k is not None and every and costs is None and budget is None:
        size = check_batch_size(k)
        gains, indices = local.top_k(memory, min(size, memory.shape[0]))
        return as_selection(ops, local, indices, gains, size)
    pool = asked(local, memory, k, candidates, given, costs, budget)
    if costs is not None or pool.size is None:
        return _by_cost(ops, memory, pool)
    if local.concrete(memory, pool.free):
        places = xp.nonzero(pool.free)[0]
        gains, spots = local.top_k(xp.take(memory, places, axis=0), min(pool.size, places.shape[0]))
        indices = xp.take(places, spots, axis=0)
    else:
        order = ordered_by_tier(local, memory, tiers(local, pool.free, pool.unpicked))
        indices = order[: min(pool.size, memory.shape[0] - len(pool.given))]
        gains = xp.where(pool.free, memory, local.scalar(-float("inf"), memory))
        gains = xp.take(gains, indices, axis=0)
    return as_selection(ops, local, indices, gains, pool.size)


def _by_cost(ops: Ops, scores: Array, pool: Asked) -> Selection:
    """Candidates by descending score per cost, skipping those that no longer fit the budget."""
    local = ops_for(scores)
    xp = local.xp
    places = xp.nonzero(pool.free)[0]
    worth = xp.take(pool.purse.per_cost(scores), places, axis=0)
    order = xp.take(places, local.top_k(worth, places.shape[0])[1], axis=0)
    picked, reason = pool.purse.paid_for(local.to_host(order).tolist(), pool.size)
    indices = xp.asarray(picked, dtype=order.dtype, device=local.device(order))
    chosen = as_selection(ops, local, indices, xp.take(scores, indices, axis=0), len(picked))
    return Selection(*chosen, reason)


def read_scores(scores: Array) -> tuple[Ops, Array]:
    """The operations of the scores' library, and the scores in memory."""
    ops, scores = admit(False, scores=scores)
    if scores.ndim != 1:
        raise ValueError(
            f"scores: expected shape (N,), one per candidate, got {tuple(scores.shape)}; "
            "infoq.entropy of draws [N, K, C] returns one per draw: for the entropy of the mean "
            "prediction use Categorical.entropy, and to pick its highest methods.entropy"
        )
    check_floating(ops, scores, "scores")
    return ops, ops.fetch(scores)


def tiers(ops: Ops, free: Array, unpicked: Array) -> Array:
    """Rank of each candidate: 0 if it may be picked, 4 if it is given, else 3."""
    xp = ops.xp
    return 4 - 3 * xp.astype(free, xp.int32) - xp.astype(unpicked, xp.int32)


def as_selection(ops: Ops, local: Ops, indices: Array, gains: Array, size: int) -> Selection:
    """`Selection` made of indices and scores in memory."""
    value = local.xp.sum(gains)
    reason = reason_for(int(indices.shape[0]), size)
    return Selection(ops.adopt(indices), ops.adopt(gains), ops.adopt(value), reason)

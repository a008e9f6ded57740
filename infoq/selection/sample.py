"""Random batches in which candidates with higher scores are more likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import LAWS, Law, one_of
from infoq.checks.dtypes import is_real_number
from infoq.checks.numbers import first_index
from infoq.selection.asked import Asked, asked
from infoq.selection.budget import check_size
from infoq.selection.candidates import ordered_by_tier
from infoq.selection.selected import Selection
from infoq.selection.top_k import as_selection, read_scores, tiers


@capabilities(lazy="the picks are computed eagerly")
@capabilities("costs", reads_values="which candidates fit the rest of the budget depends on values")
def sample(
    scores: Array,
    k: int | None = None,
    *,
    method: Law = "power",
    coldness: float = 1.0,
    seed: Any = 0,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    r"""Batch of k candidates drawn without replacement; higher scores are more likely.

    .. math:: p_i \propto s_i^\beta, \qquad \exp(\beta s_i), \qquad r_i^{-\beta}

    Parameters
    ----------
    scores : array [N]
        The score of each candidate; at least 0 for ``"power"``.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    method : {"power", "softmax", "softrank"}
        Which of the three laws to use: by the score, by its exponential, or by its rank (1 for the
        highest; ties go to the lowest index).
    coldness : float
        The exponent :math:`\beta`, at least 0. With 0 the draw is uniform; the larger it is, the
        closer the batch is to that of `top_k`.
    seed : int or the library's random generator
        Source of the random draws.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that were picked before. They are not picked again.
    costs : array [N], optional
        The cost of each candidate, more than 0; used only with a budget.
    budget : float, optional
        The most that the picks may cost together. A candidate that is drawn and costs more than
        what is left is skipped.

    Returns
    -------
    Selection
        Indices in the order of drawing, their scores, and the sum of the scores. Equal seeds give
        equal batches.

    Raises
    ------
    TypeError
        If the scores are not a floating array, k is not an integer and there is no budget, or costs
        are given and values cannot be read.
    ValueError
        If the scores have another rank than 1; if one is negative for ``"power"``, where values can
        be read; if the method is unknown; if the coldness or k is negative; or if `candidates` or
        an index does not fit the pool.

    Notes
    -----
    An exact sample, as if candidates were drawn one after the other with the probabilities of those
    left. It takes one pass: the k largest of the log-weights with Gumbel noise. Candidates of
    weight 0 are drawn after all others, uniformly, and those with NaN after them. Inside `jax.jit`
    there are always k picks: those beyond the candidates of a mask have gains of -inf. Costs N
    logarithms and a partial sort, or a full sort for ``"softrank"``.

    References
    ----------
    Kirsch, A., Farquhar, S., Atighehchian, P., Jesson, A., Branchaud-Charron, F. and Gal, Y.
    (2023). Stochastic batch acquisition: a simple baseline for deep active learning, TMLR,
    arXiv:2106.12059. Kool, W., van Hoof, H. and Welling, M. (2019). Stochastic beams and where to
    find them. ICML, arXiv:1903.06059 (the Gumbel-top-k trick).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.sample(np.array([0.0, 1.0, 2.0, 0.0]), 2, coldness=100.0).indices
    array([2, 1])
    """
    check_size(k, budget)
    law = _law(method, coldness)
    ops, memory = read_scores(scores)
    local = ops_for(memory)
    pool = asked(local, memory, k, candidates, given, costs, budget)
    if costs is None and pool.size is not None:
        indices, gains = _drawn(local, memory, pool, law, ops.seed(seed), pool.size)
        return as_selection(ops, local, indices, gains, pool.size)
    # All candidates in the order of drawing; those that fit the budget are kept.
    order, _ = _drawn(local, memory, pool, law, ops.seed(seed), int(memory.shape[0]))
    picked, reason = pool.purse.paid_for(local.to_host(order).tolist(), pool.size)
    indices = pool.indices(picked)
    gains = local.xp.take(memory, indices, axis=0)
    return Selection(*as_selection(ops, local, indices, gains, len(picked)), reason)


class _Law(NamedTuple):
    """The law of the probabilities: its name and its exponent."""

    method: str
    coldness: float


def _law(method: str, coldness: Any) -> _Law:
    """The law with this name and exponent, after input validation."""
    one_of(LAWS, method, "method")
    if not is_real_number(coldness):
        raise TypeError(f"coldness: expected a finite number of at least 0, got {coldness!r}")
    if not 0 <= coldness < float("inf"):
        raise ValueError(f"coldness: expected a finite number of at least 0, got {coldness}")
    return _Law(method, float(coldness))


def _drawn(
    ops: Ops, scores: Array, pool: Asked, law: _Law, seed: int, size: int
) -> tuple[Array, Array]:
    """At most `size` indices in the order of drawing, and their scores; in memory."""
    xp, values, free = ops.xp, ops.upcast(scores), pool.free
    if law.method == "power":
        _check_not_negative(ops, values, free)
    outside, ranked = tiers(ops, free, pool.unpicked), None
    if law.method == "softrank":
        ranked = _by_score(ops, values, free)
        values, free, outside = (xp.take(x, ranked, axis=0) for x in (values, free, outside))
    weights = _log_weights(ops, values, law)
    key = weights + _gumbel(ops, values, seed)
    usual = weights > -float("inf")  # neither 0 nor NaN
    readable = ops.concrete(key, free)
    count = int(xp.sum(xp.astype(free & usual, xp.int32))) if readable else 0
    if readable and size <= count:
        masked = xp.where(free & usual, key, ops.scalar(-float("inf"), key))
        indices = ops.top_k(masked, size)[1]
    else:
        known = 2 - xp.astype(usual, xp.int32) - xp.astype(~xp.isnan(weights), xp.int32)
        noise = xp.where(usual, key, _gumbel(ops, values, seed))
        order = ordered_by_tier(ops, noise, xp.where(free, known, outside))
        indices = order[: min(size, pool.number if readable else order.shape[0] - len(pool.given))]
    if ranked is not None:
        indices = xp.take(ranked, indices, axis=0)
    gains = scores if readable else xp.where(pool.free, scores, ops.scalar(-float("inf"), scores))
    return indices, xp.take(gains, indices, axis=0)


def _check_not_negative(ops: Ops, values: Array, free: Array) -> None:
    """Raise if a candidate that may be picked has a negative score, where values can be read."""
    if not ops.concrete(values, free):
        return
    index = first_index(ops, free & (values < 0))
    if index is not None:
        raise ValueError(
            f"scores: candidate {index} has {float(values[index])}; method='power' takes scores "
            "of at least 0, 'softmax' and 'softrank' take any score"
        )


def _by_score(ops: Ops, values: Array, free: Array) -> Array:
    """Indices of free candidates by descending score, then of all others and of NaN."""
    xp = ops.xp
    first = free & ~xp.isnan(values)
    if not ops.concrete(first):
        return ordered_by_tier(ops, values, 1 - xp.astype(first, xp.int32))
    if bool(xp.all(first)):
        return ops.top_k(values, values.shape[0])[1]
    places = xp.nonzero(first)[0]
    _, order = ops.top_k(xp.take(values, places, axis=0), places.shape[0])
    return xp.concat([xp.take(places, order, axis=0), xp.nonzero(~first)[0]])


def _log_weights(ops: Ops, values: Array, law: _Law) -> Array:
    """Unnormalised log-probability of each candidate, [N]; NaN for a NaN score.

    For ``"softrank"`` the candidates must be sorted by score.
    """
    xp, (method, coldness) = ops.xp, law
    lowest = ops.scalar(-float("inf"), values)
    known = ~xp.isnan(values)
    if method == "softrank":
        ranks = xp.arange(1, values.shape[0] + 1, dtype=values.dtype, device=ops.device(values))
        return xp.where(known, -coldness * xp.log(ranks), values)
    zero = values == (0 if method == "power" else lowest)
    if method == "power":
        some = known & (values > 0)
        logs = xp.log(xp.where(some, values, xp.ones_like(values)))
        values = xp.where(some | zero, logs, ops.scalar(float("nan"), values))  # NaN below 0
    if coldness == 0:  # inf included
        weights = xp.where(xp.isnan(values), values, xp.zeros_like(values))
    else:
        weights = coldness * values
    return xp.where(zero, lowest, weights)


def _gumbel(ops: Ops, like: Array, seed: int) -> Array:
    """Standard Gumbel noise, from two uniform draws that together are finer near 0 than one."""
    xp = ops.xp
    fine = ops.uniform(tuple(like.shape), (seed, 1), like) * float(xp.finfo(like.dtype).eps) / 2
    uniform = ops.uniform(tuple(like.shape), (seed, 0), like) + fine
    tiny = float(xp.finfo(like.dtype).smallest_normal)
    below_one = 1 - float(xp.finfo(like.dtype).eps) / 2
    return -xp.log(-xp.log1p(-xp.clip(uniform, tiny, below_one)))

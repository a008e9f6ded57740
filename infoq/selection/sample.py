"""Random batches by score: what is high is likely, and nothing is certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.selection.candidates import allowed, given_indices, ordered_by_tier
from infoq.selection.selected import Selection, check_batch_size
from infoq.selection.top_k import as_selection, read_scores, tiers

METHODS = ("power", "softmax", "softrank")


def sample(
    scores: Array,
    k: int,
    *,
    method: str = "power",
    coldness: float = 1.0,
    seed: Any = 0,
    candidates: Array | None = None,
    given: Sequence[int] | Array = (),
) -> Selection:
    r"""Draw k candidates without replacement, with probabilities that grow with their scores.

    .. math:: p_i \propto s_i^\beta, \qquad \exp(\beta s_i), \qquad r_i^{-\beta}

    Parameters
    ----------
    scores : array [N]
        A score a candidate; of ``"power"`` at least 0.
    k : int
        How many to pick; more than there are picks all.
    method : {"power", "softmax", "softrank"}
        Which of the three: by the score, by its exponential, or by its rank (1 for the highest,
        ties to the lowest index).
    coldness : float
        The exponent, at least 0. 0 is uniform; the larger, the nearer to `top_k`.
    seed : int or the library's random generator
        What the batch is drawn from.
    candidates : boolean array [N], optional
        Who may be picked.
    given : integers
        Who is not to be picked, because they were already.

    Returns
    -------
    Selection
        Indices in the order of drawing, their scores, and the sum. Equal seeds give equal batches.

    Raises
    ------
    TypeError
        If the scores are no floating array, or k is no integer.
    ValueError
        If the scores have another rank than 1 or (of ``"power"``, where values can be read) one is
        negative, the method is none of these, the coldness or k is negative, or the mask or an
        index does not fit the pool.

    Notes
    -----
    Exactly as if one candidate after the other were drawn by the probabilities of those left, in
    one pass: the k largest of the log-weights with Gumbel noise. Weights of 0 are drawn after all
    others, uniformly; NaN after those. Inside `jax.jit`, picks go on beyond the candidates of a
    mask, to k, with gains of -inf. N logarithms and a partial sort.

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
    size = check_batch_size(k)
    if method not in METHODS:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    if not 0 <= coldness < float("inf"):
        raise ValueError(f"coldness: expected a finite number of at least 0, got {coldness}")
    ops, memory = read_scores(scores)
    local = ops_for(memory)
    xp = local.xp
    taken = given_indices(given, memory.shape[0])
    places = xp.arange(memory.shape[0], device=local.device(memory))
    free, unpicked = allowed(local, places, candidates, taken)
    values = local.upcast(memory)
    if method == "power" and local.concrete(values, free) and bool(xp.any(free & (values < 0))):
        index = int(xp.argmax(xp.astype(free & (values < 0), xp.int32)))
        raise ValueError(
            f"scores: candidate {index} has {float(values[index])}; method='power' takes scores "
            "of at least 0, 'softmax' and 'softrank' take any"
        )
    weights = _log_weights(local, values, free, method, float(coldness))
    key = weights + _gumbel(local, values, ops.seed(seed))
    outside = tiers(local, free, unpicked)
    usual = weights > -float("inf")  # neither 0 nor NaN
    readable = local.concrete(key, free)
    count = int(xp.sum(xp.astype(free & usual, xp.int32))) if readable else 0
    if readable and size <= count:
        masked = xp.where(free & usual, key, local.scalar(-float("inf"), key))
        indices = local.top_k(masked, size)[1]
    else:
        known = 2 - xp.astype(usual, xp.int32) - xp.astype(~xp.isnan(weights), xp.int32)
        noise = xp.where(usual, key, _gumbel(local, values, ops.seed(seed)))
        order = ordered_by_tier(local, noise, xp.where(free, known, outside))
        number = memory.shape[0] - len(taken)
        if readable and candidates is not None:
            number = int(xp.sum(xp.astype(free, xp.int32)))
        indices = order[: min(size, number)]
    gains = memory
    if not readable:
        gains = xp.where(free, memory, local.scalar(-float("inf"), memory))
    return as_selection(ops, local, indices, xp.take(gains, indices, axis=0), size)


def _log_weights(ops: Ops, values: Array, free: Array, method: str, coldness: float) -> Array:
    """The logarithm of what a candidate's probability is proportional to; NaN where unknown."""
    xp = ops.xp
    lowest = ops.scalar(-float("inf"), values)
    known = ~xp.isnan(values)
    if method == "softrank":
        tier = 1 - xp.astype(free & known, xp.int32)
        rank = 1 + xp.argsort(ordered_by_tier(ops, values, tier), stable=True)
        weights = -coldness * xp.log(xp.astype(rank, values.dtype))
        return xp.where(known, weights, values)
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
    """Standard Gumbel noise, from uniform numbers finer than one draw of them is near 0."""
    xp = ops.xp
    fine = ops.uniform(tuple(like.shape), (seed, 1), like) * float(xp.finfo(like.dtype).eps) / 2
    uniform = ops.uniform(tuple(like.shape), (seed, 0), like) + fine
    tiny = float(xp.finfo(like.dtype).smallest_normal)
    below_one = 1 - float(xp.finfo(like.dtype).eps) / 2
    return -xp.log(-xp.log1p(-xp.clip(uniform, tiny, below_one)))

"""The sums over outcomes [..., C] of each discrete measure.

Where values can be read, a formula takes the cheapest way that is accurate for these values.
"""

from __future__ import annotations

from collections.abc import Callable

from infoq.backends import Array, Ops
from infoq.measures.cuts import join_last, total
from infoq.measures.distribution import to_log_probabilities, to_probabilities

# Below this many nats, sums of logarithms have an error of 1e-5 in float32.
_SUMS_CANCEL = 1 / 16

# The same for logarithms of an exact change, p - q (see `infoq.draws.divergence`).
_LOGARITHMS_CANCEL = 1e-3

# From this ratio r on, 1 + r counts as p / q.
_FAR = 1e4


def content(ops: Ops, p: Array, *, kind: str) -> Array:
    """`-log p` [..., C]; 0 rather than -0 for a certain outcome."""
    return ops.cast_like(0.0 - to_log_probabilities(ops, p, kind), p)


def entropy(ops: Ops, p: Array, *, kind: str) -> Array:
    """`-sum p log p`: [...]."""
    if kind == "probs":
        return 0.0 - total(ops, ops.xlogx(ops.upcast(p)))
    return _surprise(ops, to_probabilities(ops, p, kind), to_log_probabilities(ops, p, kind))


def cross_entropy(ops: Ops, p: Array, q: Array, *, kind: str) -> Array:
    """`-sum p log q`: [...]."""
    p = to_probabilities(ops, p, kind)
    if kind == "probs" and ops.may_branch(p, q) and 0 not in q.shape:
        q = ops.upcast(q)
        if bool(ops.xp.min(q) > 0):
            return total(ops, p * (0.0 - ops.xp.log(q)))
    return _surprise(ops, p, to_log_probabilities(ops, q, kind))


def _surprise(ops: Ops, p: Array, log_q: Array) -> Array:
    """The mean of -log q under p, without the outcomes that p excludes: [...]."""
    xp = ops.xp
    zero = xp.zeros_like(p)
    possible = p > 0
    surprise = xp.where(possible, 0.0 - log_q, ops.scalar(0.0, p))
    return total(ops, xp.where(possible, p, zero) * surprise)


def kl_divergence(ops: Ops, p: Array, q: Array, *, kind: str) -> Array:
    """`KL(p || q)`: [...]."""

    def logs() -> tuple[Array, Array]:
        return to_log_probabilities(ops, p, kind), to_log_probabilities(ops, q, kind)

    return divergence(ops, to_probabilities(ops, p, kind), to_probabilities(ops, q, kind), logs)


def divergence(ops: Ops, p: Array, q: Array, logs: Callable[[], tuple[Array, Array]]) -> Array:
    """`sum p log(p / q) - p + q` [...] of non-negative numbers p and q [..., C].

    `logs` returns their logarithms.
    """
    xp = ops.xp
    if not ops.may_branch(p, q) or 0 in (*p.shape, *q.shape):
        return total(ops, _terms(ops, p, q, *logs()))
    least = float(xp.finfo(q.dtype).smallest_normal)
    base = q
    if float(xp.min(q)) >= least:
        mass = total(ops, q)
        plain = total(ops, q * ops.rough_xlogx(p / q)) - total(ops, p) + mass
        if _exceeds(ops, plain, _SUMS_CANCEL * mass):
            return plain
        change = p - q
        rough = total(ops, ops.times_log_ratio(p, change, q)) - total(ops, change)
        if _exceeds(ops, rough, _LOGARITHMS_CANCEL * mass):
            return rough
    else:
        change, base = p - q, xp.maximum(q, ops.scalar(least, q))
    ratio = change / base
    if bool(xp.max(ratio) < _FAR):
        return total(ops, q * ops.kl_term(ratio))
    return total(ops, _terms(ops, p, q, *logs()))


def _exceeds(ops: Ops, value: Array, least: Array) -> bool:
    """Whether all values are finite and above `least`, so that they are accurate."""
    return bool(ops.xp.all((value > least) & ops.xp.isfinite(value)))


def _terms(ops: Ops, p: Array, q: Array, log_p: Array, log_q: Array) -> Array:
    """The terms [..., C] of KL(p || q), from logarithms where p / q is far from one."""
    xp = ops.xp
    zero = xp.zeros_like(p + q)
    near = xp.abs(p - q) <= q / 2
    ratio = _over(ops, xp.where(near, p - q, zero), q)
    # log p - log q is exact enough here, and exists even where q is below the smallest float.
    both = (p > 0) & ~near
    log_ratio = xp.where(both, log_p, zero) - xp.where(both, log_q, zero)
    return xp.where(near, q * ops.kl_term(ratio), xp.where(both, p * log_ratio, zero) - p + q)


def js_divergence(ops: Ops, p: Array, q: Array, *, kind: str) -> Array:
    """The mean of the divergences of p and of q from their mean: [...]."""
    xp = ops.xp
    p, q = to_probabilities(ops, p, kind), to_probabilities(ops, q, kind)
    # The relative deviations from the mean are r and -r, and p - q is exact.
    both, change = p + q, p - q
    least = float(xp.finfo(both.dtype).smallest_normal)
    if ops.may_branch(both) and 0 not in both.shape and float(xp.min(both)) >= least:
        one = total(ops, ops.times_log_ratio(p, change, both))
        rough = (one + total(ops, ops.times_log_ratio(q, -change, both))) / 2
        if _exceeds(ops, rough, _LOGARITHMS_CANCEL * total(ops, both)):
            return rough
    r = _over(ops, change, both)
    return total(ops, both / 4 * (ops.kl_term(r) + ops.kl_term(-r)))


def dependence(ops: Ops, joint: Array, *marginals: Array, count: int, kind: str) -> Array:
    """KL divergence [...] of a joint distribution from the product of its marginals.

    The last `count` axes hold the joint outcomes; a marginal has size 1 along the axes of the other
    variables.
    """
    xp = ops.xp
    probs = to_probabilities(ops, joint, kind)
    product = marginals[0]
    for marginal in marginals[1:]:
        product = product * marginal

    def logs() -> tuple[Array, Array]:
        # A product may underflow; the sum of the logarithms does not.
        log = _log(ops, marginals[0])
        for marginal in marginals[1:]:
            log = log + _log(ops, marginal)
        return _log(ops, flat), join_last(ops, xp.broadcast_to(log, probs.shape), count)

    flat = ops.packed(join_last(ops, probs, count))
    return divergence(ops, flat, ops.packed(join_last(ops, product, count)), logs)


def conditional_entropy(ops: Ops, joint: Array, given: Array, *, count: int, kind: str) -> Array:
    """The entropy [...] of a joint distribution minus that of its marginal `given`.

    The last `count` axes hold the joint outcomes. Those with more than half the probability `given`
    are left to `likely_surprise`: where one is nearly certain, its ratio rounds to 1.
    """
    xp = ops.xp
    joint = to_probabilities(ops, joint, kind)
    ratio = _over(ops, joint, given)
    counts = (ratio > 0) & (2 * joint <= given)
    surprise = 0.0 - xp.log(xp.where(counts, ratio, ops.scalar(1.0, joint)))
    return total(ops, join_last(ops, joint * surprise, count))


def likely_surprise(ops: Ops, likely: Array, rest: Array, *, count: int) -> Array:
    """What outcomes of more than half the probability of their `given` add to the entropy: [...].

    `likely` holds their probability and `rest` that of the other outcomes, for each outcome of
    `given`, both along the last `count` axes.
    """
    xp = ops.xp
    some = likely > 0
    zero, one = ops.scalar(0.0, rest), ops.scalar(1.0, rest)
    odds = xp.where(some, rest, zero) / xp.where(some, likely, one)
    return total(ops, join_last(ops, likely * xp.log1p(odds), count))


def marginal_part(
    ops: Ops, joint: Array, given: Array, *, likely: bool, others: tuple[int, ...], kind: str
) -> Array:
    """The sum over the axes `others` of outcomes with more than half the probability `given`.

    Or, with `likely=False`, of all the others. The shape is that of `given`.
    """
    xp = ops.xp
    probs = to_probabilities(ops, joint, kind)
    counts = 2 * probs > given
    kept = xp.where(counts if likely else ~counts, probs, ops.scalar(0.0, probs))
    return xp.sum(kept, axis=others, keepdims=True)


def marginal(ops: Ops, joint: Array, *, others: tuple[int, ...], kind: str) -> Array:
    """The marginal: the sum over the axes `others`, which are kept with size 1."""
    probs = to_probabilities(ops, joint, kind)
    return ops.xp.sum(probs, axis=others, keepdims=True) if others else probs


def _log(ops: Ops, p: Array) -> Array:
    """`log p`, or 0 for an impossible outcome."""
    return ops.xp.log(ops.xp.where(p > 0, p, ops.scalar(1.0, p)))


def _over(ops: Ops, x: Array, q: Array) -> Array:
    """`x / q` where q is at least the smallest normal number, else x, which then counts as 0."""
    xp = ops.xp
    some = q >= float(xp.finfo(q.dtype).smallest_normal)
    return x / xp.where(some, q, ops.scalar(1.0, q))

"""The central kernel of prediction space: divergence of conditional predictions from their mean.

A variable S splits the K draws into weighted rows, `w_s` with probability `pi_s`. Its information
about the outcome of candidate i is

    I = sum_s pi_s KL( p_i(. | s) || p_i ),    p_i(c | s) = sum_k w_s[k] p_i(c | k).

With `r = p_i(c | s) / p_i(c) - 1`, each divergence is a sum of `p_i(c) [(1 + r) log1p(r) - r]`.
These terms are never negative, and no entropies are subtracted. The draws themselves as rows give
EIG. The posteriors over draws after each outcome of a target give EPIG. Those after each joint
outcome of a batch give the information that the batch already has about the candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.formula_ops import LONGEST_MIX
from infoq.blocks import sum_columns


class Split(NamedTuple):
    """Weighted rows over the draws that average (in expectation) to the draws' own weights.

    Attributes
    ----------
    deviations : array [S, K]
        The weights of each row minus the draws' own, `w_s[k] - w[k]`.
    probabilities : array [S]
        The probability of each row; they sum to one.
    """

    deviations: Array
    probabilities: Array


# Logarithms are off by eps |r| and add up to about r^2 / 2. By the Cauchy-Schwarz inequality the
# relative error of a mean divergence I is eps sqrt(2 / I): above this many nats at most 5e-6 in
# float32.
_LOGARITHMS_CANCEL = 1e-3

# Above this many nats, even a single term that cancels has 4 digits in float32. With many terms of
# independent errors, fewer nats are enough.
_TERM_DIFFERS = 5e-7


def draw_information(ops: Ops, probs: Array, weights: Array) -> Array:
    """`sum_k w_k KL(p_ik || p_i)` for probs [n, K, C] and draw weights [K]: [n] nats.

    Notes
    -----
    The relative error is at most 1e-5 in float32, for any number of draws and classes. Where values
    can be read, one pass of logarithms gives the difference of entropies. Only candidates for which
    it would cancel are computed again in the centred form.
    """
    mean = ops.mix(weights, probs)
    if not ops.may_branch(probs, weights):
        return _centred(ops, probs, weights, mean)

    def by(form: Callable[..., Array], rows: Array) -> Array:
        if rows.shape[0] == probs.shape[0]:
            return form(ops, probs, weights, mean)
        few, few_means = (ops.xp.take(x, rows, axis=0) for x in (probs, mean))
        return form(ops, few, weights, few_means)

    # A comparison with NaN is false.
    values = _entropy_difference(ops, probs, weights, mean)
    sure = (values > _entropies_cancel(probs.shape[1])) | (values <= _LOGARITHMS_CANCEL)
    values = _refine(ops, values, ~sure, partial(by, _rough))
    return _refine(ops, values, ~(values > _LOGARITHMS_CANCEL), partial(by, _centred))


def _entropies_cancel(draws: int) -> float:
    """The nats below which a difference of entropies has a relative error of 1e-5 in float32.

    Measured. Rounding errors add up if draws are alike, over one matrix product.
    """
    alike = draws if draws <= LONGEST_MIX else LONGEST_MIX // 2
    return (10 + alike) / 640


def _entropy_difference(ops: Ops, probs: Array, weights: Array, mean: Array) -> Array:
    """`H[p_i] - sum_k w_k H[p_ik]`, class by class; NaN where a probability is zero.

    With many classes the entropies are as large as log C, while the terms per class are small.
    """
    per_class = ops.mix(weights, ops.rough_xlogx(probs)) - ops.xlogx(mean)
    return ops.xp.sum(per_class, axis=-1)


def _refine(ops: Ops, values: Array, low: Array, again: Callable[[Array], Array]) -> Array:
    """`values` [n], of which those at `low` [n] are replaced by `again(indices)`."""
    xp = ops.xp
    rows = xp.nonzero(low)[0]
    if rows.shape[0] == 0:
        return values
    if rows.shape[0] == values.shape[0]:
        return again(rows)
    place = ops.cumulative_sum(xp.astype(low, rows.dtype)) - 1
    place = xp.where(low, place, xp.zeros_like(place))
    return xp.where(low, xp.take(again(rows), place, axis=0), values)


def _rough(ops: Ops, probs: Array, weights: Array, mean: Array) -> Array:
    """`sum_k w_k sum_c p log(p / mean)`; NaN where a probability is zero."""
    by_draw, means = _draws_first(ops, probs, mean)
    change = by_draw - means[:, None, :]
    # Their sum would be 0 if the mean were not rounded.
    rounding = ops.mix(weights, change)
    terms = ops.mix(weights, ops.times_log_ratio(by_draw, change, _positive(ops, means)))
    return ops.xp.sum(ops.xp.reshape(terms - rounding, mean.shape), axis=-1)


def _centred(ops: Ops, probs: Array, weights: Array, mean: Array) -> Array:
    """`sum_k w_k sum_c mean [(1 + r) log1p(r) - r]`."""
    xp = ops.xp
    by_draw, means = _draws_first(ops, probs, mean)
    ratio = _ratio(ops, by_draw, means)
    terms = ops.mix(weights, ops.kl_term(ratio))
    # Exact for any `mean`: the contribution of its rounding to each divergence is subtracted.
    rounding = ops.kl_term(ops.mix(weights, ratio))
    return xp.sum(mean * xp.reshape(terms - rounding, mean.shape), axis=-1)


def _draws_first(ops: Ops, probs: Array, mean: Array) -> tuple[Array, Array]:
    """Probabilities [1, K, n C] and their means [1, n C].

    So the vector subtracted from all draws is as long as a block of candidates, not as C.
    """
    xp = ops.xp
    n, draws, classes = probs.shape
    by_draw = xp.reshape(xp.permute_dims(probs, (1, 0, 2)), (1, draws, n * classes))
    return by_draw, xp.reshape(mean, (1, n * classes))


def split_information(ops: Ops, probs: Array, weights: Array, split: Split) -> Array:
    """`sum_s pi_s KL(p_i(. | s) || p_i)` for probs [n, K, C]: [n] nats.

    Costs n C S (K multiply-adds and one logarithm); temporary arrays stay in the cache.
    """
    xp = ops.xp
    if not ops.may_branch(probs, weights, *split):
        return _over_split(ops, probs, weights, split, ops.kl_term)

    def again(rows: Array) -> Array:
        return _over_split(ops, xp.take(probs, rows, axis=0), weights, split, ops.kl_term)

    rough = _over_split(ops, probs, weights, split, ops.rough_kl_term)
    bound = _TERM_DIFFERS / (probs.shape[2] * split.probabilities.shape[0]) ** 0.5
    return _refine(ops, rough, ~(rough > bound), again)


def _over_split(
    ops: Ops, probs: Array, weights: Array, split: Split, term: Callable[[Array], Array]
) -> Array:
    xp = ops.xp
    n, draws, classes = probs.shape
    mean = ops.mix(weights, probs)
    ratio = xp.permute_dims(_ratio(ops, probs, mean), (0, 2, 1))
    rows = xp.reshape(ratio, (n * classes, draws))

    def divergence(deviations: Array, probabilities: Array) -> Array:
        return ops.weigh(term(xp.matmul(rows, deviations.T)), probabilities)

    column_bytes = 4 * n * classes * ops.item_bytes(probs)
    total = sum_columns(ops, divergence, split, bytes_per_column=column_bytes)
    return xp.sum(mean * xp.reshape(total, (n, classes)), axis=-1)


def row_information(ops: Ops, deviations: Array, probs: Array, weights: Array) -> Array:
    """`KL(p(. | s) || p)` of one candidate [1, K, C] for each row s of a split [S, K]: [S] nats."""
    mean = ops.mix(weights, probs)
    ratio = _ratio(ops, probs, mean)[0, ...]
    return ops.kl_term(deviations @ ratio) @ mean[0, :]


def outcome_split(ops: Ops, probs: Array, weights: Array, target_weights: Array) -> Split:
    """The posterior over draws after each outcome of each of M targets: S = M C rows.

    The result takes as much memory as probs [M, K, C].
    """
    xp = ops.xp
    targets, draws, classes = probs.shape
    mean = ops.mix(weights, probs)
    deviations = xp.permute_dims(_ratio(ops, probs, mean) * weights[None, :, None], (0, 2, 1))
    return Split(
        xp.reshape(deviations, (targets * classes, draws)),
        xp.reshape(mean * target_weights[:, None], (targets * classes,)),
    )


def _ratio(ops: Ops, probs: Array, mean: Array) -> Array:
    """The deviation p / mean - 1, from an exact difference; 0 for a class that no draw allows."""
    return (probs - mean[:, None, :]) / _positive(ops, mean)


def _positive(ops: Ops, mean: Array) -> Array:
    """`mean` [n, C] as [n, 1, C], with 1 in place of 0."""
    xp = ops.xp
    # A subnormal mean counts as 0, as some libraries flush it to zero and then divide by it.
    some = mean >= float(xp.finfo(mean.dtype).smallest_normal)
    return xp.where(some, mean, ops.scalar(1.0, mean))[:, None, :]

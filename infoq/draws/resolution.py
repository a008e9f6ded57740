"""Resolution of K draws: the largest possible gain, and the size of rounding and sampling error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from infoq.backends import Array, Ops, ops_for
from infoq.blocks import map_rows
from infoq.draws.divergence import row_information
from infoq.draws.outcomes import Outcomes
from infoq.measures.distribution import to_probabilities
from infoq.unknowns import About, AllTargets, EachTarget

if TYPE_CHECKING:
    from infoq.draws.categorical import Categorical

# Measured gains of exhausted batches, which are pure rounding error, were up to 5e-7 of log K in
# float32, and up to 8e-15 in float64 (K = 4 to 100, C = 2 to 10).
_ROUNDING = {32: 1e-6, 64: 1e-13}

# Number of interleaved parts of the samples, from which their standard error is estimated.
_PARTS = 10


def entropy_left(given: Outcomes) -> Array:
    """The remaining entropy of the draws, H[Theta | given], in nats: a 0-d array in memory.

    Reduced by its own rounding error, so that gains limited by it do not exceed log K.
    """
    ops = ops_for(given.probabilities)
    return ops.compiled(_entropy_left, None)(given.log_posteriors, given.probabilities)


def _entropy_left(ops: Ops, log_weights: Array, probabilities: Array) -> Array:
    xp = ops.xp
    some = log_weights > -float("inf")
    logs = xp.where(some, log_weights, ops.scalar(0.0, log_weights))
    entropies = -xp.sum(xp.where(some, xp.exp(logs) * logs, ops.scalar(0.0, logs)), axis=-1)
    total = xp.sum(entropies * probabilities)
    return xp.maximum(total * (1 - 4 * float(xp.finfo(total.dtype).eps)), ops.scalar(0.0, total))


def noise(one: Categorical, about: About, given: Outcomes) -> Array:
    """The size of information that may be rounding or chance, of one candidate: [1] in memory.

    If outcomes are sampled, this is two standard errors. They are estimated from the means of ten
    interleaved parts of the samples.
    """
    weights = one.ops.fetch(one.weights)
    ops = ops_for(weights)
    xp = ops.xp
    floor = _ROUNDING[64 if ops.bits(weights) > 32 else 32] * math.log(one.num_draws)
    joint = given
    if isinstance(about, AllTargets):
        joint = one.joint_with(about.targets, given)
    count = min(_PARTS, int(joint.probabilities.shape[0]))
    if not joint.sampled or count < 2:  # one sample has no standard error
        return ops.constant((1,), math.inf if joint.sampled else floor, weights)
    parts = xp.zeros_like(xp.arange(count, dtype=weights.dtype, device=ops.device(weights)))
    if given.sampled:
        parts = parts - _by_part(ops, _by_row(ops, one, weights, given), count)
    if isinstance(about, AllTargets):
        parts = parts + _by_part(ops, _by_row(ops, one, weights, joint), count)
    elif isinstance(about, EachTarget):
        information = [
            one.ops.fetch(one.information_with_each(*about, given.every(count, start)))
            for start in range(count)
        ]
        parts = parts + xp.concat(information)
    apart = parts - xp.mean(parts)
    error = xp.sqrt(xp.sum(apart * apart) / (count * (count - 1)))
    return xp.maximum(2 * error, ops.scalar(floor, weights))[None]


def _by_part(ops: Ops, rows: Array, count: int) -> Array:
    """Means of `count` interleaved parts of the rows [S]: [count]."""
    size = int(rows.shape[0]) // count
    return ops.xp.mean(ops.xp.reshape(rows[: size * count], (size, count)), axis=0)


def _by_row(ops: Ops, one: Categorical, weights: Array, given: Outcomes) -> Array:
    """Divergence by each joint outcome of the prediction of one candidate: [S] nats."""
    values = one.ops.fetch(one.values)
    probs = to_probabilities(ops, values, one.kind)
    size = 4 * ops.item_bytes(weights) * one.num_classes
    return map_rows(
        row_information,
        (given.split(ops, weights).deviations,),
        (probs, weights),
        bytes_per_row=size,
    )

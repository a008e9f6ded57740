"""Block kernels of a `Categorical`: from its values to probabilities, and to a quantity."""

from __future__ import annotations

from collections.abc import Callable

from infoq.backends import Array, Ops
from infoq.blocks import sum_columns
from infoq.checks.probabilities import InvalidValuesError, bad_candidates, check_probabilities
from infoq.draws.divergence import Split, outcome_split, split_information
from infoq.measures.distribution import to_probabilities


def on_probabilities(
    kernel: Callable[..., Array],
    kind: str,
    check: bool,
    ops: Ops,
    values: Array,
    *shared: Array,
) -> Array:
    """Result [n] of a kernel of probabilities, from values of any kind."""
    return kernel(ops, _checked(ops, values, kind, check), *shared)


def _checked(ops: Ops, values: Array, kind: str, check: bool) -> Array:
    """Probabilities of the values; raises if they are invalid, where values can be read."""
    probs = to_probabilities(ops, values, kind)
    if check and ops.concrete(values) and not check_probabilities(ops, probs, values.dtype):
        raise InvalidValuesError(f"{kind}: NaN, negative, or rows that do not sum to one")
    return probs


def refused(kind: str, ops: Ops, values: Array) -> Array:
    """Mask [n] of the candidates whose values are not probabilities."""
    probs = to_probabilities(ops, values, kind)
    if ops.concrete(probs) and check_probabilities(ops, probs, values.dtype):
        return ops.xp.zeros_like(values[:, 0, 0], dtype=ops.xp.bool)
    return bad_candidates(ops, probs, values.dtype)


def about_split(
    ops: Ops, probs: Array, weights: Array, deviations: Array, probabilities: Array
) -> Array:
    """Information of each outcome about the variable that splits the draws: [n] nats."""
    return split_information(ops, probs, weights, Split(deviations, probabilities))


def split_targets(
    kind: str, check: bool, ops: Ops, weights: Array, targets: Array, target_weights: Array
) -> tuple[Array, ...]:
    """The draws' weights, and the arrays of the `Split` by the outcomes of targets."""
    probs = _checked(ops, targets, kind, check)
    return weights, *outcome_split(ops, probs, weights, target_weights)


def check_targets(
    kind: str, check: bool, ops: Ops, weights: Array, targets: Array, *others: Array
) -> tuple[Array, ...]:
    """The draws' weights, the validated probabilities of the targets, and `others` unchanged."""
    return weights, _checked(ops, targets, kind, check), *others


def about_each_given(
    ops: Ops,
    probs: Array,
    weights: Array,
    targets: Array,
    target_weights: Array,
    posteriors: Array,
    probabilities: Array,
) -> Array:
    """`sum_e v_e I[Y_i; Y_e, Y_B]` from the posteriors [S, K] of S joint outcomes of B: [n]."""

    def information(posteriors: Array, probabilities: Array) -> Array:
        rows = [
            (outcome_split(ops, targets, posteriors[s, :], target_weights), s)
            for s in range(posteriors.shape[0])
        ]
        deviations = ops.xp.concat([x.deviations + (posteriors[s, :] - weights) for x, s in rows])
        each = ops.xp.concat([x.probabilities * probabilities[s] for x, s in rows])
        return split_information(ops, probs, weights, Split(deviations, each))

    row_bytes = 4 * ops.item_bytes(probs) * targets.shape[0] * targets.shape[1] * targets.shape[2]
    return sum_columns(ops, information, (posteriors, probabilities), bytes_per_column=row_bytes)


def mean_entropy(ops: Ops, probs: Array, weights: Array) -> Array:
    """The entropy of each candidate's mean prediction: [n] nats."""
    return -ops.xp.sum(ops.xlogx(ops.mix(weights, probs)), axis=-1)

"""Information of observed labels about the K posterior draws, and so about other labels.

A label y reweights the draws by its probability under each. Everything here is a function of its
*growth*, `t_k = log p_k(y) / p(y)`: the log of the factor by which the weight of draw k grows.

    p(k | y) - p(k)  = w_k expm1(t_k)                              deviations
    KL(p(k | y) || p(k)) = sum_k w_k [(1 + r) log1p(r) - r],  r = expm1(t_k)
    log p(y' | y) / p(y') = log1p( sum_k w_k expm1(t_k) expm1(t'_k) )

These neither cancel for labels of little information nor underflow for a hundred labels of much
information: weights are kept as logarithms, and used directly where growth is large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.registry import check_same_device, ops_for
from infoq.blocks import sum_columns
from infoq.checks.dtypes import has_dtype
from infoq.checks.numbers import first_index
from infoq.draws.kernels import on_probabilities
from infoq.draws.outcomes import Outcomes, as_place
from infoq.measures.distribution import to_log_probabilities


class ObservedLabels(Outcomes):
    """A context of observed labels: one row of log-weights over the draws.

    The log-likelihoods are arrays [K, 1], each up to a constant.
    """


def observe_label(ops: Ops, known: Outcomes, likelihood: Array, index: Any) -> ObservedLabels:
    """The context with one more label, given its relative log-probabilities [K] under the draws."""
    if known.num_observed > 0 and not isinstance(known, ObservedLabels):
        raise ValueError(
            "given: got outcomes that are not known yet beside a label; start again from context()"
        )
    row = known.log_posteriors
    joint = row + growth(ops, likelihood[None, :], row[0, :])
    history = (*known.log_likelihoods, likelihood[:, None])
    indices = (*known.indices, as_place(index))
    return ObservedLabels(
        history,
        joint,
        known.probabilities,
        sampled=known.sampled,
        samples=known.samples,
        seed=known.seed,
        indices=indices,
    )


# --- labels and their likelihoods -----------------------------------------------------------
def check_labels(ops: Ops, labels: Array | None, values: Array, name: str) -> Array:
    """Labels after input validation against candidates [N, K, C]; values too, if readable."""
    size, classes = values.shape[0], values.shape[2]
    if labels is None:
        raise TypeError(
            f"{name}: expected the observed labels of a Categorical, an array of {size} integers "
            f"from 0 to {classes - 1}, got None"
        )
    ops_for(**{"candidates": values, name: labels})
    check_same_device(ops, **{"candidates": values, name: labels})
    if not has_dtype(ops, labels, "integral"):
        raise TypeError(f"{name}: expected integers, got {labels.dtype}")
    if tuple(labels.shape) != (size,):
        raise ValueError(
            f"{name}: expected shape ({size},), one per candidate, got {tuple(labels.shape)}"
        )
    if ops.concrete(labels):
        _check_range(ops, labels, classes, name)
    return labels


def _check_range(ops: Ops, labels: Array, classes: int, name: str, *, block: bool = False) -> None:
    numbers = _as_indices(ops, labels)
    index = first_index(ops, (numbers < 0) | (numbers >= classes))
    if index is not None:
        place = "" if block else f" at {index}"  # an index within a block would mislead
        raise ValueError(
            f"{name}: expected classes from 0 to {classes - 1}, got {int(numbers[index])}{place}"
        )


def _as_indices(ops: Ops, labels: Array) -> Array:
    """Labels in the integer dtype of the library's indices."""
    return ops.xp.astype(labels, ops.xp.arange(1, device=ops.device(labels)).dtype)


def label_likelihoods(
    kind: str, check: bool, name: str | None, ops: Ops, values: Array, labels: Array
) -> Array:
    """Log-probability of each label under each draw, minus the largest: [n, K].

    Differences between draws that nearly agree are exact if probabilities were given. `check` says
    whether to validate these; `name` is the name of the labels, if they are to be validated.
    """
    xp = ops.xp
    _, draws, classes = values.shape
    if name is not None and ops.concrete(labels):
        _check_range(ops, labels, classes, name, block=True)
    logs = kind != "probs"
    probs = values
    if check or not logs:
        probs = on_probabilities(lambda _, probs: probs, kind, check, ops, values)
    table = to_log_probabilities(ops, values, kind) if logs else probs
    places = xp.broadcast_to(_as_indices(ops, labels)[:, None, None], (labels.shape[0], draws, 1))
    picked = ops.take_along_axis(table, places, axis=2)[:, :, 0]
    top = xp.max(picked, axis=1, keepdims=True)
    if logs:
        return picked - xp.where(top > -float("inf"), top, ops.scalar(0.0, top))
    return _relative_logs(ops, picked, top)


def on_labels(
    kernel: Callable[..., Array],
    kind: str,
    check: bool,
    name: str | None,
    ops: Ops,
    values: Array,
    labels: Array,
    *shared: Array,
) -> Array:
    """Result [n, ...] of a kernel of log-likelihoods, from values and labels."""
    return kernel(ops, label_likelihoods(kind, check, name, ops, values, labels), *shared)


def _relative_logs(ops: Ops, probs: Array, top: Array) -> Array:
    """`log(probs / top)`, from an exact difference if they are within a factor of two."""
    xp = ops.xp
    one, zero = ops.scalar(1.0, probs), ops.scalar(0.0, probs)
    # A subnormal probability counts as 0, as some libraries flush it to zero.
    least = float(xp.finfo(probs.dtype).smallest_normal)
    top = xp.where(top >= least, top, one)
    near, some = probs > top / 2, probs >= least
    close = xp.log1p(xp.where(near, (probs - top) / top, zero))
    far = xp.log(xp.where(some & ~near, probs / top, one))
    return xp.where(near, close, xp.where(some, far, ops.scalar(-float("inf"), probs)))


# --- information about the draws ------------------------------------------------------------
def growth(ops: Ops, likelihoods: Array, log_weights: Array) -> Array:
    """The log of the factor by which each draw's weight grows, `log p_k(y) / p(y)`: [n, K].

    `likelihoods` [n, K] are the log-probabilities of the labels, up to a constant each, under draws
    with log-weights [K]. It is 0 for a label that all draws call impossible, which is
    uninformative.
    """
    xp = ops.xp
    evidence = ops.logsumexp(log_weights + likelihoods, -1, keepdims=True)
    possible = evidence > -float("inf")
    zero = ops.scalar(0.0, likelihoods)
    counts = possible & (log_weights > -float("inf"))
    first = xp.where(counts, likelihoods - xp.where(possible, evidence, zero), zero)
    # The rounding error of the evidence is as large as a small growth; a Newton step removes it.
    return first - xp.log1p(xp.sum(deviations(ops, first, log_weights), axis=-1, keepdims=True))


def deviations(ops: Ops, gained: Array, log_weights: Array) -> Array:
    """The change of each draw's weight, from growth [n, K] and log-weights [K]: [n, K]."""
    small, change = _small(ops, gained)
    weights = ops.xp.exp(log_weights)
    far = ops.xp.exp(log_weights + gained) - weights
    return ops.xp.where(small, weights * change, far)


def label_information(ops: Ops, likelihoods: Array, log_weights: Array, so_far: Array) -> Array:
    """The increase by each label of the divergence of the draws' weights from the first: [n] nats.

    `so_far` [K] is the log of the factor by which the draws have grown so far. If it is zero, the
    result is `KL(p(k | y) || p(k))`. It is a sum of two terms, and subtracts no divergences.
    """
    xp = ops.xp
    zero = ops.scalar(0.0, so_far)
    gained = growth(ops, likelihoods, log_weights)
    apart = xp.matmul(
        deviations(ops, gained, log_weights), xp.where(so_far > -float("inf"), so_far, zero)
    )
    return divergence(ops, gained, log_weights) + apart


def divergence(ops: Ops, gained: Array, log_weights: Array) -> Array:
    """`sum_k w_k e^t_k t_k` as a sum of terms that are never negative: [n] nats."""
    xp = ops.xp
    small, change = _small(ops, gained)
    zero = ops.scalar(0.0, gained)
    far = xp.where(small | (gained == -float("inf")), zero, gained)
    after = xp.exp(log_weights + gained)
    weights = xp.exp(log_weights)
    terms = xp.where(small, weights * ops.kl_term(change), after * far - (after - weights))
    return xp.sum(terms, axis=-1)


def _small(ops: Ops, gained: Array) -> tuple[Array, Array]:
    """Mask of small growth, and `expm1` of it there; elsewhere differences do not cancel."""
    small = ops.xp.abs(gained) < 1
    return small, ops.xp.expm1(ops.xp.where(small, gained, ops.scalar(0.0, gained)))


def mean_log_ratio(
    ops: Ops, likelihoods: Array, log_weights: Array, rows: Array, row_weights: Array
) -> Array:
    """`sum_s v_s log p(y_i | s) / p(y_i)` from the growth [S, K] of the draws by each s: [n] nats.

    Costs of the order of n S K exponentials; temporary arrays stay in the cache. It is -inf if s
    makes a label impossible that was possible before.
    """
    xp = ops.xp
    gained = growth(ops, likelihoods, log_weights)

    def mean(rows: Array, row_weights: Array) -> Array:
        ratio = log_ratio(ops, gained, log_weights, rows)
        some = row_weights > 0
        return xp.sum(xp.where(some, ratio, ops.scalar(0.0, ratio)) * row_weights, axis=-1)

    column_bytes = 4 * ops.item_bytes(gained) * gained.shape[0] * gained.shape[1]
    return sum_columns(ops, mean, (rows, row_weights), bytes_per_column=column_bytes)


def log_ratio(ops: Ops, gained: Array, log_weights: Array, rows: Array) -> Array:
    """`log p(y_i | s) / p(y_i)` from the growth by each label [n, K] and each s [S, K]: [n, S]."""
    xp = ops.xp
    direct = ops.logsumexp((log_weights + rows)[None, :, :] + gained[:, None, :], -1)
    # If all terms are small, their sum has more digits than the logarithm of a number near 1.
    most = 0.9 * math.log(float(xp.finfo(gained.dtype).max))
    change = xp.expm1(xp.minimum(gained, ops.scalar(most, gained)))
    moved = deviations(ops, rows, log_weights)
    shared = xp.matmul(change, moved.T)
    size = xp.matmul(xp.abs(change), xp.abs(moved).T)
    near = (size < 0.5) & (xp.max(gained, axis=-1) < most)[:, None]
    small = xp.log1p(xp.where(near, shared, ops.scalar(0.0, shared)))
    return xp.where(near, small, direct)


def joint_growth(ops: Ops, likelihoods: Array, log_weights: Array) -> Array:
    """The sum of the growth by all labels: that of their joint, up to a constant: [K]."""
    return ops.xp.sum(growth(ops, likelihoods, log_weights), axis=0)


def growth_of_rows(
    ops: Ops, log_weights: Array, rows: Array, row_weights: Array
) -> tuple[Array, ...]:
    """The log-weights, the growth from them to each row [S, K], and the row weights."""
    return log_weights, growth(ops, rows, log_weights), row_weights

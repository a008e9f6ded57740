"""Measures of joint distributions and their marginals, in blocks of outcomes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import accumulate, pairwise

from infoq.backends import Array, Ops
from infoq.backends.registry import admit
from infoq.measures import integrands
from infoq.measures.cuts import in_blocks, join_last, limit
from infoq.measures.distribution import read, to_probabilities


def of_joint(
    joint: Array,
    groups: tuple[tuple[int, ...], ...],
    needed: tuple[int, ...],
    terms: Callable[..., Array],
    kind: str,
    *,
    correction: Callable[..., Array] | None = None,
) -> Array:
    """A measure of joint distributions and of the marginals of the groups in `needed`.

    Each group is the axes of one variable. A `correction` is added, of the parts of the one
    marginal: the sum of outcomes with more than half its probability, and of all others.
    """
    ops, joint = admit(joint=joint)
    view, count = read(ops, joint, sum(groups, ()), kind, "joint")
    lead = view.ndim - count
    ends = [0, *accumulate(len(group) for group in groups)]
    # The axes of each variable, counted from the end.
    axes = [tuple(range(a - count, b - count)) for a, b in pairwise(ends)]
    others = tuple(
        tuple(axis for axis in range(-count, 0) if axis not in axes[one]) for one in needed
    )
    sizes = view.shape[lead:]
    whole = partial(_whole, others, terms, correction, count, kind, sizes)
    finish = partial(finished, ops, like=joint)
    if not ops.concrete(view):
        joined = ops.whole(join_last(ops, ops.upcast(view), count), 1)
        return finish(ops.over_stacks(whole, "(c)->()", joined))
    if 0 in view.shape or math.prod(sizes) <= limit(ops, view):
        run = partial(_on_joined, whole, count)
        return in_blocks(ops, run, (view,), lead, whole=True, finish=finish)
    if kind == "logits":
        view = ops.xp.reshape(to_probabilities(ops, join_last(ops, view, count), kind), view.shape)
        kind = "probs"

    def summed(formula: Callable[..., Array], out: tuple[int, ...], *arrays: Array) -> Array:
        """The sums of a formula over the axes `out`, computed in blocks."""
        run = partial(formula, others=out, kind=kind)
        kept = tuple(axis for axis in range(view.ndim) if axis - view.ndim not in out)
        return in_blocks(ops, run, arrays, lead, whole=False, kept=kept)

    def added(formula: Callable[..., Array], *arrays: Array) -> Array:
        """The sums of a formula over all outcomes, computed in blocks."""
        return in_blocks(ops, partial(formula, count=count), arrays, lead, whole=False)

    marginals = [summed(integrands.marginal, out, view) for out in others]
    value = added(partial(terms, kind=kind), view, *marginals)
    if correction is not None:
        parts = [
            summed(partial(integrands.marginal_part, likely=likely), others[0], view, marginals[0])
            for likely in (True, False)
        ]
        value = value + added(correction, *parts)
    return finish(value)


def _on_joined(run: Callable[..., Array], count: int, ops: Ops, block: Array) -> Array:
    return run(ops, join_last(ops, block, count))


def _whole(
    others: tuple[tuple[int, ...], ...],
    terms: Callable[..., Array],
    correction: Callable[..., Array] | None,
    count: int,
    kind: str,
    sizes: tuple[int, ...],
    ops: Ops,
    joined: Array,
) -> Array:
    """A measure of whole joint distributions [..., C] and their marginals."""
    probs = to_probabilities(ops, joined, kind)
    joint = ops.xp.reshape(probs, (*probs.shape[:-1], *sizes))
    marginals = [integrands.marginal(ops, joint, others=out, kind="probs") for out in others]
    value = terms(ops, joint, *marginals, count=count, kind="probs")
    if correction is None:
        return value
    split = partial(
        integrands.marginal_part, ops, joint, *marginals, others=others[0], kind="probs"
    )
    return value + correction(ops, split(likely=True), split(likely=False), count=count)


def finished(ops: Ops, x: Array, like: Array) -> Array:
    """`x` with negative rounding errors set to 0, in the dtype of `like`."""
    return ops.cast_like(ops.xp.maximum(x, ops.xp.zeros_like(x)), like)

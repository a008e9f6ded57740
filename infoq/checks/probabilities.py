"""Input validation for draws of class probabilities."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.formula_ops import LONGEST_PRODUCT
from infoq.backends.registry import check_same_device
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_index, first_place

_SOME = {"probs": "positive", "log_probs": "finite", "logits": "finite"}

_WHAT = {"probs": "probabilities", "log_probs": "log-probabilities", "logits": "logits"}


class InvalidValuesError(ValueError):
    """Raised for a block with values that are not probabilities; a later step finds the place."""


def check_structure(ops: Ops, values: Array, axes: object, name: str) -> None:
    """Check the rank, dtype and shape of draws, and that `axes` is a permutation of NKC or NC."""
    shape = tuple(values.shape)
    if not isinstance(axes, str) or "".join(sorted(axes)) not in ("CKN", "CN"):
        raise ValueError(
            f"axes: expected a permutation of 'NKC' (candidates, draws, classes), or of 'NC' for "
            f"a single prediction, got {axes!r}"
        )
    check_floating(ops, values, name)
    if len(shape) != len(axes):
        hint = ""
        if len(shape) == 2:
            hint = '; for a single prediction of each candidate, pass axes="NC"'
        names = "candidates N, draws K, classes C" if "K" in axes else "candidates N, classes C"
        raise ValueError(
            f"{name}: expected {len(axes)} axes {axes} ({names}), got shape {shape}{hint}"
        )
    for axis, size in zip(axes, shape, strict=True):
        if size == 0:
            raise ValueError(f"{name}: axis {axis} is empty in shape {shape} with axes={axes!r}")
    if shape[axes.index("C")] == 1:
        raise ValueError(
            f"{name}: expected C >= 2 classes, got shape {shape} with axes={axes!r}, whose one "
            "outcome is certain; one logit is a Bernoulli: pass [0, z] (for one probability p, "
            "pass [1 - p, p])"
        )


def check_weights(
    ops: Ops, weights: Array, values: Array, size: int, label: str, per: str
) -> Array:
    """The weights [size] divided by their sum, in the working dtype of `values`."""
    xp = ops.xp
    if tuple(weights.shape) != (size,):
        raise ValueError(
            f"{label}: expected shape ({size},), one per {per}, got {tuple(weights.shape)}"
        )
    check_floating(ops, weights, label)
    check_same_device(ops, **{"values": values, label: weights})
    weights = xp.astype(weights, ops.upcast(values[:1, :1, :1]).dtype)
    total = xp.sum(weights)
    if ops.concrete(weights):
        index = first_index(ops, ~((weights >= 0) & xp.isfinite(weights)))
        if index is not None:
            raise ValueError(
                f"{label}: expected finite weights >= 0, got {float(weights[index])} at {index}"
            )
        if not bool(total > 0):
            raise ValueError(
                f"{label}: the weights sum to {float(total)}; at least one must be positive"
            )
    return weights / total


def check_probabilities(ops: Ops, probs: Array, dtype: Any) -> bool:
    """Whether all of probs [n, K, C] are probabilities, up to the rounding of `dtype`."""
    xp = ops.xp
    off = xp.abs(_row_sums(ops, probs) - 1)
    # A NaN makes either comparison false.
    within = row_tolerance(ops, dtype, probs.shape[2])
    return bool(xp.min(probs) >= 0) and bool(xp.max(off) <= within)


def bad_candidates(ops: Ops, probs: Array, dtype: Any) -> Array:
    """The mask [n] of candidates of probs [n, K, C] whose values are not probabilities."""
    xp = ops.xp
    off = xp.abs(_row_sums(ops, probs) - 1)
    fine = xp.all(xp.min(probs, axis=-1) >= 0, axis=-1)
    return ~(fine & xp.all(off <= row_tolerance(ops, dtype, probs.shape[2]), axis=-1))


def describe(ops: Ops, row: Array, probs: Array, kind: str) -> str:
    """The error message for one candidate [K, C]: what is wrong, and how to fix it."""
    xp = ops.xp
    what = _WHAT[kind]
    tests = {
        "NaN": xp.isnan(row),
        "infinite": (row == float("inf")) | ((row == -float("inf")) & (kind == "probs")),
        "negative": (row < 0) & (kind == "probs"),
    }
    for problem, where in tests.items():
        place = first_place(ops, where)
        if place is not None:
            draw, label = place
            hint = "; if these are logits, pass logits=" if problem == "negative" else ""
            value = row[draw, label]
            return (
                f"draw {draw}, class {label}: {problem} value among {what} ({float(value)}){hint}"
            )
    nothing = 0.0 if kind == "probs" else -float("inf")
    impossible = first_index(ops, xp.all(row == nothing, axis=-1))
    if impossible is not None:
        return f"draw {impossible}: all {what} are {nothing:g}; at least one must be {_SOME[kind]}"
    off = xp.abs(xp.sum(probs, axis=-1) - 1)
    off = xp.where(xp.isnan(off), xp.full_like(off, float("inf")), off)
    draw = int(xp.argmax(off))
    total = float(xp.sum(probs, axis=-1)[draw])
    hint = "divide by the sum, or pass logits= if they are not normalised"
    return f"draw {draw}: {what} sum to {total:.6g}, not 1; {hint}, and check axes="


def _row_sums(ops: Ops, probs: Array) -> Array:
    xp = ops.xp
    n, draws, classes = probs.shape
    if classes > LONGEST_PRODUCT:  # a product's own rounding would exceed the tolerance
        return xp.sum(probs, axis=-1)
    # As a matrix product: a sum over a short last axis is 8 times slower on NumPy.
    sums = xp.matmul(xp.reshape(probs, (n * draws, classes)), xp.ones_like(probs[0, 0, :]))
    return xp.reshape(sums, (n, draws))


def row_tolerance(ops: Ops, dtype: Any, classes: int) -> float:
    """The largest allowed deviation from one of a sum of `classes` probabilities.

    In float16 each is rounded to a multiple of 6e-8, which matters for 4 million classes.
    """
    info = ops.xp.finfo(dtype)
    if info.bits >= 32:
        return 1e-3
    return 2e-2 + classes * float(info.smallest_normal) * float(info.eps) / 2

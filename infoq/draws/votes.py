"""Labels of draws as probabilities: of a committee's votes, or of any function of the draws."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.registry import admit_all, check_same_device
from infoq.checks.dtypes import check_floating, has_dtype
from infoq.checks.numbers import check_count, first_place


def one_hot(votes: Array, num_classes: int, axes: str, like: Array | None) -> Array:
    """Probability one for each draw's label: [N, K, C], in the dtype of `like`.

    Labels out of range are refused where values can be read; elsewhere all of their probabilities
    are NaN.
    """
    given = {"votes": votes} if like is None else {"votes": votes, "like": like}
    ops, (votes, *_) = admit_all(False, **given)
    _check_structure(ops, votes, axes)
    classes = check_count(num_classes, "num_classes")
    if classes < 2:
        raise ValueError(f"num_classes: expected at least 2, got {classes}")
    dtype = _dtype(ops, votes, like)
    if axes == "KN":
        votes = ops.xp.permute_dims(votes, (1, 0))
    xp, device = ops.xp, ops.device(votes)
    places = xp.arange(classes, device=device)
    labels = xp.astype(votes, places.dtype)
    if ops.concrete(votes):
        _check_range(ops, votes, labels, classes)
    probs = xp.astype(labels[:, :, None] == places[None, None, :], dtype)
    if ops.concrete(votes):
        return probs
    fine = (labels >= 0) & (labels < classes)
    return xp.where(fine[:, :, None], probs, xp.full_like(probs, float("nan")))


def _dtype(ops: Ops, votes: Array, like: Array | None) -> Any:
    """The dtype of `like`, or the default of the library."""
    if like is None:
        return ops.xp.zeros((), device=ops.device(votes)).dtype
    check_floating(ops, like, "like")
    check_same_device(ops, votes=votes, like=like)
    return like.dtype


def _check_structure(ops: Ops, votes: Array, axes: object) -> None:
    if axes not in ("NK", "KN"):
        raise ValueError(f"axes: expected 'NK' or 'KN' (candidates, draws), got {axes!r}")
    shape = tuple(votes.shape)
    if not has_dtype(ops, votes, "integral"):
        raise TypeError(
            f"votes: expected integers, got {votes.dtype} of shape {shape}; of probabilities pass "
            "the class that each draw finds most probable, or all of them to Categorical"
        )
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"votes: expected 2 axes {axes} (candidates N, draws K), none of them empty, got "
            f"shape {shape}"
        )


def _check_range(ops: Ops, votes: Array, labels: Array, classes: int) -> None:
    """Refuse labels of no class; the error names the first candidate that has one."""
    place = first_place(ops, (labels < 0) | (labels >= classes))
    if place is not None:
        candidate, draw = place
        raise ValueError(
            f"votes: candidate {candidate}, draw {draw}: expected a class from 0 to "
            f"{classes - 1}, got {int(votes[candidate, draw])}"
        )

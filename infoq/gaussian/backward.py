"""Batches in weight space that shrink, by matrices of their members alone and not of the pool.

Let A be the covariance [m R, m R] of the outputs of all m members before they are observed, and B
the part of it that targets explain. Conditional on all members, the covariance is
D = A (I + A)^-1, and the part explained X = K B (I + A - B)^-1 (for a trace K B K), K = (I + A)^-1.
Without member j the batch loses 1/2 log det(I - D_jj)^-1. About targets it loses
1/2 log det(I + (I - D_jj)^-1 X_jj) (for a trace 1/2 tr (I - D_jj)^-1 X_jj). A member is removed by
the update formula of `forward`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from infoq.backends import Array, Ops
from infoq.gaussian.block_scores import Score
from infoq.gaussian.forward import by_rows, changes, middle_of
from infoq.linear_algebra.elimination import log1p_det
from infoq.linear_algebra.small_matrices import identity, symmetric


class Shrunk(NamedTuple):
    """The covariance of the members conditional on all of them, and the part explained.

    Attributes
    ----------
    forms : tuple of arrays [m R, m R]
        D, and (about targets) X.
    size : int
        The number of rows of a member, R.
    trace : bool
        Whether the score is a trace.
    """

    forms: tuple[Array, ...]
    size: int
    trace: bool


def all_known(ops: Ops, forms: tuple[Array, ...], size: int, *, trace: bool) -> Shrunk:
    """The state with all members, from A and (about targets) B: [m R, m R]."""
    xp = ops.xp
    measured, *explained = forms
    eye = identity(ops, measured.shape[0], measured)
    left = symmetric(ops, xp.linalg.solve(measured + eye, measured))
    if not explained:
        return Shrunk((left,), size, trace)
    half = xp.linalg.solve(measured + eye, explained[0])
    other = measured if trace else measured - explained[0]
    told = xp.matrix_transpose(xp.linalg.solve(other + eye, xp.matrix_transpose(half)))
    return Shrunk((left, symmetric(ops, told)), size, trace)


def losses(ops: Ops, state: Shrunk, there: Array, score: Score) -> Array:
    """The loss of information without each member [m]; 0 for those that are not `there`."""
    xp = ops.xp
    zero = ops.scalar(0.0, state.forms[0])
    blocks = [
        xp.where(there[:, None, None], _diagonal_blocks(ops, form, state.size), zero)
        for form in state.forms
    ]
    if len(blocks) == 1:
        return log1p_det(ops, -blocks[0]) / -2
    return -score(ops, -blocks[0], -blocks[1])


def without(ops: Ops, state: Shrunk, place: int) -> Shrunk:
    """The members without the one at a place: m^2 R^3 multiply-adds."""
    rows = slice(place * state.size, (place + 1) * state.size)
    solved = [form[rows, :] for form in state.forms]
    inside = [form[:, rows] for form in solved]
    middle = middle_of(
        ops, inside[0], inside[1] if len(inside) == 2 else None, trace=state.trace, remove=True
    )
    told = solved[1] if len(solved) == 2 else None
    new = []
    for form, pairs in zip(
        state.forms, changes(by_rows, solved[0], told, middle, trace=state.trace), strict=True
    ):
        for one, other in pairs:
            form = form + one.T @ other
        new.append(symmetric(ops, form))
    return state._replace(forms=tuple(new))


def prune(
    ops: Ops,
    like: Array,
    state: Any,
    losses: Callable[[Any, Array], Array],
    without: Callable[[Any, int], Any],
    members: list[int],
    size: int,
    fixed: int,
) -> tuple[list[int], Array]:
    """The members after the first `fixed` that stay, and the gain of each in their order.

    `losses` gives the loss without each member [m], from a state and a mask of the members in it.
    `without` gives the state without the member at a place. `like` is any array of the same dtype.

    The least useful member is dropped first: NaN before all others, and among losses that are equal
    up to rounding the highest index.
    """
    xp = ops.xp
    rounding = 64 * float(xp.finfo(like.dtype).eps)
    count = fixed + len(members)
    places = xp.arange(count, device=ops.device(like))
    there = places >= 0
    stay = list(range(len(members)))
    while len(stay) > size:
        missed: list[float] = ops.to_host(losses(state, there)).tolist()
        least = min(_order(missed[fixed + i]) for i in stay)
        most = least + rounding * abs(least) if math.isfinite(least) else least
        place = max((i for i in stay if _order(missed[fixed + i]) <= most), key=members.__getitem__)
        stay.remove(place)
        state, there = without(state, fixed + place), there & (places != fixed + place)
    gains = [xp.reshape(like, (-1,))[:0]]
    for place in reversed(stay):  # the gain of the last one is the loss without it
        spot = places[fixed + place : fixed + place + 1]
        gains.insert(1, xp.take(losses(state, there), spot, axis=0))
        state, there = without(state, fixed + place), there & (places != fixed + place)
    return [members[i] for i in stay], xp.concat(gains)


def _order(loss: float) -> float:
    return -math.inf if math.isnan(loss) else loss


def _diagonal_blocks(ops: Ops, x: Array, size: int) -> Array:
    """The blocks [m, R, R] on the diagonal of [m R, m R]."""
    xp = ops.xp
    count = x.shape[0] // size
    split = xp.permute_dims(xp.reshape(x, (count, size, count, size)), (1, 3, 0, 2))
    return xp.permute_dims(xp.linalg.diagonal(split), (2, 0, 1))

"""The logistic function, with both of its tails."""

from __future__ import annotations

from infoq.backends import Array, Ops


def minus_abs(ops: Ops, x: Array) -> Array:
    """`-|x|`, with slope -1 at 0."""
    # Not `-abs(x)`, whose derivative at 0 is taken as 0: a sigmoid has slope 1/4 there.
    return ops.xp.where(x >= 0, -x, x)


def sigmoids(ops: Ops, x: Array) -> tuple[Array, Array]:
    """The sigmoids of x and of -x; either is small without cancellation."""
    power = ops.xp.exp(minus_abs(ops, x))
    large = 1 / (1 + power)
    small, up = power * large, x >= 0
    return ops.xp.where(up, large, small), ops.xp.where(up, small, large)


def slope_root(ops: Ops, x: Array) -> Array:
    """The square root of the slope of the sigmoid, `sqrt(sigmoid(x) sigmoid(-x))`."""
    half = ops.xp.exp(minus_abs(ops, x) / 2)
    return half / (1 + half * half)

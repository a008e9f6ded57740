"""The integrand of a Kullback-Leibler divergence, `(1 + r) log(1 + r) - r`, element by element.

For small r, where the three terms cancel, it is a series; else it is the logarithm. Each of the two
gets 0 in place of the other's elements, where its value and slope are 0, and both are added.
Selecting elements of two arrays instead takes up to ten times as long as computing both.
"""

from __future__ import annotations

from infoq.backends.arrays import Array, Namespace

# The coefficients of r^2, r^3, ... r^7.
SERIES = (1 / 2, -1 / 6, 1 / 12, -1 / 20, 1 / 30, -1 / 42)


def kl_term(xp: Namespace, r: Array, lowest: Array) -> Array:
    """The integrand, to a relative error of a few parts in 10^7 (float32) or 10^14 (float64).

    `lowest` replaces -1: see `next_to_minus_one`.
    """
    near = r * xp.astype(xp.abs(r) < series_limit(xp, r), r.dtype)
    return series(near) + _either(xp, xp.maximum(r - near, lowest))


def kl_term_at_once(xp: Namespace, r: Array, lowest: Array) -> Array:
    """`kl_term` with in-place operations, for use without gradients; takes half the time."""
    near = r * xp.astype(xp.abs(r) < series_limit(xp, r), r.dtype)
    far = xp.maximum(r - near, lowest)
    log, low = xp.log1p(far), xp.astype(far < -0.5, r.dtype)
    term = near * SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        term += coefficient
        term *= near
    term *= near
    term -= far
    far += low
    far *= log
    log -= log * low
    term += log
    term += far
    return term


def direct(xp: Namespace, r: Array) -> Array:
    """The integrand by the logarithm; its absolute error is a few roundings of r."""
    log = xp.log1p(r)
    return r * log + (log - r)


def series(r: Array) -> Array:
    """The integrand by its series, for |r| below `series_limit`.

    The first neglected term is r^6 / 28, relative to the integrand.
    """
    total = r * SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        total = (total + coefficient) * r
    return total * r


def series_limit(xp: Namespace, r: Array) -> float:
    """The |r| at which series and logarithm have about the same relative error."""
    return float((10 * xp.finfo(r.dtype).eps) ** (1 / 7))


def next_to_minus_one(xp: Namespace, r: Array) -> float:
    """The number after -1. At -1 itself, log1p would give NaN for 0 log 0, and infinite slope."""
    return -1 + float(xp.finfo(r.dtype).eps) / 2


def _either(xp: Namespace, r: Array) -> Array:
    """`direct`, rearranged near r = -1, where two slopes 1 / (1 + r) of it would cancel."""
    log, low = xp.log1p(r), xp.astype(r < -0.5, r.dtype)
    return (r + low) * log + ((log - low * log) - r)

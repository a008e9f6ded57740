"""The integrand of a Kullback-Leibler divergence, `(1 + r) log(1 + r) - r`, element by element.

By its series where r is small and the three terms cancel, else by the logarithm. Each side is given
0 for what is the other's, where it and its slope are 0, and the two are added: choosing between two
arrays takes libraries up to ten times as long as computing both.
"""

from __future__ import annotations

from infoq.backends.arrays import Array, Namespace

# Of r^2, r^3, ... r^7.
SERIES = (1 / 2, -1 / 6, 1 / 12, -1 / 20, 1 / 30, -1 / 42)


def kl_term(xp: Namespace, r: Array, lowest: Array) -> Array:
    """The integrand to a few parts in 10^7 (float32) or 10^14 (float64) of itself.

    `lowest` is what stands for -1: see `next_to_minus_one`.
    """
    near = r * xp.astype(xp.abs(r) < series_limit(xp, r), r.dtype)
    return series(near) + _either(xp, xp.maximum(r - near, lowest))


def kl_term_at_once(xp: Namespace, r: Array, lowest: Array) -> Array:
    """`kl_term` in few arrays, where no gradient needs the others: in half the time."""
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
    """The integrand by the logarithm, to some roundings of r."""
    log = xp.log1p(r)
    return r * log + (log - r)


def series(r: Array) -> Array:
    """The integrand for |r| below `series_limit`: the next term is r^6 / 28 of it."""
    total = r * SERIES[-1]
    for coefficient in SERIES[-2::-1]:
        total = (total + coefficient) * r
    return total * r


def series_limit(xp: Namespace, r: Array) -> float:
    """Where either side is off by the same few parts of the integrand."""
    return float((10 * xp.finfo(r.dtype).eps) ** (1 / 7))


def next_to_minus_one(xp: Namespace, r: Array) -> float:
    """The number after -1: of -1, log1p would make NaN of 0 log 0, with an infinite slope."""
    return -1 + float(xp.finfo(r.dtype).eps) / 2


def _either(xp: Namespace, r: Array) -> Array:
    """`direct`, and near r = -1, where two of its slopes 1 / (1 + r) cancel, by one of them."""
    log, low = xp.log1p(r), xp.astype(r < -0.5, r.dtype)
    return (r + low) * log + ((log - low * log) - r)

"""The digamma function psi and its differences, for positive numbers, without cancellation.

Below a threshold T the recurrence psi(1 + x) = psi(x) + 1 / x moves x up by T; from there on
psi(1 + x) is log x + 1 / (2 x) and the asymptotic series. Differences share that: what cancels is
taken off as a formula, and never as a number.
"""

from __future__ import annotations

from infoq.backends.arrays import Array, Namespace

# B_2k / (2k): of x^-2, x^-4, ..., with alternating signs.
SERIES = (
    1 / 12,
    -1 / 120,
    1 / 252,
    -1 / 240,
    1 / 132,
    -691 / 32760,
    1 / 12,
    -3617 / 8160,
    43867 / 14364,
    -174611 / 6600,
    854513 / 3036,
)


def reach(xp: Namespace, x: Array) -> tuple[int, tuple[float, ...]]:
    """The threshold T, and the terms that are as exact as the dtype from there on."""
    return (4, SERIES[:5]) if xp.finfo(x.dtype).bits < 64 else (8, SERIES)


def digamma(xp: Namespace, x: Array) -> Array:
    """psi(x) for x > 0; next to its root at 1.46 to some roundings of 1."""
    start, terms = reach(xp, x)
    near = xp.astype(x < start, x.dtype)
    far = x + start * near
    inverse = 1 / far
    square, total = inverse * inverse, 0 * inverse
    for coefficient in reversed(terms):
        total = (total + coefficient) * square
    total = inverse / 2 - total - 1 / x
    for step in range(1, start + 1):
        total = total - near / (x + step)
    return xp.log(far) + total


def gain(xp: Namespace, x: Array, more: Array, near: Array | None) -> Array:
    """psi(1 + x + more) - psi(1 + x), at least 0; `near` is 1 where x < T, None where nowhere."""
    start, terms = reach(xp, x)
    if near is None:
        return xp.log1p(more / x) - _series(terms, x, more)
    far = x + start * near
    return xp.log1p(more / far) + (_steps(start, x, more, near) - _series(terms, far, more))


def lag(xp: Namespace, x: Array, more: Array, near: Array | None) -> Array:
    """log(1 + more / x) less `gain`, at least 0."""
    start, terms = reach(xp, x)
    if near is None:
        return _series(terms, x, more)
    far = x + start * near
    # No quotient overflows: x is no closer to 0 than a normal number with some room.
    lowest = 4 * float(xp.finfo(x.dtype).smallest_normal)
    share = more / (far + more) * (start * near / xp.clip(x, min=lowest))
    return xp.log1p(share) + (_series(terms, far, more) - _steps(start, x, more, near))


def _steps(start: int, x: Array, more: Array, near: Array) -> Array:
    """The sum of 1 / (x + j) - 1 / (x + more + j) over j up to T, where x is near."""
    total = near / (x + 1) * (more / (x + more + 1))
    for step in range(2, start + 1):
        total = total + near / (x + step) * (more / (x + more + step))
    return total


def _series(terms: tuple[float, ...], x: Array, more: Array) -> Array:
    """A(x) - A(x + more), for A(x) = psi(1 + x) - log x and x of at least T, by its slope.

    The divided difference of the series goes along with its value, as in Horner's scheme.
    """
    u, v = 1 / x, 1 / (x + more)
    s, t = u * u, v * v
    value, slope = terms[-1] + 0 * s, terms[-1] + 0 * s
    for coefficient in terms[-2::-1]:
        value = value * s + coefficient
        slope = slope * t + value
    return more * v * u * (0.5 - (u + v) * slope)

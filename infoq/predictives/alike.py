"""Whether what a `Gaussian` is given goes together."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import check_same_device
from infoq.predictives.precision import Precision


def one_of(names: Any, approximation: str) -> str:
    """The approximation itself, refused where it is none of these."""
    if approximation not in names:
        expected = ", ".join(repr(name) for name in names)
        raise ValueError(f"approximation: expected one of {expected}, got {approximation!r}")
    return approximation


def same_precision(one: Precision, two: Precision) -> bool:
    """Whether two precisions are the same as far as can be told."""
    if one is two:
        return True
    if type(one) is not type(two) or one.settings != two.settings:
        return False
    return all(_same_part(x, y) for x, y in zip(one.parts, two.parts, strict=True))


def _same_part(x: Any, y: Any) -> bool:
    if x is y:
        return True
    if isinstance(x, Precision):
        return same_precision(x, y)
    if tuple(x.shape) != tuple(y.shape) or x.dtype != y.dtype:
        return False
    ops = ops_for(x, y)
    return not ops.concrete(x, y) or bool(ops.xp.all(x == y))


def check_alike(ops: Ops, name: str, x: Array, like: Array) -> None:
    """Refuse another library, dtype or device than the candidates'."""
    ops_for(**{"candidates": like, name: x})
    if ops.upcast(x).dtype != ops.upcast(like).dtype:
        raise TypeError(
            f"{name}: expected the dtype of the candidates, {like.dtype}, got {x.dtype}"
        )
    check_same_device(ops, **{"candidates": like, name: x})


def check_noise(ops: Ops, noise: Any, covariance: Array, size: int) -> Array:
    """Variances [N] from a number or as many, all positive."""
    xp = ops.xp
    if getattr(noise, "ndim", 0) == 0:
        noise = xp.zeros_like(covariance[0, :]) + noise
    if tuple(noise.shape) != (size,):
        raise ValueError(
            f"noise_variance: expected a number or shape ({size},), got {tuple(noise.shape)}"
        )
    if ops.concrete(noise) and not bool(xp.all(noise > 0)):
        raise ValueError(
            f"noise_variance: expected positive variances, got {float(xp.min(noise))}; a "
            "noise-free outcome tells infinitely much"
        )
    return noise

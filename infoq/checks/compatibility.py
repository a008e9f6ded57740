"""Compatibility checks for the inputs of a Gaussian: one library, dtype and device."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit, check_same_device
from infoq.checks.dtypes import check_real, has_dtype
from infoq.checks.numbers import number


def check_alike(ops: Ops, name: str, x: Array, like: Array) -> None:
    """Check that `x` has the library, dtype and device of the candidates `like`."""
    ops_for(**{"candidates": like, name: x})
    if ops.upcast(x).dtype != ops.upcast(like).dtype:
        raise TypeError(
            f"{name}: expected the dtype of the candidates, {like.dtype}, got {x.dtype}"
        )
    check_same_device(ops, **{"candidates": like, name: x})


def check_noise(ops: Ops, noise: Any, covariance: Array, size: int) -> Array:
    """Noise variances [N] in the dtype of the covariance, from one number or an array [N].

    All have to be positive and finite.
    """
    xp = ops.xp
    if not isinstance(noise, bool) and isinstance(noise, numbers.Real):
        noise = xp.zeros_like(covariance[0, :]) + float(noise)
    else:
        ops, _, noise = admit(covariance=covariance, noise_variance=_an_array(noise))
        check_real(ops, noise, "noise_variance")
        check_same_device(ops, covariance=covariance, noise_variance=noise)
        if has_dtype(ops, noise, "integral"):
            noise = xp.astype(noise, covariance.dtype)
        if noise.dtype != covariance.dtype:
            raise TypeError(
                f"noise_variance: expected the dtype of the covariance, {covariance.dtype}, got "
                f"{noise.dtype}"
            )
        if noise.ndim == 0:
            noise = xp.zeros_like(covariance[0, :]) + noise
    if tuple(noise.shape) != (size,):
        raise ValueError(
            f"noise_variance: expected a number or shape ({size},), got {tuple(noise.shape)}"
        )
    if not ops.concrete(noise):
        return noise
    if not bool(xp.all(noise > 0)):
        raise ValueError(
            f"noise_variance: expected positive variances, got {number(xp.min(noise))}; a "
            "noise-free outcome tells infinitely much"
        )
    if not bool(xp.all(xp.isfinite(noise))):
        raise ValueError(
            f"noise_variance: expected finite variances, got {number(xp.max(noise))}; leave out "
            "who tells nothing"
        )
    return noise


def _an_array(noise: Any) -> Any:
    """The noise itself, where it can be an array."""
    if noise is None or isinstance(noise, bool | complex | str):
        raise TypeError(
            f"noise_variance: expected a number or an array [N], got {type(noise).__name__}"
        )
    return noise

"""Compatibility checks for the inputs of a Gaussian: one library, dtype and device."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit_all, check_same_device
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

    All must be positive and finite, where values can be read.
    """
    xp, variances = ops.xp, _variances(ops, noise, covariance)
    if tuple(variances.shape) != (size,):
        raise ValueError(
            f"noise_variance: expected a number or shape ({size},), got {tuple(variances.shape)}"
        )
    if not ops.concrete(variances):
        return variances
    if not bool(xp.all(variances > 0)):
        raise ValueError(
            f"noise_variance: expected positive variances, got {number(xp.min(variances))}; a "
            "noise-free outcome has infinite information"
        )
    if not bool(xp.all(xp.isfinite(variances))):
        raise ValueError(
            f"noise_variance: expected finite variances, got {number(xp.max(variances))}; leave "
            "out candidates without information"
        )
    return variances


def _variances(ops: Ops, noise: Any, covariance: Array) -> Array:
    """The noise variances as an array [N], or as given if they are an array."""
    xp = ops.xp
    nothing = xp.zeros_like(covariance[0, :])
    if not isinstance(noise, bool) and isinstance(noise, numbers.Real):
        return nothing + float(noise)
    ops, (_, given) = admit_all(covariance=covariance, noise_variance=_an_array(noise))
    check_real(ops, given, "noise_variance")
    check_same_device(ops, covariance=covariance, noise_variance=given)
    if has_dtype(ops, given, "integral"):
        given = xp.astype(given, covariance.dtype)
    if given.dtype != covariance.dtype:
        raise TypeError(
            f"noise_variance: expected the dtype of the covariance, {covariance.dtype}, got "
            f"{given.dtype}"
        )
    return nothing + given if given.ndim == 0 else given


def _an_array(noise: Any) -> Array:
    """The noise itself, if it may be an array; else a TypeError."""
    if noise is None or isinstance(noise, bool | complex | str):
        raise TypeError(
            f"noise_variance: expected a number or an array [N], got {type(noise).__name__}"
        )
    given: Array = noise
    return given

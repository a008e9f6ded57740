"""Entropies, divergences and information of Gaussians, from their covariances, in nats.

Every function takes covariances [..., D, D] and returns [...] in their namespace, device and dtype.
A difference of log-determinants on paper is evaluated here as a sum of terms of one sign.
"""

from __future__ import annotations

import math
import operator

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import check_square, read_stacks, stack_factor
from infoq.linear_algebra.elimination import log1p_det, trace_above_log
from infoq.linear_algebra.small_matrices import (
    broadcast_batch,
    equilibrate,
    identity,
    small_gram,
    whiten,
)

_UNIT_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)

_REMEDY = "drop the coordinates that others determine, or add a multiple of the identity"


@capabilities()
def gaussian_entropy(cov: Array) -> Array:
    r"""Differential entropy of a Gaussian, :math:`H = \frac12 \log\det(2 \pi e \Sigma)`.

    Parameters
    ----------
    cov : array [..., D, D]
        Covariances, symmetric and positive definite.

    Returns
    -------
    array [...]
        Nats; negative where the Gaussian is narrow. A singular covariance, whose entropy is
        -infinity, is refused.

    Raises
    ------
    TypeError, ValueError
        If `cov` is not floating or not square. Where values can be read (else the result is NaN),
        also if it is not finite, not symmetric, or not positive definite.

    Notes
    -----
    Exact. Each matrix costs D^3 / 3 multiply-adds and one factor in memory.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of information theory, theorem 8.4.1. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_entropy(np.eye(2)).round(4)
    np.float64(2.8379)
    """
    ops, (wide,) = read_stacks(cov=cov)
    check_square(ops, wide, cov, "cov")
    return _entropy(ops, stack_factor(ops, wide, "cov", _REMEDY), cov.shape[-1], cov)


@capabilities()
def gaussian_kl_divergence(mean_p: Array, cov_p: Array, mean_q: Array, cov_q: Array) -> Array:
    r"""Kullback-Leibler divergence :math:`KL(p \| q)` of two Gaussians.

    .. math::
        \frac12 \left[\operatorname{tr} X - \log\det(I + X) + \|L^{-1} (\mu_p - \mu_q)\|^2\right],
        \qquad X = L^{-1} (\Sigma_p - \Sigma_q) L^{-T}, \quad \Sigma_q = L L^T

    Parameters
    ----------
    mean_p, cov_p, mean_q, cov_q : array [..., D], [..., D, D], [..., D], [..., D, D]
        Means, and symmetric positive definite covariances; their leading axes broadcast.

    Returns
    -------
    array [...]
        Nats, at least 0, and 0 where p equals q.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or have incompatible shapes.
        Where values can be read (else the result is NaN), also if a covariance is not finite, not
        symmetric, or not positive definite.

    Notes
    -----
    Exact, and a sum of non-negative terms: the result keeps its relative accuracy where the
    Gaussians nearly agree. About 3 D^3 multiply-adds and five matrices in memory for each pair.

    References
    ----------
    Kullback, S. (1959). Information theory and statistics, chapter 9. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> mean, cov = np.zeros(2), np.eye(2)
    >>> gaussian_kl_divergence(mean, cov, mean + 1.0, 2 * cov).round(4)
    np.float64(0.6931)
    """
    ops, arrays = read_stacks(mean_p=mean_p, cov_p=cov_p, mean_q=mean_q, cov_q=cov_q)
    mean_p, wide_p, mean_q, wide_q = arrays
    check_square(ops, wide_p, cov_p, "cov_p")
    check_square(ops, wide_q, cov_q, "cov_q")
    size = cov_q.shape[-1]
    shapes = [tuple(x.shape) for x in arrays]
    if any(not shape or shape[-1] != size for shape in shapes):
        raise ValueError(f"mean_p, cov_p, mean_q, cov_q: expected one D, got shapes {shapes}")
    lower_p = stack_factor(ops, wide_p, "cov_p", _REMEDY)
    lower_q = stack_factor(ops, wide_q, "cov_q", _REMEDY)
    matrices = (wide_p, lower_p, wide_q, lower_q, mean_p[..., None], mean_q[..., None])
    signature = "(i,j),(i,j),(i,j),(i,j),(i,k),(i,k)->()"
    value = ops.over_stacks(_divergence, signature, *broadcast_batch(ops, *matrices))
    if ops.concrete(value) and bool(ops.xp.any(ops.xp.isinf(value))):
        raise ValueError(
            f"mean_p, mean_q: the squares of their differences overflow {value.dtype}; scale both "
            "distributions, or use float64"
        )
    return ops.cast_like(value, cov_p)


@capabilities()
def gaussian_mutual_information(cov: Array, split: int) -> Array:
    r"""Mutual information between the first coordinates of a Gaussian and the others.

    .. math:: I = -\frac12 \log\det(I - K^T K), \qquad
        K = L_1^{-1} \Sigma_{12} L_2^{-T}, \quad \Sigma_{ii} = L_i L_i^T

    Parameters
    ----------
    cov : array [..., D, D]
        Joint covariances, symmetric and positive definite.
    split : int
        The number of first coordinates, between 1 and D - 1.

    Returns
    -------
    array [...]
        Nats, at least 0; :math:`-\frac12 \log(1 - \rho^2)` for two scalars.

    Raises
    ------
    TypeError, ValueError
        If `cov` is not floating or not square, or `split` is not an int from 1 to D - 1. Where
        values can be read (else the result is NaN), also if `cov` is not finite, not symmetric, or
        not positive definite.

    Notes
    -----
    Exact, and not a difference of log-determinants: the result keeps its relative accuracy where
    the dependence is weak. About D^3 multiply-adds and three matrices in memory for each
    covariance.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of information theory, section 8.5. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_mutual_information(np.array([[1.0, 0.6], [0.6, 1.0]]), 1).round(4)
    np.float64(0.2231)
    """
    ops, (wide,) = read_stacks(cov=cov)
    check_square(ops, wide, cov, "cov")
    split = _check_split(split, cov)
    joint = stack_factor(ops, wide, "cov", _REMEDY)
    # The rows of the joint factor below the first block are already the cross block, half whitened.
    last = ops.cholesky(wide[..., split:, split:])
    value = ops.over_stacks(_information, "(i,i),(i,j)->()", last, joint[..., split:, :split])
    return ops.cast_like(value, cov)


@capabilities()
def gaussian_conditional_entropy(cov: Array, split: int) -> Array:
    r"""Conditional entropy of the first coordinates of a Gaussian given the others.

    .. math:: H = \tfrac12 \log\det\left[2 \pi e
        \left(\Sigma_{11} - \Sigma_{12} \Sigma_{22}^{-1} \Sigma_{21}\right)\right]

    Parameters
    ----------
    cov : array [..., D, D]
        Joint covariances, symmetric and positive definite.
    split : int
        The number of first coordinates, between 1 and D - 1.

    Returns
    -------
    array [...]
        Nats, at most the entropy of the first coordinates; negative where the Gaussian is narrow.

    Raises
    ------
    TypeError, ValueError
        If `cov` is not floating or not square, or `split` is not an int from 1 to D - 1. Where
        values can be read (else the result is NaN), also if `cov` is not finite, not symmetric, or
        not positive definite.

    Notes
    -----
    Exact. The factor of the Schur complement is a block of the joint factor, so nothing is
    subtracted. D^3 / 3 multiply-adds and two matrices in memory for each covariance.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of information theory, section 8.4. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_conditional_entropy(np.array([[1.0, 0.6], [0.6, 1.0]]), 1).round(4)
    np.float64(1.1958)
    """
    ops, (wide,) = read_stacks(cov=cov)
    check_square(ops, wide, cov, "cov")
    split = _check_split(split, cov)
    others_first = ops.xp.roll(wide, (-split, -split), axis=(-2, -1))
    return _entropy(ops, stack_factor(ops, others_first, "cov", _REMEDY), split, cov)


@capabilities()
def gaussian_total_correlation(cov: Array) -> Array:
    r"""Total correlation of a Gaussian, :math:`\sum_i H[X_i] - H[X] = -\frac12 \log\det R`.

    Parameters
    ----------
    cov : array [..., D, D]
        Covariances, symmetric and positive definite; R is their correlation matrix.

    Returns
    -------
    array [...]
        Nats, at least 0, and 0 for independent coordinates.

    Raises
    ------
    TypeError, ValueError
        If `cov` is not floating or not square. Where values can be read (else the result is NaN),
        also if it is not finite, not symmetric, or not positive definite.

    Notes
    -----
    Exact, and not a difference of entropies: the result keeps its relative accuracy where the
    dependence is weak. About D^3 multiply-adds and three matrices in memory for each covariance.

    References
    ----------
    Watanabe, S. (1960). Information theoretical analysis of multivariate correlation. IBM Journal
    of Research and Development 4, 66-82.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_total_correlation(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4)
    np.float64(0.2231)
    """
    ops, (wide,) = read_stacks(cov=cov)
    check_square(ops, wide, cov, "cov")
    lower = stack_factor(ops, wide, "cov", _REMEDY)
    total = ops.over_stacks(_total_correlation, "(i,j),(i,j)->()", wide, lower)
    return ops.cast_like(total, cov)


def _entropy(ops: Ops, lower: Array, last: int, like: Array) -> Array:
    """The entropy [...] of the `last` coordinates given the others, from factors [..., D, D]."""
    value = ops.over_stacks(_last_entropy, "(i,j)->()", lower, last=last)
    return ops.cast_like(value, like)


def _last_entropy(ops: Ops, lower: Array, *, last: int) -> Array:
    pivots = ops.xp.linalg.diagonal(lower)[..., lower.shape[-1] - last :]
    return ops.xp.sum(ops.xp.log(pivots), axis=-1) + _UNIT_ENTROPY * last


def _information(ops: Ops, last: Array, below: Array) -> Array:
    """The mutual information [...] of two blocks of coordinates.

    `last` is the factor of the second block, `below` the rows of the joint factor below the first.
    """
    gram = small_gram(ops, ops.solve_triangular(last, below))
    # 0 rather than -0 where nothing is shared; no pivot is above 1.
    return 0.0 - 0.5 * log1p_det(ops, -gram)


def _total_correlation(ops: Ops, cov: Array, lower: Array) -> Array:
    """The total correlation [...] from covariances and their factors; NaN where a factor is."""
    xp = ops.xp
    correlation, _ = equilibrate(ops, cov, ops.xp.linalg.diagonal(cov))
    correlation = xp.where(identity(ops, cov.shape[-1], cov) > 0, ops.scalar(0.0, cov), correlation)
    total = 0.0 - 0.5 * log1p_det(ops, correlation)
    bad = xp.any(xp.isnan(ops.xp.linalg.diagonal(lower)), axis=-1)
    return xp.where(bad, ops.scalar(math.nan, total), total)


def _divergence(
    ops: Ops,
    cov_p: Array,
    lower_p: Array,
    cov_q: Array,
    lower_q: Array,
    mean_p: Array,
    mean_q: Array,
) -> Array:
    """The KL divergence [...] from covariances, their factors, and means [..., D, 1]."""
    moved = ops.solve_triangular(lower_q, mean_p - mean_q)
    spread = _spread(ops, whiten(ops, lower_q, cov_p - cov_q, lower_q), lower_p, lower_q)
    return 0.5 * (spread + ops.xp.sum(moved * moved, axis=(-2, -1)))


def _check_split(split: int, cov: Array) -> int:
    try:
        split = operator.index(split)
    except TypeError as error:
        raise TypeError(f"split: expected an int, got {split!r}") from error
    if not 0 < split < cov.shape[-1]:
        raise ValueError(
            f"split: expected 1 to D - 1 coordinates of cov of shape {tuple(cov.shape)}, "
            f"got {split}"
        )
    return split


def _spread(ops: Ops, x: Array, lower_p: Array, lower_q: Array) -> Array:
    """`tr x - log det(I + x)` of the whitened difference x of two covariances."""
    xp = ops.xp
    bounded = xp.clip(x, -1.0, 1.0)
    near = xp.sum(bounded * bounded, axis=(-2, -1)) <= 0.25
    close = trace_above_log(ops, xp.where(near[..., None, None], x, ops.scalar(0.0, x)))
    # Far apart, I + x is ratio times its transpose, and need not be formed.
    ratio = ops.solve_triangular(lower_q, lower_p)
    log = xp.sum(xp.log(ops.xp.linalg.diagonal(ratio)), axis=-1)
    far = xp.sum(ratio * ratio, axis=(-2, -1)) - x.shape[-1] - 2 * log
    return xp.where(near, close, xp.maximum(far, ops.scalar(0.0, far)))

"""Baseline scores of active learning: uncertainty of predictions, and disagreement of draws."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities, meaningless
from infoq.draws.categorical import Categorical, as_categorical
from infoq.draws.dirichlet import Dirichlet


@capabilities()
def least_confidence(x: Categorical | Dirichlet | Array) -> Array:
    r"""Least confidence: the probability that the most probable class is not the outcome.

    .. math:: 1 - \max_c \bar p_{ic}

    Parameters
    ----------
    x : Categorical, Dirichlet or array [N, K, C]
        The candidates; a bare array holds class probabilities.

    Returns
    -------
    array [N]
        Between 0 and 1 - 1/C; not in nats.

    Raises
    ------
    TypeError, ValueError
        If the input is not valid for a `Categorical`; the message names the first bad candidate.

    See Also
    --------
    infoq.methods.least_confidence : The method that picks the highest of these scores.

    Notes
    -----
    A heuristic, computed from the mean prediction. It sums over the other classes, so that nothing
    cancels where the model is confident. One pass, N K C.

    References
    ----------
    Lewis, D. D. and Gale, W. A. (1994). A sequential algorithm for training text classifiers.
    SIGIR, 3-12.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.least_confidence(np.array([[[0.7, 0.2, 0.1]], [[0.4, 0.4, 0.2]]])).round(4)
    array([0.3, 0.6])
    """
    return _with_mean(x).evaluate(_least_confidence)


@capabilities()
def margin(x: Categorical | Dirichlet | Array) -> Array:
    r"""Margin: 1 minus the lead of the most probable class over the second.

    .. math:: 1 - (\bar p_{i(1)} - \bar p_{i(2)})

    Parameters
    ----------
    x : Categorical, Dirichlet or array [N, K, C]
        The candidates; a bare array holds class probabilities.

    Returns
    -------
    array [N]
        Between 0 and 1; not in nats.

    Raises
    ------
    TypeError, ValueError
        If the input is not valid for a `Categorical`; the message names the first bad candidate.

    See Also
    --------
    infoq.methods.margin : The method that picks the highest of these scores.

    Notes
    -----
    A heuristic, computed from the mean prediction without cancellation where the model is
    confident. One pass, N K C.

    References
    ----------
    Scheffer, T., Decomain, C. and Wrobel, S. (2001). Active hidden Markov models for information
    extraction. IDA, 309-318.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.margin(np.array([[[0.7, 0.2, 0.1]], [[0.4, 0.4, 0.2]]])).round(4)
    array([0.5, 1. ])
    """
    return _with_mean(x).evaluate(_margin)


@capabilities(
    autograd=meaningless("a share of votes changes in steps"),
    grad=meaningless("a share of votes changes in steps"),
)
def variation_ratio(x: Categorical | Array) -> Array:
    r"""Variation ratio: the fraction of draws that do not vote for the most voted class.

    .. math:: 1 - \max_c \sum_k w_k \, [\mathrm{argmax}_{c'} p_{ikc'} = c]

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array holds class probabilities.

    Returns
    -------
    array [N]
        Between 0 and 1 - 1/C; not in nats. Among equal probabilities the lowest class gets the
        vote.

    Raises
    ------
    TypeError, ValueError
        If the input is not valid for a `Categorical`; the message names the first bad candidate.

    See Also
    --------
    infoq.methods.variation_ratio : The method that picks the highest of these scores.

    Notes
    -----
    A heuristic; its gradient is 0. One pass, N K C.

    References
    ----------
    Freeman, L. C. (1965). Elementary applied statistics. Gal, Y., Islam, R. and Ghahramani, Z.
    (2017). Deep Bayesian active learning with image data. ICML, arXiv:1703.02910.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> votes = np.array([[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]])
    >>> infoq.variation_ratio(votes)
    array([0.25])
    """
    return as_categorical(x, "x").evaluate(_variation_ratio)


@capabilities()
def mean_std(x: Categorical | Array) -> Array:
    r"""Mean standard deviation of class probabilities over draws, averaged over classes.

    .. math:: \frac1C \sum_c \Big(\sum_k w_k (p_{ikc} - \bar p_{ic})^2\Big)^{1/2}

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array holds class probabilities.

    Returns
    -------
    array [N]
        Between 0 and 1/2; not in nats.

    Raises
    ------
    TypeError, ValueError
        If the input is not valid for a `Categorical`; the message names the first bad candidate.

    See Also
    --------
    infoq.methods.mean_std : The method that picks the highest of these scores.

    Notes
    -----
    A heuristic, computed from deviations and not as a difference of moments. If draws differ
    little, BALD is the sum over classes of the same variances, each divided by 2 p. Where draws
    agree it is 0, and so is its gradient. One pass, N K C.

    References
    ----------
    Kampffmeyer, M., Salberg, A.-B. and Jenssen, R. (2016). Semantic segmentation of small objects
    and modeling of uncertainty in urban remote sensing images using deep convolutional neural
    networks. CVPR workshops. Gal, Y. et al. (2017), arXiv:1703.02910.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.mean_std(np.array([[[0.9, 0.1], [0.5, 0.5]]])).round(4)
    array([0.2])
    """
    return as_categorical(x, "x").evaluate(_mean_std)


def _with_mean(x: Categorical | Dirichlet | Array) -> Categorical | Dirichlet:
    """What has a mean prediction."""
    return x if isinstance(x, Dirichlet) else as_categorical(x, "x")


def _others(ops: Ops, mean: Array) -> Array:
    """Class probabilities with that of the most probable class set to 0."""
    xp = ops.xp
    places = xp.arange(mean.shape[-1], device=ops.device(mean))
    top = places == xp.argmax(mean, axis=-1, keepdims=True)
    return xp.where(top, ops.scalar(0.0, mean), mean)


def _least_confidence(ops: Ops, probs: Array, weights: Array) -> Array:
    return ops.xp.sum(_others(ops, ops.mix(weights, probs)), axis=-1)


def _margin(ops: Ops, probs: Array, weights: Array) -> Array:
    others = _others(ops, ops.mix(weights, probs))
    return ops.xp.sum(others, axis=-1) + ops.xp.max(others, axis=-1)


def _variation_ratio(ops: Ops, probs: Array, weights: Array) -> Array:
    xp = ops.xp
    places = xp.arange(probs.shape[-1], device=ops.device(probs))
    votes = places == xp.argmax(probs, axis=-1, keepdims=True)
    return _least_confidence(ops, xp.astype(votes, probs.dtype), weights)


def _mean_std(ops: Ops, probs: Array, weights: Array) -> Array:
    xp = ops.xp
    deviations = probs - ops.mix(weights, probs)[:, None, :]
    variance = ops.mix(weights, deviations * deviations)
    # The double `where`: the root has an infinite slope at 0.
    some = variance > 0
    std = xp.sqrt(xp.where(some, variance, ops.scalar(1.0, variance)))
    return xp.mean(xp.where(some, std, ops.scalar(0.0, std)), axis=-1)

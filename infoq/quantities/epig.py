"""Expected predictive information gain: what outcomes tell about the outcomes of targets."""

from __future__ import annotations

from infoq.backends import Array
from infoq.predictives import Categorical, EachTarget, as_categorical


def epig(
    x: Categorical | Array,
    targets: Categorical | Array,
    *,
    target_weights: Array | None = None,
) -> Array:
    r"""Expected predictive information gain: what each outcome tells about a target's, on average.

    .. math:: \sum_e v_e\, I[Y_i; Y_e]
              = \sum_e v_e\, KL\big(p(y_i, y_e) \,\|\, p(y_i)\, p(y_e)\big)

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C']
        The targets (evaluation points), under the same K draws; the classes may differ.
    target_weights : array [M], optional
        What each target counts; normalised to sum to one. Default: all the same.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`; between 0 and the EIG of the candidate.

    Raises
    ------
    TypeError, ValueError
        If an array is no probabilities, or the targets have another number of draws, other draw
        weights, another dtype, library or device than the candidates.

    Notes
    -----
    Exact for the K draws that are given. As an estimate of the EPIG of the posterior it is biased
    up: to leading order by the mean over targets of chi_i chi_e / (2 (K - 1)), chi the sum over
    classes of Var_k(p) / p_bar. The joint
    probabilities enter by their deviation from the product, one matrix product of the centred
    draws, and every term of the sum is at least zero: float32 ranks as float64 down to 1e-12 nats
    and below, where the difference of three entropies is noise. Costs N C M C' (K multiply-adds
    and one logarithm); memory is one copy of the targets beside blocks that stay in the cache.

    References
    ----------
    Bickford Smith, F. et al. (2023). Prediction-oriented Bayesian active learning,
    arXiv:2304.08151, equations 5 and 6.

    Examples
    --------
    The first candidate settles which hypothesis holds, and so the target; the second does not:

    >>> import numpy as np, infoq
    >>> pool = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]])
    >>> targets = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.epig(pool, targets).round(4)
    array([0.3681, 0.    ])
    """
    about = EachTarget(as_categorical(targets, "targets"), target_weights)
    return as_categorical(x).information(about)

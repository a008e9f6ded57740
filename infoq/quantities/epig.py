"""Expected predictive information gain (EPIG): information about the outcomes of targets."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfEachTarget
from infoq.predictives import Context, Predictive, as_predictive
from infoq.structures.embedding import Embedding
from infoq.unknowns import EachTarget


@capabilities()
def epig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    *,
    target_weights: Array | None = None,
    given: Context | None = None,
    approximation: OfEachTarget = "logdet",
) -> Array:
    r"""Expected predictive information gain: mean information of each outcome about a target's.

    .. math:: \sum_e v_e\, I[Y_i; Y_e]
              = \sum_e v_e\, KL\big(p(y_i, y_e) \,\|\, p(y_i)\, p(y_e)\big)

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets (evaluation points), under the same K draws or the same precision. The number of
        classes or rows may differ. Draw k must be the same model for both, which it is not with
        dropout in training mode: EPIG is then near 0 without an error. `shared_draws` checks this.
    target_weights : array [M], optional
        The weight of each target; normalised to sum to one. Default: equal weights.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on. For a `Categorical` with S joint
        outcomes in it, the cost is S times as high.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        For a `Gaussian`. "logdet" averages the information of every pair of candidate and target.
        "jensen" replaces the targets by one with their mean Fisher information: at least "logdet",
        at most `jepig`. "trace" is the decrease of BAIT's objective by the candidate,
        :math:`\tfrac12 tr(\bar F P^{-1}) - \tfrac12 tr(\bar F (P + F_i)^{-1})`: at least "jensen".
        "kronecker" is the trace with :math:`\bar F \approx E[\Lambda] \otimes E[\phi \phi^T]`, for
        a `KroneckerPrecision`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. At least 0 and, except for "trace" and
        "kronecker", at most the EIG of the candidate.

    Raises
    ------
    TypeError, ValueError
        If an array does not hold probabilities, or the targets have another number of draws, other
        draw weights, another dtype, library or device than the candidates.

    See Also
    --------
    infoq.methods.epig : The method that picks the highest of these scores.

    Notes
    -----
    For a `Categorical`, exact for the given K draws. As an estimate of the EPIG of the posterior it
    is biased upwards. To leading order the bias is the mean over targets of
    chi_i chi_e / (2 (K - 1)), where chi is the sum over classes of Var_k(p) / p_bar.

    The joint probabilities enter as deviations from the product of the marginals, one matrix
    product of the centred draws, and no term of the sum is negative. So float32 ranks like float64
    down to 1e-12 nats and below, where the difference of three entropies is noise. Costs N C M C'
    (K multiply-adds and one logarithm). Memory is one copy of the targets, beside blocks that stay
    in the cache.

    References
    ----------
    Bickford Smith, F. et al. (2023). Prediction-oriented Bayesian active learning,
    arXiv:2304.08151, equations 5 and 6.

    Examples
    --------
    The first candidate is informative about which hypothesis holds, and so about the target. The
    second is not:

    >>> import numpy as np, infoq
    >>> pool = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]])
    >>> targets = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.epig(pool, targets).round(4)
    array([0.3681, 0.    ])
    """
    pool = as_predictive(x)
    about = EachTarget(pool.as_targets(targets), target_weights)
    return pool.information(about, given, approximation)

"""Expected predictive information gain: what outcomes tell about the outcomes of targets."""

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
    r"""Expected predictive information gain: what each outcome tells about a target's, on average.

    .. math:: \sum_e v_e\, I[Y_i; Y_e]
              = \sum_e v_e\, KL\big(p(y_i, y_e) \,\|\, p(y_i)\, p(y_e)\big)

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets (evaluation points), under the same K draws or the same precision; classes or
        rows may be others. Draw k must be the same model for both, which dropout in its training
        mode is not: EPIG is then near 0 without an error. `shared_draws` tells.
    target_weights : array [M], optional
        What each target counts; normalised to sum to one. Default: all the same.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known. Of a `Categorical` with S joint outcomes, the cost is S times
        as high.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        Of a `Gaussian`: "logdet" is the mean over every pair of candidate and target. "jensen"
        replaces the targets by one with their mean Fisher information: at least the mean, at most
        `jepig`. "trace" is what the candidate takes off BAIT's objective,
        :math:`\tfrac12 tr(\bar F P^{-1}) - \tfrac12 tr(\bar F (P + F_i)^{-1})`: at least
        "jensen", which is at least the mean. "kronecker" is the
        trace with :math:`\bar F \approx E[\Lambda] \otimes E[\phi \phi^T]`, for a
        `KroneckerPrecision`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`; at least 0 and, but for "trace" and
        "kronecker", at most the EIG of the candidate.

    Raises
    ------
    TypeError, ValueError
        If an array is no probabilities, or the targets have another number of draws, other draw
        weights, another dtype, library or device than the candidates.

    See Also
    --------
    infoq.methods.epig : The method of this name: it picks the highest of these.

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
    pool = as_predictive(x)
    about = EachTarget(pool.as_targets(targets), target_weights)
    return pool.information(about, given, approximation)

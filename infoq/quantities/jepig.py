"""Joint expected predictive information gain: what outcomes tell about all targets together."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfAllTargets
from infoq.predictives import Context, Predictive, as_predictive
from infoq.structures.embedding import Embedding
from infoq.unknowns import AllTargets


@capabilities(lazy="the joint outcomes of the targets are kept in memory")
@capabilities("Gaussian")
def jepig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    *,
    given: Context | None = None,
    approximation: OfAllTargets = "logdet",
    samples: int = 10_000,
    seed: Any = 0,
) -> Array:
    r"""Joint expected predictive information gain: what each outcome tells about all targets'.

    Of a `Categorical`, by the posteriors over its draws after each joint outcome of the targets,

    .. math:: I[Y_i; Y_{1..M}] = \sum_s \pi_s\, KL\big(p_i(\cdot \mid s) \,\|\, p_i\big)

    and of a `Gaussian`

    .. math:: I[Y_i; Y_{1..M}] = -\tfrac12 \log\det\big(I - (I + A_i)^{-1} B_i\big), \quad
              A_i = E_i P^{-1} E_i^T, \quad B_i = E_i \big(P^{-1} - (P + F_T)^{-1}\big) E_i^T

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets (evaluation points), under the same draws or the same posterior.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known.
    approximation : {"logdet", "trace", "kronecker"}
        "logdet" is exact for Gaussian outcomes. "trace" is what the candidate takes off the trace
        objective, :math:`\tfrac12 tr(F_T P^{-1}) - \tfrac12 tr(F_T (P + F_i)^{-1})`: it ranks as
        the trace of `epig`, and is at least the log-det. "kronecker" is the trace with
        Kronecker-factored targets, and bounds nothing.
    samples : int
        Of a `Categorical`: the joint outcomes of the targets are enumerated while they number at
        most this many, and the result is exact; beyond, this many are sampled.
    seed : int or the library's random generator
        What the samples are drawn from.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`; by default at least the EPIG about any
        target and at most the candidate's EIG. "trace" and "kronecker" may exceed that.

    Raises
    ------
    TypeError, ValueError
        If the targets have another posterior, number of parameters, dtype, library or device than
        the candidates, or the matrices over min(P, M R) are larger than ``options(memory=)``.

    See Also
    --------
    infoq.methods.jepig : The method of this name: it picks the highest of these.

    Notes
    -----
    Of a `Categorical`, N C S (K multiply-adds and one logarithm) with S joint outcomes, in
    log-weights. Of a `Gaussian` symmetric in candidate and targets, and the LogDetMI of similarity
    matrices with the ridge that the noise is. Not submodular in the batch. By a projection on what
    the targets measure, over their M R rows where they are fewer than the P parameters, else over
    the parameters: what they explain and what they leave of a candidate are sums of squares, and
    nothing is a difference of log-dets. In float32 that has a relative error of 1e-4 up to a prior
    variance of 10^7 times the noise, above 1e-5 nats. Of more than 256 parameters and outcomes
    that say little, by quadratic forms, which cost less; derivatives are always theirs.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549, section 5.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 1.0]]), precision=1.0)
    >>> infoq.jepig(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0], [0.0, 3.0]]))).round(4)
    array([0.    , 0.1852])
    """
    pool = as_predictive(x)
    about = AllTargets(pool.as_targets(targets), samples, seed)
    return pool.information(about, given, approximation)

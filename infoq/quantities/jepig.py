"""Joint expected predictive information gain (JEPIG): information about all targets jointly."""

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
    r"""Joint expected predictive information gain of each outcome about those of all targets.

    For a `Categorical`, from the posteriors over its draws after each joint outcome s of the
    targets,

    .. math:: I[Y_i; Y_{1..M}] = \sum_s \pi_s\, KL\big(p_i(\cdot \mid s) \,\|\, p_i\big)

    and for a `Gaussian`

    .. math:: I[Y_i; Y_{1..M}] = -\tfrac12 \log\det\big(I - (I + A_i)^{-1} B_i\big), \quad
              A_i = E_i P^{-1} E_i^T, \quad B_i = E_i \big(P^{-1} - (P + F_T)^{-1}\big) E_i^T

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets (evaluation points), under the same draws or the same posterior.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on.
    approximation : {"logdet", "trace", "kronecker"}
        For a `Gaussian`. "logdet" is exact for Gaussian outcomes. "trace" is the decrease of the
        trace objective by the candidate,
        :math:`\tfrac12 tr(F_T P^{-1}) - \tfrac12 tr(F_T (P + F_i)^{-1})`. It ranks like the trace
        of `epig`, and is at least "logdet". "kronecker" is the trace with Kronecker-factored
        targets, and is no bound.
    samples : int
        For a `Categorical`: at most this many joint outcomes of the targets are enumerated, and the
        result is exact. If there are more, this many are sampled.
    seed : int or the library's random generator
        Source of the random samples.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. By default at least the EPIG about any
        single target, and at most the EIG of the candidate. "trace" and "kronecker" may exceed the
        latter.

    Raises
    ------
    TypeError, ValueError
        If the targets have another posterior, number of parameters, dtype, library or device than
        the candidates, or the matrices over min(P, M R) are larger than ``options(memory=)``.

    See Also
    --------
    infoq.methods.jepig : The method that picks the highest of these scores.

    Notes
    -----
    For a `Categorical`, it costs N C S (K multiply-adds and one logarithm) with S joint outcomes,
    kept as log-weights.

    For a `Gaussian`, it is symmetric in candidate and targets, and is the LogDetMI of similarity
    matrices with the noise as the ridge. It is not submodular in the batch. The candidate is
    projected on the rows of the targets, in the space of these M R rows or of the P parameters,
    whichever is smaller. The explained part and the residual are sums of squares, so that no
    log-determinants are subtracted. In float32 the relative error is 1e-4 up to a prior variance of
    10^7 times the noise, above 1e-5 nats. With more than 256 parameters and outcomes of little
    information it uses quadratic forms, which cost less; derivatives are always those of the
    quadratic forms.

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

"""Expected information gain: what outcomes tell about the parameters."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfParameters
from infoq.predictives import Context, Predictive, as_predictive
from infoq.unknowns import PARAMETERS


@capabilities()
def eig(
    x: Predictive | Array, *, given: Context | None = None, approximation: OfParameters = "logdet"
) -> Array:
    r"""Expected information gain: what each outcome is expected to tell about the parameters.

    .. math:: I[Y_i; \Theta] = H[\bar p_i] - \sum_k w_k H[p_{ik}]
              = \sum_k w_k\, KL(p_{ik} \,\|\, \bar p_i)

    and of a `Gaussian`, with :math:`A_i = E_i P^{-1} E_i^T`,

    .. math:: \tfrac12 \log\det(I + A_i) = \tfrac12 \log\det(I + F_i P^{-1})
              \le \tfrac12 tr(F_i P^{-1})

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known. Of a `Categorical`: outcomes (`Categorical.context`,
        `Categorical.observe`) of this predictive or of another with the same draws. Of a
        `Gaussian`: the precision after them, or an embedding of them.
    approximation : {"logdet", "trace"}
        Of a `Gaussian`: the log-det, or the trace, which bounds it from above and adds up over a
        batch whatever its members share.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`; never negative, and of a `Categorical` at
        most min(log C, log K).

    Raises
    ------
    TypeError, ValueError
        If a bare array is no probabilities [N, K, C]; the message names the first bad candidate.

    Notes
    -----
    Exact for the K draws that are given. As the sum of divergences it does not cancel: float32
    ranks as float64 where disagreement is small. One logarithm a probability, N K C, and temporary
    arrays that stay in the cache. With `given` of S joint outcomes, another S C N (K multiply-adds
    and one logarithm).

    Of a `Gaussian` exact for linear regression; for another likelihood, Laplace's approximation:
    no bound on what it approximates, and it may exceed log C. By R x R matrices, never P x P where
    the precision is not: what they cost is said by the embedding.

    References
    ----------
    Lindley, D. V. (1956). On a measure of the information provided by an experiment. The Annals of
    Mathematical Statistics 27, 986-1005. Houlsby, N. et al. (2011). Bayesian active learning for
    classification and preference learning, arXiv:1112.5745, equation 2 (BALD). Kirsch, A. and Gal,
    Y. (2022), arXiv:2208.00549, section 5.1 (Gaussian).

    Examples
    --------
    Two hypotheses that predict opposite outcomes of the second candidate, and agree on the first:

    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.eig(probs).round(4)
    array([0.    , 0.6931])
    """
    return as_predictive(x).information(PARAMETERS, given, approximation)


@capabilities()
def bald(x: Predictive | Array) -> Array:
    """BALD: the expected information gain, under its name in active learning.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.

    Returns
    -------
    array [N]
        Nats; see `eig`, which this is.

    See Also
    --------
    infoq.methods.bald : The method of this name: it picks the highest of these.

    References
    ----------
    Houlsby, N. et al. (2011). Bayesian active learning for classification and preference learning,
    arXiv:1112.5745, equation 2. Gal, Y., Islam, R. and Ghahramani, Z. (2017). Deep Bayesian active
    learning with image data, arXiv:1703.02910.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.bald(np.array([[[0.3, 0.7], [0.2, 0.8]], [[0.4, 0.6], [0.5, 0.5]]])).round(8)
    array([0.00670178, 0.00505939])
    """
    return as_predictive(x).information(PARAMETERS)

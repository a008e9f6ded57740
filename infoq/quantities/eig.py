"""Expected information gain (EIG): mutual information of outcomes and parameters."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfParameters
from infoq.predictives import Context, Dirichlet, Predictive, as_marginal
from infoq.unknowns import PARAMETERS


@capabilities()
def eig(
    x: Predictive | Dirichlet | Array,
    *,
    given: Context | None = None,
    approximation: OfParameters = "logdet",
) -> Array:
    r"""Expected information gain of each outcome about the parameters.

    .. math:: I[Y_i; \Theta] = H[\bar p_i] - \sum_k w_k H[p_{ik}]
              = \sum_k w_k\, KL(p_{ik} \,\|\, \bar p_i)

    and for a `Gaussian`, with :math:`A_i = E_i P^{-1} E_i^T`,

    .. math:: \tfrac12 \log\det(I + A_i) = \tfrac12 \log\det(I + F_i P^{-1})
              \le \tfrac12 tr(F_i P^{-1})

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array holds class probabilities. For a `Dirichlet`, the information
        is about the candidate's own class probabilities, in closed form; it takes no `given`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on. For a `Categorical`: outcomes
        (`Categorical.context`, `Categorical.observe`) of this predictive or of another with the
        same draws. For a `Gaussian`: the precision after the observations, or an embedding of them.
    approximation : {"logdet", "trace"}
        For a `Gaussian`: the log-determinant, or the trace. The trace is an upper bound, and adds
        up over a batch, however redundant its members are.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. Never negative, and for a `Categorical` at
        most min(log C, log K).

    Raises
    ------
    TypeError, ValueError
        If a bare array does not hold probabilities [N, K, C]; the message names the first bad
        candidate.

    Notes
    -----
    For a `Categorical`, exact for the given K draws. It is computed as a sum of divergences, which
    does not cancel: float32 ranks like float64 even where draws disagree little. Costs one
    logarithm per probability, N K C, and temporary arrays that stay in the cache. With S joint
    outcomes in `given`, it costs another S C N (K multiply-adds and one logarithm).

    For a `Gaussian`, exact for linear regression. For another likelihood it is Laplace's
    approximation, which is no bound of the exact value and may exceed log C. It takes R x R
    matrices, and P x P ones only if the precision is one; the embedding states their cost.

    References
    ----------
    Lindley, D. V. (1956). On a measure of the information provided by an experiment. The Annals of
    Mathematical Statistics 27, 986-1005. Houlsby, N. et al. (2011). Bayesian active learning for
    classification and preference learning, arXiv:1112.5745, equation 2 (BALD). Kirsch, A. and Gal,
    Y. (2022), arXiv:2208.00549, section 5.1 (Gaussian).

    Examples
    --------
    Two hypotheses predict opposite outcomes of the second candidate, and agree on the first:

    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.eig(probs).round(4)
    array([0.    , 0.6931])
    """
    return as_marginal(x).information(PARAMETERS, given, approximation)


@capabilities()
def bald(x: Predictive | Dirichlet | Array) -> Array:
    """BALD: the expected information gain of each outcome, under its name in active learning.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array holds class probabilities.

    Returns
    -------
    array [N]
        Nats; equal to `eig`, which states cost and accuracy.

    Raises
    ------
    TypeError, ValueError
        If a bare array does not hold probabilities [N, K, C]; the message names the first bad
        candidate.

    See Also
    --------
    infoq.methods.bald : The method that picks the highest of these scores.

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
    return as_marginal(x).information(PARAMETERS)

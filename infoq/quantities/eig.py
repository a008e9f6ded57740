"""Expected information gain: what outcomes tell about the parameters."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.predictives import (
    PARAMETERS,
    Categorical,
    Context,
    Gaussian,
    Outcomes,
    Predictive,
    as_predictive,
)
from infoq.predictives.categorical import as_categorical


def eig(
    x: Predictive | Array, *, given: Context | None = None, approximation: str = "logdet"
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


def bald(x: Categorical | Array) -> Array:
    """BALD: the expected information gain of a `Categorical`, under its name in active learning.

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.

    Returns
    -------
    array [N]
        Nats; see `eig`, which this is.

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
    return as_categorical(x).information(PARAMETERS)


class EIG:
    r"""Expected information gain of a batch as a set function: what `greedy` grows a batch by.

    The joint mutual information between the outcomes of a batch and the parameters (BatchBALD).
    The gain of a candidate is what its outcome tells beyond the outcomes of the batch:

    .. math:: I[Y_i; \Theta \mid Y_B] = I[Y_i; \Theta] - I[Y_i; Y_B]

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.
    samples : int
        The joint outcomes of the batch are enumerated while they number at most this many, and
        the value is exact; beyond, this many are sampled.
    seed : int or the library's random generator
        What the samples are drawn from. They are kept as the batch grows.

    Notes
    -----
    Both terms are sums of divergences, and never the difference of joint entropies. Outcomes weigh
    the draws by log-weights, so float32 survives batches of a hundred; a gain is as exact in nats
    as the candidate's EIG. Submodular and monotone in
    the batch where it is exact. A step costs N C S (K multiply-adds and one logarithm) with S joint
    outcomes; memory is S K beside the blocks of `options`.

    References
    ----------
    Kirsch, A., van Amersfoort, J. and Gal, Y. (2019). BatchBALD: efficient and diverse batch
    acquisition for deep Bayesian active learning, arXiv:1906.08158, equation 8.

    Examples
    --------
    The second candidate is a copy of the first, and tells less the second time:

    >>> import numpy as np, infoq
    >>> a, b = [[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]
    >>> batch = infoq.greedy(infoq.EIG(np.array([a, a, b])), 2)
    >>> batch.indices, batch.gains.round(4)
    (array([0, 1]), array([0.3681, 0.1463]))
    """

    def __init__(self, x: Categorical | Array, *, samples: int = 10_000, seed: Any = 0) -> None:
        if not isinstance(x, Categorical) and isinstance(as_predictive(x), Gaussian):
            raise TypeError(
                "x: expected a Categorical, got a Gaussian; grow its batches by "
                "infoq.eig(pool, given=state) and state = pool.observe(state, index)"
            )
        self._pool = as_categorical(x)
        self._start = self._pool.context(samples=samples, seed=seed)

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        return self._pool.ops

    def __len__(self) -> int:
        """The number of candidates, N."""
        return len(self._pool)

    def start(self) -> Outcomes:
        """The state of the empty batch."""
        return self._start

    def gains(self, state: Outcomes) -> Array:
        """What each candidate's outcome tells beyond those of the batch: [N] nats, at least 0."""
        return self._pool.information(PARAMETERS, state)

    def add(self, state: Outcomes, index: Array | int) -> Outcomes:
        """The state with the outcome of one more candidate."""
        return self._pool.observe(state, index)

    def value(self, state: Outcomes) -> Array:
        """The joint expected information gain of the batch, not by its gains: a 0-d array.

        The mean divergence of the draws' weights after the batch from those before it. Where the
        joint outcomes are sampled, it and the sum of the gains are two estimates from one sample.
        """
        ops = ops_for(state.probabilities)
        weights = self._pool.ops.fetch(self._pool.weights)
        xp = ops.xp
        some = weights > 0
        ratio = state.split(ops, weights).deviations / xp.where(
            some, weights, xp.ones_like(weights)
        )
        divergence = xp.matmul(ops.kl_term(ratio), weights)
        return xp.sum(state.probabilities * divergence)

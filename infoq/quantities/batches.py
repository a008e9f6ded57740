"""The quantities as set functions: the gain of each candidate, conditional on the batch so far."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfAllTargets, OfEachTarget, OfParameters
from infoq.predictives import Context, Predictive, as_predictive
from infoq.set_function import Delegate
from infoq.structures.embedding import Embedding
from infoq.unknowns import PARAMETERS, AllTargets, EachTarget


class Quantity(Delegate):
    """A quantity of a growing batch; every method is that of the predictive's own set function.

    Gains and values are nats. `submodular` is True if gains are known not to grow, except by the
    noise of samples. For a `Categorical`, `most` is the remaining entropy of the draws, log K at
    first. Its `noise` is 1e-6 log K of rounding in float32 and 1e-13 log K in float64, and two
    standard errors where outcomes are sampled. For a `Gaussian` neither is known. `pruned` is None
    for a `Categorical`, as `remove` is as fast.
    """


@capabilities(lazy="the state of the batch is kept in memory")
class EIG(Quantity):
    r"""Expected information gain of a batch as a set function: what `greedy` grows a batch by.

    The value is the joint mutual information between the outcomes of a batch and the parameters
    (BatchBALD; for a `Gaussian`, the log-determinant of LogDet). The gain of a candidate is the
    information of its outcome about the parameters, conditional on the outcomes of the batch:

    .. math:: I[Y_i; \Theta \mid Y_B] = I[Y_i; \Theta] - I[Y_i; Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities. Draw k must be the same model for
        all candidates, which it is not with dropout in training mode: gains then stay too large.
        `shared_draws` checks this.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `eig`.
    approximation : {"logdet", "trace"}
        For a `Gaussian`. The trace adds up over the batch, however redundant its members are.
    samples : int
        For a `Categorical`: up to this many joint outcomes of the batch are enumerated, and the
        value is exact; beyond, this many are sampled.
    seed : int or the library's random generator
        The source of the samples, which are kept as the batch grows.

    Raises
    ------
    TypeError, ValueError
        See `eig`; also if the approximation is none of these, or `samples` is less than 1.

    Notes
    -----
    Submodular and monotone in the batch where it is exact. For a `Categorical` both terms are sums
    of divergences, and never the difference of joint entropies. The posterior weights of the draws
    are kept as logarithms, so float32 is enough for batches of a hundred. A step costs N C S (K
    multiply-adds and one logarithm) with S joint outcomes; memory is S K numbers, and the blocks of
    `options`.

    `lazy_greedy` evaluates only a part of the N gains. At N=500 K=20 C=10, 10 picks and 10,000
    samples, that is 2%, 35% and 95% for logits that differ between draws by 0.3, 1 and 3. The
    samples are the same for all candidates, and its picks were those of `greedy` in all of 60 such
    pools. They differed where gains were down to the noise of the samples (30 picks, 100 samples).

    For a `Gaussian`, each pick updates the covariance of every candidate's outputs, N R^2 numbers.
    A step costs N R^2 P multiply-adds, for a last layer N R C (D + R). `lazy_greedy` saves
    log-determinants alone.

    References
    ----------
    Kirsch, A., van Amersfoort, J. and Gal, Y. (2019). BatchBALD: efficient and diverse batch
    acquisition for deep Bayesian active learning, arXiv:1906.08158, equation 8. Chen, L., Zhang, G.
    and Zhou, H. (2018). Fast greedy MAP inference for determinantal point processes,
    arXiv:1709.05135 (the update of a log-det).

    Examples
    --------
    The second candidate is a copy of the first, and gains less once the first is picked:

    >>> import numpy as np, infoq
    >>> a, b = [[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]
    >>> batch = infoq.greedy(infoq.EIG(np.array([a, a, b])), 2)
    >>> batch.indices, batch.gains.round(4)
    (array([0, 1]), array([0.3681, 0.1463]))
    """

    def __init__(
        self,
        x: Predictive | Array,
        *,
        given: Context | None = None,
        approximation: OfParameters = "logdet",
        samples: int = 10_000,
        seed: Any = 0,
    ) -> None:
        pool = as_predictive(x)
        super().__init__(pool.batch(PARAMETERS, given, approximation, samples=samples, seed=seed))


@capabilities(lazy="the state of the batch is kept in memory")
@capabilities("Gaussian")
@capabilities("Gaussian, trace", lazy="the state of the batch is kept in memory")
class EPIG(Quantity):
    r"""Expected predictive information gain of a batch as a set function.

    The value is the information of the batch's outcomes about a target's outcome, on average over
    targets. The gain is

    .. math:: \sum_e v_e\, I[Y_i; Y_e \mid Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets; see `epig`.
    target_weights : array [M], optional
        The weight of each target; normalised to sum to one. Default: equal weights.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `eig`.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        For a `Gaussian`; see `epig`. "trace" is the decrease of BAIT's objective by the batch.
    samples : int
        For a `Categorical`: up to this many joint outcomes of the batch are enumerated; beyond,
        this many are sampled.
    seed : int or the library's random generator
        The source of the samples, which are kept as the batch grows.

    Raises
    ------
    TypeError, ValueError
        See `epig`; also if the approximation is none of these, or `samples` is less than 1.

    Notes
    -----
    Neither submodular nor supermodular. For a `Categorical`, a step costs N C S M C' (K
    multiply-adds and one logarithm) with S joint outcomes of the batch: keep `samples` small. For a
    `Gaussian`, "jensen" and "trace" update quadratic forms like `EIG`; "logdet" computes every pair
    of a candidate and a target anew.

    References
    ----------
    Bickford Smith, F. et al. (2023), arXiv:2304.08151. Ash, J. T. et al. (2021). Gone fishing:
    neural active learning with Fisher embeddings, arXiv:2106.09675 (trace).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> about = infoq.EPIG(pool, infoq.DenseEmbedding(np.eye(2)), approximation="trace")
    >>> infoq.greedy(about, 2).indices
    array([0, 2])
    """

    def __init__(
        self,
        x: Predictive | Array,
        targets: Predictive | Embedding | Array,
        *,
        target_weights: Array | None = None,
        given: Context | None = None,
        approximation: OfEachTarget = "logdet",
        samples: int = 100,
        seed: Any = 0,
    ) -> None:
        pool = as_predictive(x)
        about = EachTarget(pool.as_targets(targets), target_weights)
        super().__init__(pool.batch(about, given, approximation, samples=samples, seed=seed))


@capabilities(lazy="the state of the batch is kept in memory")
class JEPIG(Quantity):
    r"""Joint expected predictive information gain of a batch as a set function.

    The value is the information of the batch's outcomes about the joint outcome of all targets. The
    gain is

    .. math:: I[Y_i; Y_{1..M} \mid Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets; see `jepig`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `eig`.
    approximation : {"logdet", "trace", "kronecker"}
        For a `Gaussian`; see `jepig`. With the log-determinant this is LogDetMI.
    samples : int
        For a `Categorical`: up to this many joint outcomes of batch and targets are enumerated;
        beyond, this many are sampled.
    seed : int or the library's random generator
        The source of the samples, which are kept as the batch grows.

    Raises
    ------
    TypeError, ValueError
        See `jepig`; also if the approximation is none of these, or `samples` is less than 1.

    Notes
    -----
    Not submodular: lazy greedy is a heuristic for it. For a `Categorical`, a step costs N C S (K
    multiply-adds and one logarithm) with S joint outcomes. For a `Gaussian`, it costs twice as much
    as with `EIG`.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5. Kothawade, S. et al. (2021).
    SIMILAR: submodular information measures based active learning in realistic scenarios,
    arXiv:2107.00717 (LogDetMI).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> infoq.greedy(infoq.JEPIG(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]]))), 1).indices
    array([2])
    """

    def __init__(
        self,
        x: Predictive | Array,
        targets: Predictive | Embedding | Array,
        *,
        given: Context | None = None,
        approximation: OfAllTargets = "logdet",
        samples: int = 10_000,
        seed: Any = 0,
    ) -> None:
        pool = as_predictive(x)
        about = AllTargets(pool.as_targets(targets), samples, seed)
        super().__init__(pool.batch(about, given, approximation, samples=samples, seed=seed))

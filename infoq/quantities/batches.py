"""The quantities as set functions: what a growing batch tells, by the gain of each candidate."""

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
    """A quantity of a growing batch, by the set function that a predictive hands out.

    Gains are nats. `submodular` is whether it is known that they never grow but for the noise of
    samples. `most` is, of a `Categorical`, the entropy that its draws have left, log K at first,
    and `noise` says what is rounding or chance; of a `Gaussian` neither is known. `pruned` is no
    faster than `remove` of a `Categorical`.
    """


@capabilities(lazy="the state of the batch is kept in memory")
class EIG(Quantity):
    r"""Expected information gain of a batch as a set function: what `greedy` grows a batch by.

    The joint mutual information between the outcomes of a batch and the parameters (BatchBALD; of
    a `Gaussian`, the log-det of LogDet). The gain of a candidate is what its outcome tells beyond
    the outcomes of the batch:

    .. math:: I[Y_i; \Theta \mid Y_B] = I[Y_i; \Theta] - I[Y_i; Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities. Draw k must be the same model for all, which
        dropout in its training mode is not: gains then stay too large. `shared_draws` tells.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `eig`.
    approximation : {"logdet", "trace"}
        Of a `Gaussian`; the trace adds up whatever the candidates share.
    samples : int
        Of a `Categorical`: the joint outcomes of the batch are enumerated while they number at
        most this many, and the value is exact; beyond, this many are sampled.
    seed : int or the library's random generator
        What the samples are drawn from. They are kept as the batch grows.

    Notes
    -----
    Submodular and monotone in the batch where it is exact. Of a `Categorical` both terms are sums
    of divergences, and never the difference of joint entropies; outcomes weigh the draws by
    log-weights, so float32 survives batches of a hundred. A step costs N C S (K multiply-adds and
    one logarithm) with S joint outcomes; memory is S K beside the blocks of `options`.

    `lazy_greedy` evaluates a part of the N. At N=500 K=20 C=10, 10 picks and 10,000 samples, that
    is 2%, 35% and 95% for logits that differ between draws by 0.3, 1 and 3. Samples are kept and
    are the same for all candidates, and it picked what `greedy` does in all of 60 such pools. Where
    gains are down to the noise of the samples (30 picks by 100 of them) it picked others.

    Of a `Gaussian` each pick updates what every candidate measures, N R^2 numbers: a step costs
    N R^2 P multiply-adds, for a last layer N R C (D + R), and `lazy_greedy` saves log-dets alone.

    References
    ----------
    Kirsch, A., van Amersfoort, J. and Gal, Y. (2019). BatchBALD: efficient and diverse batch
    acquisition for deep Bayesian active learning, arXiv:1906.08158, equation 8. Chen, L., Zhang, G.
    and Zhou, H. (2018). Fast greedy MAP inference for determinantal point processes,
    arXiv:1709.05135 (the update of a log-det).

    Examples
    --------
    The second candidate is a copy of the first, and tells less the second time:

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

    What the outcomes of a batch tell about a target's, on average over targets; the gain is

    .. math:: \sum_e v_e\, I[Y_i; Y_e \mid Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `epig`.
    target_weights : array [M], optional
        What each target counts. Default: all the same.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        Of a `Gaussian`, as of `epig`; "trace" is what a batch takes off BAIT's objective.
    samples : int
        Of a `Categorical`: joint outcomes of the batch up to which all are enumerated, and samples
        beyond.
    seed : int or the library's random generator
        What the samples are drawn from.

    Notes
    -----
    Neither submodular nor supermodular. Of a `Categorical` a step costs N C S M C' (K multiply-adds
    and one logarithm) with S joint outcomes of the batch: keep `samples` small. Of a `Gaussian`
    "jensen" and "trace" update quadratic forms as `EIG` does; "logdet" takes every pair anew.

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

    What the outcomes of a batch tell about those of all targets jointly; the gain is

    .. math:: I[Y_i; Y_{1..M} \mid Y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `jepig`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known.
    approximation : {"logdet", "trace", "kronecker"}
        Of a `Gaussian`, as of `jepig`; with the log-det this is LogDetMI.
    samples : int
        Of a `Categorical`: joint outcomes of batch and targets up to which all are enumerated, and
        samples beyond.
    seed : int or the library's random generator
        What the samples are drawn from.

    Notes
    -----
    Not submodular: lazy greedy is a heuristic on it. Of a `Categorical` a step costs N C S (K
    multiply-adds and one logarithm) with S joint outcomes; of a `Gaussian` as much as of `EIG`,
    twice.

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

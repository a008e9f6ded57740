"""Information about parameters and predictions: BALD, EPIG, JEPIG and their batches."""

from __future__ import annotations

from typing import Any, Unpack

from infoq import quantities, selection
from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import OfEachTarget, OfParameters
from infoq.methods.taxonomy import Who, method
from infoq.predictives import Dirichlet, Predictive
from infoq.selection import Selection
from infoq.structures.embedding import Embedding


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical, Gaussian or Dirichlet",
    verb="EIG",
    adverb="exact; of a Gaussian log-det or trace",
    selection="top_k",
    status="exact; the trace is an upper bound of a score that is maximised",
    source="Lindley 1956; Houlsby et al. 2011, eq. 2",
)
def bald(
    x: Predictive | Dirichlet | Array,
    k: int,
    *,
    approximation: OfParameters = "logdet",
    **who: Unpack[Who],
) -> Selection:
    """BALD: pick the candidates whose single outcomes are most informative about the parameters.

    Scores are exact; for a `Gaussian`, the trace is an upper bound.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    approximation : {"logdet", "trace"}
        For a `Gaussian`: exact, or an upper bound.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are single scores, in nats. Their information overlaps: the information of the batch
        is at most their sum. For joint gains see `batch_bald`.

    See Also
    --------
    infoq.bald : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Lindley, D. V. (1956). On a measure of the information provided by an experiment. The Annals of
    Mathematical Statistics 27, 986-1005. Houlsby, N., Huszar, F., Ghahramani, Z. and Lengyel, M.
    (2011). Bayesian active learning for classification and preference learning, arXiv:1112.5745,
    equation 2.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.bald(draws, 1).indices
    array([1])
    """
    return selection.top_k(quantities.eig(x, approximation=approximation), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Gaussian",
    verb="EIG of the batch",
    adverb="exact while the joint outcomes fit, then sampled; of a Gaussian log-det",
    selection="greedy",
    status="exact, then Monte Carlo",
    source="Kirsch et al. 2019, eq. 8",
)
def batch_bald(
    x: Predictive | Array, k: int, *, samples: int = 10_000, seed: Any = 0, **who: Unpack[Who]
) -> Selection:
    """BatchBALD: pick the batch that is jointly most informative about the parameters, greedily.

    Information is exact while the joint outcomes fit, then a Monte Carlo estimate. For a `Gaussian`
    it is a log-determinant.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    samples, seed
        As in `infoq.EIG`.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as pending.

    Returns
    -------
    Selection
        Gains in nats. Where they are exact, their sum is at least 1 - 1/e of the best batch's.

    References
    ----------
    Kirsch, A., van Amersfoort, J. and Gal, Y. (2019). BatchBALD: efficient and diverse batch
    acquisition for deep Bayesian active learning, arXiv:1906.08158, equation 8.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> a, b = [[0.9, 0.1], [0.1, 0.9]], [[0.5, 0.5], [0.6, 0.4]]
    >>> infoq.methods.batch_bald(np.array([a, b, a]), 2).gains.round(4)
    array([0.3681, 0.1463])
    """
    return selection.greedy(quantities.EIG(x, samples=samples, seed=seed), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Gaussian",
    verb="EPIG",
    adverb="exact; of a Gaussian log-det, Jensen, trace or Kronecker",
    selection="top_k",
    status="exact; biased up from few draws",
    source="Bickford Smith et al. 2023, eq. 5",
)
def epig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    k: int,
    *,
    target_weights: Array | None = None,
    approximation: OfEachTarget = "logdet",
    **who: Unpack[Who],
) -> Selection:
    """EPIG: pick the candidates most informative about a target's outcome, on average.

    Scores are exact given the draws; from few draws they are biased upwards.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The points that the model will be used on.
    k : int
        How many to pick.
    target_weights, approximation
        As in `infoq.epig`.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are single scores, in nats. Their information overlaps; for joint gains see
        `batch_epig`.

    See Also
    --------
    infoq.epig : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Bickford Smith, F., Kirsch, A., Farquhar, S., Gal, Y., Foster, A. and Rainforth, T. (2023).
    Prediction-oriented Bayesian active learning, AISTATS, arXiv:2304.08151, equation 5.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.epig(draws, draws[1:], 1).indices
    array([1])
    """
    scores = quantities.epig(x, targets, target_weights=target_weights, approximation=approximation)
    return selection.top_k(scores, k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Gaussian",
    verb="EPIG of the batch",
    adverb="exact while the joint outcomes fit, then sampled; of a Gaussian as EPIG",
    selection="greedy",
    status="exact, then Monte Carlo; not submodular",
    source="Bickford Smith et al. 2023; Kirsch and Gal 2022, section 5",
)
def batch_epig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    k: int,
    *,
    target_weights: Array | None = None,
    approximation: OfEachTarget = "logdet",
    samples: int = 100,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """Batch EPIG: pick the batch most informative about a target's outcome, on average, greedily.

    Information is exact while the joint outcomes fit, then a Monte Carlo estimate. For a `Gaussian`
    it is as in EPIG. The objective is not submodular.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The points that the model will be used on.
    k : int
        How many to pick.
    target_weights, approximation, samples, seed
        As in `infoq.EPIG`.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as pending.

    Returns
    -------
    Selection
        Gains in nats.

    References
    ----------
    Bickford Smith, F. et al. (2023), arXiv:2304.08151. Kirsch, A. and Gal, Y. (2022),
    arXiv:2208.00549, section 5.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> infoq.methods.batch_epig(pool, infoq.DenseEmbedding(np.eye(2)), 2).indices
    array([0, 2])
    """
    f = quantities.EPIG(
        x,
        targets,
        target_weights=target_weights,
        approximation=approximation,
        samples=samples,
        seed=seed,
    )
    return selection.greedy(f, k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Gaussian",
    verb="JEPIG",
    adverb="exact while the targets' joint outcomes fit, then sampled; of a Gaussian log-det",
    selection="top_k",
    status="exact, then Monte Carlo",
    source="Kirsch and Gal 2022, section 5",
)
def jepig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    k: int,
    *,
    samples: int = 10_000,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """JEPIG: pick the candidates most informative about all targets' outcomes jointly.

    Information is exact while the targets' joint outcomes fit, then a Monte Carlo estimate. For a
    `Gaussian` it is a log-determinant.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The points that the model will be used on.
    k : int
        How many to pick.
    samples, seed
        As in `infoq.jepig`.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are single scores, in nats. Their information overlaps; for joint gains see
        `batch_jepig`.

    See Also
    --------
    infoq.jepig : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549, section 5.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.jepig(draws, draws, 1).indices
    array([1])
    """
    return selection.top_k(quantities.jepig(x, targets, samples=samples, seed=seed), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Gaussian",
    verb="JEPIG of the batch",
    adverb="exact while the joint outcomes fit, then sampled; of a Gaussian log-det",
    selection="greedy",
    status="exact, then Monte Carlo; not submodular",
    source="Kirsch and Gal 2022, section 5",
)
def batch_jepig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    k: int,
    *,
    samples: int = 10_000,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """Batch JEPIG: pick the batch most informative about all targets' outcomes, greedily.

    Information is exact while the joint outcomes fit, then a Monte Carlo estimate. For a `Gaussian`
    it is a log-determinant. The objective is not submodular.

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The points that the model will be used on.
    k : int
        How many to pick.
    samples, seed
        As in `infoq.JEPIG`.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as pending.

    Returns
    -------
    Selection
        Gains in nats.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> infoq.methods.batch_jepig(pool, infoq.DenseEmbedding(np.eye(2)), 2).indices
    array([0, 2])
    """
    f = quantities.JEPIG(x, targets, samples=samples, seed=seed)
    return selection.greedy(f, k, **who)

"""Uncertainty of single predictions: the baselines that every comparison should include."""

from __future__ import annotations

from typing import Unpack

from infoq import quantities, selection
from infoq.backends import Array
from infoq.backends.capabilities import capabilities, meaningless
from infoq.draws.categorical import Categorical
from infoq.methods.taxonomy import Who, method
from infoq.predictives import Dirichlet, Predictive, as_marginal
from infoq.selection import Selection


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical, Gaussian or Dirichlet",
    verb="entropy of the outcome",
    adverb="of the mean prediction",
    selection="top_k",
    status="exact",
    source="Shannon 1948",
)
def entropy(x: Predictive | Dirichlet | Array, k: int, **who: Unpack[Who]) -> Selection:
    """Pick the candidates with the largest entropies of the outcome, noise included.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are entropies, in nats.

    Raises
    ------
    TypeError
        If `x` is a `Gaussian` whose outcomes are class labels or counts: it has no entropy for
        them. Pass class probabilities, or ``x.sample(draws)``.

    See Also
    --------
    infoq.entropy : The entropy of any distributions; nothing is picked.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.entropy(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]), 1).indices
    array([1])
    """
    return selection.top_k(as_marginal(x).entropy(), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Dirichlet",
    verb="least confidence",
    adverb="of the mean prediction",
    selection="top_k",
    status="heuristic",
    source="Lewis and Gale 1994",
)
def least_confidence(x: Categorical | Dirichlet | Array, k: int, **who: Unpack[Who]) -> Selection:
    """Pick the candidates whose most probable class has the lowest probability.

    The score is a heuristic, computed from the mean prediction.

    Parameters
    ----------
    x : Categorical, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are those of `infoq.least_confidence`.

    See Also
    --------
    infoq.least_confidence : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Lewis, D. D. and Gale, W. A. (1994). A sequential algorithm for training text classifiers.
    SIGIR, 3-12.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.least_confidence(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]), 1).indices
    array([1])
    """
    return selection.top_k(quantities.least_confidence(x), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical or Dirichlet",
    verb="margin",
    adverb="of the mean prediction",
    selection="top_k",
    status="heuristic",
    source="Scheffer et al. 2001",
)
def margin(x: Categorical | Dirichlet | Array, k: int, **who: Unpack[Who]) -> Selection:
    """Pick the candidates with the smallest margin between the two most probable classes.

    The score is a heuristic, computed from the mean prediction.

    Parameters
    ----------
    x : Categorical, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are those of `infoq.margin`.

    See Also
    --------
    infoq.margin : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Scheffer, T., Decomain, C. and Wrobel, S. (2001). Active hidden Markov models for information
    extraction. IDA, 309-318.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.margin(np.array([[[0.9, 0.1]], [[0.5, 0.5]]]), 1).indices
    array([1])
    """
    return selection.top_k(quantities.margin(x), k, **who)


@capabilities(
    autograd=meaningless("a share of votes changes in steps"),
    grad=meaningless("a share of votes changes in steps"),
    lazy="the picks are computed eagerly",
)
@method(
    noun="Categorical",
    verb="variation ratio",
    adverb="by votes of the draws",
    selection="top_k",
    status="heuristic",
    source="Freeman 1965; Gal et al. 2017",
)
def variation_ratio(x: Categorical | Array, k: int, **who: Unpack[Who]) -> Selection:
    """Pick the candidates where the largest share of draws votes against the majority.

    The score is a heuristic, computed from the votes of the draws.

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are those of `infoq.variation_ratio`.

    See Also
    --------
    infoq.variation_ratio : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Freeman, L. C. (1965). Elementary applied statistics. Gal, Y., Islam, R. and Ghahramani, Z.
    (2017). Deep Bayesian active learning with image data. ICML, arXiv:1703.02910.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> votes = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.6, 0.4], [0.4, 0.6]]])
    >>> infoq.methods.variation_ratio(votes, 1).indices
    array([1])
    """
    return selection.top_k(quantities.variation_ratio(x), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical",
    verb="mean standard deviation",
    adverb="over the draws",
    selection="top_k",
    status="heuristic",
    source="Kampffmeyer et al. 2016",
)
def mean_std(x: Categorical | Array, k: int, **who: Unpack[Who]) -> Selection:
    """Pick the candidates whose class probabilities vary most between draws.

    The score is a heuristic, computed from the spread of the draws.

    Parameters
    ----------
    x : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are those of `infoq.mean_std`.

    See Also
    --------
    infoq.mean_std : The score it ranks by, one per candidate; nothing is picked.

    References
    ----------
    Kampffmeyer, M., Salberg, A.-B. and Jenssen, R. (2016). Semantic segmentation of small objects
    and modeling of uncertainty in urban remote sensing images using deep convolutional neural
    networks. CVPR workshops.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> votes = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.6, 0.4], [0.4, 0.6]]])
    >>> infoq.methods.mean_std(votes, 1).indices
    array([1])
    """
    return selection.top_k(quantities.mean_std(x), k, **who)

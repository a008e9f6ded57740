"""Stochastic BALD: batches drawn at random, with probabilities that grow with the scores."""

from __future__ import annotations

from typing import Any, Unpack

from infoq import quantities, selection
from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import Law
from infoq.methods.taxonomy import Who, method
from infoq.predictives import Dirichlet, Predictive
from infoq.selection import Selection


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical, Gaussian or Dirichlet",
    verb="EIG",
    adverb="exact",
    selection="sample, by the power of the score",
    status="heuristic for the batch",
    source="Kirsch et al. 2023",
)
def power_bald(
    x: Predictive | Dirichlet | Array,
    k: int,
    *,
    coldness: float = 1.0,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """PowerBALD: draw in proportion to a power of the BALD score, without replacement.

    The scores are exact; drawing the batch from them is a heuristic.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    coldness, seed
        As in `infoq.sample`.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        In the order of drawing; gains are EIG scores, in nats.

    References
    ----------
    Kirsch, A., Farquhar, S., Atighehchian, P., Jesson, A., Branchaud-Charron, F. and Gal, Y.
    (2023). Stochastic batch acquisition: a simple baseline for deep active learning, TMLR,
    arXiv:2106.12059.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.power_bald(draws, 1).indices
    array([1])
    """
    return _stochastic_bald("power", x, k, coldness, seed, who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical, Gaussian or Dirichlet",
    verb="EIG",
    adverb="exact",
    selection="sample, by the exponential of the score",
    status="heuristic for the batch",
    source="Kirsch et al. 2023",
)
def softmax_bald(
    x: Predictive | Dirichlet | Array,
    k: int,
    *,
    coldness: float = 1.0,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """SoftmaxBALD: draw in proportion to the exponential of the BALD score, without replacement.

    The scores are exact; drawing the batch from them is a heuristic.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    coldness, seed
        As in `infoq.sample`.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        In the order of drawing; gains are EIG scores, in nats.

    References
    ----------
    Kirsch, A. et al. (2023), TMLR, arXiv:2106.12059.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.softmax_bald(draws, 1, coldness=1000.0).indices
    array([1])
    """
    return _stochastic_bald("softmax", x, k, coldness, seed, who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Categorical, Gaussian or Dirichlet",
    verb="EIG",
    adverb="exact",
    selection="sample, by the rank of the score",
    status="heuristic for the batch",
    source="Kirsch et al. 2023",
)
def softrank_bald(
    x: Predictive | Dirichlet | Array,
    k: int,
    *,
    coldness: float = 1.0,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """SoftrankBALD: draw by the rank of the BALD score, without replacement.

    The scores are exact; drawing the batch from them is a heuristic.

    Parameters
    ----------
    x : Categorical, Gaussian, Dirichlet or array [N, K, C]
        The candidates; a bare array is probabilities.
    k : int
        How many to pick.
    coldness, seed
        As in `infoq.sample`.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        In the order of drawing; gains are EIG scores, in nats.

    References
    ----------
    Kirsch, A. et al. (2023), TMLR, arXiv:2106.12059.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.9, 0.1], [0.2, 0.8]]])
    >>> infoq.methods.softrank_bald(draws, 1, coldness=100.0).indices
    array([1])
    """
    return _stochastic_bald("softrank", x, k, coldness, seed, who)


def _stochastic_bald(law: Law, x: Any, k: int, coldness: float, seed: Any, who: Who) -> Selection:
    return selection.sample(quantities.eig(x), k, method=law, coldness=coldness, seed=seed, **who)

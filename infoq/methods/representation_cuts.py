"""Graph cut and concave over modular: batches that represent and are not redundant."""

from __future__ import annotations

from typing import Unpack

from infoq import quantities, selection
from infoq.backends.capabilities import capabilities
from infoq.methods.representation import PRISM, SIMILAR
from infoq.methods.taxonomy import Who, method
from infoq.methods.together import Points, together
from infoq.quantities import conditional, mutual
from infoq.selection import Selection


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients",
    verb="graph cut",
    adverb="by similarities of the candidates",
    selection="greedy",
    status="exact; not an information quantity",
    source=PRISM,
)
def graph_cut(points: Points, k: int, *, trade_off: float = 2.0, **who: Unpack[Who]) -> Selection:
    """Graph cut: pick candidates that are similar to all candidates and not to each other.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    k : int
        How many to pick.
    trade_off : float
        Weight of the similarity to all candidates.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are those of `infoq.GraphCut`.

    References
    ----------
    Kothawade, S. et al. (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.2]])
    >>> infoq.methods.graph_cut(points, 2).indices
    array([0, 2])
    """
    return selection.greedy(quantities.GraphCut(points, trade_off=trade_off), k, **who)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients, of candidates and queries",
    verb="mutual information of graph cut",
    adverb="modular",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def gcmi(
    points: Points, queries: Points, k: int, *, eta: float = 1.0, **who: Unpack[Who]
) -> Selection:
    r"""GCMI: pick the candidates most similar to queries, :math:`2 \sum_{a, q} s_{aq}`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    k : int
        How many to pick.
    eta : float
        Factor on the similarities of candidates with queries. It scales all gains alike, so that
        above 0 the picks do not depend on it, except for ties.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are twice `eta` times the sums of similarities. Copies score alike and
        are all picked.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> infoq.methods.gcmi(points, np.array([[2.0, 1.0]]), 2)[:2]
    (array([0, 1]), array([4., 4.]))
    """
    union, (asked,), known = together(points, who, queries=queries)
    return selection.lazy_greedy(mutual(quantities.GraphCut(union), asked, eta=eta), k, **known)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients, of candidates and a private set",
    verb="conditional gain of graph cut",
    adverb="by similarities of the candidates",
    selection="greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def gccg(
    points: Points,
    private: Points,
    k: int,
    *,
    trade_off: float = 2.0,
    nu: float = 1.0,
    **who: Unpack[Who],
) -> Selection:
    r"""GCCG: pick candidates similar to all, but not to a private set or to each other.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    private : array [M, P] or Embedding
        The same for the points to avoid.
    k : int
        How many to pick.
    trade_off : float
        Weight of the similarity to all candidates.
    nu : float
        Factor on the similarities of candidates with the private set.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains of the graph cut less :math:`2 \sum_{a, p} s_{ap}`.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717; (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.gccg(np.eye(2), np.array([[1.0, 0.0]]), 1).indices
    array([1])
    """
    union, (hidden,), known = together(points, who, private=private)
    cut = quantities.GraphCut(union, represented=points, trade_off=trade_off)
    return selection.greedy(conditional(cut, hidden, nu=nu), k, **known)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features with no negative similarity, of candidates and queries",
    verb="concave over modular",
    adverb="by similarities of candidates and queries alone",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=PRISM,
)
def com(
    points: Points, queries: Points, k: int, *, eta: float = 1.0, **who: Unpack[Who]
) -> Selection:
    """COM: pick candidates similar to the queries, with diminishing returns per query.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, none of whose similarities with queries is negative.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    k : int
        How many to pick.
    eta : float
        Weight of the relevance of the members.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are those of `infoq.ConcaveOverModular`.

    References
    ----------
    Kothawade, S. et al. (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> infoq.methods.com(points, np.array([[0.0, 1.0]]), 1).indices
    array([2])
    """
    return selection.lazy_greedy(quantities.ConcaveOverModular(points, queries, eta=eta), k, **who)

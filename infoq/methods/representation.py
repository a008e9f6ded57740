"""Facility location: batches that represent the candidates (SIMILAR, PRISM)."""

from __future__ import annotations

from typing import Unpack

from infoq import quantities, selection
from infoq.backends.capabilities import capabilities
from infoq.methods.taxonomy import Who, method
from infoq.methods.together import Points, together
from infoq.quantities import conditional, mutual
from infoq.selection import Selection

SIMILAR = "Kothawade et al. 2021"
PRISM = "Kothawade et al. 2022"


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients",
    verb="facility location",
    adverb="by similarities of the candidates",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=PRISM,
)
def facility_location(points: Points, k: int, **who: Unpack[Who]) -> Selection:
    """Facility location: pick a batch that has, for each candidate, a member similar to it.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are those of `infoq.FacilityLocation`. Their sum is at least 1 - 1/e of the best
        batch's.

    References
    ----------
    Kothawade, S. et al. (2022). PRISM: a rich class of parameterized submodular information
    measures for guided data subset selection, AAAI, arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> infoq.methods.facility_location(points, 2).indices
    array([0, 2])
    """
    return selection.lazy_greedy(quantities.FacilityLocation(points), k, **who)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients, of candidates and queries",
    verb="mutual information of facility location",
    adverb="by similarities of the candidates",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def flvmi(
    points: Points, queries: Points, k: int, *, eta: float = 1.0, **who: Unpack[Who]
) -> Selection:
    r"""FLVMI: pick a batch that represents the candidates that queries represent, too.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    k : int
        How many to pick.
    eta : float
        Factor :math:`\eta` on the similarities with queries. The larger it is, the more a batch
        represents all candidates that have any similarity to a query, however little.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains of :math:`I_f(A; Q) =
        \sum_{i} \min(\max_{a \in A} s_{ia}, \eta \max_{q \in Q} s_{iq})`, where
        maxima below 0 count as 0.

    References
    ----------
    Kothawade, S. et al. (2021). SIMILAR: submodular information measures based active learning in
    realistic scenarios, NeurIPS, arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> infoq.methods.flvmi(points, np.array([[0.0, 1.0]]), 1).indices
    array([2])
    """
    union, (asked,), known = together(points, who, queries=queries)
    f = mutual(quantities.FacilityLocation(union, represented=points), asked, eta=eta)
    return selection.lazy_greedy(f, k, **known)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients, of candidates and queries",
    verb="facility location of queries, and relevance",
    adverb="by similarities of candidates and queries alone",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def flqmi(
    points: Points, queries: Points, k: int, *, eta: float = 1.0, **who: Unpack[Who]
) -> Selection:
    """FLQMI: pick candidates that represent the queries and are relevant to them.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    k : int
        How many to pick.
    eta : float
        Weight of the relevance.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are those of `infoq.FacilityLocationQuery`.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717; (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> infoq.methods.flqmi(points, np.array([[0.0, 1.0]]), 1).indices
    array([2])
    """
    return selection.lazy_greedy(
        quantities.FacilityLocationQuery(points, queries, eta=eta), k, **who
    )


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients, of candidates and a private set",
    verb="conditional gain of facility location",
    adverb="by similarities of the candidates",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def flcg(
    points: Points, private: Points, k: int, *, nu: float = 1.0, **who: Unpack[Who]
) -> Selection:
    r"""FLCG: pick a batch that represents the candidates that a private set does not.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    private : array [M, P] or Embedding
        The same for the points to avoid.
    k : int
        How many to pick.
    nu : float
        Factor on the similarities of candidates with the private set.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains of :math:`f(A \mid P) =
        \sum_i \max(0, \max_{a \in A} s_{ia} - \max_{p \in P} s_{ip})`, where
        maxima below 0 count as 0.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> infoq.methods.flcg(points, np.array([[1.0, 0.0]]), 1).indices
    array([2])
    """
    union, (hidden,), known = together(points, who, private=private)
    f = conditional(quantities.FacilityLocation(union, represented=points), hidden, nu=nu)
    return selection.lazy_greedy(f, k, **known)


@capabilities(reads_values="which gains are evaluated depends on values; `greedy` works")
@method(
    noun="features or gradients, of candidates, queries and a private set",
    verb="conditional mutual information of facility location",
    adverb="by similarities of the candidates",
    selection="lazy_greedy",
    status="exact; not an information quantity",
    source=SIMILAR,
)
def flcmi(
    points: Points,
    queries: Points,
    private: Points,
    k: int,
    *,
    eta: float = 1.0,
    nu: float = 1.0,
    **who: Unpack[Who],
) -> Selection:
    r"""FLCMI: pick a batch that represents what queries do and a private set does not.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    private : array [M, P] or Embedding
        The same for the points to avoid.
    k : int
        How many to pick.
    eta : float
        Factor on the similarities with queries, as in `flvmi`.
    nu : float
        Factor on the similarities of candidates with the private set.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains of :math:`I_f(A; Q \mid P)`.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points, queries = np.eye(2), np.array([[1.0, 1.0]])
    >>> infoq.methods.flcmi(points, queries, np.array([[1.0, 0.0]]), 1).indices
    array([1])
    """
    union, (asked, hidden), known = together(points, who, queries=queries, private=private)
    whole = quantities.FacilityLocation(union, represented=points)
    return selection.lazy_greedy(
        mutual(conditional(whole, hidden, nu=nu), asked, eta=eta), k, **known
    )

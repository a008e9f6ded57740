"""Similarity matrices: LogDet and its mutual and conditional forms (SIMILAR, PRISM)."""

from __future__ import annotations

from typing import Unpack

from infoq import quantities, selection
from infoq.backends.capabilities import capabilities
from infoq.methods.taxonomy import Who, method
from infoq.methods.together import Points, together
from infoq.quantities import conditional, mutual
from infoq.selection import Selection


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients",
    verb="EIG of the batch",
    adverb="log-det, twice; one-sample gradients approximate the Fisher information",
    selection="greedy",
    status="exact",
    source="Kothawade et al. 2021",
)
def logdet(points: Points, k: int, *, ridge: float = 1.0, **who: Unpack[Who]) -> Selection:
    r"""LogDet: pick what spans a large volume, :math:`\log\det(S_A + \lambda I)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row a candidate.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`; 1 is an outcome with unit noise, 0 none.
    **who : candidates, given
        As of `infoq.greedy`; what is given counts as picked.

    Returns
    -------
    Selection
        Gains are of the log-det as published: twice the EIG of a `Gaussian` with precision 1.

    See Also
    --------
    infoq.logdet : The quantity itself, of similarity matrices; nobody is picked.

    References
    ----------
    Kothawade, S., Beck, N., Killamsetty, K. and Iyer, R. (2021). SIMILAR: submodular information
    measures based active learning in realistic scenarios, NeurIPS, arXiv:2107.00717.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.logdet(np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), 2).indices
    array([0, 2])
    """
    return selection.greedy(quantities.LogDet(points, ridge=ridge), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients, of candidates and queries",
    verb="JEPIG of the batch",
    adverb="log-det, twice",
    selection="greedy",
    status="exact; not submodular",
    source="Kothawade et al. 2021",
)
def logdet_mi(
    points: Points,
    queries: Points,
    k: int,
    *,
    ridge: float = 1.0,
    eta: float = 1.0,
    **who: Unpack[Who],
) -> Selection:
    r"""LogDetMI: pick what has most volume in common with queries, :math:`I_f(A; Q)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row a candidate.
    queries : array [Q, P] or Embedding
        Of what is searched for, in the same way.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`; 1 is an outcome with unit noise, 0 none.
    eta : float
        What similarities of candidates and queries are multiplied by; larger prefers relevance.
    **who : candidates, given
        As of `infoq.greedy`; what is given counts as picked.

    Returns
    -------
    Selection
        Gains are of the log-dets as published: twice the JEPIG of a `Gaussian` with precision 1.

    See Also
    --------
    infoq.logdet_mi : The quantity itself, of similarity matrices; nobody is picked.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717. Kothawade, S., Kaushal, V., Ramakrishnan, G.,
    Bilmes, J. and Iyer, R. (2022). PRISM: a rich class of parameterized submodular information
    measures for guided data subset selection, AAAI, arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> infoq.methods.logdet_mi(points, np.array([[0.0, 3.0]]), 1).indices
    array([2])
    """
    union, (asked,), known = together(points, who, queries=queries)
    f = mutual(quantities.LogDet(union, ridge=ridge), asked, eta=eta)
    return selection.greedy(f, k, **known)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients, of candidates and a private set",
    verb="EIG of the batch, given the private set",
    adverb="log-det, twice",
    selection="greedy",
    status="exact",
    source="Kothawade et al. 2021",
)
def logdet_cg(
    points: Points,
    private: Points,
    k: int,
    *,
    ridge: float = 1.0,
    nu: float = 1.0,
    **who: Unpack[Who],
) -> Selection:
    r"""LogDetCG: pick what spans a large volume beyond a private set, :math:`f(A \mid P)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row a candidate.
    private : array [M, P] or Embedding
        Of what is to be avoided (or labelled already), in the same way.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`; 1 is an outcome with unit noise, 0 none.
    nu : float
        What similarities of candidates and the private set are multiplied by.
    **who : candidates, given
        As of `infoq.greedy`; what is given counts as picked.

    Returns
    -------
    Selection
        Gains are of the log-det as published.

    See Also
    --------
    infoq.logdet_cg : The quantity itself, of similarity matrices; nobody is picked.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717; (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> infoq.methods.logdet_cg(points, np.array([[3.0, 0.0]]), 1).indices
    array([1])
    """
    union, (hidden,), known = together(points, who, private=private)
    f = conditional(quantities.LogDet(union, ridge=ridge), hidden, nu=nu)
    return selection.greedy(f, k, **known)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="features or gradients, of candidates, queries and a private set",
    verb="JEPIG of the batch, given the private set",
    adverb="log-det, twice",
    selection="greedy",
    status="exact; not submodular",
    source="Kothawade et al. 2021",
)
def logdet_cmi(
    points: Points,
    queries: Points,
    private: Points,
    k: int,
    *,
    ridge: float = 1.0,
    eta: float = 1.0,
    nu: float = 1.0,
    **who: Unpack[Who],
) -> Selection:
    r"""LogDetCMI: pick what queries have in common beyond a private set, :math:`I_f(A; Q \mid P)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row a candidate.
    queries : array [Q, P] or Embedding
        Of what is searched for, in the same way.
    private : array [M, P] or Embedding
        Of what is to be avoided, in the same way.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`; 1 is an outcome with unit noise, 0 none.
    eta : float
        What similarities of candidates and queries are multiplied by; larger prefers relevance.
    nu : float
        What similarities of candidates and the private set are multiplied by.
    **who : candidates, given
        As of `infoq.greedy`; what is given counts as picked.

    Returns
    -------
    Selection
        Gains are of the log-dets as published.

    See Also
    --------
    infoq.logdet_cmi : The quantity itself, of similarity matrices; nobody is picked.

    References
    ----------
    Kothawade, S. et al. (2021), arXiv:2107.00717; (2022), arXiv:2103.00128.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points, queries = np.eye(2), np.array([[2.0, 2.0]])
    >>> infoq.methods.logdet_cmi(points, queries, np.array([[3.0, 0.0]]), 1).indices
    array([1])
    """
    union, (asked, hidden), known = together(points, who, queries=queries, private=private)
    f = mutual(conditional(quantities.LogDet(union, ridge=ridge), hidden, nu=nu), asked, eta=eta)
    return selection.greedy(f, k, **known)

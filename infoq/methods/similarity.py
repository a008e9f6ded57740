"""Batches by LogDet of similarities, with its mutual and conditional forms (SIMILAR, PRISM)."""

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
    adverb="log-det, twice the quantity; one-sample gradients approximate the Fisher information",
    selection="greedy",
    status="exact",
    source="Kothawade et al. 2021",
)
def logdet(points: Points, k: int, *, ridge: float = 1.0, **who: Unpack[Who]) -> Selection:
    r"""LogDet: pick the batch that spans a large volume, :math:`\log\det(S_A + \lambda I)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`: the noise variance of an outcome; 1 is unit noise, 0 is none.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are increments of the published log-det: twice the EIG of a `Gaussian` with
        precision 1.

    See Also
    --------
    infoq.logdet : The quantity itself, from similarity matrices; nothing is picked.

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
    adverb="log-det, twice the quantity",
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
    r"""LogDetMI: pick the batch that shares the most volume with queries, :math:`I_f(A; Q)`.

    The objective is exact, and not submodular.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    queries : array [Q, P] or Embedding
        The same for the queries: examples of what is wanted.
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`: the noise variance of an outcome; 1 is unit noise, 0 is none.
    eta : float
        Factor on the similarities of candidates with queries; larger values prefer relevance.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are increments of the published objective: twice the JEPIG of a `Gaussian` with
        precision 1.

    See Also
    --------
    infoq.logdet_mi : The quantity itself, from similarity matrices; nothing is picked.

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
    adverb="log-det, twice the quantity",
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
    r"""LogDetCG: pick the batch of large volume given a private set, :math:`f(A \mid P)`.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`; one row per candidate.
    private : array [M, P] or Embedding
        The same for the points to avoid (or already labelled).
    k : int
        How many to pick.
    ridge : float
        :math:`\lambda`: the noise variance of an outcome; 1 is unit noise, 0 is none.
    nu : float
        Factor on the similarities of candidates with the private set.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are increments of the published log-det.

    See Also
    --------
    infoq.logdet_cg : The quantity itself, from similarity matrices; nothing is picked.

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
    adverb="log-det, twice the quantity",
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
    r"""LogDetCMI: pick the batch that shares volume with queries given a private set.

    .. math:: I_f(A; Q \mid P)

    The objective is exact, and not submodular.

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
    ridge : float
        :math:`\lambda`: the noise variance of an outcome; 1 is unit noise, 0 is none.
    eta : float
        Factor on the similarities of candidates with queries; larger values prefer relevance.
    nu : float
        Factor on the similarities of candidates with the private set.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are increments of the published objective.

    See Also
    --------
    infoq.logdet_cmi : The quantity itself, from similarity matrices; nothing is picked.

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

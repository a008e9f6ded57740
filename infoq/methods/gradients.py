"""Batches by the gradients of the loss: by their norms, and by distances between them."""

from __future__ import annotations

from typing import Any, Unpack

from infoq import quantities, selection
from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.checks.choices import Start
from infoq.gaussian.predictive import Gaussian
from infoq.likelihoods import Likelihood
from infoq.likelihoods.likelihood import root
from infoq.methods.outputs import (
    as_likelihood,
    check_one_label,
    check_two,
    class_logits,
    with_classes,
)
from infoq.methods.taxonomy import Who, method
from infoq.selection import Selection
from infoq.structures.embedding import Embedding
from infoq.structures.gradient_embedding import gradient_embedding


@capabilities(
    reads_values="which candidates are accepted depends on values",
    autograd="the gains are read as numbers",
)
@method(
    noun="gradients at hard pseudo-labels",
    verb="EIG, in the limit of prior precision 0",
    adverb="one label per candidate",
    selection="kmeans_plusplus",
    status="heuristic; the law of the selection is exact",
    source="Ash et al. 2020",
)
def badge(
    x: Array,
    likelihood: Likelihood | Array,
    k: int,
    *,
    bias: bool = False,
    first: Start = "norm",
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    r"""BADGE: draw candidates whose gradients are long and far apart.

    Parameters
    ----------
    x : array [N, D] or [N, C, P]
        Features under a linear last layer, or Jacobians of the outputs.
    likelihood : Likelihood or array [N, C]
        The predictions of the outcomes; a bare array is class probabilities.
    k : int
        How many to pick.
    bias : bool
        Whether each class has a bias; for features only.
    first, seed
        As in `infoq.kmeans_plusplus`; the published code starts at the longest gradient.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains are squared distances to the nearest pick at the time of drawing.

    Notes
    -----
    The gradients [N, C D] are never formed; memory is N (D + C) numbers. A hard pseudo-label is the
    most probable class, not a sample of the outcome. So the distances only approximate an
    information gain.

    References
    ----------
    Ash, J. T., Zhang, C., Krishnamurthy, A., Langford, J. and Agarwal, A. (2020). Deep batch active
    learning by diverse, uncertain gradient lower bounds, ICLR, arXiv:1906.03671.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> features, probs = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> infoq.methods.badge(features, probs, 1)[:2]
    (array([1]), array([2.]))
    """
    points = gradient_embedding(x, with_classes(likelihood), bias=bias)
    return selection.kmeans_plusplus(points, k, first=first, seed=seed, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="embedding of Fisher information",
    verb="EIG, with the identity as the precision",
    adverb="trace",
    selection="top_k",
    status="exact; EGL squared, twice the trace bound of EIG",
    source="Settles et al. 2007; Kirsch and Gal 2022",
)
def egl(embedding: Embedding, k: int, **who: Unpack[Who]) -> Selection:
    r"""EGL: pick the candidates with the largest expected squared norm of the gradient.

    .. math:: E_y \|\nabla_w \log p(y \mid x_i, w)\|^2 = \mathrm{tr}\, F_i

    Parameters
    ----------
    embedding : Embedding
        Embedding of the Fisher information, such as `infoq.LastLayerEmbedding` or the result of
        `infoq.fisher_embedding`.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are expected squared norms.

    Notes
    -----
    The expected squared norm is exactly the trace of the Fisher information; no diagonal
    approximation is made. The expected norm itself, as first published, may rank differently.

    References
    ----------
    Settles, B., Craven, M. and Ray, S. (2007). Multiple-instance active learning, NeurIPS. Kirsch,
    A. and Gal, Y. (2022), arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> softmax = infoq.likelihoods.Softmax(np.array([[0.5, 0.5], [0.9, 0.1]]))
    >>> layer = infoq.LastLayerEmbedding(np.array([[1.0, 0.0], [1.0, 1.0]]), softmax)
    >>> infoq.methods.egl(layer, 2).gains.round(4)
    array([0.5 , 0.36])
    """
    return selection.top_k(_squared_norms(embedding), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="gradients at the labels",
    verb="IG by its divergence, with the identity as the precision",
    adverb="to first order",
    selection="top_k",
    status="exact norm; its square is twice IG to first order",
    source="Paul et al. 2021",
)
def grand(
    x: Array,
    likelihood: Likelihood | Array,
    labels: Array,
    k: int,
    *,
    bias: bool = False,
    **who: Unpack[Who],
) -> Selection:
    r"""GraNd: pick the candidates with the longest gradients of the loss at the known labels.

    .. math:: \|\nabla_w \log p(y_i \mid x_i, w)\|

    Parameters
    ----------
    x : array [N, D] or [N, C, P]
        Features under a linear last layer, or Jacobians of the outputs.
    likelihood : Likelihood or array [N, C]
        The predictions of the outcomes; a bare array is class probabilities.
    labels : array [N]
        The outcomes; of several independent outputs [N, C].
    k : int
        How many to pick.
    bias : bool
        Whether each class has a bias; for features only.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are norms under one model. The published score is their mean over initial weights:
        average the norms of several models for it.

    Notes
    -----
    Half the squared norm is `infoq.ig` to first order (``approximation="trace"``), with the
    identity as the precision. It measures how far the label moves the parameters, as
    KL(p(theta | y) || p(theta)). Its mean over the model's predictive distribution of labels is the
    trace approximation of `infoq.eig`, as in EGL. The drop in entropy has no such term, because it
    does not depend on the residual.

    References
    ----------
    Paul, M., Ganguli, S. and Dziugaite, G. K. (2021). Deep learning on a data diet: finding
    important examples early in training, NeurIPS, arXiv:2107.07075.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> features, probs = np.array([[1.0, 0.0], [3.0, 4.0]]), np.array([[0.8, 0.2], [0.8, 0.2]])
    >>> infoq.methods.grand(features, probs, np.array([1, 0]), 2).gains.round(4)
    array([1.4142, 1.1314])
    """
    outcomes = as_likelihood(likelihood)
    check_one_label(outcomes, labels)
    squares = _squared_norms(gradient_embedding(x, outcomes, labels, bias=bias))
    return selection.top_k(root(ops_for(squares), squares), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="class probabilities and labels",
    verb="IG by its divergence, for a constant feature, with the identity as the precision",
    adverb="to first order",
    selection="top_k",
    status="exact norm; a heuristic for GraNd",
    source="Paul et al. 2021",
)
def el2n(likelihood: Likelihood | Array, labels: Array, k: int, **who: Unpack[Who]) -> Selection:
    r"""EL2N: pick the candidates with the largest prediction errors, :math:`\|\pi - e_y\|`.

    Parameters
    ----------
    likelihood : Likelihood or array [N, C]
        The predictions of the outcomes; a bare array is class probabilities.
    labels : array [N]
        The outcomes.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains are norms. They equal GraNd of a last layer whose only feature is 1, and so, to first
        order, the root of twice `infoq.ig` for that layer.

    References
    ----------
    Paul, M. et al. (2021), arXiv:2107.07075.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[0.8, 0.2], [0.8, 0.2]])
    >>> infoq.methods.el2n(probs, np.array([1, 0]), 2).gains.round(4)
    array([1.1314, 0.2828])
    """
    outcomes = as_likelihood(likelihood)
    like = first_array(outcomes)
    if like is None:
        raise TypeError(
            f"likelihood: {outcomes!r} has no prediction per candidate; pass "
            "infoq.likelihoods.Normal(variance, mean=)"
        )
    ones = ops_for(likelihood=like).xp.ones_like(like[:, :1])
    return grand(ones, outcomes, labels, k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="two predictions and labels",
    verb="JPIG",
    adverb="exact, by symmetry: the information of the holdout labels about this label",
    selection="top_k",
    status="exact for the two predictions; may be negative",
    source="Mindermann et al. 2022",
)
def rho_loss(
    likelihood: Likelihood | Array,
    holdout: Likelihood | Array,
    labels: Array,
    k: int,
    **who: Unpack[Who],
) -> Selection:
    r"""RHO-loss: pick the candidates with the largest reducible loss.

    .. math:: \log p(y_i \mid x_i, D_{holdout}, D) - \log p(y_i \mid x_i, D)

    Parameters
    ----------
    likelihood : Likelihood or array [N, C]
        The prediction of the model in training; a bare array is class probabilities.
    holdout : Likelihood or array [N, C]
        The prediction of a model that was also trained on holdout data.
    labels : array [N]
        The outcomes.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`.

    Returns
    -------
    Selection
        Gains in nats: the loss of the first prediction minus that of the second. They are 0 where
        both predictions give the outcome probability 0.

    Notes
    -----
    In the published practice the second model is trained on holdout data alone. With posterior
    draws, or a Laplace posterior, `infoq.jpig` of the labels needs no second model.

    References
    ----------
    Mindermann, S. et al. (2022). Prioritized training on points that are learnable, worth
    learning, and not yet learnt, ICML, arXiv:2206.07137.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> now, holdout = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.5, 0.5], [0.9, 0.1]])
    >>> infoq.methods.rho_loss(now, holdout, np.array([0, 0]), 2).gains.round(4)
    array([0.5878, 0.    ])
    """
    now, later = as_likelihood(likelihood), as_likelihood(holdout)
    check_two(now, later)
    check_one_label(now, labels)
    before, after = _losses(now, labels), _losses(later, labels)
    ops = ops_for(before)
    impossible = (before == float("inf")) & (after == float("inf"))
    zero = ops.scalar(0.0, before)
    gains = ops.xp.where(impossible, zero, before) - ops.xp.where(impossible, zero, after)
    return selection.top_k(ops.xp.astype(gains, first_array(now).dtype), k, **who)


def _squared_norms(embedding: Embedding) -> Array:
    """The sums of squared norms of each candidate's rows: [N]."""
    trace: Array = quantities.eig(Gaussian(embedding, 1.0), approximation="trace")
    return 2 * trace


def _losses(likelihood: Likelihood, labels: Array) -> Array:
    """The losses -log p(y), one per candidate: [N]."""
    logits = class_logits(likelihood, "likelihood")
    ops = ops_for(likelihood=logits, labels=labels)
    logs = ops.take_along_axis(ops.log_softmax(ops.upcast(logits)), labels[:, None])
    return -logs[:, 0]

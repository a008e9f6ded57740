"""Embeddings of gradients of the loss, at one or several labels per candidate."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit, check_same_device
from infoq.checks.numbers import check_count
from infoq.checks.values import check_values
from infoq.likelihoods import Likelihood
from infoq.likelihoods.likelihood import root
from infoq.structures.embedding import (
    DenseEmbedding,
    Embedding,
    check_likelihood,
)
from infoq.structures.last_layer import FactoredEmbedding


@capabilities()
def gradient_embedding(
    x: Array,
    likelihood: Likelihood,
    labels: Array | None = None,
    *,
    samples: int | None = None,
    top: int | None = None,
    seed: Any = 0,
    bias: bool = False,
) -> Embedding:
    r"""Embedding of the gradients of the loss at labels: a sample of the Fisher information.

    .. math:: E_i = \big(\sqrt{v_{ir}}\, \nabla_w {-\log p(y_{ir} \mid x_i, w)}\big)_{r = 1..R},
              \quad v_{ir} = \tfrac1R \text{ or } \pi_{i y_{ir}}

    Parameters
    ----------
    x : array [N, D] or [N, C, P]
        Features of a linear last layer, or Jacobians of the outputs.
    likelihood : Likelihood
        The likelihood of the outcomes given the outputs; `Softmax` unless labels are given.
    labels : array [N] or [N, R], optional
        One or R labels per candidate. For a likelihood with C > 1 independent outputs they are
        [N, C] or [N, R, C]. Default: the most probable class (hard pseudo-labels).
    samples : int, optional
        Draw this many labels per candidate from its likelihood instead.
    top : int, optional
        Take this many of the most probable labels per candidate instead, each weighted by its
        probability. These are R of the C terms of the Fisher information.
    seed : int or the library's random generator
        The source of randomness of `samples`.
    bias : bool
        Whether each class has a bias; used with features.

    Returns
    -------
    Embedding
        R rows per candidate, one per label. For features, [N, R, P] is never formed.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not compatible, or more than one of labels, samples and top is given.

    Notes
    -----
    True labels give the embeddings of information gain and GraNd. Hard pseudo-labels give those of
    BADGE, SIMILAR and PRISM. They are not a sample of the Fisher information, and are no larger
    than it in the norm: :math:`\|\pi - e_{\hat y}\|^2 \le 1 - \sum \pi^2`. One sampled label is
    unbiased for the Fisher information, and biased low in its log-determinant. With ``top=C`` the
    Fisher information is exact; with fewer labels it is no larger. N R D numbers at most.

    References
    ----------
    Ash, J. T. et al. (2020). Deep batch active learning by diverse, uncertain gradient lower
    bounds, arXiv:1906.03671. Huseljic, D. et al. (2024). Fast fishing: approximating BAIT for
    efficient and scalable deep active image classification, arXiv:2404.08981 (top). Kirsch and Gal
    (2022), arXiv:2208.00549, section 6.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> softmax = infoq.likelihoods.Softmax(np.array([[0.8, 0.2]]))
    >>> infoq.gradient_embedding(np.array([[1.0, 2.0]]), softmax).dense().round(1)
    array([[[-0.2, -0.4,  0.2,  0.4]]])
    """
    ops, x = admit(x=x)
    check_values(ops, x, "x", {2: "[N, D]", 3: "[N, C, P]"})
    outputs = check_likelihood(ops, x, likelihood, None if x.ndim == 2 else int(x.shape[1]))
    given = {"labels": labels, "samples": samples, "top": top}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ValueError(f"{' and '.join(names)}: expected at most one of them")
    shape, like = (int(x.shape[0]), outputs), ops.upcast(x)
    share = None
    if top is not None:
        each, share = _most_probable(ops, likelihood, top)
    else:
        if labels is None:
            labels = _own_labels(ops, likelihood, samples, seed)
        check_same_device(ops_for(x=x, labels=labels), x=x, labels=labels)
        each = _one_by_one(labels, shape[0], likelihood.label_axes(outputs))
        for one in each:
            likelihood.check_labels(one)
    factor = ops.xp.stack([likelihood.residual(ops, y, shape, like) for y in each], axis=2)
    if share is None:
        factor = factor / ops.xp.sqrt(ops.scalar(len(each), factor))
    else:
        factor = factor * share[:, None, :]
    if x.ndim == 2:
        return FactoredEmbedding.of(
            features=x, factor=ops.xp.astype(factor, x.dtype), bias=bool(bias)
        )
    return DenseEmbedding(ops.xp.astype(ops.xp.matrix_transpose(factor) @ like, x.dtype))


def _one_by_one(labels: Array, count: int, axes: int) -> list[Array]:
    """R arrays with one label of every candidate each."""
    if labels.ndim not in (axes, axes + 1) or 0 in labels.shape or labels.shape[0] != count:
        shapes = "[N] or [N, R]" if axes == 1 else "[N, C] or [N, R, C]"
        raise ValueError(f"labels: expected shape {shapes}, got {tuple(labels.shape)}")
    if labels.ndim == axes:
        return [labels]
    return [labels[:, r, ...] for r in range(int(labels.shape[1]))]


def _most_probable(ops: Ops, likelihood: Likelihood, top: int) -> tuple[list[Array], Array]:
    """The `top` most probable labels, and the roots of their probabilities: [N, top]."""
    xp = ops.xp
    probs = _label_probs(ops, likelihood, "top: ")
    if isinstance(top, bool) or not 1 <= top <= probs.shape[1]:
        raise ValueError(f"top: expected from 1 to C={probs.shape[1]} labels, got {top}")
    places = xp.arange(probs.shape[1], device=ops.device(probs))[None, :]
    left, labels, shares = probs, [], []
    for _ in range(top):
        label = xp.argmax(left, axis=1)
        hit = places == label[:, None]
        shares.append(xp.sum(xp.where(hit, probs, ops.scalar(0.0, probs)), axis=1))
        left = xp.where(hit, ops.scalar(-1.0, probs), left)
        labels.append(label)
    return labels, root(ops, xp.stack(shares, axis=1))


def _label_probs(ops: Ops, likelihood: Likelihood, why: str) -> Array:
    """The probabilities of the labels: [N, C]."""
    logits = likelihood.outcome_logits()
    if logits is None:
        raise TypeError(
            f"{why}{type(likelihood).__name__} has no probabilities of labels; pass labels="
        )
    return ops.softmax(ops.upcast(logits))


def _own_labels(ops: Ops, likelihood: Likelihood, samples: int | None, seed: Any) -> Array:
    """Labels under the likelihood: the most probable ones [N], or samples [N, R]."""
    xp = ops.xp
    probs = _label_probs(ops, likelihood, "labels: ")
    if samples is None:
        return xp.argmax(probs, axis=1)
    samples = check_count(samples, "samples")
    below = ops.cumulative_sum(probs, axis=1)
    level = ops.uniform((probs.shape[0], samples), (ops.seed(seed),), probs)
    # Strictly below one, so that a class of probability zero is never drawn.
    passed = (below / below[:, -1:])[:, None, :] <= level[:, :, None]
    return xp.sum(xp.astype(passed, xp.int32), axis=2)

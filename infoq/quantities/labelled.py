"""The twins of EIG, EPIG and JEPIG for outcomes that have been observed: active sampling."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.predictives import Context, Embedding, Gaussian, Predictive, as_predictive
from infoq.quantities.eig import eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig
from infoq.quantities.labelled_batches import IG, JPIG, PIG, LabelledQuantity, refuse_labels


@capabilities()
def ig(
    x: Predictive | Array,
    labels: Array | None = None,
    *,
    given: Context | None = None,
    approximation: str = "logdet",
) -> Array:
    r"""Information gain: what each observed outcome tells about the parameters.

    .. math:: KL\big(p(\theta \mid y_i) \,\|\, p(\theta)\big)
              = \sum_k \tilde w_k \log \frac{\tilde w_k}{w_k}, \quad
              \tilde w_k \propto w_k\, p_k(y_i)

    and of a `Gaussian`

    .. math:: \tfrac12 \log\det\big(I + H''[y_i \mid x_i, w^*]\, P^{-1}\big)

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities. A `Gaussian` by an embedding of their
        observed information :math:`E_i^T E_i = H''[y_i \mid x_i, w^*]`.
    labels : array [N], optional
        The observed labels, integers from 0 to C - 1: of a `Categorical`, and of no `Gaussian`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known. Of a `Categorical`: labels, from `Categorical.context` and
        ``Categorical.observe(given, index, label)``.
    approximation : {"logdet", "trace"}
        Of a `Gaussian`, as of `eig`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`; never negative. Of a `Categorical`, at most
        -log of the smallest weight of a draw.

    Raises
    ------
    TypeError, ValueError
        As of `eig`; if labels are missing, are none of the classes (the message names the first) or
        stand beside a `Gaussian`; and by `infoq.likelihoods.Curvature` where observed information
        is not positive semi-definite, as a network's need not be.

    Notes
    -----
    Of a `Categorical` exact for the K draws; costs of the order of N K exponentials. Its mean over
    the labels that the model expects is `eig`. With equal weights it is also the drop in entropy of
    the draws. A label that all draws call impossible tells nothing: 0. A sum of terms that are not
    negative, so that float32 keeps its digits where labels tell little. Probabilities of exactly 0
    have gradient 0.

    In a generalised linear model with a canonical link the observed information does not depend on
    the label: it is the Fisher information, at every w. With the generalised Gauss-Newton a network
    is treated as one. For such an embedding this **is** `eig`, to the last digit, and labels give
    no advantage. Holds at fixed w* and to second order.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.1.

    Examples
    --------
    The label that was less expected tells more:

    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [0.9, 0.1]]])
    >>> infoq.ig(probs, np.array([0, 1])).round(4)
    array([0.0414, 0.2426])
    >>> observed = infoq.likelihoods.Curvature(np.array([[[4.0]]]))
    >>> pool = infoq.Gaussian(infoq.fisher_embedding(np.array([[[1.0, 0.0]]]), observed), 1.0)
    >>> infoq.ig(pool).round(4)
    array([0.8047])
    """
    pool = as_predictive(x)
    if isinstance(pool, Gaussian):
        refuse_labels(labels=labels)
        return eig(pool, given=given, approximation=approximation)
    return _at_first(IG(pool, labels, given=given, approximation=approximation))


@capabilities()
def pig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    labels: Array | None = None,
    target_labels: Array | None = None,
    *,
    target_weights: Array | None = None,
    given: Context | None = None,
    approximation: str = "logdet",
) -> Array:
    r"""Predictive information gain: what each observed outcome tells about an observed target's.

    .. math:: \sum_e v_e \log \frac{p(y_i \mid y_e)}{p(y_i)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as of `ig`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `epig`; an embedding is of their observed information.
    labels, target_labels : array [N] and [M], optional
        The observed labels, integers: of a `Categorical`, and of no `Gaussian`.
    target_weights : array [M], optional
        What each target counts; normalised to sum to one. Default: all the same.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `ig`.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        Of a `Gaussian`, as of `epig`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. Of a `Categorical`, negative where the
        label makes those of the targets less probable, and -inf where it makes one impossible.

    Raises
    ------
    TypeError, ValueError
        As of `epig` and `ig`.

    Notes
    -----
    Of a `Categorical` exact for the K draws; costs of the order of N M K exponentials, in bounded
    memory (beside M K numbers). Its mean over the labels that the model expects, of candidate and
    target jointly, is `epig`. Labels that all draws call impossible tell nothing, and nothing tells
    about them.

    In a generalised linear model, or with the generalised Gauss-Newton, exactly `epig`; see `ig`.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.3.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> infoq.pig(probs, probs[:1], labels=np.array([0, 1]), target_labels=np.array([0])).round(4)
    array([ 0.4947, -0.6539])
    >>> pool = infoq.Gaussian(np.array([[1.0, 1.0]]), 1.0)
    >>> infoq.pig(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]]))).round(4)
    array([0.1551])
    """
    pool = as_predictive(x)
    named: dict[str, Any] = {"target_weights": target_weights, "given": given}
    if isinstance(pool, Gaussian):
        refuse_labels(labels=labels, target_labels=target_labels)
        return epig(pool, targets, approximation=approximation, **named)
    return _at_first(
        PIG(pool, targets, labels, target_labels, approximation=approximation, **named)
    )


@capabilities()
def jpig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    labels: Array | None = None,
    target_labels: Array | None = None,
    *,
    given: Context | None = None,
    approximation: str = "logdet",
) -> Array:
    r"""Joint predictive information gain: what each observed outcome tells about all targets'.

    .. math:: \log \frac{p(y_i \mid y_{1..M})}{p(y_i)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as of `ig`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `jepig`; an embedding is of their observed information.
    labels, target_labels : array [N] and [M], optional
        The observed labels, integers: of a `Categorical`, and of no `Gaussian`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `ig`.
    approximation : {"logdet", "trace", "kronecker"}
        Of a `Gaussian`, as of `jepig`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. Of a `Categorical`, negative where the
        label makes those of the targets less probable, and -inf where it makes them impossible.

    Raises
    ------
    TypeError, ValueError
        As of `jepig` and `ig`.

    Notes
    -----
    Of a `Categorical` exact for the K draws, and RHO-loss: the loss of the label less its loss by a
    model that has seen the targets too. The pointwise mutual information, whose mean over the
    labels that the model expects is `jepig`. Costs of the order of (N + M) K exponentials, in
    log-weights: a hundred targets do not underflow. Labels that all draws call impossible tell
    nothing, and nothing tells about them; no more about targets whose labels are impossible
    together.

    In a generalised linear model, or with the generalised Gauss-Newton, exactly `jepig`; see `ig`.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.4. Mindermann, S. et al. (2022).
    Prioritized training on points that are learnable, worth learning, and not yet learnt,
    arXiv:2206.07137 (RHO-loss).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> infoq.jpig(probs, probs, labels=np.array([0, 1]), target_labels=np.array([0, 0])).round(4)
    array([ 0.5635, -0.8383])
    >>> pool = infoq.Gaussian(np.array([[1.0, 1.0]]), 1.0)
    >>> infoq.jpig(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]]))).round(4)
    array([0.1551])
    """
    pool = as_predictive(x)
    if isinstance(pool, Gaussian):
        refuse_labels(labels=labels, target_labels=target_labels)
        return jepig(pool, targets, given=given, approximation=approximation)
    return _at_first(
        JPIG(pool, targets, labels, target_labels, given=given, approximation=approximation)
    )


def _at_first(f: LabelledQuantity) -> Array:
    """The gains of the empty batch."""
    return f.gains(f.start())

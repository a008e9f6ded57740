"""IG, PIG and JPIG: the counterparts of EIG, EPIG and JEPIG for observed labels."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import Measure, OfAllTargets, OfEachTarget, OfParameters
from infoq.gaussian.label_shifts import divergence, pointwise
from infoq.gaussian.predictive import Gaussian
from infoq.predictives import Context, Predictive, as_predictive
from infoq.quantities.eig import eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig
from infoq.quantities.labelled_batches import (
    IG,
    JPIG,
    PIG,
    LabelledQuantity,
    check_measure,
)
from infoq.structures.embedding import Embedding
from infoq.unknowns import AllTargets, EachTarget


@capabilities()
def ig(
    x: Predictive | Array,
    labels: Array | None = None,
    *,
    measure: Measure = "divergence",
    log_density: Array | None = None,
    given: Context | None = None,
    approximation: OfParameters = "logdet",
) -> Array:
    r"""Information gain of each observed label about the parameters.

    The divergence, for K draws with weights :math:`\tilde w_k \propto w_k\, p_k(y_i)` given the
    label,

    .. math:: KL\big(p(\theta \mid y_i) \,\|\, p(\theta)\big)
              = \sum_k \tilde w_k \log \frac{\tilde w_k}{w_k}

    and for a `Gaussian`, with :math:`A_i = E_i P^{-1} E_i^T` and the gradient
    :math:`g_i = E_i^T u_i` of the loss at the label,

    .. math:: \tfrac12 \big[\log\det(I + A_i) - tr(A_i K_i) + (K_i u_i)^T A_i K_i u_i\big], \quad
              K_i = (I + A_i)^{-1}

    Or the drop in entropy, for draws with log-densities and for a `Gaussian`:

    .. math:: H[\Theta] - H[\Theta \mid y_i]
              = KL + \sum_k (\tilde w_k - w_k) \log p(\theta_k)

    .. math:: \tfrac12 \log\det\big(I + H''[y_i \mid x_i, w^*]\, P^{-1}\big)

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities. For the divergence, a `Gaussian`
        needs an embedding that knows its prediction at the mean of the parameters, conditional on
        `given`. Such embeddings are `LastLayerEmbedding`, `fisher_embedding` or `JacobianEmbedding`
        with a likelihood that predicts: any of `infoq.likelihoods`, with ``mean=`` for
        `Normal` and `Curvature`.
    labels : array [N] or [N, C], optional
        The observed labels: integers from 0 to C - 1 for a `Categorical` or a `Softmax`, otherwise
        what the likelihood takes. The drop in entropy of a `Gaussian` does not depend on them.
    measure : {"divergence", "entropy"}
        The divergence of the posterior from the prior, which is never negative; or the drop in
        differential entropy, which may be negative and obeys the chain rule.
    log_density : array [K], optional
        For the entropy of a `Categorical`: log p(theta_k) of its draws, up to a constant, before
        `given`. The weights cannot replace it: they are relative counts, not densities.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on. For a `Categorical`: labels, from
        `Categorical.context` and ``Categorical.observe(given, index, label)``.
    approximation : {"logdet", "trace"}
        For a `Gaussian`: the equations above, or their first order. For the divergence the first
        order is :math:`\tfrac12 g_i^T P^{-1} g_i`, half the squared length of the gradient. For the
        entropy it is the trace of `eig`, the mean of the former over the labels.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. The divergence is never negative, and for a
        `Categorical` at most -log of the smallest weight of a draw.

    Raises
    ------
    TypeError, ValueError
        See `eig`; also if labels are missing or impossible (the message names the first), the
        embedding knows no prediction, or `log_density` is missing. `infoq.likelihoods.Curvature`
        raises if observed information is not positive semi-definite, which may happen for a
        network.

    Notes
    -----
    The mean of either measure over the labels that the model expects is `eig`, exactly for a
    `Categorical` and for a `Normal`. For other Gaussians the mean of the divergence is `eig` only
    to leading order, and is below it where outcomes are very informative.

    For a `Categorical`, exact for the given K draws, at a cost of the order of N K exponentials.
    The drop in entropy of equal *weights* is the divergence, and not the drop in entropy of the
    parameters. A label of probability 0 under all draws is uninformative: 0. No term of the sums is
    negative, so that float32 keeps its digits where labels are hardly informative. Probabilities
    of exactly 0 have gradient 0.

    For a `Gaussian`, exact for linear regression, else to second order about the mean. The label
    enters through its residual, which moves the mean, and through its curvature. In a generalised
    linear model with a canonical link the curvature does not depend on the label, at every w; the
    generalised Gauss-Newton treats a network as one. Then the drop in entropy **is** `eig`, to the
    last digit: labels change the divergence only. An outcome with a probability of 0 has a finite
    divergence, as curvature has a floor far below rounding.

    With another link, the divergence uses the expected curvature, or that of the label if the
    likelihood has ``information="observed"``. The drop in entropy uses the expected one; for
    that of labels, use `eig` with `infoq.likelihoods.Curvature.at`. The cost is that of `eig`, and
    of a factorisation of R x R matrices.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.1. Paul, M. et al. (2021),
    arXiv:2107.07075 (GraNd: the first order for P = I).

    Examples
    --------
    The label that was less expected is more informative:

    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [0.9, 0.1]]])
    >>> infoq.ig(probs, np.array([0, 1])).round(4)
    array([0.0414, 0.2426])

    The same holds in linear regression, where a larger residual is more informative. The drop in
    entropy is equal for all labels:

    >>> normal = infoq.likelihoods.Normal(0.5, mean=np.zeros(3))
    >>> layer = infoq.LastLayerEmbedding(np.full((3, 1), 1.25**0.5), normal)
    >>> pool = infoq.Gaussian(layer, 1.0)
    >>> infoq.ig(pool, np.array([0.0, 1.0, 3.0])).round(2)
    array([0.27, 0.47, 2.11])
    >>> infoq.ig(pool, measure="entropy").round(3)
    array([0.626, 0.626, 0.626])
    """
    pool = as_predictive(x)
    named: dict[str, Any] = {"given": given, "approximation": approximation}
    if not isinstance(pool, Gaussian):
        return _at_first(IG(pool, labels, measure=measure, log_density=log_density, **named))
    check_measure(measure, log_density, pool)
    if measure == "entropy":
        unlabelled: Array = eig(pool, **named)
        return unlabelled
    return divergence(pool.labelled(labels), given, approximation)


@capabilities()
def pig(
    x: Predictive | Array,
    targets: Predictive | Embedding | Array,
    labels: Array | None = None,
    target_labels: Array | None = None,
    *,
    target_weights: Array | None = None,
    given: Context | None = None,
    approximation: OfEachTarget = "logdet",
) -> Array:
    r"""Predictive information gain: mean information of each label about a target's label.

    .. math:: \sum_e v_e \log \frac{p(y_e \mid y_i)}{p(y_e)}
              = \sum_e v_e \log \frac{p(y_i \mid y_e)}{p(y_i)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as in `ig`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as in `epig`. With labels of a `Gaussian`, an embedding that knows its
        prediction, as in `ig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels, as in `ig`. If a `Gaussian` has neither, the expectation over both.
    target_weights : array [M], optional
        The weight of each target; normalised to sum to one. Default: equal weights.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on, as in `ig`.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        For a `Gaussian` without labels, as in `epig`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. Negative where the label makes those of the
        targets less probable; for a `Categorical`, -inf where it makes one impossible.

    Raises
    ------
    TypeError, ValueError
        See `epig` and `ig`; also if labels of a `Gaussian` are given for only one of candidates and
        targets, or with another approximation than "logdet".

    Notes
    -----
    For a `Categorical`, exact for the given K draws, at a cost of the order of N M K exponentials,
    in bounded memory (beside M K numbers). Its mean over the labels that the model expects, of
    candidate and target jointly, is `epig`. Labels that all draws call impossible are
    uninformative, and no label is informative about them.

    For a `Gaussian` with labels it is :math:`\log N(u_e; d, I + A_e') / N(u_e; 0, I + A_e)`. The
    candidate's label shifts the mean by d, and leaves the covariance A_e'. This is exact for a
    `Normal`: the ratio of predictive densities, whose mean over labels is `epig`. For other
    likelihoods the losses count to second order about the mean, as in `ig`. The leading term is
    then the influence score :math:`g_e^T (P + F_i)^{-1} g_i`: the decrease of the target's loss by
    a Newton step on the candidate's label. Costs those of `epig` and three more products per row.
    Candidates whose outcome nearly determines that of a target are projected on the rows of each
    target, as in `epig`, which keeps the digits that their correlation has lost.

    Without labels it is `epig`, the expectation over both. With observed information of both
    (`Curvature`) the two agree only in the mean over labels, not label by label.

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
        if labels is None and target_labels is None:
            unlabelled: Array = epig(pool, targets, approximation=approximation, **named)
            return unlabelled
        each = EachTarget(targets, target_weights)
        both = pool.both_labelled(each, labels, target_labels, approximation)
        return pointwise(*both, given)
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
    approximation: OfAllTargets = "logdet",
) -> Array:
    r"""Joint predictive information gain of each observed label about those of all targets.

    .. math:: \log \frac{p(y_{1..M} \mid y_i)}{p(y_{1..M})}
              = \log \frac{p(y_i \mid y_{1..M})}{p(y_i)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as in `ig`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as in `jepig`. With labels of a `Gaussian`, an embedding that knows its
        prediction, as in `ig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels, as in `ig`. If a `Gaussian` has neither, the expectation over both.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on, as in `ig`.
    approximation : {"logdet", "trace", "kronecker"}
        For a `Gaussian` without labels, as in `jepig`.

    Returns
    -------
    array [N]
        Nats, in the namespace, device and dtype of `x`. Negative where the label makes those of the
        targets less probable; for a `Categorical`, -inf where it makes them impossible.

    Raises
    ------
    TypeError, ValueError
        See `jepig` and `ig`; also if labels of a `Gaussian` are given for only one of candidates
        and targets, or with another approximation than "logdet".

    Notes
    -----
    For a `Categorical`, exact for the given K draws. It is RHO-loss: the loss of the label minus
    its loss under a model that has also seen the targets. It is also the pointwise mutual
    information, whose mean over the labels that the model expects is `jepig`. Costs of the order of
    (N + M) K exponentials, in log-weights: a hundred targets do not underflow. Labels that all
    draws call impossible are uninformative, and no label is informative about them, nor about
    targets whose labels are impossible together.

    For a `Gaussian` with labels it is `pig` with the outcomes of all targets as a single one: exact
    for a `Normal`, else to second order about the mean. Costs those of `jepig`. Without labels it
    is `jepig`, the expectation over them.

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
        if labels is None and target_labels is None:
            unlabelled: Array = jepig(pool, targets, given=given, approximation=approximation)
            return unlabelled
        every = AllTargets(targets)
        both = pool.both_labelled(every, labels, target_labels, approximation)
        return pointwise(*both, given)
    return _at_first(
        JPIG(pool, targets, labels, target_labels, given=given, approximation=approximation)
    )


def _at_first(f: LabelledQuantity) -> Array:
    """The gains given the empty batch: [N]."""
    return f.gains(f.start())

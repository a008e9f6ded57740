"""Reduction of predictive variance, by Fisher information: BAIT, ITL, VTL and variants."""

from __future__ import annotations

from typing import Unpack

from infoq import quantities, selection
from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.checks.matrices import read_scalar
from infoq.draws.categorical import Categorical
from infoq.gaussian.laplace import laplace
from infoq.gaussian.predictive import Gaussian
from infoq.likelihoods import Bernoulli, Likelihood
from infoq.methods.outputs import as_likelihood, class_logits, with_classes
from infoq.methods.taxonomy import Who, method
from infoq.selection import Selection
from infoq.selection.selected import check_batch_size
from infoq.structures.concatenated import joined
from infoq.structures.diagonal_precision import ScalarPrecision
from infoq.structures.embedding import Embedding
from infoq.structures.gradient_embedding import gradient_embedding
from infoq.structures.last_layer import LastLayerEmbedding


@capabilities(reads_values="which members are dropped depends on values")
@method(
    noun="embedding of Fisher information",
    verb="EPIG of the batch",
    adverb="trace, with the published scaling by the numbers of labelled and picked",
    selection="forward_backward",
    status="exact objective; an upper bound of a log-det that is minimised",
    source="Ash et al. 2021, algorithm 1",
)
def bait(
    pool: Embedding,
    k: int,
    *,
    labelled: Embedding | None = None,
    targets: Embedding | None = None,
    prior_precision: float = 1.0,
    oversample: float = 2,
    **who: Unpack[Who],
) -> Selection:
    r"""BAIT: pick the batch that minimises the Fisher-weighted posterior variance.

    .. math::
        \min_A \mathrm{tr} \Big[ \Big( \lambda I + \frac{n_L}{n_L + B} \bar F_L
            + \frac{B}{n_L + B} \sum_{a \in A} F_a \Big)^{-1} \bar F \Big]

    Parameters
    ----------
    pool : Embedding
        The candidates, as an embedding of their Fisher information.
    k : int
        How many to pick, B. The scaling uses this number, even if the pool is smaller.
    labelled : Embedding, optional
        The n_L points whose labels are known, embedded like the pool.
    targets : Embedding, optional
        The points of the mean Fisher information :math:`\bar F`. Default: the candidates and the
        labelled points.
    prior_precision : float
        The prior precision :math:`\lambda > 0`.
    oversample : float
        ``oversample * B`` candidates are picked first; then the least useful are dropped until B
        are left. 1 drops none.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        Gains add up to B / (n_L + B) times half of the batch's reduction of the objective.

    Raises
    ------
    TypeError, ValueError
        If an argument is not an embedding, the embeddings are not compatible, or the precision is
        not positive.

    Notes
    -----
    The objective is exact. It is not submodular. The search is forward greedy to 2 B, then backward
    greedy to B, with the picks of the published code. A step of that code costs N C P^2. Here a
    step updates quadratic forms, at N R^2 P; for a last layer, N R C (D + R) after a first step of
    N C^2 D^2 / 2. For many classes see `bait_top` and `bait_binary`.

    References
    ----------
    Ash, J. T., Goel, S., Krishnamurthy, A. and Kakade, S. (2021). Gone fishing: neural active
    learning with Fisher embeddings, NeurIPS, arXiv:2106.09675, algorithm 1.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.DenseEmbedding(np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]]))
    >>> infoq.methods.bait(pool, 2).indices
    array([0, 2])
    """
    for name, points in (("pool", pool), ("labelled", labelled), ("targets", targets)):
        if points is not None and not isinstance(points, Embedding):
            raise TypeError(
                f"{name}: expected an Embedding such as infoq.LastLayerEmbedding, got "
                f"{type(points).__name__}"
            )
    batch = max(1, check_batch_size(k))
    count = 0 if labelled is None else len(labelled)
    # The objective times B / (n_L + B), so that what is picked counts as it is.
    read_scalar(float(prior_precision), "prior_precision")
    prior = ScalarPrecision(float(prior_precision) * (count + batch) / batch)
    known = prior if labelled is None else laplace(labelled, prior, temperature=batch)
    if targets is None:
        targets = pool if labelled is None else joined(pool, labelled)
    f = quantities.EPIG(Gaussian(pool, known), targets, approximation="trace")
    return selection.forward_backward(f, k, oversample=oversample, **who)


@capabilities(reads_values="which members are dropped depends on values")
@method(
    noun="features and class probabilities",
    verb="EPIG of the batch",
    adverb="trace, for the gradients of the most probable classes",
    selection="forward_backward",
    status="lower bound of the Fisher information",
    source="Huseljic et al. 2024",
)
def bait_top(
    features: Array,
    likelihood: Likelihood | Array,
    k: int,
    *,
    classes: int = 2,
    labelled: tuple[Array, Likelihood | Array] | None = None,
    prior_precision: float = 1.0,
    oversample: float = 2,
    bias: bool = False,
    **who: Unpack[Who],
) -> Selection:
    """BAIT with the expectation over the labels taken over the most probable classes alone.

    Parameters
    ----------
    features : array [N, D] or [N, C, P]
        Features under a linear last layer, or Jacobians of the outputs.
    likelihood : Likelihood or array [N, C]
        The predictions of the outcomes; a bare array is class probabilities.
    k : int
        How many to pick.
    classes : int
        Number R of most probable classes, from 1 to C; R rows per candidate. With C it is `bait`.
    labelled : tuple of features and likelihood, optional
        The points whose labels are known.
    prior_precision, oversample
        As in `bait`.
    bias : bool
        Whether each class has a bias; for features only.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        As in `bait`.

    Notes
    -----
    There are still P = C D parameters, and P x P matrices are formed. For a thousand classes see
    `bait_binary`.

    References
    ----------
    Huseljic, D., Hahn, P., Herde, M., Rauch, L. and Sick, B. (2024). Fast fishing: approximating
    BAIT for efficient and scalable deep active image classification, ECML PKDD, arXiv:2404.08981.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> features, probs = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> infoq.methods.bait_top(features, probs, 1).indices
    array([1])
    """

    def embedded(x: Array, outcomes: Likelihood | Array) -> Embedding:
        return gradient_embedding(x, with_classes(outcomes), top=classes, bias=bias)

    return bait(
        embedded(features, likelihood),
        k,
        labelled=None if labelled is None else embedded(*labelled),
        prior_precision=prior_precision,
        oversample=oversample,
        **who,
    )


@capabilities(reads_values="which members are dropped depends on values")
@method(
    noun="features and class probabilities",
    verb="EPIG of the batch",
    adverb="trace, for the binary outcome whether the most probable class is the label",
    selection="forward_backward",
    status="heuristic; for two classes exact, with half the prior precision",
    source="Huseljic et al. 2024",
)
def bait_binary(
    features: Array,
    likelihood: Likelihood | Array,
    k: int,
    *,
    labelled: tuple[Array, Likelihood | Array] | None = None,
    prior_precision: float = 1.0,
    oversample: float = 2,
    bias: bool = False,
    **who: Unpack[Who],
) -> Selection:
    r"""BAIT with one binary outcome: whether the most probable class is the label.

    Parameters
    ----------
    features : array [N, D]
        Features under a linear last layer.
    likelihood : Likelihood or array [N, C]
        The predictions of the outcomes; a bare array is class probabilities.
    k : int
        How many to pick.
    labelled : tuple of features and likelihood, optional
        The points whose labels are known.
    prior_precision, oversample
        As in `bait`.
    bias : bool
        Whether the layer has a bias.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as picked.

    Returns
    -------
    Selection
        As in `bait`.

    Notes
    -----
    Each candidate has one row :math:`\sqrt{\hat p (1 - \hat p)}\, \phi`, and there are P = D
    parameters for any number of classes. With two classes it is the Fisher information of the
    difference of their logits, and equals `bait` with twice this prior precision.

    References
    ----------
    Huseljic, D. et al. (2024), arXiv:2404.08981.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> features, probs = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> infoq.methods.bait_binary(features, probs, 1).indices
    array([1])
    """

    def embedded(x: Array, outcomes: Likelihood | Array) -> Embedding:
        return LastLayerEmbedding(x, _missed(as_likelihood(outcomes)), bias=bias)

    return bait(
        embedded(features, likelihood),
        k,
        labelled=None if labelled is None else embedded(*labelled),
        prior_precision=prior_precision,
        oversample=oversample,
        **who,
    )


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Gaussian",
    verb="JEPIG of the batch",
    adverb="log-det",
    selection="greedy",
    status="exact for a linear Gaussian model",
    source="Hübotter et al. 2024",
)
def itl(x: Gaussian, targets: Gaussian | Embedding, k: int, **who: Unpack[Who]) -> Selection:
    """ITL: transductive learning by the joint information about all targets, greedily.

    The gains are exact for a linear Gaussian model.

    Parameters
    ----------
    x : Gaussian
        The candidates, for example `infoq.Gaussian.from_covariance` of a Gaussian process.
    targets : Gaussian or Embedding
        The points to predict.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as observed.

    Returns
    -------
    Selection
        Gains in nats.

    Notes
    -----
    This is information about the targets' outcomes. The published objective is about their
    noise-free values: the limit of small noise at the targets.

    References
    ----------
    Hübotter, J., Sukhija, B., Treven, L., As, Y. and Krause, A. (2024). Transductive active
    learning: theory and applications, NeurIPS, arXiv:2402.15898.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> infoq.methods.itl(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]])), 1).indices
    array([1])
    """
    return selection.greedy(quantities.JEPIG(x, targets), k, **who)


@capabilities(lazy="the picks are computed eagerly")
@method(
    noun="Gaussian",
    verb="EPIG of the batch",
    adverb="trace",
    selection="greedy",
    status="exact for a linear Gaussian model",
    source="Hübotter et al. 2024; Seo et al. 2000",
)
def vtl(
    x: Gaussian,
    targets: Gaussian | Embedding,
    k: int,
    *,
    target_weights: Array | None = None,
    **who: Unpack[Who],
) -> Selection:
    """VTL: transductive learning by the remaining variance at the targets, greedily.

    The gains are exact for a linear Gaussian model.

    Parameters
    ----------
    x : Gaussian
        The candidates, for example `infoq.Gaussian.from_covariance` of a Gaussian process.
    targets : Gaussian or Embedding
        The points to predict.
    k : int
        How many to pick.
    target_weights : array [M], optional
        Weight of each target.
    **who : candidates, given
        As in `infoq.greedy`; given candidates count as observed.

    Returns
    -------
    Selection
        Gains are half of each reduction of the targets' mean variance, in units of their noise.

    References
    ----------
    Hübotter, J. et al. (2024), arXiv:2402.15898. Seo, S., Wallat, M., Graepel, T. and Obermayer, K.
    (2000). Gaussian process regression: active data selection and test point rejection, IJCNN.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 0.0], [0.0, 1.0]]), 1.0)
    >>> infoq.methods.vtl(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]])), 1).indices
    array([1])
    """
    f = quantities.EPIG(x, targets, target_weights=target_weights, approximation="trace")
    return selection.greedy(f, k, **who)


def _missed(outcomes: Likelihood) -> Bernoulli:
    """The outcome "the most probable class is not the label", as a Bernoulli likelihood."""
    logits = class_logits(outcomes, "likelihood")
    missed = quantities.least_confidence(Categorical(logits=logits[:, None, :]))
    return Bernoulli(ops_for(missed).xp.astype(missed, first_array(outcomes).dtype))

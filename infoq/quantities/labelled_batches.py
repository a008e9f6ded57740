"""The labelled quantities as set functions: what the observed labels of a growing batch tell."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.predictives import (
    PARAMETERS,
    AllTargets,
    Context,
    EachTarget,
    Embedding,
    Gaussian,
    LabelledBatch,
    Predictive,
    as_predictive,
)
from infoq.quantities.batches import Quantity


class LabelledQuantity(Quantity):
    """A quantity of a growing batch of observed labels; `IG`, `PIG` and `JPIG` say about what."""

    _batch: Any

    def __init__(
        self,
        pool: Predictive,
        about: Any,
        labels: Array | None,
        target_labels: Array | None,
        given: Context | None,
        approximation: str,
    ) -> None:
        if isinstance(pool, Gaussian):
            refuse_labels(labels=labels, target_labels=target_labels)
            super().__init__(pool, about, given, approximation, samples=1, seed=0)
            return
        if approximation != "logdet":
            raise ValueError(
                f"approximation: {approximation!r} is of a Gaussian; a Categorical is exact"
            )
        self._pool = pool
        self._batch = LabelledBatch(pool, labels, about, target_labels, given)
        self.submodular = self._batch.submodular

    def gains(self, state: Any) -> Array:
        """What each candidate's label adds to the value: [N] nats; of labels maybe below 0."""
        return super().gains(state)


def refuse_labels(**labels: Array | None) -> None:
    """Refuse labels beside a `Gaussian`."""
    for name, given in labels.items():
        if given is not None:
            raise TypeError(
                f"{name}: expected none with a Gaussian, whose embedding holds the observed "
                f"information; labels are of a Categorical"
            )


@capabilities(lazy="what a batch grows by is kept in memory")
class IG(LabelledQuantity):
    r"""Information gain of a batch of observed labels as a set function: about the parameters.

    .. math:: KL\big(p(\theta \mid y_B) \,\|\, p(\theta)\big)

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array is probabilities. A `Gaussian` by an embedding of observed
        information.
    labels : array [N], optional
        The observed labels, integers: of a `Categorical`, and of no `Gaussian`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `ig`.
    approximation : {"logdet", "trace"}
        Of a `Gaussian`, as of `EIG`.

    Notes
    -----
    Of a `Gaussian` exactly `EIG`. Of a `Categorical` exact for the draws; not submodular, and not
    monotone: a label that takes back what others told has a gain below 0, which is not clipped.
    Labels weigh the draws in the order of the picks, and one that is impossible after those before
    it tells nothing. A batch is one row of K log-weights: a step costs of the order of
    N K exponentials.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.1.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> infoq.greedy(infoq.IG(probs, np.array([0, 1])), 2).gains.round(4)
    array([ 0.3681, -0.2922])
    """

    def __init__(
        self,
        x: Predictive | Array,
        labels: Array | None = None,
        *,
        given: Context | None = None,
        approximation: str = "logdet",
    ) -> None:
        pool = as_predictive(x)
        super().__init__(pool, PARAMETERS, labels, None, given, approximation)


@capabilities(lazy="what a batch grows by is kept in memory")
class PIG(LabelledQuantity):
    r"""Predictive information gain of a batch of observed labels as a set function.

    What the labels of a batch tell about a target's, on average over targets:

    .. math:: \sum_e v_e \log \frac{p(y_e \mid y_B)}{p(y_e)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as of `IG`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `pig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels, integers: of a `Categorical`, and of no `Gaussian`.
    target_weights : array [M], optional
        What each target counts. Default: all the same.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `ig`.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        Of a `Gaussian`, as of `EPIG`.

    Notes
    -----
    Of a `Gaussian` exactly `EPIG`. Of a `Categorical` the gain of a label is
    :math:`\sum_e v_e \log p(y_i \mid y_e, y_B) / p(y_i \mid y_B)`, which may be below 0; neither
    submodular nor monotone. -inf from the pick on that makes a target's label impossible. A step
    costs of the order of N M K exponentials.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.3.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> about = infoq.PIG(probs, probs[:1], labels=np.array([0, 1]), target_labels=np.array([0]))
    >>> about.gains(about.start()).round(4)
    array([ 0.4947, -0.6539])
    """

    def __init__(
        self,
        x: Predictive | Array,
        targets: Predictive | Embedding | Array,
        labels: Array | None = None,
        target_labels: Array | None = None,
        *,
        target_weights: Array | None = None,
        given: Context | None = None,
        approximation: str = "logdet",
    ) -> None:
        pool = as_predictive(x)
        about = EachTarget(pool.as_targets(targets), target_weights)
        super().__init__(pool, about, labels, target_labels, given, approximation)


@capabilities(lazy="what a batch grows by is kept in memory")
class JPIG(LabelledQuantity):
    r"""Joint predictive information gain of a batch of observed labels as a set function.

    What the labels of a batch tell about those of all targets jointly (of one candidate, RHO-loss):

    .. math:: \log \frac{p(y_{1..M} \mid y_B)}{p(y_{1..M})}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates, as of `IG`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets, as of `jpig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels, integers: of a `Categorical`, and of no `Gaussian`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        What already counts as known, as of `ig`.
    approximation : {"logdet", "trace", "kronecker"}
        Of a `Gaussian`, as of `JEPIG`.

    Notes
    -----
    Of a `Gaussian` exactly `JEPIG`. Of a `Categorical` the gain of a label is
    :math:`\log p(y_i \mid y_B, y_{1..M}) / p(y_i \mid y_B)`, which may be below 0; neither
    submodular nor monotone. -inf from the pick on that makes the targets' labels impossible;
    whatever comes after it tells nothing more. A step costs of the order of N K
    exponentials.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.4. Mindermann, S. et al. (2022).
    Prioritized training on points that are learnable, worth learning, and not yet learnt,
    arXiv:2206.07137 (RHO-loss).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> about = infoq.JPIG(probs, probs, labels=np.array([0, 1]), target_labels=np.array([0, 0]))
    >>> infoq.greedy(about, 2).gains.round(4)
    array([ 0.5635, -0.2532])
    """

    def __init__(
        self,
        x: Predictive | Array,
        targets: Predictive | Embedding | Array,
        labels: Array | None = None,
        target_labels: Array | None = None,
        *,
        given: Context | None = None,
        approximation: str = "logdet",
    ) -> None:
        pool = as_predictive(x)
        about = AllTargets(pool.as_targets(targets))
        super().__init__(pool, about, labels, target_labels, given, approximation)

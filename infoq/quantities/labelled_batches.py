"""The labelled quantities as set functions: the information of a batch of observed labels."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import (
    MEASURES,
    Measure,
    OfAllTargets,
    OfEachTarget,
    OfParameters,
    one_of,
)
from infoq.gaussian.predictive import Gaussian
from infoq.predictives import Context, Predictive, as_predictive
from infoq.quantities.batches import Quantity
from infoq.structures.embedding import Embedding
from infoq.unknowns import PARAMETERS, AllTargets, EachTarget


class LabelledQuantity(Quantity):
    """A quantity of a growing batch of observed labels, with gains that may be negative."""


def check_measure(measure: str, log_density: Array | None, pool: Predictive) -> None:
    """Raise for an unknown measure, or a log-density that is missing or is not used."""
    one_of(MEASURES, measure, "measure")
    needed = measure == "entropy" and not isinstance(pool, Gaussian)
    if needed and log_density is None:
        raise TypeError(
            "log_density: the drop in differential entropy needs log p(theta_k) of the draws, an "
            'array [K]; weights alone say only measure="divergence"'
        )
    if log_density is not None and not needed:
        raise ValueError('log_density: is of a Categorical with measure="entropy" alone')


@capabilities(lazy="the state of the batch is kept in memory")
class IG(LabelledQuantity):
    r"""Information gain of a batch of observed labels as a set function: about the parameters.

    .. math:: KL\big(p(\theta \mid y_B) \,\|\, p(\theta)\big), \quad \text{or} \quad
              H[\Theta] - H[\Theta \mid y_B]

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; a bare array holds class probabilities. A `Gaussian` needs an embedding that
        knows its prediction; see `ig`.
    labels : array [N] or [N, C], optional
        The observed labels; see `ig`.
    measure : {"divergence", "entropy"}
        The divergence or the drop in entropy; see `ig`.
    log_density : array [K], optional
        Needed for a `Categorical` with ``measure="entropy"``; see `ig`.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `ig`.
    approximation : {"logdet", "trace"}
        For a `Gaussian`; see `ig`.

    Raises
    ------
    TypeError, ValueError
        See `ig`.

    Notes
    -----
    Gains are increments of the value, in nats, and are not clipped. The divergence is neither
    submodular nor monotone: a label that contradicts the others has a negative gain. The drop in
    entropy obeys the chain rule: its gain is `ig` conditional on the batch. For a `Gaussian` it is
    `EIG`.

    For a `Categorical`, exact for the given draws. Labels weigh the draws in the order of the
    picks, and a label that is impossible after those before it is uninformative. A batch is one row
    of K log-weights: a step costs of the order of N K exponentials.

    For a `Gaussian`, all labels of a batch are evaluated at one mean, where the model was fitted:
    their Fisher information and their gradients add up. Exact for a `Normal`. Each pick updates the
    covariance of every candidate's outputs like `EIG`, in three times the time; that of the batch
    itself costs (B R)^3. Where outcomes are so informative that float32 would lose the digits,
    every step projects all candidates on the batch instead, N B R^2 P multiply-adds. With "trace"
    gradients add up and nothing is updated.

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
        measure: Measure = "divergence",
        log_density: Array | None = None,
        given: Context | None = None,
        approximation: OfParameters = "logdet",
    ) -> None:
        pool = as_predictive(x)
        check_measure(measure, log_density, pool)
        if measure == "entropy" and log_density is None:  # of a Gaussian, without its labels
            super().__init__(pool.batch(PARAMETERS, given, approximation))
            return
        f = pool.labelled_batch(
            PARAMETERS, labels, None, given, approximation, log_density=log_density
        )
        super().__init__(f)


@capabilities(lazy="the state of the batch is kept in memory")
class PIG(LabelledQuantity):
    r"""Predictive information gain of a batch of observed labels as a set function.

    The value is the information of the batch's labels about a target's label, on average over
    targets:

    .. math:: \sum_e v_e \log \frac{p(y_e \mid y_B)}{p(y_e)}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; see `IG`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets; see `pig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels; see `pig`. For a `Gaussian` without any, the expectation over both.
    target_weights : array [M], optional
        The weight of each target; normalised to sum to one. Default: equal weights.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `ig`.
    approximation : {"logdet", "jensen", "trace", "kronecker"}
        For a `Gaussian` without labels; see `EPIG`.

    Raises
    ------
    TypeError, ValueError
        See `pig`.

    Notes
    -----
    The gain of a label is :math:`\sum_e v_e \log p(y_i \mid y_e, y_B) / p(y_i \mid y_B)`, in nats,
    which may be negative. Neither submodular nor monotone.

    For a `Categorical`, exact for the given draws. The value is -inf from the pick on that makes a
    target's label impossible. A step costs of the order of N M K exponentials.

    For a `Gaussian`, every pair of a candidate and a target is computed anew under the precision
    and the mean after the batch, like `EPIG`. Exact for a `Normal`, else to second order; see
    `pig`. Without labels it is `EPIG`. In float32, gains conditional on picks are right to 1e-4 at
    a noise of 1e-6. Where a few outcomes have more rows than there are parameters, labels
    contradict each other: then to 1e-3 at 1e-4, and to 1 part in 25 at 1e-6.

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
        approximation: OfEachTarget = "logdet",
    ) -> None:
        pool = as_predictive(x)
        about = EachTarget(pool.as_targets(targets), target_weights)
        super().__init__(pool.labelled_batch(about, labels, target_labels, given, approximation))


@capabilities(lazy="the state of the batch is kept in memory")
class JPIG(LabelledQuantity):
    r"""Joint predictive information gain of a batch of observed labels as a set function.

    The value is the information of the batch's labels about the joint labels of all targets. For
    one candidate it is RHO-loss:

    .. math:: \log \frac{p(y_{1..M} \mid y_B)}{p(y_{1..M})}

    Parameters
    ----------
    x : Categorical, Gaussian or array [N, K, C]
        The candidates; see `IG`.
    targets : Categorical or array [M, K, C'], or Gaussian or Embedding
        The targets; see `jpig`.
    labels, target_labels : array [N] and [M], optional
        The observed labels; see `jpig`. For a `Gaussian` without any, the expectation over both.
    given : Outcomes, or Precision, Embedding or Gaussian, optional
        The context that the information is conditional on; see `ig`.
    approximation : {"logdet", "trace", "kronecker"}
        For a `Gaussian` without labels; see `JEPIG`.

    Raises
    ------
    TypeError, ValueError
        See `jpig`.

    Notes
    -----
    The gain of a label is :math:`\log p(y_i \mid y_B, y_{1..M}) / p(y_i \mid y_B)`, in nats, which
    may be negative. Neither submodular nor monotone.

    For a `Categorical`, exact for the given draws. The value is -inf from the pick on that makes
    the targets' labels impossible; later picks are uninformative. A step costs of the order of N K
    exponentials.

    For a `Gaussian`, each pick updates quadratic forms like `JEPIG`. Exact for a `Normal`, else to
    second order; see `jpig`. Without labels it is `JEPIG`.

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
        approximation: OfAllTargets = "logdet",
    ) -> None:
        pool = as_predictive(x)
        about = AllTargets(pool.as_targets(targets))
        super().__init__(pool.labelled_batch(about, labels, target_labels, given, approximation))

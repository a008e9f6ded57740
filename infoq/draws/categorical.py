"""Prediction space: K posterior draws of the class probabilities of N candidates."""

from __future__ import annotations

from functools import partial
from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.trees import Tree
from infoq.checks.choices import OfEachTarget, check_exact
from infoq.checks.numbers import check_index
from infoq.checks.probabilities import InvalidValuesError
from infoq.draws.categorical_batch import CategoricalBatch
from infoq.draws.class_probabilities import AXES, ClassProbabilities
from infoq.draws.dirichlet import Dirichlet, refuse
from infoq.draws.divergence import draw_information
from infoq.draws.kernels import (
    about_each_given,
    about_split,
    check_targets,
    mean_entropy,
    split_targets,
)
from infoq.draws.labelled_batch import LabelledBatch
from infoq.draws.labels import (
    observe_label,
)
from infoq.draws.outcomes import Outcomes, as_place, observe
from infoq.draws.votes import one_hot
from infoq.measures.distribution import to_log_probabilities
from infoq.unknowns import About, AllTargets, EachTarget, Parameters


@capabilities()
class Categorical(ClassProbabilities):
    """Predictive of categorical outcomes: K posterior draws of the class probabilities.

    Parameters
    ----------
    probs, log_probs, logits : array [N, K, C]
        Exactly one of: class probabilities, their logarithms, or logits. Logits are normalised over
        C, block by block, when they are used. N candidates, K posterior draws, C classes. Draw k
        must be the same model for every candidate, and for every target. It is not with dropout
        that draws new masks for each row or call, which causes no error: check with
        `infoq.shared_draws`.
    weights : array [K], optional
        The weight of each draw; normalised to sum to one. Default: equal weights.
    axes : str
        The order of the axes, as a permutation of ``"NKC"``. It is never guessed. ``"NC"`` or
        ``"CN"`` is a single prediction per candidate, K = 1, for entropies and margins. There
        are then no draws that could disagree, and `eig` is 0.

    Raises
    ------
    TypeError
        If there is not exactly one array, it is not floating, or the arrays are of several
        libraries.
    ValueError
        If the shape does not fit `axes`, an axis is empty, or there is only one class (for one
        logit z pass the two logits [0, z]). Where values can be read, also if a value is NaN,
        negative or infinite, or a row does not sum to one within 0.001 (float16 and bfloat16:
        0.02). The message names the first bad candidate and draw.

    Notes
    -----
    ``pool[:10]``, ``pool[indices]`` and ``pool[mask]`` are some of the candidates under the same
    draws. The array is not copied, and is never written to. The check of the values takes one pass;
    for an array with traced or lazy values only the structure is checked.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> draws = np.array([[[0.3, 0.7], [0.2, 0.8]], [[0.4, 0.6], [0.5, 0.5]]])
    >>> pool = infoq.Categorical(draws, axes="KNC")
    >>> pool
    Categorical(N=2, K=2, C=2, probs, numpy float64)
    >>> infoq.bald(pool).round(8)
    array([0.00550865, 0.05067184])
    """

    def __init__(
        self,
        probs: Array | None = None,
        *,
        log_probs: Array | None = None,
        logits: Array | None = None,
        weights: Array | None = None,
        axes: str = AXES,
    ) -> None:
        named = {"probs": probs, "log_probs": log_probs, "logits": logits}
        given = {kind: x for kind, x in named.items() if x is not None}
        if len(given) != 1:
            names = ", ".join(given) or "none"
            raise TypeError(f"expected exactly one of probs, log_probs or logits, got {names}")
        ((kind, values),) = given.items()
        self.setup(values, kind, weights, axes, name=kind)
        self.check_values_now()

    @classmethod
    @capabilities()
    def from_votes(
        cls,
        votes: Array,
        num_classes: int,
        *,
        weights: Array | None = None,
        axes: str = "NK",
        like: Array | None = None,
    ) -> Categorical:
        """One label for each draw: a committee's votes, or any function of the draws.

        Each draw is certain of its label. As a pool, `eig` is the entropy of the votes (query by
        committee). As the target of `epig`, labels g(theta_k) make it the information about
        g(theta) itself, all else about theta left out: for g the best arm it is entropy search,
        for g a parameter (in bins) all others are nuisances.

        Parameters
        ----------
        votes : integers [N, K]
            The label of each of N candidates, or targets, under each of K draws: 0 to C - 1.
        num_classes : int
            The number of labels that there are, C, at least 2.
        weights : array [K], optional
            How much each draw counts. Default: all the same.
        axes : {"NK", "KN"}
            Where the axes are.
        like : array, optional
            An array whose dtype the probabilities have, such as those of the candidates that this
            is a target for; of the same library and device. Default: the library's floating dtype.

        Returns
        -------
        Categorical
            Probabilities [N, K, C] of 0 and 1.

        Raises
        ------
        TypeError
            If votes are no integers, or `like` is not floating.
        ValueError
            If the shape does not fit `axes`, or (where values can be read) a label is no class;
            the message names the first candidate and draw. Elsewhere such a label makes NaN.

        References
        ----------
        Seung, H. S., Opper, M. and Sompolinsky, H. (1992). Query by committee. COLT, 287-294.
        Hennig, P. and Schuler, C. (2012). Entropy search for information-efficient global
        optimization, arXiv:1112.1217.

        Examples
        --------
        Four members vote on two candidates:

        >>> import numpy as np, infoq
        >>> votes = infoq.Categorical.from_votes(np.array([[0, 0, 0, 0], [0, 1, 2, 1]]), 3)
        >>> infoq.eig(votes).round(4)
        array([0.    , 1.0397])
        """
        return cls(one_hot(votes, num_classes, axes, like), weights=weights)

    # --- information and entropy ------------------------------------------------------------

    def as_targets(self, targets: Any) -> Categorical:
        """Targets as a `Categorical`; a bare array holds class probabilities."""
        if isinstance(targets, Dirichlet):
            refuse("targets")
        return as_categorical(targets, "targets")

    def information(
        self,
        about: Parameters | EachTarget | AllTargets,
        given: object = None,
        approximation: OfEachTarget = "logdet",
    ) -> Array:
        """I[Y_i; about | given] for each candidate: [N] nats, never negative.

        Parameters
        ----------
        about : PARAMETERS or EachTarget
            The unknowns that the information is about.
        given : Outcomes, optional
            The context that the information is conditional on, from `context` and `observe`.
        approximation : {"logdet"}
            For a `Gaussian`; here nothing is approximated.

        Raises
        ------
        TypeError, ValueError
            If the targets have other draws, another dtype, library or device than the candidates,
            or (where values can be read) a bare array does not hold probabilities.
        """
        check_exact(approximation)
        known = self.check_given(given)
        if isinstance(about, Parameters):
            return self.finish(self._less_known(self._map(draw_information, 2), known))
        self.check_same_draws(about.targets)
        if isinstance(about, AllTargets):
            return self._about_all(about, known)
        targets, target_weights = about
        prepare = partial(split_targets, targets.kind, not targets._checked)
        shared = (targets.values, targets.target_weights(target_weights))
        try:
            if known is not None and known.num_observed > 0:
                joint = self.information_with_each(targets, target_weights, known)
                return self.finish(self._less_known(joint, known))
            return self.finish(self._map(about_split, 32, *shared, prepare=prepare))
        except InvalidValuesError:
            targets._check_values()
            raise

    def _about_all(self, about: AllTargets, given: Outcomes | None) -> Array:
        """I[Y_i; Y_T, Y_given] - I[Y_i; Y_given], where both are sums of divergences: [N] nats."""
        empty = self.context(samples=about.samples, seed=about.seed)
        known = empty if given is None else given
        joint = self.joint_with(about.targets, known)
        weights = self.ops.fetch(self.weights)
        split = joint.split(ops_for(weights), weights)
        scores = self._less_known(self._map(about_split, 32, *split), known)
        if joint.sampled:  # the samples' mean differs slightly from the draws' own weights
            own = self._less_known(self._map(draw_information, 2), known)
            scores = self.ops.xp.minimum(scores, own)
        return self.finish(scores)

    def batch(
        self,
        about: About,
        given: object = None,
        approximation: OfEachTarget = "logdet",
        *,
        samples: int = 10_000,
        seed: Any = 0,
    ) -> CategoricalBatch:
        """The information that a growing batch of candidates gives, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            What the information is about.
        given : Outcomes, optional
            Outcomes that already count as known, from `context` and `observe`; they have their own
            number of samples.
        approximation : {"logdet"}
            See `information`.
        samples, seed
            See `context`.

        Returns
        -------
        SetFunction
            Of `EIG`, `EPIG` or `JEPIG`; its state is the context after the batch.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> from infoq.predictives import PARAMETERS
        >>> pool = infoq.Categorical(np.array([[[0.9, 0.1], [0.1, 0.9]]]))
        >>> f = pool.batch(PARAMETERS)
        >>> f.gains(f.start()).round(4)
        array([0.3681])
        """
        check_exact(approximation)
        known = self.check_given(given)
        if known is None:
            known = self.context(samples=samples, seed=seed)
        return CategoricalBatch(self, about, known)

    def labelled_batch(
        self,
        about: About,
        labels: Array | None,
        target_labels: Array | None = None,
        given: object = None,
        approximation: OfEachTarget = "logdet",
        *,
        log_density: Array | None = None,
    ) -> LabelledBatch:
        """The information in a growing batch of observed labels, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            What the information is about.
        labels : array [N]
            Those of the candidates.
        target_labels : array [M], optional
            Those of the targets.
        given : Outcomes, optional
            Labels that already count as known, from `context` and `observe`.
        approximation : {"logdet"}
            See `information`.
        log_density : array [K], optional
            log p(theta_k) of the draws, for the drop in entropy in place of the divergence.

        Returns
        -------
        SetFunction
            Of `IG`, `PIG` or `JPIG`.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> from infoq.predictives import PARAMETERS
        >>> pool = infoq.Categorical(np.array([[[0.9, 0.1], [0.1, 0.9]]]))
        >>> f = pool.labelled_batch(PARAMETERS, np.array([0]))
        >>> f.gains(f.start()).round(4)
        array([0.3681])
        """
        check_exact(approximation)
        return LabelledBatch(self, labels, about, target_labels, given, log_density)

    def joint_with(self, targets: Categorical, known: Outcomes) -> Outcomes:
        """The context `known` with the outcomes of all targets added."""
        for index in range(len(targets)):
            known = targets.observe(known, index)
        return known

    def information_with_each(
        self, targets: Categorical, weights: Array | None, given: Outcomes
    ) -> Array:
        """The mean over targets e of I[Y_i; Y_e, Y_given]: [N] nats."""
        posteriors = ops_for(given.probabilities).xp.exp(given.log_posteriors)
        shared = (targets.values, targets.target_weights(weights))
        prepare = partial(check_targets, targets.kind, not targets._checked)
        return self._map(
            about_each_given, 32, *shared, posteriors, given.probabilities, prepare=prepare
        )

    def entropy(self, given: Outcomes | None = None) -> Array:
        """H[Y_i | given], the entropy of each candidate's mean prediction: [N] nats.

        Parameters
        ----------
        given : Outcomes, optional
            The context that the entropy is conditional on, from `context` and `observe`.
        """
        self.check_given(given)
        return self.finish(self._less_known(self._map(mean_entropy, 2), given))

    @capabilities(lazy="the draws' weights after the outcomes are kept in memory")
    def observe(
        self, given: Outcomes, index: Array | int, label: Array | int | None = None
    ) -> Outcomes:
        """The context `given` with the outcome of one more candidate.

        Parameters
        ----------
        given : Outcomes
            The context so far.
        index : int or 0-d array
            The candidate.
        label : int or 0-d array, optional
            The observed outcome, for the contexts of `ig`, `pig` and `jpig`. Either all outcomes of
            a context have labels, or none. A label that all draws call impossible changes nothing.
            Default: not known yet, so that all possible outcomes count by their probability.

        Returns
        -------
        Outcomes
            The larger context.

        Raises
        ------
        TypeError, ValueError
            If the context has other draws, the index is not a candidate, the label is not a class,
            or the context mixes labels with outcomes that are not known yet.
        """
        if label is not None:
            likelihood = self.label_likelihood(index, label)
            return observe_label(ops_for(likelihood), given, likelihood, index)
        self.check_given(given)
        place = as_place(index)
        check_index(place, self.num_candidates)
        weights = self.ops.fetch(self.weights)
        ops, row = self.row(index)
        known = observe(ops, given, to_log_probabilities(ops, row, self.kind), weights)
        return known.replaced(indices=(*given.indices, place))


def as_categorical(x: Any, name: str = "probs") -> Categorical:
    """`x` itself, or a `Categorical` with a bare array as its probabilities [N, K, C].

    The values of a bare array are validated when they are first read, which saves a pass over them.
    """
    if isinstance(x, Categorical):
        return x
    if x is None:
        raise TypeError(f"{name}: expected an array [N, K, C] or a Categorical, got None")
    if isinstance(x, Dirichlet):
        raise TypeError(
            f"{name}: expected an array [N, K, C] or a Categorical, got a Dirichlet, which has no "
            "draws; its scores are eig, entropy(), expected_entropy(), least_confidence and margin"
        )
    if isinstance(x, Tree):
        raise TypeError(
            f"{name}: expected an array [N, K, C] or a Categorical, got {_a(x)}, which has no "
            "draws; use .sample(draws) of a Gaussian"
        )
    predictive = Categorical.__new__(Categorical)
    predictive.setup(x, "probs", None, AXES, name=name)
    if not predictive.ops.may_branch(x):  # a compiled block cannot validate
        predictive.check_values_now()
    return predictive


def _a(x: object) -> str:
    """The name of the class of `x`, with an article."""
    name = type(x).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"

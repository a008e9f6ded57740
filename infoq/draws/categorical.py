"""Prediction space: K posterior draws of the class probabilities of N candidates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_integer
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit_all
from infoq.backends.trees import Tree
from infoq.blocks import add_rows, map_rows
from infoq.checks.choices import OfEachTarget, check_exact
from infoq.checks.indexing import some_of
from infoq.checks.numbers import check_index, first_index
from infoq.checks.probabilities import InvalidValuesError, check_structure, check_weights, describe
from infoq.draws.categorical_batch import CategoricalBatch
from infoq.draws.dirichlet import Dirichlet, refuse
from infoq.draws.divergence import draw_information
from infoq.draws.kernels import (
    about_each_given,
    about_split,
    check_targets,
    mean_entropy,
    on_probabilities,
    refused,
    split_targets,
)
from infoq.draws.labelled_batch import LabelledBatch
from infoq.draws.labels import (
    check_labels,
    label_likelihoods,
    observe_label,
    on_labels,
)
from infoq.draws.outcomes import Outcomes, as_place, observe
from infoq.draws.posterior_draws import PosteriorDraws
from infoq.draws.votes import one_hot
from infoq.measures.distribution import to_log_probabilities, to_probabilities
from infoq.unknowns import About, AllTargets, EachTarget, Parameters

_AXES = "NKC"


@capabilities()
class Categorical(PosteriorDraws):
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
        ``"CN"`` is a single prediction per candidate, K = 1, for entropies and margins: nothing
        can disagree, and `eig` is 0.

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

    _arrays = ("values", "draw_weights")
    _static = ("name", "kind")
    values: Array
    kind: str
    # The name of the argument that held the values, for messages.
    name: str

    # Not checked again when it is made of parts, or rebuilt by a library's transformation.
    _checked = True

    def __init__(
        self,
        probs: Array | None = None,
        *,
        log_probs: Array | None = None,
        logits: Array | None = None,
        weights: Array | None = None,
        axes: str = _AXES,
    ) -> None:
        named = {"probs": probs, "log_probs": log_probs, "logits": logits}
        given = {kind: x for kind, x in named.items() if x is not None}
        if len(given) != 1:
            names = ", ".join(given) or "none"
            raise TypeError(f"expected exactly one of probs, log_probs or logits, got {names}")
        ((kind, values),) = given.items()
        self._setup(values, kind, weights, axes, name=kind)
        self._check_values_now()

    def _setup(
        self, values: Array, kind: str, weights: Array | None, axes: str, *, name: str
    ) -> None:
        given = {name: values} if weights is None else {name: values, "weights": weights}
        ops, (values, *weighed) = admit_all(False, **given)
        check_structure(ops, values, axes, name)
        if "K" not in axes:  # a single prediction
            values, axes = values[None, ...], f"K{axes}"
        order = tuple(axes.index(axis) for axis in _AXES)
        if order != (0, 1, 2):
            values = ops.xp.permute_dims(values, order)
        self.values, self.name, self.kind = values, name, kind
        self._checked = False
        for own in weighed:
            self.draw_weights = check_weights(ops, own, values, self.num_draws, "weights", "draw")

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

    # --- properties -------------------------------------------------------------------------

    @property
    def num_draws(self) -> int:
        """The number of posterior draws, K."""
        return int(self.values.shape[1])

    @property
    def num_classes(self) -> int:
        """The number of classes, C."""
        return int(self.values.shape[2])

    def __getitem__(self, candidates: Any) -> Categorical:
        """Some of the candidates, selected by a slice, integers [m], or a boolean mask [N].

        Follows NumPy's indexing, and keeps draws, weights and kind of values. A single integer
        raises, as there is always an axis of candidates: pass ``pool[i : i + 1]``.
        """
        (values,) = some_of(self.ops, (self.values,), candidates)
        return self._of(values)

    def _of(self, values: Array) -> Categorical:
        """The same draws with the values of some of the candidates."""
        if not self._checked:  # now, while a message can still name the candidate's index here
            self._check_values_now()
        few = self.replace(values=values)
        few._checked = self._checked
        return few

    def _words(self) -> str:
        dtype = str(self.values.dtype).rpartition(".")[2]
        return (
            f"Categorical(N={self.num_candidates}, K={self.num_draws}, C={self.num_classes}, "
            f"{self.kind}, {self.ops.name} {dtype})"
        )

    @property
    def probs(self) -> Array:
        """The class probabilities [N, K, C]; computed in full if logits were given."""
        return to_probabilities(self.ops, self.values, self.kind)

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
        """What a growing batch of the candidates' outcomes tells, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            What the outcomes are to tell about.
        given : Outcomes, optional
            Outcomes that already count as known, from `context` and `observe`; they have their own
            number of samples.
        approximation : {"logdet"}
            As of `information`.
        samples, seed
            As of `context`.

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
        """What a growing batch of observed labels tells, as a set function.

        Parameters
        ----------
        about : PARAMETERS, EachTarget or AllTargets
            What the labels are to tell about.
        labels : array [N]
            Those of the candidates.
        target_labels : array [M], optional
            Those of the targets.
        given : Outcomes, optional
            Labels that already count as known, from `context` and `observe`.
        approximation : {"logdet"}
            As of `information`.
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

    def evaluate(self, score: Callable[[Ops, Array, Array], Array], entries: int = 4) -> Array:
        """A custom score of each candidate, [N], computed in blocks of validated probabilities.

        Parameters
        ----------
        score : callable
            ``score(ops, probs, weights)`` returns [n] for a block of probabilities [n, K, C] and
            the draws' weights [K]. Written in ``ops.xp``, it runs on every library.
        entries : int
            The numbers that it keeps per probability; it sets the size of blocks.

        Raises
        ------
        ValueError
            If the score does not return one number per candidate.
        """
        run = partial(_one_each, score)
        return self.cast(self._map(run, entries))

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
        ops, row = self._row(index)
        known = observe(ops, given, to_log_probabilities(ops, row, self.kind), weights)
        return known.replaced(indices=(*given.indices, place))

    def some(self, indices: Array) -> Categorical:
        """The candidates at some indices [m]."""
        ops_for(indices)
        return self._of(self.ops.xp.take(self.values, indices, axis=0))

    def permuted(self, order: Array) -> Categorical:
        """The same candidates with their draws in another order [K]; weights are not reordered."""
        return self._of(self.ops.xp.take(self.values, order, axis=1))

    # --- observed labels --------------------------------------------------------------------

    def check_labels(self, labels: Array | None, name: str = "labels") -> Array:
        """The labels after input validation: integers [N], below C where values can be read."""
        return check_labels(self.ops, labels, self.values, name)

    def label_likelihood(self, index: Array | int, label: Array | int) -> Array:
        """The log-probability of one candidate's label under each draw: [K], in memory.

        The largest of them is subtracted.
        """
        ops, row = self._row(index)
        if is_integer(label):
            labels = ops.xp.full((1,), int(label), dtype=ops.xp.int32, device=ops.device(row))
        else:
            labels = ops.xp.reshape(self.ops.fetch(label), (1,))
        check_labels(ops, labels, row[None, ...], "label")
        return label_likelihoods(self.kind, False, None, ops, row[None, ...], labels)[0, :]

    def map_labels(
        self,
        kernel: Callable[..., Array],
        labels: Array,
        *shared: Array,
        name: str = "labels",
        prepare: Callable[..., Any] | None = None,
        shape: tuple[int, ...] = (),
        add: bool = False,
    ) -> Array:
        """Results of a kernel of the log-likelihoods [n, K] of observed labels, block by block.

        They are joined, ``[N, *shape]``, or added, ``[*shape]``.
        """
        unread = None if self.ops.concrete(labels) else name
        run = partial(on_labels, kernel, self.kind, not self._checked, unread)
        rows = self.values, labels
        # Beside arrays as large as the values, some arrays [n, K].
        each = 4 * self._row_bytes * (self.num_classes + 2) // self.num_classes
        try:
            if add:
                return add_rows(run, rows, shared, shape=shape, bytes_per_row=each)
            return map_rows(run, rows, shared, prepare=prepare, shape=shape, bytes_per_row=each)
        except InvalidValuesError:
            self._check_values()
            raise

    # --- computation in blocks --------------------------------------------------------------

    def _row(self, index: Array | int) -> tuple[Ops, Array]:
        """The operations and the values [K, C] of one candidate in memory.

        No kernel validates them, so it is done here: for all values, or in a lazy library for the
        row that is read.
        """
        check_index(index, self.num_candidates)
        if not self._checked:
            self._check_values_now()
        row = self.ops.fetch(self.ops.row(self.values, index))
        ops = ops_for(row)
        seen = not self._checked and ops.concrete(row)
        if seen and bool(refused(self.kind, ops, row[None, ...])[0]):
            self._check_values()
        return ops, row

    def _map(
        self,
        kernel: Callable[..., Array],
        entries: int,
        *shared: Array,
        prepare: Callable[..., Any] | None = None,
    ) -> Array:
        """Results of a kernel over blocks of candidates, which validates values not checked yet.

        `entries` is the number of values that the kernel keeps per probability.
        """
        run = partial(on_probabilities, kernel, self.kind, not self._checked)
        try:
            return map_rows(
                run,
                (self.values,),
                (self.weights, *shared),
                prepare=prepare,
                bytes_per_row=entries * self._row_bytes,
            )
        except InvalidValuesError:
            self._check_values()
            raise

    @property
    def _row_bytes(self) -> int:
        return self.num_draws * self.num_classes * self.ops.item_bytes(self.values)

    def _less_known(self, scores: Array, given: Outcomes | None) -> Array:
        """Scores minus I[Y_i; Y_given], the information of the known outcomes: [N]."""
        if given is None or given.num_observed == 0:
            return scores
        split = given.split(ops_for(given.probabilities), self.ops.fetch(self.weights))
        return scores - self._map(about_split, 32, *split)

    def _check_values_now(self) -> None:
        if self.ops.concrete(self.values):
            self._check_values()
            self._checked = True

    def _check_values(self) -> None:
        """Raise an error that names the first bad candidate, if there is one."""
        run = partial(refused, self.kind)
        bad = map_rows(run, (self.values,), bytes_per_row=2 * self._row_bytes)
        index = first_index(self.ops, bad)
        if index is None:
            return
        row = self.values[index, ...]
        problem = describe(self.ops, row, to_probabilities(self.ops, row, self.kind), self.kind)
        raise ValueError(f"{self.name}: candidate {index}, {problem}")


def _one_each(
    score: Callable[[Ops, Array, Array], Array], ops: Ops, probs: Array, weights: Array
) -> Array:
    """Result [n] of a custom score; raises unless it has one number per candidate."""
    result: Array = score(ops, probs, weights)
    if hasattr(result, "shape"):
        ops_for(probs=probs, score=result)
    if tuple(getattr(result, "shape", ())) != tuple(probs.shape[:1]):
        raise ValueError(
            f"score: expected [n], one number per candidate, for probabilities "
            f"{tuple(probs.shape)}, got {tuple(getattr(result, 'shape', ()))}"
        )
    return result


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
    predictive._setup(x, "probs", None, _AXES, name=name)
    if not predictive.ops.may_branch(x):  # a compiled block cannot validate
        predictive._check_values_now()
    return predictive


def _a(x: object) -> str:
    """The name of the class of `x`, with an article."""
    name = type(x).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"

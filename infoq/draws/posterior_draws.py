"""Base class of predictions by K posterior draws: weights, contexts and compatibility checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import check_same_device
from infoq.backends.trees import Tree
from infoq.checks.numbers import check_count, num_candidates
from infoq.checks.probabilities import check_weights
from infoq.draws.labels import ObservedLabels, observe_label
from infoq.draws.outcomes import Outcomes, nothing_known, observe, place_of


class PosteriorDraws(Tree, ABC):
    """N candidates under K draws from one posterior; draw k is the same model for all of them.

    A subclass defines what the draws predict, and the information of it. Its first field is an
    array with one entry per candidate.

    Attributes
    ----------
    draw_weights : array [K] or None
        The weight of each draw; None for equal weights.
    """

    draw_weights: Array | None = None

    @property
    def first(self) -> Array:
        """The first field: it has the library, dtype, device and number of the candidates."""
        first: Array = self.parts[0]
        return first

    @property
    @abstractmethod
    def num_draws(self) -> int:
        """The number of posterior draws, K."""

    @property
    def ops(self) -> Ops:
        """The operations of its library."""
        return ops_for(self.first)

    @property
    def like(self) -> Array:
        """A small array with the dtype of the computation, on the device of the candidates."""
        return self.ops.upcast(self.first[:1, ...])

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return num_candidates(self.first)

    def __len__(self) -> int:
        """The number of candidates, N."""
        return self.num_candidates

    @property
    def weights(self) -> Array:
        """The draws' weights [K], which sum to one."""
        if self.draw_weights is None:
            return self.ops.equal_weights(self.num_draws, self.first)
        return self.draw_weights

    # --- contexts ----------------------------------------------------------------------------

    def context(self, *, samples: int = 10_000, seed: Any = 0) -> Outcomes:
        """The empty context, without any outcome.

        Parameters
        ----------
        samples : int
            At most this many joint outcomes are enumerated. If there are more, this many are
            sampled.
        seed : int or the library's random generator
            Source of the random samples.

        Returns
        -------
        Outcomes
            The context, to grow by `observe`.

        Raises
        ------
        TypeError, ValueError
            If `samples` is not an integer of at least 1.
        """
        samples = check_count(samples, "samples")
        weights = self.ops.fetch(self.weights)
        ops = ops_for(weights)
        return nothing_known(ops, weights, samples, ops.seed(seed))

    def forget(self, given: Outcomes, index: Array | int) -> Outcomes:
        """The context `given` without the outcome of one of its candidates.

        All other outcomes are observed anew, from the same seed.

        Parameters
        ----------
        given : Outcomes
            The context so far, made only by `observe`.
        index : int or 0-d array
            The candidate.

        Returns
        -------
        Outcomes
            The smaller context.

        Raises
        ------
        ValueError
            If the candidate is not in the context.
        """
        place = place_of(given.indices, index)
        weights = self.ops.fetch(self.weights)
        ops = ops_for(weights)
        known = nothing_known(ops, weights, given.samples, given.seed)
        for other, log_likelihood in enumerate(given.log_likelihoods):
            if other == place:
                continue
            if isinstance(given, ObservedLabels):
                known = observe_label(ops, known, log_likelihood[:, 0], other)
            else:
                known = observe(ops, known, log_likelihood, weights)
        return known.replaced(indices=given.indices[:place] + given.indices[place + 1 :])

    def joint_information(self, given: Outcomes) -> Array:
        """I[Y_given; Theta] of all that is known, not by its gains: a 0-d array.

        The mean divergence of the draws' weights afterwards from those before, in nats. If the
        joint outcomes are sampled, this and a sum of gains are two estimates from one sample.

        Parameters
        ----------
        given : Outcomes
            The context.

        Returns
        -------
        array []
            Nats.
        """
        ops = ops_for(given.probabilities)
        weights, xp = self.ops.fetch(self.weights), ops.xp
        some = xp.where(weights > 0, weights, xp.ones_like(weights))
        divergence = ops.weigh(ops.kl_term(given.split(ops, weights).deviations / some), weights)
        return xp.sum(given.probabilities * divergence)

    # --- results and compatibility checks -----------------------------------------------------

    def finish(self, scores: Array) -> Array:
        """Scores in the input dtype, with negative rounding errors set to 0."""
        return self.cast(self.ops.xp.maximum(scores, self.ops.xp.zeros_like(scores)))

    def cast(self, scores: Array) -> Array:
        """Scores in the input dtype."""
        return self.ops.xp.astype(scores, self.first.dtype)

    def target_weights(self, weights: Array | None) -> Array:
        """Weights [M] of these candidates as targets, normalised to sum to one."""
        size = self.num_candidates
        if size == 0:
            raise ValueError("targets: expected at least one target, got none")
        if weights is None:
            return self.ops.equal_weights(size, self.first)
        ops_for(targets=self.first, target_weights=weights)
        return check_weights(self.ops, weights, self.first, size, "target_weights", "target")

    def check_same_draws(self, targets: PosteriorDraws) -> None:
        """Raise if the targets have other draws, another dtype, library or device."""
        ops_for(candidates=self.first, targets=targets.first)
        check_same_device(self.ops, candidates=self.first, targets=targets.first)
        if targets.first.dtype != self.first.dtype:
            raise TypeError(
                f"targets: expected the dtype of the candidates, {self.first.dtype}, got "
                f"{targets.first.dtype}"
            )
        if targets.num_draws != self.num_draws:
            raise ValueError(
                f"targets: expected the K={self.num_draws} posterior draws of the candidates, got "
                f"K={targets.num_draws}; draw k must be the same model for both"
            )
        if self.draw_weights is None and targets.draw_weights is None:
            return
        ours, theirs = self.weights, targets.weights
        if self.ops.concrete(ours, theirs) and bool(self.ops.xp.any(ours != theirs)):
            raise ValueError(
                "targets: expected the draw weights of the candidates; pass both the same weights="
            )

    def check_given(self, given: object) -> Outcomes | None:
        """The context `given`; raises if it is not one of outcomes of these draws and library."""
        if given is None:
            return None
        if not isinstance(given, Outcomes):
            raise TypeError(
                f"given: expected Outcomes, from context() and observe(), got "
                f"{type(given).__name__}"
            )
        _refuse_labels(given)
        weights, row = self.ops.fetch(self.weights), given.log_posteriors
        check_same_device(ops_for(candidates=weights, given=row), candidates=weights, given=row)
        if row.shape[1] != weights.shape[0] or row.dtype != weights.dtype:
            raise ValueError(
                f"given: expected K={weights.shape[0]} draws in {weights.dtype}, like the "
                f"candidates, got K={row.shape[1]} in {row.dtype}"
            )
        return given


def _refuse_labels(given: Outcomes | None) -> None:
    if isinstance(given, ObservedLabels):
        raise ValueError(
            "given: got observed labels, which ig, pig and jpig take; for outcomes that are not "
            "known yet weight the draws: Categorical(..., weights=exp(given.log_posteriors[0]))"
        )

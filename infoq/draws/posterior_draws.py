"""K posterior draws of what candidates answer: their weights, contexts, and what fits them."""

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

    A subclass says what the draws predict, and what is to be known of it. Its first field is an
    array of one entry a candidate.

    Attributes
    ----------
    draw_weights : array [K] or None
        How much each draw counts; None for all the same.
    """

    draw_weights: Array | None = None

    @property
    def first(self) -> Array:
        """What says the library, dtype and device of the candidates, and their number."""
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
        """A small array of the dtype that is computed in, on the device of the candidates."""
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

    # --- what is known -----------------------------------------------------------------------

    def context(self, *, samples: int = 10_000, seed: Any = 0) -> Outcomes:
        """The empty context: nothing is known yet.

        Parameters
        ----------
        samples : int
            Up to this many joint outcomes are enumerated; beyond, as many are sampled.
        seed : int or the library's random generator
            What samples are drawn from.
        """
        samples = check_count(samples, "samples")
        weights = self.ops.fetch(self.weights)
        ops = ops_for(weights)
        return nothing_known(ops, weights, samples, ops.seed(seed))

    def forget(self, given: Outcomes, index: Array | int) -> Outcomes:
        """The context `given` without the outcome of one candidate that it has.

        The others are observed anew, from the same seed.

        Parameters
        ----------
        given : Outcomes
            What is known so far, from `observe` alone.
        index : int or 0-d array
            The candidate.
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

        The mean divergence of the draws' weights afterwards from those before. Where the joint
        outcomes are sampled, it and a sum of gains are two estimates from one sample.

        Parameters
        ----------
        given : Outcomes
            What is known.
        """
        ops = ops_for(given.probabilities)
        weights, xp = self.ops.fetch(self.weights), ops.xp
        some = xp.where(weights > 0, weights, xp.ones_like(weights))
        divergence = ops.weigh(ops.kl_term(given.split(ops, weights).deviations / some), weights)
        return xp.sum(given.probabilities * divergence)

    # --- results, and what they are of --------------------------------------------------------

    def finish(self, scores: Array) -> Array:
        """Rounding below zero taken off, in the dtype that came in."""
        return self.cast(self.ops.xp.maximum(scores, self.ops.xp.zeros_like(scores)))

    def cast(self, scores: Array) -> Array:
        """Scores in the dtype that came in."""
        return self.ops.xp.astype(scores, self.first.dtype)

    def target_weights(self, weights: Array | None) -> Array:
        """Weights [M] of these as targets, which sum to one."""
        size = self.num_candidates
        if size == 0:
            raise ValueError("targets: expected at least one target, got none")
        if weights is None:
            return self.ops.equal_weights(size, self.first)
        ops_for(targets=self.first, target_weights=weights)
        return check_weights(self.ops, weights, self.first, size, "target_weights", "target")

    def check_same_draws(self, targets: PosteriorDraws) -> None:
        """Refuse targets of other draws, another dtype, library or device."""
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
        """What is given, refused where it is no context of outcomes of these draws and library."""
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
                f"given: expected K={weights.shape[0]} draws in {weights.dtype}, as of the "
                f"candidates, got K={row.shape[1]} in {row.dtype}"
            )
        return given


def _refuse_labels(given: Outcomes | None) -> None:
    if isinstance(given, ObservedLabels):
        raise ValueError(
            "given: got observed labels, which ig, pig and jpig take; where outcomes are not known "
            "yet, weigh the draws instead: Categorical(..., weights=exp(given.log_posteriors[0]))"
        )

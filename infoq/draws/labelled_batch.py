"""A growing batch of a `Categorical`'s candidates whose labels have been observed."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.registry import admit_all, check_same_device
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import first_index
from infoq.draws.labels import (
    ObservedLabels,
    deviations,
    divergence,
    growth,
    growth_of_rows,
    joint_growth,
    label_information,
    log_ratio,
    mean_log_ratio,
)
from infoq.draws.outcomes import Outcomes, all_but
from infoq.set_function import PredictiveBatch
from infoq.unknowns import About, AllTargets, EachTarget, Parameters

if TYPE_CHECKING:
    from infoq.draws.categorical import Categorical


class LabelledState(NamedTuple):
    """State of a batch of observed labels.

    Attributes
    ----------
    growth : array [K]
        The log of the factor by which the batch has raised the weight of each draw.
    indices : tuple of int or array []
        The picks.
    """

    growth: Array
    indices: tuple[Any, ...]


class LabelledBatch(PredictiveBatch):
    """Gains and value of a growing batch, from the information of its labels about the draws.

    Parameters
    ----------
    pool : Categorical
        The candidates.
    labels : array [N]
        Their observed labels.
    about : PARAMETERS, EachTarget or AllTargets
        The unknowns that the information is about.
    target_labels : array [M] or None
        The targets' observed labels.
    given : Outcomes or None
        The context of labels before the first pick.
    log_density : array [K], optional
        The log-density of the draws. With it, the information about the parameters is the drop in
        differential entropy; without it, the divergence.
    """

    _pool: Categorical

    def __init__(
        self,
        pool: Categorical,
        labels: Array | None,
        about: About,
        target_labels: Array | None,
        given: object,
        log_density: Array | None = None,
    ) -> None:
        super().__init__(pool)
        self._labels = pool.check_labels(labels)
        self._row = known_row(pool, given)
        self._density: Array | None = None
        if log_density is not None:
            self._density = self._density_once_known(log_density)
        self._targets: tuple[Array, ...] = ()
        if not isinstance(about, Parameters):
            self._targets = self._target_growth(about, target_labels)
        self.submodular = False

    def _target_growth(
        self, about: EachTarget | AllTargets, labels: Array | None
    ) -> tuple[Array, ...]:
        """The growth [S, K] by each target or by all together, and the weight of each row."""
        targets, name = about.targets, "target_labels"
        self._pool.check_same_draws(targets)
        labels = targets.check_labels(labels, name)
        shape = (self._pool.num_draws,)
        if isinstance(about, AllTargets):
            joint = targets.map_labels(
                joint_growth, labels, self._row, name=name, shape=shape, add=True
            )
            return joint[None, :], self._pool.ops.constant((1,), 1.0, joint)
        weights = targets.target_weights(about.weights)
        return targets.map_labels(growth, labels, self._row, name=name, shape=shape), weights

    def _density_once_known(self, log_density: Array) -> Array:
        """The log-density [K] of the draws conditional on the context, up to a constant."""
        own, local = self._pool.ops, ops_for(self._row)
        first = self._pool.context().log_posteriors[0, :]
        density = check_log_density(self._pool, log_density, first)
        # Draws of weight 0 may have any finite value, as it does not count.
        some = (first > -float("inf")) & (self._row > -float("inf"))
        zero = local.scalar(0.0, first)
        change = local.xp.where(some, self._row, zero) - local.xp.where(some, first, zero)
        density = density + own.adopt(change)
        # A constant has no effect, but a large one would lose all digits to rounding.
        return density - own.xp.sum(own.adopt(local.xp.exp(self._row)) * density)

    def start(self) -> LabelledState:
        """The empty batch."""
        return LabelledState(ops_for(self._row).xp.zeros_like(self._row), ())

    def gains(self, state: LabelledState) -> Array:
        """The gain of each candidate's label, given the batch: [N] nats."""
        row = self._row + state.growth
        pool, labels = self._pool, self._labels
        if not self._targets:
            so_far = state.growth
            if self._density is not None:
                so_far = self._pool.ops.adopt(so_far) + self._density
            return pool.cast(pool.map_labels(label_information, labels, row, so_far))
        return pool.cast(
            pool.map_labels(mean_log_ratio, labels, row, *self._targets, prepare=growth_of_rows)
        )

    def gains_of(self, state: LabelledState, indices: Array) -> Array:
        """The gains of the labels of some candidates [m], given the batch: [m] nats."""
        few = copy(self)
        few._pool = self._pool.some(indices)
        few._labels = self._pool.ops.xp.take(self._labels, indices, axis=0)
        return few.gains(state)

    def add(self, state: LabelledState, index: Array | int) -> LabelledState:
        """The batch with one more candidate."""
        label = self._pool.ops.row(self._labels, index)
        likelihood = self._pool.label_likelihood(index, label)
        ops = ops_for(likelihood)
        more = growth(ops, likelihood[None, :], self._row + state.growth)
        return LabelledState(state.growth + more[0, :], (*state.indices, index))

    def remove(self, state: LabelledState, index: Array | int) -> LabelledState:
        """The batch without one of its members; the others are observed anew."""
        anew: LabelledState = self.grown(all_but(state.indices, index))
        return anew

    def value(self, state: LabelledState) -> Array:
        """The information of the batch in nats, from the draws' weights and not from its gains.

        A 0-d array.
        """
        ops, row = ops_for(self._row), self._row
        batch = state.growth[None, :]
        if not self._targets:
            value = divergence(ops, batch, row)[0]
            if self._density is None:
                return value
            density = self._pool.ops.fetch(self._density)
            return value + ops.xp.sum(deviations(ops, batch, row)[0, :] * density)
        targets, weights = (self._pool.ops.fetch(x) for x in self._targets)
        ratio = log_ratio(ops, growth(ops, targets, row), row, batch)[:, 0]
        zero = ops.scalar(0.0, ratio)
        return ops.xp.sum(ops.xp.where(weights > 0, ratio, zero) * weights)


def check_log_density(pool: Categorical, log_density: Array, row: Array) -> Array:
    """A validated log-density [K], centred, with the dtype of the log-weights `row` [K]."""
    ops, (_, log_density) = admit_all(candidates=pool.values, log_density=log_density)
    check_floating(ops, log_density, "log_density")
    if tuple(log_density.shape) != tuple(row.shape):
        raise ValueError(
            f"log_density: expected shape {tuple(row.shape)}, one per draw, got "
            f"{tuple(log_density.shape)}"
        )
    check_same_device(ops, candidates=pool.values, log_density=log_density)
    if ops.concrete(log_density) and (
        (index := first_index(ops, ~ops.xp.isfinite(log_density))) is not None
    ):
        raise ValueError(
            f"log_density: draw {index} has a value that is NaN or infinite; pass the finite log "
            "of its density"
        )
    density: Array = log_density - ops.xp.mean(log_density)  # before the cast, which loses digits
    return density if density.dtype == row.dtype else ops.xp.astype(density, row.dtype)


def known_row(pool: Categorical, given: object) -> Array:
    """The log-weights [K] of the draws given the labels of a context, in memory."""
    empty = pool.context()
    if given is None:
        given = empty
    if not isinstance(given, Outcomes):
        raise TypeError(
            f"given: expected observed labels, from context() and observe(given, index, label), "
            f"got {type(given).__name__}"
        )
    if given.num_observed > 0 and not isinstance(given, ObservedLabels):
        raise ValueError(
            "given: expected observed labels, got outcomes that are not known yet; pass labels to "
            "observe(given, index, label)"
        )
    ours, row = empty.log_posteriors[0, :], given.log_posteriors[0, :]
    ops = ops_for(candidates=ours, given=row)
    check_same_device(ops, candidates=ours, given=row)
    if row.dtype != ours.dtype or row.shape != ours.shape:
        raise ValueError(
            f"given: expected K={ours.shape[0]} draws in {ours.dtype}, like the candidates, got "
            f"K={row.shape[0]} in {row.dtype}"
        )
    return row

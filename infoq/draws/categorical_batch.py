"""A growing batch of a `Categorical`'s candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infoq.backends import Array, ops_for
from infoq.draws.outcomes import Outcomes
from infoq.draws.resolution import entropy_left, noise
from infoq.set_function import PredictiveBatch
from infoq.unknowns import About, AllTargets, Parameters

if TYPE_CHECKING:
    from infoq.draws.categorical import Categorical


class CategoricalBatch(PredictiveBatch):
    """Gains and value of a growing batch, from the joint outcomes of its members.

    Parameters
    ----------
    pool : Categorical
        The candidates.
    about : PARAMETERS, EachTarget or AllTargets
        The unknowns that the information is about.
    known : Outcomes
        The context before the first pick.
    """

    _pool: Categorical

    def __init__(self, pool: Categorical, about: About, known: Outcomes) -> None:
        super().__init__(pool)
        self._about, self._known = about, known
        self.submodular = isinstance(about, Parameters)

    def start(self) -> Outcomes:
        """The empty batch."""
        return self._known

    def gains(self, state: Outcomes) -> Array:
        """Information of each candidate conditional on the batch: [N] nats."""
        return self._pool.information(self._about, state)

    def gains_of(self, state: Outcomes, indices: Array) -> Array:
        """Information of some candidates [m] conditional on the batch: [m] nats."""
        return self._pool.some(indices).information(self._about, state)

    def add(self, state: Outcomes, index: Array | int) -> Outcomes:
        """The batch with one more candidate."""
        return self._pool.observe(state, index)

    def remove(self, state: Outcomes, index: Array | int) -> Outcomes:
        """The batch without one of its candidates."""
        return self._pool.forget(state, index)

    def most(self, state: Outcomes) -> Array:
        """Upper bound of any information given the batch, in nats: a 0-d array in memory."""
        return entropy_left(state)

    def noise(self, state: Outcomes, index: Array) -> Array:
        """The size of gains that may be rounding or chance, for a candidate [1]: [1] nats."""
        return noise(self._pool.some(index), self._about, state)

    def value(self, state: Outcomes) -> Array:
        """Information of the batch in nats, from that of batch and targets about the parameters.

        A 0-d array, computed anew and not from gains.
        """
        value = self._value(state)
        return ops_for(value).xp.minimum(value, self.most(self._known))

    def _value(self, state: Outcomes) -> Array:
        value = self._information(self._pool, state, ())
        if isinstance(self._about, Parameters):
            return value
        targets = self._about.targets
        if isinstance(self._about, AllTargets):
            return self._shared(targets, value, state, tuple(range(len(targets))))
        ops = ops_for(state.probabilities)
        weights = self._pool.ops.fetch(targets.target_weights(self._about.weights))
        each = [self._shared(targets, value, state, (index,)) for index in range(len(targets))]
        return ops.xp.sum(ops.xp.stack(each) * weights)

    def _shared(
        self, targets: Categorical, value: Array, state: Outcomes, some: tuple[int, ...]
    ) -> Array:
        """I[Y_B; Y_T] = I[Y_B; Theta] + I[Y_T; Theta] - I[Y_B, Y_T; Theta]."""
        return (
            value
            + self._information(targets, self._known, some)
            - self._information(targets, state, some)
        )

    def _information(self, targets: Categorical, state: Outcomes, some: tuple[int, ...]) -> Array:
        """Information of the outcomes, and of some targets', about the parameters given `known`."""
        for index in some:
            state = targets.observe(state, index)
        before = self._pool.joint_information(self._known)
        return self._pool.joint_information(state) - before

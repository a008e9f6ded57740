"""A growing batch of a `Categorical`'s candidates."""

from __future__ import annotations

from infoq.backends import Array, ops_for
from infoq.draws.categorical import Categorical
from infoq.draws.outcomes import Outcomes
from infoq.draws.resolution import entropy_left, noise
from infoq.unknowns import About, AllTargets, Parameters


class CategoricalBatch:
    """A growing batch: its gains and its value, by the joint outcomes of its candidates.

    Parameters
    ----------
    pool : Categorical
        The candidates.
    about : PARAMETERS, EachTarget or AllTargets
        What the outcomes are to tell about.
    known : Outcomes
        What is known before the first pick.
    """

    def __init__(self, pool: Categorical, about: About, known: Outcomes) -> None:
        self._pool, self._about, self._known = pool, about, known
        self.submodular = isinstance(about, Parameters)

    def start(self) -> Outcomes:
        """The empty batch."""
        return self._known

    def gains(self, state: Outcomes) -> Array:
        """What every candidate tells beyond the batch: [N] nats."""
        return self._pool.information(self._about, state)

    def gains_of(self, state: Outcomes, indices: Array) -> Array:
        """What some candidates [m] tell beyond the batch: [m] nats."""
        return self._pool.some(indices).information(self._about, state)

    def add(self, state: Outcomes, index: Array | int) -> Outcomes:
        """The batch with one more candidate."""
        return self._pool.observe(state, index)

    def remove(self, state: Outcomes, index: Array | int) -> Outcomes:
        """The batch without one of its candidates."""
        return self._pool.forget(state, index)

    def most(self, state: Outcomes) -> Array:
        """The most that any candidates can tell beyond the batch, in memory: a 0-d array."""
        return entropy_left(state)

    def noise(self, state: Outcomes, index: Array) -> Array:
        """Below what the gain of a candidate [1] is rounding or chance, in memory: [1] nats."""
        return noise(self._pool.some(index), self._about, state)

    def value(self, state: Outcomes) -> Array:
        """What the batch tells, by what it and the targets tell of the parameters: a 0-d array."""
        value = self._value(state)
        return ops_for(value).xp.minimum(value, self.most(self._known))

    def _value(self, state: Outcomes) -> Array:
        value = self._told(self._pool, state, ())
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
        return value + self._told(targets, self._known, some) - self._told(targets, state, some)

    def _told(self, targets: Categorical, state: Outcomes, some: tuple[int, ...]) -> Array:
        """What outcomes and some targets' tell of the parameters, beyond what was known."""
        for index in some:
            state = targets.observe(state, index)
        before = self._pool.joint_information(self._known)
        return self._pool.joint_information(state) - before

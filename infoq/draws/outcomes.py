"""Contexts in prediction space: known outcomes, and the posterior over draws given them.

The joint outcomes of a growing batch are enumerated while they are few, and sampled otherwise. Both
are rows of log-weights over the K draws, so that a hundred observed outcomes do not underflow. A
sample keeps its draw and its outcomes: when the batch grows, it is extended and never redrawn.
"""

from __future__ import annotations

from typing import Any, Self

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_integer
from infoq.backends.trees import Tree
from infoq.draws.divergence import Split

_ATTRIBUTES = (
    "log_likelihoods",
    "log_posteriors",
    "probabilities",
    "sampled",
    "samples",
    "seed",
    "indices",
)


class Outcomes(Tree):
    """A context: the joint outcomes of the candidates observed so far.

    Attributes
    ----------
    log_likelihoods : tuple of arrays [K, C]
        For each observed candidate, the log-probability of each outcome under each draw.
    log_posteriors : array [S, K]
        For each joint outcome (or sample), the log-weights of the draws given it.
    probabilities : array [S]
        The probability of each joint outcome (or sample).
    sampled : bool
        Whether the rows are samples rather than all joint outcomes.
    samples : int
        At most this many joint outcomes are enumerated; if there are more, this many are sampled.
    seed : int
        Seed of the samples.
    indices : tuple of int or array []
        The observed candidates, if made by `Categorical.observe`: `places`, with the indices that
        cannot be read, `unread`, in place of None.
    """

    _arrays = ("log_likelihoods", "log_posteriors", "probabilities", "unread")
    _static = ("sampled", "samples", "seed", "places")
    log_likelihoods: tuple[Array, ...]
    log_posteriors: Array
    probabilities: Array
    unread: tuple[Array, ...]
    sampled: bool
    samples: int
    seed: int
    places: tuple[int | None, ...]

    def __init__(
        self,
        log_likelihoods: tuple[Array, ...],
        log_posteriors: Array,
        probabilities: Array,
        *,
        sampled: bool,
        samples: int,
        seed: int,
        indices: tuple[Any, ...] = (),
    ) -> None:
        self.log_likelihoods = log_likelihoods
        self.log_posteriors, self.probabilities = log_posteriors, probabilities
        self.sampled, self.samples, self.seed = sampled, samples, seed
        # An index that cannot be read belongs to a trace, and may leave it only as an array.
        self.unread = tuple(index for index in indices if not isinstance(index, int))
        self.places = tuple(index if isinstance(index, int) else None for index in indices)

    @property
    def indices(self) -> tuple[Any, ...]:
        """The candidates of the outcomes, where they are recorded."""
        unread = iter(self.unread)
        return tuple(next(unread) if index is None else index for index in self.places)

    @property
    def num_observed(self) -> int:
        """The number of observed candidates."""
        return len(self.log_likelihoods)

    def replaced(self, **changes: Any) -> Self:
        """A copy with some of its attributes replaced."""
        return type(self)(**{name: changes.get(name, getattr(self, name)) for name in _ATTRIBUTES})

    def every(self, step: int, start: int) -> Self:
        """The context with every `step`-th of its samples; parts of all starts have equal size."""
        size = int(self.probabilities.shape[0]) // step
        rows = self.log_posteriors[start : size * step : step, ...]
        weights = self.probabilities[:size] * 0 + 1 / size
        return self.replaced(log_posteriors=rows, probabilities=weights)

    def _words(self) -> str:
        count, draws = self.log_posteriors.shape
        how = "sampled" if self.sampled else "joint outcomes"
        return f"{type(self).__name__}(B={self.num_observed}, S={count} {how}, K={draws})"

    def split(self, ops: Ops, weights: Array) -> Split:
        """The `Split` of the draws by the joint outcomes."""
        return Split(ops.xp.exp(self.log_posteriors) - weights[None, :], self.probabilities)


def nothing_known(ops: Ops, weights: Array, samples: int, seed: int) -> Outcomes:
    """The empty context over draws with weights [K]."""
    xp = ops.xp
    return Outcomes(
        (),
        _log(ops, weights)[None, :],
        xp.ones_like(weights[:1]),
        sampled=False,
        samples=samples,
        seed=seed,
    )


def observe(ops: Ops, known: Outcomes, log_likelihood: Array, weights: Array) -> Outcomes:
    """The context with one more candidate's outcome, log-probabilities [K, C]."""
    classes = log_likelihood.shape[1]
    history = (*known.log_likelihoods, log_likelihood)
    if known.sampled:
        rows = _extend_samples(ops, known, log_likelihood, weights, known.num_observed)
        return known.replaced(log_likelihoods=history, log_posteriors=rows)
    if known.probabilities.shape[0] * classes <= known.samples:
        rows, probabilities = _enumerate(ops, known, log_likelihood, weights)
        return known.replaced(
            log_likelihoods=history, log_posteriors=rows, probabilities=probabilities
        )
    return _sample(ops, known, history, weights)


def _enumerate(
    ops: Ops, known: Outcomes, log_likelihood: Array, weights: Array
) -> tuple[Array, Array]:
    """Log-weights and probabilities of all joint outcomes with one more candidate: S C rows."""
    xp = ops.xp
    count, draws = known.log_posteriors.shape
    classes = log_likelihood.shape[1]
    joint = known.log_posteriors[:, None, :] + log_likelihood.T[None, :, :]
    joint = xp.reshape(joint, (count * classes, draws))
    rows, evidence = _normalise(ops, joint, weights)
    before = xp.broadcast_to(known.probabilities[:, None], (count, classes))
    return rows, xp.reshape(before, (-1,)) * xp.exp(evidence)


def _sample(ops: Ops, known: Outcomes, history: tuple[Array, ...], weights: Array) -> Outcomes:
    """The context with samples of the joint outcomes of all observed candidates, made anew."""
    xp = ops.xp
    prior = xp.broadcast_to(_log(ops, weights)[None, :], (known.samples, weights.shape[0]))
    equal = xp.ones_like(prior[:, 0]) / known.samples
    known = known.replaced(log_posteriors=prior, probabilities=equal, sampled=True)
    for step, log_likelihood in enumerate(history):
        rows = _extend_samples(ops, known, log_likelihood, weights, step)
        known = known.replaced(log_posteriors=rows)
    return known.replaced(log_likelihoods=history)


def _extend_samples(
    ops: Ops, known: Outcomes, log_likelihood: Array, weights: Array, step: int
) -> Array:
    """Log-weights [S, K] after each sample draws the new candidate's outcome from its own draw."""
    xp = ops.xp
    draw = _sample_draws(ops, weights, known.samples)
    below = ops.cumulative_sum(xp.exp(log_likelihood), axis=1)
    below = xp.take(below / below[:, -1:], draw, axis=0)
    # `level` is below one, so that an outcome of probability zero is never drawn.
    level = ops.uniform((known.samples,), (known.seed, step), weights)
    outcome = xp.sum(xp.astype(below <= level[:, None], xp.int32), axis=1)
    joint = known.log_posteriors + xp.take(log_likelihood.T, outcome, axis=0)
    return _normalise(ops, joint, weights)[0]


def _sample_draws(ops: Ops, weights: Array, samples: int) -> Array:
    """The draw of each sample: draws in proportion to their weights, without randomness."""
    xp = ops.xp
    below = ops.cumulative_sum(weights)
    middle = xp.astype(xp.arange(samples, device=ops.device(weights)), weights.dtype) + 0.5
    level = middle / samples * below[-1]
    return xp.sum(xp.astype(below[None, :-1] <= level[:, None], xp.int32), axis=1)


def _normalise(ops: Ops, joint: Array, weights: Array) -> tuple[Array, Array]:
    """Rows of normalised log-weights, and the log of the sum of each row before (the evidence)."""
    xp = ops.xp
    evidence = ops.logsumexp(joint, -1, keepdims=True)
    possible = evidence > -float("inf")
    zero = ops.scalar(0.0, joint)
    # An impossible joint outcome leaves the draws as they were; its probability is zero.
    rows = xp.where(possible, joint - xp.where(possible, evidence, zero), _log(ops, weights))
    return rows, evidence[:, 0]


def _log(ops: Ops, weights: Array) -> Array:
    xp = ops.xp
    some = weights > 0
    log = xp.log(xp.where(some, weights, ops.scalar(1.0, weights)))
    return xp.where(some, log, ops.scalar(-float("inf"), weights))


def as_place(index: Array | int) -> Any:
    """An index as an integer if it can be read, as arrays of some libraries have no hash."""
    if not is_integer(index) and hasattr(index, "shape") and not ops_for(index).concrete(index):
        return index
    return int(index)


def place_of(indices: tuple[Any, ...], index: Array | int) -> int:
    """The place of a pick among the picks; raises if it is not in the batch."""
    for place, other in enumerate(indices):
        if int(other) == int(index):
            return place
    raise ValueError(f"index: {int(index)} is not in the batch; pass the index of a member")


def all_but(indices: tuple[Any, ...], index: Array | int) -> tuple[Any, ...]:
    """The other members; raises if the index is not in the batch."""
    place = place_of(indices, index)
    return indices[:place] + indices[place + 1 :]

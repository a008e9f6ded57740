"""The interface of set functions that selections maximise, with its defaults."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from infoq.backends import Array, Ops, ops_for


class SetFunction(ABC):
    r"""Base class for the value of a batch, defined by the gain of each candidate.

    A subclass must define `num_candidates`, `start`, `gains` and `add`. With these it works in
    every selection, in `mutual` and in `conditional`. All other methods have a default; override
    them where something is faster, or known.

    A state is whatever `start` and `add` return. It describes the batch completely and never
    changes, so that several batches can grow from one state.

    Attributes
    ----------
    submodular : bool or None
        Whether gains are known never to grow with the batch. `lazy_greedy` relies on this, and
        warns if it is False. None, the default, means not known.
    mutual_submodular : bool
        Whether its `mutual` is known to be submodular, whatever the queries.

    Notes
    -----
    Gains are differences of values, :math:`f(B \cup \{i\}) - f(B)`. A gain of -inf marks a
    candidate that cannot be added. A member of the batch is not picked again, whatever its gain.
    Arrays may be of any library, but of the same one in every call.

    ===================  ==========================================  ==============================
    method               default                                     override it where
    ===================  ==========================================  ==============================
    `ops`, `device`      those of the first gains; not known         gains take long
    `gains_of`           takes some of all gains                     a few gains take less time
    `overlap`            the difference of two gains                 that loses digits
    `losses_of`          from `remove` and `gains_of`                losses have a direct formula
    `most`, `noise`      None, not known                             they are known
    `pruned`             None, no faster way                         there is one
    `remove`             none; `forward_backward` adds all others    a pick can be undone
    `value`              none; no selection uses it                  it can be computed anew
    `magnified`          none                                        f is of similarities
    ===================  ==========================================  ==============================

    A class that does not inherit is accepted too if it has the same methods; ``__len__`` may stand
    in place of `num_candidates`.

    Examples
    --------
    The number of different words in a batch of sentences:

    >>> import numpy as np, infoq
    >>> class Words(infoq.SetFunction):
    ...     submodular = True
    ...     def __init__(self, sentences):
    ...         self.words = [set(sentence.split()) for sentence in sentences]
    ...     @property
    ...     def num_candidates(self):
    ...         return len(self.words)
    ...     def start(self):
    ...         return frozenset()
    ...     def gains(self, known):
    ...         return np.array([float(len(words - known)) for words in self.words])
    ...     def add(self, known, index):
    ...         return known | self.words[int(index)]
    >>> f = Words(["a dog barks", "a cat", "a dog", "two cats sleep"])
    >>> infoq.lazy_greedy(f, 2).indices, infoq.forward_backward(f, 2).indices
    (array([0, 3]), array([0, 3]))
    >>> infoq.greedy(infoq.conditional(f, [0]), 1).gains
    array([3.])
    """

    submodular: bool | None = None
    mutual_submodular: bool = False

    # --- required ---------------------------------------------------------------------------

    @property
    @abstractmethod
    def num_candidates(self) -> int:
        """The number of candidates, N."""

    @abstractmethod
    def start(self) -> Any:
        """The state of the empty batch."""

    @abstractmethod
    def gains(self, state: Any) -> Array:
        """The gain of each candidate, by which it would raise the value of the batch: [N]."""

    @abstractmethod
    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate; `index` is an integer or a 0-d array."""

    # --- with a default ---------------------------------------------------------------------

    def __len__(self) -> int:
        """The number of candidates, N."""
        return self.num_candidates

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        return ops_for(gains=self.gains(self.start()))

    @property
    def device(self) -> Any:
        """The device of the gains in memory; None if not known."""
        return None

    def gains_of(self, state: Any, indices: Array) -> Array:
        """The gains of some candidates [m]: [m]. `indices` are in memory, beside the gains."""
        gains = self.gains(state)
        return ops_for(gains=gains).xp.take(gains, indices, axis=0)

    def overlap(self, state: Any, more: Any) -> Array:
        """The gain of each candidate to a batch minus its gain to a larger one: [N]."""
        return self._beyond(self.gains(state), self.gains(more))

    def overlap_of(self, state: Any, more: Any, indices: Array) -> Array:
        """The same differences for some candidates [m]: [m]."""
        if self.has_own("overlap"):
            shared = self.overlap(state, more)
            return ops_for(gains=shared).xp.take(shared, indices, axis=0)
        return self._beyond(self.gains_of(state, indices), self.gains_of(more, indices))

    def losses_of(self, state: Any, indices: Array) -> Array:
        """How much the value would drop if each of some members [m] were removed: [m]."""
        ops = ops_for(indices=indices)
        losses = []
        for spot, member in enumerate(ops.to_host(ops.fetch(indices)).tolist()):
            loss = self.gains_of(self.remove(state, member), indices[spot : spot + 1])
            losses.append(loss)
        return ops_for(gains=losses[0]).xp.concat(losses)

    def most(self, state: Any) -> Array | None:
        """An upper bound of what all candidates together can add: a 0-d array in memory.

        The gains that a selection reports do not exceed it in total. None if not known.
        """
        return None

    def noise(self, state: Any, index: Array) -> Array | None:
        """The size of gains that may be rounding or chance, for a candidate [1]: [1], in memory.

        A `Selection` uses it to count how many of its picks are `informative`. None if not known.
        """
        return None

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int] = ()
    ) -> tuple[list[int], Array] | None:
        """Members kept after repeatedly dropping the least useful until `size` remain.

        Parameters
        ----------
        members : sequence of int
            The members that may be dropped, in the order of picking.
        size : int
            The number of members to keep.
        given : sequence of int
            Candidates that are in the batch before them, and are kept.

        Returns
        -------
        list of int and array, or None
            The kept members in the same order, and their gains in this order; None if this is no
            faster than `losses_of`.
        """
        return None

    # --- optional ---------------------------------------------------------------------------

    def remove(self, state: Any, index: Array | int) -> Any:
        """The state of the batch without one of its candidates; optional."""
        raise _lacks(self, "remove")

    def value(self, state: Any) -> Array:
        """The value of the batch, computed anew and not from its gains: a 0-d array; optional."""
        raise _lacks(self, "value")

    def magnified(self, members: list[int], factor: float) -> SetFunction:
        """The same function with similarities of some candidates times a number; optional."""
        raise _lacks(self, "magnified")

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return False

    # --- properties -------------------------------------------------------------------------

    def has_own(self, name: str) -> bool:
        """Whether a method is overridden, and not the default."""
        own = getattr(getattr(self, name), "__func__", None)
        return own is not getattr(SetFunction, name)

    def _beyond(self, gains: Array, others: Array) -> Array:
        """Gains less those to a larger batch; negative ones of a submodular f are rounded to 0."""
        ops = ops_for(gains=gains)
        shared = difference(ops, gains, others)
        if not self.submodular:
            return shared
        # NaN stays, and so does -inf, the gain of a candidate that cannot be added.
        rounding = (shared < 0) & (shared > -math.inf)
        return ops.xp.where(rounding, ops.scalar(0.0, shared), shared)


class SetFunctionLike(Protocol):
    """Type of the set functions that are accepted: a `SetFunction`, or a class with its methods."""

    def __len__(self) -> int:
        """The number of candidates, N."""
        ...

    def start(self) -> Any:
        """The state of the empty batch."""
        ...

    def gains(self, state: Any) -> Array:
        """The gain of each candidate: [N]."""
        ...

    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate."""
        ...


Method = TypeVar("Method", bound=Callable[..., Any])


def _passed_on(default: Method) -> Method:
    """A method that asks the other function where it has its own, and else is the default."""
    name = default.__name__

    def method(self: Delegate, *arguments: Any) -> Any:
        if self.has_own(name):
            return getattr(self._f, name)(*arguments)
        return default(self, *arguments)

    method.__name__, method.__qualname__ = name, f"Delegate.{name}"
    method.__doc__, method.__wrapped__ = default.__doc__, default  # type: ignore[attr-defined]
    return method  # type: ignore[return-value]


class Delegate(SetFunction):
    """The set function of another object, by a class and a constructor of its own.

    Parameters
    ----------
    f : SetFunction or object
        The object that receives every call. Methods that it lacks have their default.
    """

    def __init__(self, f: Any) -> None:
        self._f = f
        self.submodular = getattr(f, "submodular", None)
        self.mutual_submodular = getattr(f, "mutual_submodular", False)

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        count = getattr(self._f, "num_candidates", None)
        return len(self._f) if count is None else count

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        own: Ops | None = getattr(self._f, "ops", None)
        # Not by super(), whose properties torch.compile cannot trace.
        return ops_for(gains=self.gains(self.start())) if own is None else own

    @property
    def device(self) -> Any:
        """The device of the gains in memory; None if not known."""
        return getattr(self._f, "device", None)

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return getattr(self._f, "is_magnified", False)

    def has_own(self, name: str) -> bool:
        """Whether a method is that of the other function, and not the default."""
        if isinstance(self._f, SetFunction):
            return self._f.has_own(name)
        return getattr(self._f, name, None) is not None

    start = _passed_on(SetFunction.start)
    gains = _passed_on(SetFunction.gains)
    gains_of = _passed_on(SetFunction.gains_of)
    add = _passed_on(SetFunction.add)
    overlap = _passed_on(SetFunction.overlap)
    overlap_of = _passed_on(SetFunction.overlap_of)
    losses_of = _passed_on(SetFunction.losses_of)
    most = _passed_on(SetFunction.most)
    noise = _passed_on(SetFunction.noise)
    pruned = _passed_on(SetFunction.pruned)
    remove = _passed_on(SetFunction.remove)
    value = _passed_on(SetFunction.value)
    magnified = _passed_on(SetFunction.magnified)


class _Adapted(Delegate):
    """A set function that does not inherit, with the defaults for the methods that it lacks."""


class PredictiveBatch(SetFunction):
    """The set function that a predictive hands out: of its candidates' outcomes or labels.

    Parameters
    ----------
    pool : Categorical or Gaussian
        The candidates.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        ops: Ops = self._pool.ops
        return ops

    @property
    def device(self) -> Any:
        """The device of the gains in memory; None if not known."""
        like = self.ops.constant((1,), 0.0, self._pool.like)
        return ops_for(like).device(like)

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return len(self._pool)

    def grown(self, indices: tuple[Any, ...]) -> Any:
        """The state of a batch of these candidates, one added after another."""
        state = self.start()
        for index in indices:
            state = self.add(state, index)
        return state


_REQUIRED = ("start", "gains", "add")


def as_set_function(f: Any, example: str, hint: str = "") -> SetFunction:
    """`f` as a `SetFunction`, after input validation, which is done only here.

    Raises
    ------
    TypeError
        If f is a class, or neither inherits from `SetFunction` nor has `start`, `gains`, `add` and
        a number of candidates.
    """
    if isinstance(f, type):
        raise TypeError(
            f"f: expected a set function such as {example}, got the class {f.__name__}; make an "
            "instance of it for the candidates"
        )
    if isinstance(f, SetFunction):
        return f
    counted = hasattr(f, "__len__") or hasattr(f, "num_candidates")
    if not counted or not all(hasattr(f, name) for name in _REQUIRED):
        raise TypeError(
            f"f: expected a set function such as {example}, got {type(f).__name__}{hint}"
        )
    return _Adapted(f)


def name_of(f: SetFunction) -> str:
    """The name of the class that the user wrote."""
    return type(f._f if isinstance(f, _Adapted) else f).__name__


def difference(ops: Ops, one: Array, other: Array) -> Array:
    """`one - other`, which is -inf wherever `one` is."""
    xp = ops.xp
    end = one == -math.inf
    finite = xp.where(end, xp.zeros_like(one), one) - xp.where(end, xp.zeros_like(other), other)
    return xp.where(end, one, finite)


def _lacks(f: SetFunction, name: str) -> TypeError:
    return TypeError(f"f: {name_of(f)} has no method {name}, which this needs; define it")

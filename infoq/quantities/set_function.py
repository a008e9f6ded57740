"""What a selection asks of a quantity of batches, and what it makes of one that says little."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from infoq.backends import Array, Ops, ops_for


class SetFunction(ABC):
    r"""What a batch is worth, by what each candidate would add to it: the base of one's own.

    Four are to be written: `num_candidates`, `start`, `gains` and `add`. With these a class works
    in every selection, in `mutual` and in `conditional`. All else has a default, and is there to be
    overridden by what is faster, or known.

    A state is what `start` and `add` return, whatever that is: it says everything about the batch,
    and never changes, so that it can be kept and go on in several ways.

    Attributes
    ----------
    submodular : bool or None
        Whether it is known that gains never grow with the batch: `lazy_greedy` relies on that, and
        warns where it is False. None, the default, is for what is not known.
    mutual_submodular : bool
        Whether that is known of its `mutual`, whatever the queries.

    Notes
    -----
    Gains are differences of values, :math:`f(B \cup \{i\}) - f(B)`; -inf is the gain of who cannot
    be added. Who is in the batch is not picked again, whatever its gain. Arrays may be of any
    library, and must be of the same one in every call.

    ===================  ==========================================  ==============================
    method               default                                     override it where
    ===================  ==========================================  ==============================
    `ops`, `device`      those of the first gains; not known         gains take long
    `gains_of`           takes some of all gains                     a few gains take less time
    `overlap`            the difference of two gains                 that loses digits
    `losses_of`          by `remove` and `gains_of`                  members know what they are for
    `most`, `noise`      None, not known                             they are known
    `pruned`             None, no faster way                         there is one
    `remove`             none; `forward_backward` adds all others    a pick can be taken back
    `value`              none; no selection asks for it              it can be computed anew
    `magnified`          none                                        it is of similarities
    ===================  ==========================================  ==============================

    A class that does not inherit is accepted, too, with the same methods (and ``__len__`` in place
    of `num_candidates`).

    Examples
    --------
    How many different words a batch of sentences has:

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

    # --- to be written ----------------------------------------------------------------------

    @property
    @abstractmethod
    def num_candidates(self) -> int:
        """The number of candidates, N."""

    @abstractmethod
    def start(self) -> Any:
        """The state of the empty batch."""

    @abstractmethod
    def gains(self, state: Any) -> Array:
        """What each candidate would add to the value of the batch: [N]."""

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
        """Where the gains are, in memory; None where that is not known."""
        return None

    def gains_of(self, state: Any, indices: Array) -> Array:
        """What some candidates [m] would add: [m]. `indices` are in memory, where gains are."""
        gains = self.gains(state)
        return ops_for(gains=gains).xp.take(gains, indices, axis=0)

    def overlap(self, state: Any, more: Any) -> Array:
        """What each candidate adds to a batch beyond what it adds to a larger one: [N]."""
        return self._beyond(self.gains(state), self.gains(more))

    def overlap_of(self, state: Any, more: Any, indices: Array) -> Array:
        """The same of some candidates [m]: [m]."""
        if self.has_own("overlap"):
            shared = self.overlap(state, more)
            return ops_for(gains=shared).xp.take(shared, indices, axis=0)
        return self._beyond(self.gains_of(state, indices), self.gains_of(more, indices))

    def losses_of(self, state: Any, indices: Array) -> Array:
        """What the removal of each of some members [m] would take off the value: [m]."""
        ops = ops_for(indices=indices)
        losses = []
        for spot, member in enumerate(ops.to_host(ops.fetch(indices)).tolist()):
            loss = self.gains_of(self.remove(state, member), indices[spot : spot + 1])
            losses.append(loss)
        return ops_for(gains=losses[0]).xp.concat(losses)

    def most(self, state: Any) -> Array | None:
        """What all candidates together can add at most: a 0-d array in memory.

        The gains that a selection reports do not exceed it together. None where it is not known.
        """
        return None

    def noise(self, state: Any, index: Array) -> Array | None:
        """Below what the gain of a candidate, an array [1], is rounding or chance: [1], in memory.

        By it a `Selection` knows how many of its picks are `informative`. None where it is not
        known.
        """
        return None

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int] = ()
    ) -> tuple[list[int], Array] | None:
        """Who of a batch stays where the least missed is given back until `size` are left.

        Parameters
        ----------
        members : sequence of int
            Who may be given back, in the order of picking.
        size : int
            How many are to stay.
        given : sequence of int
            Who is in the batch before them, and stays.

        Returns
        -------
        list of int and array, or None
            Who stays, in the same order, and what each adds in it; None where it is no faster
            than by `losses_of`.
        """
        return None

    # --- optional ---------------------------------------------------------------------------

    def remove(self, state: Any, index: Array | int) -> Any:
        """The state of the batch without one of its candidates; optional."""
        raise _lacks(self, "remove")

    def value(self, state: Any) -> Array:
        """The value of the batch, computed anew and not by its gains: a 0-d array; optional."""
        raise _lacks(self, "value")

    def magnified(self, members: list[int], factor: float) -> SetFunction:
        """The same with similarities of some candidates times a number; optional."""
        raise _lacks(self, "magnified")

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return False

    # --- what is known of it ----------------------------------------------------------------

    def has_own(self, name: str) -> bool:
        """Whether a method is one's own, and not the default."""
        own = getattr(getattr(self, name), "__func__", None)
        return own is not getattr(SetFunction, name)

    def _beyond(self, gains: Array, others: Array) -> Array:
        """Gains less those to a larger batch, which by rounding alone are below 0."""
        ops = ops_for(gains=gains)
        shared = difference(ops, gains, others)
        if not self.submodular:
            return shared
        # NaN stays, and so does -inf, the gain of who cannot be added.
        rounding = (shared < 0) & (shared > -math.inf)
        return ops.xp.where(rounding, ops.scalar(0.0, shared), shared)


class SetFunctionLike(Protocol):
    """What is accepted where a set function is wanted: a `SetFunction`, or what looks like one."""

    def __len__(self) -> int:
        """The number of candidates, N."""
        ...

    def start(self) -> Any:
        """The state of the empty batch."""
        ...

    def gains(self, state: Any) -> Array:
        """What each candidate would add to the value of the batch: [N]."""
        ...

    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate."""
        ...


class _Adapted(SetFunction):
    """What does not inherit, with the defaults for all that it lacks."""

    def __init__(self, f: Any) -> None:
        self.adapted = f
        self.submodular = getattr(f, "submodular", None)
        self.mutual_submodular = getattr(f, "mutual_submodular", False)
        for name in (*_DEFAULTS, *_OPTIONAL):
            if (own := getattr(f, name, None)) is not None:
                setattr(self, name, own)

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        count = getattr(self.adapted, "num_candidates", None)
        return len(self.adapted) if count is None else count

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        own: Ops | None = getattr(self.adapted, "ops", None)
        return super().ops if own is None else own

    @property
    def device(self) -> Any:
        """Where the gains are, in memory; None where that is not known."""
        return getattr(self.adapted, "device", None)

    @property
    def is_magnified(self) -> bool:
        """Whether similarities with some candidates were magnified."""
        return getattr(self.adapted, "is_magnified", False)

    def start(self) -> Any:
        """The state of the empty batch."""
        return self.adapted.start()

    def gains(self, state: Any) -> Array:
        """What each candidate would add to the value of the batch: [N]."""
        gains: Array = self.adapted.gains(state)
        return gains

    def add(self, state: Any, index: Array | int) -> Any:
        """The state of the batch with one more candidate."""
        return self.adapted.add(state, index)


_REQUIRED = ("start", "gains", "add")
_DEFAULTS = ("gains_of", "overlap", "overlap_of", "losses_of", "most", "noise", "pruned")
_OPTIONAL = ("remove", "value", "magnified")


def as_set_function(f: Any, example: str, hint: str = "") -> SetFunction:
    """What is given as a `SetFunction`, refused where it is none: the one place that looks.

    Raises
    ------
    TypeError
        If it is a class, or neither inherits from `SetFunction` nor has `start`, `gains`, `add` and
        a number of candidates.
    """
    if isinstance(f, type):
        raise TypeError(
            f"f: expected a set function such as {example}, got the class {f.__name__}; make one "
            "of the candidates"
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
    """The name of its class, as whoever wrote it knows it."""
    return type(f.adapted if isinstance(f, _Adapted) else f).__name__


def answer(batch: Any, name: str, *arguments: Any) -> Any | None:
    """What a method says that not every growing batch of a predictive has; else None."""
    method = getattr(batch, name, None)
    return None if method is None else method(*arguments)


def difference(ops: Ops, one: Array, other: Array) -> Array:
    """The difference, which is -inf wherever the first is."""
    xp = ops.xp
    end = one == -math.inf
    finite = xp.where(end, xp.zeros_like(one), one) - xp.where(end, xp.zeros_like(other), other)
    return xp.where(end, one, finite)


def _lacks(f: SetFunction, name: str) -> TypeError:
    return TypeError(f"f: {name_of(f)} has no method {name}, which this needs")

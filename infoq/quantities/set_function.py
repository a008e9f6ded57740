"""What a selection asks of a quantity of batches."""

from __future__ import annotations

from typing import Any, Protocol

from infoq.backends import Array, Ops


class SetFunction(Protocol):
    """A quantity of a growing batch, by the gain of each candidate.

    A state is immutable and says everything about the batch so far; `add` returns a new one.

    Selections also look for what a set function need not have:

    - ``gains_of(state, indices)``: the gains of some candidates [m] alone.
    - ``remove(state, index)``, ``losses_of(state, indices)``, ``pruned(members, size, given)``: for
      `forward_backward`.
    - ``most(state)``: what all candidates together can add at most, a 0-d array in memory: the
      gains that a selection reports do not exceed it together.
    - ``noise(state, index)``: below what the gain of a candidate, an array [1], is rounding or
      chance, an array [1] in memory: by it a `Selection` knows how many of its picks are
      `informative`. Of both None is for what is not known.
    - ``device``: where gains are, where that is not the library's default.
    - ``submodular``: whether gains are known never to grow.
    """

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        ...

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


_NAMES = ("ops", "__len__", "start", "gains", "add")


def check_set_function(f: Any, example: str, hint: str = "") -> SetFunction:
    """What is given, refused where it is no set function.

    By name: `isinstance` with a protocol is nothing that `torch.compile` can trace.
    """
    if isinstance(f, type):
        raise TypeError(
            f"f: expected a set function such as {example}, got the class {f.__name__}; make one "
            "of the candidates"
        )
    if not all(hasattr(f, name) for name in _NAMES):
        raise TypeError(
            f"f: expected a set function such as {example}, got {type(f).__name__}{hint}"
        )
    return f  # type: ignore[no-any-return]

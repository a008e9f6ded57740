"""What a selection asks of a quantity of batches."""

from __future__ import annotations

from typing import Any, Protocol

from infoq.backends import Array, Ops


class SetFunction(Protocol):
    """A quantity of a growing batch, by the gain of each candidate.

    A state is immutable and says everything about the batch so far; `add` returns a new one.
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
    if not all(hasattr(f, name) for name in _NAMES):
        raise TypeError(
            f"f: expected a set function such as {example}, got {type(f).__name__}{hint}"
        )
    return f  # type: ignore[no-any-return]

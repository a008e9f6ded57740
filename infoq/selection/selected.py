"""What a selection returns."""

from __future__ import annotations

from typing import Any, NamedTuple

from infoq.backends import Array


class _Batch(NamedTuple):
    indices: Array
    gains: Array
    value: Array


class Selection(_Batch):
    """The candidates that were picked, in the order in which they were.

    A tuple of three; beside them `reason` says why no more were picked.

    Attributes
    ----------
    indices : array [B]
        Indices of the candidates, none of them twice.
    gains : array [B]
        What each added when it was picked.
    value : array []
        The value of the batch: the sum of the gains.

    Notes
    -----
    `reason` is ``"size"`` where as many were picked as were asked for, ``"pool"`` where no
    candidate was left, ``"budget"`` where none of those left fits what is left of the budget, and
    ``"rank"`` where none of those left can be added: log-determinants of exhausted rank, or copies
    of points that were picked. It is no part of the tuple, so what takes tuples apart and makes
    them anew (`jax.jit`, `_replace`) resets it to ``"size"``.
    """

    reason: str = "size"

    def __new__(cls, indices: Array, gains: Array, value: Array, reason: str = "size") -> Selection:
        """A batch, and why it is no larger."""
        self = super().__new__(cls, indices, gains, value)
        self.reason = reason
        return self


def check_batch_size(k: Any) -> int:
    """The batch size as an integer, refused where it is none or is negative."""
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise TypeError(f"k: expected an integer, got {type(k).__name__}")
    size = int(k.__index__())
    if size < 0:
        raise ValueError(f"k: expected a batch size of at least 0, got {size}")
    return size


def reason_for(picked: int, size: int) -> str:
    """Why no more were picked, where nothing but the pool was in the way."""
    return "size" if picked >= size else "pool"

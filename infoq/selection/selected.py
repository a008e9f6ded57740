"""What a selection returns."""

from __future__ import annotations

from typing import Any, NamedTuple

from infoq.backends import Array


class Selection(NamedTuple):
    """The candidates that were picked, in the order in which they were.

    Attributes
    ----------
    indices : array [B]
        Indices of the candidates, none of them twice.
    gains : array [B]
        What each added when it was picked.
    value : array []
        The value of the batch: the sum of the gains.
    """

    indices: Array
    gains: Array
    value: Array


def check_batch_size(k: Any) -> int:
    """The batch size as an integer, refused where it is none or is negative."""
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise TypeError(f"k: expected an integer, got {type(k).__name__}")
    size = int(k.__index__())
    if size < 0:
        raise ValueError(f"k: expected a batch size of at least 0, got {size}")
    return size

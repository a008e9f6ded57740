"""Checks of arguments that are one of a few names."""

from __future__ import annotations

from typing import Any

_OF_A_GAUSSIAN = ("trace", "jensen", "kronecker")


def check_exact(approximation: Any) -> None:
    """Refuse an approximation of a `Categorical`, which needs none."""
    if approximation == "logdet":
        return
    if approximation in _OF_A_GAUSSIAN:
        raise ValueError(
            f"approximation: {approximation!r} is of a Gaussian; a Categorical is exact"
        )
    names = ", ".join(map(repr, _OF_A_GAUSSIAN))
    raise ValueError(
        f"approximation: expected 'logdet' of a Categorical, which is exact (of a Gaussian also "
        f"{names}), got {approximation!r}"
    )


def one_of(names: Any, approximation: str) -> str:
    """The approximation itself, refused where it is none of these."""
    if approximation not in names:
        expected = ", ".join(repr(name) for name in names)
        raise ValueError(f"approximation: expected one of {expected}, got {approximation!r}")
    return approximation

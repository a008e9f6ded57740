"""Input validation for arguments that are one of a few names."""

from __future__ import annotations

from typing import Any

_OF_A_GAUSSIAN = ("trace", "jensen", "kronecker")


def check_exact(approximation: Any) -> None:
    """Check that the approximation for a `Categorical` is "logdet", as it is exact."""
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
    """The approximation itself, checked to be one of these names."""
    if approximation not in names:
        expected = ", ".join(repr(name) for name in names)
        raise ValueError(f"approximation: expected one of {expected}, got {approximation!r}")
    return approximation

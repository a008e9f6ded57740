"""Input validation for arguments that are one of a few names: each choice is a type, stated here.

What is checked where the program runs is read from the type, so that the two cannot differ.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

OfParameters: TypeAlias = Literal["logdet", "trace"]
"""How a `Gaussian` evaluates information about the parameters."""

OfAllTargets: TypeAlias = Literal["logdet", "trace", "kronecker"]
"""How it evaluates information about all targets jointly."""

OfEachTarget: TypeAlias = Literal["logdet", "jensen", "trace", "kronecker"]
"""How it evaluates information about one target: all approximations that there are."""

Measure: TypeAlias = Literal["divergence", "entropy"]
"""What observed labels tell about the parameters is measured by."""

Kind: TypeAlias = Literal["probs", "log_probs", "logits"]
"""What a distribution is given as."""

Structure: TypeAlias = Literal["dense", "low_rank", "diagonal", "kronecker"]
"""What a posterior precision is kept as."""

Law: TypeAlias = Literal["power", "softmax", "softrank"]
"""How the probability of a candidate grows with its score."""

Start: TypeAlias = Literal["uniform", "norm"]
"""The first point of all."""

OF_PARAMETERS: Final[tuple[str, ...]] = get_args(OfParameters)
OF_ALL_TARGETS: Final[tuple[str, ...]] = get_args(OfAllTargets)
OF_EACH_TARGET: Final[tuple[str, ...]] = get_args(OfEachTarget)
MEASURES: Final[tuple[str, ...]] = get_args(Measure)
KINDS: Final[tuple[str, ...]] = get_args(Kind)
STRUCTURES: Final[tuple[str, ...]] = get_args(Structure)
LAWS: Final[tuple[str, ...]] = get_args(Law)
STARTS: Final[tuple[str, ...]] = get_args(Start)


def one_of(names: tuple[str, ...], value: Any, argument: str) -> Any:
    """The value itself, checked to be one of these names.

    Parameters
    ----------
    names : tuple of str
        The names of a choice, such as `LAWS`.
    value : Any
        What was given.
    argument : str
        What it was given as.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if not isinstance(value, str) or value not in names:
        expected = ", ".join(repr(name) for name in names)
        raise ValueError(f"{argument}: expected one of {expected}, got {value!r}")
    return value


def check_exact(approximation: Any) -> None:
    """Check that the approximation for a `Categorical` is "logdet", as it is exact."""
    if isinstance(approximation, str) and approximation == "logdet":
        return
    others = [name for name in OF_EACH_TARGET if name != "logdet"]
    if isinstance(approximation, str) and approximation in others:
        raise ValueError(
            f"approximation: {approximation!r} is of a Gaussian; a Categorical is exact"
        )
    names = ", ".join(map(repr, others))
    raise ValueError(
        f"approximation: expected 'logdet' of a Categorical, which is exact (of a Gaussian also "
        f"{names}), got {approximation!r}"
    )

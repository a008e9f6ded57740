"""Input validation for arguments that are one of a few names.

Each choice is a `Literal` type. The run-time check reads the names from that type, so that the two
cannot differ.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

OfParameters: TypeAlias = Literal["logdet", "trace"]
"""How a `Gaussian` evaluates information about the parameters."""

OfAllTargets: TypeAlias = Literal["logdet", "trace", "kronecker"]
"""How a `Gaussian` evaluates information about all targets jointly."""

OfEachTarget: TypeAlias = Literal["logdet", "jensen", "trace", "kronecker"]
"""How a `Gaussian` evaluates information about one target: all approximations."""

Measure: TypeAlias = Literal["divergence", "entropy"]
"""How information of observed labels about the parameters is measured."""

Information: TypeAlias = Literal["expected", "observed"]
"""The information in a label: the expectation over labels, or that of the label."""

Kind: TypeAlias = Literal["probs", "log_probs", "logits"]
"""The form in which a distribution is passed."""

Structure: TypeAlias = Literal["dense", "low_rank", "diagonal", "kronecker"]
"""The structure in which a posterior precision is stored."""

Law: TypeAlias = Literal["power", "softmax", "softrank"]
"""How the probability of a candidate grows with its score."""

Start: TypeAlias = Literal["uniform", "norm"]
"""How the first point is drawn."""

OF_PARAMETERS: Final[tuple[str, ...]] = get_args(OfParameters)
OF_ALL_TARGETS: Final[tuple[str, ...]] = get_args(OfAllTargets)
OF_EACH_TARGET: Final[tuple[str, ...]] = get_args(OfEachTarget)
MEASURES: Final[tuple[str, ...]] = get_args(Measure)
INFORMATION: Final[tuple[str, ...]] = get_args(Information)
KINDS: Final[tuple[str, ...]] = get_args(Kind)
STRUCTURES: Final[tuple[str, ...]] = get_args(Structure)
LAWS: Final[tuple[str, ...]] = get_args(Law)
STARTS: Final[tuple[str, ...]] = get_args(Start)


def one_of(names: tuple[str, ...], value: Any, argument: str) -> Any:
    """The value itself, after a check that it is one of the names.

    Parameters
    ----------
    names : tuple of str
        The names of a choice, such as `LAWS`.
    value : Any
        The value that was passed.
    argument : str
        The name of the argument, for the error message.

    Raises
    ------
    ValueError
        If it is none of the names.
    """
    if not isinstance(value, str) or value not in names:
        expected = ", ".join(repr(name) for name in names)
        raise ValueError(f"{argument}: expected one of {expected}, got {value!r}")
    return value


def check_exact(approximation: Any, kind: str = "Categorical") -> None:
    """Check that the approximation for a predictive of this kind is "logdet", as it is exact."""
    if isinstance(approximation, str) and approximation == "logdet":
        return
    others = [name for name in OF_EACH_TARGET if name != "logdet"]
    if isinstance(approximation, str) and approximation in others:
        raise ValueError(f"approximation: {approximation!r} is for a Gaussian; a {kind} is exact")
    names = ", ".join(map(repr, others))
    raise ValueError(
        f"approximation: expected 'logdet' for a {kind}, which is exact (for a Gaussian also "
        f"{names}), got {approximation!r}"
    )

"""What an outcome may tell about: the Z of I[Y_i; Z]."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from infoq.backends import Array
from infoq.checks.choices import OF_ALL_TARGETS, OF_EACH_TARGET, OF_PARAMETERS, one_of


class Parameters:
    """The model's parameters: information about them is EIG."""

    def __repr__(self) -> str:
        return "PARAMETERS"


PARAMETERS: Final = Parameters()
"""The model's parameters: information about them is EIG."""


class EachTarget(NamedTuple):
    """The outcome of one target, on average over targets: information about it is EPIG.

    Attributes
    ----------
    targets : predictive
        M targets under the same posterior as the candidates.
    weights : array [M] or None
        What each target counts in the average; None for all the same.
    """

    targets: Any
    weights: Array | None = None


class AllTargets(NamedTuple):
    """The outcomes of all targets jointly: information about them is JEPIG.

    Attributes
    ----------
    targets : predictive
        M targets under the same posterior as the candidates.
    samples : int
        Of a `Categorical`: joint outcomes up to which all are enumerated, and samples beyond.
    seed : int or the library's random generator
        What they are drawn from.
    """

    targets: Any
    samples: int = 10_000
    seed: Any = 0


About: TypeAlias = Parameters | EachTarget | AllTargets
"""What an outcome may tell about."""


def approximation_for(about: About, approximation: Any) -> Any:
    """An approximation of a `Gaussian`, checked to be one for what outcomes tell about."""
    names = OF_EACH_TARGET
    if isinstance(about, Parameters):
        names = OF_PARAMETERS
    elif isinstance(about, AllTargets):
        names = OF_ALL_TARGETS
    return one_of(names, approximation, "approximation")

"""The unknowns that outcomes are informative about: the Z of I[Y_i; Z]."""

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
        The weight of each target in the average; None for equal weights.
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
        For a `Categorical`: up to this many joint outcomes are enumerated; of more, this many are
        sampled.
    seed : int or the library's random generator
        Source of the samples.
    """

    targets: Any
    samples: int = 10_000
    seed: Any = 0


About: TypeAlias = Parameters | EachTarget | AllTargets
"""The unknown that information is about."""


def approximation_for(about: About, approximation: Any) -> Any:
    """The approximation itself, checked to be one that a `Gaussian` has for this unknown."""
    names = OF_EACH_TARGET
    if isinstance(about, Parameters):
        names = OF_PARAMETERS
    elif isinstance(about, AllTargets):
        names = OF_ALL_TARGETS
    return one_of(names, approximation, "approximation")

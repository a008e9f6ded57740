"""The table of methods: the parts of each, stated where the method is defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypedDict, TypeVar

from infoq.backends import Array
from infoq.backends.tables import Table

F = TypeVar("F", bound=Callable[..., Any])


class Method(NamedTuple):
    """A method of the literature as a sentence.

    Attributes
    ----------
    name : str
        The name of the function in `infoq.methods`.
    noun : str
        The input: what represents the candidates.
    verb : str
        The quantity that it computes.
    adverb : str
        How the quantity is evaluated.
    selection : str
        How scores become a batch.
    status : str
        Whether the quantity is exact, a bound or a heuristic.
    source : str
        Where it was published.
    """

    name: str
    noun: str
    verb: str
    adverb: str
    selection: str
    status: str
    source: str


class Who(TypedDict, total=False):
    """Keywords of every method: which candidates may be picked, and which were already.

    They mean the same as in `infoq.greedy`.

    Attributes
    ----------
    candidates : boolean array [N] or integers
        The candidates that may be picked, as a mask or indices. Default: all.
    given : integers
        The candidates that were picked already or are pending.
    """

    candidates: Array | Sequence[int] | None
    given: Sequence[int] | Array


_methods: dict[str, Method] = {}

TAXONOMY: Final[Mapping[str, Method]] = Table(_methods, __name__, "TAXONOMY")
"""Every method of `infoq.methods` by name."""


def method(
    *, noun: str, verb: str, adverb: str, selection: str, status: str, source: str
) -> Callable[[F], F]:
    """Enter a function into `TAXONOMY`."""

    def enter(function: F) -> F:
        name = function.__name__
        _methods[name] = Method(name, noun, verb, adverb, selection, status, source)
        return function

    return enter

"""The table of methods: what each is made of, stated where it is defined."""

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
        Of the function in `infoq.methods`.
    noun : str
        What it is told of the candidates.
    verb : str
        Which quantity it computes.
    adverb : str
        How.
    selection : str
        What turns it into a batch.
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
    """Who may be picked, and who was: keywords of every method, as of `infoq.greedy`.

    Attributes
    ----------
    candidates : boolean array [N] or integers
        Who may be picked, by a mask or by indices. Default: everybody.
    given : integers
        Who was picked already or is pending.
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

"""What is declared is held against what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from infoq.backends import CAPABILITIES, Array, Capabilities
from infoq.backends.capabilities import WORKS
from tests.capabilities.cases import CASES
from tests.capabilities.inputs import Case
from tests.conftest import Backend

REFUSALS = (TypeError, ValueError, RuntimeError)
"""Errors of infoq, and of libraries whose arrays have no values to read."""


def declared(case: Case) -> Capabilities:
    """The entry of a case: of its option, or of all options without an entry."""
    words = str(case).split(", ")
    names = (", ".join(words[:count]) for count in range(len(words), 0, -1))
    return next(CAPABILITIES[name] for name in names if name in CAPABILITIES)


def cases(*columns: str) -> pytest.MarkDecorator:
    """Every case that has a meaning in one of the columns."""
    some = [
        case
        for case in CASES
        if any(getattr(declared(case), column).state != "meaningless" for column in columns)
    ]
    return pytest.mark.parametrize("case", some, ids=str)


def hold(case: Case, column: str, check: Callable[[], None]) -> None:
    """Run `check` where the capability is declared; where it is not, expect an error of it."""
    capability = getattr(declared(case), column, WORKS)  # of a library without a column: CuPy
    if capability.state == "works":
        check()
    else:
        with pytest.raises(REFUSALS):
            check()


def arrays(backend: Backend, values: Sequence[np.ndarray], dtype: str = "float64") -> Iterator[Any]:
    """Arrays of a library; those that are floating in a dtype."""
    for x in values:
        yield backend.array(x, dtype if x.dtype.kind == "f" else None)


def reference(backend: Backend, case: Case, values: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The results in NumPy; of random numbers in their library, eagerly."""
    by = backend if case.random else Backend("numpy")
    return [by.numpy(x) for x in case.run(*(by.array(x) for x in values))]


def agree(
    backend: Backend,
    results: Sequence[Array],
    expected: Sequence[np.ndarray],
    rtol: float = 1e-9,
    atol: float = 1e-11,
) -> None:
    """Results in the library are as expected, in kind and in value."""
    assert len(results) == len(expected)
    for one, other in zip(results, expected, strict=True):
        x = backend.numpy(one)
        assert x.dtype.kind == other.dtype.kind
        if other.dtype.kind == "f":
            np.testing.assert_allclose(x, other, rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(x, other)

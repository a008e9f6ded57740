"""The settings of `options`, for all computations inside its `with` block."""

from __future__ import annotations

import contextlib
import contextvars
import math
import operator
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

_UNITS = {letter: 1000**power for power, letter in enumerate(("", "K", "M", "G", "T"))}
_UNITS |= {f"{letter}I": 1024**power for power, letter in enumerate("KMGT", 1)}
_SIZE = re.compile(r"\s*([0-9]*\.?[0-9]+(?:E[+-]?[0-9]+)?)\s*([KMGT]?I?)B?\s*")


class Options(NamedTuple):
    """The settings of `options`.

    Attributes
    ----------
    memory : int
        Approximate bytes that the temporary arrays of one block may take together.
    """

    memory: int = 512 * 10**6


_DEFAULT = Options()
_OPTIONS: contextvars.ContextVar[Options] = contextvars.ContextVar("infoq.options")
# The settings of `with` blocks while `torch.compile` traces, as it knows no context variables.
_TRACED: list[Options] = []


@contextlib.contextmanager
def options(*, memory: int | str | None = None) -> Iterator[Options]:
    """Context manager that sets options for all calls inside it, in this thread or task only.

    Parameters
    ----------
    memory : int or str, optional
        The budget for temporary arrays, in bytes or as ``"512MB"``, ``"2GiB"``, ``"1e9"``. At least
        one candidate is always computed at a time. Measures also split a long distribution, unless
        it is given as logits. On CPUs, NumPy and PyTorch use no more than the 2 or 3 MiB that stay
        in the cache. Scores do not depend on the budget, except for rounding. Matrices of a
        precision or of targets that exceed it (and 64 MB) raise an error.

    Yields
    ------
    Options
        The settings in force.

    Raises
    ------
    ValueError
        If `memory` is not a positive number of bytes.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.full((4, 2, 3), 1 / 3)
    >>> with infoq.options(memory="1MB"):
    ...     infoq.eig(probs)
    array([0., 0., 0., 0.])
    """
    # A new object, as `torch.compile` cannot trace `_replace`.
    current = current_options() if memory is None else Options(parse_bytes(memory))
    with in_force(current):
        yield current


def current_options() -> Options:
    """The settings in force; in a compiled program, those at the time of tracing."""
    return _TRACED[-1] if _TRACED else _of_context()


def _of_context() -> Options:
    return _OPTIONS.get(_DEFAULT)


@contextlib.contextmanager
def in_force(settings: Options) -> Iterator[None]:
    """Context manager that puts settings in force, such as those of another thread.

    A Dask chunk runs in a thread of its own, with the settings of the calling thread.
    """
    if settings == current_options():
        yield
    elif _compiling():
        _TRACED.append(settings)
        try:
            yield
        finally:
            _TRACED.pop()
    else:
        with _in_context(settings):
            yield


@contextlib.contextmanager
def _in_context(settings: Options) -> Iterator[None]:
    token = _OPTIONS.set(settings)
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def _compiling() -> bool:
    """Whether `torch.compile` is tracing this."""
    torch = sys.modules.get("torch")  # None where its import is blocked
    return torch is not None and bool(torch.compiler.is_compiling())


def parse_bytes(size: int | str) -> int:
    """The number of bytes, from a number or from text such as ``"512MB"``.

    Examples
    --------
    >>> parse_bytes("1.5 GiB"), parse_bytes("1e3"), parse_bytes("1TB")
    (1610612736, 1000, 1000000000000)
    """
    # In a compiled program `index` makes a constant of an integer that varies.
    count = _count(operator.index(size) if isinstance(size, int) else size)
    if not 1 <= count < math.inf or count % 1 or isinstance(size, bool):
        whole = f"; a byte is whole, so pass {math.ceil(count)}" if 0 < count < math.inf else ""
        fix = "" if isinstance(size, bool) else whole
        raise ValueError(
            f"memory: expected bytes, or text such as '512MB' or '2GiB', got {size!r}{fix}"
        )
    return int(count)


def _count(size: int | str) -> float:
    """The number of bytes, rounded down if there is a unit; 0 if the text is no size."""
    match = _SIZE.fullmatch(str(size).upper())
    if match is None or match[2] not in _UNITS:
        return 0
    count: float = float(match[1]) * _UNITS[match[2]]
    return math.floor(count) if match[2] and count < math.inf else count


# Constants in compiled programs, as by `torch.compiler.assume_constant_result`.
_of_context._dynamo_marked_constant = True  # type: ignore[attr-defined]
_count._dynamo_marked_constant = True  # type: ignore[attr-defined]

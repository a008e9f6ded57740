"""One mutant in a process of its own: the tests that run its lines, the fastest first."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections import defaultdict
from types import FunctionType, ModuleType
from typing import Any

import pytest

MEMORY = 6 * 2**30
SURVIVED, KILLED = 0, 1


def seconds(expected: float) -> float:
    """How long a test may run that takes so long without a mutant, on a machine that is busy."""
    return 20 + 20 * expected


def fork(sources: dict[str, str], items: list[pytest.Item], times: dict[str, float]) -> Any:
    """Start a trial: the process, and the pipe that says which test failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        _try(writing, sources, items, times)
    finally:
        os._exit(KILLED)  # an error outside of any test, as in the definitions of the module


def outcome(child: int, reading: int) -> tuple[str, str]:
    """Wait for a trial: killed, survived or timeout, and the test that says so."""
    with os.fdopen(reading) as pipe:
        said = pipe.read().split("\n")
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        name = "timeout" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
        return name, said[-1]
    return ("survived", "") if os.WEXITSTATUS(status) == SURVIVED else ("killed", said[-1])


def _try(
    writing: int, sources: dict[str, str], items: list[pytest.Item], times: dict[str, float]
) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.write(writing, b"the definition of the module")
    for file, source in sources.items():
        swap(file, source)
    for item, after in zip(items, [*items[1:], None], strict=True):
        signal.setitimer(signal.ITIMER_REAL, seconds(times.get(item.nodeid, 10.0)))
        os.write(writing, f"\n{item.nodeid}".encode())
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
    os._exit(SURVIVED)


def swap(file: str, source: str) -> None:
    """Give the functions of a module, wherever they are held, the code of another source."""
    path = os.path.realpath(file)
    module = next(m for m in list(sys.modules.values()) if _file_of(m) == path)
    scratch = {"__name__": module.__name__, "__file__": path, "__package__": module.__package__}
    exec(compile(source, path, "exec"), scratch)
    others = _functions(scratch)
    for name, functions in _functions(vars(module)).items():
        # Of one name there are a property and what sets it, say, in the order of their lines.
        lines = sorted({f.__code__.co_firstlineno for f in functions})
        news = sorted(others.get(name, ()), key=lambda f: f.__code__.co_firstlineno)
        if len(news) != len(lines):
            continue  # made by a call, so in the code of the function that makes it
        for function in functions:
            new = news[lines.index(function.__code__.co_firstlineno)]
            function.__code__ = new.__code__
            function.__defaults__ = new.__defaults__
            function.__kwdefaults__ = new.__kwdefaults__


def _file_of(module: ModuleType) -> str:
    return os.path.realpath(getattr(module, "__file__", None) or "")


def _functions(names: dict[str, Any]) -> dict[str, list[FunctionType]]:
    found = defaultdict(list)
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__globals__ is names:
            found[thing.__code__.co_qualname].append(thing)
    return found

"""Time and memory of calls. Nothing here knows what is being measured."""

import contextlib
import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Call = Callable[[], Any]
Clock = Callable[[], float]  # seconds


@dataclass(frozen=True)
class Times:
    """Seconds per round of one call."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles, or the extremes of fewer than four rounds."""
        if len(self.seconds) < 4:
            return min(self.seconds), max(self.seconds)
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high

    def scaled(self, scale: float) -> "Times":
        """The times of a call that did a part of the work, as if it had done all."""
        return Times(tuple(scale * value for value in self.seconds))


def speedup(of: Times, over: Times) -> float:
    """How many times faster the first is: the median, over rounds, of the quotient in a round."""
    pairs = zip(of.seconds, over.seconds, strict=False)  # the slow leave after a few rounds
    return statistics.median(b / a for a, b in pairs)


def interleave(
    calls: Mapping[str, Call], rounds: int, seconds: float, clock: Clock = time.perf_counter
) -> dict[str, Times]:
    """Time the calls in turn, A B C A B C, so that all of them meet the same disturbances.

    A call that has taken `seconds` in all sits out further rounds, though not before its third.
    Every call should have run once before.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()  # or a peer that collects pays for every package loaded beside it
    gc.disable()
    try:
        for done in range(rounds):
            for name, call in calls.items():
                if done >= 3 and sum(taken[name]) > seconds:
                    continue
                start = clock()
                result = call()
                taken[name].append(clock() - start)
                del result
                gc.collect()
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
    return {name: Times(tuple(values)) for name, values in taken.items()}


@dataclass(frozen=True)
class Memory:
    """The peak that a call added to the resident memory of its process."""

    bytes: int
    method: str


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise OSError(key)


def _trim() -> None:
    """Hand freed memory back, so that a call can't take it up again unseen."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory(call: Call) -> Memory:
    """Measure the peak growth of resident memory during a call (its result included).

    Meant for a fresh process in which the call, or a smaller one like it, has already run once.
    """
    _trim()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again here
        before = _status("VmRSS")
    except OSError:
        return _peak_by_rusage(call)
    result = call()
    peak = _status("VmHWM")
    del result
    return Memory(max(0, peak - before), "high-water mark, reset just before the call")


def _peak_by_rusage(call: Call) -> Memory:
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = call()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del result
    return Memory((after - before) * unit, "growth of ru_maxrss (a lower bound)")


def best(times: Mapping[str, Times], names: Sequence[str]) -> str | None:
    """Name the fastest of the given calls by its median, or None where none was timed."""
    return min((n for n in names if n in times), key=lambda n: times[n].median, default=None)

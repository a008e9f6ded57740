"""Run a job: bind, compare, then time in turn, then measure memory in fresh processes."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .contenders import Contender
from .job import Job, Size, Target
from .limits import Limit
from .measure import Call, Clock, Memory, Times, best, interleave, peak_memory, speedup
from .oracles import Differences, Inputs

MemoryOf = Callable[[Job, Contender], Memory | None]


@dataclass
class Row:
    """What is known of one contender; `problem` says why it wasn't timed."""

    contender: Contender
    problem: str = ""
    differences: Differences = field(default_factory=dict)
    times: Times | None = None
    ratio: float | None = None  # times faster than the best peer
    memory: Memory | None = None
    scale: float = 1.0  # what the measured times were multiplied with


@dataclass
class Result:
    """A job that has been run."""

    job: Job
    size: Size
    rows: list[Row]
    limits: list[tuple[Limit, Times]]
    best_peer: str | None

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.contender.name == name)

    def rival(self, target: Target) -> str | None:
        """The peer that a target is measured against: the fastest, unless it names one."""
        peers = [r for r in self.rows if not r.contender.own and r.times is not None]
        if target.library is not None:
            peers = [r for r in peers if target.library in r.contender.library]
        if target.peer is not None:
            peers = [r for r in peers if target.peer == r.contender.name]
        times = {r.contender.name: r.times for r in peers if r.times is not None}
        return best(times, list(times))

    def reached(self, target: Target) -> float | None:
        """What the contender of a target reaches in its measure, if known."""
        row = self.row(target.contender)
        if target.measure == "time":
            rival = self.rival(target)
            against = None if rival is None else self.row(rival).times
            return None if row.times is None or against is None else speedup(row.times, against)
        if row.memory is None:
            return None
        if target.measure == "megabytes":
            return row.memory.bytes / 1e6
        peers = [
            r.memory.bytes
            for r in self.rows
            if r.memory and not r.contender.own and (target.library or "") in r.contender.library
        ]
        return min(peers) / max(row.memory.bytes, 1) if peers else None

    def met(self, target: Target) -> bool | None:
        """Whether a target is reached, if known."""
        got = self.reached(target)
        if got is None:
            return None
        return got <= target.factor if target.measure == "megabytes" else got >= target.factor

    @property
    def wrong(self) -> list[str]:
        """Those of infoq's own rows that disagree or fail, where they could have run."""
        return [
            f"{self.job.name}: {row.contender.name}: {row.problem}"
            for row in self.rows
            if row.contender.own and row.problem and not row.contender.missing
        ]


def beyond(differences: Differences, tolerance: dict[str, float]) -> str:
    """Name the differences beyond their tolerance (NaN is beyond every one)."""
    return "; ".join(
        f"{key} {differences[key]:.2g}, allowed {allowed:.2g}"
        if key in differences
        else f"{key} is missing"
        for key, allowed in tolerance.items()
        if not abs(differences.get(key, float("nan"))) <= allowed
    )


def check(job: Job, row: Row, inputs: Inputs, truth: Any) -> Call | None:
    """Bind a contender and compare its answer; return its call if it is to be timed."""
    contender = row.contender
    if contender.missing:
        row.problem = f"not installed ({contender.missing})"
        return None
    try:
        call = contender.bind(inputs)
    except ImportError as error:
        row.problem = f"can't be imported ({error})"
        return None
    except Exception as error:
        row.problem = f"fails ({type(error).__name__}: {error})"
        return None
    try:
        row.differences = job.compare(inputs, truth, contender.answer(call()))
    except Exception as error:
        row.problem = f"fails ({type(error).__name__}: {error})"
        return None
    tolerance = dict(job.tolerance) | (dict(job.own_tolerance) if contender.own else {})
    if not contender.own:  # a peer may lack some of what a job asks for
        tolerance = {key: tolerance[key] for key in tolerance if key in row.differences}
    excess = beyond(row.differences, tolerance)
    row.problem = f"disagrees ({excess})" if excess else ""
    return None if excess else call


def run(
    job: Job,
    memory_of: MemoryOf,
    *,
    small: bool = False,
    rounds: int | None = None,
    clock: Clock = time.perf_counter,
) -> Result:
    """Run one job."""
    size = job.small if small else job.size
    inputs = job.inputs(size)
    truth = job.oracle(inputs)
    rows = [Row(contender) for contender in job.contenders]
    calls: dict[str, Call] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in rows:
            call = check(job, row, inputs, truth)
            if call is not None:
                calls[row.contender.name] = call
        bound = {}
        for limit in job.limits:
            if Contender("", "", "", limit.bind, modules=(limit.module,)).missing:
                continue
            bound[limit.name] = limit.bind(inputs)
            bound[limit.name]()
        times = interleave(calls | bound, rounds or job.rounds, job.seconds, clock)
    for row in rows:
        name, scale = row.contender.name, row.contender.scale
        if scale is not None and name in times:
            row.scale = scale(size)
            times[name] = times[name].scaled(row.scale)
    peers = [row.contender.name for row in rows if not row.contender.own]
    best_peer = best(times, peers)
    for row in rows:
        row.times = times.get(row.contender.name)
        if row.times is None:
            continue
        if best_peer is not None:
            row.ratio = speedup(row.times, times[best_peer])
        row.memory = memory_of(job, row.contender)
    measured = [(limit, times[limit.name]) for limit in job.limits if limit.name in times]
    return Result(job, size, rows, measured, best_peer)


def memory_here(job: Job, contender: Contender, *, small: bool = False) -> Memory:
    """Measure the memory of a contender in this process, which should do nothing else."""
    size = job.small if small else job.size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contender.bind(job.inputs(job.small if job.slow else size))()
        return peak_memory(contender.bind(job.inputs(size)))


def memory_in_fresh_process(
    job: Job, contender: Contender, *, small: bool = False
) -> Memory | None:
    """Measure the memory of a contender in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve().parent)]
    command += ["--memory", job.name, contender.name, *(["--small"] if small else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return None
    return Memory(**json.loads(done.stdout.splitlines()[-1]))

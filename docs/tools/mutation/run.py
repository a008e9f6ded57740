"""Run mutants: `python docs/tools/mutation --sample 300 --seed 0`; see docs/mutation.md."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import Any

import coverage
import pytest

from . import trial
from .mutants import PACKAGES, ROOT, Mutant, all_mutants

FOLDER = ROOT / ".mutation"
TESTS = ["tests", "infoq", "README.md", "docs", "--ignore=tests/cli", "--ignore=docs/tools"]
TESTS += ["--backend=numpy", "-q", "-p", "no:cacheprovider"]


def main() -> int:
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(prog="python docs/tools/mutation", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="of N mutants; else of all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    text = "of these kinds alone, as number,swap_op,keywords,if_exp (default: of all kinds)"
    parser.add_argument("--kinds", metavar="KINDS", type=lambda text: text.split(","), help=text)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trials at a time")
    parser.add_argument("--again", action="store_true", help="try newer tests on what survived")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    FOLDER.mkdir(exist_ok=True)
    if arguments.measure:
        return measure()
    digest = hashlib.sha256()
    for path in sorted((ROOT / "infoq").rglob("*.py")):
        digest.update(path.read_bytes())
    stamp = FOLDER / "measured"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        print("which test runs which line: all tests once, with coverage", flush=True)
        command = [sys.executable, str(Path(__file__).parent), "--measure"]
        subprocess.run(command, check=True)
        stamp.write_text(digest.hexdigest())
    kinds = arguments.kinds
    mutants = [one for one in enumerate(all_mutants()) if not kinds or one[1].operator in kinds]
    total = len(mutants)
    if arguments.sample is not None and arguments.sample < total:
        # A larger sample begins with the smaller one of the same seed.
        random.Random(arguments.seed).shuffle(mutants)
        del mutants[arguments.sample :]
    name = f"sample-{arguments.seed}" if arguments.sample is not None else "all"
    name = "-".join([name, *(kinds or ())])
    run = Run(mutants, total, FOLDER / f"{name}.json", digest.hexdigest(), arguments)
    return int(pytest.main([*TESTS, "-s"], plugins=[run])) or run.failed


def measure() -> int:
    """All tests, with what lines each runs and how long it takes."""
    os.environ["COVERAGE_FILE"] = str(FOLDER / "coverage")
    clock = Clock()
    code = pytest.main([*TESTS, "--cov", "--cov-context=test", "--cov-report="], plugins=[clock])
    (FOLDER / "durations.json").write_text(json.dumps(clock.times))
    return int(code)


class Clock:
    """How long each test takes."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.times[report.nodeid] += report.duration  # type: ignore[assignment]


class Run:
    """A pytest plugin that, in place of running the tests, runs them on mutants."""

    def __init__(
        self,
        mutants: list[tuple[int, Mutant]],
        total: int,
        file: Path,
        digest: str,
        arguments: argparse.Namespace,
    ) -> None:
        self.mutants, self.total, self.file = mutants, total, file
        self.digest, self.jobs, self.failed = digest, arguments.jobs, 0
        self.results: dict[str, dict[str, Any]] = {}
        if file.exists():
            saved = json.loads(file.read_text())
            if saved["digest"] == digest:  # of a run that was interrupted, or has survivors
                self.results = saved["results"]
        self.again = arguments.again
        self.times = json.loads((FOLDER / "durations.json").read_text())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a trial, the first failure ends it."""
        if report.failed:
            os._exit(trial.KILLED)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Start trials, as many at a time as there are jobs."""
        data = coverage.CoverageData(str(FOLDER / "coverage"))
        data.read()
        items = sorted(session.items, key=lambda item: self.times.get(item.nodeid, 0.0))
        waiting: deque[Any] = deque()
        if not self.nothing_survives(data, items):
            print("tests fail where nothing but the process is changed", flush=True)
            self.failed = 2
            return True
        for number, (index, mutant) in enumerate(self.mutants):
            known = self.results.get(str(index))
            if known and not (self.again and known["outcome"] == "survived"):
                continue
            # A test that is newer than what was measured is run on every mutant; what survived all
            # others meets no test but these.
            named = set() if known else covering(data, mutant.file, mutant.lines)
            mine = [i for i in items if i.nodeid in named or i.nodeid not in self.times]
            if len(waiting) >= self.jobs:
                self.finish(*waiting.popleft())
            started = trial.fork({mutant.file: mutant.source()}, mine, self.times)
            waiting.append((number, index, mutant, len(mine), time.monotonic(), *started))
        while waiting:
            self.finish(*waiting.popleft())
        report(self.mutants, self.total, self.results)
        self.failed = int(any(one["outcome"] == "survived" for one in self.results.values()))
        return True

    def nothing_survives(self, data: coverage.CoverageData, items: list[pytest.Item]) -> bool:
        """Whether all tests pass where every module is swapped for itself."""
        files = {mutant.file for _, mutant in self.mutants}
        same = {file: (ROOT / file).read_text(encoding="utf-8") for file in files}
        some = any(str(index) not in self.results for index, _ in self.mutants)
        named = {test for file in files for test in covering(data, file) if some}
        mine = [i for i in items if i.nodeid in named or i.nodeid not in self.times]
        outcome, test = trial.outcome(*trial.fork(same, mine, self.times))
        print("no mutant at all:", outcome, test, flush=True)
        return outcome == "survived"

    def finish(
        self, number: int, index: int, mutant: Mutant, tests: int, start: float, *child: int
    ) -> None:
        """Wait for a trial, and write down what came of it."""
        outcome, test = trial.outcome(*child)
        one = {"outcome": outcome, "file": mutant.file, "line": mutant.line, "test": test}
        one["operator"] = mutant.operator
        one |= {"before": mutant.before(), "after": mutant.after()}
        one["tests"] = tests + self.results.get(str(index), {}).get("tests", 0)
        one["seconds"] = round(time.monotonic() - start, 1)
        self.results[str(index)] = one
        self.file.write_text(json.dumps({"digest": self.digest, "results": self.results}, indent=1))
        print(f"{number + 1}/{len(self.mutants)} {outcome}", *describe(one), flush=True)


def covering(
    data: coverage.CoverageData, file: str, lines: tuple[int, int] = (1, 10**6)
) -> set[str]:
    """The tests that run one of some lines."""
    first, last = lines
    contexts = data.contexts_by_lineno(str(ROOT / file))
    named = (name for line in contexts if first <= line <= last for name in contexts[line])
    return {name.rpartition("|")[0] for name in named} - {""}


def describe(one: dict[str, Any]) -> tuple[str, str]:
    """Where a mutant is, and what it changes."""
    return f"{one['file']}:{one['line']}", f"`{one['before']}` -> `{one['after']}`"


def report(
    mutants: list[tuple[int, Mutant]], total: int, results: dict[str, dict[str, Any]]
) -> None:
    """Print the counts and the survivors."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for index, mutant in mutants:
        for group in (mutant.package, mutant.operator, "together"):
            counts[group][results[str(index)]["outcome"]] += 1
    for group in (*PACKAGES, *sorted(set(counts) - {*PACKAGES, "together"}), "together"):
        found = counts[group]
        n, killed = found.total(), found["killed"] + found["timeout"]
        low, high = wilson(killed, n)
        print(
            f"{group}: {n} mutants, {killed} killed ({found['timeout']} of them by time), ", end=""
        )
        print(f"{found['survived']} survived; {killed / max(n, 1):.1%} ({low:.1%} to {high:.1%})")
    print(f"{'a sample' if len(mutants) < total else 'all'} of {total} mutants; survivors:")
    for one in sorted(results.values(), key=lambda one: (one["file"], one["line"])):
        if one["outcome"] == "survived":
            print(*describe(one), f"({one['tests']} tests)")


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of 95% for a rate."""
    if n == 0:
        return 0.0, 1.0
    centre, spread = hits + z * z / 2, z * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return (centre - spread) / (n + z * z), (centre + spread) / (n + z * z)

"""The command line of the benchmarks."""

import argparse
import dataclasses
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from . import environment

PAGE = Path(__file__).resolve().parents[3] / "docs" / "benchmarks.md"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python docs/tools/benchmarks", description=__doc__)
    parser.add_argument(
        "--job", action="append", help="run only this job (may be repeated); start: the imports"
    )
    parser.add_argument("--small", action="store_true", help="tiny inputs, to try the harness")
    parser.add_argument("--rounds", type=int, help="rounds of timing, instead of each job's own")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory")
    parser.add_argument(
        "--output", help="the page ('-': print it; default: docs/benchmarks.md on a full run)"
    )
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the jobs and write the page; fail where an answer of infoq is wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(given)
    environment.restart_clean(given)
    environment.pin()

    from . import report, runner, startup  # only now: these import numpy
    from .jobs import JOBS

    if options.memory:
        job = JOBS[options.memory[0]]
        contender = next(c for c in job.contenders if c.name == options.memory[1])
        memory = runner.memory_here(job, contender, small=options.small)
        print(json.dumps(dataclasses.asdict(memory)))
        return 0

    memory_of = functools.partial(runner.memory_in_fresh_process, small=options.small)
    results, starting = [], None
    names = options.job or ["start", *JOBS]
    if "start" in names:
        print("start ...", file=sys.stderr, flush=True)
        starting = startup.start(options.rounds or 25)
    for name in names:
        if name == "start":
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        results.append(
            runner.run(
                JOBS[name],
                (lambda *_: None) if options.no_memory else memory_of,
                small=options.small,
                rounds=options.rounds,
            )
        )
    used = {c.distribution for job in JOBS.values() for c in job.contenders}
    machine = environment.describe(used | {"numpy", "scipy", "torch", "jax", "array-api-compat"})
    text = report.page(results, machine, starting)
    partial = bool(options.job or options.small)
    output = options.output or ("-" if partial else str(PAGE))
    if output == "-":
        print(text)
    else:
        Path(output).write_text(text, encoding="utf-8")
    wrong = [line for result in results for line in result.wrong]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0

"""The report of the demo: an HTML file, and a table on standard output."""

from __future__ import annotations

import os
import platform
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, StrictUndefined
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infoq.cli.demo import ensemble, plots
from infoq.cli.demo.active import learn
from infoq.cli.demo.agreement import PAIRS, TOPS, agree, best
from infoq.cli.demo.ensemble import Floats
from infoq.cli.demo.experiment import METHODS, QUANTITIES, Results, Settings, Snapshot
from infoq.cli.files import write_atomically

__all__ = ["render", "run_demo"]

PICKS = 10


class Row(NamedTuple):
    """The entries of one method in the tables.

    Attributes
    ----------
    method : str
        Its name.
    start, middle, end, area : str
        Accuracy with the first, middle and last number of labels, and area under the curve, in
        percent: mean and standard deviation over seeds.
    ahead : str
        Area minus that of uniform choice under the same seed, in percentage points.
    wins : str
        The number of seeds for which the area is larger than that of uniform choice.
    scoring : str
        Milliseconds of scoring per round.
    """

    method: str
    start: str
    middle: str
    end: str
    area: str
    ahead: str
    wins: str
    scoring: str


def run_demo(path: Path, settings: Settings) -> Results:
    """Run the demo and write its report.

    Parameters
    ----------
    path : Path
        The file of the report.
    settings : Settings
        The experiment.

    Returns
    -------
    Results
        The measurements.

    Raises
    ------
    FileError
        If the report cannot be written.
    """
    progress = _progress()
    with progress:
        task = progress.add_task("training ensembles", total=settings.ensembles)
        results = learn(settings, lambda: progress.advance(task))
    rows = [_row(results, method) for method in METHODS]
    write_atomically(path, lambda stream: stream.write(render(results, rows).encode()))
    _print_table(results, rows)
    print(f"{results.seconds:.0f} s; the report is in {path}")
    return results


def _progress() -> Progress:
    """A progress bar on stderr, shown only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _spread(values: Floats, digits: int = 1) -> str:
    """The mean as text, with the standard deviation if there are several values."""
    mean = f"{round(values.mean(), digits) + 0.0:.{digits}f}".replace("-", "−")
    return mean if len(values) == 1 else f"{mean} ± {values.std(ddof=1):.{digits}f}"


def _row(results: Results, method: str) -> Row:
    """The entries of one method."""
    settings = results.settings
    curve, area = 100 * results.accuracy(method), 100 * results.area(method)
    ahead = area - 100 * results.area("uniform")
    scoring = np.array([run.scoring_seconds for run in results.runs if run.method == method])
    base = method == "uniform"
    return Row(
        method=method,
        start=_spread(curve[:, 0]),
        middle=_spread(curve[:, settings.rounds // 2]),
        end=_spread(curve[:, -1]),
        area=_spread(area),
        ahead="—" if base else _spread(ahead),
        wins="—" if base else f"{int((ahead > 0).sum())} of {settings.seeds}",
        scoring="—" if base else _spread(1e3 * scoring / settings.rounds),
    )


def _print_table(results: Results, rows: list[Row]) -> None:
    """Print the table of the report."""
    settings = results.settings
    marks = [settings.labels[at] for at in (0, settings.rounds // 2, -1)]
    title = f"accuracy in %, mean ± standard deviation of {settings.seeds} seeds"
    table = Table(title=title)
    table.add_column("method")
    for header in (*(f"{n} labels" for n in marks), "area", "scoring, ms a round"):
        table.add_column(header, justify="right")
    for row in rows:
        table.add_row(row.method, row.start, row.middle, row.end, row.area, row.scoring)
    Console().print(table)


def render(results: Results, rows: list[Row] | None = None) -> str:
    """The report as HTML.

    Parameters
    ----------
    results : Results
        The measurements.
    rows : list of Row, optional
        The entries of each method; computed if None.

    Returns
    -------
    str
        One HTML page that refers to nothing outside itself.
    """
    source = resources.files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    settings, snapshot = results.settings, results.snapshots[0]
    picks = {quantity: _picks(snapshot, quantity) for quantity in QUANTITIES}
    return environment.from_string(source).render(
        settings=settings,
        results=results,
        rows=rows or [_row(results, method) for method in METHODS],
        marks=[settings.labels[at] for at in (0, settings.rounds // 2, -1)],
        colours=plots.COLOURS,
        curves=plots.curves(results),
        differences=plots.differences(results),
        pairs=[_pair(results, first, second) for first, second in PAIRS],
        tops=TOPS,
        snapshot=snapshot,
        picks=picks,
        reading=_reading([pick for images in picks.values() for pick in images]),
        facts=_facts(results),
    )


def _pair(results: Results, first: str, second: str) -> dict[str, Any]:
    """The picture and the numbers of two quantities."""
    agreement = agree(results.snapshots, first, second)
    return {
        "first": first,
        "second": second,
        "image": plots.scatter(results.snapshots[0], first, second),
        "here": f"{agreement.spearman[0]:.2f}",
        "shared": round(agreement.overlap[TOPS[0]][0] * TOPS[0]),
        "spearman": _spread(agreement.spearman, 2),
        "overlap": {k: _spread(100 * agreement.overlap[k], 0) for k in TOPS},
        "chance": {k: f"{100 * agreement.chance[k]:.1f}" for k in TOPS},
    }


def _picks(snapshot: Snapshot, quantity: str) -> list[dict[str, Any]]:
    """The candidates that a quantity ranks highest, as the page shows them."""
    scores = snapshot.scores[quantity]
    picks = []
    for position in best(scores, PICKS):
        image = snapshot.candidates[position]
        votes = np.bincount(snapshot.votes[position], minlength=ensemble.CLASSES)
        order = np.argsort(-votes, kind="stable")[: np.count_nonzero(votes)]
        shown = [(int(c), int(votes[c])) for c in order[:3]]
        others = int(votes[order[3:]].sum())
        short = " ".join(f"{count}×{digit}" for digit, count in shown)
        picks.append(
            {
                "image": plots.digit(snapshot.digits.images[image]),
                "label": int(snapshot.digits.labels[image]),
                "score": f"{scores[position]:#.3g}",
                "short": f"{short} +{others}" if others else short,
                "votes": shown,
                "others": others,
            }
        )
    return picks


def _reading(picks: list[dict[str, Any]]) -> str:
    """The votes for one image in words: the image with the most parts in its short form."""
    one = max(picks, key=lambda pick: (pick["others"] > 0, len(pick["votes"])))
    groups = [(count, str(digit)) for digit, count in one["votes"]]
    if one["others"]:
        groups.append((one["others"], "something else"))
    said = [f"{count} say{'s' if count == 1 else ''} {what}" for count, what in groups]
    *first, last = said
    listed = f"{', '.join(first)} and {last}" if first else last
    networks = sum(count for count, _ in groups)
    return f"“{one['short']}” reads: of {networks} networks, {listed}."


def _facts(results: Results) -> dict[str, str]:
    """The facts of the run, for the end of the report."""
    settings, digits = results.settings, results.snapshots[0].digits
    trained = settings.ensembles * settings.members
    unconverged = sum(run.unconverged for run in results.runs)
    shown = "its own bootstrap of the labels" if settings.ensemble == "bootstraps" else "all labels"
    packages = ("infoq", "numpy", "scikit-learn", "scipy", "matplotlib")
    return {
        "data": f"scikit-learn's load_digits, {len(digits.images)} images of 8 × 8 pixels",
        "split": f"{len(digits.pool)} pool, {len(digits.targets)} targets, "
        f"{len(digits.test)} test; drawn anew for every seed",
        "seeds": f"{settings.seeds}, derived from {settings.seed}",
        "labels": f"{settings.start} at random, then {settings.rounds} rounds of {settings.batch}",
        "ensemble": f"K = {settings.members} networks, each with one hidden layer of "
        f"{ensemble.HIDDEN_UNITS} units, its own initial weights and {shown}",
        "training": f"MLPClassifier, lbfgs, weight decay {ensemble.WEIGHT_DECAY:g}, "
        f"at most {ensemble.MAX_ITERATIONS} iterations",
        "networks trained": f"{trained}, of which {unconverged} stopped at the iteration limit",
        "prediction": "accuracy is that of the networks' mean prediction",
        "wall time": f"{results.seconds:.1f} s with {settings.jobs} "
        f"process{'es' if settings.jobs > 1 else ''} on {os.cpu_count()} cores; BLAS on one thread",
        "software": ", ".join(
            [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
        ),
    }

"""The commands: their arguments and messages. The work is done by the other files of this room.

Heavy modules are imported inside the command that needs them, so ``infoq --help`` is immediate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import click
import rich  # noqa: F401  the commands print with it; fail here and not half-way

from infoq.cli import missing_extra, streams
from infoq.cli.names import Commands, Name

__all__ = ["cli", "run"]

_FILE = click.Path(path_type=Path)
_STDOUT = Path("-")
KIND = Name("probs", "log_probs", "logits")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Turn errors of the input into one line on stderr and exit code 1; an interrupt into 130."""
    try:
        from infoq.cli.files import FileError

        try:
            yield
        except FileError as error:
            raise click.ClickException(_one_line(str(error))) from error
    except MemoryError as error:
        raise click.ClickException(_one_line(f"out of memory: {error}")) from error
    except KeyboardInterrupt as error:
        streams.refuse("interrupted")
        raise click.exceptions.Exit(streams.INTERRUPTED) from error
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is None:
            raise
        raise click.ClickException(line) from error


def _note(text: str) -> None:
    """Print a note on stderr; the command goes on where stderr cannot be written."""
    with suppress(OSError):
        click.echo(_one_line(text), err=True)


def _one_line(text: str) -> str:
    """The message as one printable line; file names may hold any character."""
    folded = " ".join(text.split())
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in folded)


def run(arguments: list[str] | None) -> int:
    """Exit code of the command line; KeyboardInterrupt and OSError are raised."""
    try:
        code = cli.main(args=arguments, prog_name="infoq", standalone_mode=False)
    except click.Abort as error:  # click's error for an interrupt
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else 0


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="infoq", prog_name="infoq")
def cli() -> None:
    """Information quantities of active learning, from the command line."""


@cli.command()
@click.argument("file", type=_FILE)
@click.option(
    "--quantity",
    "-q",
    type=Name("entropy", "bald", "eig", "epig"),
    required=True,
    help="The score. bald is another name of eig; epig also needs --targets.",
)
@click.option("--targets", "-t", type=_FILE, help="Predictions at the target points, for epig.")
@click.option(
    "--output",
    "-o",
    type=_FILE,
    help="Write the scores to this file: .npy, .csv, .tsv, .txt or .json; - prints CSV.",
)
@click.option("--top", type=click.IntRange(min=1), help="Print this many of the best candidates.")
@click.option(
    "--kind",
    type=KIND,
    default="probs",
    show_default=True,
    help="The kind of numbers in FILE.",
)
@click.option(
    "--targets-kind", type=KIND, help="The kind of numbers in the targets.  [default: --kind]"
)
@click.option(
    "--axes",
    type=Name("NKC", "KNC", "NCK"),
    default="NKC",
    show_default=True,
    help="The order of the axes: candidates (N), posterior draws (K), classes (C).",
)
def score(
    file: Path,
    quantity: str,
    targets: Path | None,
    output: Path | None,
    top: int | None,
    kind: str,
    targets_kind: str | None,
    axes: str,
) -> None:
    """Score every candidate in FILE, an .npy array of class probabilities [N, K, C].

    The file is memory-mapped and scored a block of candidates at a time, so it may be larger than
    memory. Standard error says how the file is read. Check that line: nothing else shows that two
    axes are swapped. Scores are in nats; higher means more informative. Scores are written only if
    the whole file can be scored.
    """
    if quantity == "epig" and targets is None:
        raise click.UsageError("--quantity epig needs --targets: predictions at the target points.")
    if quantity != "epig" and targets is not None:
        raise click.UsageError(f"--targets belongs to --quantity epig, not to {quantity}.")
    if targets_kind is not None and targets is None:
        raise click.UsageError("--targets-kind belongs to --targets.")
    if output == _STDOUT and top is not None:
        raise click.UsageError("--output - and --top both print: give one of them.")
    with _one_line_errors():
        from infoq.cli.files import check_output
        from infoq.cli.score import Layout, print_best, print_summary, score_file
        from infoq.cli.written import check_suffix, write_scores

        if output is not None and output != _STDOUT:
            check_suffix(output)
            check_output(output, inputs=[file] if targets is None else [file, targets])
        scores = score_file(
            file,
            quantity,
            targets=targets,
            layout=Layout(kind, axes),
            targets_layout=Layout(targets_kind or kind, axes),
            note=_note,
        )
        if output is not None:
            write_scores(output, scores, quantity)
        if output is not None and output != _STDOUT and not streams.is_closed():
            click.echo(_one_line(f"{len(scores)} scores ({quantity}, nats) written to {output}"))
        if top is not None:
            print_best(scores, quantity, top)
        elif output is None:
            print_summary(scores, quantity)


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=Name("table", "markdown", "json"),
    default="table",
    show_default=True,
    help="The format of the output.",
)
def methods(name: str | None, form: str) -> None:
    """List the methods of the literature that infoq has, or describe the one called NAME.

    Each method is described by its input, the quantity that it computes and how, the selection that
    makes the batch, and whether the quantity is exact, a bound or a heuristic.
    """
    with _one_line_errors():
        from infoq.cli.methods import as_json, as_markdown, chosen, print_table

        try:
            rows = chosen(name)
        except KeyError as error:
            raise click.UsageError(str(error.args[0])) from error
        if form == "json":
            click.echo(as_json(rows))
        elif form == "markdown":
            click.echo(as_markdown(rows))
        else:
            print_table(rows)


@cli.command()
@click.option(
    "--output",
    "-o",
    type=_FILE,
    default=Path("report.html"),
    show_default=True,
    help="The file of the report.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Repetitions.  [default: 3; 2 if quick]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@click.option(
    "--ensemble",
    type=Name("restarts", "bootstraps"),
    default="restarts",
    show_default=True,
    help="Networks differ by their initial weights, or also by a bootstrap of the labels.",
)
@click.option("--quick", is_flag=True, help="A few seconds: small ensembles, few rounds.")
def demo(output: Path, seeds: int | None, seed: int, jobs: int, ensemble: str, quick: bool) -> None:
    """Run active learning on scikit-learn's digits and write a report.

    An ensemble of small neural networks picks images to label by entropy, BALD and EPIG, and at
    random for comparison. The report is one HTML file that needs no other file. Nothing is
    downloaded, and the same seed gives the same result.
    """
    if output == _STDOUT:
        raise click.UsageError("--output: the report is a file, which needs a name.")
    with _one_line_errors():
        from infoq.cli.demo import Settings, run_demo
        from infoq.cli.files import check_output

        check_output(output, inputs=[])
        settings = Settings.quick() if quick else Settings()
        run_demo(
            output,
            replace(
                settings,
                seeds=seeds or settings.seeds,
                seed=seed,
                ensemble=ensemble,
                jobs=jobs,
            ),
        )

"""Scores of a memory-mapped pool, computed block by block, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import infoq
from infoq.cli.files import FileError
from infoq.cli.predictions import Floats, Layout, Predictions

__all__ = ["Layout", "print_best", "print_summary", "score_file"]

BLOCK_BYTES = 64 * 2**20


def score_file(
    path: Path,
    quantity: str,
    *,
    targets: Path | None = None,
    layout: Layout | None = None,
    targets_layout: Layout | None = None,
    block_bytes: int = BLOCK_BYTES,
    note: Callable[[str], None] = lambda _: None,
) -> Floats:
    """The scores of all candidates of a file, which is read a block at a time.

    Parameters
    ----------
    path : Path
        An `.npy` file of predictions.
    quantity : {"entropy", "bald", "eig", "epig"}
        The score.
    targets : Path, optional
        Predictions at the target points, for ``"epig"``; read whole.
    layout : Layout, optional
        The layout of the pool; probabilities ``[N, K, C]`` if None.
    targets_layout : Layout, optional
        The layout of the targets; the same as the pool's if None.
    block_bytes : int
        Roughly how much of the pool to read at once. It does not change the scores.
    note : callable, optional
        Called with a line of text on how each file is read, and with warnings about its values.

    Returns
    -------
    ndarray
        The scores, ``[N]``, in nats.

    Raises
    ------
    FileError
        If a file cannot be used; the message names the file and, where there is one, the row.
    """
    layout = layout or Layout()
    pool = _noted(path, layout, note, "--kind")
    goal = None
    if targets is not None:
        goal = _noted(targets, targets_layout or layout, note, "--targets-kind")
    verb = _verb(quantity, pool, goal, note)
    step = max(1, block_bytes * len(pool) // pool.array.nbytes)
    blocks, are_probs = [], layout.kind == "logits"
    with _progress() as progress:
        task = progress.add_task(f"{quantity} of {path.name}", total=len(pool))
        for start in range(0, len(pool), step):
            stop = min(start + step, len(pool))
            rows = pool.rows(start, stop)
            are_probs = are_probs and layout.are_probs(rows)
            blocks.append(verb(pool.predictive(rows, start)))
            progress.update(task, completed=stop)
    if are_probs:
        note(_not_logits(pool))
    return np.concatenate(blocks)


def _noted(path: Path, layout: Layout, note: Callable[[str], None], option: str) -> Predictions:
    """A mapped file; a note says how it is read. `option` names the pool or the targets."""
    predictions = Predictions.open(path, layout, option)
    note(predictions.described(*(("N", "candidates") if option == "--kind" else ("M", "targets"))))
    return predictions


def _not_logits(file: Predictions) -> str:
    return (
        f"Warning: {file.path}: the logits of every row and draw sum to one, as probabilities do; "
        f"if they are probabilities, use {file.option} probs"
    )


def _verb(
    quantity: str,
    pool: Predictions,
    targets: Predictions | None,
    note: Callable[[str], None],
) -> Callable[[infoq.Categorical], Floats]:
    """The function from a block's predictive to its scores."""
    if quantity == "entropy":
        return lambda block: np.asarray(block.entropy())
    if quantity in ("bald", "eig"):
        return lambda block: np.asarray(infoq.eig(block))
    if targets is None:
        raise FileError("epig needs a file of targets")
    if targets.size("K") != pool.size("K"):
        raise FileError(
            f"{targets.path}: has {targets.size('K')} posterior draws, but {pool.path} has "
            f"{pool.size('K')}; epig needs the same draws at candidates and targets"
        )
    dtypes = [of.array.dtype for of in (targets, pool)]
    if dtypes[0].newbyteorder("=") != dtypes[1].newbyteorder("="):
        raise FileError(f"{targets.path}: has dtype {dtypes[0]}, but {pool.path} has {dtypes[1]}")
    rows = targets.rows(0, len(targets))
    if targets.layout.kind == "logits" and targets.layout.are_probs(rows):
        note(_not_logits(targets))
    predictive = targets.predictive(rows, 0)
    return lambda block: np.asarray(infoq.epig(block, predictive))


def _progress() -> Progress:
    """A progress bar on stderr, shown only on a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _ranked(scores: Floats, count: int) -> Iterator[tuple[int, int, float]]:
    """Yield rank, row and score of the best candidates."""
    best = np.asarray(infoq.top_k(scores, min(count, len(scores))).indices)
    for rank, row in enumerate(best.tolist(), start=1):
        yield rank, row, float(scores[row])


def print_best(scores: Floats, quantity: str, count: int) -> None:
    """Print a table of the best candidates.

    Parameters
    ----------
    scores : ndarray
        Scores, ``[N]``.
    quantity : str
        The name of the score.
    count : int
        How many rows; all of them if there are fewer.
    """
    table = Table("rank", "row", f"{quantity} (nats)")
    for column in table.columns:
        column.justify = "right"
        column.no_wrap = True
    for rank, row, value in _ranked(scores, count):
        table.add_row(str(rank), str(row), f"{value:.6g}")
    Console().print(table)


def print_summary(scores: Floats, quantity: str) -> None:
    """Print minimum, median and maximum of the scores, and the ten best candidates."""
    low, middle, high = (float(f(scores)) for f in (np.min, np.median, np.max))
    print(f"{len(scores)} candidates, {quantity} in nats:")
    print(f"min {low:.6g}, median {middle:.6g}, max {high:.6g}")
    print_best(scores, quantity, 10)

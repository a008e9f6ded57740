"""Scoring a memory-mapped pool block by block, and printing what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import infoq
from infoq.cli.files import FileError, open_npy

__all__ = ["Layout", "print_best", "print_summary", "score_file"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Layout:
    """How a file lays its predictions out.

    Attributes
    ----------
    kind : {"probs", "log_probs", "logits"}
        What the numbers are.
    axes : {"NKC", "KNC", "NCK"}
        The order of candidates, draws and classes.
    """

    kind: str = "probs"
    axes: str = "NKC"

    def size(self, array: Floats, axis: str) -> int:
        """Return the length of the named axis."""
        return int(array.shape[self.axes.index(axis)])

    def rows(self, array: Floats, start: int, stop: int) -> Floats:
        """Read some candidates into memory, in the machine's byte order."""
        index = [slice(None)] * 3
        index[self.axes.index("N")] = slice(start, stop)
        block = array[tuple(index)]
        return np.array(block, dtype=block.dtype.newbyteorder("="), order="C", subok=False)

    def predictive(self, block: Floats) -> infoq.Categorical:
        """Build the predictive of some candidates; raises ValueError if they are not valid."""
        with np.errstate(all="ignore"):  # values that are not valid are refused, not warned of
            if self.kind == "log_probs":
                return infoq.Categorical(log_probs=block, axes=self.axes)
            if self.kind == "logits":
                return infoq.Categorical(logits=block, axes=self.axes)
            return infoq.Categorical(block, axes=self.axes)


def score_file(
    path: Path,
    quantity: str,
    *,
    targets: Path | None = None,
    layout: Layout | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Floats:
    """Score every candidate of a file, reading a block of them at a time.

    Parameters
    ----------
    path : Path
        An `.npy` file of predictions.
    quantity : {"entropy", "bald", "eig", "epig"}
        What to score by.
    targets : Path, optional
        Predictions at the target points, for ``"epig"``; laid out as the pool, read whole.
    layout : Layout, optional
        How both files are laid out; probabilities ``[N, K, C]`` if None.
    block_bytes : int
        Roughly how much of the pool to read at once. It does not change the scores.

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
    pool = _open_predictions(path, layout)
    verb = _verb(quantity, path, pool, targets, layout)
    count = layout.size(pool, "N")
    step = max(1, block_bytes * count // pool.nbytes)
    blocks = []
    with _progress() as progress:
        task = progress.add_task(f"{quantity} of {path.name}", total=count)
        for start in range(0, count, step):
            stop = min(start + step, count)
            block = _predictive(path, layout.rows(pool, start, stop), start, layout)
            blocks.append(verb(block))
            progress.update(task, completed=stop)
    return np.concatenate(blocks)


def _open_predictions(path: Path, layout: Layout) -> Floats:
    """Map a file and refuse one without candidates, draws or classes."""
    array = open_npy(path)
    for axis, name in (("N", "candidates"), ("K", "posterior draws"), ("C", "classes")):
        if layout.size(array, axis) == 0:
            raise FileError(f"{path}: has no {name}: its shape is {array.shape} ({layout.axes})")
    return array


def _verb(
    quantity: str, path: Path, pool: Floats, targets: Path | None, layout: Layout
) -> Callable[[infoq.Categorical], Floats]:
    """Return the function from a block's predictive to its scores."""
    if quantity == "entropy":
        return lambda block: np.asarray(block.entropy())
    if quantity in ("bald", "eig"):
        return lambda block: np.asarray(infoq.eig(block))
    if targets is None:
        raise FileError("epig needs a file of targets")
    array = _open_predictions(targets, layout)
    draws, wanted = layout.size(array, "K"), layout.size(pool, "K")
    if draws != wanted:
        raise FileError(
            f"{targets}: has {draws} posterior draws, but {path} has {wanted}; "
            f"epig needs the same draws at candidates and targets"
        )
    if array.dtype.newbyteorder("=") != pool.dtype.newbyteorder("="):
        raise FileError(f"{targets}: has dtype {array.dtype}, but {path} has {pool.dtype}")
    target = _predictive(targets, layout.rows(array, 0, layout.size(array, "N")), 0, layout)
    return lambda block: np.asarray(infoq.epig(block, target))


def _predictive(path: Path, block: Floats, start: int, layout: Layout) -> infoq.Categorical:
    """Build a block's predictive, or name the first row of the file that is at fault."""
    try:
        return layout.predictive(block)
    except (ValueError, TypeError) as error:
        row = _first_fault(block, layout)
        fault = str(error) if row is None else f"row {start + row}: {_fault(block, row, layout)}"
        raise FileError(f"{path}: {fault}") from error


def _first_fault(block: Floats, layout: Layout) -> int | None:
    """Find the first row that is refused on its own, by halving: what is valid is decided once."""

    def refused(start: int, stop: int) -> bool:
        try:
            layout.predictive(layout.rows(block, start, stop))
        except (ValueError, TypeError):
            return True
        return False

    low, high = 0, layout.size(block, "N")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if refused(low, middle) else (middle, high)
    return low if refused(low, high) else None


def _fault(block: Floats, row: int, layout: Layout) -> str:
    """Say what is wrong with one row."""
    one = layout.rows(block, row, row + 1)
    draws = np.moveaxis(one, [layout.axes.index(axis) for axis in "NKC"], [0, 1, 2])[0]
    if np.isnan(draws).any():
        return f"holds NaN (draw {_first(np.isnan(draws).any(axis=-1))})"
    if layout.kind == "logits":
        return "its logits hold an infinity, or are all minus infinity"
    with np.errstate(over="ignore"):
        probs = np.exp(draws) if layout.kind == "log_probs" else draws
    if (probs < 0).any():
        draw = _first((probs < 0).any(axis=-1))
        hint = "log-probabilities or logits need --kind"
        return f"holds a negative probability, {probs[draw].min():g} (draw {draw}); {hint}"
    totals = probs.sum(axis=-1, dtype=np.float64)
    draw = _first(np.abs(totals - 1) == np.max(np.abs(totals - 1)))
    return f"its probabilities sum to {totals[draw]:.6g}, not to one (draw {draw})"


def _first(mask: npt.NDArray[np.bool_]) -> int:
    """Return the index of the first true entry."""
    return int(np.argmax(mask))


def _progress() -> Progress:
    """Return a progress bar on stderr, silent unless that is a terminal."""
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
        What they are.
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
    """Print the extent of the scores and the ten best candidates."""
    low, middle, high = (float(f(scores)) for f in (np.min, np.median, np.max))
    print(f"{len(scores)} candidates, {quantity} in nats:")
    print(f"min {low:.6g}, median {middle:.6g}, max {high:.6g}")
    print_best(scores, quantity, 10)

"""Predictions in a file: their layout, and the first row that is not valid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import infoq
from infoq.cli.files import FileError, open_npy

__all__ = ["AXES", "Floats", "Layout", "Predictions"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

AXES = ("NKC", "KNC", "NCK")

# The tolerance of a sum of probabilities; rounding to float16 moves it from one.
_TO_ONE = 1e-2


@dataclass(frozen=True)
class Layout:
    """The layout of the predictions in a file.

    Attributes
    ----------
    kind : {"probs", "log_probs", "logits"}
        The kind of numbers.
    axes : {"NKC", "KNC", "NCK"}
        The order of candidates, draws and classes.
    """

    kind: str = "probs"
    axes: str = "NKC"

    def size(self, array: Floats, axis: str) -> int:
        """The length of the named axis."""
        return int(array.shape[self.axes.index(axis)])

    def rows(self, array: Floats, start: int, stop: int) -> Floats:
        """Read some candidates into memory, in the machine's byte order."""
        index = [slice(None)] * 3
        index[self.axes.index("N")] = slice(start, stop)
        block = array[tuple(index)]
        return np.array(block, dtype=block.dtype.newbyteorder("="), order="C", subok=False)

    def are_probs(self, block: Floats) -> bool:
        """Whether no number is negative and those of each draw sum to one, as probabilities do."""
        with np.errstate(all="ignore"):
            totals = block.sum(axis=self.axes.index("C"), dtype=np.float64)
        return bool(np.all(block >= 0) and np.allclose(totals, 1, rtol=0, atol=_TO_ONE))

    def predictive(self, block: Floats) -> infoq.Categorical:
        """The predictive of some candidates; raises ValueError if they are not valid."""
        with np.errstate(all="ignore"):  # invalid values are refused, without a warning of NumPy
            if self.kind == "log_probs":
                return infoq.Categorical(log_probs=block, axes=self.axes)
            if self.kind == "logits":
                return infoq.Categorical(logits=block, axes=self.axes)
            return infoq.Categorical(block, axes=self.axes)


@dataclass(frozen=True)
class Predictions:
    """A file of predictions, memory-mapped and not read yet.

    Attributes
    ----------
    path : Path
        The file.
    layout : Layout
        Its layout.
    array : ndarray
        The mapped array.
    option : str
        The option of the command line that states the kind of numbers.
    """

    path: Path
    layout: Layout
    array: Floats
    option: str = "--kind"

    @classmethod
    def open(cls, path: Path, layout: Layout, option: str = "--kind") -> Predictions:
        """Map a file; refuse one without candidates, draws or classes."""
        array = open_npy(path)
        where = f"its shape is {array.shape} ({layout.axes})"
        for axis, name in (("N", "candidates"), ("K", "posterior draws"), ("C", "classes")):
            if layout.size(array, axis) == 0:
                raise FileError(f"{path}: has no {name}: {where}")
        if layout.size(array, "C") == 1:
            raise FileError(
                f"{path}: has one class: {where}; give both of two classes, or check --axes"
            )
        return cls(path, layout, array, option)

    def __len__(self) -> int:
        return self.size("N")

    def size(self, axis: str) -> int:
        """The length of the named axis."""
        return self.layout.size(self.array, axis)

    def described(self, letter: str, things: str) -> str:
        """One line that says how the file is read, so that swapped axes are noticed."""
        sizes = f"K = {self.size('K')} posterior draws, C = {self.size('C')} classes"
        read_as = f"{self.layout.kind}, {self.array.dtype.name}, axes {self.layout.axes}"
        return f"{self.path}: {letter} = {len(self)} {things}, {sizes}; {read_as}"

    def rows(self, start: int, stop: int) -> Floats:
        """Read some candidates into memory."""
        return self.layout.rows(self.array, start, stop)

    def predictive(self, block: Floats, start: int) -> infoq.Categorical:
        """The predictive of the rows from `start` on; an error names the first invalid row."""
        try:
            return self.layout.predictive(block)
        except (ValueError, TypeError) as error:
            row = _first_fault(block, self.layout)
            fault = str(error)
            if row is not None:
                fault = f"row {start + row}: {_fault(block, row, self.layout, self.option)}"
            raise FileError(f"{self.path}: {fault}") from error


def _first_fault(block: Floats, layout: Layout) -> int | None:
    """The first row that `Layout.predictive` refuses, found by halving; None if there is none."""

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


def _fault(block: Floats, row: int, layout: Layout, option: str) -> str:
    """The reason why one row is refused."""
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
        hint = f"log-probabilities or logits need {option}"
        return f"holds a negative probability, {probs[draw].min():g} (draw {draw}); {hint}"
    totals = probs.sum(axis=-1, dtype=np.float64)
    draw = _first(np.abs(totals - 1) == np.max(np.abs(totals - 1)))
    fault = f"its probabilities sum to {totals[draw]:.6g}, not to one (draw {draw})"
    if layout.kind == "log_probs" and Layout().are_probs(draws[None]):
        return f"{fault}; they sum to one as they are: {option} probs?"
    swapped = layout.axes.translate(str.maketrans("KC", "CK"))
    if layout.kind == "probs" and swapped in AXES and Layout(axes="NCK").are_probs(draws[None]):
        return f"{fault}; they do along the other axis: --axes {swapped}?"
    return fault


def _first(mask: npt.NDArray[np.bool_]) -> int:
    """The index of the first true entry."""
    return int(np.argmax(mask))

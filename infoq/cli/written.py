"""Scores as files: what the name of the output says that it is to hold."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from infoq.cli.files import FileError, write_atomically

__all__ = ["STANDARD_OUTPUT", "check_suffix", "write_scores"]

STANDARD_OUTPUT = Path("-")

Scores: TypeAlias = npt.NDArray[Any]


def _npy(scores: Scores, _quantity: str) -> bytes:
    stream = io.BytesIO()
    np.save(stream, scores, allow_pickle=False)
    return stream.getvalue()


def _separated(separator: str) -> Callable[[Scores, str], bytes]:
    """A table with a head: the row of a candidate, and its score with the digits that it has."""

    def write(scores: Scores, quantity: str) -> bytes:
        rows = (f"{row}{separator}{score!s}\n" for row, score in enumerate(scores))
        return f"row{separator}{quantity}\n{''.join(rows)}".encode()

    return write


def _txt(scores: Scores, _quantity: str) -> bytes:
    return "".join(f"{score!s}\n" for score in scores).encode()


def _json(scores: Scores, _quantity: str) -> bytes:
    return (json.dumps([float(str(score)) for score in scores]) + "\n").encode()


_WRITERS: dict[str, Callable[[Scores, str], bytes]] = {
    ".npy": _npy,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
    ".txt": _txt,
    ".json": _json,
    "": _npy,
}


def check_suffix(path: Path) -> None:
    """Refuse a name that says that the file holds what is not written.

    Raises
    ------
    FileError
        If no scores are written into files of such a name.
    """
    if path != STANDARD_OUTPUT and path.suffix.lower() not in _WRITERS:
        known = ", ".join(suffix for suffix in _WRITERS if suffix)
        raise FileError(f"{path}: no {path.suffix} file is written; end the name in {known}")


def write_scores(path: Path, scores: Scores, quantity: str = "score") -> None:
    """Write scores as the name of the file says, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; ``-`` is standard output, which gets what a ``.csv`` file does.
    scores : ndarray
        Scores, ``[N]``.
    quantity : str
        What they are, for the head of a table.

    Raises
    ------
    FileError
        If the file cannot be written.
    OSError
        If standard output cannot be.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.write(_WRITERS[".csv"](scores, quantity).decode())
        sys.stdout.flush()
        return
    content = _WRITERS[path.suffix.lower()](scores, quantity)

    def write(stream: IO[bytes]) -> None:
        stream.write(content)

    write_atomically(path, write)

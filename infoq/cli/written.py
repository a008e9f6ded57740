"""Scores as files, in the format of the file name's suffix."""

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
    """A writer of a table with a header: the row of each candidate, and its score in full."""

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
    """Refuse file names whose suffix is not a format of scores.

    Raises
    ------
    FileError
        If scores are not written in the format of that suffix.
    """
    if path != STANDARD_OUTPUT and path.suffix.lower() not in _WRITERS:
        known = ", ".join(suffix for suffix in _WRITERS if suffix)
        raise FileError(f"{path}: no {path.suffix} file is written; end the name in {known}")


def write_scores(path: Path, scores: Scores, quantity: str = "score") -> None:
    """Write scores in the format of the file name's suffix, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; ``-`` is standard output, in the format of ``.csv``.
    scores : ndarray
        Scores, ``[N]``.
    quantity : str
        The name of the score, for the header of a table.

    Raises
    ------
    FileError
        If the file cannot be written.
    OSError
        If standard output cannot be written.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.write(_WRITERS[".csv"](scores, quantity).decode())
        sys.stdout.flush()
        return
    content = _WRITERS[path.suffix.lower()](scores, quantity)

    def write(stream: IO[bytes]) -> None:
        stream.write(content)

    write_atomically(path, write)

"""Reading `.npy` files without trusting them, and writing files whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from infoq.cli.foreign import MAGIC_BYTES, what_it_is

__all__ = ["FileError", "check_output", "open_npy", "write_atomically"]

_NPY_MAGIC = b"\x93NUMPY"


class FileError(Exception):
    """A file that cannot be used; the message is one line that names the file."""


def open_npy(path: Path) -> npt.NDArray[np.floating[Any]]:
    """Memory-map a floating-point `.npy` file of rank 3.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        The mapped array; reading it reads the file.

    Raises
    ------
    FileError
        If the file is missing, is not a complete `.npy` file, or holds anything other than a
        three-dimensional array of floating-point numbers. Pickled objects are never loaded.
    """
    _check_magic(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a damaged header can overflow the size it asks for
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise FileError(f"{path}: {_why_unreadable(error)}") from error
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path}: holds no array")
    _check_dtype(path, array.dtype)
    if array.ndim != 3:
        hint = "; one model's [N, C] is p[:, None, :]" if array.ndim == 2 else ""
        raise FileError(
            f"{path}: has shape {array.shape}, but predictions have three axes: "
            f"candidates, posterior draws and classes{hint}"
        )
    return array


def _check_magic(path: Path) -> None:
    """Refuse files that are not `.npy` before NumPy guesses their format."""
    if str(path) == "-":
        raise FileError("-: standard input cannot be memory-mapped; name a file")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileError(f"{path}: is a directory, not an .npy file")
        if not stat.S_ISREG(mode):
            raise FileError(f"{path}: is not a regular file, so it cannot be memory-mapped")
        with path.open("rb") as handle:
            start = handle.read(MAGIC_BYTES)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: {_reason(error)}") from error
    if not start:
        raise FileError(f"{path}: is empty")
    magic = start[: len(_NPY_MAGIC)]
    if not _NPY_MAGIC.startswith(magic):
        raise FileError(f"{path}: {what_it_is(path, start)}")
    if len(magic) < len(_NPY_MAGIC):
        raise FileError(f"{path}: is truncated: it ends after {len(start)} bytes")


def _why_unreadable(error: Exception) -> str:
    """The reason why `numpy.load` failed, in plain words."""
    text = str(error)
    if "max_header_size" in text:
        return "has a longer header than numpy.load accepts; save the array anew with numpy.save"
    if "Python objects" in text or "allow_pickle" in text or "pickle" in text.lower():
        return "holds pickled Python objects, which are never loaded; save floating-point numbers"
    return f"is a truncated or damaged .npy file ({text})"


def _check_dtype(path: Path, dtype: np.dtype[Any]) -> None:
    """Refuse all dtypes but floating-point numbers; the message says what to do."""
    if np.issubdtype(dtype, np.floating):
        return
    if np.issubdtype(dtype, np.integer) or dtype == np.bool_:
        advice = "predictions are floating-point numbers; convert with p.astype('float32')"
    elif np.issubdtype(dtype, np.complexfloating):
        advice = "predictions are real numbers"
    else:
        advice = "predictions are floating-point numbers"
    raise FileError(f"{path}: has dtype {dtype}, but {advice}")


def _reason(error: Exception) -> str:
    """The operating system's reason, without the file name, which the caller prints."""
    words = getattr(error, "strerror", None) or str(error)
    return words[:1].lower() + words[1:]


def check_output(path: Path, inputs: Iterable[Path]) -> None:
    """Check before the computation that its result can be written.

    Parameters
    ----------
    path : Path
        The file of the result.
    inputs : iterable of Path
        Files that the result must not replace.

    Raises
    ------
    FileError
        If the path is one of the inputs, is not a regular file, or its folder cannot be written.
    """
    for source in inputs:
        with suppress(OSError):
            if path.exists() and source.exists() and path.samefile(source):
                raise FileError(f"{path}: is the input; give the output another name")
    try:
        target = _target(path)
        handle, probe = tempfile.mkstemp(dir=target.parent, prefix=".infoq-", suffix=".tmp")
        os.close(handle)
        os.unlink(probe)
    except (OSError, ValueError, RuntimeError) as error:
        raise FileError(f"{path}: cannot be written: {_reason(error)}") from error


def _target(path: Path) -> Path:
    """The file that would be replaced, links followed: a regular file, or absent."""
    target = path.resolve()
    if target.is_dir():
        raise FileError(f"{path}: cannot be written: is a directory")
    if target.exists() and not target.is_file():
        raise FileError(f"{path}: cannot be written: is not a regular file")
    return target


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all.

    The bytes go to a temporary file in the same folder and reach the disk. The file then takes its
    name in one step. A failure before that leaves an existing file as it was, and no other file.

    Parameters
    ----------
    path : Path
        The file of the result. A link is followed; an existing file keeps its permissions.
    write : callable
        Called once with the open temporary file.

    Raises
    ------
    FileError
        If the operating system refuses.
    """
    try:
        target = _target(path)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".infoq-", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except (OSError, ValueError, RuntimeError) as error:
        raise FileError(f"{path}: cannot be written: {_reason(error)}") from error


def _umask() -> int:
    """The process's file-creation mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""What the process says to the world: its streams, and the exit code of what went wrong."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

__all__ = [
    "INTERRUPTED",
    "accept_any_text",
    "finish",
    "is_closed",
    "refuse",
    "silence",
    "trouble",
]

INTERRUPTED = 128 + 2  # as a shell has it of a program that SIGINT ends

# What the system says where standard output takes no more.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


class _Closed(io.TextIOBase):
    """In place of a standard output that is closed: Python has None, and prints nothing there."""

    def write(self, text: str) -> int:
        """Refuse what is to be printed, but for nothing at all."""
        if not text:
            return 0
        raise OSError(errno.EBADF, "is closed")


def is_closed() -> bool:
    """Whether there is nowhere to print to."""
    return sys.stdout is None or isinstance(sys.stdout, _Closed)


def accept_any_text() -> None:
    """Let standard output write what its encoding lacks as an escape, and not raise an error."""
    if sys.stdout is None:
        sys.stdout = _Closed()
    with suppress(AttributeError, ValueError):  # None or closed, or a caller's own
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def finish() -> None:
    """Write what standard output still holds, here, where an error can be told."""
    if sys.stdout is not None:
        sys.stdout.flush()


def trouble(error: OSError) -> str:
    """Say in one line what the system refused, which was no file that the user named."""
    words = error.strerror or str(error) or type(error).__name__
    words = words[:1].lower() + words[1:]
    if error.filename is not None:
        return f"{error.filename}: {words}"
    return f"standard output: {words}" if error.errno in _UNWRITABLE else words


def refuse(line: str) -> None:
    """Say why nothing comes of it; where nobody can be told, the exit code has to do."""
    with suppress(OSError, ValueError, AttributeError):
        # On a line after the terminal's ^C.
        start = "\n" if line == "interrupted" and sys.stderr.isatty() else ""
        print(f"{start}Error: {line}", file=sys.stderr, flush=True)


def silence() -> None:
    """Let what a broken standard output still holds go nowhere, or it fails again at the exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)

"""Standard output and standard error where they are closed, full or of another encoding."""

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

INTERRUPTED = 128 + 2  # the exit code that a shell gives a program ended by SIGINT

# Errors of the system where standard output cannot be written.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


class _Closed(io.TextIOBase):
    """A stream in place of a closed standard output, where Python has None and prints nothing."""

    def write(self, text: str) -> int:
        """Raise an error for any text but the empty one."""
        if not text:
            return 0
        raise OSError(errno.EBADF, "is closed")


def is_closed() -> bool:
    """Whether standard output is closed."""
    return sys.stdout is None or isinstance(sys.stdout, _Closed)


def accept_any_text() -> None:
    """Make standard output escape the characters that its encoding lacks, without an error."""
    if sys.stdout is None:
        sys.stdout = _Closed()
    with suppress(AttributeError, ValueError):  # None, closed, or a stream of the caller's own
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def finish() -> None:
    """Flush standard output now, while an error can still be reported."""
    if sys.stdout is not None:
        sys.stdout.flush()


def trouble(error: OSError) -> str:
    """One line on an error of the system that concerns no file the user named."""
    words = error.strerror or str(error) or type(error).__name__
    words = words[:1].lower() + words[1:]
    if error.filename is not None:
        return f"{error.filename}: {words}"
    return f"standard output: {words}" if error.errno in _UNWRITABLE else words


def refuse(line: str) -> None:
    """Print an error on stderr; where stderr is closed, the exit code alone reports it."""
    with suppress(OSError, ValueError, AttributeError):
        # On the line after the terminal's ^C.
        start = "\n" if line == "interrupted" and sys.stderr.isatty() else ""
        print(f"{start}Error: {line}", file=sys.stderr, flush=True)


def silence() -> None:
    """Discard what a broken stream still holds; it would raise again at the exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)

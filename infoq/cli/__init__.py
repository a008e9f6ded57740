"""The command line of infoq: ``infoq score``, ``infoq methods`` and ``infoq demo``.

Importing this package imports the standard library alone. Click and rich are imported when a
command runs: an installation without the extra ``cli`` gets one clear line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from infoq.cli import streams

__all__ = ["main", "missing_extra"]

_EXTRAS = {
    "cli": ("click", "numpy", "rich"),
    "demo": ("jinja2", "joblib", "matplotlib", "scipy", "sklearn", "threadpoolctl"),
}


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """The line that says which extra of infoq brings a missing module, or None.

    Parameters
    ----------
    error : ModuleNotFoundError
        The error of an import.

    Returns
    -------
    str or None
        One line naming the extra to install, or None if the module belongs to no extra of the
        command line (the error is then a fault of the installation, not a missing extra).

    Examples
    --------
    >>> missing_extra(ModuleNotFoundError("No module named 'rich'", name="rich"))
    'the command line of infoq needs rich, which is not installed: pip install "infoq[cli]"'
    """
    module = (error.name or "").partition(".")[0]
    purposes = {"cli": "the command line of infoq", "demo": "infoq demo"}
    for extra, modules in _EXTRAS.items():
        if module in modules:
            return (
                f"{purposes[extra]} needs {module}, which is not installed: "
                f'pip install "infoq[{extra}]"'
            )
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the console script ``infoq`` calls this.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the program's name; ``sys.argv[1:]`` if None.

    Raises
    ------
    SystemExit
        Always, with the exit code of the command.
    """
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        streams.refuse("interrupted")
        code = streams.INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        code = 1
    except OSError as error:
        streams.refuse(streams.trouble(error))
        code = 1
    finally:
        streams.silence()
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    """Exit code of the command line, returned once all output is written."""
    streams.accept_any_text()
    try:
        from infoq.cli.app import run
    except ModuleNotFoundError as error:
        line = missing_extra(error)
        if line is None:
            raise
        streams.refuse(line)
        return 1
    code = run(None if arguments is None else list(arguments))
    streams.finish()
    return code

"""Names on the command line: in any case, with any separator, and a hint for unknown ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import click

__all__ = ["Commands", "Name", "alike", "found", "hint"]


def _plain(name: str) -> str:
    """The name in lower case, without hyphens, underscores and spaces."""
    return "".join(c for c in name.casefold() if c not in "-_ ")


def found(name: str, names: Iterable[str]) -> str | None:
    """The one of the names that is the same but for case and separators, or None."""
    plain = _plain(name)
    return next((one for one in names if _plain(one) == plain), None)


def alike(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names with a similar spelling, the most similar first."""
    by_plain = {_plain(one): one for one in names}
    return [by_plain[p] for p in difflib.get_close_matches(_plain(name), by_plain, n=most)]


def hint(name: str, names: Iterable[str]) -> str:
    """The question whether another name is meant, or an empty string."""
    close = alike(name, names)
    return f"did you mean {' or '.join(close)}?" if close else ""


class Name(click.Choice[str]):
    """A click type: one of a few names."""

    name = "name"

    def __init__(self, *names: str) -> None:
        super().__init__(names)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is spelled here."""
        names = tuple(self.choices)
        meant = found(str(value), names)
        if meant is None:
            question = hint(str(value), names)
            known = f"it is one of {', '.join(names)}"
            self.fail(f"there is no {value!r}: {question or known}", param, ctx)
        return meant


class Commands(click.Group):
    """A group of commands, which are found in any case and with any separator."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        meant = found(cmd_name, self.commands)
        return None if meant is None else super().get_command(ctx, meant)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command at the head of the arguments, or an error with similar names."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            question = hint(args[0], tuple(self.commands)) or "`infoq --help` lists all."
            ctx.fail(f"There is no command {args[0]!r}: {question}")
        return super().resolve_command(ctx, args)

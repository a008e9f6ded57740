"""The methods of the literature, as a table."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infoq import methods
from infoq.cli.names import found, hint
from infoq.methods import TAXONOMY, Method

__all__ = ["as_json", "as_markdown", "chosen", "print_table"]

_HEADS = {
    "name": "method",
    "noun": "input",
    "verb": "quantity",
    "adverb": "how",
    "selection": "selection",
    "status": "exact?",
    "source": "source",
}

# From this many columns of a terminal on, the table is easier to read than sentences.
_WIDE = 160


def chosen(name: str | None) -> list[Method]:
    """The method of a name, or all methods in the order of the taxonomy.

    Raises
    ------
    KeyError
        If there is no such method; the message names methods with a similar name.
    """
    if name is None:
        return list(TAXONOMY.values())
    meant = found(name, TAXONOMY)
    if meant is None:
        question = hint(name, TAXONOMY) or "`infoq methods` lists all."
        raise KeyError(f"There is no method {name!r}: {question}")
    return [TAXONOMY[meant]]


def as_json(rows: Sequence[Method]) -> str:
    """The methods as a JSON array of objects."""
    return json.dumps([row._asdict() for row in rows], indent=2)


def as_markdown(rows: Sequence[Method]) -> str:
    """The methods as a Markdown table, as the documentation shows them."""
    lines = [
        "| " + " | ".join(_HEADS.values()) + " |",
        "| " + " | ".join("---" for _ in _HEADS) + " |",
    ]
    for row in rows:
        cells = {**row._asdict(), "name": f"`{row.name}`"}
        lines.append("| " + " | ".join(cells[field] for field in _HEADS) + " |")
    return "\n".join(lines)


def print_table(rows: Sequence[Method]) -> None:
    """Print methods as a table; a single method also with its signature and summary."""
    console = Console()
    if len(rows) == 1:
        (row,) = rows
        function = getattr(methods, row.name)
        console.print(f"infoq.methods.{row.name}{escape(_signature(function))}", style="bold")
        console.print(escape((inspect.getdoc(function) or "").partition("\n")[0]), end="\n\n")
        details = Table(show_header=False, box=None)
        for field, head in _HEADS.items():
            if field != "name":
                details.add_row(head, escape(getattr(row, field)))
        console.print(details)
        return
    if console.width >= _WIDE:
        table = Table(*_HEADS.values())
        for row in rows:
            table.add_row(*(escape(getattr(row, field)) for field in _HEADS))
    else:
        table = Table("method", "input, quantity, how, selection, exact?, source", box=None)
        for row in rows:
            table.add_row(row.name, escape(_sentence(row)))
    console.print(table)
    console.print("\nEach is infoq.methods.NAME; `infoq methods NAME` shows its arguments.")


def _sentence(row: Method) -> str:
    """The method in words, for a terminal without room for columns."""
    return (
        f"{row.noun}: {row.verb} ({row.adverb}), by {row.selection}. "
        f"{row.status[0].upper()}{row.status[1:]}. {row.source}."
    )


def _signature(function: object) -> str:
    """The names of a function's parameters, with their defaults."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))

"""Read-only tables, filled by decorators where their entries are defined."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


class Table(Mapping[str, Row], Generic[Row]):
    """A read-only view of a dictionary.

    Parameters
    ----------
    rows : dict
        The entries, including those added later.
    place : str
        The module that holds the table; it is pickled by this and `name`.
    name : str
        The name of the table in that module.
    """

    def __init__(self, rows: dict[str, Row], place: str, name: str) -> None:
        self._rows, self._place, self._name = rows, place, name

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(self._rows)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _table, (self._place, self._name)


def _table(place: str, name: str) -> Any:
    return getattr(importlib.import_module(place), name)

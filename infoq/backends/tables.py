"""Tables that are written where what they name is defined, and read elsewhere."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")


class Table(Mapping[str, Row], Generic[Row]):
    """A dictionary that can only be read.

    Parameters
    ----------
    rows : dict
        What is in it, now and later.
    place : str
        The module whose name for it is `name`: as which it is pickled.
    name : str
        That name.
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

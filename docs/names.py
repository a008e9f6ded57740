"""The names that a page of the API describes: a list that is made from the package.

In a page, within an ``eval-rst`` block,

    .. names:: infoq infoq.measures.discrete

stands for a summary and the descriptions of all public names of ``infoq`` that are defined in that
module or room; after ``of``, a class stands for those that derive from it.
"""

from __future__ import annotations

import importlib
import inspect
import re

LINE = re.compile(r"^\.\. names:: (?P<space>\S+) (?P<room>\S+)(?: of (?P<base>\S+))?$", re.M)
DESCRIBED = re.compile(r"^\.\. auto(?:class|function):: (\w+)", re.M)


def names(space: str, room: str, base: str | None = None) -> list[str]:
    """The public names of a module that a room defines, as their definitions follow."""
    module = importlib.import_module(space)
    found = {name: getattr(module, name) for name in module.__all__}
    kind = _found(base) if base else None
    here = [
        name
        for name, thing in found.items()
        if _within(thing, room) and (kind is None or _derives(thing, kind))
    ]
    order = _imported(room)
    return sorted(here, key=lambda name: (order(found[name].__module__), _line(found[name])))


def _found(path: str):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _within(thing, room: str) -> bool:
    place = getattr(thing, "__module__", "")
    callable_here = inspect.isfunction(thing) or inspect.isclass(thing)
    return callable_here and (place == room or place.startswith(f"{room}."))


def _derives(thing, kind: type) -> bool:
    return inspect.isclass(thing) and issubclass(thing, kind) and thing is not kind


def _line(thing) -> int:
    return inspect.getsourcelines(thing)[1]


def _imported(room: str):
    """The places of a room's modules: as the room imports them, or by their names."""
    source = inspect.getsource(importlib.import_module(room))
    modules = re.findall(r"^from (\S+) import", source, re.M)
    return lambda name: (modules.index(name) if name in modules else len(modules), name)


def expanded(page: str) -> str:
    """A page with the summaries and descriptions that its lines stand for.

    What the page itself describes is only listed in the summary.
    """
    own = set(DESCRIBED.findall(page))

    def text(line: re.Match[str]) -> str:
        module = importlib.import_module(line["space"])
        listed = names(line["space"], line["room"], line["base"])
        parts = [
            ".. autosummary::",
            "   :nosignatures:",
            "",
            *(f"   {name}" for name in listed),
            "",
        ]
        for name in listed:
            kind = "class" if inspect.isclass(getattr(module, name)) else "function"
            if name not in own:
                parts.append(f".. auto{kind}:: {name}")
        return "\n".join(parts)

    return LINE.sub(text, page)

"""The rooms of the house: imports run one way, without circles, and names stand once."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import infoq

PACKAGE = Path(infoq.__file__).parent

# From the ground up: a room imports from those before it, and from itself.
ROOMS = (
    "backends",
    "settings",
    "blocks",
    "linear_algebra",
    "checks",
    "unknowns",
    "set_function",
    "measures",
    "likelihoods",
    "structures",
    "draws",
    "gaussian",
    "predictives",
    "quantities",
    "selection",
    "methods",
    "integrations",
    "cli",
)

# A file for each library that infoq speaks to, and one for each that it takes models from.
TWICE = {"__init__.py", "__main__.py", "jax.py", "torch.py"}


def _files() -> dict[str, Path]:
    """The modules of infoq by their names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def _imports(*, when_used: bool = True) -> dict[str, set[tuple[str, str]]]:
    """What each module imports of infoq, within functions as well or not: module and name."""
    files = _files()
    found: dict[str, set[tuple[str, str]]] = {}
    for module, path in files.items():
        found[module] = set(_imported(path, files, when_used))
    return found


def _imported(path: Path, files: dict[str, Path], when_used: bool) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if when_used else tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "infoq":
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield (inner, "") if inner in files else (str(node.module), name.name)


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_module_is_in_a_room() -> None:
    assert {_room(module) for module in _files()} - {"", "__main__"} == set(ROOMS)


def test_imports_run_one_way() -> None:
    upward = [
        f"{module} imports {other}"
        for module, imported in _imports().items()
        for other, _ in imported
        if _room(module) in ROOMS
        and (_room(other) not in ROOMS or ROOMS.index(_room(other)) > ROOMS.index(_room(module)))
    ]
    assert upward == []


def test_no_circle_of_imports() -> None:
    imports = _imports(when_used=False)
    graph = {module: {other for other, _ in found} for module, found in imports.items()}
    done: set[str] = set()

    def walk(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for other in sorted(graph.get(module, ())):
                walk(other, (*above, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_no_module_reaches_for_what_is_private_to_another() -> None:
    private = [
        f"{module} imports {name} of {other}"
        for module, imported in _imports().items()
        for other, name in imported
        if name.startswith("_") and not name.startswith("__")
    ]
    assert private == []


def test_a_file_is_found_by_its_name() -> None:
    counts = Counter(path.name for path in _files().values())
    assert {name for name, count in counts.items() if count > 1} <= TWICE

"""The page of the architecture against the code: its drawing, its names, and its walks, walked."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("markdown_it")

import infoq
from infoq.predictives import Rows
from tests.docs.blocks import Block, blocks
from tests.test_rooms import ROOMS

PACKAGE = Path(infoq.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")

sys.path.insert(0, str(DOCS))
try:
    drawing = importlib.import_module("rooms")
finally:
    del sys.path[0]

FENCED = re.compile(r"^```.*?^```", re.S | re.M)
PLACE = re.compile(r"([\w/]+\.py)(?:: ([\w.]+))?")
SPANS = re.findall(r"`([^`\n]+)`", FENCED.sub("", PAGE))
PLACES = [found for span in SPANS if (found := PLACE.fullmatch(span))]
OTHERS = [span for span in SPANS if not PLACE.fullmatch(span)]


# --- the drawing and the tables -----------------------------------------------------------------


def test_the_drawing_is_that_of_the_imports():
    assert drawing.DRAWING.read_text(encoding="utf-8") == drawing.draw(), "run python docs/rooms.py"


def test_the_drawing_has_every_room_and_arrows_point_down():
    at = drawing.places()
    assert set(at) == set(ROOMS)
    assert all(at[other][1] > at[room][1] for room, other in drawing.arrows())


def test_the_table_has_every_room():
    rooms = re.findall(r"^\| `(\w+)(?:\.py)?` \|", PAGE.partition("## The rules")[0], re.M)
    assert sorted(rooms) == sorted(ROOMS)


@pytest.mark.parametrize(
    "base", [Rows, infoq.Embedding, infoq.Precision, infoq.Likelihood, infoq.SetFunction]
)
def test_the_page_says_what_a_protocol_requires(base):
    (said,) = re.findall(rf"^\| `{base.__name__}` \| (.*?) \|", PAGE, re.M)
    assert set(re.findall(r"\w+", said)) == base.__abstractmethods__


# --- names --------------------------------------------------------------------------------------


@cache
def defined(path: str) -> dict[str, ast.AST]:
    """What a module defines at its top, and what its classes define."""

    def within(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for node in body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from within(node.body, f"{prefix}{node.name}.")

    return dict(within(ast.parse((PACKAGE / path).read_text(encoding="utf-8")).body, ""))


@cache
def identifiers() -> frozenset[str]:
    """All names that the package defines, passes or assigns, and those of its modules."""
    found = {"infoq"}
    for path in PACKAGE.rglob("*.py"):
        found |= {path.stem, path.parent.name}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {getattr(node, x) for x in ("name", "arg", "attr", "id") if hasattr(node, x)}
    return frozenset(x for x in found if isinstance(x, str))


@pytest.mark.parametrize("place", sorted({found[0] for found in PLACES}))
def test_files_and_functions_on_the_page_exist(place):
    path, name = PLACE.fullmatch(place).groups()
    assert ((DOCS.parent if path.startswith(("tests/", "docs/")) else PACKAGE) / path).is_file()
    assert name is None or name in defined(path)


def test_other_names_on_the_page_are_of_the_package():
    for span in OTHERS:
        if span.endswith(("/", ".npy")) or span.startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(span)):
            name = getattr(node, "attr", None) or getattr(node, "id", None)
            assert name is None or name in identifiers(), span


# --- walks --------------------------------------------------------------------------------------


class Walk(NamedTuple):
    """A section of the page: its code, and the events that its steps say there are."""

    title: str
    code: list[Block]
    steps: list[tuple[str, str, str]]


def walks() -> list[Walk]:
    """The walks of the page."""
    start = PAGE.index("## Six walks")
    heads = [*re.finditer(r"^### (.+)$", PAGE[start:], re.M)]
    ends = [*(start + head.start() for head in heads[1:]), len(PAGE)]
    code = [block for block in blocks("docs/architecture.md") if block.runs]
    found = []
    for head, end in zip(heads, ends, strict=True):
        first = start + head.start()
        lines = PAGE.count("\n", 0, first), PAGE.count("\n", 0, end)
        own = [block for block in code if lines[0] < block.line <= lines[1]]
        found.append(Walk(head[1], own, list(steps(PAGE[first:end]))))
    return found


def steps(section: str) -> Iterator[tuple[str, str, str]]:
    """The steps of a walk: calls on its ways down, returns on its ways up."""
    kind = ""
    for line in section.splitlines():
        if way := re.search(r"\b(Down|Up), .*:$", line):
            kind = {"Down": "call", "Up": "return"}[way[1]]
        elif step := re.match(r"\d+\. `([\w/]+\.py): ([\w.]+)`", line):
            yield kind, step[1], step[2]


def events(run: Callable[[], Any]) -> list[tuple[str, str, str]]:
    """The calls and returns of infoq's functions in a run: each with its file and name."""
    found: list[tuple[str, str, str]] = []

    def note(frame: Any, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event in ("call", "return") and PACKAGE in path.parents:
            name = frame.f_code.co_qualname.replace(".<locals>", "")
            found.append((event, path.relative_to(PACKAGE).as_posix(), name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return found


WALKS = walks()
FIRST = [
    block for block in blocks("docs/architecture.md") if block.runs and block not in WALKS[0].code
]


def executed(code: list[Block], names: dict[str, Any]) -> None:
    """Run blocks of Python, and of commands within this process."""
    from infoq import cli

    for block in code:
        if block.language != "sh":
            exec(compile(block.text, block.where, "exec"), names)
            continue
        for line in block.text.splitlines():
            with pytest.raises(SystemExit) as stop:
                cli.main(shlex.split(line)[1:])
            assert stop.value.code == 0


def library(walk: Walk) -> str:
    """The library that a walk needs."""
    return max((block.library for block in walk.code), key=lambda name: name != "numpy")


def test_there_are_six_walks_each_down_and_up():
    assert len(WALKS) == 6
    for walk in WALKS:
        assert walk.code, walk.title
        assert {kind for kind, _, _ in walk.steps} == {"call", "return"}, walk.title


@pytest.mark.parametrize(
    "walk",
    [pytest.param(w, id=w.title, marks=pytest.mark.of_libraries(library(w))) for w in WALKS],
)
def test_the_code_of_a_walk_takes_its_steps(walk, backend, tmp_path, monkeypatch):
    if any(block.language == "sh" for block in walk.code):
        pytest.importorskip("rich")  # the extra of the command line
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    before = [block for block in FIRST if block.line < walk.code[0].line]
    executed([b for b in before if b.library == "numpy" and b.language != "sh"], names)
    passed = iter(events(lambda: executed(walk.code, names)))
    for step in walk.steps:
        assert step in passed, f"{walk.title}: {step} does not follow the steps before it"

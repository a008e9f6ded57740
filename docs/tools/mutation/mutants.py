"""Which mutants there are, by the operators of mutmut.

mutmut itself leaves out all that is decorated, as every property, and has no samples; its
operators alone are taken from it. No mutant is made of imports, type annotations, decorators,
docstrings, what is raised and other text for people, `__repr__`, calls of `len` and `isinstance`
(as in mutmut), and of what stands outside functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

PACKAGES = ("measures", "structures", "draws", "gaussian", "quantities")
ROOT = Path(__file__).resolve().parents[3]

_LEFT_OUT = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.Raise)
_LEFT_OUT_CALLS = ("len", "isinstance", "cast")


class Mutant(NamedTuple):
    """One change of one node.

    Attributes
    ----------
    file : str
        The module, from the root of the repository.
    line : int
        Where the node begins.
    lines : tuple of int
        The first and the last line of which one runs whenever the node does.
    operator : str
        What kind of change it is, as mutmut calls it.
    module, node, changed
        The parsed module, its node, and what comes in its place.
    """

    file: str
    line: int
    lines: tuple[int, int]
    operator: str
    module: cst.Module
    node: cst.CSTNode
    changed: cst.CSTNode

    @property
    def package(self) -> str:
        """The package of the module."""
        return self.file.split("/")[1]

    def before(self) -> str:
        """The node as text on one line."""
        return " ".join(self.module.code_for_node(self.node).split())

    def after(self) -> str:
        """The changed node as text on one line."""
        return " ".join(self.module.code_for_node(self.changed).split())

    def source(self) -> str:
        """The module with the change."""
        changed = self.module.deep_replace(self.node, self.changed)
        assert isinstance(changed, cst.Module)
        return changed.code


def all_mutants() -> Iterator[Mutant]:
    """All mutants, in the order of files, lines and operators."""
    for package in PACKAGES:
        for path in sorted((ROOT / "infoq" / package).rglob("*.py")):
            wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
            finder = _Finder(str(path.relative_to(ROOT)), wrapper.module)
            wrapper.visit(finder)
            yield from finder.found


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: str, module: cst.Module) -> None:
        super().__init__()
        self.found: list[Mutant] = []
        self._file, self._module = file, module
        self._functions: list[cst.CSTNode] = []
        self._whole: list[cst.CSTNode] = []  # statements, and functions while in their parameters

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _left_out(node):
            return False
        if isinstance(node, cst.FunctionDef):
            self._functions.append(node)
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._whole.append(node)
        if self._functions:
            self._mutate(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        for stack in (self._functions, self._whole):
            if stack and stack[-1] is original_node:
                stack.pop()

    def _mutate(self, node: cst.CSTNode) -> None:
        at: Any = self.get_metadata(PositionProvider, node, None)
        whole: Any = self.get_metadata(PositionProvider, self._whole[-1])
        line = at.start.line if at else whole.start.line
        # Defaults run where the function does, and all else by the end of its own lines.
        default = isinstance(self._whole[-1], cst.FunctionDef)
        last = whole.end.line if default or not at else at.end.line
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in operator(node):
                    name = operator.__name__.removeprefix("operator_")
                    place = (self._file, line, (whole.start.line, last), name)
                    self.found.append(Mutant(*place, self._module, node, changed))


def _left_out(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.FunctionDef):
        return node.name.value == "__repr__"
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return node.func.value in _LEFT_OUT_CALLS
    # What has a space in it is for people.
    text = isinstance(node, cst.SimpleString) and " " in node.value
    return text or isinstance(node, (*_LEFT_OUT, cst.FormattedString))

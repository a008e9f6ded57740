"""The stub that type checkers read in place of `infoq.backends.arrays` says what is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from infoq.backends import arrays

STUB = ast.parse(Path(arrays.__file__).with_suffix(".pyi").read_text())
PROTOCOLS = {one.name: one for one in STUB.body if isinstance(one, ast.ClassDef)}


def methods(protocol: str) -> list[ast.FunctionDef]:
    """The methods and properties of a protocol."""
    return [one for one in PROTOCOLS[protocol].body if isinstance(one, ast.FunctionDef)]


def test_the_stub_has_the_public_names_of_the_module():
    targets = [one.target.id for one in STUB.body if isinstance(one, ast.AnnAssign)]
    functions = [one.name for one in STUB.body if isinstance(one, ast.FunctionDef)]
    said = {*targets, *functions, *PROTOCOLS} - {"FInfo", "Linalg"}
    there = {
        name
        for name, x in vars(arrays).items()
        if name in arrays.__annotations__ or getattr(x, "__module__", "") == arrays.__name__
    }
    assert {name for name in said if not name.startswith("_")} == there


@pytest.mark.parametrize("name", [one.name for one in methods("Array")])
def test_an_array_has_what_the_stub_says(backend, name):
    assert hasattr(backend.array([[1.0, 2.0]]), name)

"""Names that are a score in `infoq` and a selection in `infoq.methods`: said in every place."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import infoq
from infoq import methods

SHARED = sorted(set(infoq.__all__) & set(methods.__all__))
PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


def test_the_table_has_these_names_and_no_other():
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("<!-- names: begin -->") : text.index("<!-- names: end -->")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == SHARED
    assert len(SHARED) == 12
    assert "## Twelve names" in text


def test_the_head_of_the_methods_has_these_names_and_no_other():
    head = inspect.getdoc(methods)
    names = head[head.index("picks nothing:") : head.index("So ``infoq.bald(x)``")]
    assert re.findall(r"`(\w+)`", names) == SHARED
    assert "Twelve have the name" in head


@pytest.mark.parametrize("name", SHARED)
def test_each_names_the_other(name):
    pairs = (infoq, f"infoq.methods.{name}"), (methods, f"infoq.{name}")
    for room, other in pairs:
        doc = inspect.getdoc(getattr(room, name))
        see = doc[doc.index("See Also\n--------\n") :].splitlines()[2]
        assert see.startswith(f"{other} : "), see


@pytest.mark.parametrize("name", SHARED)
def test_one_is_an_array_and_the_other_a_selection(name):
    assert inspect.signature(getattr(infoq, name)).return_annotation == "Array"
    assert inspect.signature(getattr(methods, name)).return_annotation == "Selection"

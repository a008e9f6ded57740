"""The pages say of the package what is so: tables, counts, and all public names."""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

import infoq
from infoq import backends, likelihoods, methods
from tests.docs import tables

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))
try:
    names = importlib.import_module("names")
finally:
    del sys.path[0]

DESCRIBED = re.compile(
    r"^\.\. (?:auto(?:class|function|data)|currentmodule):: (\S+?)(?:\(\))?$", re.M
)


@pytest.mark.parametrize("page", tables.PAGES)
def test_tables_and_counts_are_those_of_the_package(page):
    text = (tables.ROOT / page).read_text(encoding="utf-8")
    assert tables.written(page, text) == text, "run python tests/docs/tables.py"


def described():
    """What the pages of the API describe: the objects, by their identity."""
    for path in sorted((DOCS / "api").glob("*.md")):
        module = "infoq"
        for found in DESCRIBED.finditer(names.expanded(path.read_text(encoding="utf-8"))):
            if found[0].startswith(".. currentmodule"):
                module = found[1]
            # What is of another library is imported where that is installed, and is no public name.
            elif not found[1].startswith("infoq.") and ".integrations." not in module:
                yield id(getattr(importlib.import_module(module), found[1]))


# Modules, types that annotations use, and what the page of plugins describes.
APART = {"infoq.backends", "infoq.likelihoods", "infoq.methods", "infoq.backends.Array"}
APART |= {"infoq.backends.Seed", "infoq.backends.stream"}


def test_every_public_name_is_described_once():
    spaces = (infoq, backends, likelihoods, methods)
    public = {f"{space.__name__}.{n}": getattr(space, n) for space in spaces for n in space.__all__}
    counts = Counter(described())
    assert {name for name in public.keys() - APART if counts[id(public[name])] != 1} == set()


def test_a_list_of_names_is_of_a_room_and_of_a_kind():
    assert names.names("infoq", "infoq.measures.log_determinants") == [
        *("logdet", "logdet_mi", "logdet_cg", "logdet_cmi")
    ]
    precisions = names.names("infoq", "infoq.structures", "infoq.Precision")
    assert "DensePrecision" in precisions
    assert not {"Precision", "DenseEmbedding"} & set(precisions)


def test_what_a_page_describes_itself_is_only_listed():
    page = ".. names:: infoq infoq.selection\n\n.. autofunction:: kdpp\n   :no-index:\n"
    expanded = names.expanded(page)
    assert expanded.count("autofunction:: kdpp") == 1
    assert "   kdpp\n" in expanded
    assert ".. autofunction:: top_k\n" in expanded
    assert ".. autoclass:: Selection\n" in expanded

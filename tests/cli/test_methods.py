"""`infoq methods`: the taxonomy in a terminal, and in the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from infoq.cli.app import cli
from infoq.methods import TAXONOMY

DOCS = Path(__file__).parent.parent.parent / "docs"


def run(*arguments, columns=80):
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, ["methods", *arguments])


@pytest.mark.parametrize("columns", [60, 80, 220])
def test_all_methods_are_listed_at_any_width(columns):
    done = run(columns=columns)
    assert done.exit_code == 0
    words = done.output.split()
    assert all(name in words for name in TAXONOMY)
    assert max(map(len, done.output.splitlines())) <= columns


@pytest.mark.parametrize("name", TAXONOMY)
def test_one_method_is_explained(name):
    done = run(name, columns=400)
    assert done.exit_code == 0
    assert f"infoq.methods.{name}(" in done.output
    assert all(entry in done.output for entry in TAXONOMY[name])


def test_another_name_is_one_line_with_a_hint():
    done = run("badg")
    assert done.exit_code == 2
    assert "There is no method 'badg': did you mean badge" in done.output
    assert "`infoq methods` lists all" in run("xyzzy").output


@pytest.mark.parametrize("name", ["BatchBALD", "batch-bald", "BATCH_BALD", "batch bald"])
def test_names_are_accepted_as_papers_write_them(name):
    assert "infoq.methods.batch_bald(" in run(name).output


def test_json():
    rows = json.loads(run("--format", "json").output)
    assert {row["name"]: tuple(row.values()) for row in rows} == {
        name: tuple(row) for name, row in TAXONOMY.items()
    }


def test_the_documentation_has_the_same_table():
    page = (DOCS / "methods.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- methods: begin -->")[2].partition("<!-- methods: end -->")[0]
    assert shown.strip() == run("--format", "markdown").output.strip()

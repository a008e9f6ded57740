"""The additions of docs/contributing.md pass in a copy, and touch as many files as it states."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

sys.path.insert(0, str(Path(__file__).parent))
try:
    from blocks import ROOT, blocks
finally:
    del sys.path[0]

PAGE = "docs/contributing.md"
FILE = re.compile(r"# ((?:infoq|tests)/\S+\.py)\n")
KINDS = {"measure", "likelihood", "embedding", "precision", "selection", "method"}

# What knows every public name, class, method and selection.
LISTS = (
    "tests/test_public_face.py",
    "tests/docs/test_tables.py",
    "tests/capabilities/test_table.py",
)
LISTS += ("tests/test_rooms.py",)
# What runs them all, of which those that were added are picked.
ALL = ("tests/test_pickling.py", "tests/capabilities", "tests/measures", "tests/methods")
ADDED = "jeffreys or Binomial or Comparison or Walk or bottom_k or power_epig"


def added():
    """By kind, the blocks that are of a file, with that file."""
    text = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    found = defaultdict(list)
    for block in blocks(PAGE):
        if named := FILE.match(block.text):
            above = [line for line in text[: block.line] if line.startswith("### ")]
            found[above[-1].split()[-1]].append((named[1], block.text[named.end() :]))
    return found


def test_the_number_of_files_is_what_the_table_states():
    rows = re.findall(r"^\| (\w+) \| (\d+) \|", (ROOT / PAGE).read_text(), re.M)
    stated = {kind: int(count) for kind, count in rows}
    assert stated == {kind: len({file for file, _ in parts}) for kind, parts in added().items()}
    assert set(stated) == KINDS


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def add_all(tmp_path):
    """The files that the page adds or changes, in a copy of the project."""
    for name in ("infoq", "tests", "docs", "README.md", "pyproject.toml"):
        if (ROOT / name).is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "_build", "tools")
            shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
        else:
            shutil.copy(ROOT / name, tmp_path)
    files = []
    for file, text in (part for parts in added().values() for part in parts):
        path = tmp_path / file
        path.write_text((path.read_text() + "\n\n" if path.exists() else "") + text)
        files.append(file)
    return files


def test_each_kind_is_added_by_the_page_alone(tmp_path):
    files = add_all(tmp_path)
    here = run(tmp_path, "-c", "import infoq; print(infoq.__file__)")
    assert Path(here.strip()).is_relative_to(tmp_path)
    written = run(tmp_path, "tests/docs/tables.py").splitlines()
    assert {line.partition(":")[0] for line in written} >= {"README.md", "docs/methods.md"}
    options = ("-q", "-p", "no:cacheprovider", "--backend", "numpy")
    own = [file for file in files if Path(file).name.startswith("test_")]
    examples = [file for file in files if file.startswith("infoq/") and "__init__" not in file]
    run(tmp_path, "-m", "pytest", *options, *LISTS, *own, *examples)
    ran = run(tmp_path, "-m", "pytest", *options, *ALL, "-k", ADDED)
    assert int(re.search(r"(\d+) passed", ran)[1]) > 60


def test_what_is_added_has_types_and_style(tmp_path):
    pytest.importorskip("mypy")
    pytest.importorskip("ruff")
    files = add_all(tmp_path)
    run(tmp_path, "-m", "mypy")
    # The blocks are appended: their imports are not among the others yet.
    run(tmp_path, "-m", "ruff", "check", "--no-cache", "--ignore", "E402", *files)
    run(tmp_path, "-m", "ruff", "format", "--no-cache", "--check", *files)

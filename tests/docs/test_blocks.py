"""Every fenced block of the documentation runs, in the order of its page, on the library it names.

Doctests run with every library's blocks, as these need the names that they bind.
"""

from __future__ import annotations

import functools
import sys
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("markdown_it")

sys.path.insert(0, str(Path(__file__).parent))
try:
    from blocks import LIBRARIES, PAGES, SHELLS, Reader, blocks
finally:
    del sys.path[0]

from infoq.backends import registry

# Commands that are not run here, and why.
EXEMPT = {
    ("README.md", "python3 -m venv .venv && .venv/bin/pip install"): "runs this, or nox's session",
    ("docs/backends.md", "$ pytest --backend"): "runs this",
    ("docs/backends.md", "import mpmath"): "nox -s strangers installs what it names",
    ("docs/mutation.md", "nox -s mutation"): "takes hours",
    ("docs/contributing.md", "# infoq/"): "test_adding.py adds it to a copy",
    ("docs/contributing.md", "# tests/"): "test_adding.py adds it to a copy",
}

ALL = [block for page in PAGES for block in blocks(page)]
SHOWN = {"toml", "text", "bibtex"}  # what is in a file, or printed


def is_exempt(block):
    return any(block.page == page and block.text.startswith(start) for page, start in EXEMPT)


RUN = [block for block in ALL if block.runs and not is_exempt(block)]
# The pages with blocks besides doctests, and the libraries of these.
CASES = sorted({(b.page, b.library) for b in RUN if not b.is_doctest})


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """One who leaves nothing behind in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("_OPS", "_READY"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    yield Reader(tmp_path)
    for name in [name for name in sys.modules if (tmp_path / f"{name}.py").exists()]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("page", "library"),
    [pytest.param(*case, marks=pytest.mark.of_libraries(case[1])) for case in CASES],
)
def test_the_blocks_of_a_page_run_in_order(page, library, backend, reader, monkeypatch):
    if library == "torch":
        # The default compiler of what it traced needs one of C++, and half a minute.
        torch = backend.module
        monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    for block in (b for b in RUN if b.page == page):
        if block.language in SHELLS:
            if library == "numpy":
                pytest.importorskip("click")
                reader.run(block)
        elif block.library in ("numpy", library):
            reader.run(block)


def test_every_block_says_what_it_is():
    for block in ALL:
        directive = block.language.startswith("{")
        assert block.runs or directive or block.language in SHOWN, block.where


def test_a_block_names_one_library_that_is_tested():
    for block in RUN:
        assert len(block.libraries) <= 1, block.where
        assert block.library in ("numpy", *LIBRARIES[:4]), block.where
    assert {"numpy", "torch", "jax", "dask", "array_api_strict"} == {b.library for b in RUN}


def test_what_is_exempt_is_there():
    for page, start in EXEMPT:
        assert any(b.page == page and b.text.startswith(start) for b in ALL), start


def test_tables_of_settings_are_read():
    found = [block for block in ALL if block.language == "toml"]
    assert found
    for block in found:
        assert tomllib.loads(block.text)

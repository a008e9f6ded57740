"""The fenced blocks of the documentation, and running those of a page in order."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]

SHELLS = ("sh", "console")
LIBRARIES = ("torch", "jax", "dask", "array_api_strict", "cupy", "marray")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_doctest(self) -> bool:
        return self.language in ("python", "pycon") and self.text.startswith(">>> ")

    @property
    def libraries(self) -> list[str]:
        """The array libraries that it names; NumPy is everywhere, and so are doctests."""
        if self.is_doctest or self.language in SHELLS:
            return []
        return [x for x in LIBRARIES if re.search(rf"\b{x}\b", self.text)]

    @property
    def library(self) -> str:
        """The library that it runs on."""
        return (self.libraries or ["numpy"])[0]

    @property
    def runs(self) -> bool:
        """Whether it is code; directives of the documentation are in braces."""
        return self.language in ("python", "pycon", *SHELLS)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text(encoding="utf-8"))
    return [
        Block(page, token.map[0] + 2, (token.info.split() or [""])[0], token.content)
        for token in tokens
        if token.type == "fence"
    ]


class Reader:
    """One who types what a page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> None:
        """Run a block after those before it."""
        if block.language in SHELLS:
            self._shell(block)
        elif block.is_doctest:
            self._doctest(block)
        else:
            self._python(block)

    def _python(self, block: Block) -> None:
        # A block that begins with a name is that file, and can be imported from then on.
        if named := re.match(r"# (\w+\.py)\n", block.text):
            (self.folder / named[1]).write_text(block.text)
        # As many lines before it as in the page, so that a traceback names the line.
        code = "\n" * (block.line - 1) + block.text
        exec(compile(code, str(ROOT / block.page), "exec"), self.names)

    def _doctest(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, block.where, block.page, block.line - 1
        )
        test.globs = self.names  # the parser takes a copy
        said: list[str] = []
        result = doctest.DocTestRunner(optionflags=FLAGS).run(
            test, out=said.append, clear_globs=False
        )
        assert result.failed == 0, "".join(said)

    def _shell(self, block: Block) -> None:
        for command, expected in commands(block):
            done = subprocess.run(
                [
                    "bash",
                    "-c",
                    command.replace("infoq ", f"{shlex.quote(sys.executable)} -m infoq "),
                ],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
            )
            assert done.returncode == 0, f"{block.where}: {command}\n{done.stdout}"
            if expected:
                assert done.stdout.split() == expected.split(), f"{block.where}: {done.stdout}"


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, with what is printed where it shows that."""
    if block.language == "sh":
        return [(line, "") for line in block.text.splitlines() if line]
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    return [(c, said) for c, _, said in (part.partition("\n") for part in parts if part)]

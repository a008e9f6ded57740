"""Phrases that pages, docstrings, comments and messages avoid; run as a script, it shows them.

The list is docs/words.toml. What is in backquotes or in a block of code is code, and is not read.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "docs" / "words.toml"

# Code in a page or a docstring; only what is between the marks of a block may hold line breaks.
CODE = re.compile(r"^```.*?^```|^ *>>> .*?(?=\n\s*\n|\Z)|``[^`\n]+``|`[^`\n]+`", re.S | re.M)
SPACE = r"(?:[^\S\n]|[^\S\n]*\n[^\S\n]*)"  # two are between the columns of a table
STRINGS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


class Phrase(NamedTuple):
    """A phrase to avoid, and what to write for it."""

    avoid: re.Pattern[str]
    write: str
    example: str
    pending: bool


class Place(NamedTuple):
    """Where a phrase is."""

    file: str
    line: int
    found: str
    phrase: Phrase


def phrases() -> list[Phrase]:
    """All of the list; a space matches a break of a line, too, and not that of paragraphs."""
    rows = tomllib.loads(LIST.read_text(encoding="utf-8"))["phrase"]
    return [
        Phrase(
            re.compile(row["avoid"].replace(" ", SPACE), re.IGNORECASE),
            row["write"],
            row["example"],
            row.get("pending", False),
        )
        for row in rows
    ]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts for people in a file, each with the line it begins on."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, source
        return
    comment, start, last = "", 0, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            # Comments on lines that follow one another are one text.
            if line != last + 1:
                yield start, comment
                comment, start = "", line
            comment, last = f"{comment}{token.string.lstrip('#')}\n", line
        elif token.type in STRINGS and not is_a_name(token):
            yield line, token.string
    yield start, comment


def is_a_name(token: tokenize.TokenInfo) -> bool:
    """Whether it is a string that is one name, such as those of `__all__`."""
    return token.type == tokenize.STRING and token.string[1:-1].isidentifier()


def without_code(text: str) -> str:
    """The text with line breaks alone where there was code."""
    return CODE.sub(lambda found: "\n" * found[0].count("\n") or "`", text)


def places(path: Path, of: list[Phrase]) -> Iterator[Place]:
    """Where a file has one of the phrases."""
    for start, text in texts(path):
        words = without_code(text)
        for phrase in of:
            for found in phrase.avoid.finditer(words):
                line = start + words.count("\n", 0, found.start())
                yield Place(str(path), line, " ".join(found[0].split()), phrase)


def files(root: Path = ROOT) -> list[Path]:
    """The pages and the modules of the package."""
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [*pages, *sorted((root / "infoq").rglob("*.py"))]


if __name__ == "__main__":
    found = [place for path in files() for place in places(path, phrases())]
    wrong = [place for place in found if not place.phrase.pending]
    for place in found if "--all" in sys.argv[1:] else wrong:
        where = f"{Path(place.file).relative_to(ROOT)}:{place.line}"
        print(f"{where}: {place.found!r}; write: {place.phrase.write}")
    print(f"{len(wrong)} phrases to avoid, and {len(found) - len(wrong)} that are pending")
    sys.exit(bool(wrong))

"""What a built site must not have: run as a script on the folder of its pages.

Tables that are not tables, formulas that are not formulas, and anything that a browser would fetch
from another host, or not find.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Elements whose text is what it is, and those without an end.
VERBATIM = {"code", "pre", "script", "style", "svg", "math", "title", "textarea"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
# Links that are not fetched with the page.
NOT_FETCHED = {"canonical", "next", "prev", "search", "author", "help", "license", "index"}
# A delimiter or a command of LaTeX.
LATEX = re.compile(r"\\[(\[)\]]|\$\$|\\[a-zA-Z]{2,}|(?<!\w)\$[^$\s][^$]*\$")
# A row of a table in Markdown, or what code and formulas leave of one.
ROW = re.compile(r"^\||\|$|\|\s*:?-{2,}")
STYLED = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """The text of a page outside of code and formulas, and what a browser fetches with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            verbatim = tag in VERBATIM or "classifier" in given.get("class", "").split()
            self.open.append(f"{tag}!" if verbatim else tag)
        self.fetched += [url for url in _fetched(tag, given) if url]

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop().rstrip("!") != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style!":
            self.fetched += in_style(data)
        if not any(tag.endswith("!") for tag in self.open):
            self.texts.append(data)


def _fetched(tag: str, given: dict[str, str]) -> Iterator[str]:
    if tag == "link":
        if not set(given.get("rel", "").split()) & NOT_FETCHED:
            yield given.get("href", "")
    elif tag != "a":
        for name in ("src", "data", "poster", "xlink:href"):
            yield given.get(name, "")
        yield from (part.split()[0] for part in given.get("srcset", "").split(",") if part.split())
    yield from in_style(given.get("style", ""))


def in_style(text: str) -> list[str]:
    """What a style sheet fetches."""
    return [one or other for one, other in STYLED.findall(text)]


def faults(text: str) -> Iterator[str]:
    """What is wrong with the text of a page."""
    for part in Page(text).texts:
        said = " ".join(part.split())
        if ROW.search(said):
            yield f"a row of a table that is none: {said!r}"
        if LATEX.search(said):
            yield f"raw LaTeX: {said!r}"


def unfetchable(urls: list[str], page: Path, root: Path) -> Iterator[str]:
    """Those of what is fetched that are of another host, or not there."""
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme == "data" or not (parts.netloc or parts.path):
            continue
        if parts.scheme or parts.netloc:
            yield f"fetched from elsewhere: {url}"
        elif not (page.parent / unquote(parts.path)).resolve().is_relative_to(root.resolve()):
            yield f"outside of the site: {url}"
        elif not (page.parent / unquote(parts.path)).exists():
            yield f"not there: {url}"


def check(root: Path) -> list[str]:
    """All that is wrong with a site, one line each."""
    found = []
    for path in sorted(root.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        # Between the letters of the index Sphinx puts pipes.
        said = () if path.name == "genindex.html" else faults(text)
        wrong = [*said, *unfetchable(Page(text).fetched, path, root)]
        found += [f"{path.relative_to(root)}: {one}" for one in wrong]
    for path in sorted(root.rglob("*.css")):
        urls = in_style(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(root)}: {x}" for x in unfetchable(urls, path, root)]
    return found


if __name__ == "__main__":
    (folder,) = map(Path, sys.argv[1:])
    pages = len(list(folder.rglob("*.html")))
    assert pages, f"no pages in {folder}"
    wrong = check(folder)
    print(*wrong, f"{pages} pages, {len(wrong)} faults", sep="\n")
    sys.exit(bool(wrong))

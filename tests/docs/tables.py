"""What the documentation says of the package and is made from it; run as a script, it writes it.

The tables of capabilities and of methods, and how many methods there are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from infoq.cli.methods import as_markdown  # noqa: E402
from infoq.methods import TAXONOMY  # noqa: E402
from tests.capabilities.matrix import matrix  # noqa: E402

# By page: what is between two marks, and what ought to be there.
TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "docs/capabilities.md": ("capabilities", matrix),
    "docs/methods.md": ("methods", lambda: as_markdown(list(TAXONOMY.values())) + "\n"),
}

# By page: sentences with the number of methods in place of {}.
COUNTS = {
    "README.md": "\n{} methods are functions of `infoq.methods`",
    "docs/concepts.md": "[Methods](methods.md) has {} of them by name",
}


def written(page: str, text: str) -> str:
    """The text of a page as it ought to be."""
    if page in TABLES:
        mark, table = TABLES[page]
        begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        assert found, f"{page}: no {begin}"
        assert ended, f"{page}: no {end}"
        text = before + begin + table() + end + after
    if page in COUNTS:
        before, after = COUNTS[page].split("{}")
        count = re.compile(rf"(?<={re.escape(before)})\d+(?={re.escape(after)})")
        assert count.search(text), f"{page}: no {COUNTS[page]}"
        text = count.sub(str(len(TAXONOMY)), text)
    return text


PAGES = sorted({*TABLES, *COUNTS})


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        now = path.read_text(encoding="utf-8")
        if (then := written(page, now)) != now:
            path.write_text(then, encoding="utf-8")
            print(f"{page}: written")

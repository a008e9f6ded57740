"""The style of the texts: no phrase of docs/words.toml is in them, and the checker sees each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
try:
    from words import files, phrases, places
finally:
    del sys.path[0]


@pytest.fixture(scope="module")
def found():
    return [place for path in files() for place in places(path, phrases())]


def test_no_phrase_is_in_the_texts(found):
    wrong = [place for place in found if not place.phrase.pending]
    assert [f"{x.file}:{x.line}: {x.found!r}; write {x.phrase.write}" for x in wrong] == []


def test_what_is_pending_is_still_there(found):
    left = {place.phrase.avoid.pattern for place in found}
    done = [x.avoid.pattern for x in phrases() if x.pending and x.avoid.pattern not in left]
    assert done == [], "take out `pending = true` in docs/words.toml"


@pytest.mark.parametrize("phrase", phrases(), ids=lambda phrase: phrase.write)
def test_each_phrase_is_seen_in_a_page_a_docstring_and_a_comment(phrase, tmp_path):
    first, _, rest = phrase.example.partition(" ")
    code = f"```python\n{phrase.example}\n```"
    page = f"# A page\n\n{code}\n\nSome {first}\n{rest}, `{phrase.example}`\n"
    module = f'"""A line.\n\nSome {first}\n{rest}.\n"""\n# some {first}\n# {rest}\n'
    (tmp_path / "page.md").write_text(page)
    (tmp_path / "module.py").write_text(module + f"x = f'{phrase.example}'  # of it\n")
    assert {x.line for x in places(tmp_path / "page.md", [phrase])} in ({7}, {8})
    lines = {x.line for x in places(tmp_path / "module.py", [phrase])}
    assert len(lines & {3, 4}) == len(lines & {6, 7}) == 1
    assert 8 in lines


def test_code_is_not_read(tmp_path):
    words = [x.example for x in phrases()]
    code = "\n".join(f"{word}()" for word in words)
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{code}\n```\n" + "".join(f"`{word}`\n" for word in words))
    assert list(places(page, phrases())) == []

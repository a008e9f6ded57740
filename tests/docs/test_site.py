"""The check of the built site sees what it is for; `nox -s docs` runs it on the real one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def site():
    path = Path(__file__).parent / "site.py"
    spec = importlib.util.spec_from_file_location("built_site", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = """
<head><link rel="stylesheet" href="a.css"><link rel="canonical" href="https://x.org/"></head>
<body><p>p(y | z) costs $5, not more; <code>| a | b |</code> <pre>| --- | \\( x \\)</pre>
<span class="math"><math><mi>x</mi></math></span> <a href="https://x.org/">elsewhere</a>
<span class="classifier">int | None</span> <img src="data:image/png;base64,AA=="></p>
<script src="a.js"></script><style>a::before {content: "\\\\f00"}</style></body>
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.css").write_text("a { background: url('b.png') }")
    (tmp_path / "b.png").touch()
    (tmp_path / "a.js").touch()
    (tmp_path / "page.html").write_text(GOOD)
    return tmp_path


def test_a_sound_site_has_no_fault(site, folder):
    assert site.check(folder) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("<p>| IG of a label | <code>ig(x)</code> | exact |</p>", "a row of a table"),
        ("<p>| <code>a</code> | <code>b</code> | exact</p>", "a row of a table"),
        ("<p>a | b\n--- | ---</p>", "a row of a table"),
        (r'<span class="math notranslate">\(p_i\)</span>', "raw LaTeX"),
        (r'<div class="math notranslate">\[\sum_i p_i\]</div>', "raw LaTeX"),
        ("<p>so $$p_i$$ is</p>", "raw LaTeX"),
        ("<p>so $p_i$ is</p>", "raw LaTeX"),
        (r"<p>so \alpha is</p>", "raw LaTeX"),
        ('<script src="https://cdn.jsdelivr.net/npm/mathjax@3/tex.js"></script>', "elsewhere"),
        ('<script src="//cdn.org/a.js"></script>', "elsewhere"),
        ('<link rel="stylesheet" href="https://fonts.org/css">', "elsewhere"),
        ('<link rel="preload" href="http://fonts.org/a.woff">', "elsewhere"),
        ('<img src="https://x.org/badge.svg">', "elsewhere"),
        ('<img srcset="a.js 1x, https://x.org/b.png 2x">', "elsewhere"),
        ('<p style="background: url(https://x.org/b.png)"></p>', "elsewhere"),
        ("<style>@import 'https://x.org/a.css';</style>", "elsewhere"),
        ('<script src="absent.js"></script>', "not there"),
        ('<img src="../a.png">', "outside"),
    ],
)
def test_each_fault_is_seen(site, folder, fault, words):
    page = (folder / "page.html").read_text()
    (folder / "page.html").write_text(page.replace("</body>", f"{fault}</body>"))
    found = site.check(folder)
    assert found
    assert all(one.startswith("page.html: ") and words in one for one in found)


def test_style_sheets_are_looked_into(site, folder):
    (folder / "a.css").write_text("@font-face { src: url(https://x.org/a.woff2) }")
    assert site.check(folder) == ["a.css: fetched from elsewhere: https://x.org/a.woff2"]

"""What is to be cited: the same in the README and the page, and of this version."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import infoq

sys.path.insert(0, str(Path(__file__).parent))
try:
    from blocks import ROOT, blocks
finally:
    del sys.path[0]


def test_the_page_names_this_version():
    (cited,) = (block.text for block in blocks("docs/citing.md") if block.language == "bibtex")
    version = re.search(r"version = \{(.*)\}", cited)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version == infoq.__version__ == project["version"]


def test_the_readme_cites_the_same_paper():
    (paper,) = (block.text for block in blocks("README.md") if block.language == "bibtex")
    (cited,) = (block.text for block in blocks("docs/citing.md") if block.language == "bibtex")
    assert cited.startswith(paper)
    number = re.search(r"arXiv:(\S+?)\}", paper)[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Paper"] == f"https://arxiv.org/abs/{number}"

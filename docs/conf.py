"""Sphinx configuration."""

import sys
from pathlib import Path

import infoq

sys.path.insert(0, str(Path(__file__).parent))
import names

project = "infoq"
author = "The infoq developers"
copyright = author
version = release = infoq.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
]
exclude_patterns = ["_build"]
default_role = "py:obj"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings give types and shapes
autosummary_generate = False  # the tables link to the same page
autodoc_mock_imports = ["jax", "torch"]  # for infoq.integrations, whether installed or not
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"infoq {release}"


def setup(app):
    """List public names, and drop the blank line that ends a doctest before its closing fence."""
    app.connect("source-read", _read)


def _read(_app, _name, source):
    source[0] = names.expanded(source[0]).replace("\n\n```\n", "\n```\n")

"""Formulas as MathML, which browsers show by themselves: no script, no font, no network."""

import html
import re

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

# TeX leaves a thin space between a function and its argument; here it has to be asked for.
FUNCTION = re.compile(
    r"(<mi>(?:log|exp|ln)</mi>|<mo[^>]*>det</mo>)(?=<(?:mi|mn|msub|msup|mrow|mover)>)"
)


def setup(app):
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline, None), block_renderers=(block, None)
    )
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mathml(node, display):
    latex = node.astext().strip()
    try:
        text = convert(latex, display=display)
    except Exception as error:  # whatever it is, the formula is at fault
        LOGGER.warning("no MathML of %r: %r", latex, error, location=node)
        return html.escape(latex)
    # A command that is not known comes out as it went in.
    if "\\" in text:
        LOGGER.warning("not understood in the formula %r: %s", latex, text, location=node)
    return FUNCTION.sub(r'\1<mspace width="0.167em" />', text)


def inline(translator, node):
    translator.body.append(f'<span class="math">{mathml(node, "inline")}</span>')
    raise SkipNode


def block(translator, node):
    # With room for limits, which have a scroll bar of their own otherwise.
    style = "overflow-x: auto; overflow-y: hidden; padding: 0.6em 0"
    translator.body.append(f'<div style="{style}">{mathml(node, "block")}</div>\n')
    raise SkipNode

"""The table of capabilities as Markdown; `python -m tests.capabilities.matrix` writes it."""

from __future__ import annotations

from pathlib import Path

from infoq.backends import CAPABILITIES, Capabilities

PAGE = Path(__file__).parent.parent.parent / "docs" / "capabilities.md"
BEGIN, END = "<!-- capabilities: begin -->\n", "<!-- capabilities: end -->\n"

HEADS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "cupy": "CuPy",
    "jax": "JAX",
    "dask": "Dask",
    "array_api_strict": "strict",
    "jit": "jit",
    "compile": "compile",
    "autograd": "autograd",
    "grad": "grad",
    "vmap": "vmap",
    "lazy": "lazy",
    "half": "half",
    "meta": "meta",
}
"""Columns; CuPy needs a GPU, and is not run."""

MARKS = {"works": "yes", "refused": "no", "meaningless": "–"}


def matrix() -> str:
    """Two tables, of libraries and of transformations, and the reasons under them."""
    reasons: dict[str, int] = {}

    def entry(row: Capabilities, column: str) -> str:
        if column == "cupy":
            return "not run here"
        capability = getattr(row, column)
        mark = MARKS[capability.state]
        if not capability.reason:
            return mark
        number = reasons.setdefault(capability.reason, len(reasons) + 1)
        return f"{mark} <sup>{number}</sup>"

    lines = [
        "| function | " + " | ".join(HEADS.values()) + " |",
        "| --- |" + " --- |" * len(HEADS),
    ]
    for name in sorted(CAPABILITIES, key=_order):
        function, comma, option = name.partition(", ")
        shown = f"`{function}`{comma}{option}"
        cells = [entry(CAPABILITIES[name], column) for column in HEADS]
        lines.append(f"| {shown} | " + " | ".join(cells) + " |")
    notes = [f"{number}. {reason[0].upper()}{reason[1:]}." for reason, number in reasons.items()]
    return "\n".join([*lines, "", *notes, ""])


def _order(name: str) -> tuple[int, str, str]:
    """Functions and classes of infoq itself, then likelihoods, then methods."""
    rooms = ("likelihoods", "methods")
    room = name.partition(".")[0]
    place = 1 + rooms.index(room) if room in rooms else 0
    return place, name.partition(",")[0].casefold(), name


def page(text: str) -> str:
    """The page with the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + matrix() + END + after


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

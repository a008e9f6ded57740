"""The drawing of the rooms, docs/rooms.svg: `python docs/rooms.py` writes it.

The arrows are the imports of the package, less those that follow from others. A test holds that
the file is what this draws.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "infoq"
DRAWING = DOCS / "rooms.svg"

# Each room: its row, from the command line down to the arrays, its column, and what is in it.
ROOMS = {
    "cli": (0, 0.5, "the command line"),
    "integrations": (0, 1.5, "Jacobians, PyTorch and JAX"),
    "methods": (1, 1, "methods of the literature"),
    "selection": (2, 1, "from scores to a batch"),
    "quantities": (3, 1, "scores and set functions"),
    "predictives.py": (4, 1, "either predictive"),
    "gaussian": (5, 1, "weight space"),
    "structures": (6, 0, "embeddings and precisions"),
    "draws": (6, 1, "prediction space"),
    "likelihoods": (7, 0, "p(y | z)"),
    "unknowns.py": (7, 2, "the Z of I[Y; Z]"),
    "measures": (8, 1, "entropies and divergences"),
    "checks": (9, 1, "input validation"),
    "linear_algebra": (10, 0, "small matrices"),
    "blocks.py": (10, 1, "candidates in blocks"),
    "set_function.py": (10, 2, "the value of a batch"),
    "backends": (11, 0.5, "array libraries"),
    "settings.py": (11, 1.5, "options"),
}
WIDTH, HEIGHT = 204, 46  # of a room
ACROSS, DOWN = 236, 78  # from a room to the next
MARGIN = 24

STYLE = """
    svg { color-scheme: light dark; --page: #ffffff; --room: #f3f5f8; --line: #8793a3;
          --ink: #1c2530; --soft: #52606d; }
    @media (prefers-color-scheme: dark) {
      svg { --page: #14181d; --room: #222932; --line: #7f8b9a; --ink: #eef1f5; --soft: #b3bdc9; }
    }
    .page { fill: var(--page); }
    .room { fill: var(--room); stroke: var(--line); }
    .arrow { stroke: var(--line); stroke-width: 1.6; fill: none; }
    .head { fill: var(--line); }
    text { text-anchor: middle; font: 13px system-ui, sans-serif; fill: var(--soft); }
    text.name { font: 600 15px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink); }
"""


def places() -> dict[str, tuple[int, int]]:
    """The middle of each room, by its name without a suffix."""
    left, top = MARGIN + WIDTH // 2, MARGIN + HEIGHT // 2
    return {
        room.removesuffix(".py"): (left + int(ACROSS * column), top + DOWN * row)
        for room, (row, column, _) in ROOMS.items()
    }


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports from."""
    found: dict[str, set[str]] = {room: set() for room in places()}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in found:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            others = {other for node in ast.walk(tree) for other in _rooms(node)}
            found[room] |= (others & found.keys()) - {room}
    return found


def _rooms(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "infoq":
        path = (node.module or "").split(".")[1:]
        yield from path[:1] or (name.name for name in node.names)


def arrows() -> list[tuple[str, str]]:
    """The imports between rooms, without those that follow from others."""
    below = imports()

    def reached(room: str) -> set[str]:
        return below[room] | {far for near in below[room] for far in reached(near)}

    return [
        (room, other)
        for room in below
        for other in sorted(below[room])
        if not any(other in reached(near) for near in below[room] - {other})
    ]


def draw() -> str:
    """The drawing, as SVG."""
    at = places()
    width = 2 * MARGIN + 2 * ACROSS + WIDTH
    height = 2 * MARGIN + DOWN * 11 + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title">',
        '  <title id="title">The rooms of infoq; an arrow points to what a room imports</title>',
        f"  <style>{STYLE}  </style>",
        f'  <rect class="page" width="{width}" height="{height}" rx="12"/>',
        '  <marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"',
        '    markerUnits="userSpaceOnUse" orient="auto">',
        '    <path class="head" d="M0 0 8 4 0 8z"/>',
        "  </marker>",
    ]
    for room, other in arrows():
        (x, y), (to_x, to_y) = at[room], at[other]
        path = f"M{x} {y + HEIGHT // 2}L{to_x} {to_y - HEIGHT // 2}"
        lines.append(f'  <path class="arrow" marker-end="url(#head)" d="{path}"/>')
    for room, (_, _, content) in ROOMS.items():
        x, y = at[room.removesuffix(".py")]
        corner = f'x="{x - WIDTH // 2}" y="{y - HEIGHT // 2}"'
        lines += [
            f'  <rect class="room" {corner} width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
            f'  <text class="name" x="{x}" y="{y - 3}">{room}</text>',
            f'  <text x="{x}" y="{y + 15}">{content}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    DRAWING.write_text(draw(), encoding="utf-8")

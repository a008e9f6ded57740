"""The README's commands; its examples are in `tests/docs`."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_two_commands_are_those_that_are_tested():
    commands = re.findall(r"```sh\n(python3 .*?)\n```", README.read_text())
    assert len(commands) == 2
    script = (README.parent / ".ci" / "run").read_text()
    assert commands[1] in script

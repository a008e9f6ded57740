"""The README's examples for other libraries run there; those for NumPy are doctests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_torch_example_runs(capsys):
    pytest.importorskip("torch")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (example,) = [block for block in blocks if "import torch" in block]
    exec(compile(example, "README.md", "exec"), {})
    assert "torch.Size([1000, 20, 3])" in capsys.readouterr().out


def test_the_two_commands_are_those_that_are_tested():
    commands = re.findall(r"```sh\n(python3 .*?)\n```", README.read_text())
    assert len(commands) == 2
    script = (README.parent / ".ci" / "run").read_text()
    assert commands[1] in script

"""Which tests run on which library: what tests/conftest.py leaves out, and what it may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("pair", [(0, "x"), (0, "y"), (1, "x"), (1, "y")], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2)])
def test_values(backend, dtype, a, b, pair): ...

@pytest.mark.of_libraries("torch", "jax")
@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes(backend, dtype, size): ...

@pytest.mark.of_libraries("torch")
def test_of_torch_alone(): ...

def test_of_no_library(): ...
"""


@pytest.fixture
def collected(tmp_path):
    """The tests above that are run with some options, by their names."""
    (tmp_path / "test_some.py").write_text(TESTS)

    def names(*options):
        command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-W", "ignore"]
        command += ["--collect-only", "-q", "--rootdir", str(tmp_path), str(tmp_path), *options]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]

    return names


def of(names, test):
    return [name for name in names if name.startswith(test)]


def test_numpy_runs_all_combinations_and_what_is_of_no_library(collected):
    names = collected("--backend", "numpy")
    assert len(of(names, "test_values")) == 4 * 2 * 5
    assert len(names) == 41
    assert "test_of_no_library" in names


def test_other_libraries_run_every_value_and_all_that_numpy_does_not(collected):
    names = collected("--backend", "torch")
    values = of(names, "test_values")
    # What is listed together is one value: five of these, as many as there are tests.
    assert len(values) == 5
    for value in ("float32", "float64", "0-0", "0-1", "1-0", "1-1", "0-2"):
        assert any(value in name for name in values), value
    for value in ("(0, 'x')", "(0, 'y')", "(1, 'x')", "(1, 'y')"):
        assert any(value in name for name in values), value
    assert len(of(names, "test_slopes")) == 4
    assert of(names, "test_of") == ["test_of_torch_alone"]


def test_all_combinations_where_they_are_asked_for(collected):
    assert len(collected("--backend", "dask", "--combinations", "all")) == 4 * 2 * 5
    assert len(of(collected("--backend", "numpy", "--combinations", "few"), "test_values")) == 5

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("click")
pytest.importorskip("rich")

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
from infoq.cli import main
main({arguments!r})
"""


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd)


def without(modules: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return python("-c", BLOCKED.format(blocked=modules, arguments=list(arguments)))


@pytest.mark.parametrize("module", ["click", "rich", "numpy"])
def test_a_missing_extra_is_one_line(module: str) -> None:
    done = without({module}, "score", "pool.npy", "-q", "bald")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: the command line of infoq needs {module}, which is not installed: "
        'pip install "infoq[cli]"\n'
    )


@pytest.mark.parametrize("module", ["sklearn", "scipy", "matplotlib", "jinja2"])
def test_a_missing_demo_extra_is_one_line(module: str, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = without({module}, "demo", "--quick", "--output", str(report))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f'Error: infoq demo needs {module}, which is not installed: pip install "infoq[demo]"\n'
    )
    assert not report.exists()


def test_other_missing_modules_are_not_explained_away(tmp_path: Path) -> None:
    np.save(tmp_path / "pool.npy", np.full((2, 3, 2), 0.5))
    done = without({"array_api_compat"}, "score", str(tmp_path / "pool.npy"), "-q", "bald")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'array_api_compat'" in done.stderr
    assert "pip install" not in done.stderr


def test_importing_the_command_line_is_light() -> None:
    code = "import sys, infoq.cli; print({'click', 'rich', 'numpy', 'sklearn'} & {*sys.modules})"
    done = python("-c", code)
    assert done.stdout == "set()\n", done.stderr


def test_help_needs_no_numpy() -> None:
    done = without({"numpy", "sklearn"}, "--help")
    assert done.returncode == 0
    assert "score" in done.stdout
    assert "demo" in done.stdout


def test_a_real_process_scores_a_file(tmp_path: Path) -> None:
    pool = np.random.default_rng(0).dirichlet(np.ones(3), size=(20, 4))
    np.save(tmp_path / "pool.npy", pool)
    command = ["-W", "error", "-m", "infoq.cli", "score", "pool.npy", "-q", "bald", "-o", "s.npy"]
    done = python(*command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "20 scores (bald, nats) written to s.npy\n"
    assert np.load(tmp_path / "s.npy").shape == (20,)
    pool[13, 0] = 0.0
    np.save(tmp_path / "pool.npy", pool)
    done = python(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: pool.npy: row 13: its probabilities sum to 0, not to one (draw 0)\n"
    )


def test_the_version_is_printed() -> None:
    done = python("-m", "infoq.cli", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("infoq, version ")

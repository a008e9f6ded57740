from __future__ import annotations

import os
import shlex
import signal
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
    read = "pool.npy: N = 20 candidates, K = 4 posterior draws, C = 3 classes; "
    assert (done.returncode, done.stderr) == (0, read + "probs, float64, axes NKC\n")
    assert done.stdout == "20 scores (bald, nats) written to s.npy\n"
    assert np.load(tmp_path / "s.npy").shape == (20,)
    pool[13, 0] = 0.0
    np.save(tmp_path / "pool.npy", pool)
    done = python(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        "Error: pool.npy: row 13: its probabilities sum to 0, not to one (draw 0)"
    ]


def test_an_interrupt_while_the_command_line_is_imported(tmp_path: Path) -> None:
    program = """
import runpy, sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "infoq.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
runpy.run_module("infoq", run_name="__main__")
"""
    done = python("-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("module", ["infoq", "infoq.cli"])
def test_the_version_is_printed(module: str) -> None:
    done = python("-m", module, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("infoq, version ")


# --- what becomes of what is printed ----------------------------------------------------------

COMMANDS = [
    ["--help"],
    ["methods"],
    ["methods", "--format", "json"],
    ["score", "pool.npy", "-q", "bald"],
    ["score", "pool.npy", "-q", "bald", "-o", "-"],
    ["score", "pool.npy", "-q", "bald", "-o", "s.csv"],
]
printing = pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
FULL = Path("/dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "pool.npy", np.random.default_rng(0).dirichlet(np.ones(3), size=(20, 4)))
    return tmp_path


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    line = command.replace("infoq", f"{shlex.quote(sys.executable)} -m infoq", 1)
    there = {**os.environ, **environment}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=folder, env=there
    )


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What is said on stderr beside how files are read."""
    return [line for line in done.stderr.splitlines() if "posterior draws, C = " not in line]


@printing
@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_one_line(arguments: list[str], folder: Path) -> None:
    done = shell(f"infoq {shlex.join(arguments)} > {FULL}", folder)
    assert done.returncode == 1
    assert errors(done) == ["Error: standard output: no space left on device"]


@printing
def test_a_reader_that_leaves_is_no_error(arguments: list[str], folder: Path) -> None:
    # The reader has gone before the first character.
    done = shell(f"infoq {shlex.join(arguments)} > >(true); wait $!", folder)
    assert errors(done) == []
    done = shell(f"infoq {shlex.join(arguments)} | head -n 1", folder)
    assert errors(done) == []
    assert done.stdout.count("\n") <= 1


@printing
def test_a_closed_output_is_no_traceback(arguments: list[str], folder: Path) -> None:
    done = shell(f"infoq {shlex.join(arguments)} >&-", folder)
    wants_it = "s.csv" not in arguments  # else the scores are where they were asked for
    assert errors(done) == (["Error: standard output: is closed"] if wants_it else [])
    assert done.returncode == int(wants_it)


@printing
def test_any_encoding_will_do(arguments: list[str], folder: Path) -> None:
    done = shell(f"infoq {shlex.join(arguments)}", folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert errors(done) == []
    assert done.stdout


@printing
@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
def test_notes_that_cannot_be_written_cost_no_result(arguments: list[str], folder: Path) -> None:
    done = shell(f"infoq {shlex.join(arguments)} 2> {FULL}", folder)
    assert done.returncode == 0
    assert done.stdout


def test_an_interrupt_exits_as_shells_expect(tmp_path: Path) -> None:
    # A file of holes, which takes minutes to score and no place.
    np.lib.format.open_memmap(tmp_path / "p.npy", "w+", np.float32, shape=(10**7, 8, 10))
    command = [sys.executable, "-m", "infoq", "score", "p.npy", "-q", "bald", "--kind", "logits"]
    options = ["-o", "s.npy"]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert "N = 10000000" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "Error: interrupted\n"
    assert [path.name for path in tmp_path.iterdir()] == ["p.npy"]


@pytest.mark.parametrize("name", ["scor", "Methds", "DEMOO"])
def test_another_command_is_asked_for(name: str) -> None:
    done = python("-m", "infoq", name)
    assert done.returncode == 2
    assert f"There is no command {name!r}: did you mean " in done.stderr


def test_commands_are_accepted_in_any_case() -> None:
    assert "--quantity" in python("-m", "infoq", "Score", "--help").stdout


def test_the_report_needs_a_name(tmp_path: Path) -> None:
    done = python("-m", "infoq", "demo", "--quick", "--output", "-", cwd=tmp_path)
    assert done.returncode == 2
    assert "the report is a file, which needs a name" in done.stderr
    assert list(tmp_path.iterdir()) == []

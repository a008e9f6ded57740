#!/usr/bin/env python3
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions: `nox` runs all that a change has to pass; `nox -l` lists the rest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
# The last lines then say what failed, and why; `--no-stop-on-first-error` goes on.
nox.options.stop_on_first_error = True

# The first and only torch requirement of a session: it has a build for CPUs, where a range may
# take a build for GPUs of several gigabytes. A range that it satisfies then installs nothing more.
TORCH = "torch==2.13.0"

# One process a core, and one thread each; a file stays in one process, where its shapes are
# compiled once.
PARALLEL = ("-n", "auto", "--dist", "loadfile")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# The requirements of pyproject.toml that are for work on infoq.
PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """The requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


# What services read, by the name of its schema.
SCHEMAS = {
    "github-workflows": ".github/workflows/tests.yml",
    "dependabot": ".github/dependabot.yml",
}

# What differs between versions of Python and of NumPy, if anything does.
TYPICAL = (
    "backends",
    "capabilities",
    "measures",
    "quantities",
    "selection",
    "methods",
    "test_public_face.py",
)


def run_tests(
    session: nox.Session, backend: str, *requirements: str, env: dict[str, str] | None = None
) -> None:
    """The test suite on one array library (and NumPy, which the tests themselves use)."""
    if requirements:
        session.install(*requirements)
    session.install("-e", ".", *group("test"))
    environment = {**THREADS, **(env or {})}
    options = ("--backend", backend, *session.posargs)
    session.run("pytest", *PARALLEL, "tests", *options, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, spelling and style; what services read has the form these ask for."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("python", "tests/docs/words.py")
    for schema, file in SCHEMAS.items():
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", file)


@nox.session
def review(session: nox.Session) -> None:
    """The guide of Scientific Python for repositories, and the safety of the workflow."""
    session.install(*group("review"))
    session.run("sp-repo-review", "--show", "errskip", ".")
    session.run("zizmor", "--offline", "--no-progress", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly: of the package, and as those see them who call it with arrays of theirs."""
    session.install(TORCH)
    session.install("jax>=0.4.35", "array-api-strict>=2.3")
    session.install("-e", ".[cli,demo]", *group("types"))
    session.run("mypy")
    session.run("mypy", "--config-file", "tests/typing/mypy.ini", "tests/typing")


@nox.session
def wheel(session: nox.Session) -> None:
    """What is built holds what it should; the wheel, bare, imports without any array library."""
    session.install("build>=1.2")
    out = Path(session.create_tmp())
    shutil.rmtree(out, ignore_errors=True)
    # The wheel is built from the source distribution, which shows that this is complete.
    session.run("python", "-m", "build", "--outdir", str(out), silent=True)
    session.run("python", "tests/distributions.py", str(out))
    (built,) = out.glob("infoq-*.whl")
    session.install("--force-reinstall", str(built))
    # Away from the checkout, so that it is the wheel that is imported.
    session.chdir(out)
    session.run("python", str(Path(__file__).parent / "tests" / "bare_import.py"))


@nox.session
def numpy(session: nox.Session) -> None:
    """Tests on NumPy, with the command line and all examples: the session for a first look."""
    session.install("-e", ".[cli,demo]", *group("test"))
    session.run("pytest", *PARALLEL, "--backend", "numpy", *session.posargs, env=THREADS)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """The lines and branches that the tests on NumPy run; under Python 3.11 twice their time."""
    session.install("-e", ".[cli,demo]", *group("test"))
    options = ("--backend", "numpy", "--cov", "--cov-report=term", *session.posargs)
    session.run("pytest", *PARALLEL, *options, env=THREADS)


@nox.session
def torch(session: nox.Session) -> None:
    """Tests on PyTorch."""
    run_tests(session, "torch", TORCH)


@nox.session
def jax(session: nox.Session) -> None:
    """Tests on JAX."""
    # What one process has compiled the other one reads, and the next run, in a new environment,
    # too: on disk a program comes 3 times as fast. Its key is what it was compiled from and by.
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str((session.cache_dir / "jax").resolve()),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    run_tests(session, "jax", "jax>=0.4.35", env=cache)


@nox.session
def dask(session: nox.Session) -> None:
    """Tests on Dask."""
    run_tests(session, "dask", "dask[array]>=2024.10")


@nox.session
def strict(session: nox.Session) -> None:
    """Tests on array-api-strict, a library that infoq has no code for."""
    run_tests(session, "array_api_strict", "array-api-strict>=2.3")


@nox.session
def strangers(session: nox.Session) -> None:
    """Libraries that infoq has no code for: with a plugin, at 50 digits, and refused by name."""
    session.install("-e", ".", *group("test"), "marray>=0.0.12", "./docs/examples/infoq-marray")
    session.install("mparray>=0.2.2", "mlx[cpu]", "sparse>=0.19", "cubed", "pandas")
    names = ("strangers", "many_digits", "other_libraries")
    tests = [f"tests/backends/test_{name}.py" for name in names]
    session.run("pytest", *tests, *session.posargs, env=THREADS)


# The oldest that pyproject.toml admits. NumPy 2.1.0 and 2.1.1 promote float32 to float64 in every
# thread but the first, so that Dask and blocks on threads widened results.
FLOORS = ("numpy==2.1.2", "array-api-compat==1.12")
FLOORS += ("jax==0.4.35", "jaxlib==0.4.35", "dask[array]==2024.10.0")

# What a library that is too old or too new fails first.
PRIMITIVES = (
    "capabilities/test_libraries.py",
    "backends/test_elementwise.py",
    "backends/test_linear_algebra.py",
    "backends/test_reductions.py",
    "backends/test_trees.py",
)


# What NumPy's oldest version runs besides.
SCORES_AND_BATCHES = (
    *PRIMITIVES,
    "backends/test_stacks.py",
    "measures/test_values.py",
    "quantities/test_eig.py",
    "quantities/test_epig.py",
    "selection",
    "methods",
    "test_threads.py",
)


def run_parts(session: nox.Session, backend: str, parts: tuple[str, ...] = TYPICAL) -> None:
    """Some of the tests on one array library that is installed: every value of a parameter."""
    tests = [f"tests/{name}" for name in parts]
    options = ("--backend", backend, "--combinations", "few", *session.posargs)
    session.run("pytest", *PARALLEL, *tests, *options, env=THREADS)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Tests on the oldest Python, NumPy, array-api-compat, JAX and Dask that infoq admits."""
    session.install("-e", ".", *group("test"), *FLOORS)
    run_parts(session, "numpy", SCORES_AND_BATCHES)
    for library in ("jax", "dask"):
        run_parts(session, library, PRIMITIVES)


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """Tests on what is not yet released: NumPy, array-api-compat, JAX, Dask, array-api-strict."""
    libraries = ("numpy", "array-api-compat", "jax", "dask[array]", "array-api-strict")
    session.install("-e", ".", *group("test"))
    session.install("--pre", "--upgrade", *libraries)
    run_parts(session, "numpy", SCORES_AND_BATCHES)
    for library in ("jax", "dask", "array_api_strict"):
        run_parts(session, library, PRIMITIVES)


@nox.session(python=["3.12", "3.13", "3.14", "3.13t", "3.14t"])
def python(session: nox.Session) -> None:
    """Tests on later versions of Python; one that is not installed is skipped with a line.

    Where threads run at once (3.13t, 3.14t) the tests of threads.
    """
    session.install("-e", ".", *group("test"))
    free = str(session.python).endswith("t")
    run_parts(session, "numpy", ("test_threads.py",) if free else TYPICAL)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, with warnings as errors; what is built is looked through."""
    session.install("-e", ".", "numpy>=2.1.2", *group("docs"))
    shutil.rmtree("docs/_build/html", ignore_errors=True)  # pages that are none any more
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    session.run("python", "tests/docs/site.py", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """The README's first command: the demonstration, in full."""
    session.install(".[demo]")
    session.run("infoq", "demo", "--output", str(Path(session.create_tmp()) / "report.html"))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """infoq beside its peers on the same inputs; writes docs/benchmarks.md."""
    session.install(TORCH)
    session.install("-r", "docs/tools/benchmarks/requirements.txt")
    # Without what they ask for, which holds a torch of several gigabytes and nothing else here.
    session.install("--no-deps", "-r", "docs/tools/benchmarks/peers.txt")
    session.install("-e", ".")
    session.run("python", "docs/tools/benchmarks", *session.posargs)


@nox.session(default=False)
@nox.parametrize("library", ["cupy", "torch", "jax"])
def gpu(session: nox.Session, library: str) -> None:
    """Tests on a GPU: `nox -s gpu`; skipped with a line where there is none."""
    smi = shutil.which("nvidia-smi")
    if smi is None or subprocess.run([smi, "-L"], capture_output=True).returncode != 0:
        session.skip("no NVIDIA GPU: nvidia-smi does not list one")
    requirement, backend = {
        "cupy": ("cupy-cuda12x>=13", "cupy"),
        "torch": ("torch>=2.13", "torch:cuda"),
        "jax": ("jax[cuda12]>=0.4.35", "jax:gpu"),
    }[library]
    # One process, as all of them would share the memory of one device.
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    session.install(requirement)
    session.install("-e", ".", *group("test"))
    session.run("pytest", "tests", "--backend", backend, *session.posargs, env=environment)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """How many mutants the tests on NumPy kill: all (hours), or `-- --sample 300 --seed 0`."""
    session.install("-e", ".", *group("test"), "mutmut==3.8.1")
    session.run("python", "docs/tools/mutation", *session.posargs, env=THREADS)


@nox.session(default=False)
def all_backends(session: nox.Session) -> None:
    """Tests on every library at once, in one environment: all combinations of parameters."""
    session.install(TORCH)
    session.install("jax>=0.4.35", "dask[array]>=2024.10", "array-api-strict>=2.3")
    session.install("-e", ".[cli,demo]", *group("test"))
    options = ("--backend", "all", "--combinations", "all", *session.posargs)
    session.run("pytest", *PARALLEL, *options, env=THREADS)


if __name__ == "__main__":
    nox.main()

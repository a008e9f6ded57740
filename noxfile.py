#!/usr/bin/env python3
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Nox sessions: `nox` runs all checks that a change must pass; `nox -l` lists all sessions."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
# The last lines then say what failed and why; `--no-stop-on-first-error` runs the rest, too.
nox.options.stop_on_first_error = True

# The only torch requirement, installed first in its sessions. This version has a build for CPUs; a
# range may select a GPU build of several gigabytes. Ranges that it satisfies install nothing more.
TORCH = "torch==2.13.0"

# One process per core, with one thread each. Each file stays in one process, so that its shapes are
# compiled once.
PARALLEL = ("-n", "auto", "--dist", "loadfile")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# The parsed pyproject.toml, for its dependency groups.
PROJECT = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """The requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


# Configuration files of services, by the name of their schema.
SCHEMAS = {
    "github-workflows": ".github/workflows/tests.yml",
    "dependabot": ".github/dependabot.yml",
}

# The tests most likely to differ between versions of Python and NumPy.
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
    """Run the test suite on one array library; the tests themselves use NumPy, too."""
    if requirements:
        session.install(*requirements)
    session.install("-e", ".", *group("test"))
    environment = {**THREADS, **(env or {})}
    options = ("--backend", backend, *session.posargs)
    session.run("pytest", *PARALLEL, "tests", *options, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, spelling and style, and the schemas of configuration files of services."""
    session.install(*group("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("python", "tests/docs/words.py")
    for schema, file in SCHEMAS.items():
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", file)


@nox.session
def review(session: nox.Session) -> None:
    """The Scientific Python repository review, and a security check of the workflow."""
    session.install(*group("review"))
    session.run("sp-repo-review", "--show", "errskip", ".")
    session.run("zizmor", "--offline", "--no-progress", ".github")


@nox.session
def types(session: nox.Session) -> None:
    """Strict type checks of the package, and of code that calls it with its own arrays."""
    session.install(TORCH)
    session.install("jax>=0.4.35", "array-api-strict>=2.3")
    session.install("-e", ".[cli,demo]", *group("types"), *group("test"), *group("lint"))
    session.run("mypy")
    session.run("mypy", "--config-file", "tests/typing/mypy.ini", "tests/typing")
    # What the page for contributors adds has types and style, too.
    session.run("pytest", "tests/docs/test_adding.py", "-k", "types", "--backend", "numpy")


@nox.session
def wheel(session: nox.Session) -> None:
    """Check the contents of the built distributions, and that the bare wheel can be imported."""
    session.install("build>=1.2")
    out = Path(session.create_tmp())
    shutil.rmtree(out, ignore_errors=True)
    # The wheel is built from the source distribution, which checks that this is complete.
    session.run("python", "-m", "build", "--outdir", str(out), silent=True)
    session.run("python", "tests/distributions.py", str(out))
    (built,) = out.glob("infoq-*.whl")
    session.install("--force-reinstall", str(built))
    # Outside the checkout, so that the wheel is imported.
    session.chdir(out)
    session.run("python", str(Path(__file__).parent / "tests" / "bare_import.py"))


@nox.session
def numpy(session: nox.Session) -> None:
    """Tests on NumPy, with the command line and all examples: the first to run."""
    session.install("-e", ".[cli,demo]", *group("test"))
    session.run("pytest", *PARALLEL, "--backend", "numpy", *session.posargs, env=THREADS)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Line and branch coverage of the tests on NumPy; under Python 3.11 it doubles their time."""
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
    # A cache on disk, shared by processes and by later runs, even in new environments. A program
    # is read in a third of the time of compiling it. Its key is its source and its compiler.
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
    """Tests on array-api-strict, a library without an `Ops` in infoq."""
    run_tests(session, "array_api_strict", "array-api-strict>=2.3")


@nox.session
def strangers(session: nox.Session) -> None:
    """Libraries without an `Ops` in infoq: with a plugin, at 50 digits, and refused by name."""
    session.install("-e", ".", *group("test"), "marray>=0.0.12", "./docs/examples/infoq-marray")
    session.install("mparray>=0.2.2", "mlx[cpu]", "sparse>=0.19", "cubed", "pandas")
    names = ("strangers", "many_digits", "other_libraries")
    tests = [f"tests/backends/test_{name}.py" for name in names]
    session.run("pytest", *tests, *session.posargs, env=THREADS)


# The oldest versions that pyproject.toml allows. NumPy 2.1.0 and 2.1.1 promote float32 to float64
# in all threads but the first, so that results of Dask and of blocks on threads were widened.
FLOORS = ("numpy==2.1.2", "array-api-compat==1.12")
FLOORS += ("jax==0.4.35", "jaxlib==0.4.35", "dask[array]==2024.10.0")

# The tests that fail first on a library that is too old or too new.
PRIMITIVES = (
    "capabilities/test_libraries.py",
    "backends/test_elementwise.py",
    "backends/test_linear_algebra.py",
    "backends/test_reductions.py",
    "backends/test_trees.py",
)


# These and more, for the oldest NumPy.
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
    """Run some tests on one installed array library, with every value of each parameter."""
    tests = [f"tests/{name}" for name in parts]
    options = ("--backend", backend, "--combinations", "few", *session.posargs)
    session.run("pytest", *PARALLEL, *tests, *options, env=THREADS)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Tests on the oldest supported Python, NumPy, array-api-compat, JAX and Dask."""
    session.install("-e", ".", *group("test"), *FLOORS)
    run_parts(session, "numpy", SCORES_AND_BATCHES)
    for library in ("jax", "dask"):
        run_parts(session, library, PRIMITIVES)


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """Tests on pre-releases of NumPy, array-api-compat, JAX, Dask and array-api-strict."""
    libraries = ("numpy", "array-api-compat", "jax", "dask[array]", "array-api-strict")
    session.install("-e", ".", *group("test"))
    session.install("--pre", "--upgrade", *libraries)
    run_parts(session, "numpy", SCORES_AND_BATCHES)
    for library in ("jax", "dask", "array_api_strict"):
        run_parts(session, library, PRIMITIVES)


@nox.session(python=["3.12", "3.13", "3.14", "3.13t", "3.14t"])
def python(session: nox.Session) -> None:
    """Tests on later versions of Python; a version that is not installed is skipped with a message.

    Free-threaded versions (3.13t, 3.14t) run the tests of threads.
    """
    session.install("-e", ".", *group("test"))
    free = str(session.python).endswith("t")
    run_parts(session, "numpy", ("test_threads.py",) if free else TYPICAL)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors, and check the built pages."""
    session.install("-e", ".", "numpy>=2.1.2", *group("docs"))
    shutil.rmtree("docs/_build/html", ignore_errors=True)  # pages that were removed
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    session.run("python", "tests/docs/site.py", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """The full demonstration, the first command in the README."""
    session.install(".[demo]")
    session.run("infoq", "demo", "--output", str(Path(session.create_tmp()) / "report.html"))


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Benchmarks of infoq and its peers on the same inputs; writes docs/benchmarks.md."""
    session.install(TORCH)
    session.install("-r", "docs/tools/benchmarks/requirements.txt")
    # Without their dependencies, which would only add a torch build of several gigabytes.
    session.install("--no-deps", "-r", "docs/tools/benchmarks/peers.txt")
    session.install("-e", ".")
    session.run("python", "docs/tools/benchmarks", *session.posargs)


@nox.session(default=False)
@nox.parametrize("library", ["cupy", "torch", "jax"])
def gpu(session: nox.Session, library: str) -> None:
    """Tests on a GPU: `nox -s gpu`; skipped with a message if there is none."""
    smi = shutil.which("nvidia-smi")
    if smi is None or subprocess.run([smi, "-L"], capture_output=True).returncode != 0:
        session.skip("no NVIDIA GPU: nvidia-smi does not list one")
    requirement, backend = {
        "cupy": ("cupy-cuda12x>=13", "cupy"),
        "torch": ("torch>=2.13", "torch:cuda"),
        "jax": ("jax[cuda12]>=0.4.35", "jax:gpu"),
    }[library]
    # In one process, as several would share the memory of the device.
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    session.install(requirement)
    session.install("-e", ".", *group("test"))
    session.run("pytest", "tests", "--backend", backend, *session.posargs, env=environment)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """The share of mutants killed by the tests on NumPy; `-- --sample 300 --seed 0` for a sample.

    All mutants take hours.
    """
    session.install("-e", ".", *group("test"), "mutmut==3.8.1")
    session.run("python", "docs/tools/mutation", *session.posargs, env=THREADS)


@nox.session(default=False)
def all_backends(session: nox.Session) -> None:
    """Tests on all libraries in one environment, with all combinations of parameters."""
    session.install(TORCH)
    session.install("jax>=0.4.35", "dask[array]>=2024.10", "array-api-strict>=2.3")
    session.install("-e", ".[cli,demo]", *group("test"))
    options = ("--backend", "all", "--combinations", "all", *session.posargs)
    session.run("pytest", *PARALLEL, *options, env=THREADS)


if __name__ == "__main__":
    nox.main()

"""What `import infoq` loads, in a fresh interpreter: no array library, and little else.

What an import loads is what its time comes from, and the same on every machine; the time itself is
in the benchmarks. Run as a script where nothing but infoq is installed, it checks the wheel.
"""

import subprocess
import sys

# What infoq may import of the standard library: each of it is used when infoq is defined. What
# these load themselves differs between versions of Python, and comes with them.
STANDARD = {
    "__future__",
    "collections.abc",
    "contextlib",
    "contextvars",
    "copy",
    "functools",
    "importlib.util",
    "math",
    "numbers",
    "operator",
    "threading",
    "types",
    "typing",
    "warnings",
    "weakref",
}
# Where they exist, `typing` loads these later than when it is imported.
BY_TYPING = {"annotationlib"}

# None of these comes in by another's hand either: they take milliseconds each.
SLOW = {
    "argparse",
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "dataclasses",
    "decimal",
    "email",
    "fractions",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "multiprocessing",
    "pathlib",
    "pickle",
    "random",
    "shutil",
    "socket",
    "statistics",
    "subprocess",
    "tempfile",
    "typing_extensions",
    "unittest",
    "urllib",
    "zipfile",
}

# Without the site's packages, of which some are imported at every start; found where they are now.
CODE = """
import sys
sys.path[:] = {path!r}
before = set(sys.modules)
for name in {names!r}:
    try:
        __import__(name)
    except ModuleNotFoundError:
        if name not in {optional!r}:
            raise
print(*before)
print(*(set(sys.modules) - before))
"""


def modules(*names: str) -> tuple[set[str], set[str]]:
    """The modules that a fresh interpreter starts with, and those that it loads to import these."""
    code = CODE.format(path=sys.path, names=names, optional=BY_TYPING)
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    start, loaded = done.stdout.splitlines()
    return set(start.split()), set(loaded.split())


def loaded_by(*names: str) -> set[str]:
    """The modules that a fresh interpreter loads to import these."""
    return modules(*names)[1]


def of_infoq(name: str) -> bool:
    """Whether a module is infoq's own."""
    return name.partition(".")[0] == "infoq"


def unexpected(loaded: set[str]) -> set[str]:
    """Those of the modules that `import infoq` loads that it should do without."""
    admitted = loaded_by(*sorted(STANDARD | BY_TYPING))
    foreign = {name for name in loaded if not of_infoq(name)}
    return (foreign - admitted) | (foreign & SLOW)


if __name__ == "__main__":
    loaded = loaded_by("infoq")
    own = sum(map(of_infoq, loaded))
    print(f"import infoq: {own} modules of its own, {len(loaded) - own} of the standard library")
    assert own, loaded
    assert not unexpected(loaded), unexpected(loaded)

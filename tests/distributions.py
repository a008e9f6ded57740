"""What the source distribution and the wheel hold: run as a script on the folder they are in."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

# At the top of the source distribution, and what of it is for a checkout alone.
TOP = {"infoq", "tests", "docs", "noxfile.py", "README.md", "LICENSE", "pyproject.toml"}
TOP |= {".gitignore", "PKG-INFO"}
CHECKOUT = ("docs/tools/", "docs/_build/")
NEEDED = {"infoq/py.typed", "infoq/backends/arrays.pyi", "infoq/cli/demo/report.html.j2"}
TESTED = {"tests/conftest.py", "tests/docs/blocks.py", "docs/guide.md", "docs/conf.py"}
SAID = ("License-Expression", "License-File", "Requires-Python", "Project-URL", "Keywords")
LEFTOVERS = ("__pycache__", ".pyc", ".ipynb", ".egg-info")


def of_source(names: Iterable[str]) -> list[str]:
    """What is wrong with the files of a source distribution, below its one folder."""
    found = {name.partition("/")[2] for name in names}
    wrong = [f"for a checkout alone: {name}" for name in found if name.startswith(CHECKOUT)]
    wrong += [f"at the top: {name}" for name in {x.partition("/")[0] for x in found} - TOP]
    return [*wrong, *_missing(found, NEEDED | TESTED), *_leftovers(found)]


def of_wheel(names: Iterable[str], metadata: str) -> list[str]:
    """What is wrong with the files of a wheel and with what it says of itself."""
    found = set(names)
    tops = {name.partition("/")[0] for name in found}
    others = {top for top in tops if top != "infoq" and not top.endswith(".dist-info")}
    wrong = [f"at the top: {top}" for top in others]
    said = Parser().parsestr(metadata)
    wrong += [f"no {field} in the metadata" for field in SAID if not said[field]]
    if "@article{" not in said.get_payload():
        wrong.append("no BibTeX in the description, which is the README")
    return [*wrong, *_missing(found, NEEDED), *_leftovers(found)]


def _missing(found: set[str], needed: set[str]) -> list[str]:
    return [f"missing: {name}" for name in sorted(needed - found)]


def _leftovers(found: set[str]) -> list[str]:
    return [f"a leftover: {name}" for name in found if any(x in name for x in LEFTOVERS)]


def check(folder: Path) -> list[str]:
    """All that is wrong with the two distributions in a folder, one line each."""
    (source,) = folder.glob("infoq-*.tar.gz")
    (wheel,) = folder.glob("infoq-*.whl")
    with tarfile.open(source) as archive:
        wrong = of_source(member.name for member in archive.getmembers() if member.isfile())
    with zipfile.ZipFile(wheel) as built:
        names = built.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        wrong += of_wheel(names, built.read(metadata).decode())
    return wrong


if __name__ == "__main__":
    (given,) = map(Path, sys.argv[1:])
    found = check(given)
    print(*found, f"{given}: {len(found)} faults", sep="\n")
    sys.exit(bool(found))

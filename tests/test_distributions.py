"""The check of what is built sees what it is for; `nox -s wheel` runs it on the real ones."""

from __future__ import annotations

import pytest

from tests import distributions

SOURCE = [f"infoq-1/{name}" for name in (*distributions.NEEDED, *distributions.TESTED, "LICENSE")]
WHEEL = [*distributions.NEEDED, "infoq/__init__.py", "infoq-1.dist-info/METADATA"]
METADATA = "".join(f"{field}: here\n" for field in distributions.SAID) + "\n@article{paper,\n}\n"


def test_sound_distributions_have_no_fault():
    assert distributions.of_source(SOURCE) == []
    assert distributions.of_wheel(WHEEL, METADATA) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("docs/tools/benchmarks/jobs.py", "for a checkout alone"),
        ("docs/_build/html/index.html", "for a checkout alone"),
        ("notes.txt", "at the top"),
        ("infoq/__pycache__/blocks.cpython-311.pyc", "a leftover"),
    ],
)
def test_what_a_source_distribution_must_not_hold(name, words):
    (found,) = distributions.of_source([*SOURCE, f"infoq-1/{name}"])
    assert words in found


@pytest.mark.parametrize("name", sorted(distributions.NEEDED | distributions.TESTED))
def test_what_a_source_distribution_must_hold(name):
    lacking = [one for one in SOURCE if one != f"infoq-1/{name}"]
    assert distributions.of_source(lacking) == [f"missing: {name}"]


def test_what_a_wheel_must_hold_and_say():
    assert distributions.of_wheel([*WHEEL, "tests/conftest.py"], METADATA) == ["at the top: tests"]
    assert distributions.of_wheel([], METADATA) == [
        f"missing: {name}" for name in sorted(distributions.NEEDED)
    ]
    for field in distributions.SAID:
        lacking = METADATA.replace(f"{field}: here\n", "")
        assert distributions.of_wheel(WHEEL, lacking) == [f"no {field} in the metadata"]
    (found,) = distributions.of_wheel(WHEEL, METADATA.replace("@article", "@misc"))
    assert "no BibTeX" in found

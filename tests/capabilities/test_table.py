"""The table itself: complete, unchangeable, and the same in the documentation."""

from __future__ import annotations

import inspect

import pytest

import infoq
from infoq import likelihoods, methods
from infoq.backends import CAPABILITIES, Capabilities
from infoq.backends.capabilities import capabilities, meaningless
from tests.capabilities.cases import CASES
from tests.capabilities.checking import declared
from tests.capabilities.matrix import PAGE, matrix, page

# What takes no array: a result, settings, and what others derive from.
APART = {
    "Embedding",
    "Likelihood",
    "Precision",
    "SetFunction",
    "Selection",
    "SharedDraws",
    "options",
    "likelihoods.Likelihood",
    "methods.Method",
    "methods.Who",
}


def public_names():
    for prefix, room in {"": infoq, "likelihoods.": likelihoods, "methods.": methods}.items():
        for name in room.__all__:
            thing = getattr(room, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield prefix + name


def test_every_public_name_has_an_entry():
    below = {name for name in CAPABILITIES if ", " not in name}
    names = {name for name in below if not (name[0].isupper() and "." in name)}
    expected = set(public_names()) - APART
    assert sorted(expected - names) == [], "public without @capabilities(...)"
    assert sorted(names - expected) == [], "with @capabilities(...), and in no __all__"


def test_every_entry_has_a_case():
    found = {id(declared(case)) for case in CASES}
    lacking = [name for name, row in CAPABILITIES.items() if id(row) not in found]
    assert lacking == [], (
        "a class needs an example in tests/examples.py, a measure its name in "
        "infoq/measures/__init__.py, any other function a case in tests/capabilities"
    )


def test_no_two_cases_have_the_same_name():
    assert len({str(case) for case in CASES}) == len(CASES)


def test_what_does_not_work_has_a_reason():
    for name, row in CAPABILITIES.items():
        for column, capability in row._asdict().items():
            assert capability.state in ("works", "refused", "meaningless"), (name, column)
            assert bool(capability.reason) == (capability.state != "works"), (name, column)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        CAPABILITIES["mine"] = Capabilities()


def test_a_function_is_entered_as_it_is():
    with pytest.raises(TypeError, match="unexpected keyword"):
        capabilities(gpu="no")(infoq.eig)
    assert infoq.eig.__code__.co_filename.endswith("eig.py")
    assert not hasattr(infoq.eig, "__wrapped__")
    assert meaningless("why").state == "meaningless"


def test_the_documentation_has_the_same_table():
    text = PAGE.read_text(encoding="utf-8")
    assert matrix() in text, "run python -m tests.capabilities.matrix"
    assert page(text) == text

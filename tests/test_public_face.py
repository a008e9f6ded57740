"""The public names, what each says of itself, and what importing them costs."""

import importlib.util
import inspect
import re
import types
import typing
from pathlib import Path

import pytest

import infoq
import infoq.backends

MODULES = (infoq, infoq.backends, infoq.likelihoods, infoq.methods)
SECTIONS = ["Parameters", "Attributes", "Returns", "Yields", "Raises"]
SECTIONS += ["See Also", "Notes", "References", "Examples"]


def public(module):
    """Every public callable of a module, with its name."""
    for name in module.__all__:
        thing = getattr(module, name)
        own = getattr(thing, "__module__", "").startswith("infoq.")
        kind = inspect.isfunction(thing) or inspect.isclass(thing)
        if own and kind and not typing.is_typeddict(thing):
            yield pytest.param(thing, id=f"{module.__name__}.{name}")


documented = pytest.mark.parametrize(
    "thing", [thing for module in MODULES for thing in public(module)]
)


def sections(thing):
    """The sections of a docstring: what stands before the first, then each by its title."""
    lines = inspect.getdoc(thing).splitlines()
    found, title = {"": []}, ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch("-+", below) and len(below) == len(line) > 0:
            title = line
            assert title not in found, f"two sections {title}"
            found[title] = []
        elif not re.fullmatch("-+", line):
            found[title].append(line)
    return found


def names_in(lines):
    """The names that a section of parameters describes."""
    heads = [line for line in lines if line and not line.startswith(" ")]
    return [name.strip() for head in heads for name in head.partition(" : ")[0].split(",")]


def parameters(thing):
    """The parameters of a function, or of a class that has a constructor of its own."""
    if inspect.isabstract(thing) or (inspect.isclass(thing) and issubclass(thing, tuple)):
        return []
    kinds = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [kinds.get(p.kind, "") + name for name, p in inspect.signature(thing).parameters.items()]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_names_are_there_and_stand_once(module):
    # Which they are, the table of capabilities and the pages of the API hold.
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_other_name_leaks(module):
    seen = {name for name in vars(module) if not name.startswith("_")}
    rooms = {name for name in seen if isinstance(vars(module)[name], types.ModuleType)}
    # A room of the package is reachable once it is imported; nothing else may be.
    for room in rooms:
        assert vars(module)[room].__name__ == f"{module.__name__}.{room}"
    assert seen - rooms <= set(module.__all__)


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", infoq.__version__)


@documented
def test_the_summary_is_one_sentence_of_one_line(thing):
    lines = sections(thing)[""]
    assert lines[0].endswith(".")
    assert len(lines) == 1 or lines[1] == ""


@documented
def test_the_parameters_are_those_of_the_signature(thing):
    described = names_in(sections(thing).get("Parameters", []))
    assert described == parameters(thing)


@documented
def test_what_comes_back_is_described(thing):
    found = sections(thing)
    if inspect.isclass(thing):
        if issubclass(thing, tuple):
            assert names_in(found["Attributes"]) == list(thing._fields)
        return
    nothing = inspect.signature(thing).return_annotation in (None, "None")
    assert ("Returns" in found or "Yields" in found) != nothing


@documented
def test_there_is_an_example(thing):
    # Results and the methods of a library are shown where they are used.
    if thing not in (infoq.Selection, infoq.backends.Ops, infoq.methods.Method):
        assert any(line.startswith(">>> ") for line in sections(thing).get("Examples", []))


@documented
def test_the_sections_are_in_order(thing):
    found = [title for title in sections(thing) if title]
    assert found == [title for title in SECTIONS if title in found]


@documented
def test_public_methods_are_described(thing):
    if inspect.isclass(thing):
        for name, method in vars(thing).items():
            if not name.startswith("_") and callable(getattr(thing, name)):
                assert inspect.getdoc(method), f"{thing.__name__}.{name}"


@pytest.fixture(scope="module")
def bare_import():
    path = Path(__file__).parent / "bare_import.py"
    spec = importlib.util.spec_from_file_location("bare_import", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_importing_infoq_loads_what_is_listed_and_no_array_library(bare_import):
    loaded = bare_import.loaded_by("infoq")
    assert {"infoq", "infoq.methods", "infoq.selection"} <= loaded
    assert bare_import.unexpected(loaded) == set()


def test_the_list_names_nothing_that_is_not_loaded(bare_import):
    # Some interpreters start with a few of these.
    start, loaded = bare_import.modules("infoq")
    assert start | loaded >= bare_import.STANDARD


@pytest.mark.parametrize("extra", ["numpy", "dataclasses", "inspect", "json", "random", "csv"])
def test_one_module_more_is_seen(bare_import, extra):
    loaded = bare_import.loaded_by("infoq", extra)
    assert extra in bare_import.unexpected(loaded)

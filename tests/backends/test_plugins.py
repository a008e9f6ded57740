"""Plugins that are really installed: found by their entry point, and passed over when broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import infoq

LIBRARY = """
import types

class Array:
    def __array_namespace__(self, api_version=None):
        return types.ModuleType({name!r})
"""
PLUGIN = """
from infoq.backends import Ops

class PluginOps(Ops):
    "What a third party writes."
"""
# Every script reports what it saw as JSON.
PRELUDE = """
import json, sys, warnings
import infoq
from infoq.backends import Ops, available, ops_for, register, registered
libraries = {"numpy", "torch", "jax", "dask", "cupy", "scipy", "array_api_strict"}
def report(**seen):
    print(json.dumps(seen))
"""


def install(site, distribution, entry_points):
    """What pip leaves behind: the metadata of a distribution with entry points."""
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    )
    lines = [f"{name} = {value}" for name, value in entry_points.items()]
    info.joinpath("entry_points.txt").write_text("\n".join(["[infoq.backends]", *lines]) + "\n")


@pytest.fixture
def site(tmp_path):
    """A site-packages directory with a good plugin."""
    for name in ("good_library", "other_library"):
        tmp_path.joinpath(f"{name}.py").write_text(LIBRARY.format(name=name))
    tmp_path.joinpath("good_plugin.py").write_text(PLUGIN)
    install(tmp_path, "good_plugin", {"good_library": "good_plugin:PluginOps"})
    return tmp_path


@pytest.fixture
def run(site):
    """A script's report, in a Python that sees the plugins."""

    def run(script):
        path = os.pathsep.join([str(site), str(Path(infoq.__file__).parents[1])])
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + script],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_plugin_joins_by_its_entry_point(run):
    seen = run("""
import good_library, other_library
first = type(ops_for(good_library.Array())).__name__
report(
    good=first,
    other=type(ops_for(other_library.Array())).__name__,
    registered=registered(),
    available=available(),
)
""")
    assert seen["good"] == "PluginOps"
    assert seen["other"] == "Ops"
    assert "good_library" in seen["registered"]
    assert "good_library" in seen["available"]


@pytest.mark.parametrize(
    "value",
    ["no_such_module:PluginOps", "good_plugin:no_such_class", "good_library:Array", "raises:Ops"],
)
def test_a_broken_plugin_warns_and_is_passed_over(run, site, value):
    site.joinpath("raises.py").write_text("raise RuntimeError('out of order')\n")
    install(site, "broken_plugin", {"other_library": value})
    seen = run("""
import good_library, other_library
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ops = ops_for(other_library.Array())
    good = ops_for(good_library.Array())
report(
    other=type(ops).__name__,
    good=type(good).__name__,
    caught=[(type(w.message).__name__, str(w.message)) for w in caught],
)
""")
    assert seen["other"] == "Ops"
    assert seen["good"] == "PluginOps"
    ((category, message),) = seen["caught"]
    assert category == "RuntimeWarning"
    assert "'other_library'" in message
    assert value in message


def test_built_in_libraries_do_not_read_plugins(run, site):
    install(site, "broken_plugin", {"other_library": "no_such_module:PluginOps"})
    seen = run("""
import numpy
warnings.simplefilter("error")
entropy = infoq.entropy(numpy.array([0.5, 0.5]))
report(entropy=float(entropy), loaded="good_plugin" in sys.modules)
""")
    assert abs(seen["entropy"] - 0.6931471805599453) < 1e-15
    assert not seen["loaded"]


def test_asking_what_is_available_imports_nothing(run):
    seen = run("""
names = available(), registered()
report(names=names, imported=sorted(set(sys.modules) & (libraries | {"good_plugin"})))
""")
    assert "numpy" in seen["names"][0]
    assert seen["imported"] == []


def test_what_is_registered_by_hand_stays(run):
    seen = run("""
import good_library
class Mine(Ops):
    pass
register("good_library", Mine)
first = type(ops_for(good_library.Array())).__name__
available()
report(first=first, later=type(ops_for(good_library.Array())).__name__)
""")
    assert seen == {"first": "Mine", "later": "Mine"}

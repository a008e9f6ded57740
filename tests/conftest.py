"""One suite for every array library: `pytest --backend torch`, or `--backend all`."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Hashable
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from infoq.backends import Array, Ops, ops_for

BACKENDS = ("numpy", "torch", "jax", "dask", "array_api_strict")

# Compiling and lazy libraries are slow at the first call of a shape: fewer examples, no deadline.
# The numbers of array-api-strict are NumPy's: what it may refuse is seen in a few.
EXAMPLES = {"numpy": 50, "torch": 20, "array_api_strict": 6, "jax": 5, "dask": 6}
TOGETHER = 5

# What XLA does for speed takes half of the time that it compiles for, and each program runs once
# or twice: 25 tests of `jax.jit` took 8.5 seconds of a processor with this, and 15.7 without.
XLA_FLAG = "--xla_cpu_use_fusion_emitters=false"


class Backend:
    """One array library on one of its devices, as the tests use it: from NumPy, and back.

    Parameters
    ----------
    name : str
        The library, and after a colon a device of its: ``"torch:cuda"``. Default: its own default.
    """

    def __init__(self, name: str) -> None:
        self.name, _, self.device = name.partition(":")
        self.module = _module(self.name)
        self.ops: Ops = ops_for(self.module.asarray([0.0]))

    def __repr__(self) -> str:
        return f"{self.name}:{self.device}" if self.device else self.name

    @property
    def xp(self) -> ModuleType:
        """The namespace that infoq sees."""
        return self.ops.xp

    @property
    def reads_values(self) -> bool:
        """Whether values are checked at the door."""
        return self.ops.concrete(self.module.asarray([0.0]))

    def array(self, x: Any, dtype: str | None = None) -> Array:
        """A copy of a NumPy array (or what makes one) in this library."""
        x = np.array(x, dtype=dtype)
        if self.name == "dask":
            # Several chunks along every axis: no formula may depend on how an array is cut.
            return self.module.from_array(x, chunks=tuple(max(1, -(-n // 2)) for n in x.shape))
        if self.name == "torch":
            here = self.module.from_numpy(x) if x.ndim else self.module.tensor(x[()])
        else:
            here = self.module.asarray(x)
        return _to_device(here, self.name, self.device) if self.device else here

    def numpy(self, x: Array) -> np.ndarray:
        """A NumPy copy of an array that must belong to this library, and be on its device."""
        assert ops_for(x) is self.ops, f"expected an array of {self.name}, got {type(x)}"
        if self.device:
            where = str(self.ops.device(x)).lower()
            assert self.device in where, f"expected an array on {self.device}, got {where}"
            if self.name == "array_api_strict":
                x = _to_device(x, self.name, "CPU_DEVICE")
        return np.array(self.ops.to_host(x))

    def call(self, function: Callable[..., Array], *arrays: Any, **keywords: Any) -> np.ndarray:
        """A function of NumPy arrays, evaluated in this library."""
        cast = [self.array(x) if isinstance(x, np.ndarray) else x for x in arrays]
        named = {k: self.array(x) if isinstance(x, np.ndarray) else x for k, x in keywords.items()}
        return self.numpy(function(*cast, **named))


def _to_device(x: Array, library: str, device: str) -> Array:
    if library == "torch":
        return x.to(device)
    if library == "jax":
        import jax

        return jax.device_put(x, jax.devices(device)[0])
    return x.to_device(importlib.import_module(library).Device(device))


def _module(name: str) -> ModuleType:
    if name == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        # Each operation is compiled for each shape and run once or twice.
        jax.config.update("jax_disable_most_optimizations", True)
        return jax.numpy
    if name == "dask":
        import dask.array

        return dask.array
    return importlib.import_module(name)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no other library can fail where NumPy passes, and what is of others.

    A test that asks for no `backend` and is `of_libraries` of none does the same whatever the
    library: it runs with NumPy, and not again. One that NumPy runs with every combination of its
    parameters runs elsewhere with every value of each, unless `--combinations all` says so: a
    library may know one dtype, kind or shape less, and hardly two of them together.
    """
    kept = [item for item in items if _runs(item, config.getoption("--backend"))]
    of_tests: dict[tuple[str, str], list[pytest.Item]] = {}
    for item in kept:
        of_tests.setdefault((item.nodeid.partition("[")[0], _library(item)), []).append(item)
    combinations, chosen = config.getoption("--combinations"), set()
    for (_, library), some in of_tests.items():
        if combinations == "few" or (combinations == "default" and library != "numpy"):
            # What NumPy doesn't run is run here in full.
            alone = [item for item in some if not _with_numpy(item)]
            some = alone + _each_value([item for item in some if _with_numpy(item)])
        chosen |= set(some)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in kept if item in chosen]


def _runs(item: pytest.Item, wanted: str) -> bool:
    if library := _library(item):
        return _admits(item, library)
    if wanted in ("all", "installed"):
        return True
    library = wanted.partition(":")[0]
    return _admits(item, library) and (library == "numpy" or not _with_numpy(item))


def _library(item: pytest.Item) -> str:
    """That of its `backend`, if it has one."""
    parameters = getattr(item, "callspec", None)
    return parameters.params.get("backend", "").partition(":")[0] if parameters else ""


def _admits(item: pytest.Item, library: str) -> bool:
    return all(library in marker.args for marker in item.iter_markers("of_libraries"))


def _with_numpy(item: pytest.Item) -> bool:
    return _admits(item, "numpy")


def _each_value(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those that hold every value of every parameter: first who has most that are new."""
    values = {item: _values(item) for item in items}
    missing, chosen = set().union(*values.values()), items[:1]
    while missing := missing.difference(*(values[item] for item in chosen)):
        chosen.append(max(items, key=lambda item: len(values[item] & missing)))
    return chosen


def _values(item: pytest.Item) -> set[tuple[Any, ...]]:
    """What a test is called with; parameters that are listed together are one."""
    parameters = getattr(item, "callspec", None)
    left = {k: (k, *_value(x)) for k, x in parameters.params.items()} if parameters else {}
    found = set()
    for marker in item.iter_markers("parametrize"):
        names = marker.args[0]
        names = names.split(",") if isinstance(names, str) else names
        found.add(tuple(left.pop(name.strip()) for name in names))
    return found | {(value,) for value in left.values()}


def _value(x: Any) -> tuple[type, Any]:
    # Equal where it is equal, not where it is one object: all processes choose the same tests.
    if isinstance(x, tuple):
        return tuple, tuple(map(_value, x))
    return type(x), x if isinstance(x, Hashable) else id(x)


def _compile_fast() -> None:
    """Tell XLA, before its first program, if it knows the flag: one unknown ends the process."""
    # What is given comes last, and holds.
    flags = f"{XLA_FLAG} {os.environ.get('XLA_FLAGS', '')}"
    program = [sys.executable, "-c", "import jax; jax.numpy.zeros(1)"]
    environment = {**os.environ, "XLA_FLAGS": flags}
    if subprocess.run(program, env=environment, capture_output=True, check=False).returncode == 0:
        os.environ["XLA_FLAGS"] = flags


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names the library to test."""
    parser.addoption(
        "--backend",
        default="installed",
        help=f"one of {', '.join(BACKENDS)} or cupy, with a device of it after a colon, such as "
        "torch:cuda or jax:gpu; or all (each must be installed), or installed",
    )
    parser.addoption(
        "--combinations",
        default="default",
        choices=("all", "few", "default"),
        help="of the parameters of a test: all, or few that have every value of each; by default "
        "all on NumPy, and few on the other libraries",
    )


def pytest_configure(config: pytest.Config) -> None:
    """As many examples as the library that is tested allows for, and quick compilation."""
    library = config.getoption("--backend").partition(":")[0]
    # Workers of pytest-xdist inherit what it sets.
    jax = library == "jax" or (library in ("all", "installed") and importlib.util.find_spec("jax"))
    if jax and not hasattr(config, "workerinput"):
        _compile_fast()
    examples = EXAMPLES.get(library, TOGETHER)
    hypothesis.settings.register_profile(
        "infoq",
        deadline=None,
        max_examples=examples,
        derandomize=True,
        print_blob=False,
        # It is told by the clock, on a busy machine of any test.
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("infoq")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a backend runs on each that is wanted."""
    if "backend" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.getoption("--backend")
    names = BACKENDS if wanted in ("all", "installed") else (wanted,)
    if wanted == "installed":
        names = tuple(name for name in names if importlib.util.find_spec(name) is not None)
    metafunc.parametrize("backend", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """The array library of a test."""
    return Backend(request.param)

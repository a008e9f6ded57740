"""One suite for every array library: `pytest --backend torch`, or `--backend all`."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from infoq.backends import Array, Ops, ops_for

BACKENDS = ("numpy", "torch", "jax", "dask", "array_api_strict")

# Compiling and lazy libraries are slow at the first call of a shape: fewer examples, no deadline.
EXAMPLES = {"numpy": 50, "torch": 25, "array_api_strict": 25, "jax": 5, "dask": 6}
TOGETHER = 5

# What XLA does for speed takes half of the 30 ms that it compiles a program for, and each runs
# once or twice: 14 ms with these.
XLA_FLAGS = ("xla_cpu_use_fusion_emitters=false", "xla_cpu_parallel_codegen_split_count=1")


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
        _lower_fast()
        return jax.numpy
    if name == "dask":
        import dask.array

        return dask.array
    return importlib.import_module(name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what no other library can fail where NumPy passes, and what is of others.

    A test that asks for no `backend` and is `of_libraries` of none does the same whatever the
    library: it runs with NumPy, and not again.
    """
    wanted, others = [], []
    for item in items:
        (wanted if _runs(item, config.getoption("--backend")) else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = wanted


def _runs(item: pytest.Item, wanted: str) -> bool:
    admitted = [marker.args for marker in item.iter_markers("of_libraries")]
    if (parameters := getattr(item, "callspec", None)) and "backend" in parameters.params:
        wanted = parameters.params["backend"]
    elif wanted in ("all", "installed"):
        return True
    elif not admitted:
        admitted = [("numpy",)]
    return all(wanted.partition(":")[0] in names for names in admitted)


def _compile_fast() -> None:
    """Tell XLA, before its first program; a flag that it doesn't know would end the process."""
    if (found := importlib.util.find_spec("jaxlib")) is None or found.origin is None:
        return
    libraries = Path(found.origin).parent.rglob("*.so")
    largest = max(libraries, key=lambda path: path.stat().st_size)
    with largest.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as xla:
        known = [x for x in XLA_FLAGS if xla.find(x.partition("=")[0].encode()) >= 0]
    given = os.environ.get("XLA_FLAGS", "")
    # What is given comes last, and holds.
    os.environ["XLA_FLAGS"] = " ".join([*(f"--{x}" for x in known if x not in given), given])


def _lower_fast() -> None:
    """One compiler context for all programs, where JAX makes anew what is a fifth of their time."""
    try:
        from jax._src.interpreters import mlir

        mlir.make_ir_context = functools.cache(mlir.make_ir_context)
    except (ImportError, AttributeError):  # no promise of JAX's, and only faster
        pass


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names the library to test."""
    parser.addoption(
        "--backend",
        default="installed",
        help=f"one of {', '.join(BACKENDS)} or cupy, with a device of it after a colon, such as "
        "torch:cuda or jax:gpu; or all (each must be installed), or installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """As many examples as the library that is tested allows for, and quick compilation."""
    library = config.getoption("--backend").partition(":")[0]
    if library in ("jax", "all", "installed"):
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

"""Every function on every library: what NumPy gives in float64."""

from __future__ import annotations

from infoq.backends import Capabilities
from tests.capabilities.checking import agree, arrays, cases, hold, reference

LIBRARIES = ("numpy", "torch", "jax", "dask", "array_api_strict")


@cases(*LIBRARIES)
def test_a_library_gives_what_numpy_gives(backend, case):
    values = case.arguments()

    def check():
        results = case.run(*arrays(backend, values))
        agree(backend, results, reference(backend, case, values))
        wide = backend.ops.upcast(backend.array([0.0])).dtype
        assert all(x.dtype == wide for x in results if backend.numpy(x).dtype.kind == "f")

    hold(case, backend.name, check)


def test_there_is_a_column_of_each_library():
    assert Capabilities._fields[: len(LIBRARIES)] == LIBRARIES

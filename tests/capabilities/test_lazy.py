"""Every function of Dask arrays: a Dask array, and nothing computed."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import arrays, cases, hold

pytestmark = pytest.mark.of_libraries("dask")


class ComputedError(RuntimeError):
    """A value was asked for."""


def refuse(*graph, **settings):
    raise ComputedError("a value was computed")


@cases("lazy")
def test_nothing_is_computed(backend, case):
    import dask

    def check():
        with dask.config.set(scheduler=refuse):
            results = case.run(*arrays(backend, case.arguments()))
        assert all(isinstance(x, backend.module.Array) for x in results)

    hold(case, "lazy", check)

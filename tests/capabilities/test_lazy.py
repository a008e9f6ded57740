"""Every function of Dask arrays: a Dask array, and nothing computed."""

from __future__ import annotations

from tests.capabilities.checking import arrays, cases, hold


class ComputedError(RuntimeError):
    """A value was asked for."""


def refuse(*graph, **settings):
    raise ComputedError("a value was computed")


@cases("lazy")
def test_nothing_is_computed(dask, case):
    import dask as library

    def check():
        with library.config.set(scheduler=refuse):
            results = case.run(*arrays(dask, case.arguments()))
        assert all(isinstance(x, dask.module.Array) for x in results)

    hold(case, "lazy", check)

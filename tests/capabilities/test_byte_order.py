"""Every function of arrays in the other byte order: what the machine's own gives, in its own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.capabilities.checking import cases

pytestmark = pytest.mark.of_libraries("numpy", "dask")


def swapped(x: np.ndarray) -> np.ndarray:
    """The same numbers, each with its bytes turned around."""
    return x.astype(x.dtype.newbyteorder())


def chosen(backend, case, values, *places):
    """The results where the arguments at some places are swapped."""
    arguments = [swapped(x) if place in places else x for place, x in enumerate(values)]
    return case.run(*(backend.array(x) for x in arguments))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@cases("numpy")
def test_the_other_byte_order_changes_nothing(backend, case, dtype):
    values = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.arguments()]
    expected = chosen(backend, case, values)
    everyone = tuple(range(len(values)))
    # All of them, and each alone beside others in the machine's own.
    for places in {everyone, *((place,) for place in everyone)}:
        results = chosen(backend, case, values, *places)
        for one, other in zip(results, expected, strict=True):
            assert one.dtype == other.dtype
            assert one.dtype.isnative
            np.testing.assert_array_equal(backend.numpy(one), backend.numpy(other))

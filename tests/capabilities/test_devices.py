"""Every function on the other devices of array-api-strict: results stay there, in their dtype."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import agree, arrays, cases, hold, reference
from tests.conftest import Backend

pytestmark = pytest.mark.of_libraries("array_api_strict")

# One of them has no float64.
DEVICES = {"device1": ("float64", 1e-9, 1e-11), "no_float64": ("float32", 1e-4, 1e-5)}


@pytest.mark.parametrize("name", DEVICES)
@cases("array_api_strict")
def test_results_stay_on_the_device(backend, case, name):
    there, values = Backend(f"{backend.name}:{name}"), case.arguments()
    dtype, rtol, atol = DEVICES[name]

    def check():
        results = case.run(*arrays(there, values, dtype))
        for x in results:
            assert x.device == backend.module.Device(name)
            assert x.dtype in (getattr(backend.module, dtype), backend.module.int64)
        if dtype == "float64" or not case.random:  # other dtypes draw other numbers
            agree(there, results, reference(backend, case, values), rtol, atol)

    hold(case, "array_api_strict", check)

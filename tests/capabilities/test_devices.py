"""Every function on the other devices of array-api-strict: results stay there, in their dtype."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import agree, cases, hold, reference


@pytest.mark.parametrize("name", ["device1", "no_float64"])
@cases("array_api_strict")
def test_results_stay_on_the_device(strict, case, name):
    xp = strict.module
    device = xp.Device(name)
    dtype, rtol, atol = (
        ("float32", 1e-4, 1e-5) if name == "no_float64" else ("float64", 1e-9, 1e-11)
    )
    values = case.arguments()

    def moved(x):
        narrow = dtype if x.dtype.kind == "f" else str(x.dtype)
        return xp.asarray(x.astype(narrow), device=device)

    def check():
        results = case.run(*map(moved, values))
        for x in results:
            assert x.device == device
            assert x.dtype in (getattr(xp, dtype), xp.int64)
        here = [xp.asarray(x, device=xp.Device("CPU_DEVICE")) for x in results]
        if dtype == "float64" or not case.random:  # other dtypes draw other numbers
            agree(strict, here, reference(strict, case, values), rtol, atol)

    hold(case, "array_api_strict", check)

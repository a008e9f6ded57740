"""Every function in half precisions: the dtype that came in, as exactly as it holds numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.capabilities.checking import cases, hold

pytestmark = pytest.mark.of_libraries("numpy", "torch", "jax")

# Both are widened by the same lines: JAX, which compiles for each, has the one that NumPy lacks.
HALVES = [
    pytest.param("float16", marks=pytest.mark.of_libraries("numpy", "torch")),
    pytest.param("bfloat16", marks=pytest.mark.of_libraries("torch", "jax")),
]


@pytest.mark.parametrize("dtype", HALVES)
@cases("half")
def test_half_precision(backend, case, dtype):
    def check():
        narrowed = [_narrow(backend, x, dtype) for x in case.rounded()]
        widened = [_wide(backend, x) for x in narrowed]
        results, expected = case.run(*narrowed), _expected(backend, case, widened)
        assert len(results) == len(expected)
        # A sum is off by the rounding of what is summed.
        scale = max([1, *(np.abs(x).sum() for x in expected if x.dtype.kind == "f")])
        for one, other in zip(results, expected, strict=True):
            if other.dtype.kind != "f":
                np.testing.assert_array_equal(backend.numpy(one), other)
                continue
            assert str(one.dtype).endswith(f"{dtype}")
            eps = float(backend.ops.xp.finfo(one.dtype).eps)
            np.testing.assert_allclose(
                _wide(backend, one), other, rtol=2 * eps, atol=scale * eps / 4
            )

    hold(case, "half", check)


def _narrow(backend, x, dtype):
    if x.dtype.kind != "f":
        return backend.array(x)
    xp = backend.ops.xp
    return xp.astype(backend.array(x, "float32"), getattr(xp, dtype))


def _wide(backend, x):
    """In NumPy; floating numbers in float32."""
    xp = backend.ops.xp
    if xp.isdtype(x.dtype, "real floating"):
        x = xp.astype(x, xp.float32)
    return backend.numpy(x)


def _expected(backend, case, values):
    by = backend if case.random else type(backend)("numpy")
    return [by.numpy(x) for x in case.run(*(by.array(x) for x in values))]

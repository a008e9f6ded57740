"""Every function of tensors without values, on PyTorch's device "meta"."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import arrays, cases, hold

pytestmark = pytest.mark.of_libraries("torch")


@cases("meta")
def test_shapes_and_dtypes_without_values(backend, case):
    given = list(arrays(backend, case.arguments()))
    expected = case.run(*given)

    def check():
        results = case.run(*(x.to("meta") for x in given))
        for one, other in zip(results, expected, strict=True):
            assert one.device.type == "meta"
            assert (one.shape, one.dtype) == (other.shape, other.dtype)

    hold(case, "meta", check)

"""Every function of tensors without values, on PyTorch's device "meta"."""

from __future__ import annotations

from tests.capabilities.checking import arrays, cases, hold


@cases("meta")
def test_shapes_and_dtypes_without_values(torch, case):
    given = list(arrays(torch, case.arguments()))
    expected = case.run(*given)

    def check():
        results = case.run(*(x.to("meta") for x in given))
        for one, other in zip(results, expected, strict=True):
            assert one.device.type == "meta"
            assert (one.shape, one.dtype) == (other.shape, other.dtype)

    hold(case, "meta", check)

"""Every function refuses what would give another answer, in each of its arguments, by its name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.capabilities.checking import cases


def with_one(case, place, change):
    """The case with one of its arguments changed."""
    values = case.arguments()
    return case.run(*(change(x) if here == place else x for here, x in enumerate(values)))


@cases("numpy")
def test_masked_arrays(case):
    for place in range(len(case.inputs)):
        with pytest.raises(TypeError, match=r"a masked array of NumPy.* by marray .*x.filled\(\)"):
            with_one(case, place, np.ma.asarray)


@cases("numpy")
def test_matrices(case):
    flat = [place for place, each in enumerate(case.inputs) if len(each.shape) == 2]
    for place in flat:
        with pytest.raises(TypeError, match=r"a numpy.matrix, .*pass numpy.asarray\(x\)"):
            with_one(case, place, lambda x: x.view(np.matrix))

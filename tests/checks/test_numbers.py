"""Where something is wrong first, and what is read of an array."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.backends import ops_for
from infoq.checks.numbers import at_least_zero, first_index, first_place, number

CASES = {
    "first": [True, False, True],
    "last": [False, False, True],
    "none": [False, False],
    "nothing": [],
    "matrix": [[False, False, False], [False, True, True]],
    "none of a matrix": [[False], [False]],
    "no rows": np.zeros((0, 3), dtype=bool),
    "stack": np.arange(24).reshape(2, 3, 4) >= 17,
    "number": True,
    "no number": False,
}


def read(backend, x):
    """The booleans in memory: values of a lazy library are fetched before they are looked at."""
    x = backend.ops.fetch(backend.array(np.asarray(x, dtype=bool)))
    return ops_for(x), x


@pytest.mark.parametrize("case", CASES)
def test_first_true_element(backend, case):
    values = np.asarray(CASES[case], dtype=bool)
    places = np.argwhere(values)
    ops, x = read(backend, values)
    index, place = first_index(ops, x), first_place(ops, x)
    if len(places) == 0:
        assert index is None
        assert place is None
    else:
        assert index == np.flatnonzero(values)[0]
        assert place == tuple(places[0])
        assert all(type(one) is int for one in (index, *place))


def test_number_of_a_0d_array(backend):
    x = backend.ops.fetch(backend.array(0.25))
    assert number(x) == 0.25
    assert type(number(x)) is float


def test_numbers_of_at_least_zero():
    assert at_least_zero(np.float32(0.5), "eta") == 0.5
    assert type(at_least_zero(0, "eta")) is float
    for value in (-1, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"^eta: expected a finite number of at least 0, got"):
            at_least_zero(value, "eta")
    for value in (True, "1", None):
        with pytest.raises(TypeError, match=r"^eta: expected a real number, got"):
            at_least_zero(value, "eta")

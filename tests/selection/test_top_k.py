"""The highest scores, their ties and their NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import infoq


@given(
    scores=arrays.arrays(
        np.float64,
        st.integers(1, 20),
        elements=st.sampled_from([0.0, -1.0, 0.5, 0.5, 2.0, np.nan, -np.inf]),
    ),
    k=st.integers(0, 25),
)
def test_sorted_with_ties_to_the_lowest_index_and_nan_last(backend, scores, k):
    chosen = infoq.top_k(backend.array(scores), k)
    indices, gains = backend.numpy(chosen.indices), backend.numpy(chosen.gains)
    key = np.where(np.isnan(scores), -np.inf, scores)
    expected = np.argsort(-key, kind="stable")[:k]
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(gains, scores[expected])


def test_value_is_the_sum_and_the_dtype_stays(backend):
    chosen = infoq.top_k(backend.array([0.5, 0.25, 1.0], "float32"), 2)
    assert backend.numpy(chosen.gains).dtype == np.float32
    assert float(chosen.value) == 1.5
    assert backend.numpy(chosen.indices).dtype.kind == "i"


@pytest.mark.parametrize(
    ("scores", "k", "error", "message"),
    [
        (np.zeros((2, 2)), 1, ValueError, r"scores: expected shape \(N,\), got \(2, 2\)"),
        (np.zeros(3, dtype=np.int64), 1, TypeError, "scores: expected a real floating dtype, got"),
        (np.zeros(3), -1, ValueError, "k: expected a batch size of at least 0, got -1"),
        (np.zeros(3), 1.5, TypeError, "k: expected an integer, got float"),
        (np.zeros(3), True, TypeError, "k: expected an integer, got bool"),
    ],
)
def test_refusals(backend, scores, k, error, message):
    with pytest.raises(error, match=message):
        infoq.top_k(backend.array(scores), k)


def test_a_list_is_refused():
    with pytest.raises(TypeError, match="scores: expected an array of an array API library"):
        infoq.top_k([0.1, 0.2], 1)

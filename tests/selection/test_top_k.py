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
        (
            np.zeros((2, 2)),
            1,
            ValueError,
            r"scores: expected shape \(N,\), one per candidate, got \(2, 2\)",
        ),
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


@pytest.mark.parametrize("k", [0, 1, 3, 9])
def test_only_candidates_and_nobody_who_is_given(backend, k):
    scores = backend.array([0.5, np.nan, 3.0, 2.0, -np.inf, 1.0])
    mask = backend.array([True, True, True, False, True, True])
    chosen = infoq.top_k(scores, k, candidates=mask, given=[2])
    assert backend.numpy(chosen.indices).tolist() == [5, 0, 1, 4][:k]
    assert chosen.reason == ("pool" if k > 4 else "size")


def test_given_may_be_what_was_picked(backend):
    scores = backend.array([0.5, 3.0, 2.0])
    first = infoq.top_k(scores, 2)
    assert backend.numpy(infoq.top_k(scores, 2, given=first.indices).indices).tolist() == [0]


@pytest.mark.of_libraries("jax")
def test_jax_jit():
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    @jax.jit
    def run(scores, mask):
        return infoq.top_k(scores, 3, candidates=mask, given=[2])

    scores = jnp.asarray([0.5, jnp.nan, 3.0, 2.0])
    assert run(scores, jnp.ones(4, bool)).indices.tolist() == [3, 0, 1]
    chosen = run(scores, jnp.asarray([True, True, True, False]))
    assert chosen.indices.tolist() == [0, 1, 3]
    assert chosen.gains.tolist()[2] == -jnp.inf

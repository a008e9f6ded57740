"""Batches drawn by score: their laws, zeros and NaN."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.selection import sample
from tests.selection.cases import assert_law, draws, sequential

SCORES = np.array([0.5, 2.0, 1.0, 1.0])
WEIGHTS = {
    "power": SCORES**1.5,
    "softmax": np.exp(1.5 * SCORES),
    "softrank": np.array([4, 1, 2, 3]) ** -1.5,
}


@pytest.mark.parametrize("method", WEIGHTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_law(backend, method, dtype):
    scores = backend.array(SCORES, dtype)
    found = [
        tuple(
            backend.numpy(
                sample(scores, 2, method=method, coldness=1.5, seed=seed).indices
            ).tolist()
        )
        for seed in range(draws(backend))
    ]
    assert_law(found, sequential(WEIGHTS[method], 2))


def test_zeros_after_all_others_and_nan_after_those(backend):
    scores = backend.array([0.0, np.nan, 1e-300, 0.0, 5.0, np.nan])
    firsts = set()
    for seed in range(20):
        picked = backend.numpy(sample(scores, 6, seed=seed).indices).tolist()
        assert set(picked[:2]) == {2, 4}
        assert set(picked[2:4]) == {0, 3}
        assert set(picked[4:]) == {1, 5}
        firsts.add(picked[2])
    assert firsts == {0, 3}


@pytest.mark.parametrize("method", WEIGHTS)
def test_nan_is_never_before_a_number(backend, method):
    scores = backend.array([np.nan, 0.5, np.nan, 0.25, 0.0])
    for seed in range(10):
        chosen = sample(scores, 3, method=method, seed=seed)
        assert sorted(backend.numpy(chosen.indices).tolist()) == [1, 3, 4]


def test_gains_are_the_scores_and_sum_to_the_value(backend):
    chosen = sample(backend.array(SCORES, "float32"), 3, method="softmax", seed=4)
    gains = backend.numpy(chosen.gains)
    assert gains.dtype == np.float32
    np.testing.assert_array_equal(gains, SCORES[backend.numpy(chosen.indices)])
    assert float(chosen.value) == gains.sum()


def test_cold_is_top_k_and_hot_is_uniform(backend):
    scores = backend.array([1.0, 3.0, 2.0, 0.5])
    cold = sample(scores, 4, coldness=1e4)
    assert backend.numpy(cold.indices).tolist() == [1, 2, 0, 3]
    found = [
        int(sample(scores, 1, method="softmax", coldness=0.0, seed=seed).indices[0])
        for seed in range(draws(backend))
    ]
    assert_law(found, dict.fromkeys(range(4), 1.0))


def test_masks_given_and_sizes(backend):
    scores = backend.array([1.0, 3.0, 2.0, 0.5])
    mask = backend.array([True, False, True, True])
    for seed in range(5):
        chosen = sample(scores, 9, seed=seed, candidates=mask, given=[0])
        assert sorted(backend.numpy(chosen.indices).tolist()) == [2, 3]
        assert chosen.reason == "pool"
    assert sample(scores, 0).indices.shape[0] == 0
    assert backend.numpy(sample(backend.array([2.0]), 1).indices).tolist() == [0]
    ranks = sample(scores, 1, method="softrank", coldness=500.0, candidates=mask)
    assert backend.numpy(ranks.indices).tolist() == [2]


def test_ranks_are_of_candidates_with_scores_and_ties_in_order(backend):
    scores = backend.array([np.nan, 1.0, 7.0, 1.0, -np.inf, 2.0, 1.0])
    mask = backend.array([True, True, False, True, True, True, True])
    found = [
        int(sample(scores, 1, method="softrank", seed=seed, candidates=mask, given=[6]).indices[0])
        for seed in range(draws(backend))
    ]
    assert_law(found, {5: 1.0, 1: 1 / 2, 3: 1 / 3, 4: 1 / 4})
    cold = sample(scores, 9, method="softrank", coldness=1e4, candidates=mask, given=[6])
    assert backend.numpy(cold.indices).tolist() == [5, 1, 3, 4, 0]
    nobody = sample(scores, 2, method="softrank", candidates=mask & ~mask)
    assert (nobody.indices.shape[0], nobody.reason) == (0, "pool")


def test_seeds_reproduce(backend):
    scores = backend.array(np.ones(40))
    found = [tuple(backend.numpy(sample(scores, 5, seed=seed).indices)) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_infinite_scores_come_first(backend):
    scores = backend.array([1.0, np.inf, -np.inf, 2.0])
    picked = backend.numpy(sample(scores, 3, method="softmax").indices).tolist()
    assert picked[0] == 1
    assert set(picked[1:]) == {0, 3}


@pytest.mark.parametrize(
    ("scores", "keywords", "error", "message"),
    [
        (np.array([1.0, -0.5]), {}, ValueError, "scores: candidate 1 has -0.5; method='power'"),
        (np.ones(2), {"method": "top"}, ValueError, "method: expected one of 'power', 'softmax'"),
        (np.ones(2), {"coldness": -1.0}, ValueError, "coldness: expected a finite number"),
        (np.ones((2, 2)), {}, ValueError, r"scores: expected shape \(N,\)"),
        (np.ones(2), {"k": -1}, ValueError, "k: expected a batch size"),
        (np.ones(2), {"seed": None}, TypeError, "seed: expected an integer"),
    ],
)
def test_refusals(backend, scores, keywords, error, message):
    with pytest.raises(error, match=message):
        sample(backend.array(scores), **{"k": 1, **keywords})


@pytest.mark.of_libraries("jax")
def test_jax_jit():
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    @jax.jit
    def run(scores, mask):
        return sample(scores, 3, candidates=mask, given=[0], seed=3)

    scores = jnp.asarray([9.0, 1.0, 0.0, 2.0, jnp.nan])
    eager = sample(scores, 3, given=[0], seed=3)
    assert run(scores, jnp.ones(5, bool)).indices.tolist() == eager.indices.tolist()
    ranks = jax.jit(lambda x: sample(x, 5, method="softrank", seed=3).indices)(scores)
    assert ranks.tolist() == sample(scores, 5, method="softrank", seed=3).indices.tolist()
    chosen = run(scores, jnp.asarray([True, False, True, True, False]))
    assert chosen.indices.tolist()[:2] == [3, 2]
    assert chosen.gains.tolist()[2] == -jnp.inf


def test_half_precision_and_a_large_pool():
    scores = np.ones(100_000, "float16")
    found = [int(sample(scores, 1, seed=seed).indices[0]) for seed in range(300)]
    assert len(set(found)) > 295  # 100 000 are not told apart by 2^11 numbers
    assert infoq.Selection(*sample(scores, 2)).gains.dtype == np.float16

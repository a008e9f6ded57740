"""Stochastic greedy selection."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.selection import stochastic_greedy
from tests.selection.cases import ByValue, Few, coverage, log_det


def function(backend, kind=ByValue, count=30):
    return kind(backend, log_det(np.random.default_rng(6).standard_normal((count, 8))), count)


def test_a_subset_of_all_is_greedy(backend):
    f = function(backend)
    batch = stochastic_greedy(f, 3, epsilon=1e-9)
    eager = infoq.greedy(f, 3)
    assert backend.numpy(batch.indices).tolist() == backend.numpy(eager.indices).tolist()


@pytest.mark.parametrize("kind", [ByValue, Few])
def test_seeds_reproduce_and_differ(backend, kind):
    f = function(backend, kind)
    found = [tuple(backend.numpy(stochastic_greedy(f, 6, seed=s).indices)) for s in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1
    assert all(len(set(batch)) == 6 for batch in found)
    batch = stochastic_greedy(f, 6, seed=1)
    picked = tuple(backend.numpy(batch.indices).tolist())
    assert float(batch.value) == pytest.approx(f.value(picked))


def test_few_gains_are_evaluated(backend):
    f = function(backend, Few)
    stochastic_greedy(f, 6, epsilon=0.1)
    assert f.evaluated == 30 + 5 * 12  # 30 / 6 log 10 is 11.5


def test_the_mean_value_is_near_that_of_greedy(backend):
    f = ByValue(backend, coverage(np.random.default_rng(7).random((20, 15)) < 0.2, np.ones(15)), 20)
    values = [float(stochastic_greedy(f, 4, seed=seed).value) for seed in range(8)]
    assert np.mean(values) >= 0.8 * float(infoq.greedy(f, 4).value)


def test_masks_costs_budgets_and_the_rank(backend):
    f = function(backend)
    mask = np.arange(30) < 4
    batch = stochastic_greedy(f, 9, candidates=backend.array(mask), given=[0])
    assert sorted(backend.numpy(batch.indices).tolist()) == [1, 2, 3]
    assert batch.reason == "pool"
    costs = backend.array(np.ones(30))
    batch = stochastic_greedy(f, 9, costs=costs, budget=2.5)
    assert (batch.indices.shape[0], batch.reason) == (2, "budget")
    points = np.eye(2)[[0, 1] + [0] * 10]
    batch = stochastic_greedy(ByValue(backend, log_det(points, 0.0), 12), 5, epsilon=0.5)
    assert (batch.indices.shape[0], batch.reason) == (2, "rank")  # the one that is missing is found


def test_refusals(backend):
    with pytest.raises(ValueError, match="epsilon: expected a number between 0 and 1, got 0"):
        stochastic_greedy(function(backend), 2, epsilon=0)
    with pytest.raises(TypeError, match="k: expected an integer"):
        stochastic_greedy(function(backend), None)
    with pytest.raises(TypeError, match="seed: expected an integer"):
        stochastic_greedy(function(backend), 2, seed="one")
    assert stochastic_greedy(function(backend), 0).indices.shape[0] == 0

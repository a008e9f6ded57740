"""Greedy selection over any set function."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import infoq
from infoq.backends import ops_for
from tests.selection.cases import ByValue, best_value, coverage, log_det


class Table:
    """Gains from a table [steps, N], whatever was picked."""

    def __init__(self, table) -> None:
        self.table = table

    @property
    def ops(self):
        return ops_for(self.table)

    def __len__(self) -> int:
        return self.table.shape[1]

    def start(self) -> int:
        return 0

    def gains(self, state: int):
        return self.table[state, ...]

    def add(self, state: int, index) -> int:
        return state + 1


def picks(backend, table, k):
    chosen = infoq.greedy(Table(backend.array(table)), k)
    return backend.numpy(chosen.indices).tolist(), backend.numpy(chosen.gains).tolist()


def test_the_largest_gain_again_and_again(backend):
    table = [[1.0, 3.0, 2.0], [0.5, 9.0, 0.25], [7.0, 7.0, 0.125]]
    assert picks(backend, table, 3) == ([1, 0, 2], [3.0, 0.5, 0.125])


def test_ties_go_to_the_lowest_index(backend):
    assert picks(backend, np.ones((3, 4)), 3)[0] == [0, 1, 2]


def test_nan_and_minus_infinity_come_last_and_nothing_twice(backend):
    table = np.array([[np.nan, -np.inf, 1.0, 2.0]] * 4)
    assert picks(backend, table, 4)[0] == [3, 2, 0, 1]


def test_all_nan_still_picks_every_candidate_once(backend):
    assert picks(backend, np.full((3, 3), np.nan), 3)[0] == [0, 1, 2]


def test_more_than_there_are_picks_all_and_none_picks_none(backend):
    assert picks(backend, np.ones((5, 2)), 5)[0] == [0, 1]
    chosen = infoq.greedy(Table(backend.array(np.ones((1, 2)))), 0)
    assert backend.numpy(chosen.indices).tolist() == []
    assert float(chosen.value) == 0


def test_gains_sum_to_the_value_in_the_input_dtype(backend):
    chosen = infoq.greedy(Table(backend.array([[1.0, 2.0], [4.0, 8.0]], "float32")), 2)
    assert float(chosen.value) == 6.0
    assert backend.numpy(chosen.gains).dtype == np.float32


def test_redundancy_is_seen_where_top_k_is_blind(backend):
    strong = [[0.95, 0.05], [0.05, 0.95]]
    other = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]]
    strong = [strong[0], strong[1]] * 2
    pool = np.array([strong, strong, other])
    assert backend.numpy(infoq.top_k(infoq.eig(backend.array(pool)), 2).indices).tolist() == [0, 1]
    batch = infoq.greedy(infoq.EIG(backend.array(pool)), 2)
    assert backend.numpy(batch.indices).tolist() == [0, 2]


def test_scores_are_no_set_function(backend):
    with pytest.raises(TypeError, match=r"f: expected a set function .* infoq\.top_k"):
        infoq.greedy(backend.array([0.1, 0.2]), 1)


def test_the_guarantee_of_submodular_functions(backend):
    rng = np.random.default_rng(0)
    for seed in range(3):
        members = np.random.default_rng(seed).random((8, 12)) < 0.3
        value = coverage(members, rng.random(12))
        batch = infoq.greedy(ByValue(backend, value, 8), 3)
        assert float(batch.value) >= (1 - 1 / np.e) * best_value(value, 8, 3)
        assert float(batch.value) == pytest.approx(value(tuple(backend.numpy(batch.indices))))


def test_only_candidates_and_nobody_who_is_given(backend):
    table = [[5.0, 4.0, 3.0, 2.0]] * 5
    mask = backend.array([True, False, True, True])
    batch = infoq.greedy(Table(backend.array(table)), 9, candidates=mask, given=[0])
    assert backend.numpy(batch.indices).tolist() == [2, 3]
    assert batch.reason == "pool"
    again = infoq.greedy(Table(backend.array(table)), 1, given=batch.indices)
    assert (backend.numpy(again.indices).tolist(), again.reason) == ([0], "size")
    nobody = infoq.greedy(Table(backend.array(table)), 1, given=range(4))
    assert (backend.numpy(nobody.indices).tolist(), nobody.reason) == ([], "pool")


def test_gains_are_beyond_what_is_given(backend):
    value = log_det(np.random.default_rng(1).standard_normal((6, 4)))
    batch = infoq.greedy(ByValue(backend, value, 6), 2, given=(4, 1))
    picked = tuple(backend.numpy(batch.indices).tolist())
    assert not {1, 4} & set(picked)
    assert float(batch.value) == pytest.approx(value((4, 1, *picked)) - value((4, 1)))


def test_the_largest_gain_per_cost_that_fits(backend):
    table = Table(backend.array([[6.0, 5.0, 1.0, 0.5]] * 5))
    costs = backend.array([3.0, 1.0, 1.0, 1.0])
    assert backend.numpy(infoq.greedy(table, 2, costs=costs).indices).tolist() == [1, 0]
    batch = infoq.greedy(table, costs=costs, budget=3.0)
    assert (backend.numpy(batch.indices).tolist(), batch.reason) == ([1, 2, 3], "budget")
    assert infoq.greedy(table, 1, costs=costs, budget=3.0).reason == "size"
    batch = infoq.greedy(table, costs=costs, budget=100.0)
    assert (backend.numpy(batch.indices).tolist(), batch.reason) == ([1, 0, 2, 3], "pool")
    assert infoq.greedy(table, costs=costs, budget=0.5).reason == "budget"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_budget_of_three_tenths_pays_for_three_times_one(backend, dtype):
    table = Table(backend.array(np.ones((5, 4)), dtype))
    costs = backend.array(np.full(4, 0.1), dtype)
    batch = infoq.greedy(table, costs=costs, budget=0.3)
    assert backend.numpy(batch.indices).tolist() == [0, 1, 2]


def test_picking_stops_at_the_rank(backend):
    points = np.random.default_rng(2).standard_normal((6, 2))
    points = points[[0, 0, 1, 1, 2, 2]]
    batch = infoq.greedy(ByValue(backend, log_det(points, 0.0), 6), 5)
    assert batch.indices.shape[0] == 2
    assert batch.reason == "rank"
    assert np.isfinite(float(batch.value))


def test_the_selection_is_a_tuple_of_three(backend):
    batch = infoq.greedy(Table(backend.array([[1.0, 2.0]])), 1)
    indices, gains, value = batch
    assert batch._fields == ("indices", "gains", "value")
    assert batch[0] is indices
    assert batch[1] is gains
    assert batch[2] is value
    assert batch._replace(value=0.0).reason == "size"
    copied = copy.copy(infoq.Selection(1, 2, 3, "rank"))
    assert (tuple(copied), copied.reason) == ((1, 2, 3), "rank")


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"k": None}, TypeError, "k: expected an integer, or costs and a budget"),
        ({"budget": 1.0}, TypeError, "budget: needs costs="),
        ({"costs": np.ones(3), "budget": -1.0}, ValueError, "budget: expected a number"),
        ({"costs": np.ones(2)}, ValueError, r"costs: expected shape \(N,\) with N=3, got \(2,\)"),
        ({"costs": np.array([1.0, 0.0, 1.0])}, ValueError, "costs: candidate 1 costs 0.0"),
        ({"candidates": np.ones(2, bool)}, ValueError, r"candidates: expected a boolean mask"),
        ({"candidates": np.ones(3)}, ValueError, "candidates: expected a boolean mask"),
        ({"given": [3]}, ValueError, "given: expected indices from 0 to 2, got 3"),
        ({"given": [-1]}, ValueError, "given: expected indices from 0 to 2, got -1"),
        ({"given": [1, 1]}, ValueError, "given: 1 comes twice"),
        ({"given": [0.5]}, TypeError, "given: expected integers, got float"),
        ({"given": np.ones(1)}, TypeError, r"given: expected integers \[G\]"),
    ],
)
def test_refusals(backend, keywords, error, message):
    arrays = {
        name: backend.array(x) if isinstance(x, np.ndarray) else x for name, x in keywords.items()
    }
    with pytest.raises(error, match=message):
        infoq.greedy(Table(backend.array(np.ones((4, 3)))), **{"k": 1, **arrays})


@pytest.mark.of_libraries("torch", "jax", "array_api_strict", "cupy")
def test_a_mask_of_another_library_is_refused(backend):
    with pytest.raises(TypeError, match="arrays of several libraries"):
        infoq.greedy(Table(backend.array(np.ones((2, 3)))), 1, candidates=np.ones(3, bool))


@pytest.mark.of_libraries("jax")
def test_jax_jit_with_a_mask_costs_and_given():
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    table = jnp.asarray([[5.0, 4.0, 3.0, 2.0]] * 5)

    @jax.jit
    def run(mask, costs, given):
        return infoq.greedy(Table(table), 2, candidates=mask, costs=costs, given=given)

    ones, given = jnp.ones(4), jnp.asarray([1])
    batch = run(jnp.asarray([False, True, True, True]), ones, given)
    assert batch.indices.tolist() == [2, 3]
    # One candidate is left: another follows, and its gain says so.
    batch = run(jnp.asarray([False, True, False, True]), ones, given)
    assert batch.indices.tolist() == [3, 0]
    assert batch.gains.tolist() == [2.0, -np.inf]
    with pytest.raises(TypeError, match="budget: needs values that can be read"):
        jax.jit(lambda c: infoq.greedy(Table(table), costs=c, budget=1.0))(ones)

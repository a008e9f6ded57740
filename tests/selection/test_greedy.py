"""Greedy selection over any set function."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.backends import ops_for


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

"""Costs and a budget in every selection that takes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.backends import ops_for
from infoq.selection.budget import Budget, Total
from tests.selection.cases import ByValue, Removable, log_det

COUNT = 8
seeds = st.integers(0, 2**16)


def instance(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((COUNT, 4)), rng.integers(1, 5, COUNT) / 2, rng.random(COUNT)


def selections(backend, points, scores):
    """Every selection, as a function of its keywords."""
    f = Removable(backend, log_det(points), COUNT)
    x, s = backend.array(points), backend.array(scores)
    return {
        "top_k": lambda **kw: infoq.top_k(s, **kw),
        "sample": lambda **kw: infoq.sample(s, **kw),
        "greedy": lambda **kw: infoq.greedy(f, **kw),
        "lazy_greedy": lambda **kw: infoq.lazy_greedy(f, **kw),
        "stochastic_greedy": lambda **kw: infoq.stochastic_greedy(f, **{"k": COUNT, **kw}),
        "forward_backward": lambda **kw: infoq.forward_backward(f, **kw),
        "kmeans_plusplus": lambda **kw: infoq.kmeans_plusplus(x, **kw),
        "farthest_first": lambda **kw: infoq.farthest_first(x, **kw),
    }


NAMES = [
    "top_k",
    "sample",
    "greedy",
    "lazy_greedy",
    "stochastic_greedy",
    "forward_backward",
    "kmeans_plusplus",
    "farthest_first",
]


@pytest.mark.filterwarnings("ignore:.*heuristic")
@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
def test_the_budget_is_kept_and_used(backend, name, seed):
    points, costs, scores = instance(seed)
    budget = float(costs.sum() / 2)
    run = selections(backend, points, scores)[name]
    chosen = run(costs=backend.array(costs), budget=budget)
    picked = backend.numpy(chosen.indices).tolist()
    assert len(set(picked)) == len(picked)
    paid = costs[picked].sum()
    assert paid <= budget
    rest = [costs[i] for i in range(COUNT) if i not in picked]
    if name != "forward_backward":  # which gives back, and does not fill up
        assert chosen.reason == "budget"
        assert min(rest) > budget - paid
    np.testing.assert_allclose(float(chosen.value), backend.numpy(chosen.gains).sum())


@pytest.mark.filterwarnings("ignore:.*heuristic")
@pytest.mark.parametrize("name", NAMES)
def test_size_and_budget_together(backend, name):
    points, costs, scores = instance(3)
    run = selections(backend, points, scores)[name]
    few = run(k=2, costs=backend.array(costs), budget=100.0)
    assert (few.indices.shape[0], few.reason) == (2, "size")
    none = run(k=2, costs=backend.array(costs), budget=0.1)
    assert (none.indices.shape[0], none.reason) == (0, "budget")
    mask = backend.array(np.arange(COUNT) % 2 == 0)
    some = run(costs=backend.array(costs), budget=4.0, candidates=mask, given=[0])
    assert set(backend.numpy(some.indices).tolist()) <= {2, 4, 6}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"budget": 1.0}, TypeError, "budget: needs costs="),
        ({"costs": np.ones(3), "budget": 1.0}, ValueError, r"costs: expected shape \(N,\)"),
        ({"costs": -np.ones(COUNT), "budget": 1.0}, ValueError, "costs: candidate 0 costs -1.0"),
        ({"costs": np.ones(COUNT), "budget": -1.0}, ValueError, "budget: expected a number"),
    ],
)
def test_refusals(backend, name, keywords, error, message):
    points, _, scores = instance(4)
    named = {
        key: backend.array(value) if isinstance(value, np.ndarray) else value
        for key, value in keywords.items()
    }
    with pytest.raises(error, match=message):
        selections(backend, points, scores)[name](**named)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "stochastic_greedy"])
def test_neither_size_nor_budget(backend, name):
    points, _, scores = instance(5)
    with pytest.raises(TypeError, match="k: expected an integer, or costs and a budget"):
        selections(backend, points, scores)[name]()


@given(seed=seeds)
def test_scores_per_cost_as_a_sum_grows(backend, seed):
    _, costs, scores = instance(seed)
    total = ByValue(backend, lambda batch: math.fsum(scores[i] for i in batch), COUNT)
    budget = float(costs.sum() / 3)
    grown = infoq.greedy(total, costs=backend.array(costs), budget=budget)
    chosen = infoq.top_k(backend.array(scores), costs=backend.array(costs), budget=budget)
    np.testing.assert_array_equal(backend.numpy(chosen.indices), backend.numpy(grown.indices))
    np.testing.assert_allclose(backend.numpy(chosen.gains), backend.numpy(grown.gains), rtol=1e-9)


@given(seed=seeds)
def test_back_to_a_budget_by_losses_per_cost(backend, seed):
    points, costs, _ = instance(seed)
    value = log_det(points)
    budget = 2.0
    batch, paid = [], 0.0
    while True:
        fits = [i for i in range(COUNT) if i not in batch and costs[i] <= 2 * budget - paid]
        if not fits:
            break
        best = max(fits, key=lambda i: ((value((*batch, i)) - value(tuple(batch))) / costs[i], -i))
        batch.append(best)
        paid += costs[best]
    while costs[batch].sum() > budget:
        rest = {i: tuple(j for j in batch if j != i) for i in batch}
        whole = value(tuple(batch))
        batch.remove(min(batch, key=lambda i: ((whole - value(rest[i])) / costs[i], -i)))
    chosen = infoq.forward_backward(
        Removable(backend, value, COUNT), costs=backend.array(costs), budget=budget
    )
    assert backend.numpy(chosen.indices).tolist() == batch
    np.testing.assert_allclose(float(chosen.value), value(tuple(batch)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [0.0, 1.0, 1e9])
def test_a_budget_beside_a_size_needs_costs_too(backend, name, budget):
    points, _, scores = instance(6)
    with pytest.raises(TypeError, match="budget: needs costs=, one per candidate"):
        selections(backend, points, scores)[name](k=2, budget=budget)


def picked_one_by_one(order, costs, budget, eps):
    """Who fits, each in turn, by the exact sum of all paid so far: n^2."""
    limit, paid, picked = budget * (1 + 2 * eps), [], []
    for index in order:
        if costs[index] <= limit - math.fsum(paid):
            picked.append(index)
            paid.append(costs[index])
    return picked


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(seed=seeds)
def test_who_fits_is_who_fits_one_by_one(backend, dtype, seed):
    rng = np.random.default_rng(seed)
    count = 60
    costs = (10 ** rng.uniform(-3, 3, count) if seed % 2 else np.full(count, 0.1)).astype(dtype)
    scores, eps = rng.random(count).astype(dtype), float(np.finfo(dtype).eps)
    budget = float(costs.sum(dtype=float) * rng.random())
    words = {"costs": backend.array(costs), "budget": budget}
    order = np.argsort(-(scores / costs), kind="stable")
    chosen = infoq.top_k(backend.array(scores), **words)
    expected = picked_one_by_one(order.tolist(), costs.astype(float), budget, eps)
    assert backend.numpy(chosen.indices).tolist() == expected
    order = backend.numpy(infoq.sample(backend.array(scores), count, seed=seed).indices)
    chosen = infoq.sample(backend.array(scores), seed=seed, **words)
    expected = picked_one_by_one(order.tolist(), costs.astype(float), budget, eps)
    assert backend.numpy(chosen.indices).tolist() == expected


@given(st.lists(st.floats(0, 1e300, exclude_min=True), max_size=100))
def test_totals_are_exact_sums_in_a_few_parts(numbers):
    total = Total()
    for count, number in enumerate(numbers, 1):
        total.add(number)
        assert total.value == math.fsum(numbers[:count])
        assert len(total.parts) <= min(count, 40)


def test_thousands_are_paid_for_by_as_many_sums_of_a_few_parts(backend):
    costs = backend.array(1 / np.arange(1.0, 4001))
    memory = backend.ops.fetch(costs)
    purse = Budget(ops_for(memory), memory, 4000, costs, 100.0)
    picked, reason = purse.paid_for(list(range(4000)), None)
    assert (len(picked), reason) == (4000, "pool")
    assert len(purse.paid.parts) <= 3

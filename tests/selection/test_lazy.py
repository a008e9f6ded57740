"""Lazy greedy selection picks what greedy picks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.selection import lazy_greedy
from tests.selection.cases import ByValue, Few, coverage, log_det


def same(backend, lazy, eager):
    assert backend.numpy(lazy.indices).tolist() == backend.numpy(eager.indices).tolist()
    np.testing.assert_allclose(backend.numpy(lazy.gains), backend.numpy(eager.gains), rtol=1e-12)
    assert float(lazy.value) == pytest.approx(float(eager.value), nan_ok=True)
    assert lazy.reason == eager.reason


@pytest.mark.parametrize("kind", [ByValue, Few])
def test_the_picks_of_greedy(backend, kind):
    rng = np.random.default_rng(3)
    value = log_det(rng.standard_normal((20, 6)) * rng.random((20, 1)))
    f = kind(backend, value, 20)
    same(backend, lazy_greedy(f, 6), infoq.greedy(f, 6))
    mask = backend.array(rng.random(20) < 0.7)
    costs = backend.array(0.5 + rng.random(20))
    words = {"candidates": mask, "given": [2, 5], "costs": costs}
    same(backend, lazy_greedy(f, 4, **words), infoq.greedy(f, 4, **words))
    words["budget"] = 3.0
    same(backend, lazy_greedy(f, **words), infoq.greedy(f, **words))
    same(backend, lazy_greedy(f, 99, candidates=mask), infoq.greedy(f, 99, candidates=mask))


def test_the_picks_of_greedy_on_batches_of_outcomes(backend):
    probs = np.random.default_rng(4).dirichlet(np.ones(3), size=(12, 6))
    f = infoq.EIG(backend.array(probs))
    same(backend, lazy_greedy(f, 4), infoq.greedy(f, 4))


@pytest.mark.parametrize("kind", [ByValue, Few])
def test_ties_ranks_and_nan_as_greedy_has_them(backend, kind):
    rng = np.random.default_rng(5)
    members = rng.random((12, 5)) < 0.3
    f = kind(backend, coverage(members, np.ones(5)), 12)  # many ties, and many zeros
    same(backend, lazy_greedy(f, 12), infoq.greedy(f, 12))
    f = kind(backend, log_det(rng.standard_normal((3, 3))[[0, 0, 1, 2, 1]], 0.0), 5)
    same(backend, lazy_greedy(f, 4), infoq.greedy(f, 4))
    unclear = kind(backend, lambda batch: np.nan if {1, 3} & {*batch} else -1.0 * len(batch), 5)
    same(backend, lazy_greedy(unclear, 5), infoq.greedy(unclear, 5))


@given(seed=st.integers(0, 2**32 - 1), few=st.booleans(), priced=st.booleans())
def test_the_picks_of_greedy_where_much_is_equal_or_unclear(backend, seed, few, priced):
    rng = np.random.default_rng(seed)
    count = 90
    value = coverage(rng.random((count, 12)) < 0.2, rng.integers(1, 4, 12).astype(float))
    unclear, hopeless = ({*rng.choice(count, 3).tolist()} for _ in range(2))

    def holed(batch):
        if unclear & {*batch[-1:]} and len(batch) % 3:
            return np.nan
        return -np.inf if hopeless & {*batch[-1:]} else value(batch)

    f = (Few if few else ByValue)(backend, holed, count)
    words = {"candidates": backend.array(rng.random(count) < 0.8), "given": [4, 70]}
    if priced:
        words |= {"costs": backend.array(rng.integers(1, 4, count) / 2.0), "budget": 9.0}
    same(backend, lazy_greedy(f, 15, **words), infoq.greedy(f, 15, **words))


def test_the_picks_of_greedy_of_thousands(backend):
    rng = np.random.default_rng(6)
    kernel = rng.integers(0, 60, (5, 3000)) * (1 + rng.integers(0, 2, 3000))
    f = infoq.FacilityLocationQuery(kernel=backend.array(kernel, "float64"))
    same(backend, lazy_greedy(f, 30), infoq.greedy(f, 30))
    f = infoq.FacilityLocationQuery(kernel=backend.array(rng.random((40, 3000))), eta=0.0)
    same(backend, lazy_greedy(f, 30), infoq.greedy(f, 30))


class Sizes(Few):
    """With the sizes of the groups."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.sizes = []

    def some(self, state, indices):
        self.sizes.append(len(indices))
        return super().some(state, indices)


def test_groups_are_powers_of_two_or_all(backend):
    rng = np.random.default_rng(8)
    value = log_det(rng.standard_normal((120, 6)) * rng.random((120, 1)))
    f = Sizes(backend, value, 120)
    same(backend, lazy_greedy(f, 12), infoq.greedy(Few(backend, value, 120), 12))
    assert f.sizes[0] == 120
    assert {*f.sizes[1:]} <= {1, 2, 4, 8, 16, 32, 64, 120}
    assert sum(f.sizes) < 8 * 120
    f = Sizes(backend, value, 20)  # few are left in the end
    same(backend, lazy_greedy(f, 20), infoq.greedy(Few(backend, value, 20), 20))
    assert {*f.sizes} <= {1, 2, 4, 8, 20}


def test_all_are_evaluated_at_once_where_old_gains_say_nothing(backend):
    # One thing that all cover, and one more each that is worth next to nothing.
    members = np.concatenate([np.eye(128, dtype=bool), np.ones((128, 1), dtype=bool)], axis=1)
    f = Sizes(backend, coverage(members, np.append(np.arange(128) % 7 / 64.0, 9.0)), 128)
    lazy_greedy(f, 2)
    assert f.sizes == [128, 8, 16, 128]


def test_one_evaluation_of_all_a_step_without_the_gains_of_a_few(backend):
    rng = np.random.default_rng(9)
    f = ByValue(backend, log_det(rng.standard_normal((40, 6))), 40)
    lazy_greedy(f, 5)
    assert f.evaluated == 5 * 40


def test_few_gains_are_evaluated(backend):
    weights = 0.5 ** np.arange(100)
    f = Few(backend, coverage(np.eye(100, dtype=bool), weights), 100)
    lazy_greedy(f, 5)
    assert f.evaluated <= 100 + 5 * 24


def test_a_function_that_is_not_submodular_has_a_warning(backend):
    f = ByValue(backend, lambda batch: float(len(batch)), 3)
    f.submodular = False
    with pytest.warns(UserWarning, match="lazy_greedy is a heuristic for ByValue"):
        lazy_greedy(f, 2)


def test_none_and_refusals(backend):
    f = ByValue(backend, lambda batch: float(len(batch)), 3)
    assert backend.numpy(lazy_greedy(f, 0).indices).tolist() == []
    with pytest.raises(TypeError, match="f: expected a set function"):
        lazy_greedy(backend.array([1.0]), 1)


@pytest.mark.of_libraries("jax")
def test_not_inside_jax_jit():
    jax = pytest.importorskip("jax")
    probs = np.full((3, 2, 2), 0.5)
    with pytest.raises(TypeError, match=r"lazy_greedy: .* use greedy inside jax.jit"):
        jax.jit(lambda x: lazy_greedy(infoq.EIG(x), 1).indices)(jax.numpy.asarray(probs))

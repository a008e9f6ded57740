"""The way back in weight space, by the members alone, against `remove` and explicit inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq

seeds = st.integers(0, 2**16)
QUANTITIES = ("eig", "jepig", "jensen", "trace")


def instance(seed, rows=2, scale=1.0):
    rng = np.random.default_rng(seed)
    return scale * rng.standard_normal((9, rows, 5)), rng.standard_normal((4, rows, 5))


def quantity(name, pool, targets):
    if name == "eig":
        return infoq.EIG(pool)
    if name == "jepig":
        return infoq.JEPIG(pool, targets)
    return infoq.EPIG(pool, targets, approximation=name)


class Slowly:
    """A set function without the shortcuts of one's own."""

    def __init__(self, f):
        self.f, self.ops = f, f.ops
        self.start, self.gains, self.add = f.start, f.gains, f.add
        self.remove, self.value = f.remove, f.value

    def __len__(self):
        return len(self.f)


@pytest.mark.parametrize("taken", [(), (3, 7)], ids=["alone", "given"])
@pytest.mark.parametrize("name", QUANTITIES)
@given(seed=seeds)
def test_as_by_removal(backend, name, taken, seed):
    pool, targets = instance(seed)
    f = quantity(
        name,
        infoq.Gaussian(backend.array(pool), 0.5),
        infoq.DenseEmbedding(backend.array(targets)),
    )
    fast = infoq.forward_backward(f, 3, given=taken)
    slow = infoq.forward_backward(Slowly(f), 3, given=taken)
    np.testing.assert_array_equal(backend.numpy(fast.indices), backend.numpy(slow.indices))
    gains = backend.numpy(slow.gains)
    np.testing.assert_allclose(backend.numpy(fast.gains), gains, rtol=1e-7, atol=1e-10)
    state = f.start()
    for index in (*taken, *backend.numpy(fast.indices).tolist()):
        state = f.add(state, index)
    known = f.start()
    for index in taken:
        known = f.add(known, index)
    told = float(f.value(state)) - float(f.value(known))
    np.testing.assert_allclose(float(fast.value), told, rtol=1e-8, atol=1e-12)


def test_what_says_very_little_keeps_its_digits(backend):
    pool, _ = instance(1, rows=1, scale=1e-4)
    small = backend.array(pool, "float32")
    chosen = infoq.forward_backward(infoq.EIG(infoq.Gaussian(small, 1.0)), 3)
    exact = infoq.greedy(infoq.EIG(infoq.Gaussian(backend.array(pool), 1.0)), 3)
    np.testing.assert_allclose(float(chosen.value), float(exact.value), rtol=1e-5)


def test_members_that_say_very_much(backend):
    # Where they are taken back by the pool's own forms, nothing is left of 1 - A.
    pool, targets = instance(2, scale=300.0)
    f = infoq.EPIG(
        infoq.Gaussian(backend.array(pool), 1.0),
        infoq.DenseEmbedding(backend.array(targets)),
        approximation="trace",
    )
    chosen = infoq.forward_backward(f, 2)
    indices = backend.numpy(chosen.indices).tolist()
    mean = np.einsum("mrp,mrq->pq", targets, targets) / len(targets)
    rows = pool[indices].reshape(-1, 5)
    left = np.linalg.inv(np.eye(5) + rows.T @ rows)
    np.testing.assert_allclose(float(chosen.value), np.trace(mean - left @ mean) / 2, rtol=1e-6)


def test_copies_go_back_from_the_highest_index(backend):
    points = backend.array(np.array([[1.0, 0.0]] * 4))
    chosen = infoq.forward_backward(infoq.EIG(infoq.Gaussian(points, 1.0)), 2)
    np.testing.assert_array_equal(backend.numpy(chosen.indices), [0, 1])


def test_matrices_of_all_members_within_the_memory(backend):
    pool, targets = instance(3)
    f = quantity(
        "trace",
        infoq.Gaussian(backend.array(pool), 1.0),
        infoq.DenseEmbedding(backend.array(targets)),
    )
    assert f.pruned([0, 1, 2], 2) is not None
    with infoq.options(memory=100):
        assert f.pruned([0, 1, 2], 2) is None


def test_scores_that_add_up_and_draws_have_no_shortcut(backend):
    pool, _ = instance(4)
    modular = infoq.EIG(infoq.Gaussian(backend.array(pool), 1.0), approximation="trace")
    assert modular.pruned([0, 1], 1) is None
    assert infoq.EIG(backend.array(np.full((3, 2, 2), 0.5))).pruned([0, 1], 1) is None

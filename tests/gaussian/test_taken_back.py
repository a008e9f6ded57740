"""Outcomes that are taken back in float32, where they have said very much."""

from __future__ import annotations

import numpy as np
import pytest

import infoq

F32 = "float32"


def rows(count, size, noise, seed):
    """What outcomes of a linear model measure, in units of a noise: float32 numbers."""
    drawn = np.random.default_rng(seed).normal(size=(count, size))
    return (drawn / noise**0.5).astype(F32)


def value(picked):
    """1/2 log det(I + X X^T) in float64."""
    return np.linalg.slogdet(np.eye(len(picked)) + picked @ picked.T)[1] / 2


@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-5, 1e-6])
def test_a_forgotten_outcome_leaves_nothing_behind(backend, noise):
    if not backend.reads_values:
        noise = 1e-1  # rows cannot be compared, and are taken off as a difference
    x = rows(9, 20, noise, 1)
    pool = infoq.Gaussian(backend.array(x), 1.0)
    known = pool.context()
    for index in range(6):
        known = pool.observe(known, index)
    left = infoq.eig(pool, given=pool.forget(known, 2))
    wide = x.astype("float64")
    others = wide[[0, 1, 3, 4, 5]]
    rest = wide - wide @ np.linalg.solve(np.eye(20) + others.T @ others, others.T @ others).T
    told = np.einsum("np,np->n", rest, wide)
    expected = np.log1p(told) / 2
    tolerance = 1e-5 if backend.reads_values else 1e-3
    others = [2, 6, 7, 8]
    np.testing.assert_allclose(backend.numpy(left)[others], expected[others], rtol=tolerance)


def test_all_that_was_known_is_forgotten(backend):
    x = rows(3, 8, 1e-4 if backend.reads_values else 1e-1, 0)
    pool = infoq.Gaussian(backend.array(x), 2.0)
    known = pool.forget(pool.observe(pool.context(), 1), 1)
    np.testing.assert_allclose(
        backend.numpy(infoq.eig(pool, given=known)), backend.numpy(infoq.eig(pool)), rtol=1e-5
    )
    if backend.reads_values:
        assert repr(known) == repr(pool.context())


@pytest.mark.parametrize(
    ("size", "picks", "count", "noise", "seed"),
    [(16, 4, 12, 1e-6, 0), (5, 4, 12, 1e-6, 3), (16, 4, 12, 1e-5, 0), (32, 8, 24, 1e-4, 1)],
)
def test_forward_backward_keeps_its_digits(backend, size, picks, count, noise, seed):
    x = rows(count, size, noise, seed)
    batch = infoq.forward_backward(infoq.EIG(infoq.Gaussian(backend.array(x), 1.0)), picks)
    picked = x.astype("float64")[backend.numpy(batch.indices)]
    assert float(batch.value) == pytest.approx(value(picked), rel=2e-6)
    np.testing.assert_allclose(backend.numpy(batch.gains).sum(), value(picked), rtol=2e-6)


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6])
def test_removal_from_a_batch_about_targets(backend, noise):
    pool = infoq.Gaussian(backend.array(rows(8, 16, noise, 2)), 1.0)
    f = infoq.EPIG(pool, infoq.DenseEmbedding(backend.array(rows(2, 16, noise, 3))))
    state, other = f.start(), f.start()
    for index in (0, 1, 7):
        state = f.add(state, index)
    state = f.remove(state, 0)
    for index in (1, 7):
        other = f.add(other, index)
    gains = backend.numpy(f.gains(state))
    np.testing.assert_allclose(gains, backend.numpy(f.gains(other)), rtol=1e-4, atol=1e-6)

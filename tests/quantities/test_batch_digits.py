"""Batches about targets of outcomes that say very much: float32 against float64 on its inputs."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests.oracles_digits import RELATIVE, joint, problem

NOISES = (1e-3, 1e-5, 1e-6)
# Parameters, targets, and rows of each: fewer, as many and more of them than parameters.
SIZES = [(16, 30, 1), (16, 8, 1), (8, 4, 2), (4, 3, 1)]


def jepig(backend, pool, targets):
    """The set function of a linear model with prior precision 1."""
    known = infoq.Gaussian(backend.array(pool), 1.0)
    return infoq.JEPIG(known, infoq.DenseEmbedding(backend.array(targets)))


def value(pool, targets, batch):
    """What a batch tells about the targets, in float64."""
    if not batch:
        return 0.0
    rows = pool[batch].reshape(1, -1, pool.shape[-1])
    return float(joint(rows, targets, np.eye(pool.shape[-1]))[0])


def bait(pool, targets, batch):
    """What a batch takes off half the trace of the mean of the targets, in float64."""
    mean = targets.reshape(-1, targets.shape[-1]).astype("float64")
    mean = mean.T @ mean / len(targets)
    rows = pool[batch].reshape(-1, pool.shape[-1]).astype("float64")
    left = np.linalg.inv(np.eye(len(mean)) + rows.T @ rows)
    return float(np.trace(mean - left @ mean)) / 2


def close(found, expected):
    """Equal to the relative accuracy, or to 5e-6 nats: a rounding of what the batch has said.

    Of inputs that differ by their last digit, a gain that is left where the others have said 10^6
    times as much differs by more than that.
    """
    np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=5e-6)


def steps(of, pool, targets, batch):
    """What each of a batch adds to those before it."""
    values = [of(pool, targets, batch[:i]) for i in range(len(batch) + 1)]
    return np.diff(values)


@pytest.mark.parametrize(("size", "count", "rows"), SIZES)
@pytest.mark.parametrize("noise", NOISES)
def test_gains_along_a_greedy_batch(backend, size, count, rows, noise):
    pool, targets = problem(size, count, rows, noise)
    f = jepig(backend, pool, targets)
    chosen = infoq.greedy(f, 6)
    batch = backend.numpy(chosen.indices).tolist()
    close(backend.numpy(chosen.gains), steps(value, pool, targets, batch))
    assert float(chosen.value) == pytest.approx(value(pool, targets, batch), rel=RELATIVE)
    state = f.start()
    for index in batch[:2]:
        state = f.add(state, index)
    others = [i for i in range(len(pool)) if i not in batch[:2]]
    told = value(pool, targets, batch[:2])
    expected = [value(pool, targets, [*batch[:2], i]) - told for i in others]
    close(backend.numpy(f.gains(state))[others], np.array(expected))
    assert float(f.value(state)) == pytest.approx(told, rel=RELATIVE)


@pytest.mark.parametrize("noise", NOISES)
def test_some_gains_and_those_without_a_member(backend, noise):
    pool, targets = problem(8, 12, 1, noise, seed=1)
    f = jepig(backend, pool, targets)
    state = f.add(f.add(f.add(f.start(), 3), 12), 7)
    places = f.ops.fetch(backend.array(np.array([5, 1])))
    some = backend.numpy(f.gains_of(state, places))
    np.testing.assert_allclose(some, backend.numpy(f.gains(state))[[5, 1]], rtol=1e-5)
    shorter = f.remove(state, 12)
    told = value(pool, targets, [3, 7])
    expected = [value(pool, targets, [3, 7, i]) - told for i in (12, 1, 0)]
    close(backend.numpy(f.gains(shorter))[[12, 1, 0]], np.array(expected))


@pytest.mark.parametrize("noise", NOISES)
def test_forward_backward_and_lazy_greedy(backend, noise):
    pool, targets = problem(8, 10, 1, noise, seed=2)
    f = jepig(backend, pool, targets)
    with pytest.warns(UserWarning, match="heuristic for JEPIG"):
        lazy = infoq.lazy_greedy(f, 4)
    for chosen in (infoq.forward_backward(f, 3), lazy):
        batch = backend.numpy(chosen.indices).tolist()
        close(backend.numpy(chosen.gains), steps(value, pool, targets, batch))


@pytest.mark.parametrize("noise", NOISES)
def test_the_trace_of_a_batch(backend, noise):
    pool, targets = problem(8, 12, 2, noise, seed=3)
    known = infoq.Gaussian(backend.array(pool), 1.0)
    about = infoq.DenseEmbedding(backend.array(targets))
    f = infoq.EPIG(known, about, approximation="trace")
    chosen = infoq.greedy(f, 3)
    batch = backend.numpy(chosen.indices).tolist()
    close(backend.numpy(chosen.gains), steps(bait, pool, targets, batch))


@pytest.mark.parametrize("seed", range(8))
def test_no_gain_is_lost_and_none_is_raised_for(backend, seed):
    # Of one seed five gains were equal, of another the matrices had no Cholesky factor.
    pool, targets = problem(16, 30, 1, 1e-6, seed=seed)
    chosen = infoq.greedy(jepig(backend, pool, targets), 12)
    gains = backend.numpy(chosen.gains)
    assert np.all(np.isfinite(gains))
    batch = backend.numpy(chosen.indices).tolist()
    close(gains, steps(value, pool, targets, batch))


@pytest.mark.of_libraries("jax")
def test_compiled_batches_keep_the_digits_and_have_slopes():
    jax = pytest.importorskip("jax")
    pool, targets = problem(6, 9, 1, 1e-5)

    def batch(x, y):
        return infoq.greedy(infoq.JEPIG(infoq.Gaussian(x, 1.0), infoq.DenseEmbedding(y)), 3)

    chosen = jax.jit(batch)(pool, targets)
    indices = np.array(chosen.indices).tolist()
    close(np.array(chosen.gains), steps(value, pool, targets, indices))
    slope = jax.jit(jax.grad(lambda x, y: batch(x, y).value))(
        *(jax.numpy.asarray(x) for x in (pool, targets))
    )
    assert bool(jax.numpy.all(jax.numpy.isfinite(slope)))

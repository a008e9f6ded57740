"""Which approximations about targets are bounds, and which are none, on every backend."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import gain, gram, mean_fisher, trace

ROUNDING = 1e-10


def told(precision, candidate, about, measure) -> float:
    """What a candidate takes off what is to be known about: its value before, less that after."""
    return measure(precision, about) - measure(precision + candidate, about)


def check_order(smaller, larger, scale):
    """No value of the first exceeds that of the second by more than rounding."""
    assert np.all(smaller <= larger + ROUNDING * (1 + scale))


@given(problem=oracles.problems(), known=st.booleans())
def test_epig_is_at_most_jensen_and_that_at_most_the_trace(backend, problem, known):
    pool, targets = problem.pool(backend), problem.about(backend)
    context = problem.known(backend, problem.rows[:1], "precision") if known else None
    precision = problem.precision + (gram(problem.rows[0]) if known else 0)
    exact, jensen, linear = (
        backend.numpy(infoq.epig(pool, targets, given=context, approximation=how))
        for how in ("logdet", "jensen", "trace")
    )
    mean = mean_fisher(problem.targets)
    scale = np.abs(linear).max()
    for found, measure in ((jensen, gain), (linear, trace)):
        expected = [told(precision, gram(one), mean, measure) for one in problem.rows]
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * (1 + scale))
    check_order(exact, jensen, scale)
    check_order(jensen, linear, scale)
    check_order(jensen, backend.numpy(infoq.jepig(pool, targets, given=context)), scale)


@given(problem=oracles.problems(), known=st.booleans())
def test_jepig_is_at_most_its_trace(backend, problem, known):
    pool, targets = problem.pool(backend), problem.about(backend)
    context = problem.known(backend, problem.rows[:1], "embedding") if known else None
    exact, linear = (
        backend.numpy(infoq.jepig(pool, targets, given=context, approximation=how))
        for how in ("logdet", "trace")
    )
    check_order(exact, linear, np.abs(linear).max())


@given(problem=oracles.problems())
def test_gains_along_a_batch_keep_the_order(backend, problem):
    pool, targets = problem.pool(backend), problem.about(backend)
    makers = (infoq.JEPIG, infoq.EPIG)
    for make, names in zip(makers, (("logdet", "trace"), ("jensen", "trace")), strict=True):
        both = [make(pool, targets, approximation=how) for how in names]
        states = [f.add(f.start(), 0) for f in both]
        less, more = (backend.numpy(f.gains(state)) for f, state in zip(both, states, strict=True))
        check_order(less, more, np.abs(more).max())


@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([2, 5]))
def test_why_the_difference_grows_with_what_is_left(backend, seed, size):
    # 1/2 tr X - 1/2 log det(I + X) grows with X, and an outcome makes X smaller.
    rng = np.random.default_rng(seed)
    one, two = (rng.normal(size=(3, size)) for _ in range(2))
    x, more = one.T @ one, one.T @ one + two.T @ two
    difference = [
        float(infoq.eig(pool, approximation="trace")[0] - infoq.eig(pool)[0])
        for rows in (one, np.concatenate([one, two]))
        for pool in [infoq.Gaussian(backend.array(rows[None]), 1.0)]
    ]
    expected = [(np.trace(m) - oracles.logdet(np.eye(size) + m)) / 2 for m in (x, more)]
    np.testing.assert_allclose(difference, expected, rtol=1e-9, atol=1e-11)
    assert difference[0] <= difference[1] + ROUNDING


def test_the_diagonal_lies_between_for_eig_only(backend):
    # Rows (1, 1) and (1, -1) tell nothing about each other; their diagonals are the same.
    rows, other = np.array([[1.0, 1.0]]), np.array([[1.0, -1.0]])
    pool, target = (infoq.DenseEmbedding(backend.array(x)) for x in (rows, other))
    same = infoq.DiagonalEmbedding(backend.array(rows**2))
    for score in (infoq.epig, infoq.jepig):
        exact = backend.numpy(score(infoq.Gaussian(pool, 1.0), target))
        diagonal = backend.numpy(score(infoq.Gaussian(same, 1.0), same))
        linear = score(infoq.Gaussian(pool, 1.0), target, approximation="trace")
        np.testing.assert_allclose(exact, 0, atol=1e-12)
        np.testing.assert_allclose(backend.numpy(linear), 0, atol=1e-12)
        np.testing.assert_allclose(diagonal, np.log(4 / 3), rtol=1e-12)

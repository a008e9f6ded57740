"""What outcomes tell about the parameters, one after the other (CATALOGUE 8 to 11, 38, 39)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import each, gain, gram

RELATIVE, ROUNDING = 1e-10, 1e-11
hows = st.sampled_from(oracles.CONTEXTS)


def close(actual, expected, scale=1.0):
    """Equal to 1e-10, or to rounding of numbers of a given scale."""
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ROUNDING * scale)


def eig(backend, pool, **keywords) -> np.ndarray:
    """EIG of a pool, as NumPy."""
    return backend.numpy(infoq.eig(pool, **keywords))


@given(problem=oracles.problems(), how=hows)
def test_08_chain_rule(backend, problem, how):
    first, rest = problem.rows[:1], problem.rows[1:]
    known = problem.known(backend, first, how)
    one, two = eig(backend, problem.pool(backend)), eig(backend, problem.pool(backend), given=known)
    after = problem.precision + gram(first)
    close(two, each(lambda f: gain(after, f), problem.rows))
    pairs = np.concatenate([np.broadcast_to(first, rest.shape), rest], axis=1)
    close(one[0] + two[1:], eig(backend, problem.pool(backend, pairs)))


@given(problem=oracles.problems())
def test_08_chain_rule_of_observed_outcomes(backend, problem):
    pool = problem.pool(backend)
    context, total = pool.context(), 0.0
    for index in range(len(problem.rows)):
        total += eig(backend, pool, given=context)[index]
        context = pool.observe(context, index)
    close(total, eig(backend, problem.pool(backend, oracles.joint(problem.rows)))[0])


def test_08_chain_rule_of_a_dozen_outcomes_one_by_one(backend):
    rows = np.random.default_rng(0).normal(size=(12, 1, 20))
    pool = infoq.Gaussian(backend.array(rows), 2.0)
    context = pool.context()
    for index in range(len(rows) - 1):
        context = pool.observe(context, index)
    last = eig(backend, pool, given=context)[-1]
    prior = 2.0 * np.eye(20)
    close(last, gain(prior, gram(rows)) - gain(prior, gram(rows[:-1])))


@given(problem=oracles.problems(kinds=("dense", "scalar", "diagonal", "low rank")))
def test_08_what_is_forgotten_was_never_known(backend, problem):
    pool = problem.pool(backend)
    context = pool.context()
    before = eig(backend, pool, given=pool.observe(context, 1))
    for index in (0, 1):
        context = pool.observe(context, index)
    after = eig(backend, pool, given=pool.forget(context, 0))
    np.testing.assert_allclose(after, before, rtol=1e-8, atol=1e-8)


@given(problem=oracles.problems(), seed=st.integers(0, 2**32 - 1))
def test_09_loewner_monotone(backend, problem, seed):
    rng = np.random.default_rng(seed)
    n, _, p = problem.rows.shape
    # F <= F + D, for any D that is positive semi-definite: with another row, or larger rows.
    extra = rng.normal(size=(n, 1, p))
    more = np.concatenate([problem.rows, extra], axis=1)
    before = eig(backend, problem.pool(backend))
    after = eig(backend, problem.pool(backend, more))
    assert np.all(after > before + ROUNDING)
    alone = eig(backend, problem.pool(backend, extra))
    assert np.all(after <= before + alone + ROUNDING)
    assert np.all(eig(backend, problem.pool(backend, 2 * problem.rows)) >= before)


@given(problem=oracles.problems(), how=hows)
def test_10_submodular(backend, problem, how):
    pool = problem.pool(backend)
    empty = eig(backend, pool)
    fewer = eig(backend, pool, given=problem.known(backend, problem.rows[:1], how))
    more = eig(backend, pool, given=problem.known(backend, problem.rows[:2], how))
    assert np.all(more <= fewer + ROUNDING)
    assert np.all(fewer <= empty + ROUNDING)
    # A copy tells less the second time: by how much is known.
    a = empty[0]
    if problem.rows.shape[1] == 1:
        close(fewer[0], np.log1p(-math.expm1(-2 * a)) / 2)


@pytest.mark.parametrize("size", [2, 3])
@given(problem=oracles.problems(shapes=((4, 1, 2, 1, 3),)))
def test_10_greedy_has_most_of_what_the_best_batch_tells(backend, size, problem):
    pool = problem.pool(backend)
    context, picked, value = pool.context(), [], 0.0
    for _ in range(size):
        gains = eig(backend, pool, given=context)
        gains[picked] = -1
        picked.append(int(np.argmax(gains)))
        value += gains[picked[-1]]
        context = pool.observe(context, picked[-1])
    batches = [list(batch) for batch in itertools.combinations(range(4), size)]
    values = [gain(problem.precision, gram(problem.rows[batch])) for batch in batches]
    close(value, values[batches.index(sorted(picked))])
    assert (1 - 1 / math.e) * max(values) - ROUNDING <= value <= max(values) + ROUNDING


@given(problem=oracles.problems())
def test_11_the_trace_is_modular(backend, problem):
    alone = eig(backend, problem.pool(backend), approximation="trace")
    joint = problem.pool(backend, oracles.joint(problem.rows))
    together = eig(backend, joint, approximation="trace")
    close(together[0], alone.sum(), scale=1 + alone.sum())
    close(alone, each(lambda f: oracles.trace(problem.precision, f), problem.rows), 1 + alone.max())


@pytest.mark.parametrize("copies", [2, 4])
@given(problem=oracles.problems(shapes=((3, 1, 2, 1, 3),)))
def test_11_copies_add_up_in_the_trace_alone(backend, copies, problem):
    t = each(lambda f: 2 * oracles.trace(problem.precision, f), problem.rows)
    pool = problem.pool(backend, np.repeat(problem.rows, copies, axis=1))
    close(eig(backend, pool), np.log1p(copies * t) / 2)
    close(eig(backend, pool, approximation="trace"), copies * t / 2, scale=1 + t.max())


@given(problem=oracles.problems(kinds=("dense",)), seed=st.integers(0, 2**32 - 1))
def test_38_other_parameters_for_the_same_model(backend, problem, seed):
    rng = np.random.default_rng(seed)
    size = len(problem.precision)
    t = oracles.spread(rng, size) @ np.linalg.qr(rng.normal(size=(size, size)))[0]
    precision = t.T @ problem.precision @ t
    prior = oracles.Prior("dense", ((precision + precision.T) / 2,))
    other = oracles.Problem(problem.rows @ t, problem.targets @ t, prior)
    answers = []
    for x in (problem, other):
        pool, targets = x.pool(backend), x.about(backend)
        known = infoq.DenseEmbedding(backend.array(x.rows[:1]))
        answers.append(
            [
                *(infoq.eig(pool, approximation=how) for how in ("logdet", "trace")),
                *(
                    infoq.epig(pool, targets, approximation=how)
                    for how in ("logdet", "jensen", "trace")
                ),
                *(infoq.jepig(pool, targets, approximation=how) for how in ("logdet", "trace")),
                infoq.eig(pool, given=known),
                infoq.jepig(pool, targets, given=known),
                pool.entropy(),
            ]
        )
    for one, two in zip(*answers, strict=True):
        one, two = backend.numpy(one), backend.numpy(two)
        np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-10 * (1 + np.max(one)))
    one, two = (
        backend.numpy(
            infoq.similarity_matrix(backend.array(x.rows), precision=x.prior.made(backend))
        )
        for x in (problem, other)
    )
    np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-10 * (1 + np.max(np.abs(one))))


@given(problem=oracles.problems(), seed=st.integers(0, 2**32 - 1))
def test_39_eig_decreases_in_the_prior_precision(backend, problem, seed):
    rng = np.random.default_rng(seed)
    size = len(problem.precision)
    before = eig(backend, problem.pool(backend))
    for root in (rng.normal(size=(1, size)), np.sqrt(0.5) * np.eye(size)):
        prior = infoq.DensePrecision(backend.array(problem.precision + gram(root)))
        after = eig(backend, infoq.Gaussian(backend.array(problem.rows), prior))
        assert np.all(after <= before + ROUNDING)
        assert np.all((after < before) | (before < ROUNDING))
        # By as much as knowing an outcome that measures the difference takes off.
        known = infoq.DenseEmbedding(backend.array(root[None]))
        close(eig(backend, problem.pool(backend), given=known), after)


@given(problem=oracles.problems(kinds=("scalar",)), factor=st.sampled_from([2.0, 100.0]))
def test_39_a_prior_precision_is_a_scale(backend, problem, factor):
    # E_{c P}(F) = E_P(F / c).
    pool = problem.pool(backend)
    scaled = infoq.Gaussian(pool.embedding, factor * float(problem.precision[0, 0]))
    close(
        eig(backend, scaled), eig(backend, problem.pool(backend, problem.rows / math.sqrt(factor)))
    )
    assert np.all(eig(backend, scaled) <= eig(backend, pool))

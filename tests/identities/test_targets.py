"""What outcomes tell about those of targets, on every backend (CATALOGUE 12 to 19)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import bait, each, gain, gram, logdet, mean_fisher, shared

RELATIVE, ROUNDING = 1e-10, 1e-11
hows = st.sampled_from(oracles.CONTEXTS)


def close(actual, expected, scale=1.0):
    """Equal to 1e-10, or to rounding of numbers of a given scale."""
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ROUNDING * scale)


def scores(backend, problem, quantity, *about, **keywords) -> np.ndarray:
    """A quantity of the candidates, as NumPy."""
    return backend.numpy(quantity(problem.pool(backend), *about, **keywords))


def all_targets(backend, problem) -> infoq.Gaussian:
    """One candidate whose outcome is that of all targets."""
    return problem.pool(backend, oracles.joint(problem.targets))


@given(problem=oracles.problems(), how=hows)
def test_12_jensen_over_the_targets(backend, problem, how):
    targets = problem.about(backend)
    known = problem.known(backend, problem.rows[:1], how)
    for context, precision in (
        (None, problem.precision),
        (known, problem.precision + gram(problem.rows[:1])),
    ):
        mean = scores(backend, problem, infoq.epig, targets, given=context)
        jensen = scores(
            backend, problem, infoq.epig, targets, given=context, approximation="jensen"
        )
        close(mean, oracles.epig(precision, problem.rows, problem.targets))
        total = mean_fisher(problem.targets)
        close(jensen, each(lambda f, p=precision, t=total: shared(p, f, t), problem.rows))
        assert np.all(mean <= jensen + ROUNDING)


@given(problem=oracles.problems(), seed=st.integers(0, 2**32 - 1))
def test_12_jensen_with_unequal_weights(backend, problem, seed):
    weights = np.random.default_rng(seed).random(len(problem.targets)) + 0.1
    keywords = {"target_weights": backend.array(weights)}
    targets = problem.about(backend)
    mean = scores(backend, problem, infoq.epig, targets, **keywords)
    close(mean, oracles.epig(problem.precision, problem.rows, problem.targets, weights))
    jensen = scores(backend, problem, infoq.epig, targets, approximation="jensen", **keywords)
    total = mean_fisher(problem.targets, weights)
    close(jensen, each(lambda f: shared(problem.precision, f, total), problem.rows))
    assert np.all(mean <= jensen + ROUNDING)


@given(problem=oracles.problems())
def test_12_jensen_is_equality_for_targets_that_are_alike(backend, problem):
    same = problem._replace(targets=np.repeat(problem.targets[:1], len(problem.targets), axis=0))
    mean, jensen = (
        scores(backend, same, infoq.epig, same.about(backend), approximation=how)
        for how in ("logdet", "jensen")
    )
    close(mean, jensen)


@given(problem=oracles.problems(), how=hows)
def test_13_three_forms_of_jepig(backend, problem, how):
    targets = gram(problem.targets)
    jepig = scores(backend, problem, infoq.jepig, problem.about(backend))
    close(jepig, each(lambda f: shared(problem.precision, f, targets), problem.rows))
    eig = scores(backend, problem, infoq.eig)
    known = problem.known(backend, problem.targets, how)
    close(jepig, eig - scores(backend, problem, infoq.eig, given=known))
    joint = all_targets(backend, problem)
    of_targets = backend.numpy(infoq.eig(joint))[0]
    for index, candidate in enumerate(problem.rows):
        known = problem.known(backend, candidate[None], how)
        close(jepig[index], of_targets - backend.numpy(infoq.eig(joint, given=known))[0])
        both = np.concatenate([candidate[None], oracles.joint(problem.targets)], axis=1)
        close(
            jepig[index],
            eig[index] + of_targets - backend.numpy(infoq.eig(problem.pool(backend, both)))[0],
        )


@given(problem=oracles.problems())
def test_13_jepig_is_symmetric(backend, problem):
    jepig = scores(backend, problem, infoq.jepig, problem.about(backend))
    joint = all_targets(backend, problem)
    for index, candidate in enumerate(problem.rows):
        about = infoq.DenseEmbedding(backend.array(candidate[None]))
        for quantity in (infoq.jepig, infoq.epig):
            close(backend.numpy(quantity(joint, about))[0], jepig[index])


@given(problem=oracles.problems())
def test_14_and_15_the_order_of_the_quantities(backend, problem):
    targets = problem.about(backend)
    eig = scores(backend, problem, infoq.eig)
    jepig = scores(backend, problem, infoq.jepig, targets)
    jensen = scores(backend, problem, infoq.epig, targets, approximation="jensen")
    mean = scores(backend, problem, infoq.epig, targets)
    of_targets = backend.numpy(infoq.eig(all_targets(backend, problem)))[0]
    assert np.all(mean >= 0)
    assert np.all(jepig >= 0)
    assert np.all(mean <= jensen + ROUNDING)
    assert np.all(jensen <= jepig + ROUNDING)
    assert np.all(jepig <= np.minimum(eig, of_targets) + ROUNDING)
    singles = [targets[e : e + 1] for e in range(len(targets))]
    pairs = np.stack([scores(backend, problem, infoq.epig, single) for single in singles])
    assert np.all(pairs.max(0) <= jepig + ROUNDING)
    close(pairs.mean(0), mean)


@given(problem=oracles.problems())
def test_15_a_single_target_makes_them_one(backend, problem):
    single = problem.about(backend)[:1]
    answers = [
        scores(backend, problem, infoq.epig, single),
        scores(backend, problem, infoq.epig, single, approximation="jensen"),
        scores(backend, problem, infoq.jepig, single),
    ]
    target = gram(problem.targets[0])
    for answer in answers:
        close(answer, each(lambda f: shared(problem.precision, f, target), problem.rows))


@given(problem=oracles.problems(), seed=st.integers(0, 2**32 - 1))
def test_16_jepig_becomes_eig_as_the_targets_tell_everything(backend, problem, seed):
    size = len(problem.precision)
    eig = scores(backend, problem, infoq.eig)
    directions = oracles.spread(np.random.default_rng(seed), size)
    before = np.inf
    for grown in (1e2, 1e5, 1e8):
        # As many targets as parameters, of one row each: F_E is positive definite.
        rows = np.sqrt(grown) * np.linalg.cholesky(directions).T
        targets = infoq.DenseEmbedding(backend.array(rows))
        gap = eig - scores(backend, problem, infoq.jepig, targets)
        left = each(lambda f, g=grown: gain(problem.precision + g * directions, f), problem.rows)
        np.testing.assert_allclose(gap, left, rtol=1e-7, atol=1e-9)
        assert np.all(gap <= before + 1e-9)
        before = gap
    assert np.all(gap <= 1e-4)


@given(seed=st.integers(0, 2**32 - 1))
def test_16_needs_targets_in_every_direction(backend, seed):
    # Targets that leave one direction out never tell what the candidate measures there.
    rng = np.random.default_rng(seed)
    size, grown = 3, 1e6
    rows = np.sqrt(grown) * rng.normal(size=(2, size)) * np.array([1.0, 1.0, 0.0])
    candidate = np.array([[1.0, 1.0, 1.0]])
    pool = infoq.Gaussian(backend.array(candidate), 1.0)
    eig = backend.numpy(infoq.eig(pool))
    jepig = backend.numpy(infoq.jepig(pool, infoq.DenseEmbedding(backend.array(rows))))
    close(eig, np.log(4) / 2)
    assert jepig[0] <= (np.log(4) - np.log(2)) / 2 + ROUNDING


@given(problem=oracles.problems())
def test_17_baits_objective_is_at_least_the_logdet_objective(backend, problem):
    mean = mean_fisher(problem.targets)
    start = bait(problem.precision, mean)
    taken = 2 * scores(backend, problem, infoq.epig, problem.about(backend), approximation="trace")
    left = each(lambda f: bait(problem.precision + f, mean), problem.rows)
    close(start - taken, left, scale=1 + start)
    # A target of as many rows with the mean Fisher information, after each candidate.
    joint = problem.pool(backend, oracles.joint(problem.targets) / len(problem.targets) ** 0.5)
    for index, candidate in enumerate(problem.rows):
        known = problem.known(backend, candidate[None], "precision")
        logdets, traces = (
            2 * backend.numpy(infoq.eig(joint, given=known, approximation=how))[0]
            for how in ("logdet", "trace")
        )
        close(traces, left[index], scale=1 + start)
        inner = np.linalg.solve(problem.precision + gram(candidate), mean)
        close(logdets, logdet(np.eye(len(mean)) + inner))
        assert logdets <= traces + ROUNDING * (1 + start)


@given(problem=oracles.problems(), how=hows)
def test_18_woodbury_gain_of_bait(backend, problem, how):
    known = problem.rows[1:2]
    p, mean = problem.precision + gram(known), mean_fisher(problem.targets)
    context = problem.known(backend, known, how)
    targets = problem.about(backend)
    gains = [
        scores(backend, problem, quantity, targets, given=context, approximation="trace")
        for quantity in (infoq.epig, infoq.jepig)
    ]
    close(gains[1], len(problem.targets) * gains[0], scale=1 + gains[1].max())
    for rows, actual in zip(problem.rows, gains[0], strict=True):
        half = np.linalg.solve(p, rows.T)
        inner = np.eye(len(rows)) + rows @ half
        woodbury = np.trace(np.linalg.solve(inner, half.T @ mean @ half))
        close(2 * actual, woodbury, scale=1 + woodbury)
        difference = bait(p, mean) - bait(p + gram(rows), mean)
        close(2 * actual, difference, scale=1 + bait(p, mean))


@given(problem=oracles.problems(), how=hows)
def test_19_the_objective_of_jepig(backend, problem, how):
    # log det(I + F_E (P + F_a)^-1), to be minimised.
    joint, total = all_targets(backend, problem), gram(problem.targets)
    eig = scores(backend, problem, infoq.eig)
    later = scores(backend, problem, infoq.eig, given=problem.known(backend, problem.targets, how))
    jepig = scores(backend, problem, infoq.jepig, problem.about(backend))
    constant = 2 * backend.numpy(infoq.eig(joint))[0]
    for index, candidate in enumerate(problem.rows):
        inner = np.linalg.solve(problem.precision + gram(candidate), total)
        objective = logdet(np.eye(len(total)) + inner)
        known = problem.known(backend, candidate[None], how)
        close(2 * backend.numpy(infoq.eig(joint, given=known))[0], objective)
        close(constant - 2 * eig[index] + 2 * later[index], objective)
        close(constant - 2 * jepig[index], objective)

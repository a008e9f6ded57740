"""Log-determinants of similarity matrices and weight space (CATALOGUE 27, 28, 30, 31)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import gain, gram, logdet, shared

RELATIVE, ROUNDING = 1e-10, 1e-11
hows = st.sampled_from(oracles.CONTEXTS)
# Batches, queries and private sets of one row each: independent without a ridge.
FEW = (4, 1, 2, 1, 6)


def close(actual, expected):
    """Equal to 1e-10."""
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ROUNDING)


def similarities(backend, problem, *sets: np.ndarray) -> list:
    """The blocks of the similarity matrix of sets of rows, in the order of the published names.

    S_1; S_12, S_2; S_13, S_23, S_3.
    """
    prior = problem.prior.made(backend)
    arrays = [backend.array(x) for x in sets]
    return [
        infoq.similarity_matrix(arrays[i], arrays[j], precision=prior)
        for j in range(len(sets))
        for i in range(j + 1)
    ]


def number(backend, x) -> float:
    """A 0-d array."""
    return float(backend.numpy(x))


@given(problem=oracles.problems())
def test_27_the_matrix_itself(backend, problem):
    prior = problem.prior.made(backend)
    flat, about = (x.reshape(-1, x.shape[-1]) for x in (problem.rows, problem.targets))
    inverse = np.linalg.inv(problem.precision)
    for others, columns in (((), flat), ((backend.array(problem.targets),), about)):
        actual = infoq.similarity_matrix(backend.array(problem.rows), *others, precision=prior)
        scale = np.max(np.abs(flat @ inverse @ columns.T)) + 1e-12
        np.testing.assert_allclose(
            backend.numpy(actual) / scale, flat @ inverse @ columns.T / scale, atol=1e-11
        )


@given(problem=oracles.problems())
def test_27_logdet_with_the_ridge_is_twice_the_joint_eig(backend, problem):
    (s,) = similarities(backend, problem, problem.rows[:2])
    similarity = number(backend, infoq.logdet(s, ridge=1.0))
    close(similarity, 2 * gain(problem.precision, gram(problem.rows[:2])))
    pool = problem.pool(backend, oracles.joint(problem.rows[:2]))
    close(similarity, 2 * backend.numpy(infoq.eig(pool))[0])


@given(problem=oracles.problems())
def test_28_logdet_mi_with_the_ridge_is_twice_jepig(backend, problem):
    a, ae, e = similarities(backend, problem, problem.rows[:2], problem.targets)
    mi = number(backend, infoq.logdet_mi(a, ae, e, ridge=1.0))
    close(mi, 2 * shared(problem.precision, gram(problem.rows[:2]), gram(problem.targets)))
    pool = problem.pool(backend, oracles.joint(problem.rows[:2]))
    close(mi, 2 * backend.numpy(infoq.jepig(pool, problem.about(backend)))[0])
    # The Schur form.
    a, ae, e = (backend.numpy(x) for x in (a, ae, e))
    a, e = a + np.eye(len(a)), e + np.eye(len(e))
    close(mi, logdet(a) - logdet(a - ae @ np.linalg.solve(e, ae.T)))


@given(problem=oracles.problems())
def test_28_the_mean_over_single_targets_is_epig_and_not_jepig(backend, problem):
    candidate = problem.rows[:1]
    values = []
    for target in problem.targets:
        blocks = similarities(backend, problem, candidate, target[None])
        values.append(number(backend, infoq.logdet_mi(*blocks, ridge=1.0)) / 2)
    pool = problem.pool(backend, candidate)
    close(np.mean(values), backend.numpy(infoq.epig(pool, problem.about(backend)))[0])


@given(problem=oracles.problems(shapes=(FEW,), scales=(1.0,)))
def test_28_without_a_ridge(backend, problem):
    # The first candidate may be a target, of zero, or copied: the others are independent.
    a, ae, e = similarities(backend, problem, problem.rows[2:], problem.targets)
    mi = number(backend, infoq.logdet_mi(a, ae, e))
    a, ae, e = (backend.numpy(x) for x in (a, ae, e))
    schur = logdet(a) - logdet(a - ae @ np.linalg.solve(e, ae.T))
    np.testing.assert_allclose(mi, schur, rtol=1e-8, atol=1e-9)
    total = logdet(a) + logdet(e) - logdet(np.block([[a, ae], [ae.T, e]]))
    np.testing.assert_allclose(mi, total, rtol=1e-8, atol=1e-9)


@given(problem=oracles.problems(), how=hows)
def test_30_logdet_cg_with_the_ridge_is_twice_the_eig_given_a_private_set(backend, problem, how):
    a, ap, p = similarities(backend, problem, problem.rows[:2], problem.targets)
    cg = number(backend, infoq.logdet_cg(a, ap, p, ridge=1.0))
    pool = problem.pool(backend, oracles.joint(problem.rows[:2]))
    known = problem.known(backend, problem.targets, how)
    close(cg, 2 * backend.numpy(infoq.eig(pool, given=known))[0])
    close(cg, 2 * gain(problem.precision + gram(problem.targets), gram(problem.rows[:2])))
    a, ap, p = (backend.numpy(x) for x in (a, ap, p))
    a, p = a + np.eye(len(a)), p + np.eye(len(p))
    close(cg, logdet(np.block([[a, ap], [ap.T, p]])) - logdet(p))
    close(cg, logdet(a - ap @ np.linalg.solve(p, ap.T)))


@given(problem=oracles.problems(), how=hows)
def test_30_logdet_cmi_with_the_ridge_is_twice_jepig_given_a_private_set(backend, problem, how):
    batch, private = problem.rows[:-1], problem.rows[-1:]
    blocks = similarities(backend, problem, batch, problem.targets, private)
    cmi = number(backend, infoq.logdet_cmi(*blocks, ridge=1.0))
    pool = problem.pool(backend, oracles.joint(batch))
    known = problem.known(backend, private, how)
    close(cmi, 2 * backend.numpy(infoq.jepig(pool, problem.about(backend), given=known))[0])
    after = problem.precision + gram(private)
    close(cmi, 2 * shared(after, gram(batch), gram(problem.targets)))


@given(problem=oracles.problems(shapes=(FEW,), scales=(1.0,)))
def test_30_closed_forms_without_a_ridge(backend, problem):
    batch, private = problem.rows[2:3], problem.rows[3:]
    blocks = similarities(backend, problem, batch, problem.targets, private)
    a, aq, q, ap, qp, p = blocks
    full = (backend.numpy(x) for x in blocks)
    a_, aq_, q_, ap_, qp_, p_ = full

    def joined(one, between, two):
        return np.block([[one, between], [between.T, two]])

    of_ap, of_qp = logdet(joined(a_, ap_, p_)), logdet(joined(q_, qp_, p_))
    aq_p = np.concatenate([ap_, qp_])
    of_all = logdet(joined(joined(a_, aq_, q_), aq_p, p_))
    cmi = number(backend, infoq.logdet_cmi(a, aq, q, ap, qp, p))
    np.testing.assert_allclose(cmi, of_ap + of_qp - of_all - logdet(p_), rtol=1e-8, atol=1e-9)
    cg = number(backend, infoq.logdet_cg(a, ap, p))
    np.testing.assert_allclose(cg, of_ap - logdet(p_), rtol=1e-8, atol=1e-9)
    given_both = infoq.logdet_cg(
        a, backend.array(np.concatenate([aq_, ap_], axis=1)), backend.array(joined(q_, qp_, p_))
    )
    np.testing.assert_allclose(cmi, cg - number(backend, given_both), rtol=1e-8, atol=1e-8)


@given(seed=st.integers(0, 2**32 - 1), near=st.sampled_from([1.0, 0.1]))
def test_31_the_determinant_is_the_product_of_squared_distances(backend, seed, near):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(1, 6)) + near * rng.normal(size=(4, 6))
    value = number(backend, infoq.logdet(infoq.similarity_matrix(backend.array(points))))
    residual, nearest = [], []
    for index, point in enumerate(points):
        before = points[:index]
        fit = np.linalg.lstsq(before.T, point, rcond=None)[0] if index else np.zeros(0)
        residual.append(np.sum((point - fit @ before) ** 2))
        # What k-means++ samples by; of the first, the distance from the origin.
        others = before if index else np.zeros((1, 6))
        nearest.append(np.min(np.sum((point - others) ** 2, axis=1)))
    close(value, np.sum(np.log(residual)))
    assert value <= np.sum(np.log(nearest)) + ROUNDING
    assert np.all(np.array(residual) <= np.array(nearest) * (1 + RELATIVE))


def test_31_is_equality_for_orthogonal_steps(backend):
    # Each point is its nearest predecessor and a step in a new direction, and that is spanned.
    points = np.cumsum(np.diag([1.0, 2.0, 0.5]), axis=0)
    value = number(backend, infoq.logdet(infoq.similarity_matrix(backend.array(points))))
    close(value, 2 * np.log(1.0 * 2.0 * 0.5))
    points = np.cumsum(np.diag([1.0, 2.0, 3.0]), axis=0)
    value = number(backend, infoq.logdet(infoq.similarity_matrix(backend.array(points))))
    close(value, np.log(1.0 * 4.0 * 9.0))

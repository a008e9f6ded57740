"""A vanishing prior precision, and where the limits don't exist (CATALOGUE 29)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import gram, logdet

ROUNDING = 1e-8
LAMBDAS = (1e-2, 1e-4, 1e-6)
seeds = st.integers(0, 2**32 - 1)


def rows(seed: int, count: int, size: int = 5) -> np.ndarray:
    """Independent gradients [n, P], well conditioned but not orthogonal."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(size, count)))
    mixed = np.eye(count) + 0.4 * rng.uniform(-1, 1, size=(count, count)) / count
    return mixed @ basis.T


def joint_eig(backend, gradients: np.ndarray, value: float) -> float:
    """The EIG of all rows together under P = value I."""
    pool = infoq.Gaussian(backend.array(gradients[None]), value)
    return float(backend.numpy(infoq.eig(pool))[0])


def joint_jepig(backend, gradients: np.ndarray, targets: np.ndarray, value: float) -> float:
    """The JEPIG of all rows together about all targets under P = value I."""
    pool = infoq.Gaussian(backend.array(gradients[None]), value)
    about = infoq.DenseEmbedding(backend.array(targets))
    return float(backend.numpy(infoq.jepig(pool, about))[0])


@given(seed=seeds)
def test_29_eig_diverges_and_what_is_left_is_half_the_logdet(backend, seed):
    gradients = rows(seed, 2)
    count, s = len(gradients), gradients @ gradients.T
    limit = infoq.logdet(infoq.similarity_matrix(backend.array(gradients)))
    limit = float(backend.numpy(limit)) / 2
    np.testing.assert_allclose(limit, logdet(s) / 2, rtol=1e-10, atol=1e-12)
    values = [joint_eig(backend, gradients, value) for value in LAMBDAS]
    for value, eig in zip(LAMBDAS, values, strict=True):
        left = eig + count / 2 * math.log(value) - limit
        # 1/2 [log det(S + value I) - log det S].
        assert -ROUNDING <= left <= value / 2 * np.trace(np.linalg.inv(s)) + ROUNDING
    # By log(100) for each two gradients and step: EIG itself has no limit.
    np.testing.assert_allclose(np.diff(values), count / 2 * math.log(100), rtol=1e-2)


@given(seed=seeds)
def test_29_a_duplicate_sends_it_to_minus_infinity(backend, seed):
    gradients = rows(seed, 2)[[0, 1, 0]]
    similarity = infoq.similarity_matrix(backend.array(gradients))
    assert float(backend.numpy(infoq.logdet(similarity))) == -math.inf
    left = [joint_eig(backend, gradients, value) + 3 / 2 * math.log(value) for value in LAMBDAS]
    np.testing.assert_allclose(np.diff(left), -math.log(100) / 2, rtol=2e-2)


@given(seed=seeds)
def test_29_jepig_converges_to_half_of_logdet_mi(backend, seed):
    both = rows(seed, 4)
    gradients, targets = both[:2], both[2:]
    one, two = backend.array(gradients), backend.array(targets)
    blocks = (
        infoq.similarity_matrix(one),
        infoq.similarity_matrix(one, two),
        infoq.similarity_matrix(two),
    )
    limit = float(backend.numpy(infoq.logdet_mi(*blocks))) / 2
    s = both @ both.T
    expected = (logdet(s[:2, :2]) + logdet(s[2:, 2:]) - logdet(s)) / 2
    np.testing.assert_allclose(limit, expected, rtol=1e-9, atol=1e-12)
    assert limit > 0
    low = np.trace(np.linalg.inv(s)) / 2
    high = (np.trace(np.linalg.inv(s[:2, :2])) + np.trace(np.linalg.inv(s[2:, 2:]))) / 2
    for value in LAMBDAS:
        left = joint_jepig(backend, gradients, targets, value) - limit
        assert -value * low - ROUNDING <= left <= value * high + ROUNDING


@pytest.mark.parametrize("spanned", [1, 2])
@given(seed=seeds)
def test_29_jepig_diverges_where_the_targets_span_the_batch(backend, spanned, seed):
    both = rows(seed, 4)
    targets = both[2:]
    gradients = both[:2].copy()
    gradients[:spanned] = np.array([[1.0, 0.5], [-0.5, 1.0]])[:spanned] @ targets
    values = [joint_jepig(backend, gradients, targets, value) for value in LAMBDAS]
    # Half a log(100) for each direction that is spanned.
    np.testing.assert_allclose(np.diff(values), spanned / 2 * math.log(100), rtol=2e-2)


def test_29_logdet_mi_is_infinite_where_the_targets_span_the_batch(backend):
    targets = np.eye(4)[:2]
    gradients = np.array([[1.0, 2.0, 0.0, 0.0]])
    one, two = backend.array(gradients), backend.array(targets)
    blocks = (
        infoq.similarity_matrix(one),
        infoq.similarity_matrix(one, two),
        infoq.similarity_matrix(two),
    )
    assert float(backend.numpy(infoq.logdet_mi(*blocks))) == math.inf
    assert float(backend.numpy(infoq.logdet_cg(*blocks))) == -math.inf


@given(seed=seeds, value=st.sampled_from([1e2, 1e4, 1e6]))
def test_large_precision_logdet_is_the_trace(backend, seed, value):
    # The other end: where little is told, log-det and trace agree to first order.
    gradients = rows(seed, 2)
    eig = joint_eig(backend, gradients, value)
    spectrum = np.linalg.eigvalsh(gram(gradients)) / value
    trace = np.sum(spectrum) / 2
    assert 0 <= trace - eig <= np.sum(spectrum**2) / 4 * (1 + 1e-3) + 1e-16
    np.testing.assert_allclose(
        eig, oracles.trace(value * np.eye(5), gram(gradients)), rtol=2 / value
    )

"""EPIG: against brute force, in float32 at small disagreement, and in bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles


@given(
    data=st.data(),
    k=st.sampled_from([1, 2, 5]),
    c=st.sampled_from([2, 3]),
    m=st.sampled_from([1, 3]),
)
def test_agrees_with_joint_entropies(backend, data, k, c, m):
    pool = data.draw(oracles.probabilities(5, k, c))
    targets = data.draw(oracles.probabilities(m, k, 3))
    expected = oracles.pair_information(pool, targets).mean(1)
    np.testing.assert_allclose(backend.call(infoq.epig, pool, targets), expected, atol=1e-14)


@given(data=st.data(), k=st.sampled_from([1, 2, 5]), seed=st.integers(0, 50))
def test_weighted_draws_and_targets(backend, data, k, seed):
    pool = data.draw(oracles.probabilities(4, k, 3))
    targets = data.draw(oracles.probabilities(3, k, 2))
    weights = oracles.draw_weights(k, seed)
    counts = np.array([2.0, 0.0, 1.0])
    score = infoq.epig(
        infoq.Categorical(backend.array(pool), weights=backend.array(weights)),
        infoq.Categorical(backend.array(targets), weights=backend.array(weights)),
        target_weights=backend.array(counts),
    )
    expected = oracles.pair_information(pool, targets, weights) @ (counts / 3)
    np.testing.assert_allclose(backend.numpy(score), expected, atol=1e-14)


def test_a_copy_of_a_target_tells_all_that_its_own_outcome_tells(backend):
    # Deterministic draws: the outcome of a copy is the outcome of the target.
    probs = np.eye(3)[np.random.default_rng(0).integers(3, size=(1, 7))]
    np.testing.assert_allclose(backend.call(infoq.epig, probs, probs), oracles.bald(probs))


def small_disagreement(candidates: int, targets: int, scale: float) -> tuple[np.ndarray, ...]:
    """Pools whose EPIG is about scale^4 / 1.5 nats, in float32, rows that sum to one."""
    rng = np.random.default_rng(3)
    latent = rng.normal(size=(12, 4))

    def draw(n: int) -> np.ndarray:
        shared = rng.normal(size=(n, 1, 6))
        direction = np.exp(rng.normal(size=(n, 1, 1))) * rng.normal(size=(n, 4, 6)) / 2
        logits = shared + scale * np.einsum("kl,nlc->nkc", latent, direction)
        return oracles.softmax(logits).astype(np.float32)

    return draw(candidates), draw(targets)


@pytest.mark.parametrize("scale", [0.03, 0.003, 0.0003])
def test_float32_ranks_as_float64(backend, scale):
    from scipy.stats import spearmanr

    pool, targets = small_disagreement(300, 20, scale)
    # The same numbers, in higher precision: what remains is the error of the computation.
    exact = infoq.epig(pool.astype(np.float64), targets.astype(np.float64))
    score = backend.call(infoq.epig, pool, targets)
    assert score.dtype == np.float32
    assert np.median(exact) < 10 * scale**4
    assert spearmanr(score, exact).statistic >= 0.999
    top = set(np.argsort(-score)[:30]) & set(np.argsort(-exact)[:30])
    assert len(top) / 30 >= 0.98
    assert np.median(np.abs(score / exact - 1)) < 1e-3
    bald, exact_bald = backend.call(infoq.bald, pool), infoq.bald(pool.astype(np.float64))
    assert np.median(np.abs(bald / exact_bald - 1)) < 1e-3


def _normalised(x: mpmath.matrix) -> mpmath.matrix:
    sums = [mpmath.fsum(x[i, :]) for i in range(x.rows)]
    return mpmath.matrix([[x[i, j] / sums[i] for j in range(x.cols)] for i in range(x.rows)])


def test_the_float64_reference_is_itself_exact():
    pool, targets = small_disagreement(3, 2, 0.003)
    pool, targets = pool.astype(np.float64), targets.astype(np.float64)
    pool, targets = (x / x.sum(-1, keepdims=True) for x in (pool, targets))

    def information(p: np.ndarray, q: np.ndarray) -> float:
        with mpmath.workdps(60):
            # Rows that sum to one in more than float64: 1e-16 of mass is more than 1e-14 nats.
            p, q = (_normalised(mpmath.matrix(x.tolist())) for x in (p, q))
            joint = p.T * q / p.rows
            rows = [mpmath.fsum(joint[i, :]) for i in range(joint.rows)]
            columns = [mpmath.fsum(joint[:, j]) for j in range(joint.cols)]
            return float(
                mpmath.fsum(
                    joint[i, j] * mpmath.log(joint[i, j] / (rows[i] * columns[j]))
                    for i in range(joint.rows)
                    for j in range(joint.cols)
                )
            )

    expected = [np.mean([information(p, q) for q in targets]) for p in pool]
    np.testing.assert_allclose(infoq.epig(pool, targets), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_inputs_are_never_negative_or_nan(backend, dtype):
    rng = np.random.default_rng(4)
    one_hot = np.eye(4)[rng.integers(4, size=(6, 5))]
    same = np.eye(4)[np.zeros((2, 5), int)]
    vague = oracles.softmax(1e-6 * rng.normal(size=(6, 5, 4)))
    sharp = oracles.softmax(30 * rng.normal(size=(6, 5, 4)))
    pool = np.concatenate([one_hot, same, vague, sharp]).astype(dtype)
    score = backend.call(infoq.epig, pool, pool)
    assert np.all(score >= 0)
    np.testing.assert_array_equal(score[6:8], 0)
    expected = oracles.pair_information(pool, pool).mean(1)
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype]
    np.testing.assert_allclose(score, expected, atol=tolerance)


MEMORY = """
import resource
import numpy as np
import infoq

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

rng = np.random.default_rng(0)
draws = rng.random((22000, 50, 10), dtype=np.float32)
draws /= draws.sum(-1, keepdims=True)
infoq.epig(draws[:100], draws[:100])
before = peak()
score = infoq.epig(draws[:20000], draws[20000:])
assert score.shape == (20000,)
assert np.all(score >= 0)
print((peak() - before) // 1024)
"""


def test_memory_is_bounded_at_twenty_thousand_by_two_thousand():
    # One thread: two that compete for a busy core take ten times as long over small products.
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, env=one_thread
    )
    assert int(done.stdout) < 300

"""Batches in weight space: each gain, and their sum, as if computed anew."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests import oracles

RNG = np.random.default_rng(3)
N, M, D, C = 6, 4, 3, 3
FEATURES, TARGETS = RNG.normal(size=(N, D)), RNG.normal(size=(M, D))
PROBS, TARGET_PROBS = (oracles.softmax(RNG.normal(size=(n, C))) for n in (N, M))
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])
ROOT = RNG.normal(size=(C * D, C * D))
PRECISIONS = {
    "scalar": lambda b: 0.7,
    "dense": lambda b: b.array(ROOT @ ROOT.T + np.eye(C * D)),
    "kronecker": lambda b: infoq.KroneckerPrecision(
        b.array(2 * np.eye(C)), b.array(ROOT[:D, :D] @ ROOT[:D, :D].T), 0.5
    ),
}


def last_layer(backend, features, probs):
    """A last-layer embedding in some library."""
    likelihood = infoq.likelihoods.Softmax(backend.array(probs))
    return infoq.LastLayerEmbedding(backend.array(features), likelihood)


def cases(backend):
    """A pool with a copy in it, and targets with more and with fewer rows than parameters."""
    features, probs = FEATURES.copy(), PROBS.copy()
    features[5], probs[5] = features[2], probs[2]
    return last_layer(backend, features, probs), last_layer(backend, TARGETS, TARGET_PROBS)


def quantity(name, approximation, pool, targets, **keywords):
    """A set function and the score that its gains are of."""
    if name == "EIG":
        function = infoq.EIG(pool, approximation=approximation, **keywords)
        return function, lambda given: infoq.eig(pool, given=given, approximation=approximation)
    if name == "JEPIG":
        function = infoq.JEPIG(pool, targets, approximation=approximation, **keywords)
        return function, lambda given: infoq.jepig(
            pool, targets, given=given, approximation=approximation
        )
    ops, like = pool.embedding.ops, pool.like
    weights = ops.xp.asarray(WEIGHTS.tolist(), dtype=like.dtype, device=ops.device(like))
    named = {"target_weights": weights, "approximation": approximation}
    function = infoq.EPIG(pool, targets, **named, **keywords)
    return function, lambda given: infoq.epig(pool, targets, given=given, **named)


KINDS = [
    ("EIG", "logdet"),
    ("JEPIG", "logdet"),
    ("JEPIG", "trace"),
    ("EPIG", "logdet"),
    ("EPIG", "jensen"),
    ("EPIG", "trace"),
]


@pytest.mark.parametrize(
    ("precision", "few"), [("scalar", False), ("dense", True), ("kronecker", False)]
)
@pytest.mark.parametrize(("name", "approximation"), KINDS)
def test_gains_are_scores_given_the_batch_and_add_up(backend, name, approximation, precision, few):
    embedding, targets = cases(backend)
    targets = targets[:1] if few else targets
    pool = infoq.Gaussian(embedding, PRECISIONS[precision](backend))
    if few and name == "EPIG":
        function = infoq.EPIG(pool, targets, approximation=approximation)

        def score(given):
            return infoq.epig(pool, targets, given=given, approximation=approximation)
    else:
        function, score = quantity(name, approximation, pool, targets)
    state, known, total = function.start(), pool.context(), 0.0
    places = function.ops.fetch(backend.array(np.array([5, 1])))
    for index in (2, 5, 0):
        gains = backend.numpy(function.gains(state))
        some = backend.numpy(function.gains_of(state, places))
        np.testing.assert_allclose(some, gains[[5, 1]], rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(gains, backend.numpy(score(known)), rtol=1e-9, atol=1e-13)
        total += gains[index]
        state, known = function.add(state, index), pool.observe(known, index)
    assert float(function.value(state)) == pytest.approx(total, rel=1e-9)
    shorter = function.remove(state, 5)
    expected = function.add(function.add(function.start(), 2), 0)
    np.testing.assert_allclose(
        backend.numpy(function.gains(shorter)),
        backend.numpy(function.gains(expected)),
        rtol=1e-9,
        atol=1e-13,
    )
    assert float(function.value(shorter)) == pytest.approx(float(function.value(expected)))


def test_the_trace_adds_up_whatever_a_batch_shares(backend):
    embedding, _ = cases(backend)
    pool = infoq.Gaussian(embedding, 0.7)
    batch = infoq.greedy(infoq.EIG(pool, approximation="trace"), 6)
    scores = backend.numpy(infoq.eig(pool, approximation="trace"))
    np.testing.assert_allclose(np.sort(backend.numpy(batch.gains)), np.sort(scores), rtol=1e-12)
    redundant = infoq.greedy(infoq.EIG(pool), 6)
    assert float(redundant.value) < float(batch.value)


def test_greedy_log_det_takes_no_copy_that_tells_less(backend):
    rows = np.repeat(np.diag([30.0, 20.0, 10.0]), 5, axis=0)
    pool = infoq.Gaussian(backend.array(rows), 1.0)
    picks = backend.numpy(infoq.greedy(infoq.EIG(pool), 3).indices)
    np.testing.assert_array_equal(picks, [0, 5, 10])
    modular = infoq.greedy(infoq.EIG(pool, approximation="trace"), 5)
    np.testing.assert_array_equal(backend.numpy(modular.indices), np.arange(5))


def test_what_is_given_counts_from_the_start(backend):
    embedding, targets = cases(backend)
    pool = infoq.Gaussian(embedding[:4], 0.7)
    known = infoq.laplace(embedding[4:], 0.7)
    for name, approximation in KINDS:
        function, score = quantity(name, approximation, pool, targets, given=known)
        gains = backend.numpy(function.gains(function.start()))
        np.testing.assert_allclose(gains, backend.numpy(score(known)), rtol=1e-9)


def test_a_diagonal_embedding_grows_by_its_precision(backend):
    fisher = np.abs(RNG.normal(size=(4, 5)))
    pool = infoq.Gaussian(infoq.DiagonalEmbedding(backend.array(fisher)), 0.5)
    function = infoq.EIG(pool)
    state = function.add(function.add(function.start(), 1), 3)
    expected = np.log1p((fisher[1] + fisher[3]) / 0.5).sum() / 2
    assert float(function.value(state)) == pytest.approx(expected)
    places = function.ops.fetch(backend.array(np.array([2, 0])))
    np.testing.assert_allclose(
        backend.numpy(function.gains_of(state, places)),
        backend.numpy(function.gains(state))[[2, 0]],
        rtol=1e-10,
    )
    left = 0.5 + fisher[1]
    np.testing.assert_allclose(
        backend.numpy(function.gains(function.remove(state, 3))),
        np.log1p(fisher / left).sum(1) / 2,
        rtol=1e-10,
    )


def test_float32_gains_beyond_the_rank(backend):
    # Beyond the rank, and elsewhere with few shapes: JAX compiles for each number of picks.
    rank, picks = (20, 60) if backend.name == "numpy" else (6, 10)
    rows = np.random.default_rng(0).normal(size=(60, rank))
    exact = infoq.greedy(infoq.EIG(infoq.Gaussian(rows, 0.01)), picks)
    pool = infoq.Gaussian(backend.array(rows.astype(np.float32)), 0.01)
    single = infoq.greedy(infoq.EIG(pool), picks)
    assert float(single.value) == pytest.approx(float(exact.value), rel=1e-4)
    assert np.all(np.isfinite(backend.numpy(single.gains)))


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_outcomes_that_said_very_much_can_be_removed(backend, scale):
    rows = scale * FEATURES[:4]
    function = infoq.EIG(infoq.Gaussian(backend.array(rows), 1.0))
    state = function.add(function.add(function.start(), 0), 1)
    empty = function.remove(function.remove(state, 0), 1)
    expected = np.log1p((rows**2).sum(1)) / 2
    np.testing.assert_allclose(backend.numpy(function.gains(empty)), expected, rtol=1e-6)


def test_a_pick_that_is_not_in_the_batch_is_not_removed(backend):
    pool = infoq.Gaussian(backend.array(np.eye(3)), 1.0)
    function = infoq.EIG(pool)
    with pytest.raises(ValueError, match="index: 2 is not in the batch"):
        function.remove(function.add(function.start(), 1), 2)


@pytest.mark.of_libraries("jax")
def test_jit_of_greedy_over_a_gaussian():
    jax = pytest.importorskip("jax")

    def batch(x, y):
        pool = infoq.Gaussian(infoq.DenseEmbedding(x), 1.0)
        return infoq.greedy(infoq.JEPIG(pool, infoq.DenseEmbedding(y)), 3)

    x, y = jax.numpy.asarray(FEATURES), jax.numpy.asarray(TARGETS)
    eager, traced = batch(x, y), jax.jit(batch)(x, y)
    np.testing.assert_array_equal(np.array(traced.indices), np.array(eager.indices))
    np.testing.assert_allclose(np.array(traced.gains), np.array(eager.gains), rtol=1e-5)


@pytest.mark.parametrize("prior", [1e-1, 1e-2, 1e-3])
def test_targets_that_explain_nearly_all_of_what_is_said_in_float32(backend, prior):
    # What was added up of terms as large as the squares of the forms invented four times the value.
    rows = np.random.default_rng(0).standard_normal((40, 3, 16))
    values = {}
    for dtype in ("float32", "float64"):
        pool = infoq.DenseEmbedding(backend.array(rows, dtype))
        f = infoq.JEPIG(infoq.Gaussian(pool, prior), pool[:5])
        chosen = infoq.greedy(f, 12)
        values[dtype] = float(chosen.value)
        state = f.start()
        for index in backend.numpy(chosen.indices).tolist():
            state = f.add(state, index)
        np.testing.assert_allclose(values[dtype], float(f.value(state)), rtol=2e-3)
    np.testing.assert_allclose(values["float32"], values["float64"], rtol=2e-3)


def test_outcomes_that_say_too_much_to_be_taken_back_are_left_out_anew(backend):
    rows = np.random.default_rng(0).standard_normal((12, 3, 16)).astype("float32")
    pool = infoq.DenseEmbedding(backend.array(rows))
    f = infoq.EPIG(infoq.Gaussian(pool, 1e-4), pool[:2])
    # Two are left out of four, as three of six: JAX compiles for each number.
    chosen = infoq.forward_backward(f, 3 if backend.name == "numpy" else 2)
    exact = infoq.DenseEmbedding(backend.array(rows.astype("float64")))
    wide = infoq.EPIG(infoq.Gaussian(exact, 1e-4), exact[:2])
    state = wide.start()
    for index in backend.numpy(chosen.indices).tolist():
        state = wide.add(state, index)
    np.testing.assert_allclose(float(chosen.value), float(wide.value(state)), rtol=1e-2)

"""IG, PIG and JPIG of labels in weight space: by P x P matrices, and exactly in regression."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import infoq
from infoq import likelihoods
from tests.oracles import softmax
from tests.quantities.labelled_cases import FAMILIES, Problem

families = pytest.mark.parametrize("family", FAMILIES)
structures = pytest.mark.parametrize("structure", ["last layer", "fisher", "jacobian"])
CLOSE = {"rtol": 1e-8, "atol": 1e-10}
seeds = st.integers(0, 2**16)


def test_golden_values_of_linear_regression(backend):
    # Prior variance 1, noise variance 1/2, x^2 = 5/4: A = 5/2 whatever is observed.
    normal = likelihoods.Normal(0.5, mean=backend.array(np.zeros(3)))
    layer = infoq.LastLayerEmbedding(backend.array(np.full((3, 1), math.sqrt(1.25))), normal)
    pool, labels = infoq.Gaussian(layer, 1.0), backend.array(np.array([0.0, 1.0, 3.0]))
    a, residual = 2.5, np.array([0.0, 1.0, 3.0]) / math.sqrt(0.5)
    expected = (math.log(1 + a) - a / (1 + a) + a * (residual / (1 + a)) ** 2) / 2
    actual = backend.numpy(infoq.ig(pool, labels))
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    np.testing.assert_array_equal(actual.round(2), [0.27, 0.47, 2.11])
    for named in ({}, {"labels": labels}):
        drop = backend.numpy(infoq.ig(pool, measure="entropy", **named))
        np.testing.assert_allclose(drop, math.log(1 + a) / 2, rtol=1e-12)
        np.testing.assert_array_equal(drop.round(3), 0.626)
    first = backend.numpy(infoq.ig(pool, labels, approximation="trace"))
    np.testing.assert_allclose(first, a * residual**2 / 2, rtol=1e-12, atol=1e-15)


@families
@structures
def test_against_matrices_of_all_parameters(backend, family, structure):
    problem = Problem(family, 1)
    pool, targets = problem.pool(backend, structure), problem.targets(backend, structure)
    labels, target_labels = problem.both_labels(backend)
    everyone = range(problem.count)
    score = backend.numpy(infoq.ig(pool, labels))
    np.testing.assert_allclose(score, [problem.divergence([i]) for i in everyone], **CLOSE)
    assert np.all(score > 0)
    score = backend.numpy(infoq.ig(pool, labels, approximation="trace"))
    np.testing.assert_allclose(score, [problem.first_order([i]) for i in everyone], **CLOSE)
    weights = backend.array(problem.weights)
    score = infoq.pig(pool, targets, labels, target_labels, target_weights=weights)
    expected = [problem.pointwise("PIG", [i]) for i in everyone]
    np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)
    score = infoq.jpig(pool, targets, labels, target_labels)
    expected = [problem.pointwise("JPIG", [i]) for i in everyone]
    np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)


@families
def test_more_targets_than_parameters(backend, family):
    problem = Problem(family, 2, targets=13)
    assert 13 * problem.family.outputs > problem.size
    labels, target_labels = problem.both_labels(backend)
    score = infoq.jpig(problem.pool(backend), problem.targets(backend), labels, target_labels)
    expected = [problem.pointwise("JPIG", [i]) for i in range(problem.count)]
    np.testing.assert_allclose(backend.numpy(score), expected, rtol=1e-7, atol=1e-9)


@families
def test_once_outcomes_are_given(backend, family):
    problem = Problem(family, 3)
    after = problem.with_known([0, 2])
    pool, targets = problem.pool(backend), problem.targets(backend)
    labels, target_labels = problem.both_labels(backend)
    known = pool.observe(pool.observe(pool.context(), 0), 2)
    pending = problem.embedding(backend, "last layer", [0, 2])
    everyone = range(problem.count)
    for given_outcomes in (known, pending, infoq.Gaussian(pending, 1.0)):
        named = {"given": given_outcomes}
        score = infoq.ig(pool, labels, **named)
        expected = [after.divergence([i]) for i in everyone]
        np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)
        score = infoq.jpig(pool, targets, labels, target_labels, **named)
        expected = [after.pointwise("JPIG", [i]) for i in everyone]
        np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)
        weights = backend.array(problem.weights)
        score = infoq.pig(pool, targets, labels, target_labels, target_weights=weights, **named)
        expected = [after.pointwise("PIG", [i]) for i in everyone]
        np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)


@given(seed=seeds)
def test_pointwise_gains_are_ratios_of_predictive_densities_in_regression(backend, seed):
    rng = np.random.default_rng(seed)
    x, mean = rng.normal(size=(5, 2)), rng.normal(size=5)
    noise, y = rng.uniform(0.1, 2, size=5), 2 * rng.normal(size=5)
    covariance = x @ np.linalg.inv(np.diag([0.5, 2.0])) @ x.T + np.diag(noise)
    precision = infoq.DiagonalPrecision(backend.array(np.array([0.5, 2.0])))

    def embedding(which):
        arrays = (backend.array(a[which]) for a in (noise, mean))
        normal = likelihoods.Normal(next(arrays), mean=next(arrays))
        return infoq.LastLayerEmbedding(backend.array(x[which]), normal)

    def density(which, given_others=()):
        which, others = list(which), list(given_others)
        across = covariance[np.ix_(which, others)]
        known = np.linalg.inv(covariance[np.ix_(others, others)]) if others else np.zeros((0, 0))
        shift = across @ known @ (y[others] - mean[others])
        left = covariance[np.ix_(which, which)] - across @ known @ across.T
        return stats.multivariate_normal.logpdf(y[which], mean[which] + shift, left)

    pool = infoq.Gaussian(embedding(slice(0, 3)), precision)
    labels = backend.array(y[:3]), backend.array(y[3:])
    score = infoq.jpig(pool, embedding(slice(3, 5)), *labels)
    expected = [density([3, 4], [i]) - density([3, 4]) for i in range(3)]
    np.testing.assert_allclose(backend.numpy(score), expected, rtol=1e-7, atol=1e-9)
    score = infoq.pig(pool, embedding(slice(3, 5)), *labels)
    expected = [np.mean([density([e], [i]) - density([e]) for e in (3, 4)]) for i in range(3)]
    np.testing.assert_allclose(backend.numpy(score), expected, rtol=1e-7, atol=1e-9)


def _quadrature(covariance):
    """Points [9, 2] and weights [9] that integrate quadratics of a normal exactly."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    points = np.stack([x.ravel() for x in np.meshgrid(nodes, nodes)], axis=1)
    return points @ np.linalg.cholesky(covariance).T, np.outer(weights, weights).ravel() / 2 / np.pi


def test_the_mean_over_outcomes_of_regression_is_the_expectation(backend):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 3))
    covariance = x @ x.T + 0.5 * np.eye(2)
    points, weights = _quadrature(covariance)

    def embedding(which):
        normal = likelihoods.Normal(0.5, mean=backend.array(np.zeros(1)))
        return infoq.LastLayerEmbedding(backend.array(x[which]), normal)

    pool, target = infoq.Gaussian(embedding([0]), 1.0), embedding([1])
    means = np.zeros(3)
    for (one, other), weight in zip(points, weights, strict=True):
        labels = backend.array(np.array([one])), backend.array(np.array([other]))
        scores = (
            infoq.ig(pool, labels[0]),
            infoq.pig(pool, target, *labels),
            infoq.jpig(pool, target, *labels),
        )
        means += weight * np.array([backend.numpy(score)[0] for score in scores])
    expected = infoq.eig(pool), infoq.epig(pool, target), infoq.jepig(pool, target)
    np.testing.assert_allclose(means, [backend.numpy(x)[0] for x in expected], rtol=1e-10)


@pytest.mark.parametrize("family", ["softmax", "bernoulli"])
def test_the_mean_first_order_over_labels_is_the_trace_of_eig(backend, family):
    problem = Problem(family, 5)
    pool, z = problem.pool(backend), problem.logits
    probs = softmax(z if family == "softmax" else np.concatenate([0 * z, z], axis=1))
    mean = np.zeros(problem.count)
    for label in range(probs.shape[1]):
        labels = backend.array(np.full(problem.count, label))
        score = backend.numpy(infoq.ig(pool, labels, approximation="trace"))
        mean += probs[: problem.count, label] * score
    expected = backend.numpy(infoq.eig(pool, approximation="trace"))
    np.testing.assert_allclose(mean, expected, rtol=1e-10)


def test_the_leading_term_is_the_influence_score(backend):
    # Far from certain, both of what is left to vary and of losses: P is large.
    problem = Problem("softmax", 6, precision=1e6)
    labels = problem.both_labels(backend)
    score = backend.numpy(infoq.jpig(problem.pool(backend), problem.targets(backend), *labels))
    g, candidates = problem.gradients, range(problem.count)
    influence = [
        g[problem.count :].sum(0) @ np.linalg.solve(problem.prior + problem.fisher[i], g[i])
        for i in candidates
    ]
    np.testing.assert_allclose(score, influence, rtol=1e-4)
    assert max(influence) < 0  # here, labels that make those of the targets less probable


@given(seed=seeds)
def test_pointwise_gains_are_symmetric(backend, seed):
    problem = Problem("softmax", seed, candidates=1, targets=1)
    pool, target = problem.pool(backend), problem.targets(backend)
    labels = problem.both_labels(backend)
    other = infoq.Gaussian(target, pool.precision)
    forth = [f(pool, target, *labels) for f in (infoq.pig, infoq.jpig)]
    back = [f(other, pool.embedding, *labels[::-1]) for f in (infoq.pig, infoq.jpig)]
    values = np.array([backend.numpy(x)[0] for x in (*forth, *back)])
    np.testing.assert_allclose(values, values[0], rtol=1e-8, atol=1e-11)


def test_draws_of_a_logistic_posterior_agree(backend):
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(60, 3)), np.array([1.0, -0.5, 0.3])
    z = x @ w
    labels = (rng.uniform(size=60) < 1 / (1 + np.exp(-z))).astype(np.int64)
    layer = infoq.LastLayerEmbedding(
        backend.array(x), likelihoods.Bernoulli(logits=backend.array(z))
    )
    pool = infoq.Gaussian(layer, infoq.laplace(layer, 1.0))
    white = backend.numpy(infoq.ig(pool, backend.array(labels)))
    deviations = np.random.default_rng(8).multivariate_normal(
        np.zeros(3),
        np.linalg.inv(np.eye(3) + (x.T * (np.exp(-z) / (1 + np.exp(-z)) ** 2)) @ x),
        20_000,
    )
    logits = z[:, None] + x @ deviations.T
    draws = infoq.Categorical(logits=np.stack([0 * logits, logits], axis=2))
    black = infoq.ig(draws, labels)
    assert stats.spearmanr(white, black).statistic > 0.99
    # Entropy drops by what was expected: that does not know a surprise.
    drop = backend.numpy(infoq.ig(pool, measure="entropy"))
    assert stats.spearmanr(drop, black).statistic < 0.9


@families
@given(seed=seeds)
def test_a_divergence_is_never_negative_and_grows_with_the_residual(backend, family, seed):
    problem = Problem(family, seed, scale=10.0 ** np.random.default_rng(seed).integers(-3, 4))
    labels = problem.both_labels(backend)[0]
    score = backend.numpy(infoq.ig(problem.pool(backend), labels))
    assert np.all(score >= 0)
    # log det(I + X) - tr X (I + X)^-1 is what no residual says.
    least = [problem.divergence([i]) - _shift_part(problem, i) for i in range(problem.count)]
    assert np.all(score >= np.array(least) * (1 - 1e-6) - 1e-9)


def _shift_part(problem, i):
    after = problem.prior + problem.fisher[i]
    shift = np.linalg.solve(after, problem.gradients[i])
    return shift @ problem.prior @ shift / 2


@pytest.mark.parametrize("precision", [1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("family", ["softmax", "normal", "bernoulli", "poisson"])
def test_float32_keeps_its_digits(backend, family, precision):
    problem = Problem(family, 8, candidates=6, precision=precision)
    labels, target_labels = problem.both_labels(backend)
    weights = backend.array(problem.weights, "float32")
    pool, targets = (make(backend, dtype="float32") for make in (problem.pool, problem.targets))
    single = infoq.ig(pool, labels)
    assert single.dtype == pool.like.dtype
    exact = np.array([problem.divergence([i]) for i in range(6)])
    if precision < 1e6:  # where P x P matrices in float64 have digits themselves
        np.testing.assert_allclose(backend.numpy(single), exact, rtol=1e-5)
    double = problem.pool(backend), problem.targets(backend)
    np.testing.assert_allclose(
        backend.numpy(single), backend.numpy(infoq.ig(double[0], labels)), rtol=1e-5
    )
    one = infoq.pig(pool, targets, labels, target_labels, target_weights=weights)
    wide = backend.array(problem.weights)
    two = infoq.pig(*double, labels, target_labels, target_weights=wide)
    two = backend.numpy(two)
    np.testing.assert_allclose(backend.numpy(one), two, atol=1e-5 * np.abs(two).max())
    one = backend.numpy(infoq.jpig(pool, targets, labels, target_labels))
    two = backend.numpy(infoq.jpig(*double, labels, target_labels))
    np.testing.assert_allclose(one, two, atol=1e-5 * np.abs(two).max())


@pytest.mark.parametrize("noise", [1e-3, 1e-6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_targets_that_leave_next_to_nothing_of_a_label(backend, dtype, noise):
    # Thirty targets over 16 parameters, as of jepig; labels are of the model, and two are not.
    rng = np.random.default_rng(12)
    x = rng.normal(size=(36, 16)).astype(dtype)
    y = x @ rng.normal(size=16) + noise**0.5 * rng.normal(size=36)
    y[:2] += 100 * noise**0.5
    x, y = (np.asarray(a.astype(dtype), dtype=np.float64) for a in (x, y))

    def embedding(which):
        mean = backend.array(np.zeros(len(x[which])), dtype)
        normal = likelihoods.Normal(noise, mean=mean)
        return infoq.LastLayerEmbedding(backend.array(x[which], dtype), normal)

    here, there = slice(0, 6), slice(6, 36)
    labels = backend.array(y[here], dtype), backend.array(y[there], dtype)
    score = infoq.jpig(infoq.Gaussian(embedding(here), 1.0), embedding(there), *labels)
    after = np.linalg.inv(np.eye(16) + x[there].T @ x[there] / noise)
    mean = after @ x[there].T @ y[there] / noise
    before = stats.norm.logpdf(y[here], 0, np.sqrt(noise + np.sum(x[here] ** 2, axis=1)))
    left = np.einsum("np,pq,nq->n", x[here], after, x[here])
    later = stats.norm.logpdf(y[here], x[here] @ mean, np.sqrt(noise + left))
    tolerance = {"float32": 1e-2 if noise < 1e-4 else 1e-3, "float64": 1e-8}[dtype]
    np.testing.assert_allclose(backend.numpy(score), later - before, rtol=tolerance)


def test_labels_that_are_held_to_be_impossible(backend):
    # The gradient is finite, and nothing restrains the step: the square of its length remains.
    probs = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    labels = np.array([0, 1, 2])
    x = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    for dtype in ("float32", "float64"):
        softmax = likelihoods.Softmax(backend.array(probs, dtype))
        layer = infoq.LastLayerEmbedding(backend.array(x, dtype), softmax)
        pool, seen = infoq.Gaussian(layer, 1.0), backend.array(labels)
        score = backend.numpy(infoq.ig(pool, seen))
        # The third: A = 1/2 in the direction (1, -1, 0) / sqrt 2, and the step in the others.
        third = (math.log(1.5) - 1 / 3) / 2 + (1 + 0.5) / 2
        np.testing.assert_allclose(score, [0, 5.0, third], rtol=1e-6, atol=1e-15)
        first = backend.numpy(infoq.ig(pool, seen, approximation="trace"))
        np.testing.assert_allclose(first, [0, 5.0, 0.75], rtol=1e-6, atol=1e-15)
    rates = likelihoods.Poisson(rate=backend.array(np.array([0.0, 0.0])))
    layer = infoq.LastLayerEmbedding(backend.array(np.ones((2, 1))), rates)
    score = infoq.ig(infoq.Gaussian(layer, 2.0), backend.array(np.array([0, 3])))
    np.testing.assert_allclose(backend.numpy(score), [0, 9 / 4], rtol=1e-9, atol=1e-15)


def test_many_classes_as_few(backend):
    # Rows are eliminated by halves beyond twelve.
    rng = np.random.default_rng(9)
    z, x, labels = rng.normal(size=(3, 20)), rng.normal(size=(3, 2)), np.array([0, 7, 19])
    softmax = likelihoods.Softmax(logits=backend.array(z))
    pool = infoq.Gaussian(infoq.LastLayerEmbedding(backend.array(x), softmax), 0.5)
    score = backend.numpy(infoq.ig(pool, backend.array(labels)))
    for i in range(3):
        p = np.exp(z[i]) / np.exp(z[i]).sum()
        fisher = np.kron(np.diag(p) - np.outer(p, p), np.outer(x[i], x[i]))
        gradient = np.kron(p - np.eye(20)[labels[i]], x[i])
        after = fisher + 0.5 * np.eye(40)
        shift = np.linalg.solve(after, gradient)
        expected = np.linalg.slogdet(after / 0.5)[1] - 40 + np.trace(np.linalg.inv(after / 0.5))
        assert score[i] == pytest.approx((expected + shift @ shift / 2) / 2, rel=1e-9)


@pytest.mark.parametrize("precision", [100.0, 1e-4])
def test_many_parameters(backend, precision):
    # Beyond 256 by forms where little is said, and by a projection where much is.
    rng = np.random.default_rng(13)
    x, z, labels = rng.normal(size=(6, 100)), rng.normal(size=(6, 3)), rng.integers(3, size=6)
    layer = infoq.LastLayerEmbedding(
        backend.array(x, "float32"), likelihoods.Softmax(logits=backend.array(z, "float32"))
    )
    both = backend.array(labels[:4]), backend.array(labels[4:])
    pool = infoq.Gaussian(layer[:4], precision)
    score = backend.numpy(infoq.jpig(pool, layer[4:], *both))
    probs = softmax(z)
    gradients = np.stack(
        [np.kron(p - np.eye(3)[y], a) for p, y, a in zip(probs, labels, x, strict=True)]
    )
    fishers = [
        np.kron(np.diag(p) - np.outer(p, p), np.outer(a, a)) for p, a in zip(probs, x, strict=True)
    ]

    def evidence(members):
        after = precision * np.eye(300) + sum(fishers[i] for i in members)
        gradient = gradients[members].sum(0)
        logdet = np.linalg.slogdet(after / precision)[1]
        return (gradient @ np.linalg.solve(after, gradient) - logdet) / 2

    expected = [evidence([i, 4, 5]) - evidence([i]) - evidence([4, 5]) for i in range(4)]
    np.testing.assert_allclose(score, expected, atol=2e-5 * np.abs(expected).max())


def test_blocks_do_not_matter(backend):
    problem = Problem("softmax", 10, candidates=9, targets=5)
    pool, targets = problem.pool(backend), problem.targets(backend)
    labels = problem.both_labels(backend)

    def scores():
        return [
            backend.numpy(x)
            for x in (
                infoq.ig(pool, labels[0]),
                infoq.pig(pool, targets, *labels),
                infoq.jpig(pool, targets, *labels),
            )
        ]

    whole = scores()
    with infoq.options(memory=1000):
        for one, two in zip(whole, scores(), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-13)


def test_what_is_refused(backend):
    problem = Problem("softmax", 11)
    pool, targets = problem.pool(backend), problem.targets(backend)
    labels, target_labels = problem.both_labels(backend)
    needs_none = 'measure="entropy", which needs none'
    with pytest.raises(TypeError, match=f"^labels: expected the observed labels.*{needs_none}"):
        infoq.ig(pool)
    rows = infoq.Gaussian(backend.array(np.eye(4)), 1.0)
    with pytest.raises(TypeError, match=f"DenseEmbedding: does not say what.*{needs_none}"):
        infoq.ig(rows, labels)
    with pytest.raises(TypeError, match=f"^labels: expected the observed labels.*{needs_none}"):
        infoq.IG(rows)
    x = backend.array(np.ones((4, 2)))
    for silent in (
        likelihoods.Normal(0.5),
        likelihoods.Curvature(backend.array(np.ones((4, 1, 1)))),
    ):
        for embedding in (
            infoq.LastLayerEmbedding(x, silent),
            infoq.fisher_embedding(x[:, None, :], silent),
            infoq.JacobianEmbedding(x, lambda x: (x[:, :1], x[:, None, :]), lambda z, y=silent: y),
        ):
            silently = infoq.Gaussian(embedding, 1.0)
            with pytest.raises(TypeError, match=f"does not say what was predicted.*{needs_none}"):
                infoq.ig(silently, labels)
    expectation = "for the expectation over both"
    with pytest.raises(TypeError, match=f"^target_labels: .*got None.*{expectation}"):
        infoq.pig(pool, targets, labels)
    with pytest.raises(TypeError, match=f"^labels: .*got None.*{expectation}"):
        infoq.JPIG(pool, targets, target_labels=target_labels)
    with pytest.raises(TypeError, match=r"^target_labels: DenseEmbedding: does not say"):
        infoq.jpig(
            pool, infoq.DenseEmbedding(backend.array(np.ones((3, 12)))), labels, target_labels
        )
    with pytest.raises(
        ValueError, match="approximation: with labels expected 'logdet', got 'trace'"
    ):
        infoq.pig(pool, targets, labels, target_labels, approximation="trace")
    with pytest.raises(ValueError, match="approximation: expected one of 'logdet', 'trace'"):
        infoq.ig(pool, labels, approximation="jensen")
    with pytest.raises(
        ValueError, match=r"^labels: expected N=4 labels, one per candidate, got shape"
    ):
        infoq.ig(pool, labels[:3])
    with pytest.raises(TypeError, match=r"^target_labels: expected an integer dtype"):
        infoq.jpig(pool, targets, labels, backend.array(np.zeros(3)))
    if backend.reads_values:
        with pytest.raises(ValueError, match=r"^labels: candidate 1: expected a class from 0 to 3"):
            infoq.ig(pool, backend.array(np.array([0, 4, 0, 0])))
        with pytest.raises(ValueError, match=r"^target_labels: candidate 2: expected a class"):
            infoq.pig(pool, targets, labels, backend.array(np.array([0, 0, -1])))
    with pytest.raises(TypeError, match="got an embedding without a precision"):
        infoq.ig(targets, target_labels)

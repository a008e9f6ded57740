"""What does NOT hold: an explicit instance of each failure, so that nothing comes to rely on it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoq


def embedding(backend, rows) -> infoq.DenseEmbedding:
    """One row each."""
    return infoq.DenseEmbedding(backend.array(np.array(rows, dtype=float)))


def pool(backend, rows, precision=1.0) -> infoq.Gaussian:
    """Candidates of one row each under a scalar precision."""
    return infoq.Gaussian(embedding(backend, rows), precision)


# The target is w_1; the first candidate measures w_1 + w_2, the second the nuisance w_2.
EXPLAINED_AWAY = [[3.0, 3.0], [0.0, 10.0]]
WANTED = [[3.0, 0.0]]


@pytest.mark.parametrize("approximation", ["logdet", "trace"])
def test_neither_jepig_nor_baits_gain_is_submodular(backend, approximation):
    candidates, targets = pool(backend, EXPLAINED_AWAY), embedding(backend, WANTED)
    known = candidates.observe(candidates.context(), 1)
    alone, after = (
        backend.numpy(infoq.jepig(candidates, targets, given=given, approximation=approximation))
        for given in (None, known)
    )
    # The nuisance alone tells nothing of the target, and makes the first candidate tell more.
    assert alone[1] < 1e-12
    assert after[0] > 1.4 * alone[0] > 0
    # EIG is submodular on the same instance.
    gains = [backend.numpy(infoq.eig(candidates, given=given))[0] for given in (None, known)]
    assert gains[1] < gains[0]


def test_baits_gain_is_not_submodular_by_its_published_objective(backend):
    rows, targets = (np.array(x) for x in (EXPLAINED_AWAY, WANTED))
    mean = targets.T @ targets

    def objective(batch):
        return np.trace(np.linalg.inv(np.eye(2) + rows[batch].T @ rows[batch]) @ mean)

    alone = objective([]) - objective([0])
    after = objective([1]) - objective([0, 1])
    assert after > 1.4 * alone
    candidates, about = pool(backend, EXPLAINED_AWAY), embedding(backend, WANTED)
    known = candidates.observe(candidates.context(), 1)
    for given, expected in ((None, alone), (known, after)):
        gain = infoq.epig(candidates, about, given=given, approximation="trace")
        np.testing.assert_allclose(2 * backend.numpy(gain)[0], expected, rtol=1e-10)


def test_jepig_may_exceed_the_sum_of_epig_over_targets(backend):
    # Neither w_1 + w_2 nor w_2 tells much of w_1; both together do.
    candidate, targets = (
        pool(backend, [[3.0, 0.0]]),
        embedding(backend, [[10.0, 10.0], [0.0, 10.0]]),
    )
    jepig = backend.numpy(infoq.jepig(candidate, targets))[0]
    total = 2 * backend.numpy(infoq.epig(candidate, targets))[0]
    assert jepig > 3 * total > 0


def test_jepig_may_be_less_than_the_sum_of_epig_over_targets(backend):
    candidate, targets = pool(backend, [[3.0, 0.0]]), embedding(backend, [[3.0, 0.0], [3.0, 0.0]])
    jepig = backend.numpy(infoq.jepig(candidate, targets))[0]
    total = 2 * backend.numpy(infoq.epig(candidate, targets))[0]
    assert jepig < 0.7 * total


def test_bait_and_the_logdet_objectives_order_candidates_differently(backend):
    candidates = pool(backend, [[-3.0, 1.0], [2.0, 0.0]])
    targets = embedding(backend, [[3.0, 2.0], [3.0, -1.0]])
    bait = backend.numpy(infoq.epig(candidates, targets, approximation="trace"))
    np.testing.assert_allclose(bait, [149 / 44, 3.6], rtol=1e-10)
    assert bait[1] > 1.05 * bait[0]
    for scores in (
        infoq.jepig(candidates, targets),
        infoq.epig(candidates, targets),
        infoq.epig(candidates, targets, approximation="jensen"),
    ):
        scores = backend.numpy(scores)
        assert scores[0] > 1.15 * scores[1]


@pytest.mark.parametrize("variance", [0.1, 0.5])
def test_the_trace_bound_of_linear_regression_needs_the_noise(backend, variance):
    x, sigma = np.array([[1.0, 0.5]]), 0.3
    likelihood = infoq.likelihoods.Normal(variance)
    rows = infoq.fisher_embedding(backend.array(x[:, None, :]), likelihood)
    eig, trace = (
        backend.numpy(infoq.eig(infoq.Gaussian(rows, 1 / sigma), approximation=how))[0]
        for how in ("logdet", "trace")
    )
    without = sigma * np.sum(x**2) / 2
    np.testing.assert_allclose(trace, without / variance, rtol=1e-12)
    assert without < eig < trace


def test_laplace_eig_may_exceed_what_an_outcome_can_tell(backend):
    # A vague prior and large features: BALD of the same posterior is at most log C.
    classes = 3
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.zeros((1, classes))))
    layer = infoq.LastLayerEmbedding(backend.array(np.full((1, 2), 10.0)), softmax)
    gaussian = infoq.Gaussian(layer, 0.1)
    eig = backend.numpy(infoq.eig(gaussian))[0]
    np.testing.assert_allclose(eig, np.log1p(200 / 0.1 / classes), rtol=1e-10)
    assert eig > 5 * math.log(classes)
    assert backend.numpy(infoq.bald(gaussian.sample(200)))[0] <= math.log(classes) + 1e-12
    assert backend.numpy(infoq.eig(gaussian, approximation="trace"))[0] > eig

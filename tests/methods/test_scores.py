"""Methods of single candidates, by their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq import methods
from tests import oracles

seeds = st.integers(0, 2**16)


def ranked(backend, chosen, scores):
    """That a batch of all candidates has these scores, from high to low."""
    indices = backend.numpy(chosen.indices)
    np.testing.assert_allclose(backend.numpy(chosen.gains), scores[indices], rtol=1e-9, atol=1e-12)
    assert (np.diff(scores[indices]) <= 1e-9).all()


@given(probs=oracles.pools())
def test_uncertainty_of_the_mean_prediction(backend, probs):
    mean = np.sort(np.pad(probs.mean(axis=1), [(0, 0), (0, 1)]), axis=1)[:, ::-1]
    x, size = backend.array(probs), len(probs)
    ranked(backend, methods.least_confidence(x, size), 1 - mean[:, 0])
    ranked(backend, methods.margin(x, size), 1 - (mean[:, 0] - mean[:, 1]))
    logs = np.log(np.where(mean > 0, mean, 1))
    ranked(backend, methods.entropy(x, size), -(mean * logs).sum(axis=1))


@given(probs=oracles.pools(), seed=seeds)
def test_disagreement_of_weighted_draws(backend, probs, seed):
    weights = oracles.draw_weights(probs.shape[1], seed)
    x = infoq.Categorical(backend.array(probs), weights=backend.array(weights))
    weights = weights / weights.sum()
    votes = np.eye(probs.shape[2])[probs.argmax(axis=2)]
    shares = np.einsum("k,nkc->nc", weights, votes)
    ranked(backend, methods.variation_ratio(x, len(probs)), 1 - shares.max(axis=1))
    mean = np.einsum("k,nkc->nc", weights, probs)
    variance = np.einsum("k,nkc->nc", weights, (probs - mean[:, None, :]) ** 2)
    ranked(backend, methods.mean_std(x, len(probs)), np.sqrt(variance).mean(axis=1))


def test_confident_predictions_keep_their_digits_in_float32(backend):
    rest = np.float32(3e-9)
    probs = backend.array(np.array([[[1.0, rest, rest]], [[1.0, 0.0, 0.0]]]), "float32")
    found = backend.numpy(infoq.least_confidence(probs))
    np.testing.assert_allclose(found, [2 * rest, 0.0], rtol=1e-6)
    np.testing.assert_allclose(backend.numpy(infoq.margin(probs)), [3 * rest, 0.0], rtol=1e-6)


def test_draws_that_agree_do_not_vary(backend):
    probs = backend.array(np.array([[[0.2, 0.8]] * 3, [[1.0, 0.0]] * 3]))
    np.testing.assert_allclose(backend.numpy(infoq.mean_std(probs)), [0, 0], atol=1e-16)
    np.testing.assert_array_equal(backend.numpy(infoq.variation_ratio(probs)), [0, 0])


@pytest.mark.parametrize(
    "score", [infoq.least_confidence, infoq.margin, infoq.variation_ratio, infoq.mean_std]
)
def test_bad_probabilities_are_named(backend, score):
    probs = np.full((3, 2, 2), 0.5)
    probs[1, 1, 0] = np.nan
    if backend.reads_values:
        with pytest.raises(ValueError, match=r"^x: candidate 1, draw 1"):
            score(backend.array(probs))


@given(seed=seeds)
def test_gradients_by_their_lengths(backend, seed):
    rng = np.random.default_rng(seed)
    features, probs = rng.standard_normal((6, 3)), rng.dirichlet(np.ones(4), size=6)
    labels = rng.integers(4, size=6)
    x, p, y = (backend.array(a) for a in (features, probs, labels))
    errors = probs - np.eye(4)[labels]
    gradients = np.einsum("nc,nd->ncd", errors, features).reshape(6, -1)
    ranked(backend, methods.grand(x, p, y, 6), np.linalg.norm(gradients, axis=1))
    ranked(backend, methods.el2n(p, y, 6), np.linalg.norm(errors, axis=1))
    # Half their squares are the divergence of IG to first order, under the identity.
    for layer_of, kept in ((x, gradients), (backend.xp.ones_like(x[:, :1]), errors)):
        layer = infoq.LastLayerEmbedding(layer_of, infoq.likelihoods.Softmax(p))
        first = infoq.ig(infoq.Gaussian(layer, 1.0), y, approximation="trace")
        half = np.sum(kept**2, axis=1) / 2
        np.testing.assert_allclose(backend.numpy(first), half, rtol=1e-9)
    every = probs[:, None, :] - np.eye(4)[None, :, :]
    lengths = np.einsum("ny,ny,n->n", probs, (every**2).sum(axis=2), (features**2).sum(axis=1))
    layer = infoq.LastLayerEmbedding(x, infoq.likelihoods.Softmax(p))
    ranked(backend, methods.egl(layer, 6), lengths)


@given(seed=seeds)
def test_reducible_losses(backend, seed):
    rng = np.random.default_rng(seed)
    now, holdout = rng.dirichlet(np.ones(3), size=(2, 6))
    labels = rng.integers(3, size=6)
    chosen = methods.rho_loss(*(backend.array(x) for x in (now, holdout, labels)), 6)
    rows = np.arange(6)
    ranked(backend, chosen, np.log(holdout[rows, labels]) - np.log(now[rows, labels]))


def test_reducible_losses_of_logits_keep_their_digits(backend):
    logits = np.array([[0.0, 50.0], [0.0, 0.0]])
    softmax = infoq.likelihoods.Softmax
    now, holdout = (
        softmax(logits=backend.array(logits, "float32")),
        backend.array(np.full((2, 2), 0.5), "float32"),
    )
    chosen = methods.rho_loss(now, holdout, backend.array([0, 0]), 2)
    np.testing.assert_allclose(backend.numpy(chosen.gains), [50 - np.log(2), 0], rtol=1e-6)


def test_losses_need_classes(backend):
    normal = infoq.likelihoods.Normal(backend.array(np.ones((2, 1))))
    with pytest.raises(TypeError, match="likelihood: expected a likelihood of classes, got Normal"):
        methods.rho_loss(normal, normal, backend.array([0.0, 1.0]), 1)


@given(seed=seeds)
def test_the_longest_gradient_is_first_in_badge(backend, seed):
    rng = np.random.default_rng(seed)
    features, probs = rng.standard_normal((6, 3)), rng.dirichlet(np.ones(4), size=6)
    errors = probs - np.eye(4)[probs.argmax(axis=1)]
    norms = (errors**2).sum(axis=1) * (features**2).sum(axis=1)
    chosen = methods.badge(backend.array(features), backend.array(probs), 2, seed=seed)
    assert int(chosen.indices[0]) == int(norms.argmax())
    np.testing.assert_allclose(float(chosen.gains[0]), norms.max(), rtol=1e-9)


PROBS = np.random.default_rng(3).dirichlet(np.ones(3), size=6)
LABELS = np.array([0, 1, 0, 1, 2, 0])


@pytest.mark.parametrize(
    "labels", [None, np.eye(3, dtype=int)[LABELS], LABELS[:, None]], ids=["none", "one-hot", "two"]
)
@pytest.mark.parametrize("name", ["el2n", "grand", "rho_loss"])
def test_one_label_each(backend, name, labels):
    probs = backend.array(PROBS)
    labels = labels if labels is None else backend.array(labels)
    before = {"el2n": (probs,), "grand": (probs, probs), "rho_loss": (probs, probs)}[name]
    with pytest.raises(ValueError, match=r"labels: expected \[N\], one outcome each, got"):
        getattr(methods, name)(*before, labels, 2)


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("name", ["el2n", "grand"])
def test_a_label_that_is_no_class_is_refused_or_has_no_score(backend, name, label):
    probs, wrong = backend.array(PROBS), LABELS.copy()
    wrong[2] = label
    before = {"el2n": (probs,), "grand": (probs, probs)}[name]
    if backend.reads_values:
        with pytest.raises(ValueError, match="labels: candidate 2"):
            getattr(methods, name)(*before, backend.array(wrong), 6)
    else:
        chosen = getattr(methods, name)(*before, backend.array(wrong), 6)
        assert int(chosen.indices[-1]) == 2
        assert np.isnan(backend.numpy(chosen.gains)[-1])


@pytest.mark.parametrize(
    "holdout", [np.full((6, 2), 0.5), PROBS[:5]], ids=["other classes", "other candidates"]
)
def test_two_predictions_of_the_same(backend, holdout):
    with pytest.raises(ValueError, match="holdout: expected"):
        methods.rho_loss(*(backend.array(x) for x in (PROBS, holdout, LABELS)), 2)


def test_an_impossible_outcome_under_both_is_not_reducible(backend):
    both = backend.array(np.array([[1.0, 0.0], [0.5, 0.5]]))
    chosen = methods.rho_loss(both, both, backend.array(np.array([1, 0])), 2)
    np.testing.assert_array_equal(backend.numpy(chosen.gains), [0, 0])


def test_losses_of_nearly_certain_outcomes_in_float32(backend):
    now, later = (
        infoq.likelihoods.Softmax(logits=backend.array(np.array([[z, 0.0]]), "float32"))
        for z in (18.0, 21.0)
    )
    chosen = methods.rho_loss(now, later, backend.array(np.array([0])), 1)
    expected = np.log1p(np.exp(-18.0)) - np.log1p(np.exp(-21.0))
    np.testing.assert_allclose(float(chosen.value), expected, rtol=1e-5)


def test_a_score_of_ones_own_is_one_number_each(backend):
    pool = infoq.Categorical(backend.array(PROBS[:, None, :]))
    np.testing.assert_allclose(
        backend.numpy(pool.evaluate(lambda ops, p, w: ops.xp.max(p[:, 0, :], axis=1))),
        PROBS.max(axis=1),
    )
    with pytest.raises(ValueError, match=r"score: expected \[n\], one number per candidate"):
        backend.numpy(pool.evaluate(lambda ops, p, w: p))


def test_a_score_of_ones_own_is_an_array(backend):
    pool = infoq.Categorical(backend.array(PROBS[:, None, :]))
    with pytest.raises(ValueError, match=r"score: expected \[n\], .* got \(\)"):
        backend.numpy(pool.evaluate(lambda ops, p, w: 0.5))

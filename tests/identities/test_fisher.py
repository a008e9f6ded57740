"""Fisher information of classes, and gradients that stand for it (CATALOGUE 20 to 25)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles_gaussian as oracles
from tests.oracles_gaussian import gain, gram, softmax_fisher

RELATIVE, ROUNDING = 1e-10, 1e-11
N, C, D = 3, 3, 2
precisions = st.sampled_from([0.1, 1.0, 30.0])


def close(actual, expected, scale=1.0):
    """Equal to 1e-10, or to rounding of numbers of a given scale."""
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE, atol=ROUNDING * scale)


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, D] of a last layer, and its class probabilities [N, C]."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.1, 1.0, 5.0]))
    return scale * rng.normal(size=(N, D)), draw(oracles.class_probabilities(N, C))


def outputs(probs: np.ndarray) -> np.ndarray:
    """The Jacobian of outputs that are parameters themselves: [N, C, C]."""
    return np.broadcast_to(np.eye(probs.shape[1]), (len(probs), *np.eye(probs.shape[1]).shape))


def grams(backend, embedding) -> np.ndarray:
    """The Fisher information of each candidate of an embedding, [N, P, P]."""
    rows = backend.numpy(embedding.dense())
    return rows.transpose(0, 2, 1) @ rows


def gradients(backend, x: np.ndarray, probs: np.ndarray) -> infoq.DenseEmbedding:
    """Candidate by candidate, the gradients of the loss at each label: [N C, 1, P]."""
    n, c = probs.shape
    labels = np.tile(np.arange(c), n)
    softmax = infoq.likelihoods.Softmax(backend.array(np.repeat(probs, c, axis=0)))
    return infoq.gradient_embedding(
        backend.array(np.repeat(x, c, axis=0)), softmax, backend.array(labels)
    )


def softmax(backend, probs: np.ndarray) -> infoq.likelihoods.Softmax:
    """The likelihood with these probabilities."""
    return infoq.likelihoods.Softmax(backend.array(probs))


def last_layer(backend, features: np.ndarray, probs: np.ndarray) -> infoq.LastLayerEmbedding:
    """The exact Fisher information of a last layer."""
    return infoq.LastLayerEmbedding(backend.array(features), softmax(backend, probs))


@given(probs=oracles.class_probabilities())
def test_20_softmax_fisher_is_the_mean_of_squared_scores(backend, probs):
    x = outputs(probs).copy()
    fisher = grams(backend, infoq.fisher_embedding(backend.array(x), softmax(backend, probs)))
    close(fisher, softmax_fisher(probs))
    scores = backend.numpy(gradients(backend, x, probs).dense())[:, 0, :].reshape(N, C, C)
    close(scores, probs[:, None, :] - np.eye(C))
    close(fisher, np.einsum("ny,nyi,nyj->nij", probs, scores, scores))
    # Scores have mean zero, and a constant in all logits changes nothing.
    close(np.einsum("ny,nyi->ni", probs, scores), 0)
    close(fisher @ np.ones(C), 0)
    close(np.trace(fisher, axis1=1, axis2=2), 1 - (probs**2).sum(-1))


@given(probs=oracles.class_probabilities(), seed=st.integers(0, 2**32 - 1))
def test_21_another_factor_of_the_softmax_fisher(backend, probs, seed):
    jacobian = np.random.default_rng(seed).normal(size=(N, C, 4))
    root = np.sqrt(probs)
    factor = root[:, :, None] * np.eye(C) - probs[:, :, None] * root[:, None, :]
    close(factor @ factor.transpose(0, 2, 1), softmax_fisher(probs))
    one = infoq.DenseEmbedding(backend.array(factor.transpose(0, 2, 1) @ jacobian))
    two = infoq.fisher_embedding(backend.array(jacobian), softmax(backend, probs))
    # Other rows, and another number of them.
    assert (one.num_rows, two.num_rows) == (C, C - 1)
    close(grams(backend, one), grams(backend, two))
    for how in ("logdet", "trace"):
        close(*(backend.numpy(infoq.eig(infoq.Gaussian(e), approximation=how)) for e in (one, two)))


@given(layer=layers(), value=precisions)
def test_22_kronecker_eigenvalues_of_a_last_layer(backend, layer, value):
    features, probs = layer
    spectra = np.linalg.eigvalsh(softmax_fisher(probs)).clip(0)
    expected = np.log1p((features**2).sum(-1)[:, None] * spectra / value).sum(-1) / 2
    close(
        backend.numpy(infoq.eig(infoq.Gaussian(last_layer(backend, features, probs), value))),
        expected,
    )
    dense = [
        np.kron(m, np.outer(x, x)) for m, x in zip(softmax_fisher(probs), features, strict=True)
    ]
    close(expected, [gain(value * np.eye(C * D), f) for f in dense])
    close(
        grams(backend, last_layer(backend, features, probs)), np.stack(dense), scale=np.max(dense)
    )


@given(layer=layers(), value=precisions)
def test_23_the_trace_is_the_squared_expected_gradient_length(backend, layer, value):
    features, probs = layer
    total = backend.numpy(
        infoq.eig(
            infoq.Gaussian(last_layer(backend, features, probs), value), approximation="trace"
        )
    )
    lengths = backend.numpy(gradients(backend, features, probs).dense()).reshape(N, C, -1)
    egl_squared = np.einsum("ny,nyp->n", probs, lengths**2)
    close(total, egl_squared / (2 * value))
    close(total, (1 - (probs**2).sum(-1)) * (features**2).sum(-1) / (2 * value))


@given(layer=layers(), value=precisions)
def test_24_hard_labels_tell_at_most_what_the_fisher_information_does(backend, layer, value):
    features, probs = layer
    hard = infoq.gradient_embedding(backend.array(features), softmax(backend, probs))
    one = backend.numpy(hard.dense())[:, 0, :]
    residual = probs - np.eye(C)[probs.argmax(-1)]
    close(one, (residual[:, :, None] * features[:, None, :]).reshape(N, -1))
    square = (residual**2).sum(-1)
    assert np.all(square <= 1 - (probs**2).sum(-1) + ROUNDING)
    exact = last_layer(backend, features, probs)
    for how in ("logdet", "trace"):
        less, more = (
            backend.numpy(infoq.eig(infoq.Gaussian(e, value), approximation=how))
            for e in (hard, exact)
        )
        assert np.all(less <= more + ROUNDING)
    close(less, square * (features**2).sum(-1) / (2 * value))


@pytest.mark.parametrize("classes", [2, 4])
def test_24_is_equality_where_all_classes_are_alike(backend, classes):
    features, probs = np.array([[1.0, -2.0]]), np.full((1, classes), 1 / classes)
    hard = infoq.gradient_embedding(backend.array(features), softmax(backend, probs))
    exact = last_layer(backend, features, probs)
    for how in ("trace", "logdet"):
        less, more = (
            backend.numpy(infoq.eig(infoq.Gaussian(e), approximation=how)) for e in (hard, exact)
        )
        if how == "trace" or classes == 2:
            close(less, more)
        else:
            assert less[0] < 0.9 * more[0]


def test_24_holds_of_the_most_probable_label_alone(backend):
    features, probs = np.array([[1.0, -2.0]]), np.array([[0.9, 0.1]])
    unlikely = infoq.gradient_embedding(
        backend.array(features), softmax(backend, probs), backend.array(np.array([1]))
    )
    more, less = (
        backend.numpy(infoq.eig(infoq.Gaussian(e)))
        for e in (unlikely, last_layer(backend, features, probs))
    )
    close(more, np.log1p(2 * 0.9**2 * 5) / 2)
    close(less, np.log1p(2 * 0.9 * 0.1 * 5) / 2)
    assert more[0] > 2 * less[0]


@given(layer=layers(), value=precisions)
def test_25_one_sample_is_biased_low_in_the_logdet_and_not_in_the_trace(backend, layer, value):
    features, probs = layer
    sampled = gradients(backend, features, probs)
    exact = last_layer(backend, features, probs)
    for how in ("logdet", "trace"):
        each_label, expected = (
            backend.numpy(infoq.eig(infoq.Gaussian(e, value), approximation=how))
            for e in (sampled, exact)
        )
        mean = (probs * each_label.reshape(N, C)).sum(-1)
        if how == "trace":
            close(mean, expected)
        else:
            assert np.all(mean <= expected + ROUNDING)
            told = [gain(value * np.eye(C * D), gram(g)) for g in backend.numpy(sampled.dense())]
            close(each_label, told)


@pytest.mark.parametrize("samples", [1, 8])
def test_25_drawn_labels(backend, samples):
    # One candidate many times over, each with labels of its own.
    copies, probs, features = 4000, np.array([0.6, 0.3, 0.1]), np.array([2.0, 1.0])
    drawn = infoq.gradient_embedding(
        backend.array(np.tile(features, (copies, 1))),
        softmax(backend, np.tile(probs, (copies, 1))),
        samples=samples,
        seed=0,
    )
    assert (drawn.num_rows, drawn.num_candidates) == (samples, copies)
    exact = last_layer(backend, features[None], probs[None])
    for how in ("trace", "logdet"):
        scores, expected = (
            backend.numpy(infoq.eig(infoq.Gaussian(e), approximation=how)) for e in (drawn, exact)
        )
        error = 5 * scores.std() / np.sqrt(copies)
        if how == "trace":
            assert abs(scores.mean() - expected[0]) < error
        else:
            assert scores.mean() < expected[0] - error
    # More labels, less bias.
    assert (expected[0] - scores.mean() < 0.05) == (samples == 8)

"""`Categorical.from_votes` and single predictions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import infoq
from tests import oracles

VOTES = np.random.default_rng(0).integers(3, size=(6, 5))
POOL = oracles.softmax(np.random.default_rng(1).normal(size=(4, 5, 3)))
SINGLE = POOL[:, 0, :]


def entropy(p):
    return -sum(x * np.log(x) for x in np.asarray(p).ravel().tolist() if x > 0)


@pytest.mark.parametrize("axes", ["NK", "KN"])
def test_votes_are_certain_draws(backend, axes):
    votes = backend.array(VOTES if axes == "NK" else VOTES.T)
    x = infoq.Categorical.from_votes(votes, 3, axes=axes)
    assert (x.num_candidates, x.num_draws, x.num_classes) == (6, 5, 3)
    np.testing.assert_array_equal(backend.numpy(x.probs), np.eye(3)[VOTES])


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 3.0, 4.0, 5.0])])
def test_information_is_the_entropy_of_the_votes(backend, weights):
    like = backend.array(np.ones(1))
    given = None if weights is None else backend.array(weights)
    votes = backend.array(VOTES.astype(np.uint8))
    x = infoq.Categorical.from_votes(votes, 3, weights=given, like=like)
    w = np.ones(5) if weights is None else weights
    expected = [entropy(np.bincount(row, w, 3) / w.sum()) for row in VOTES]
    np.testing.assert_allclose(backend.numpy(infoq.eig(x)), expected, rtol=1e-12)


def test_as_a_target_it_is_information_about_a_function_of_the_draws(backend):
    """Enumerated: I[Y_i; g(theta)] of the joint distribution of both."""
    labels = np.array([[0, 1, 1, 0, 2]])
    expected = []
    for p in POOL:
        joint = np.zeros((3, 3))
        for draw, label in itertools.product(range(5), range(3)):
            joint[label, labels[0, draw]] += p[draw, label] / 5
        expected.append(entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint))
    pool = backend.array(POOL)
    about = infoq.Categorical.from_votes(backend.array(labels), 3, like=pool)
    np.testing.assert_allclose(backend.numpy(infoq.epig(pool, about)), expected, rtol=1e-10)
    assert (backend.numpy(infoq.eig(pool)) >= np.array(expected)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_have_the_dtype_of_like(backend, dtype):
    like = backend.array(np.ones(2), dtype)
    x = infoq.Categorical.from_votes(backend.array(VOTES), 3, like=like)
    assert x.values.dtype == like.dtype
    assert infoq.eig(x).dtype == like.dtype


def test_by_default_they_have_the_dtype_of_the_library(backend):
    x = infoq.Categorical.from_votes(backend.array(VOTES), 3)
    assert x.values.dtype == backend.xp.ones(1).dtype


BAD = [
    (VOTES.astype(float), {}, TypeError, "votes: expected integers, got"),
    (VOTES > 1, {}, TypeError, "votes: expected integers, got"),
    (VOTES[0], {}, ValueError, r"votes: expected 2 axes NK .* got shape \(5,\)"),
    (VOTES[:, :0], {}, ValueError, r"none of them empty, got shape \(6, 0\)"),
    (VOTES, {"axes": "NC"}, ValueError, "axes: expected 'NK' or 'KN' .* got 'NC'"),
    (VOTES, {"num_classes": 1}, ValueError, "num_classes: expected at least 2, got 1"),
    (VOTES, {"num_classes": 2.0}, TypeError, "num_classes: expected an integer, got 2.0"),
]


@pytest.mark.parametrize(("votes", "words", "error", "message"), BAD)
def test_what_is_no_votes(backend, votes, words, error, message):
    with pytest.raises(error, match=message):
        infoq.Categorical.from_votes(backend.array(votes), **{"num_classes": 3, **words})


def test_like_must_be_floating(backend):
    votes = backend.array(VOTES)
    with pytest.raises(TypeError, match="like: expected a real floating dtype"):
        infoq.Categorical.from_votes(votes, 3, like=votes)


@pytest.mark.parametrize("value", [3, -1])
def test_labels_out_of_range_name_the_first_candidate(backend, value):
    votes = VOTES.copy()
    votes[2, 3], votes[4, 0] = value, value
    message = f"votes: candidate 2, draw 3: expected a class from 0 to 2, got {value}"
    if backend.reads_values:
        with pytest.raises(ValueError, match=message):
            infoq.Categorical.from_votes(backend.array(votes), 3)
        return
    later = infoq.eig(infoq.Categorical.from_votes(backend.array(votes), 3))
    with pytest.raises(ValueError, match=r"NaN|probabilities"):
        backend.numpy(later)


@pytest.mark.of_libraries("jax")
def test_traced_labels_out_of_range_are_not_numbers():
    import jax

    votes = jax.numpy.asarray([[0, 1], [0, 5]])
    scores = jax.jit(lambda y: infoq.eig(infoq.Categorical.from_votes(y, 2)))(votes)
    np.testing.assert_array_equal(np.isnan(np.asarray(scores)), [False, True])


@pytest.mark.parametrize("axes", ["NC", "CN"])
@pytest.mark.parametrize("kind", ["probs", "logits"])
def test_a_single_prediction_is_one_draw(backend, axes, kind):
    values = SINGLE if kind == "probs" else np.log(SINGLE) + 3
    values = backend.array(values if axes == "NC" else values.T)
    x = infoq.Categorical(**{kind: values}, axes=axes)
    assert (x.num_candidates, x.num_draws, x.num_classes) == (4, 1, 3)
    np.testing.assert_allclose(backend.numpy(x.probs)[:, 0, :], SINGLE, rtol=1e-12)
    expected = [entropy(p) for p in SINGLE]
    np.testing.assert_allclose(backend.numpy(x.entropy()), expected, rtol=1e-12)
    lead = np.sort(SINGLE, axis=1)
    np.testing.assert_allclose(
        backend.numpy(infoq.margin(x)), 1 - lead[:, 2] + lead[:, 1], rtol=1e-12
    )
    np.testing.assert_allclose(backend.numpy(infoq.eig(x)), 0, atol=1e-15)


def test_single_predictions_are_never_guessed(backend):
    with pytest.raises(ValueError, match=r'got shape \(4, 3\); for a sing.* pass axes="NC"'):
        infoq.Categorical(backend.array(SINGLE))
    with pytest.raises(ValueError, match=r"expected 2 axes NC .* got shape \(4, 5, 3\)"):
        infoq.Categorical(backend.array(POOL), axes="NC")
    with pytest.raises(ValueError, match="or of 'NC' for a single prediction, got 'NN'"):
        infoq.Categorical(backend.array(SINGLE), axes="NN")

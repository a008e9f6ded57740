"""Embeddings of a user's own that are made of a likelihood, in either way, are worth infoq's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import infoq
from infoq.likelihoods import Normal, Softmax
from infoq.predictives import DenseRows
from tests.conftest import Backend
from tests.structures import own
from tests.structures.cases import MANY, P

NUMPY = Backend("numpy")
CLOSE = {"rtol": 1e-8, "atol": 1e-11}


class Said:
    """What a linear last layer says, its rows in full, by `features` and `outcomes`."""

    @property
    def classes(self):
        return self.outcomes.num_outputs

    @property
    def num_rows(self):
        return self.outcomes.num_rows(self.classes)

    @property
    def num_parameters(self):
        return self.classes * self.features.shape[1]

    def _of(self, ops, factor):
        features, xp = ops.upcast(self.features), ops.xp
        each = xp.matrix_transpose(factor)[:, :, :, None] * features[:, None, None, :]
        return DenseRows(xp.reshape(each, (*each.shape[:2], self.num_parameters)))

    def _shape(self):
        return self.features.shape[0], self.classes

    def rows(self, ops):
        return self._of(ops, self.outcomes.factor(ops, self._shape(), self.features))

    def log_noise(self, ops):
        return self.outcomes.log_noise(ops, self._shape(), self.features)

    def scored(self, ops, labels):
        factor, scores = self.outcomes.scores(ops, labels, self._shape(), self.features)
        return self._of(ops, factor), scores

    def check_labels(self, labels):
        self.outcomes.check_labels(labels)


class Layer(Said, infoq.Embedding):
    """By named fields, of which the likelihood is one."""

    _arrays = ("features", "outcomes")

    def __init__(self, features, outcomes):
        self.features, self.outcomes = features, outcomes


class Older(Said, infoq.Embedding):
    """In the older way, by the likelihood's own parts and settings."""

    def __init__(self, features, outcomes):
        self._parts = (features, *outcomes.parts)
        self._settings = (type(outcomes), outcomes.settings)

    @property
    def features(self):
        return self.parts[0]

    @property
    def outcomes(self):
        kind, settings = self.settings
        return kind.from_parts(self.parts[1:], settings)


class Turned(Said, infoq.Embedding):
    """With the likelihood first, and a method of its own by the name `map`."""

    _arrays = ("outcomes", "features")

    def __init__(self, features, outcomes):
        self.features, self.outcomes = features, outcomes

    def map(self):
        raise AssertionError("it is none of infoq's")


OWN = {"fields": Layer, "parts": Older, "turned": Turned}
kinds = pytest.mark.parametrize("kind", OWN)


def softmax(backend, make, classes):
    """What makes an embedding of some candidates' numbers [n, 1, P], of P = 6 parameters."""
    size = P // classes

    def embed(rows):
        features, logits = rows[:, 0, :size], rows[:, 0, -classes:]
        return make(backend.array(features), Softmax(logits=backend.array(logits)))

    return embed


def same(backend, found, expected):
    """Whether arrays of a library are those of NumPy."""
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(x), NUMPY.numpy(NUMPY.xp.asarray(y)), **CLOSE)


# Where arrays of candidates are cut, picked, fetched and handed on, each in one way.
WAYS = [
    *("given", "epig", "epig, few", "jepig", "laplace, diagonal", "similarities"),
    *("EIG", "EIG, trace", "EPIG", "JEPIG", "forward_backward"),
]
SELECTIONS = ["bait", "kmeans_plusplus", "kdpp", "FacilityLocation", "logdet_mi"]


@kinds
@pytest.mark.parametrize("name", WAYS)
def test_all_scores_and_batches(backend, kind, name):
    run = {**own.SCORES, **own.BATCHES}[name]
    found = run(backend, softmax(backend, OWN[kind], 3), 0.7)
    expected = run(NUMPY, softmax(NUMPY, infoq.LastLayerEmbedding, 3), 0.7)
    same(backend, found, expected)


@kinds
@pytest.mark.parametrize("name", SELECTIONS)
def test_all_selections_of_single_rows(backend, kind, name):
    # Of the same library, as seeds give each numbers of its own.
    found, expected = (
        own.SELECTIONS[name](backend, softmax(backend, make, 2))
        for make in (OWN[kind], infoq.LastLayerEmbedding)
    )
    same(backend, found, [backend.numpy(x) for x in expected])


@kinds
@pytest.mark.parametrize("name", own.LABELLED)
def test_labels(backend, kind, name):
    """By a likelihood with two optional arrays."""
    found = []
    for library, make in ((backend, OWN[kind]), (NUMPY, infoq.LastLayerEmbedding)):

        def embed(rows, mean, library=library, make=make):
            features, mean = library.array(rows[:, 0]), library.array(mean[:, None])
            return make(features, Normal(mean * mean + 0.5, mean=mean))

        about = own.MEANS[: len(MANY)]
        labels = [library.array(x) for x in (own.OUTCOMES, own.OUTCOMES[: len(MANY)])]
        known, targets = embed(own.POOL, own.MEANS), embed(MANY, about)
        found.append(own.LABELLED[name](library, known, targets, *labels))
    same(backend, *found)


@kinds
def test_entropy_and_what_it_is_made_of(backend, kind):
    features, noise = backend.array(own.POOL[:, 0]), backend.array(own.MEANS[:, None] ** 2 + 0.5)
    mine, theirs = (make(features, Normal(noise)) for make in (OWN[kind], infoq.LastLayerEmbedding))
    same(backend, *([infoq.Gaussian(x, 0.7).entropy()] for x in (mine, theirs)))
    size = len(own.POOL)
    assert len(mine) == size
    assert len(mine.leaves()) == 2
    assert repr(mine) == f"{OWN[kind].__name__}(N={size}, R=1, P=6, {backend.name} float64)"
    for again in (pickle.loads(pickle.dumps(mine)), mine[:]):
        assert type(again) is type(mine)
        assert again.settings == mine.settings
        assert repr(again) == repr(mine)
    assert mine[[1, 3]].outcomes.num_candidates == 2


@kinds
@pytest.mark.of_libraries("jax")
def test_one_program_takes_them(backend, kind):
    import jax

    traced = []

    def score(pool, targets):
        traced.append(1)
        return infoq.epig(pool, targets)

    run, embed = jax.jit(score), softmax(backend, OWN[kind], 3)
    for scale in (1.0, 0.5):
        pool, about = infoq.Gaussian(embed(scale * own.POOL), 1.0), embed(scale * MANY)
        np.testing.assert_allclose(run(pool, about), infoq.epig(pool, about), **CLOSE)
    assert len(traced) == 1


@kinds
@pytest.mark.of_libraries("torch")
def test_gradients_reach_their_likelihood(backend, kind):
    slopes = []
    for make in (OWN[kind], infoq.LastLayerEmbedding):
        logits = backend.array(own.POOL[:, 0, -3:]).requires_grad_()
        embedding = make(backend.array(own.POOL[:, 0, :2]), Softmax(logits=logits))
        pool = infoq.Gaussian(embedding, 1.0)
        infoq.epig(pool, embedding[:3]).sum().backward()
        slopes.append(logits.grad)
    backend.module.testing.assert_close(*slopes, rtol=1e-8, atol=1e-10)

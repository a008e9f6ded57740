"""An embedding of a user's own, whose rows say `dense` alone, is worth what they are in full."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.predictives import Rows
from tests.conftest import Backend
from tests.structures import cases, own
from tests.structures.cases import MANY, PRECISIONS

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


# What infoq's own structures say, once, and not compiled by each library again.
NUMPY = Backend("numpy")


def same(backend, found, expected):
    """Whether arrays of a library are those of NumPy."""
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(x), NUMPY.numpy(NUMPY.xp.asarray(y)), **CLOSE)


def mine(backend):
    """What makes an embedding of rows, a user's."""
    return lambda rows: own.OwnEmbedding(backend.array(rows))


def dense(backend):
    """The same, infoq's."""
    return lambda rows: infoq.DenseEmbedding(backend.array(rows))


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for i, name in enumerate({**own.SCORES, **own.BATCHES})]
)
def test_everything_under_every_precision(backend, name, place):
    run = {**own.SCORES, **own.BATCHES}[name]
    for known in cases.some(backend, PRECISIONS, place):
        found = run(backend, mine(backend), PRECISIONS[known].make(backend))
        same(backend, found, run(NUMPY, dense(NUMPY), PRECISIONS[known].make(NUMPY)))


@pytest.mark.parametrize("name", own.SELECTIONS)
def test_every_selection(backend, name):
    # Of the same library, as seeds give each numbers of its own.
    found, expected = (own.SELECTIONS[name](backend, make(backend)) for make in (mine, dense))
    same(backend, found, [backend.numpy(x) for x in expected])


@pytest.mark.parametrize("name", own.LABELLED)
def test_labels_of_what_knows_its_predictions(backend, name):
    pool, about = own.POOL[:, :1], MANY[:, :1]
    labels, theirs = own.OUTCOMES, own.OUTCOMES[: len(about)]
    means = own.MEANS, own.MEANS[::-1][: len(about)].copy()
    found = []
    for library, make in ((backend, own.Predicting), (NUMPY, normal)):
        known, targets = (
            make(library.array(rows), library.array(mean))
            for rows, mean in zip((pool, about), means, strict=True)
        )
        cast = [library.array(x) for x in (labels, theirs)]
        found.append(own.LABELLED[name](library, known, targets, *cast))
    same(backend, *found)


def normal(rows, mean):
    """A regression with unit noise, of infoq's."""
    return infoq.fisher_embedding(rows, infoq.likelihoods.Normal(1.0, mean=mean))


def test_what_it_does_not_say_is_refused_by_name(backend):
    embedding = own.OwnEmbedding(backend.array(own.POOL))
    pool = infoq.Gaussian(embedding, 1.0)
    labels = backend.array(own.OUTCOMES)
    with pytest.raises(TypeError, match=r"labels: OwnEmbedding: .* what was predicted"):
        infoq.ig(pool, labels)
    with pytest.raises(TypeError, match=r"OwnEmbedding: does not say what was predicted"):
        infoq.PIG(pool, embedding, labels, labels)
    with pytest.raises(TypeError, match=r"OwnEmbedding: does not say what the outcomes are"):
        pool.sample(3)
    with pytest.raises(TypeError, match=r"'kronecker' needs .*, got OwnEmbedding"):
        infoq.laplace(embedding, 1.0, structure="kronecker")


def test_dense_is_required():
    class Nothing(Rows):
        pass

    with pytest.raises(TypeError, match=r"abstract.* dense"):
        Nothing()


def test_an_embedding_has_three_members():
    assert infoq.Embedding.__abstractmethods__ == {"num_rows", "num_parameters", "rows"}

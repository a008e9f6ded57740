"""A precision of a user's own, with two members, is worth what its matrix is."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests.structures import cases, own
from tests.structures.cases import EMBEDDINGS, PRECISIONS, P
from tests.structures.test_own_rows import CLOSE, NUMPY, same


def mine(backend):
    """A user's."""
    return own.OwnPrecision(backend.array(own.DIRECTION))


def dense(backend):
    """The same matrix, infoq's."""
    return infoq.DensePrecision(backend.array(own.MATRIX))


def compare(backend, run):
    """Whether a function of a library and a precision gives what it gives of NumPy's, infoq's."""
    same(backend, run(backend, mine(backend)), run(NUMPY, dense(NUMPY)))


@pytest.mark.parametrize("name", {**own.SCORES, **own.BATCHES})
def test_everything(backend, name):
    run = {**own.SCORES, **own.BATCHES}[name]
    compare(
        backend,
        lambda library, precision: run(
            library, lambda rows: infoq.DenseEmbedding(library.array(rows)), precision
        ),
    )


@pytest.mark.parametrize(("name", "place"), [(name, i) for i, name in enumerate(EMBEDDINGS)])
def test_every_embedding(backend, name, place):
    cases.a_few(backend, place)

    def scores(library, precision):
        embedding = EMBEDDINGS[name].make(library)
        pool = infoq.Gaussian(embedding, precision)
        about = infoq.jepig(pool, embedding[:2]), infoq.epig(pool, embedding[1:])
        return (infoq.eig(pool), *about, infoq.laplace(embedding, precision).logdet())

    compare(backend, scores)


def test_every_answer(backend):
    def answers(library, one):
        like, x = library.array(np.zeros(P)), library.array(cases.MORE)
        diagonal, root = one.diagonal(like), one.root(P, like)
        return diagonal, one.logdet(), one.solve(x), one.colour(x), root

    compare(backend, answers)
    assert mine(backend).num_noise(P) == P
    assert repr(mine(backend)) == "OwnPrecision(P=6)"


@pytest.mark.parametrize("name", PRECISIONS)
def test_every_sum(backend, name):
    one, other = mine(backend), PRECISIONS[name].make(backend)
    expected = own.MATRIX + PRECISIONS[name].matrix
    for total in (one + other, other + one):
        matrix = backend.numpy(total.matrix(P, backend.array(np.zeros(P))))
        np.testing.assert_allclose(matrix, expected, **CLOSE)


def test_outcomes_enter_and_leave(backend):
    one, rows = mine(backend), backend.array(cases.MORE[:2])
    like = backend.array(np.zeros(P))
    more = one.update(rows)
    assert isinstance(more, infoq.LowRankPrecision)
    assert more.downdate(rows) is one or backend.name == "dask"
    expected = own.MATRIX + cases.MORE[:2].T @ cases.MORE[:2]
    np.testing.assert_allclose(backend.numpy(more.matrix(P, like)), expected, **CLOSE)


def test_draws_of_its_parameters(backend):
    embedding = EMBEDDINGS["softmax"].make(backend)
    found, expected = (
        infoq.eig(infoq.Gaussian(embedding, make(backend)).sample(5, seed=0))
        for make in (mine, dense)
    )
    same(backend, (found,), (backend.numpy(expected),))


def test_evidence(backend):
    def evidence(library, prior):
        mean = library.array(own.DIRECTION)
        posterior = infoq.laplace(infoq.DenseEmbedding(library.array(cases.ROWS)), prior)
        return (infoq.marginal_likelihood(-1.0, mean, prior, posterior),)

    compare(backend, evidence)


class Anything(infoq.Precision):
    """Fits any number of parameters, and says nothing more."""

    @property
    def num_parameters(self):
        return None

    def matrix(self, num_parameters, like):
        return np.eye(num_parameters)


def test_what_has_no_size_says_what_it_lacks():
    pool = np.ones((2, 3))
    with pytest.raises(NotImplementedError, match=r"Anything: fits any .* define covariance"):
        infoq.eig(infoq.Gaussian(pool, Anything()))
    with pytest.raises(NotImplementedError, match=r"Anything: has no array .* define logdet"):
        Anything().logdet(3)


def test_two_members_are_required():
    assert infoq.Precision.__abstractmethods__ == {"num_parameters", "matrix"}

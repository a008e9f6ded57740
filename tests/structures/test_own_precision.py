"""A precision of a user's own, with two members, is worth what its matrix is."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.backends import ops_for
from tests.structures import cases, own
from tests.structures.cases import EMBEDDINGS, PRECISIONS, P
from tests.structures.test_own_rows import CLOSE, NUMPY, same


def mine(backend):
    """A user's."""
    return own.OwnPrecision(backend.array(own.DIRECTION))


def overriding(backend):
    """The same, with forms that are a user's as well."""
    return own.Overriding(backend.array(own.DIRECTION))


def dense(backend):
    """The same matrix, infoq's."""
    return infoq.DensePrecision(backend.array(own.MATRIX))


def compare(backend, run, make=mine):
    """Whether a function of a library and a precision gives what it gives of NumPy's, infoq's."""
    same(backend, run(backend, make(backend)), run(NUMPY, dense(NUMPY)))


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for i, name in enumerate({**own.SCORES, **own.BATCHES})]
)
def test_everything(backend, name, place):
    run = {**own.SCORES, **own.BATCHES}[name]

    def everything(library, precision):
        return run(library, lambda rows: infoq.DenseEmbedding(library.array(rows)), precision)

    for each in cases.some(backend, ("mine", "overriding"), place):
        compare(backend, everything, {"mine": mine, "overriding": overriding}[each])


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for i, name in enumerate({**own.SCORES, **own.BATCHES})]
)
def test_a_covariance_that_unfolds_the_rows(backend, name, place):
    """Of a direction that is known so well that no difference of covariances is taken."""
    cases.a_few(backend, place)
    direction = 30 * own.DIRECTION

    def everything(library, precision):
        return run(library, lambda rows: infoq.DenseEmbedding(library.array(rows)), precision)

    run = {**own.SCORES, **own.BATCHES}[name]
    found = everything(backend, own.Delegating(backend.array(direction)))
    matrix = np.eye(P) + np.outer(direction, direction)
    same(backend, found, everything(NUMPY, infoq.DensePrecision(matrix)))


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


class Fixed(infoq.Precision):
    """Twice the identity, of no array of its own: of the library of whatever it goes with."""

    _static = ("size",)
    size: int

    def __init__(self, size):
        self.size = size

    @property
    def num_parameters(self):
        return self.size

    def matrix(self, num_parameters, like):
        ops = ops_for(like)
        return 2 * ops.xp.eye(num_parameters, dtype=like.dtype, device=ops.device(like))


def test_a_precision_without_arrays(backend):
    embedding = infoq.DenseEmbedding(backend.array(own.POOL))
    found, expected = [], []
    for precision, scores in ((Fixed(P), found), (infoq.ScalarPrecision(2.0), expected)):
        known = infoq.laplace(embedding[:2], precision)
        pool = infoq.Gaussian(embedding, precision)
        scores += [infoq.eig(pool), infoq.jepig(pool, embedding[3:]), infoq.eig(pool, given=known)]
    same(backend, found, [backend.numpy(x) for x in expected])
    assert infoq.Gaussian(embedding, Fixed(P)).precision.ops is None


class Anything(infoq.Precision):
    """Fits any number of parameters, and says nothing more."""

    @property
    def num_parameters(self):
        return None

    def matrix(self, num_parameters, like):
        return np.eye(num_parameters)


def test_what_has_no_size_says_what_it_lacks():
    pool = np.ones((2, 3))
    with pytest.raises(
        NotImplementedError, match=r"Anything: holds for any number .* define covariance"
    ):
        infoq.eig(infoq.Gaussian(pool, Anything()))
    with pytest.raises(NotImplementedError, match=r"Anything: has no array .* define logdet"):
        Anything().logdet(3)


def test_two_members_are_required():
    assert infoq.Precision.__abstractmethods__ == {"num_parameters", "matrix"}


@pytest.mark.of_libraries("jax")
def test_all_of_ones_own_in_a_compiled_program_and_its_gradient(backend):
    import jax

    def scores(embedding, precision):
        pool = infoq.Gaussian(embedding, precision)
        return infoq.eig(pool) + infoq.epig(pool, embedding[:2]) + infoq.jepig(pool, embedding[2:])

    embedding = own.OwnEmbedding(backend.array(own.POOL))
    expected = backend.numpy(scores(embedding, mine(backend)))
    compiled = jax.jit(scores)(embedding, mine(backend))
    np.testing.assert_allclose(backend.numpy(compiled), expected, **CLOSE)
    slope = jax.grad(lambda x: jax.numpy.sum(scores(x, mine(backend))))(embedding)
    check_slope(backend, lambda x: scores(x, mine(backend)), slope.table)


@pytest.mark.of_libraries("torch")
def test_all_of_ones_own_in_one_graph_and_its_gradient(backend):
    torch = backend.module

    def scores(embedding):
        pool = infoq.Gaussian(embedding, mine(backend))
        return infoq.eig(pool) + infoq.epig(pool, embedding[:2]) + infoq.jepig(pool, embedding[2:])

    table = backend.array(own.POOL).requires_grad_()
    loss = scores(own.OwnEmbedding(table)).sum()
    (slope,) = torch.autograd.grad(loss, table)
    check_slope(backend, scores, slope)
    compiled = torch.compile(
        lambda x: infoq.eig(infoq.Gaussian(own.OwnEmbedding(x), own.OwnPrecision(x[0, 0]))),
        backend="eager",
        fullgraph=True,
    )
    x = backend.array(own.POOL)
    expected = infoq.eig(infoq.Gaussian(x, own.OwnPrecision(x[0, 0])))
    np.testing.assert_allclose(backend.numpy(compiled(x)), backend.numpy(expected), **CLOSE)


def check_slope(backend, scores, slope):
    """Whether a gradient is what the sum of the scores rises by along a direction."""
    along = np.random.default_rng(0).normal(size=own.POOL.shape)
    step = 1e-5
    up, down = (
        backend.numpy(scores(own.OwnEmbedding(backend.array(own.POOL + sign * step * along))))
        for sign in (1, -1)
    )
    rise = (up - down).sum() / (2 * step)
    np.testing.assert_allclose((backend.numpy(slope) * along).sum(), rise, rtol=1e-6)

"""Gradients and tracing in weight space: torch.autograd, torch.func, jax.grad, jit and vmap."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.gaussian.predictive import Gaussian

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(3, 2, 4))
TARGETS = RNG.normal(size=(2, 2, 4))
MANY = RNG.normal(size=(3, 2, 4))
LOW = ROWS.copy()
LOW[1] = 0  # tells nothing
LOW[2, 1] = LOW[2, 0]  # one direction twice
PHI, LOGITS = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 3))
DIAGONAL = np.array([0.5, 1.0, 2.0, 3.0])
ROOT = RNG.normal(size=(4, 4)) / 2

QUANTITIES = {
    "eig": lambda pool, about: infoq.eig(pool),
    "eig, trace": lambda pool, about: infoq.eig(pool, approximation="trace"),
    "entropy": lambda pool, about: pool.entropy(),
    "epig": infoq.epig,
    "epig, jensen": lambda pool, about: infoq.epig(pool, about, approximation="jensen"),
    "epig, trace": lambda pool, about: infoq.epig(pool, about, approximation="trace"),
    "jepig": infoq.jepig,
    "jepig, trace": lambda pool, about: infoq.jepig(pool, about, approximation="trace"),
}
names = pytest.mark.parametrize("name", QUANTITIES)


def of_rows(name, rows, targets, root):
    """The quantity of rows under a dense precision: all of it made from arrays."""
    eye = root * 0 + infoq.backends.ops_for(root).xp.eye(4, dtype=root.dtype)
    precision = infoq.DensePrecision(root @ root.T + eye)
    return QUANTITIES[name](Gaussian(rows, precision), infoq.DenseEmbedding(targets))


def of_last_layer(name, features, logits, values):
    """The quantity of a last layer under a diagonal precision, about its own last candidates."""
    outcomes = likelihoods.Softmax(logits=logits)
    if name == "entropy":  # of normal outcomes
        outcomes = likelihoods.Normal(logits * logits + 0.5)
    embedding = infoq.LastLayerEmbedding(features, outcomes)
    precision = infoq.DiagonalPrecision(values * values)
    return QUANTITIES[name](Gaussian(embedding, precision), embedding[1:])


VALUES = np.linspace(0.5, 1.5, 6)
FUNCTIONS = {
    "few targets": (of_rows, (ROWS, TARGETS[:1], ROOT)),
    "many targets": (of_rows, (ROWS, MANY, ROOT)),
    "low rank and zero": (of_rows, (LOW, TARGETS[:1], ROOT)),
    "targets of low rank": (of_rows, (LOW, LOW, ROOT)),
    "last layer": (of_last_layer, (PHI, LOGITS, VALUES)),
}


@pytest.mark.of_libraries("torch")
@names
@pytest.mark.parametrize("function", FUNCTIONS)
def test_torch_gradcheck(name, function):
    if name in ("eig", "eig, trace", "entropy") and "targets" in function:
        return  # no targets in them
    torch = pytest.importorskip("torch")
    of, arrays = FUNCTIONS[function]
    inputs = tuple(torch.tensor(x, requires_grad=True) for x in arrays)
    assert torch.autograd.gradcheck(lambda *x: of(name, *x), inputs)


@pytest.mark.of_libraries("torch")
def test_torch_gradcheck_of_other_parts():
    torch = pytest.importorskip("torch")

    def inputs(*arrays):
        return tuple(torch.tensor(x, requires_grad=True) for x in arrays)

    def diagonal(fisher, targets, value):
        embedding = infoq.DiagonalEmbedding(fisher)
        return infoq.epig(Gaussian(embedding, value), infoq.DiagonalEmbedding(targets))

    fisher = np.abs(ROWS[:, 0]) + 0.1
    value = np.array(0.7)
    assert torch.autograd.gradcheck(diagonal, inputs(fisher, fisher[:2] + 1, value))

    def low_rank(rows, more, values):
        precision = infoq.LowRankPrecision(values, more)
        return infoq.jepig(Gaussian(rows, precision), infoq.DenseEmbedding(more[:, None, :]))

    assert torch.autograd.gradcheck(low_rank, inputs(ROWS, MANY[0], DIAGONAL))

    def much_known(rows, more, values):
        twice = torch.concat([more, more[:1]])
        pool = Gaussian(torch.concat([rows, more[None]]), infoq.LowRankPrecision(values, twice))
        about = infoq.DenseEmbedding(rows)
        return infoq.eig(pool), infoq.epig(pool, about), infoq.jepig(pool, about), pool.entropy()

    for values in (DIAGONAL, DIAGONAL / 30):
        assert torch.autograd.gradcheck(much_known, inputs(ROWS, MANY[0], values))

    def probabilities(features, logits):
        softmax = likelihoods.Softmax(torch.softmax(logits, -1))
        embedding = infoq.LastLayerEmbedding(features, softmax, bias=True)
        posterior = infoq.laplace(embedding, 1.0, structure="dense")
        return infoq.eig(Gaussian(embedding, posterior))

    assert torch.autograd.gradcheck(probabilities, inputs(PHI, LOGITS))

    def process(root, noise):
        both = Gaussian.from_covariance(root @ root.T, noise * noise)
        return infoq.epig(both[:2], both[2:])

    assert torch.autograd.gradcheck(process, inputs(ROOT, DIAGONAL))


@pytest.mark.of_libraries("torch")
def test_gradients_at_certain_predictions_are_finite():
    torch = pytest.importorskip("torch")
    probs = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]], dtype=torch.float64)
    probs.requires_grad_()
    fisher = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    embedding = infoq.LastLayerEmbedding(torch.tensor(PHI), likelihoods.Softmax(probs))
    pool, diagonal = Gaussian(embedding, 1.0), Gaussian(infoq.DiagonalEmbedding(fisher), 1.0)
    for each in (pool, diagonal):
        known = [name for name in QUANTITIES if each is diagonal or name != "entropy"]
        total = sum(QUANTITIES[name](each, each.embedding).sum() for name in known)
        total.backward()
    assert bool(torch.all(torch.isfinite(probs.grad)))
    assert bool(torch.all(torch.isfinite(fisher.grad)))


@pytest.mark.of_libraries("torch")
@names
def test_torch_func(name):
    torch = pytest.importorskip("torch")
    rows, targets, root = (torch.tensor(x) for x in (ROWS, TARGETS, ROOT))
    expected = of_rows(name, rows, targets, root)
    stacked = torch.stack([rows, rows.flip(0)])
    mapped = torch.func.vmap(lambda x: of_rows(name, x, targets, root))(stacked)
    torch.testing.assert_close(mapped[0], expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(mapped[1], expected.flip(0), rtol=1e-12, atol=1e-14)
    jacobian = torch.func.jacrev(lambda x: of_rows(name, x, targets, root))(rows)
    assert jacobian.shape == (3, *ROWS.shape)
    each = torch.tensor(ROWS, requires_grad=True)
    of_rows(name, each, targets, root).sum().backward()
    torch.testing.assert_close(jacobian.sum(0), each.grad, rtol=1e-10, atol=1e-12)


# On JAX every case is a program of its own: a few stand for all.
TRACED = [
    ("eig", "low rank and zero"),
    ("epig", "low rank and zero"),
    ("epig, jensen", "many targets"),
    ("jepig", "few targets"),
    ("jepig, trace", "last layer"),
    ("epig", "last layer"),
]
traced = pytest.mark.parametrize(("name", "function"), TRACED)


@traced
@pytest.mark.of_libraries("jax")
def test_jax_gradients_agree_with_differences(backend, name, function):
    import jax

    of, arrays = FUNCTIONS[function]
    rng = np.random.default_rng(1)
    directions = [rng.normal(size=x.shape) for x in arrays]

    def moved(step):
        return of(name, *(x + step * d for x, d in zip(arrays, directions, strict=True))).sum()

    step = 1e-4
    ends = [moved(k * step) for k in (-2, -1, 1, 2)]
    expected = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)
    places = tuple(range(len(arrays)))
    slope = jax.jit(jax.grad(lambda *x: of(name, *x).sum(), argnums=places))(
        *map(jax.numpy.asarray, arrays)
    )
    actual = sum(np.sum(np.array(g) * d) for g, d in zip(slope, directions, strict=True))
    np.testing.assert_allclose(actual, expected, rtol=1e-7)


@traced
@pytest.mark.of_libraries("jax")
def test_jax_jit_and_vmap(backend, name, function):
    import jax

    of, arrays = FUNCTIONS[function]
    first, *rest = map(jax.numpy.asarray, arrays)
    expected = of(name, *arrays)
    run = jax.jit(lambda *x: of(name, *x))
    np.testing.assert_allclose(np.array(run(first, *rest)), expected, rtol=1e-11, atol=1e-14)
    stacked = jax.numpy.stack([first, 2 * first])
    mapped = jax.jit(jax.vmap(lambda x: of(name, x, *rest)))(stacked)
    np.testing.assert_allclose(np.array(mapped[0]), expected, rtol=1e-11, atol=1e-14)


@pytest.mark.of_libraries("jax")
def test_jax_jit_of_a_posterior_and_its_samples(backend):
    import jax

    def scores(features, logits, draws):
        embedding = infoq.LastLayerEmbedding(features, likelihoods.Softmax(logits=logits))
        posterior = infoq.laplace(embedding, 1.0, structure="kronecker")
        pool = Gaussian(embedding, posterior)
        score = infoq.epig(pool, embedding, approximation="kronecker")
        return score, infoq.bald(pool.sample(draws, seed=0)).shape

    arrays = [jax.numpy.asarray(x) for x in (PHI, LOGITS)]
    traced = jax.jit(lambda *x: scores(*x, 5)[0])(*arrays)
    np.testing.assert_allclose(np.array(traced), scores(PHI, LOGITS, 5)[0], rtol=1e-10)


@pytest.mark.of_libraries("dask")
def test_dask_computes_nothing_before_it_is_asked():
    da = pytest.importorskip("dask.array")
    loaded = []

    def load(block_info=None):
        loaded.append(block_info)
        return ROWS

    rows = da.map_blocks(load, chunks=((3, 3), (2,), (4,)), meta=np.ones((0, 0, 0)))
    root = da.from_array(ROOT, chunks=2)
    scores = {name: of_rows(name, rows, rows[:2], root) for name in QUANTITIES}
    assert not loaded
    whole = np.concatenate([ROWS, ROWS])
    for name in ("epig", "jepig, trace"):
        expected = of_rows(name, whole, whole[:2], ROOT)
        np.testing.assert_allclose(scores[name].compute(), expected, rtol=1e-11)
    before = len(loaded)
    scores["eig"].compute()
    assert len(loaded) == before + 2

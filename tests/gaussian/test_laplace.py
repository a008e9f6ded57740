"""`laplace`: what the data add to a prior, in every structure, in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.gaussian.laplace import check_budget
from tests.structures import cases
from tests.structures.cases import EMBEDDINGS, PRECISIONS, N, P

CLOSE = {"rtol": 1e-11, "atol": 1e-12}
LAST_LAYERS = ("softmax", "softmax, bias", "bernoulli", "gradients, several, bias")


def matrix(backend, precision):
    return backend.numpy(precision.matrix(P, backend.array(np.zeros(P))))


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.parametrize("structure", ["dense", "low_rank", "diagonal"])
def test_is_the_prior_and_the_sum_of_fisher_information(backend, name, structure):
    case, place = EMBEDDINGS[name], list(EMBEDDINGS).index(name)
    cases.a_few(backend, place)
    total = case.fisher.sum(0)
    if structure == "diagonal":
        total = np.diag(np.diag(total))
    for known in cases.some(backend, ("number", "diagonal", "dense", "low rank"), place):
        prior = PRECISIONS[known]
        posterior = infoq.laplace(case.make(backend), prior.make(backend), structure=structure)
        np.testing.assert_allclose(matrix(backend, posterior), prior.matrix + total, **CLOSE)


@pytest.mark.parametrize("name", LAST_LAYERS)
def test_kronecker_is_the_product_of_the_means(backend, name):
    case = EMBEDDINGS[name]
    phi = (
        cases.PHI
        if case.make(backend).parts[0].shape[1] == 2
        else cases.with_bias(cases.PHI[:, :1])
    )
    # Each Fisher information is Lambda (x) phi phi^T: with phi's square norm known, Lambda is.
    blocks = case.fisher.reshape(N, 3, 2, 3, 2)
    curvature = np.einsum("nadbd->nab", blocks) / np.sum(phi**2, 1)[:, None, None]
    expected = np.kron(curvature.mean(0), phi.T @ phi) + 0.7 * np.eye(P)
    posterior = infoq.laplace(case.make(backend), 0.7, structure="kronecker")
    assert isinstance(posterior, infoq.KroneckerPrecision)
    np.testing.assert_allclose(matrix(backend, posterior), expected, **CLOSE)


def test_kronecker_is_exact_for_one_candidate(backend):
    one = EMBEDDINGS["softmax"].make(backend)[:1]
    exact = infoq.laplace(one, 1.0, structure="dense")
    factored = infoq.laplace(one, 1.0, structure="kronecker")
    np.testing.assert_allclose(matrix(backend, factored), matrix(backend, exact), **CLOSE)


def test_natural_structures(backend):
    dense = EMBEDDINGS["dense"].make(backend)  # two rows each
    assert type(infoq.laplace(dense, 1.0)) is infoq.DensePrecision
    assert type(infoq.laplace(dense[:2], 1.0)) is infoq.LowRankPrecision
    assert type(infoq.laplace(dense[:3], 1.0)) is infoq.DensePrecision
    diagonal = infoq.DiagonalEmbedding(backend.array(cases.DIAGONAL))
    posterior = infoq.laplace(diagonal, 1.0)
    assert type(posterior) is infoq.DiagonalPrecision
    expected = np.diag(1 + cases.DIAGONAL.sum(0))
    np.testing.assert_allclose(matrix(backend, posterior), expected, **CLOSE)


@pytest.mark.parametrize("structure", ["dense", "low_rank", "diagonal"])
def test_data_add_up(backend, structure):
    embedding = EMBEDDINGS["softmax"].make(backend)
    at_once = infoq.laplace(embedding, 0.5, structure=structure)
    first = infoq.laplace(embedding[:1], 0.5, structure=structure)
    then = infoq.laplace(embedding[1:], first, structure=structure)
    np.testing.assert_allclose(matrix(backend, then), matrix(backend, at_once), **CLOSE)


@pytest.mark.parametrize("structure", ["dense", "diagonal", "kronecker"])
def test_streamed_as_at_once(backend, structure):
    features = np.random.default_rng(0).normal(size=(50, 2))
    probs = np.random.default_rng(1).dirichlet(np.ones(3), size=50)
    softmax = infoq.likelihoods.Softmax(backend.array(probs))
    embedding = infoq.LastLayerEmbedding(backend.array(features), softmax)
    at_once = matrix(backend, infoq.laplace(embedding, 0.5, structure=structure))
    for memory in (1, 300, "1KB"):
        with infoq.options(memory=memory):
            streamed = infoq.laplace(embedding, 0.5, structure=structure)
        np.testing.assert_allclose(matrix(backend, streamed), at_once, rtol=1e-12, atol=1e-13)


def test_half_precision_is_added_in_single(backend):
    if backend.name == "array_api_strict":
        pytest.skip("the standard has no float16")
    rows = cases.ROWS.astype(np.float16)
    embedding = infoq.DenseEmbedding(backend.array(np.tile(rows, (50, 1, 1))))
    for structure in ("dense", "low_rank", "diagonal"):
        posterior = infoq.laplace(embedding, 1.0, structure=structure)
        like = backend.array(np.zeros(P, np.float32))
        total = backend.numpy(posterior.diagonal(like))
        assert total.dtype == np.float32
        exact = 1 + 50 * np.sum(rows.astype(np.float64) ** 2, axis=(0, 1))
        np.testing.assert_allclose(total, exact, rtol=1e-5)


ERRORS = [
    (
        "softmax",
        1.0,
        "full",
        ValueError,
        "structure: expected one of 'dense', 'low_rank', 'diagonal', 'kr",
    ),
    ("dense", 1.0, "kronecker", TypeError, "'kronecker' needs a LastLayerEmbedding, got DenseEmb"),
    ("softmax", np.ones(P), "kronecker", TypeError, "needs a scalar prior precision, got Diagonal"),
    ("softmax", np.ones(5), None, ValueError, "prior_precision: expected P=6 parameters, got 5"),
    ("softmax", -1.0, None, ValueError, "expected a positive precision, got -1.0"),
    ("softmax", float("nan"), None, ValueError, "expected a positive precision, got nan"),
]


@pytest.mark.parametrize(("name", "prior", "structure", "error", "message"), ERRORS)
def test_wrong_structures_and_priors(backend, name, prior, structure, error, message):
    prior = backend.array(prior) if isinstance(prior, np.ndarray) else prior
    with pytest.raises(error, match=message):
        infoq.laplace(EMBEDDINGS[name].make(backend), prior, structure=structure)


def test_matrices_larger_than_the_budget_are_refused(backend):
    wide = infoq.DenseEmbedding(backend.array(np.zeros((2, 4000))))
    message = r"structure: 'dense' of P=4000 parameters takes 0.384 GB, .* allows 0.1; .*'diagonal'"
    with infoq.options(memory="100MB"):
        with pytest.raises(ValueError, match=message):
            infoq.laplace(wide, 1.0, structure="dense")
        infoq.laplace(wide, 1.0)  # two rows
        pool = infoq.Gaussian(wide, 1.0)
        many = infoq.DenseEmbedding(backend.array(np.zeros((4001, 4000))))
        # Where values can't be read, by a projection, which takes more.
        message = r"targets: M=4001, P=4000 takes 0\.512 GB"
        if backend.reads_values:
            message = r"targets: over P=4000 parameters takes 0\.384 GB"
        with pytest.raises(ValueError, match=message):
            infoq.jepig(pool, many)
        with pytest.raises(ValueError, match=r"targets: M=4001 with R=1 rows each takes 0\.128 GB"):
            infoq.epig(pool, many)
        rows = infoq.DenseEmbedding(backend.array(np.zeros((2001, 2, 4000))))
        with pytest.raises(ValueError, match=r"targets: M=2001 with R=2 rows each takes 0\.128 GB"):
            infoq.epig(pool, rows)
    with infoq.options(memory=1):  # small matrices always fit
        check_budget(10**6, backend.array(np.zeros(1)), "structure")


def test_rows_larger_than_the_budget_are_refused(backend):
    # 2 Q P + Q^2 numbers for Q = N R = 800 rows, of 8 bytes each.
    many = infoq.DenseEmbedding(backend.array(np.zeros((400, 2, 6000))))
    with infoq.options(memory="64MB"):
        with pytest.raises(ValueError, match=r"'low_rank' of P=6000 parameters takes 0\.0819 GB"):
            infoq.laplace(many, 1.0)
        message = r"targets: M=400, P=6000 takes 0\.154 GB"
        if backend.reads_values:
            message = r"targets: M=400 takes 0\.0819 GB"
        with pytest.raises(ValueError, match=message):
            infoq.jepig(infoq.Gaussian(many[:1], 1.0), many)


@pytest.mark.of_libraries("dask")
def test_dask_stays_lazy():
    da = pytest.importorskip("dask.array")
    loaded = []

    def load(block_info=None):
        loaded.append(block_info)
        return cases.ROWS[:2]

    rows = da.map_blocks(load, chunks=((2, 2), (2,), (P,)), meta=np.ones((0, 0, 0)))
    embedding = infoq.DenseEmbedding(rows)
    posteriors = [
        infoq.laplace(embedding, 1.0, structure=structure)
        for structure in ("dense", "low_rank", "diagonal")
    ]
    pools = [infoq.Gaussian(embedding, posterior) for posterior in posteriors]
    scores = [infoq.eig(pool) for pool in pools]
    scores += [infoq.epig(pool, embedding) for pool in pools]
    scores += [infoq.jepig(pool, embedding, approximation="trace") for pool in pools]
    scores += [pool.entropy(given=embedding) for pool in pools]
    assert not loaded
    tile = np.concatenate([cases.ROWS[:2]] * 2)
    local = infoq.DenseEmbedding(tile)
    expected = infoq.eig(infoq.Gaussian(local, infoq.laplace(local, 1.0)))
    np.testing.assert_allclose(scores[0].compute(), expected, rtol=1e-12)
    assert loaded

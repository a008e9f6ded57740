"""What embeddings, precisions and `Gaussian` refuse, and how they say so."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.gaussian.predictive import Gaussian
from infoq.structures.covariance import CovariancePrecision
from tests.structures import cases
from tests.structures.cases import C, N, P


def dense(a, rows=cases.ROWS):
    return infoq.DenseEmbedding(a(rows))


def layer(a, features=cases.PHI, logits=cases.Z):
    return infoq.LastLayerEmbedding(a(features), likelihoods.Softmax(logits=a(logits)))


def pool(a):
    return Gaussian(dense(a), 1.0)


def integers(*shape):
    return np.ones(shape, np.int64)


STRUCTURE = {
    "rows of rank 1": (
        lambda a: dense(a, np.ones(3)),
        ValueError,
        r"rows: expected shape \[N, P\] or",
    ),
    "rows of rank 4": (
        lambda a: dense(a, np.ones((1, 1, 1, 1))),
        ValueError,
        "rows: expected shape",
    ),
    "integer rows": (
        lambda a: dense(a, integers(2, 3)),
        TypeError,
        "rows: expected a real floating d",
    ),
    "complex rows": (
        lambda a: dense(a, np.ones((2, 3), complex)),
        TypeError,
        "rows: expected a real",
    ),
    "features of rank 3": (
        lambda a: layer(a, np.ones((N, 1, 2))),
        ValueError,
        r"features: expected .*N, D",
    ),
    "integer features": (
        lambda a: layer(a, integers(N, 2)),
        TypeError,
        "features: expected a real fl",
    ),
    "jacobian of rank 2": (
        lambda a: infoq.fisher_embedding(a(cases.PHI), likelihoods.Normal(1.0)),
        ValueError,
        r"jacobian: expected shape \[N, C, P\]",
    ),
    "diagonal of rank 3": (
        lambda a: infoq.DiagonalEmbedding(a(cases.ROWS)),
        ValueError,
        r"fisher_diagonal: expected shape \[N, P\]",
    ),
    "likelihood of another N": (
        lambda a: layer(a, cases.PHI[:3]),
        ValueError,
        "N=3 candidates, got 4",
    ),
    "likelihood of another C": (
        lambda a: infoq.fisher_embedding(a(cases.ROWS), likelihoods.Softmax(logits=a(cases.Z))),
        ValueError,
        "likelihood: expected C=2 outputs, got 3",
    ),
    "likelihood of another dtype": (
        lambda a: layer(a, cases.PHI.astype(np.float32)),
        TypeError,
        "likelihood: expected the dtype of the embedding",
    ),
    "no likelihood": (
        lambda a: infoq.LastLayerEmbedding(a(cases.PHI), a(cases.PROBS)),
        TypeError,
        "likelihood: expected one of infoq.likelihoods, got",
    ),
    "labels and samples": (
        lambda a: infoq.gradient_embedding(
            a(cases.PHI), likelihoods.Softmax(a(cases.PROBS)), a(cases.LABELS), samples=2
        ),
        ValueError,
        "labels and samples: expected at most one",
    ),
    "inputs of rank 1": (
        lambda a: infoq.gradient_embedding(a(np.ones(N)), likelihoods.Softmax(a(cases.PROBS))),
        ValueError,
        r"^x: expected shape \[N, D\] or \[N, C, P\]",
    ),
    "samples and top": (
        lambda a: infoq.gradient_embedding(
            a(cases.PHI), likelihoods.Softmax(a(cases.PROBS)), samples=2, top=2
        ),
        ValueError,
        "^samples and top: expected at most one",
    ),
    "labels of another N": (
        lambda a: infoq.gradient_embedding(
            a(cases.PHI), likelihoods.Softmax(a(cases.PROBS)), a(cases.LABELS[:3])
        ),
        ValueError,
        r"labels: expected shape \[N\] or \[N, R\], got \(3, 2\)",
    ),
    "no samples": (
        lambda a: infoq.gradient_embedding(
            a(cases.PHI), likelihoods.Softmax(a(cases.PROBS)), samples=0
        ),
        ValueError,
        "samples: expected at least 1, got 0",
    ),
    "no probabilities of labels": (
        lambda a: infoq.gradient_embedding(a(cases.PHI), likelihoods.Poisson(a(cases.PROBS))),
        TypeError,
        "labels: Poisson has no probabilities of labels; pass labels=",
    ),
    "an index": (lambda a: dense(a)[0], TypeError, "expected a slice of candidates"),
    "precision of another P": (
        lambda a: Gaussian(dense(a), a(np.ones(5))),
        ValueError,
        "precision: expected P=6 parameters as in the embedding, got P=5",
    ),
    "precision of another dtype": (
        lambda a: Gaussian(dense(a), a(np.ones(P, np.float32))),
        TypeError,
        "precision: expected the dtype of the candidates, .*float64, got .*float32",
    ),
    "integer precision": (
        lambda a: Gaussian(dense(a), a(integers(P))),
        TypeError,
        "precision: expected a real floating dtype",
    ),
    "precision of rank 3": (
        lambda a: Gaussian(dense(a), a(np.ones((1, 2, 2)))),
        ValueError,
        r"precision: expected shape \(P, P\), got",
    ),
    "no square": (
        lambda a: infoq.DensePrecision(a(np.ones((2, 3)))),
        ValueError,
        r"matrix: expected shape \(P, P\), got \(2, 3\)",
    ),
    "value of rank 1": (
        lambda a: infoq.ScalarPrecision(a(np.ones(1))),
        ValueError,
        "value: expected a number or a 0-d array",
    ),
    "low-rank rows of another P": (
        lambda a: infoq.LowRankPrecision(a(np.ones(P)), a(np.ones((2, 5)))),
        ValueError,
        r"rows: expected shape \(Q, 6\), got \(2, 5\)",
    ),
    "low-rank rows of rank 1": (
        lambda a: infoq.LowRankPrecision(1.0, a(np.ones(5))),
        ValueError,
        r"rows: expected shape \(Q, P\), got \(5,\)",
    ),
    "integer low-rank rows": (
        lambda a: infoq.LowRankPrecision(1.0, a(integers(2, 5))),
        TypeError,
        "rows: expected a real floating dtype",
    ),
    "sign": (
        lambda a: infoq.LowRankPrecision(1.0, a(np.ones((2, 5))), sign=2),
        ValueError,
        "sign: expected 1 or -1, got 2",
    ),
    "factors of two dtypes": (
        lambda a: infoq.KroneckerPrecision(a(np.eye(2)), a(np.eye(2, dtype=np.float32)), 1.0),
        TypeError,
        "left and right: expected one dtype",
    ),
    "a sum of two sizes": (
        lambda a: infoq.DiagonalPrecision(a(np.ones(2))) + infoq.DensePrecision(a(np.eye(3))),
        ValueError,
        "precisions of P=2 and P=3 parameters cannot be added; both must have the same P",
    ),
    "logdet of a number": (
        lambda a: infoq.ScalarPrecision(1.0).logdet(),
        ValueError,
        "num_parameters: a ScalarPrecision holds for any number of parameters; pass",
    ),
    "diagonal embedding, dense precision": (
        lambda a: Gaussian(infoq.DiagonalEmbedding(a(cases.DIAGONAL)), a(np.eye(P))),
        TypeError,
        "precision: a DiagonalEmbedding needs .*got DensePrecision; laplace.*'diagonal'",
    ),
    "diagonal embedding, dense context": (
        lambda a: infoq.eig(
            Gaussian(infoq.DiagonalEmbedding(a(cases.DIAGONAL)), 1.0),
            given=infoq.DensePrecision(a(np.eye(P))),
        ),
        TypeError,
        "given: a DiagonalEmbedding needs",
    ),
    "diagonal targets": (
        lambda a: infoq.epig(pool(a), infoq.DiagonalEmbedding(a(cases.DIAGONAL))),
        TypeError,
        "targets: a DiagonalEmbedding goes with another one only",
    ),
    "targets of another posterior": (
        lambda a: infoq.epig(pool(a), Gaussian(dense(a), 2.0)),
        ValueError,
        r"targets: expected the posterior of the candidates, ScalarPrecision\(1.0\), got another",
    ),
    "targets of another kind of posterior": (
        lambda a: infoq.jepig(pool(a), Gaussian(dense(a), a(np.ones(P)))),
        ValueError,
        "targets: expected the posterior of the candidates, .*pass the targets' embedding",
    ),
    "targets of another P": (
        lambda a: infoq.epig(pool(a), dense(a, np.ones((2, 5)))),
        ValueError,
        "targets: expected P=6 parameters, got P=5",
    ),
    "targets of another dtype": (
        lambda a: infoq.epig(pool(a), dense(a, cases.ROWS.astype(np.float32))),
        TypeError,
        "targets: expected the dtype of the candidates",
    ),
    "targets that are an array": (
        lambda a: infoq.epig(pool(a), a(cases.ROWS)),
        TypeError,
        "targets: expected a Gaussian or an Embedding, got",
    ),
    "target weights": (
        lambda a: infoq.epig(pool(a), dense(a), target_weights=a(np.ones(3))),
        ValueError,
        r"target_weights: expected shape \(4,\), one per target, got \(3,\)",
    ),
    "context that is an array": (
        lambda a: infoq.eig(pool(a), given=a(np.eye(P))),
        TypeError,
        "given: expected a Precision, or an Embedding or Gaussian of known outcomes, got",
    ),
    "context of another P": (
        lambda a: infoq.eig(pool(a), given=infoq.DensePrecision(a(np.eye(5)))),
        ValueError,
        "given: expected P=6 parameters",
    ),
    "outcomes of another P": (
        lambda a: infoq.eig(pool(a), given=dense(a, np.ones((2, 5)))),
        ValueError,
        "^given: expected P=6 parameters",
    ),
    "samples of a singular covariance": (
        lambda a: Gaussian(dense(a), CovariancePrecision(a(np.diag([1.0] * 5 + [0.0])))).sample(2),
        ValueError,
        "^covariance: ",
    ),
    "approximation of eig": (
        lambda a: infoq.eig(pool(a), approximation="jensen"),
        ValueError,
        "approximation: expected one of 'logdet', 'trace', got 'jensen'",
    ),
    "approximation of a batch by jepig": (
        lambda a: infoq.JEPIG(pool(a), dense(a), approximation="jensen"),
        ValueError,
        "approximation: expected one of 'logdet', 'trace', 'kronecker', got 'jensen'",
    ),
    "approximation of jepig": (
        lambda a: infoq.jepig(pool(a), dense(a), approximation="jensen"),
        ValueError,
        "approximation: expected one of 'logdet', 'trace', 'kronecker', got 'jensen'",
    ),
    "kronecker without a factored precision": (
        lambda a: infoq.epig(Gaussian(layer(a), 1.0), layer(a), approximation="kronecker"),
        TypeError,
        "needs a KroneckerPrecision, such as laplace.*gives, got ScalarPrecision",
    ),
    "an embedding alone": (
        lambda a: infoq.eig(dense(a)),
        TypeError,
        "got an embedding without a precision; pass infoq.Gaussian",
    ),
    "noise of another N": (
        lambda a: Gaussian.from_covariance(a(np.eye(3)), a(np.ones(2))),
        ValueError,
        r"noise_variance: expected a number or shape \(3,\), got \(2,\)",
    ),
    "no draws": (
        lambda a: Gaussian(layer(a), 1.0).sample(0),
        ValueError,
        "draws: expected at least 1",
    ),
    "samples of rows": (
        lambda a: pool(a).sample(3),
        TypeError,
        "does not say what the outcomes are",
    ),
    "samples of counts": (
        lambda a: Gaussian(
            infoq.LastLayerEmbedding(a(cases.PHI), likelihoods.Poisson(a(cases.PROBS))), 1.0
        ).sample(3),
        TypeError,
        "LastLayerEmbedding: does not say what the outcomes are; samples need",
    ),
    "samples of yes and no, several": (
        lambda a: Gaussian(
            infoq.LastLayerEmbedding(a(cases.PHI), likelihoods.Bernoulli(a(cases.PROBS))), 1.0
        ).sample(3),
        TypeError,
        "does not say what the outcomes are",
    ),
    "samples of gradients": (
        lambda a: Gaussian(
            infoq.gradient_embedding(a(cases.PHI), likelihoods.Softmax(a(cases.PROBS))), 1.0
        ).sample(3),
        TypeError,
        "FactoredEmbedding: does not say what the outcomes are",
    ),
}
EMPTY = {
    "rows": (lambda a: dense(a, np.ones((0, 3))), "rows: expected shape .*none of them 0, got"),
    "no rows": (lambda a: dense(a, np.ones((2, 0, 3))), "rows: expected shape"),
    "features": (lambda a: layer(a, np.ones((0, 3))), "features: expected shape"),
    "diagonal": (
        lambda a: infoq.DiagonalEmbedding(a(np.ones((2, 0)))),
        "fisher_diagonal: expected",
    ),
    "precision": (
        lambda a: infoq.DiagonalPrecision(a(np.ones(0))),
        r"values: expected shape \(P,\)",
    ),
}


def with_value(x, index, value):
    x = x.copy()
    x[index] = value
    return x


INDEFINITE = np.diag([1.0, 2.0, -0.25])
VALUES = {
    "NaN rows": (
        lambda a: dense(a, with_value(cases.ROWS, (2, 1, 3), np.nan)),
        "rows: candidate 2 has a value that is NaN or infinite",
    ),
    "infinite features": (
        lambda a: layer(a, with_value(cases.PHI, (1, 0), np.inf)),
        "features: candidate 1 has a value that is NaN or infinite",
    ),
    "negative diagonal": (
        lambda a: infoq.DiagonalEmbedding(a(with_value(cases.DIAGONAL, (3, 0), -1.0))),
        "fisher_diagonal: candidate 3 has a negative entry; pass squares",
    ),
    "indefinite matrix": (
        lambda a: infoq.DensePrecision(a(INDEFINITE)),
        r"matrix: of shape \(3, 3\), is not positive definite; its smallest eigenvalue is -0.25; "
        r"add a prior, for example infoq.ScalarPrecision\(1.0\)",
    ),
    "singular matrix": (
        lambda a: infoq.DensePrecision(a(np.zeros((2, 2)))),
        "is not positive definite; its smallest eigenvalue is 0; add a prior",
    ),
    "NaN matrix": (
        lambda a: infoq.DensePrecision(a(with_value(np.eye(2), (0, 0), np.nan))),
        "not positive definite; its smallest eigenvalue is not defined: there are values that are",
    ),
    "zero in a diagonal": (
        lambda a: infoq.DiagonalPrecision(a(np.array([1.0, 0.0]))),
        "values: expected positive precisions, got 0.0 at 1; add a prior",
    ),
    "NaN in a diagonal": (
        lambda a: infoq.DiagonalPrecision(a(np.array([np.nan, 0.0]))),
        "values: expected positive precisions, got nan at 0",
    ),
    "negative array": (
        lambda a: infoq.ScalarPrecision(a(np.array(-1.0))),
        "value: expected a positive precision, got -1.0",
    ),
    "factors": (
        lambda a: infoq.KroneckerPrecision(a(np.zeros((C, C))), a(np.eye(2))),
        r"left \(x\) right \+ shift is not positive definite; .* is 0; choose a larger shift",
    ),
    "too much taken off": (
        lambda a: infoq.LowRankPrecision(1.0, a(np.ones((1, 3))), sign=-1),
        r"base - rows\^T rows: .*is not positive definite; its smallest eigenvalue is -2",
    ),
    "negative variance": (
        lambda a: CovariancePrecision(a(INDEFINITE)),
        "covariance: expected variances of at least 0, got -0.25 at 2",
    ),
    "NaN covariance": (
        lambda a: CovariancePrecision(a(np.full((2, 2), np.nan))),
        "covariance: expected finite values",
    ),
    "inverse of a singular covariance": (
        lambda a: CovariancePrecision(a(np.zeros((2, 2)))).matrix(2, a(np.zeros(2))),
        "covariance: .*is not positive definite",
    ),
    "negative noise": (
        lambda a: Gaussian.from_covariance(a(np.eye(2)), a(np.array([1.0, -1.0]))),
        "noise_variance: expected positive variances, got -1.0; a noise-free outcome",
    ),
    "no noise": (
        lambda a: Gaussian.from_covariance(a(np.eye(2)), 0.0),
        "noise_variance: expected positive variances, got 0.0",
    ),
    "negative target weights": (
        lambda a: infoq.epig(pool(a), dense(a), target_weights=a(np.array([1.0, -1.0, 1.0, 1.0]))),
        "target_weights: expected finite weights >= 0, got -1.0 at 1",
    ),
    "target weights of zero": (
        lambda a: infoq.epig(pool(a), dense(a), target_weights=a(np.zeros(4))),
        "target_weights: the weights sum to 0.0",
    ),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_wrong_structure(backend, name):
    make, error, message = STRUCTURE[name]
    if name == "samples of a singular covariance" and not backend.reads_values:
        return  # found out when it is computed
    with pytest.raises(error, match=message):
        make(backend.array)


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_at_all(backend, name):
    make, message = EMPTY[name]
    backend = type(backend)("numpy") if backend.name == "dask" else backend
    with pytest.raises(ValueError, match=message):
        make(backend.array)


@pytest.mark.parametrize("name", VALUES)
def test_wrong_values(backend, name):
    if not backend.reads_values:
        return  # lazy values are not read at the door
    make, message = VALUES[name]
    with pytest.raises(ValueError, match=message):
        make(backend.array)


@pytest.mark.of_libraries("dask")
def test_lazy_values_are_not_read_at_the_door():
    da = pytest.importorskip("dask.array")
    wrong = da.from_array(INDEFINITE, chunks=2)
    scores = infoq.eig(Gaussian(wrong, infoq.DensePrecision(wrong)))
    with pytest.raises(ValueError, match="not positive definite"):
        scores.compute()


def test_arrays_of_two_libraries(backend):
    if backend.name == "numpy":
        pytest.importorskip("array_api_strict")
        other = type(backend)("array_api_strict")
    else:
        other = type(backend)("numpy")
    several = "arrays of several libraries"
    with pytest.raises(TypeError, match=f"{several}: candidates is .*precision is"):
        Gaussian(dense(backend.array), other.array(np.ones(P)))
    with pytest.raises(TypeError, match=f"{several}: candidates is .*targets is"):
        infoq.epig(pool(backend.array), dense(other.array))
    with pytest.raises(TypeError, match=f"{several}: candidates is .*given is"):
        infoq.eig(pool(backend.array), given=infoq.DensePrecision(other.array(np.eye(P))))
    with pytest.raises(TypeError, match=several):
        infoq.LastLayerEmbedding(
            backend.array(cases.PHI), likelihoods.Softmax(other.array(cases.PROBS))
        )


@pytest.mark.parametrize("bad", [0, 37, 99])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_of_many_blocks_that_is_not_finite_is_named(backend, bad, dtype):
    rows = np.ones((100, 2, 3), dtype)
    rows[[bad, 99], 1, 2] = np.inf, np.nan
    if not backend.reads_values:
        assert len(infoq.DenseEmbedding(backend.array(rows))) == 100
        return
    for memory in ("200B", "1KB", "1GB"):
        with infoq.options(memory=memory):
            infoq.DenseEmbedding(backend.array(np.ones_like(rows)))
            with pytest.raises(ValueError, match=f"rows: candidate {bad} has a value that is NaN"):
                infoq.DenseEmbedding(backend.array(rows))


def test_values_are_checked_without_a_copy():
    rows = np.ones((100_000, 64), "float32")
    tracemalloc.start()
    infoq.DenseEmbedding(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < rows.nbytes / 10


def test_equal_posteriors_are_one(backend):
    one, two = (
        Gaussian(dense(backend.array), cases.PRECISIONS["low rank"].make(backend)) for _ in "ab"
    )
    np.testing.assert_allclose(
        backend.numpy(infoq.jepig(one, two)), backend.numpy(infoq.jepig(one, one)), rtol=1e-12
    )
    if backend.reads_values:
        rows = np.ones((3, P))
        other = infoq.LowRankPrecision(backend.array(np.ones(P)), backend.array(rows))
        with pytest.raises(ValueError, match="targets: expected the posterior of the candidates"):
            infoq.jepig(one, Gaussian(dense(backend.array), other))

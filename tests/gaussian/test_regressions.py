"""What once went wrong in weight space, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

import infoq


def _rows(seed: int = 0, shape: tuple[int, ...] = (5, 3)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("shape", [(3,), (2, 1), (2, 4), (1, 2, 3)])
def test_rows_of_an_update_have_their_shape(backend, shape):
    # A vector, or a single column, would broadcast over the whole matrix.
    precision = infoq.DensePrecision(backend.array(np.eye(3)))
    for change in (precision.update, precision.downdate):
        with pytest.raises(ValueError, match=r"rows: expected shape \(Q, 3\)"):
            change(backend.array(np.full(shape, 0.1)))


def test_rows_of_an_update_are_floating(backend):
    with pytest.raises(TypeError, match="rows: expected a real floating dtype"):
        infoq.DensePrecision(backend.array(np.eye(2))).update(backend.array(np.eye(2, dtype=int)))


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 1)])
@pytest.mark.parametrize("matrix", [np.full(3, 2.0), 2 * np.eye(3)])
def test_vectors_that_are_solved_have_their_shape(backend, matrix, shape):
    precision = infoq.Gaussian(backend.array(_rows()), backend.array(matrix)).precision
    with pytest.raises(ValueError, match=r"x: expected shape \[\.\.\., 3\]"):
        precision.solve(backend.array(np.ones(shape)))


def test_integers_are_not_solved(backend):
    with pytest.raises(TypeError, match="x: expected a real floating dtype"):
        infoq.ScalarPrecision(0.5).solve(backend.array(np.array([1, 2])))


def test_a_scalar_precision_is_floating(backend):
    with pytest.raises(TypeError, match="value: expected a real floating dtype"):
        infoq.ScalarPrecision(backend.array(np.array(2)))


# Dask has no functions of empty matrices.
@pytest.mark.of_libraries("numpy", "torch", "jax", "array_api_strict", "cupy")
def test_no_rows_change_nothing(backend):
    x = _rows()
    same = infoq.LowRankPrecision(2.0, backend.array(np.zeros((0, 3))))
    solved = backend.call(same.solve, x)
    np.testing.assert_allclose(solved, x / 2)


def test_a_step_backwards_is_refused(backend):
    # `indices` gives it a stop of -1, which is the last candidate: the slice was empty.
    with pytest.raises(ValueError, match="a step of at least 1"):
        infoq.Gaussian(backend.array(_rows()), 1.0)[::-1]


def test_no_targets_are_refused(backend):
    pool = infoq.Gaussian(backend.array(_rows()), 1.0)
    with pytest.raises(ValueError, match="targets: expected at least one"):
        infoq.epig(pool, pool[:0])


@pytest.mark.parametrize("index", [5, -6])
def test_a_candidate_that_is_none_is_refused(backend, index):
    # JAX takes the nearest.
    pool = infoq.Gaussian(backend.array(_rows()), 1.0)
    batch = infoq.EIG(pool)
    with pytest.raises(IndexError, match="index: expected one of 5 candidates"):
        pool.observe(pool.context(), index)
    with pytest.raises(IndexError, match="index: expected one of 5 candidates"):
        batch.add(batch.start(), index)


def test_a_process_knows_all_its_singular_points(backend):
    points = np.linspace(0, 1, 12)
    covariance = np.exp(-((points[:, None] - points) ** 2))
    covariance[3], covariance[:, 3] = covariance[4], covariance[:, 4]
    covariance[3, 3] = covariance[4, 4]
    process = infoq.Gaussian.from_covariance(backend.array(covariance), 0.1)
    gain = np.linalg.solve(covariance + 0.1 * np.eye(12), covariance)
    left = np.diag(covariance - covariance @ gain)
    scores = backend.numpy(infoq.eig(process, given=process))
    np.testing.assert_allclose(scores, np.log1p(left / 0.1) / 2, rtol=1e-6)


@pytest.mark.parametrize("structure", ["dense", "low_rank"])
def test_rounding_is_no_direction_of_the_data(backend, structure):
    # Rank 3 of 60: noise among the eigenvalues made the float32 prior four times too precise.
    rows = _rows(1, (80, 3)) @ _rows(2, (3, 60))
    mean = np.full(60, 100 / np.sqrt(60))

    def best(dtype: str) -> float:
        embedding = infoq.DenseEmbedding(backend.array(rows, dtype))
        return infoq.optimise_prior_precision(
            embedding, backend.array(mean, dtype), structure=structure
        ).value

    assert best("float64") == pytest.approx(3e-4, rel=1e-4)
    assert best("float32") == pytest.approx(3e-4, rel=1e-3)


@pytest.mark.parametrize("size", [np.inf, 1e200])
def test_an_infinite_norm_has_no_best_prior(backend, size):
    embedding = infoq.DenseEmbedding(backend.array(np.eye(2)))
    refused = "mean: has .*(NaN or infinite|squares overflow)|the evidence has no maximum"
    with pytest.raises(ValueError, match=refused), np.errstate(all="ignore"):
        infoq.optimise_prior_precision(embedding, backend.array(np.array([size, 1.0])))


def test_evidence_is_of_all_data(backend):
    posterior = infoq.DensePrecision(backend.array(2 * np.eye(2)))
    each, mean = backend.array(np.array([-1.0, -2.0])), backend.array(np.zeros(2))
    with pytest.raises(ValueError, match="log_likelihood: expected its sum over the data"):
        infoq.marginal_likelihood(each, mean, 1.0, posterior)


def test_laplace_says_what_it_is_given(backend):
    rows = backend.array(_rows())
    with pytest.raises(TypeError, match="embedding: expected an Embedding"):
        infoq.laplace(rows, 1.0)
    with pytest.raises(TypeError, match="prior_precision: expected the dtype"):
        infoq.laplace(infoq.DenseEmbedding(rows), backend.array(np.ones(3), "float32"))


def test_similarities_are_of_one_dtype(backend):
    rows, narrow = backend.array(_rows()), backend.array(_rows(), "float32")
    with pytest.raises(TypeError, match="other: expected the dtype"):
        infoq.similarity_matrix(rows, narrow)
    with pytest.raises(TypeError, match="precision: expected the dtype"):
        infoq.similarity_matrix(rows, precision=backend.array(np.ones(3), "float32"))


def test_inputs_that_are_differentiated_are_floating(backend):
    def linearise(x):
        raise AssertionError("not reached")

    with pytest.raises(TypeError, match="inputs: expected a real floating dtype"):
        infoq.JacobianEmbedding(backend.array(np.eye(2, dtype=int)), linearise, linearise)


@pytest.mark.parametrize("shape", [(), (5, 0), (4,)])
def test_labels_of_gradients_have_their_shape(backend, shape):
    softmax = infoq.likelihoods.Softmax(logits=backend.array(_rows()))
    labels = backend.array(np.zeros(shape, dtype=int)) if 0 not in shape else None
    if labels is None:
        labels = backend.array(np.zeros((5, 1), dtype=int))[:, :0]
    with pytest.raises(ValueError, match="labels: expected shape"):
        infoq.gradient_embedding(backend.array(_rows(1)), softmax, labels)


@pytest.mark.of_libraries("torch")
@pytest.mark.parametrize("mode", ["no_grad", "inference_mode"])
def test_a_covariance_made_without_gradients_is_not_kept(mode):
    torch = pytest.importorskip("torch")
    matrix = (2 * torch.eye(3, dtype=torch.float64)).requires_grad_(mode == "no_grad")
    precision = infoq.DensePrecision(matrix)
    rows = torch.tensor(_rows(), requires_grad=True)
    with getattr(torch, mode)():
        infoq.eig(infoq.Gaussian(rows, precision))
    infoq.eig(infoq.Gaussian(rows, precision)).sum().backward()
    assert rows.grad is not None
    assert (matrix.grad is not None) == (mode == "no_grad")

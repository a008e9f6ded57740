"""What targets explain of outcomes that say very much, in float32 against float64 on its inputs."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests import oracles
from tests.oracles_digits import LEAST, close, joint, problem, traced


def precision(backend, kind, size):
    """A precision in float32, and its covariance in float64."""
    rng = np.random.default_rng(size)
    single = np.abs(rng.normal(size=(2, size, size)) / size**0.5).astype("float32")
    matrix = single[0].T @ single[0] + np.eye(size, dtype="float32")
    eye, more = np.eye(size), single[1][: size // 2].astype("float64")
    if kind == "scalar":
        return 2.0, eye / 2
    if kind == "diagonal":
        values = single[0][0] + np.float32(0.1)
        return backend.array(values), np.diag(1 / values.astype("float64"))
    if kind == "dense":
        return backend.array(matrix), np.linalg.inv(matrix.astype("float64"))
    if kind == "covariance":
        return infoq.CovariancePrecision(backend.array(matrix)), matrix.astype("float64")
    if kind == "low rank":
        rows = backend.array(single[1][: size // 2])
        return infoq.LowRankPrecision(1.0, rows), np.linalg.inv(eye + more.T @ more)
    left, right = (x[:k, :k] @ x[:k, :k].T for x, k in zip(single, (2, size // 2), strict=True))
    both = np.kron(left.astype("float64"), right.astype("float64")) + eye / 2
    made = infoq.KroneckerPrecision(backend.array(left), backend.array(right), 0.5)
    return made, np.linalg.inv(both)


NOISES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)


@pytest.mark.parametrize("noise", NOISES)
def test_a_linear_model_ranks_as_in_float64(backend, noise):
    rng = np.random.default_rng(0)
    pool, targets = rng.normal(size=(200, 1, 16)), rng.normal(size=(30, 1, 16))
    pool, targets = ((x / np.sqrt(noise)).astype("float32") for x in (pool, targets))
    found = infoq.jepig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, targets))
    expected = joint(pool, targets, np.eye(16))
    close(backend.numpy(found), expected)
    assert np.argsort(-expected)[:20].tolist() == np.argsort(-backend.numpy(found))[:20].tolist()


def about(backend, targets):
    """Targets as an embedding."""
    return infoq.DenseEmbedding(backend.array(targets))


# Fewer rows of targets than parameters, as many, and more; fewer parameters than rows, too.
SIZES = [(16, 5, 1), (16, 15, 1), (16, 16, 1), (16, 30, 1), (16, 15, 3), (16, 3, 3), (2, 4, 1)]
SIZES += [(2, 2, 3), (60, 30, 1), (200, 150, 1)]


@pytest.mark.parametrize(("size", "count", "rows"), SIZES)
@pytest.mark.parametrize("noise", [1e-3, 1e-7])
def test_any_number_of_rows_and_parameters(backend, size, count, rows, noise):
    pool, targets = problem(size, count, rows, noise)
    found = infoq.jepig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, targets))
    assert backend.numpy(found).dtype == np.float32
    close(backend.numpy(found), joint(pool, targets, np.eye(size)))


@pytest.mark.parametrize(
    "kind", ["scalar", "diagonal", "dense", "low rank", "kronecker", "covariance"]
)
@pytest.mark.parametrize("count", [2, 12])
def test_any_precision(backend, kind, count):
    # What is known by eigenvectors has their rounding: a candidate that is nearly orthogonal to the
    # targets says as little as that.
    least = 1e-3 if kind in ("kronecker", "covariance") else LEAST
    for rows, noise in ((1, 1e-3), (1, 3e-7), (2, 1e-6)):
        pool, targets = problem(8, count, rows, noise)
        prior, covariance = precision(backend, kind, 8)
        found = infoq.jepig(infoq.Gaussian(backend.array(pool), prior), about(backend, targets))
        close(backend.numpy(found), joint(pool, targets, covariance), least)


@pytest.mark.parametrize("count", [4, 24])
def test_correlated_features(backend, count):
    for noise in (1e-3, 1e-6):
        pool, targets = problem(12, count, 1, noise, features="correlated")
        found = infoq.jepig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, targets))
        close(backend.numpy(found), joint(pool, targets, np.eye(12)))


@pytest.mark.parametrize("count", [3, 40])
def test_the_mean_of_the_targets_and_the_trace(backend, count):
    weights = np.linspace(0.5, 1.5, count).astype("float32")
    scaled = np.sqrt(weights / weights.sum())[:, None, None]
    for noise in (1e-3, 1e-5, 1e-7):
        pool, targets = problem(16, count, 2, noise)
        mean = (scaled * targets.astype("float64")).astype("float64")
        known = infoq.Gaussian(backend.array(pool), 1.0)
        for how, expected in (("jensen", joint), ("trace", traced)):
            found = infoq.epig(
                known,
                about(backend, targets),
                target_weights=backend.array(weights),
                approximation=how,
            )
            close(backend.numpy(found), expected(pool, mean, np.eye(16)))


@pytest.mark.parametrize(("size", "count", "rows"), [(16, 10, 1), (2, 6, 1), (8, 4, 3), (2, 3, 3)])
@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-5, 1e-7])
def test_every_pair_of_a_candidate_and_a_target(backend, size, count, rows, noise):
    # Of correlations alone, a candidate that is among the targets was up to a fifth off.
    pool, targets = problem(size, count, rows, noise)
    found = infoq.epig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, targets))
    pairs = [joint(pool, one[None], np.eye(size)) for one in targets]
    close(backend.numpy(found), np.mean(pairs, axis=0))


@pytest.mark.parametrize("count", [2, 20])
def test_a_softmax_last_layer(backend, count):
    rng = np.random.default_rng(4)
    features, other = (100 * rng.normal(size=(n, 4)).astype("float32") for n in (12, count))
    probs, about = (oracles.softmax(rng.normal(size=(n, 3))).astype("float32") for n in (12, count))

    def embedding(x, p, dtype="float32"):
        softmax = infoq.likelihoods.Softmax(backend.array(p, dtype))
        return infoq.LastLayerEmbedding(backend.array(x, dtype), softmax)

    prior = 1e-2
    found = infoq.jepig(infoq.Gaussian(embedding(features, probs), prior), embedding(other, about))
    rows, targets = (
        backend.numpy(embedding(x, p, "float64").dense())
        for x, p in ((features, probs), (other, about))
    )
    close(backend.numpy(found), joint(rows, targets, np.eye(12) / prior))


def test_many_rows_each(backend):
    # More than are eliminated one by one; all of them given by fewer directions.
    rng = np.random.default_rng(5)
    pool = (1e3 * rng.normal(size=(4, 15, 6))).astype("float32")
    targets = (1e3 * rng.normal(size=(3, 2, 6))).astype("float32")
    for one in (targets, targets[:1]):
        found = infoq.jepig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, one))
        close(backend.numpy(found), joint(pool, one, np.eye(6)))


def test_the_diagonal_alone(backend):
    rng = np.random.default_rng(6)
    for scale in (1e-1, 1.0, 1e7):
        fisher, targets = (scale * rng.gamma(1.0, size=(n, 5)).astype("float32") for n in (6, 3))
        known = infoq.Gaussian(infoq.DiagonalEmbedding(backend.array(fisher)), 1.0)
        found = infoq.jepig(known, infoq.DiagonalEmbedding(backend.array(targets)))
        own, theirs = fisher.astype("float64"), targets.astype("float64").sum(0)
        expected = np.log1p(own * theirs / (1 + own + theirs)).sum(1) / 2
        close(backend.numpy(found), expected)


def test_more_parameters_than_singular_vectors_are_cheap_for(backend):
    # Beyond 256 parameters a projection is taken only where quadratic forms lose digits.
    rng = np.random.default_rng(7)
    for scale in (1e-1, 3e3):
        pool, targets = (scale * rng.normal(size=(n, 300)).astype("float32") for n in (5, 320))
        targets[3] = pool[0]
        found = infoq.jepig(infoq.Gaussian(backend.array(pool), 1.0), about(backend, targets))
        expected = joint(pool[:, None, :], targets[:, None, :], np.eye(300))
        close(backend.numpy(found), expected)


@pytest.mark.of_libraries("jax")
@pytest.mark.parametrize("noise", [1e-3, 1e-6])
def test_compiled_and_lazy_programs_keep_the_digits_too(noise):
    jax = pytest.importorskip("jax")
    for count in (5, 30):
        pool, targets = problem(16, count, 1, noise)

        def scores(x, y):
            return infoq.jepig(infoq.Gaussian(x, 1.0), infoq.DenseEmbedding(y))

        found = np.array(jax.jit(scores)(pool, targets))
        close(found, joint(pool, targets, np.eye(16)))
        slopes = jax.grad(lambda x, y: scores(x, y).sum(), argnums=(0, 1))(
            jax.numpy.asarray(pool), jax.numpy.asarray(targets)
        )
        assert all(bool(jax.numpy.all(jax.numpy.isfinite(x))) for x in slopes)

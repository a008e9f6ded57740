"""Labels of a likelihood that is given by its curvature, against the likelihoods with names."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.likelihoods import Curvature, Poisson, Softmax
from tests import oracles
from tests.likelihoods.answers import answer, scores

N, C = 4, 3
RNG = np.random.default_rng(0)
Z, PHI = RNG.normal(size=(N, C)), RNG.normal(size=(N, 2))
PROBS, LABELS = oracles.softmax(Z), np.array([0, 2, 1, 1])
MATRIX = np.stack([np.diag(p) - np.outer(p, p) for p in PROBS])
ONE_HOT = np.eye(C, dtype=int)[LABELS]


def information(backend, likelihood, labels):
    layer = infoq.LastLayerEmbedding(backend.array(PHI), likelihood)
    return backend.numpy(infoq.ig(infoq.Gaussian(layer, 1.0), backend.array(labels)))


def test_classes_are_one_hot_outcomes(backend):
    curved = Curvature(backend.array(MATRIX), mean=backend.array(PROBS))
    named = information(backend, Softmax(logits=backend.array(Z)), LABELS)
    np.testing.assert_allclose(information(backend, curved, ONE_HOT), named, rtol=1e-10)


def test_counts_have_one_output(backend):
    rate = np.exp(Z[:, 0])
    curved = Curvature(backend.array(rate[:, None, None]), mean=backend.array(rate))
    counts = np.array([0, 5, 1, 2])
    named = information(backend, Poisson(backend.array(rate)), counts)
    np.testing.assert_allclose(information(backend, curved, counts), named, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_of_a_singular_curvature_does_not_count(backend, dtype):
    matrix, mean = (backend.array(x.astype(dtype)) for x in (MATRIX, PROBS))
    factor, u = scores(backend, Curvature(matrix, mean=mean), ONE_HOT, (N, C), dtype)
    assert factor.dtype == u.dtype == dtype
    tolerance = {"float32": 3e-6, "float64": 1e-14}[dtype]
    product = (factor @ u[:, :, None])[:, :, 0]
    np.testing.assert_allclose(product, PROBS - ONE_HOT, atol=tolerance)
    exact = [np.linalg.pinv(m, rcond=1e-8, hermitian=True) for m in MATRIX]
    length = [r @ inverse @ r for r, inverse in zip(PROBS - ONE_HOT, exact, strict=True)]
    np.testing.assert_allclose(np.sum(u**2, axis=1), length, rtol=100 * tolerance)


def test_without_curvature_no_label_counts(backend):
    none = Curvature(backend.array(0 * MATRIX), mean=backend.array(PROBS))
    factor, u = scores(backend, none, ONE_HOT, (N, C))
    assert not factor.any()
    assert not u.any()


def test_what_is_wrong_is_refused(backend):
    a = backend.array
    with pytest.raises(ValueError, match=r"mean: expected shape \(4, 3\), as matrix has, got"):
        Curvature(a(MATRIX), mean=a(PROBS[:, :2]))
    with pytest.raises(TypeError, match="mean: expected the dtype of matrix"):
        Curvature(a(MATRIX), mean=a(PROBS.astype(np.float32)))
    curved = Curvature(a(MATRIX), mean=a(PROBS))
    with pytest.raises(ValueError, match=r"labels: expected shape \(4, 3\)"):
        curved.check_labels(a(LABELS))
    with pytest.raises(NotImplementedError, match=r"without a mean; pass Curvature"):
        answer(backend, Curvature(a(MATRIX)), "residual", ONE_HOT, shape=(N, C))
    if backend.reads_values:
        with pytest.raises(ValueError, match="labels: candidate 0, output 0: NaN"):
            curved.check_labels(a(PROBS * np.nan))
        with pytest.raises(ValueError, match="mean: candidate 0, output 0: NaN"):
            Curvature(a(MATRIX), mean=a(PROBS * np.nan))

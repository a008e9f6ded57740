"""More parameters than a matrix over them could have: nothing of size P x P is ever formed."""

from __future__ import annotations

import numpy as np
import pytest

import infoq

P = 200_000  # a P x P matrix would take 320 GB


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Two candidates and one known outcome."""
    return np.random.default_rng(0).normal(size=(3, P)) / P**0.5


def test_eig_of_one_candidate_by_its_own_rows(backend, rows):
    pool = infoq.Gaussian(backend.array(rows[:1]), 0.5)
    expected = np.log1p(np.sum(rows[0] ** 2) / 0.5) / 2
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), [expected], rtol=1e-10)


def test_a_posterior_of_few_outcomes_and_few_targets(backend, rows):
    x = infoq.DenseEmbedding(backend.array(rows))
    posterior = infoq.laplace(x[2:], 0.5)
    assert repr(posterior) == "LowRankPrecision(ScalarPrecision(0.5), Q=1)"
    similar = rows @ rows.T / 0.5
    own = similar[:2, :2] - np.outer(similar[:2, 2], similar[:2, 2]) / (1 + similar[2, 2])
    pool = infoq.Gaussian(x[:1], posterior)
    eig = np.log1p(own[0, 0]) / 2
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), [eig], rtol=1e-10)
    shared = own[0, 1] ** 2 / ((1 + own[0, 0]) * (1 + own[1, 1]))
    for quantity in (infoq.epig, infoq.jepig):
        scores = backend.numpy(quantity(pool, x[1:2]))
        np.testing.assert_allclose(scores, [-np.log1p(-shared) / 2], rtol=1e-7)


def test_what_would_be_too_large_is_refused_with_its_size(backend, rows):
    x = infoq.DenseEmbedding(backend.array(rows))
    with pytest.raises(ValueError, match=r"'dense' of P=200000 parameters takes 960 GB"):
        infoq.laplace(x, 0.5, structure="dense")

"""Function space, and from weight space to prediction space (CATALOGUE 37, 41; point 15)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles as discrete
from tests import oracles_gaussian as oracles

RELATIVE = 1e-10


@given(
    correlation=st.floats(-0.999, 0.999),
    scales=st.sampled_from([(1.0, 1.0), (0.1, 3.0)]),
    noise=st.sampled_from([1e-6, 0.3, 10.0]),
)
def test_37_gaussian_epig_is_a_function_of_the_correlation(backend, correlation, scales, noise):
    covariance = np.outer(scales, scales) * np.array([[1.0, correlation], [correlation, 1.0]])
    both = infoq.Gaussian.from_covariance(backend.array(covariance), noise)
    observed = covariance + noise * np.eye(2)
    rho = covariance[0, 1] / np.sqrt(observed[0, 0] * observed[1, 1])
    expected = -np.log1p(-(rho**2)) / 2
    for quantity in (infoq.epig, infoq.jepig):
        actual = backend.numpy(quantity(both[:1], both[1:]))
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-14)
    shared = infoq.gaussian_mutual_information(backend.array(observed), 1)
    np.testing.assert_allclose(backend.numpy(shared), expected, rtol=1e-9, atol=1e-14)


@given(problem=oracles.problems(kinds=("dense",)), noise=st.sampled_from([0.2, 3.0]))
def test_37_function_space_is_weight_space(backend, problem, noise):
    rows = np.concatenate([problem.rows[:, 0], problem.targets[:, 0]])
    inverse = np.linalg.inv(problem.precision)
    covariance = rows @ inverse @ rows.T
    covariance = backend.array((covariance + covariance.T) / 2)
    both, count = infoq.Gaussian.from_covariance(covariance, noise), len(problem.rows)
    scaled = problem._replace(
        rows=problem.rows[:, :1] / np.sqrt(noise), targets=problem.targets[:, :1] / np.sqrt(noise)
    )
    pool, targets = scaled.pool(backend), scaled.about(backend)
    pairs = [
        (infoq.eig(both[:count]), infoq.eig(pool)),
        (infoq.epig(both[:count], both[count:]), infoq.epig(pool, targets)),
        (infoq.jepig(both[:count], both[count:]), infoq.jepig(pool, targets)),
    ]
    # Rows are in units of the noise, of which a covariance says how large it is.
    unit = backend.numpy(pool.entropy())
    level = np.broadcast_to(np.log(noise) / 2, unit.shape)
    np.testing.assert_allclose(backend.numpy(both[:count].entropy()), unit + level, rtol=1e-9)
    for function, weight in pairs:
        np.testing.assert_allclose(
            backend.numpy(function), backend.numpy(weight), rtol=1e-9, atol=1e-10
        )


LOGITS = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5]])
FEATURES = np.array([[1.0, 0.5], [-0.3, 2.0]])


def posterior(backend, scale: float) -> tuple[infoq.LastLayerEmbedding, np.ndarray]:
    """A last layer, and a covariance of its six parameters of the given size."""
    softmax = infoq.likelihoods.Softmax(logits=backend.array(LOGITS))
    layer = infoq.LastLayerEmbedding(backend.array(FEATURES), softmax)
    return layer, oracles.spread(np.random.default_rng(0), 6) / scale


def test_41_bald_tends_to_the_trace_as_the_posterior_narrows(backend):
    draws, errors = 4000, []
    for scale in (10.0, 1e4, 1e6):
        layer, covariance = posterior(backend, scale)
        matrix = backend.array(np.linalg.inv(covariance))
        gaussian = infoq.Gaussian(layer, infoq.DensePrecision((matrix + matrix.T) / 2))
        bald = backend.numpy(infoq.bald(gaussian.sample(draws, seed=0)))
        trace = backend.numpy(infoq.eig(gaussian, approximation="trace"))
        logdet = backend.numpy(infoq.eig(gaussian))
        fisher = oracles.softmax_fisher(discrete.softmax(LOGITS))
        dense = [np.kron(f, np.outer(x, x)) for f, x in zip(fisher, FEATURES, strict=True)]
        np.testing.assert_allclose(
            trace, [np.trace(f @ covariance) / 2 for f in dense], rtol=RELATIVE
        )
        ratio = bald / trace
        if scale > 1e3:
            # A mean of squares of `draws` normal numbers: five standard errors, at the least rank.
            assert np.all(np.abs(ratio - 1) < 5 * np.sqrt(2 / draws))
            np.testing.assert_allclose(logdet, trace, rtol=10 / scale)
        errors.append(np.max(np.abs(ratio - 1)))
    # Where the posterior is wide they differ by more than what sampling explains.
    assert errors[0] > 5 * np.sqrt(2 / draws)


@pytest.mark.parametrize("scale", [1e4, 1e6, 1e8])
def test_41_bald_is_the_trace_under_the_covariance_of_the_draws(backend, scale):
    # Without the error of sampling: the covariance of the logits that were drawn.
    layer, covariance = posterior(backend, scale)
    matrix = np.linalg.inv(covariance)
    gaussian = infoq.Gaussian(layer, backend.array((matrix + matrix.T) / 2))
    sample = gaussian.sample(100, seed=1)
    log_probs = np.log(backend.numpy(sample.probs))
    centred = log_probs - log_probs.mean(1, keepdims=True)
    fisher = oracles.softmax_fisher(discrete.softmax(LOGITS))
    trace = np.einsum("nkc,ncd,nkd->n", centred, fisher, centred) / (2 * 100)
    bald = backend.numpy(infoq.bald(sample))
    np.testing.assert_allclose(bald, trace, rtol=10 / np.sqrt(scale))


@pytest.mark.parametrize("draws", [20, 200])
def test_plug_in_epig_is_biased_up_by_what_independent_draws_share(backend, draws):
    # Candidates and targets with nothing in common: EPIG of the posterior is zero.
    rng = np.random.default_rng(0)
    pool, targets = (discrete.softmax(0.7 * rng.normal(size=(40, draws, 3))) for _ in range(2))
    actual = backend.call(infoq.epig, pool, targets).mean()

    def chi(probs):
        return (probs.var(1, ddof=1) / probs.mean(1)).sum(-1).mean()

    expected = chi(pool) * chi(targets) / (2 * (draws - 1))
    np.testing.assert_allclose(actual, expected, rtol=0.12)

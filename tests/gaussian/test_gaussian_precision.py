"""float32 ranks as float64 does; half precisions are computed in float32."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.gaussian.predictive import Gaussian
from tests import oracles
from tests.structures import cases
from tests.structures.cases import P

RNG = np.random.default_rng(0)
N, D, C, M = 12, 128, 10, 5
FEATURES = RNG.normal(size=(N + M, D)).astype(np.float32)
LOGITS = (4 * RNG.normal(size=(N + M, C))).astype(np.float32)
PRECISION = 2e6  # an EIG of about 1e-5


def last_layer(backend, dtype, part):
    softmax = likelihoods.Softmax(logits=backend.array(LOGITS[part].astype(dtype)))
    return infoq.LastLayerEmbedding(backend.array(FEATURES[part].astype(dtype)), softmax, bias=True)


def scores(backend, dtype):
    """Quantities of a last layer with P = 1290 under a precision at which outcomes tell little."""
    pool = Gaussian(last_layer(backend, dtype, slice(0, N)), PRECISION)
    targets = last_layer(backend, dtype, slice(N, None))
    rows = backend.ops.xp.reshape(targets.dense(), (-1, (D + 1) * C))
    many = infoq.LowRankPrecision(PRECISION, rows * 100)
    calls = {
        "eig": infoq.eig(pool),
        "trace": infoq.eig(pool, approximation="trace"),
        "given": infoq.eig(pool, given=many),
        "epig": infoq.epig(pool, targets),
        "jensen": infoq.epig(pool, targets, approximation="jensen"),
        "jepig": infoq.jepig(pool, targets),
    }
    found = {name: backend.numpy(x) for name, x in calls.items()}
    assert all(x.dtype == dtype for x in found.values())
    return found


@pytest.fixture(scope="session")
def exact(backend):
    return scores(type(backend)("numpy"), np.float64)


def test_the_reference_is_exact(exact):
    # By mpmath: 1/2 log det(I + phi^2 Lambda / precision).
    assert np.median(exact["eig"]) < 2e-5
    probs = oracles.softmax(LOGITS[:3].astype(np.float64))
    phi = cases.with_bias(FEATURES[:3].astype(np.float64))
    with mpmath.workdps(40):
        for i in range(3):
            scale = mpmath.mpf(float(phi[i] @ phi[i])) / mpmath.mpf(PRECISION)
            matrix = mpmath.matrix(cases.softmax_curvature(probs)[i].tolist()) * scale
            exactly = mpmath.log(mpmath.det(mpmath.eye(C) + matrix)) / 2
            np.testing.assert_allclose(exact["eig"][i], float(exactly), rtol=1e-10)


def test_single_precision_keeps_what_is_small(backend, exact):
    for name, score in scores(backend, np.float32).items():
        np.testing.assert_allclose(score, exact[name], rtol=5e-3, err_msg=name)
        np.testing.assert_array_equal(np.argsort(score), np.argsort(exact[name]), err_msg=name)


HALVES = ["float16", "bfloat16"]


def half(backend, x, dtype):
    """An array in half precision, and what it is rounded to in float64."""
    if dtype == "float16":
        if backend.name == "array_api_strict":
            pytest.skip("the standard has no float16")
        return backend.array(x.astype(np.float16)), x.astype(np.float16).astype(np.float64)
    if backend.name not in ("torch", "jax"):
        pytest.skip("no bfloat16")
    rounded = backend.ops.xp.astype(backend.array(x), backend.module.bfloat16)
    single = backend.ops.xp.astype(rounded, backend.module.float32)
    return rounded, backend.numpy(single).astype(np.float64)


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_computed_in_single(backend, dtype):
    rows, exact = half(backend, cases.ROWS, dtype)
    targets, exact_targets = half(backend, cases.FEW, dtype)
    pool, about = Gaussian(rows, 0.75), infoq.DenseEmbedding(targets)
    precision, fisher = 0.75 * np.eye(P), cases.of_rows(exact)
    expected = cases.expected_epig(precision, fisher, cases.of_rows(exact_targets), None)
    pairs = [
        (infoq.eig(pool), cases.gain(precision, fisher)),
        (infoq.epig(pool, about), expected["logdet"]),
        (infoq.epig(pool, about, approximation="trace"), expected["trace"]),
    ]
    for score, wanted in pairs:
        assert score.dtype == rows.dtype
        found = backend.numpy(backend.ops.xp.astype(score, backend.module.float32))
        np.testing.assert_allclose(found, wanted, rtol=1e-3 if dtype == "float16" else 8e-3)


def test_half_precision_of_a_last_layer(backend):
    phi, exact = half(backend, cases.PHI, "float16")
    logits, exact_logits = half(backend, cases.Z, "float16")
    embedding = infoq.LastLayerEmbedding(phi, likelihoods.Softmax(logits=logits))
    score = backend.call(lambda: infoq.eig(Gaussian(embedding, 0.5)))
    assert score.dtype == np.float16
    curvature = cases.softmax_curvature(oracles.softmax(exact_logits))
    expected = cases.gain(0.5 * np.eye(P), cases.last_layer(exact, curvature))
    np.testing.assert_allclose(score, expected, rtol=2e-3)


def test_a_precision_in_single_precision_goes_with_half(backend):
    rows, exact = half(backend, cases.ROWS, "float16")
    matrix = cases.spread(P, 1).astype(np.float32)
    score = backend.numpy(infoq.eig(Gaussian(rows, backend.array(matrix))))
    assert score.dtype == np.float16
    expected = cases.gain(matrix.astype(np.float64), cases.of_rows(exact))
    np.testing.assert_allclose(score, expected, rtol=1e-3)

"""Divergences between what nearly agrees: no cancellation, in float32 too.

The oracle takes the rounded inputs as they are. They sum to one only up to rounding, so it is the
sum of `q kl_term(p/q - 1)`, of which that rounding is no part.
"""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq

SEEDS = st.integers(0, 2**32 - 1)
# How far the distributions are apart, and how exact the divergence is.
CASES = {
    "float32": [(1e-6, 1e-3), (1e-3, 2e-5)],
    "float64": [(1e-12, 1e-3), (1e-3, 1e-11)],
}


def numbers(x):
    return [mpmath.mpf(v) for v in x.astype(np.float64).ravel().tolist()]


def divergence(p, q):
    return sum(v * mpmath.log(v / w) - v + w for v, w in zip(p, q, strict=True))


@mpmath.workdps(60)
def exact_kl(p, q):
    return float(divergence(numbers(p), numbers(q)))


@mpmath.workdps(60)
def exact_js(p, q):
    p, q = numbers(p), numbers(q)
    mean = [(v + w) / 2 for v, w in zip(p, q, strict=True)]
    return float((divergence(p, mean) + divergence(q, mean)) / 2)


@mpmath.workdps(60)
def exact_total_correlation(joint):
    size = joint.shape
    cells = dict(zip(np.ndindex(size), numbers(joint), strict=True))
    marginals = [[mpmath.mpf(0)] * n for n in size]
    for cell, value in cells.items():
        for marginal, outcome in zip(marginals, cell, strict=True):
            marginal[outcome] += value
    product = [mpmath.fprod(m[i] for m, i in zip(marginals, cell, strict=True)) for cell in cells]
    return float(divergence(list(cells.values()), product))


def pairs(seed, dtype):
    """A pair of distributions for each case, [2, 6]."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(6), size=2) + 0.01
    p = (p / p.sum(-1, keepdims=True)).astype(dtype)
    shift = rng.uniform(0.5, 1, size=p.shape) * rng.choice([-1, 1], size=p.shape)
    shift -= (p * shift).sum(-1, keepdims=True)
    apart = np.array([apart for apart, _ in CASES[dtype]])[:, None]
    return p, (p * (1 + apart * shift)).astype(dtype)


@pytest.mark.parametrize("dtype", CASES)
@pytest.mark.parametrize(
    ("function", "oracle"),
    [(infoq.kl_divergence, exact_kl), (infoq.js_divergence, exact_js)],
    ids=["kl", "js"],
)
@given(seed=SEEDS)
def test_divergences_are_relatively_exact(backend, dtype, function, oracle, seed):
    p, q = pairs(seed, dtype)
    expected = np.array([oracle(*rows) for rows in zip(p, q, strict=True)])
    error = np.abs(backend.call(function, p, q) / expected - 1)
    assert (error <= [rtol for _, rtol in CASES[dtype]]).all(), error


# The product of marginals is rounded, and the joint differs from it by little more.
@pytest.mark.parametrize(
    ("dtype", "apart", "rtol"),
    [("float32", 1e-3, 1e-3), ("float32", 1e-2, 1e-4), ("float64", 1e-8, 1e-5)],
)
def test_nearly_independent_variables(backend, dtype, apart, rtol):
    rng = np.random.default_rng(0)
    marginals = [rng.dirichlet(np.full(n, 9.0), size=2) for n in (2, 3, 2)]
    joint = np.einsum("nx,ny,nz->nxyz", *marginals)
    joint = joint * (1 + apart * rng.normal(size=joint.shape))
    joint = (joint / joint.sum((1, 2, 3), keepdims=True)).astype(dtype)
    total = backend.call(infoq.total_correlation, joint, axis=(1, 2, 3))
    expected = [exact_total_correlation(rows) for rows in joint]
    np.testing.assert_allclose(total, expected, rtol=rtol)
    information = backend.call(infoq.mutual_information, joint, x_axis=(1, 2), y_axis=3)
    expected = [exact_total_correlation(rows.reshape(6, 2)) for rows in joint]
    np.testing.assert_allclose(information, expected, rtol=rtol)

"""Every function of features whose squares overflow: one error, with the candidate and the fix."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests.capabilities.cases import CASES
from tests.capabilities.inputs import FEATURES, FEW_ROWS, POINTS, QUERIES, ROWS

pytestmark = pytest.mark.of_libraries("numpy", "torch", "jax", "array_api_strict", "cupy")

FIX = {"float32": "float32; scale .*, or use float64", "float64": "float64; scale"}
FEATURES_OF = (FEATURES, FEW_ROWS, POINTS, QUERIES, ROWS)

SOME = [case for case in CASES if any(each in FEATURES_OF for each in case.inputs)]
# Its rows are what a function of the user returns.
COMPUTED = {"JacobianEmbedding"}


@pytest.mark.parametrize(
    ("dtype", "size", "words"), [("float32", 1e20, "1e.20"), ("float64", 1e200, "1e.200")]
)
@pytest.mark.parametrize("case", [x for x in SOME if x.name not in COMPUTED], ids=str)
def test_squares_that_overflow(backend, case, dtype, size, words):
    values = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.arguments()]
    for place in (place for place, each in enumerate(case.inputs) if each in FEATURES_OF):
        changed = [x.copy() for x in values]
        changed[place][1] = size
        found = f"candidate 1 has values up to {words}, whose squares overflow {FIX[dtype]}"
        with pytest.raises(ValueError, match=found):
            case.run(*(backend.array(x) for x in changed))


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e18), ("float64", 1e152)])
def test_squares_that_fit(backend, dtype, size):
    rows = np.ones((3, 4), dtype)
    rows[1] = size
    pool = infoq.Gaussian(backend.array(rows), 1.0)
    expected = [np.log(5) / 2, np.log(2 * size), np.log(5) / 2]
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), expected, rtol=1e-6)
    chosen = infoq.farthest_first(backend.array(rows), 1)
    assert backend.numpy(chosen.indices).tolist() == [1]


@pytest.mark.of_libraries("numpy", "torch", "jax")
def test_half_precisions_are_squared_in_float32(backend):
    xp = backend.ops.xp
    rows = xp.astype(backend.array(np.full((2, 3), 6e4)), xp.float16)
    expected = np.full(2, np.log(1 + 3 * 6e4**2) / 2)
    np.testing.assert_allclose(
        backend.numpy(infoq.eig(infoq.Gaussian(rows, 1.0))), expected, rtol=1e-3
    )


def test_sums_that_overflow(backend):
    # Each square fits, and a thousand of them do not.
    points = backend.array(np.full((1000, 3), 1e18, "float32"))
    found = "similarities: a sum of products.* overflows float32; scale .*, or use float64"
    with np.errstate(over="ignore"):
        for function in (infoq.FacilityLocation, infoq.GraphCut):
            with pytest.raises(ValueError, match=found):
                infoq.greedy(function(points), 2)
    with pytest.raises(ValueError, match=r"points: of 1000 together, .* squares overflow float32"):
        infoq.kdpp(points, 2)


@pytest.mark.of_libraries("numpy", "torch", "jax")
def test_sums_that_a_half_precision_cannot_say(backend):
    rows = backend.array(np.full((3, 40), 100.0, "float16"))
    found = "a sum of products of candidate 0 overflows float16; scale .*, or use float32"
    with np.errstate(over="ignore"):
        with pytest.raises(ValueError, match=f"embedding: {found}"):
            infoq.similarity_matrix(rows)
        with pytest.raises(ValueError, match=f"similarities: {found}"):
            infoq.greedy(infoq.FacilityLocation(rows), 1)


def test_what_overflows_beside_the_precision(backend):
    pool = infoq.Gaussian(backend.array(np.array([[1.0], [1e15]], "float32")), 1e-12)
    found = "the covariance of candidate 1 beside .* overflows float32; scale one of them, or use f"
    with np.errstate(over="ignore"):
        for score in (infoq.eig, lambda x: x.entropy(), lambda x: x.covariance()):
            with pytest.raises(ValueError, match=found):
                score(pool)


def test_means_whose_squares_overflow(backend):
    eye = backend.array(np.eye(2, dtype="float32"))
    mean = backend.array(np.array([1e25, 0], "float32"))
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"overflow .*float32; scale"):
        infoq.gaussian_kl_divergence(mean, eye, 0 * mean, eye)
    with pytest.raises(ValueError, match=r"mean: .* whose squares overflow float32; scale mean"):
        infoq.marginal_likelihood(-1.0, mean, infoq.ScalarPrecision(1.0), infoq.DensePrecision(eye))

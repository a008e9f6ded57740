"""Every function of arrays in the other byte order: what the machine's own gives, in its own."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from tests.capabilities.checking import cases

pytestmark = pytest.mark.of_libraries("numpy", "dask")


def swapped(x: np.ndarray) -> np.ndarray:
    """The same numbers, each with its bytes turned around."""
    return x.astype(x.dtype.newbyteorder())


def chosen(backend, case, values, *places):
    """The results where the arguments at some places are swapped."""
    arguments = [swapped(x) if place in places else x for place, x in enumerate(values)]
    return case.run(*(backend.array(x) for x in arguments))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@cases("numpy")
def test_the_other_byte_order_changes_nothing(backend, case, dtype):
    values = [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.arguments()]
    expected = chosen(backend, case, values)
    everyone = tuple(range(len(values)))
    # All of them, and each alone beside others in the machine's own.
    for places in {everyone, *((place,) for place in everyone)}:
        results = chosen(backend, case, values, *places)
        for one, other in zip(results, expected, strict=True):
            assert one.dtype == other.dtype
            assert one.dtype.isnative
            np.testing.assert_array_equal(backend.numpy(one), backend.numpy(other))


def gaussian(rows):
    return infoq.Gaussian(rows, 1.0)


RNG = np.random.default_rng(0)
PROBS, ROWS = RNG.dirichlet(np.ones(3), (6, 4)), RNG.normal(size=(6, 3))
PLACES, LABELS = np.array([4, 1, 2]), np.array([0, 1, 2, 2, 1, 0])
ARGUMENTS = {
    "low-rank rows": (ROWS, lambda x: infoq.eig(gaussian(x), given=infoq.LowRankPrecision(1.0, x))),
    "draw weights": (np.arange(1.0, 5), lambda x: infoq.eig(infoq.Categorical(PROBS, weights=x))),
    "target weights": (
        np.arange(1.0, 7),
        lambda x: infoq.epig(PROBS, PROBS, target_weights=x),
    ),
    "noise": (np.arange(1.0, 4), lambda x: infoq.eig(infoq.Gaussian.from_covariance(np.eye(3), x))),
    "candidates": (PLACES, lambda x: infoq.greedy(infoq.EIG(PROBS), 2, candidates=x).indices),
    "given": (PLACES, lambda x: infoq.greedy(infoq.EIG(PROBS), 2, given=x).gains),
    "costs": (LABELS + 1, lambda x: infoq.greedy(infoq.EIG(PROBS), costs=x, budget=4).gains),
    "labels": (LABELS, lambda x: infoq.ig(PROBS, x)),
    "an index": (PLACES, lambda x: infoq.eig(infoq.Categorical(PROBS)[x])),
    "queries of a combinator": (
        PLACES,
        lambda x: infoq.greedy(infoq.mutual(infoq.LogDet(ROWS, ridge=1.0), x), 2).gains,
    ),
    "noise of a likelihood": (ROWS**2 + 1, lambda x: infoq.likelihoods.Normal(x).parts[0]),
    "half": (ROWS.astype("float16"), lambda x: infoq.eig(gaussian(x))),
}


@pytest.mark.of_libraries("numpy")
@pytest.mark.parametrize(("value", "function"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_the_other_byte_order_of_any_argument(backend, value, function):
    found, expected = function(swapped(value)), function(value)
    assert found.dtype == expected.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, expected)

"""A library that infoq has never heard of, by a plugin that is installed: see docs/backends.md."""

from __future__ import annotations

from importlib.metadata import entry_points

import numpy as np
import pytest

import infoq
from infoq.backends import ops_for

marray = pytest.importorskip("marray", reason="nox -s strangers installs it, with its plugin")
plugin = pytest.importorskip("infoq_marray")
masked = marray.masked_namespace(np)

RNG = np.random.default_rng(0)
PROBS, TARGETS = RNG.dirichlet(np.ones(3), (6, 4)), RNG.dirichlet(np.ones(3), (2, 4))
ROWS = RNG.standard_normal((6, 2, 3))


def test_it_comes_by_its_entry_point():
    assert [point.name for point in entry_points(group="infoq.backends")] == ["marray"]
    assert type(ops_for(masked.asarray([1.0]))) is plugin.MArrayOps


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_does_what_infoq_asks(dtype):
    assert "cholesky" in infoq.backends.check(masked, dtype=dtype)


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (infoq.eig, [PROBS]),
        (infoq.epig, [PROBS, TARGETS]),
        (infoq.jepig, [PROBS, TARGETS]),
        (infoq.entropy, [PROBS]),
        (infoq.margin, [PROBS]),
        (lambda rows: infoq.eig(infoq.Gaussian(rows, 0.5)), [ROWS]),
        (lambda rows: infoq.epig(infoq.Gaussian(rows, 0.5), infoq.DenseEmbedding(rows)), [ROWS]),
    ],
    ids=["eig", "epig", "jepig", "entropy", "margin", "weight space", "epig in weight space"],
)
def test_scores_are_those_of_numpy(function, arrays):
    found = function(*(masked.asarray(x) for x in arrays))
    assert not found.mask.any()
    np.testing.assert_allclose(found.data, function(*arrays), rtol=1e-12, atol=1e-15)


def test_batches_are_those_of_numpy():
    found, expected = (infoq.greedy(infoq.EIG(x), 3) for x in (masked.asarray(PROBS), PROBS))
    np.testing.assert_array_equal(found.indices.data, expected.indices)
    np.testing.assert_allclose(found.gains.data, expected.gains, rtol=1e-12)


def test_what_is_not_known_is_picked_last():
    scores = masked.asarray(np.array([1.0, 5.0, 3.0]), mask=np.array([False, True, False]))
    chosen = infoq.top_k(scores, 3)
    np.testing.assert_array_equal(chosen.indices.data, [2, 0, 1])
    np.testing.assert_array_equal(chosen.gains.mask, [False, False, True])


def test_matrices_with_masked_entries_have_no_factor():
    a = masked.asarray(np.eye(2), mask=np.array([[False, True], [True, False]]))
    with pytest.raises(ValueError, match="cholesky: there are masked entries"):
        ops_for(a).cholesky(a)

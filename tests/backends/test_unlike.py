"""Arrays that look alike, and are refused with a sentence: what they are, and what to pass."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods, methods

PROBS = np.random.default_rng(0).dirichlet(np.ones(3), (6, 4))
POINTS = np.random.default_rng(1).standard_normal((6, 3))
SCORES = np.arange(6.0)

DOORS = {
    "eig": (infoq.eig, PROBS),
    "entropy": (infoq.entropy, PROBS),
    "Categorical": (lambda x: infoq.Categorical(logits=x), PROBS),
    "Gaussian": (lambda x: infoq.Gaussian(x, 1.0), POINTS),
    "last layer": (
        lambda x: infoq.LastLayerEmbedding(x, likelihoods.Normal(1.0)),
        POINTS,
    ),
    "likelihood": (likelihoods.Softmax, POINTS),
    "precision": (infoq.DensePrecision, POINTS[:3]),
    "FacilityLocation": (infoq.FacilityLocation, POINTS),
    "kernel": (lambda x: infoq.LogDet(kernel=x), POINTS[:3]),
    "kmeans_plusplus": (lambda x: infoq.kmeans_plusplus(x, 2), POINTS),
    "kdpp": (lambda x: infoq.kdpp(x, 2), POINTS),
    "top_k": (lambda x: infoq.top_k(x, 2), SCORES),
    "logdet": (infoq.logdet, POINTS[:3]),
    "queries": (lambda x: methods.flqmi(x, x, 2), POINTS),
    "similarity_matrix": (infoq.similarity_matrix, POINTS),
}
doors = pytest.mark.parametrize(("door", "values"), DOORS.values(), ids=DOORS)
flat = pytest.mark.parametrize(
    ("door", "values"), [x for x in DOORS.values() if x[1] is not PROBS and x[1] is not SCORES]
)


@flat
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix", "coo_array"])
def test_sparse_arrays_of_scipy(door, values, kind):
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"sparse array of SciPy; pass x.toarray\(\), or infoq.Nei"):
        door(getattr(sparse, kind)(values))


@doors
def test_lists(door, values):
    with pytest.raises(TypeError, match=r"got list; convert it first, .* numpy.asarray"):
        door(values.tolist())


@pytest.mark.of_libraries("torch")
@doors
@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bits_are_too_few(backend, door, values, dtype):
    import torch

    found = f"expected a real floating dtype of 16 bits or more, got torch.{dtype}"
    with pytest.raises(TypeError, match=found):
        door(backend.array(values).to(getattr(torch, dtype)))


@pytest.mark.of_libraries("torch")
@doors
@pytest.mark.parametrize("layout", ["strided", "jagged"])
# PyTorch warns that the first layout of nested tensors is a prototype.
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensors(backend, door, values, layout):
    import torch

    if values.ndim == 1:
        values = values[:, None]
    nested = torch.nested.nested_tensor(list(backend.array(values)), layout=getattr(torch, layout))
    with pytest.raises(TypeError, match="got a nested tensor; pass one of one shape"):
        door(nested)


@pytest.mark.of_libraries("torch")
@doors
def test_sparse_tensors(backend, door, values):
    found = r"got a tensor of layout torch.sparse_coo; pass x.to_dense\(\)"
    with pytest.raises(TypeError, match=found):
        door(backend.array(values).to_sparse())


@pytest.mark.of_libraries("dask")
@pytest.mark.parametrize(
    "door",
    [
        infoq.entropy,
        lambda x: infoq.kl_divergence(x, x),
        lambda x: infoq.mutual_information(x / x.shape[1]),
        lambda x: infoq.epig(x, x),
        lambda x: infoq.ig(x, x[:, 0, 0] > 0),
        lambda x: infoq.greedy(infoq.EIG(x), 2),
        lambda x: infoq.eig(infoq.Gaussian(x, 1.0)),
        lambda x: infoq.similarity_matrix(x[:, 0, :]),
        lambda x: infoq.FacilityLocation(x[:, 0, :]),
        lambda x: infoq.LogDet(x[:, 0, :]),
        lambda x: infoq.top_k(np.ones(6), 2, costs=x[:, 0, 0]),
        lambda x: methods.badge(x[:, 0, :], likelihoods.Softmax(x[:, 0, :]), 2),
    ],
)
def test_sizes_that_dask_does_not_know(backend, door):
    some = backend.array(PROBS)[backend.array(np.arange(6) != 2)]
    with pytest.raises(ValueError, match=r"known.* for a Dask array by compute_chunk_sizes\(\)"):
        door(some)
    expected = infoq.entropy(PROBS[np.arange(6) != 2])
    found = infoq.entropy(some.compute_chunk_sizes())
    np.testing.assert_allclose(backend.numpy(found), expected, rtol=1e-12)


@pytest.mark.of_libraries("dask")
@doors
def test_chunks_that_are_masked(backend, door, values):
    import dask.array as da

    masked = da.ma.masked_array(backend.array(values), mask=values > 100)
    with pytest.raises(TypeError, match=r"got a masked array of NumPy.* by marray"):
        door(masked)


def test_entropies_of_draws_are_no_scores(backend):
    entropies = infoq.entropy(backend.array(PROBS))
    found = r"scores: expected shape \(N,\).* got \(6, 4\).*Categorical.entropy.* methods.entropy"
    for pick in (infoq.top_k, infoq.sample):
        with pytest.raises(ValueError, match=found):
            pick(entropies, 3)

"""k-means++: its law, its distances, and points that are alike."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.selection import kmeans_plusplus
from infoq.selection import points as room
from tests.selection.cases import assert_law, draws, squared_distances

POINTS = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 3.0], [4.0, 1.0], [4.0, 1.5]])


def distance(points, batch):
    """The squared distance of each of a batch to the nearest before it."""
    return [
        min(((points[i] - points[j]) ** 2).sum() for j in batch[:step])
        for step, i in enumerate(batch)
        if step > 0
    ]


def test_the_law(backend):
    points = backend.array(POINTS)
    found = [
        tuple(backend.numpy(kmeans_plusplus(points, 3, seed=seed).indices).tolist())
        for seed in range(draws(backend))
    ]
    assert_law(found, squared_distances(POINTS, 3))


def test_the_law_where_several_are_proposed_at_once(backend):
    points = np.random.default_rng(0).standard_normal((6, 2)) + 1e3
    found = []
    for seed in range(draws(backend)):
        batch = kmeans_plusplus(backend.array(points), 5, seed=seed)
        found.append(tuple(backend.numpy(batch.indices).tolist()))
    law = squared_distances(points, 5)
    assert_law([batch[-2:] for batch in found], _marginal(law, slice(-2, None)))
    assert_law([batch[2:4] for batch in found], _marginal(law, slice(2, 4)))


def _marginal(law, part):
    result = {}
    for batch, p in law.items():
        result[batch[part]] = result.get(batch[part], 0) + p
    return result


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_gains_are_squared_distances_to_the_nearest(backend, dtype, offset):
    points = (np.random.default_rng(1).standard_normal((60, 5)) + offset).astype(dtype)
    batch = kmeans_plusplus(backend.array(points), 40, seed=2)
    picked = backend.numpy(batch.indices).tolist()
    gains = backend.numpy(batch.gains)
    assert gains.dtype == dtype
    assert len(set(picked)) == 40
    wide = points.astype("float64")
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(gains[1:], distance(wide, picked), rtol=tolerance)
    assert gains[0] == pytest.approx((wide[picked[0]] ** 2).sum(), rel=1e-5)
    assert float(batch.value) == pytest.approx(gains.sum(dtype="float64"), rel=1e-5)


@pytest.mark.parametrize(("width", "clusters", "most"), [(60, 300, 4), (2, 4, 40)])
def test_passes_are_few_and_gains_as_if_there_were_one_a_centre(
    backend, monkeypatch, width, clusters, most
):
    rng = np.random.default_rng(8)
    points = np.repeat(10 * rng.standard_normal((clusters, width)), 300 // clusters, axis=0)
    points = points + rng.standard_normal(points.shape)
    passes, nearest = [], room.Points.nearest

    def counted(table, distance, centres):
        passes.append(centres.shape[0])
        return nearest(table, distance, centres)

    monkeypatch.setattr(room.Points, "nearest", counted)
    batch = kmeans_plusplus(backend.array(points), 290, seed=1, first="norm")
    picked = backend.numpy(batch.indices).tolist()
    assert len(set(picked)) == 290
    np.testing.assert_allclose(backend.numpy(batch.gains)[1:], distance(points, picked), rtol=1e-9)
    assert 1 < len(passes) <= most
    assert max(passes) <= 256


def embeddings(backend):
    """Embeddings in their structures, of 7 candidates each."""
    rng = np.random.default_rng(2)
    features, logits = rng.standard_normal((7, 3)), rng.standard_normal((7, 4))
    softmax = infoq.likelihoods.Softmax(logits=backend.array(logits))
    x = backend.array(features)
    yield infoq.gradient_embedding(x, softmax, bias=True)
    yield infoq.LastLayerEmbedding(x, softmax)
    yield infoq.fisher_embedding(backend.array(rng.standard_normal((7, 4, 5))), softmax)
    yield infoq.DenseEmbedding(backend.array(rng.standard_normal((7, 2, 3))))
    yield infoq.DiagonalEmbedding(backend.array(rng.random((7, 3))))


@pytest.mark.parametrize("which", range(5))
def test_embeddings_have_the_distances_of_their_rows(backend, which):
    embedding = list(embeddings(backend))[which]
    dense = backend.numpy(embedding.dense()).reshape(7, -1)
    batch = kmeans_plusplus(embedding, 7, seed=3, first="norm")
    picked = backend.numpy(batch.indices).tolist()
    assert sorted(picked) == list(range(7))
    assert picked[0] == np.argmax((dense**2).sum(1))
    gains = backend.numpy(batch.gains)
    assert gains[0] == pytest.approx((dense**2).sum(1).max())
    np.testing.assert_allclose(gains[1:], distance(dense, picked), rtol=1e-9)


def test_the_law_of_gradients(backend):
    rng = np.random.default_rng(4)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(rng.standard_normal((5, 3))))
    embedding = infoq.gradient_embedding(backend.array(rng.standard_normal((5, 2))), softmax)
    dense = backend.numpy(embedding.dense()).reshape(5, -1)
    found = [
        tuple(backend.numpy(kmeans_plusplus(embedding, 2, seed=seed).indices).tolist())
        for seed in range(draws(backend))
    ]
    assert_law(found, squared_distances(dense, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_copies_are_picked_once(backend, dtype):
    points = np.random.default_rng(5).standard_normal((4, 50)).astype(dtype)
    points = np.tile(points, (30, 1))
    for seed in range(3):
        batch = kmeans_plusplus(backend.array(points), 9, seed=seed)
        picked = backend.numpy(batch.indices)
        assert sorted(picked % 4) == [0, 1, 2, 3]
        assert batch.reason == "rank"
    same = kmeans_plusplus(backend.array(np.ones((5, 3), dtype)), 2, seed=1)
    assert (same.indices.shape[0], same.reason) == (1, "rank")


def test_masks_and_given(backend):
    mask = backend.array([True, True, False, True, True])
    found = set()
    for seed in range(15):
        batch = kmeans_plusplus(backend.array(POINTS), 2, seed=seed, candidates=mask, given=[0])
        found |= set(backend.numpy(batch.indices).tolist())
    assert found <= {1, 3, 4}
    first = [
        int(kmeans_plusplus(backend.array(POINTS), 1, seed=s, given=[0, 1]).indices[0])
        for s in range(draws(backend))
    ]
    assert_law(first, {2: 9.0, 3: 13.25, 4: 14.5})
    batch = kmeans_plusplus(backend.array(POINTS), 9, candidates=mask)
    assert sorted(backend.numpy(batch.indices).tolist()) == [0, 1, 3, 4]
    assert batch.reason == "pool"
    nobody = kmeans_plusplus(backend.array(POINTS), 1, given=range(5))
    assert (nobody.indices.shape[0], nobody.reason) == (0, "pool")
    one = kmeans_plusplus(backend.array(POINTS[:1]), 1)
    assert backend.numpy(one.indices).tolist() == [0]
    assert kmeans_plusplus(backend.array(POINTS), 0).indices.shape[0] == 0


def test_the_largest_norm_is_first_from_zero_and_not_from_the_mean(backend):
    points = np.array([[1.0, 0.0], [10.0, 0.0], [11.0, 0.0], [11.0, 0.0]])
    batch = kmeans_plusplus(backend.array(points), 1, first="norm")
    assert backend.numpy(batch.indices).tolist() == [2]
    assert backend.numpy(batch.gains).tolist() == [121.0]


def test_seeds_reproduce_and_blocks_do_not_matter(backend):
    points = backend.array(np.random.default_rng(6).standard_normal((50, 3)))
    one = kmeans_plusplus(points, 20, seed=7)
    with infoq.options(memory=2000):
        two = kmeans_plusplus(points, 20, seed=7)
    assert backend.numpy(one.indices).tolist() == backend.numpy(two.indices).tolist()
    other = kmeans_plusplus(points, 20, seed=8)
    assert backend.numpy(one.indices).tolist() != backend.numpy(other.indices).tolist()


def test_gradients_are_never_formed(backend, monkeypatch):
    def formed(*_):
        raise AssertionError("the rows were formed")

    monkeypatch.setattr(room.KroneckerRows, "dense", formed)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.eye(4)))
    kmeans_plusplus(infoq.gradient_embedding(backend.array(np.eye(4) + 1), softmax), 3)


@pytest.mark.parametrize(
    ("points", "keywords", "error", "message"),
    [
        (np.ones(3), {}, ValueError, r"points: expected shape \[N, P\]"),
        (np.ones((3, 2), int), {}, TypeError, "points: expected a real floating dtype"),
        (np.array([[1.0], [np.nan]]), {}, ValueError, "points: candidate 1 has a value that is"),
        (
            np.ones((3, 2)),
            {"first": "last"},
            ValueError,
            "first: expected one of 'uniform', 'norm'",
        ),
        (np.ones((3, 2)), {"k": -1}, ValueError, "k: expected a batch size of at least 0"),
        (np.ones((3, 2)), {"given": [7]}, ValueError, "given: expected indices from 0 to 2"),
    ],
)
def test_refusals(backend, points, keywords, error, message):
    with pytest.raises(error, match=message):
        kmeans_plusplus(backend.array(points), **{"k": 1, **keywords})


@pytest.mark.of_libraries("jax")
def test_not_inside_jax_jit():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="points: need values that can be read"):
        jax.jit(lambda x: kmeans_plusplus(x, 1).indices)(jax.numpy.ones((3, 2)))


def test_half_precision_stays_and_is_computed_in_more():
    batch = kmeans_plusplus((POINTS * 10).astype("float16"), 3, seed=1)
    assert batch.gains.dtype == np.float16
    assert np.isfinite(batch.gains).all()

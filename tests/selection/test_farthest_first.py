"""Farthest-first traversal: its distances, its guarantee, and points that are alike."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

import infoq
from infoq.selection import farthest_first
from infoq.selection import points as room

POINTS = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 3.0], [4.0, 1.0], [4.0, 1.5]])


def reference(points, k, start):
    """By all distances, in NumPy."""
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(2))
    batch, gains = list(start), []
    while len(gains) < k:
        nearest = apart[:, batch].min(1)
        gains.append(nearest.max())
        batch.append(int(nearest.argmax()))
    return batch[len(start) :], gains


def radius(points, centres):
    """The largest distance to the nearest centre."""
    apart = np.sqrt(((points[:, None] - points[None, list(centres)]) ** 2).sum(2))
    return apart.min(1).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_the_farthest_again_and_again(backend, dtype, offset):
    points = (np.random.default_rng(1).standard_normal((40, 5)) + offset).astype(dtype)
    batch = farthest_first(backend.array(points), 12)
    wide = points.astype("float64")
    norms = np.sqrt((wide**2).sum(1))
    indices, gains = reference(wide, 11, [int(norms.argmax())])
    assert backend.numpy(batch.indices).tolist() == [norms.argmax(), *indices]
    found = backend.numpy(batch.gains)
    assert found.dtype == dtype
    rtol = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(found, [norms.max(), *gains], rtol=rtol)
    assert np.all(np.diff(found[1:]) <= 0)
    assert float(batch.value) == pytest.approx(found.sum(dtype="float64"), rel=1e-6)
    assert batch.reason == "size"


@drawn(seed=st.integers(0, 10**6), k=st.sampled_from([1, 2, 3]), few=st.booleans())
def test_at_most_twice_the_best_radius(backend, seed, k, few):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 4, (8, 2)).astype("float64") if few else rng.standard_normal((8, 2))
    first = int(rng.integers(8))
    batch = farthest_first(backend.array(points), k, first=first)
    picked = backend.numpy(batch.indices).tolist()
    assert picked[0] == first
    centres = list(itertools.combinations(range(8), k))
    assert radius(points, picked) <= 2 * min(radius(points, x) for x in centres) + 1e-9
    # With a centre that is given, twice that of the best k beside it.
    more = backend.numpy(farthest_first(backend.array(points), k, given=[first]).indices)
    best = min(radius(points, (first, *x)) for x in centres)
    assert radius(points, (first, *more.tolist())) <= 2 * best + 1e-9


def test_given_points_are_centres(backend):
    rng = np.random.default_rng(2)
    points = rng.standard_normal((90, 3))
    array = backend.array(points)
    for start in ([7], [3, 50], list(range(70))):  # more than there are in one pass
        batch = farthest_first(array, 5, given=start)
        indices, gains = reference(points, 5, start)
        assert backend.numpy(batch.indices).tolist() == indices
        np.testing.assert_allclose(backend.numpy(batch.gains), gains)
    again = farthest_first(array, 3, given=farthest_first(array, 4).indices)
    whole = farthest_first(array, 7)
    assert backend.numpy(again.indices).tolist() == backend.numpy(whole.indices).tolist()[4:]


def embeddings(backend):
    """Embeddings in their structures, of 7 candidates each."""
    rng = np.random.default_rng(2)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(rng.standard_normal((7, 4))))
    x = backend.array(rng.standard_normal((7, 3)))
    yield infoq.gradient_embedding(x, softmax, bias=True)
    yield infoq.LastLayerEmbedding(x, softmax)
    yield infoq.fisher_embedding(backend.array(rng.standard_normal((7, 4, 5))), softmax)
    yield infoq.DenseEmbedding(backend.array(rng.standard_normal((7, 2, 3))))


@pytest.mark.parametrize("which", range(4))
def test_embeddings_have_the_distances_of_their_rows(backend, which):
    embedding = list(embeddings(backend))[which]
    dense = backend.numpy(embedding.dense()).reshape(7, -1)
    batch = farthest_first(embedding, 7, first=2)
    indices, gains = reference(dense, 6, [2])
    assert backend.numpy(batch.indices).tolist() == [2, *indices]
    np.testing.assert_allclose(backend.numpy(batch.gains)[1:], gains, rtol=1e-9)


def test_gradients_are_never_formed(backend, monkeypatch):
    def formed(*_):
        raise AssertionError("the rows were formed")

    monkeypatch.setattr(room.KroneckerRows, "dense", formed)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.eye(4)))
    farthest_first(infoq.gradient_embedding(backend.array(np.eye(4) + 1), softmax), 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_lowest_copy_is_picked_once(backend, dtype):
    points = np.random.default_rng(5).standard_normal((4, 50)).astype(dtype)
    batch = farthest_first(backend.array(np.tile(points, (30, 1))), 9)
    picked = backend.numpy(batch.indices).tolist()
    assert sorted(picked) == [0, 1, 2, 3]
    assert batch.reason == "rank"
    same = farthest_first(backend.array(np.ones((5, 3), dtype)), 2)
    assert (backend.numpy(same.indices).tolist(), same.reason) == ([0], "rank")
    none = farthest_first(backend.array(np.ones((5, 3), dtype)), 2, given=[2])
    assert (none.indices.shape[0], float(none.value), none.reason) == (0, 0.0, "rank")


def test_ties_go_to_the_lowest_index(backend):
    points = np.array([[0.0], [1.0], [-1.0], [1.0], [-1.0]])
    batch = farthest_first(backend.array(points), 5, first=0)
    assert backend.numpy(batch.indices).tolist() == [0, 1, 2]
    # What the caller says is first even where a lower one is the same.
    batch = farthest_first(backend.array(points), 5, first=4)
    assert backend.numpy(batch.indices).tolist() == [4, 1, 0]


def test_masks_and_small_pools(backend):
    mask = backend.array([True, True, False, True, True])
    batch = farthest_first(backend.array(POINTS), 9, candidates=mask)
    assert backend.numpy(batch.indices).tolist() == [4, 0, 1, 3]
    assert batch.reason == "pool"
    batch = farthest_first(backend.array(POINTS), 4, candidates=mask)
    assert batch.reason == "size"
    batch = farthest_first(backend.array(POINTS), 1, candidates=mask, given=[0])
    assert backend.numpy(batch.indices).tolist() == [4]
    nobody = farthest_first(backend.array(POINTS), 1, given=range(5))
    assert (nobody.indices.shape[0], nobody.reason) == (0, "pool")
    one = farthest_first(backend.array(POINTS[:1]), 2)
    assert (backend.numpy(one.indices).tolist(), one.reason) == ([0], "pool")
    none = farthest_first(backend.array(POINTS), 0)
    assert (none.indices.shape[0], none.reason) == (0, "size")


def test_the_largest_norm_is_first_from_zero_and_not_from_the_mean(backend):
    points = np.array([[1.0, 0.0], [10.0, 0.0], [11.0, 0.0], [11.0, 0.0]])
    batch = farthest_first(backend.array(points), 2)
    assert backend.numpy(batch.indices).tolist() == [2, 0]
    assert backend.numpy(batch.gains).tolist() == [11.0, 10.0]


def test_blocks_do_not_matter(backend):
    points = backend.array(np.random.default_rng(6).standard_normal((50, 3)))
    with infoq.options(memory=2000):
        one = farthest_first(points, 20)
    two = farthest_first(points, 20)
    assert backend.numpy(one.indices).tolist() == backend.numpy(two.indices).tolist()


@pytest.mark.parametrize(
    ("points", "keywords", "error", "message"),
    [
        (np.ones(3), {}, ValueError, r"points: expected shape \[N, P\]"),
        (np.ones((3, 2), int), {}, TypeError, "points: expected a real floating dtype"),
        (np.array([[1.0], [np.nan]]), {}, ValueError, "points: candidate 1 has a value that is"),
        (np.ones((3, 2)), {"k": -1}, ValueError, "k: expected a batch size of at least 0"),
        (np.ones((3, 2)), {"given": [7]}, ValueError, "given: expected indices from 0 to 2"),
        (np.ones((3, 2)), {"first": "last"}, ValueError, "first: expected 'norm' or the index"),
        (np.ones((3, 2)), {"first": 0.5}, TypeError, "first: expected 'norm' or an integer"),
        (np.ones((3, 2)), {"first": True}, TypeError, "first: expected 'norm' or an integer"),
        (np.ones((3, 2)), {"first": 3}, ValueError, "first: expected an index from 0 to 2, got 3"),
        (np.ones((3, 2)), {"first": 1, "given": [0]}, ValueError, "first: 1 is not first"),
        (
            np.ones((3, 2)),
            {"first": 1, "candidates": np.array([True, False, True])},
            ValueError,
            "first: 1 may not be picked",
        ),
    ],
)
def test_refusals(backend, points, keywords, error, message):
    keywords = {
        name: backend.array(x) if isinstance(x, np.ndarray) else x for name, x in keywords.items()
    }
    with pytest.raises(error, match=message):
        farthest_first(backend.array(points), **{"k": 1, **keywords})


@pytest.mark.of_libraries("jax")
def test_not_inside_jax_jit():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="points: need values that can be read"):
        jax.jit(lambda x: farthest_first(x, 1).indices)(jax.numpy.ones((3, 2)))


def test_half_precision_stays_and_is_computed_in_more():
    batch = farthest_first((POINTS * 10).astype("float16"), 3)
    assert batch.gains.dtype == np.float16
    assert np.isfinite(batch.gains).all()

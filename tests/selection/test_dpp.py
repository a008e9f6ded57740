"""k-DPP: its law, its volumes, and its rank."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import infoq
from infoq.selection import kdpp
from infoq.selection import points as room
from infoq.selection.dpp import _chosen
from tests.selection.cases import assert_law, draws, volumes


@pytest.mark.parametrize(("count", "width", "k"), [(6, 3, 2), (5, 7, 3), (5, 3, 3), (5, 4, 1)])
def test_the_law(backend, count, width, k):
    points = np.random.default_rng(count * width).standard_normal((count, width))
    array = backend.array(points)
    found = [
        tuple(sorted(backend.numpy(kdpp(array, k, seed=seed).indices).tolist()))
        for seed in range(draws(backend) // 2)
    ]
    assert_law(found, volumes(points, k))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_is_the_log_volume(backend, dtype):
    points = np.random.default_rng(0).standard_normal((40, 12)).astype(dtype)
    batch = kdpp(backend.array(points), 10, seed=1)
    picked = backend.numpy(batch.indices)
    assert len(set(picked.tolist())) == 10
    gains = backend.numpy(batch.gains)
    assert gains.dtype == dtype
    chosen = points[picked].astype("float64")
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    assert float(batch.value) == pytest.approx(np.linalg.slogdet(chosen @ chosen.T)[1], tolerance)
    steps = [np.linalg.slogdet(chosen[:i] @ chosen[:i].T)[1] for i in range(11)]
    np.testing.assert_allclose(gains, np.diff(steps), rtol=100 * tolerance, atol=100 * tolerance)
    assert batch.reason == "size"


def test_copies_are_never_together(backend):
    points = np.random.default_rng(2).standard_normal((3, 5))[[0, 0, 1, 1, 2, 2]]
    for seed in range(10):
        picked = backend.numpy(kdpp(backend.array(points), 3, seed=seed).indices)
        assert sorted(picked // 2) == [0, 1, 2]


def test_more_than_the_rank_picks_as_many(backend):
    points = np.random.default_rng(3).standard_normal((8, 2)) @ np.ones((2, 5)) + np.eye(8, 5)
    points[:, 2:] = 0
    for k, reason in ((2, "size"), (3, "rank"), (9, "rank")):
        batch = kdpp(backend.array(points), k)
        assert (batch.indices.shape[0], batch.reason) == (2, reason)
    batch = kdpp(backend.array(np.zeros((3, 2))), 1)
    assert (batch.indices.shape[0], float(batch.value), batch.reason) == (0, 0.0, "rank")
    nothing = infoq.DiagonalEmbedding(backend.array(np.zeros((3, 5))))
    for given in ([], [0]):
        batch = kdpp(nothing, 1, given=given)
        assert (batch.indices.shape[0], batch.reason) == (0, "rank")
    batch = kdpp(backend.array(np.eye(3)), 4)
    assert (batch.indices.shape[0], batch.reason) == (3, "pool")


def embeddings(backend):
    """Embeddings in their structures, of 5 candidates each, with more and fewer parameters."""
    rng = np.random.default_rng(6)
    logits = rng.standard_normal((5, 3))
    softmax = infoq.likelihoods.Softmax(logits=backend.array(logits))
    x = backend.array(rng.standard_normal((5, 2)))
    yield infoq.gradient_embedding(x, softmax, bias=True)
    yield infoq.gradient_embedding(x[:, :1], softmax)
    yield infoq.LastLayerEmbedding(x, softmax)
    yield infoq.fisher_embedding(backend.array(rng.standard_normal((5, 3, 4))), softmax)
    yield infoq.DenseEmbedding(backend.array(rng.standard_normal((5, 2, 2))))
    yield infoq.DiagonalEmbedding(backend.array(rng.random((5, 6))))
    yield infoq.DiagonalEmbedding(backend.array(rng.random((5, 3))))


def flat(backend, embedding):
    """The rows of each candidate, one after the other."""
    if isinstance(embedding, infoq.DiagonalEmbedding):
        return np.sqrt(backend.numpy(embedding.parts[0]))
    return backend.numpy(embedding.dense()).reshape(5, -1)


@pytest.mark.parametrize("which", range(7))
def test_embeddings_have_the_volumes_of_their_rows(backend, which):
    embedding = list(embeddings(backend))[which]
    points = flat(backend, embedding)
    for seed in range(6):
        one = kdpp(embedding, 2, seed=seed)
        two = kdpp(backend.array(points), 2, seed=seed)
        picked = backend.numpy(one.indices)
        assert picked.tolist() == backend.numpy(two.indices).tolist()
        value = np.linalg.slogdet(points[picked] @ points[picked].T)[1]
        assert float(one.value) == pytest.approx(value, abs=1e-9)


def test_the_law_of_gradients(backend):
    embedding = next(embeddings(backend))
    found = [
        tuple(sorted(backend.numpy(kdpp(embedding, 2, seed=seed).indices).tolist()))
        for seed in range(draws(backend) // 2)
    ]
    assert_law(found, volumes(flat(backend, embedding), 2))


def conditional(points, k, given, free):
    """The law of k others by the volumes that they span with those given."""
    law = volumes(points, k + len(given))
    batches = itertools.combinations(free, k)
    return {batch: law[tuple(sorted((*batch, *given)))] for batch in batches}


@pytest.mark.parametrize("width", [4, 8])
def test_the_law_given_some_and_of_candidates_alone(backend, width):
    points = np.random.default_rng(7).standard_normal((6, width))
    array, mask = backend.array(points), backend.array([True, True, False, True, True, True])
    embedding = infoq.DiagonalEmbedding(array**2)
    for x, given in ((array, [1, 4]), (embedding, [0])):
        rows = points if x is array else np.abs(points)
        found = [
            kdpp(x, 2, seed=seed, candidates=mask, given=given)
            for seed in range(draws(backend) // 3)
        ]
        law = conditional(rows, 2, given, [i for i in (0, 1, 3, 4, 5) if i not in given])
        assert_law([tuple(sorted(backend.numpy(b.indices).tolist())) for b in found], law)
        both = rows[[*given, *backend.numpy(found[0].indices)]]
        alone = rows[given]
        steps = [np.linalg.slogdet(part @ part.T)[1] for part in (alone, both)]
        assert float(found[0].value) == pytest.approx(steps[1] - steps[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [3, 40])
def test_nothing_in_the_span_of_what_is_given(backend, dtype, width):
    points = np.random.default_rng(8).standard_normal((5, width))
    points[3], points[4] = points[0] - 2 * points[1], 1e-3 * points[0]
    for x in (
        backend.array(points, dtype),
        infoq.DenseEmbedding(backend.array(points[:, :, None], dtype)),
    ):
        # The given points may depend on each other.
        batch = kdpp(x, 4, given=[1, 0, 4])
        assert backend.numpy(batch.indices).tolist() == [2]
        assert batch.reason == "rank"
        batch = kdpp(x, 1, given=[2, 3], candidates=backend.array([True] * 2 + [False] * 3))
        assert batch.reason == "size"
    nobody = kdpp(backend.array(points, dtype), 2, given=range(5))
    assert (nobody.indices.shape[0], nobody.reason) == (0, "pool")


def test_short_points_next_to_long_ones(backend):
    rows = np.eye(4, 50)
    rows[0] *= 1e6
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.zeros((4, 2))))
    long = infoq.LastLayerEmbedding(backend.array(rows), softmax)
    for x in (backend.array(rows), long):
        batch = kdpp(x, 3, given=[0])
        assert sorted(backend.numpy(batch.indices).tolist()) == [1, 2, 3]


def test_rows_of_many_parameters_are_never_formed(backend, monkeypatch):
    def formed(*_):
        raise AssertionError("the rows were formed")

    monkeypatch.setattr(room.KroneckerRows, "dense", formed)
    monkeypatch.setattr(room, "_flat", formed)
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.eye(4)))
    embedding = infoq.gradient_embedding(backend.array(np.eye(4) + 1), softmax)
    assert kdpp(embedding, 3).indices.shape[0] == 3


@pytest.mark.parametrize(
    ("count", "width", "size"), [(1500, 300, "P=1800 take 0.072"), (2000, 250, "P=1500 take 0.078")]
)
def test_what_would_be_too_large_is_refused_with_its_size(backend, count, width, size):
    softmax = infoq.likelihoods.Softmax(logits=backend.array(np.zeros((count, 3))))
    layer = infoq.LastLayerEmbedding(backend.array(np.ones((count, width))), softmax)
    with (
        infoq.options(memory="1MB"),
        pytest.raises(ValueError, match=rf"points: {count} of them over {size} GB, and options"),
    ):
        kdpp(layer, 3)


def test_blocks_do_not_matter(backend):
    embedding = infoq.fisher_embedding(
        backend.array(np.random.default_rng(9).standard_normal((9, 3, 20))),
        infoq.likelihoods.Normal(1.0),
    )
    one = kdpp(embedding, 4, seed=1)
    with infoq.options(memory=5000):
        two = kdpp(embedding, 4, seed=1)
    assert backend.numpy(one.indices).tolist() == backend.numpy(two.indices).tolist()


def test_none_one_and_all(backend):
    assert kdpp(backend.array(np.ones((3, 2))), 0).indices.shape[0] == 0
    assert backend.numpy(kdpp(backend.array(np.ones((1, 2))), 1).indices).tolist() == [0]
    batch = kdpp(backend.array(np.eye(4)), 4, seed=1)
    assert sorted(backend.numpy(batch.indices).tolist()) == [0, 1, 2, 3]
    assert float(batch.value) == pytest.approx(0, abs=1e-9)


def test_seeds_reproduce(backend):
    points = backend.array(np.random.default_rng(4).standard_normal((30, 5)))
    found = [tuple(backend.numpy(kdpp(points, 4, seed=seed).indices)) for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_polynomials_of_large_and_small_eigenvalues_stay_finite():
    levels = [10.0**i for i in range(-200, 200, 4)]
    assert _chosen(levels, 60, [0.5] * 100) == list(range(99, 39, -1))


def test_eigenvalues_are_chosen_by_their_products():
    rng = np.random.default_rng(6)
    levels = [1e-9, 0.3, 1.0, 2.0, 20.0, 1e6]
    found = [tuple(sorted(_chosen(levels, 4, rng.random(6).tolist()))) for _ in range(2000)]
    law = {b: np.prod([levels[i] for i in b]) for b in itertools.combinations(range(6), 4)}
    assert_law(found, law)


def test_equal_eigenvalues_are_chosen_uniformly():
    rng = np.random.default_rng(5)
    found = [tuple(sorted(_chosen([2.0] * 5, 2, rng.random(5).tolist()))) for _ in range(2000)]
    assert_law(found, {(i, j): 1.0 for j in range(5) for i in range(j)})


@pytest.mark.parametrize(
    ("points", "k", "error", "message"),
    [
        (np.ones(3), 1, ValueError, r"points: expected shape \[N, P\]"),
        (np.array([[1.0], [np.inf]]), 1, ValueError, "points: candidate 1 has a value that is"),
        (np.ones((3, 2)), -1, ValueError, "k: expected a batch size of at least 0"),
    ],
)
def test_refusals(backend, points, k, error, message):
    with pytest.raises(error, match=message):
        kdpp(backend.array(points), k)
    with pytest.raises(ValueError, match="given: expected indices from 0 to 2, got 3"):
        kdpp(backend.array(np.ones((3, 2))), 1, given=[3])


def determinants(kernel, k, given=(), free=None):
    """The law of k others given some by the determinants of a kernel."""
    free = range(len(kernel)) if free is None else free
    rows = {batch: [*given, *batch] for batch in itertools.combinations(free, k)}
    return {b: max(0.0, float(np.linalg.det(kernel[np.ix_(r, r)]))) for b, r in rows.items()}


@pytest.mark.parametrize(("count", "rank", "k"), [(6, 6, 2), (5, 3, 2), (7, 4, 4), (4, 4, 1)])
def test_the_law_of_a_kernel(backend, count, rank, k):
    root = np.random.default_rng(count * rank).standard_normal((count, rank))
    kernel = root @ np.diag(np.arange(1.0, rank + 1)) @ root.T
    array = backend.array(kernel)
    found = [
        tuple(sorted(backend.numpy(kdpp(k=k, kernel=array, seed=seed).indices).tolist()))
        for seed in range(draws(backend) // 2)
    ]
    assert_law(found, determinants(kernel, k))


def test_the_law_of_a_kernel_given_some_and_of_candidates_alone(backend):
    root = np.random.default_rng(11).standard_normal((6, 5))
    kernel = root @ root.T
    array, mask = backend.array(kernel), backend.array([True, True, False, True, True, True])
    found = [
        kdpp(None, 2, kernel=array, seed=seed, candidates=mask, given=[4])
        for seed in range(draws(backend) // 3)
    ]
    law = determinants(kernel, 2, (4,), (0, 1, 3, 5))
    assert_law([tuple(sorted(backend.numpy(b.indices).tolist())) for b in found], law)
    both = [4, *backend.numpy(found[0].indices)]
    expected = np.linalg.slogdet(kernel[np.ix_(both, both)])[1] - np.log(kernel[4, 4])
    assert float(found[0].value) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_kernel_has_the_law_and_the_value_of_its_points(backend, dtype):
    points = np.random.default_rng(12).standard_normal((9, 4)).astype(dtype)
    kernel = points @ points.T  # of rank 4, with negative eigenvalues by rounding
    for seed in range(5):
        batch = kdpp(k=3, kernel=backend.array(kernel), seed=seed)
        picked = backend.numpy(batch.indices)
        value = np.linalg.slogdet(kernel[np.ix_(picked, picked)].astype("float64"))[1]
        assert float(batch.value) == pytest.approx(value, rel=1e-3, abs=1e-3)
        assert backend.numpy(batch.gains).dtype == dtype
    batch = kdpp(k=6, kernel=backend.array(kernel))
    assert (batch.indices.shape[0], batch.reason) == (4, "rank")
    same = infoq.methods.dpp(k=3, kernel=backend.array(kernel), seed=4)
    again = kdpp(k=3, kernel=backend.array(kernel), seed=4)
    assert backend.numpy(same.indices).tolist() == backend.numpy(again.indices).tolist()


def test_kernels_that_are_none(backend):
    points = np.random.default_rng(13).standard_normal((4, 2))
    kernel = points @ points.T + np.eye(4)
    lopsided, indefinite = kernel.copy(), kernel - 1.5 * np.eye(4)
    lopsided[1, 3] += 0.1
    least = np.linalg.eigvalsh(indefinite)[0]
    with pytest.raises(ValueError, match=r"kernel: element \(1, 3\).*mirror image"):
        kdpp(k=1, kernel=backend.array(lopsided))
    with pytest.raises(ValueError, match=rf"kernel: .*smallest eigenvalue {least:.3g}"):
        kdpp(k=1, kernel=backend.array(indefinite))
    with pytest.raises(ValueError, match=r"kernel: expected a square matrix"):
        kdpp(k=1, kernel=backend.array(points))
    with pytest.raises(TypeError, match="points, kernel: expected one of the two, got neither"):
        kdpp(k=1)
    with pytest.raises(TypeError, match="points, kernel: expected one of the two, got both"):
        kdpp(backend.array(points), 1, kernel=backend.array(kernel))
    with pytest.raises(TypeError, match="k: expected an integer"):
        kdpp(backend.array(points))


def test_a_kernel_in_place_of_points_is_seen(backend):
    points = np.random.default_rng(14).standard_normal((5, 3))
    kernel = points @ points.T
    for symmetric in (kernel, kernel.astype("float32"), np.ones((2, 2)), np.diag([1.0, 2.0])):
        with pytest.raises(ValueError, match=r"points: a symmetric matrix .* pass kernel=, or if"):
            kdpp(backend.array(symmetric), 2)
    # Said to be features; and where it makes no difference.
    rows = infoq.DenseEmbedding(backend.array(kernel))
    assert kdpp(rows, 2).indices.shape[0] == 2
    assert kdpp(backend.array(np.eye(3)), 2).indices.shape[0] == 2
    assert kdpp(backend.array(kernel[:, :4]), 2).indices.shape[0] == 2


@pytest.mark.of_libraries("jax")
def test_not_inside_jax_jit():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="points: need values that can be read"):
        jax.jit(lambda x: kdpp(x, 1).indices)(jax.numpy.ones((3, 2)))

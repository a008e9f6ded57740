"""Methods on similarity matrices, by their published formulas over all small batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq import methods

seeds = st.integers(0, 2**16)


def instance(seed, positive=False):
    rng = np.random.default_rng(seed)
    draw = rng.random if positive else rng.standard_normal
    return draw((6, 4)), draw((2, 4)), draw((2, 4))


def logdet(rows, ridge=1.0):
    return np.linalg.slogdet(rows @ rows.T + ridge * np.eye(len(rows)))[1] if len(rows) else 0.0


def union(*rows):
    return np.concatenate(rows)


def greedy(value, count, k):
    """Greedy by values of lists of indices, ties to the lowest index."""
    batch = []
    for _ in range(k):
        others = [i for i in range(count) if i not in batch]
        batch.append(max(others, key=lambda i: (round(value([*batch, i]), 9), -i)))
    return batch, value(batch)


def check(backend, chosen, value, count=6, k=3):
    batch, expected = greedy(value, count, k)
    np.testing.assert_array_equal(backend.numpy(chosen.indices), batch)
    np.testing.assert_allclose(float(chosen.value), expected, rtol=1e-7, atol=1e-9)


@given(seed=seeds)
def test_log_determinants(backend, seed):
    x, q, p = instance(seed)
    points, queries, private = (backend.array(a) for a in (x, q, p))
    check(backend, methods.logdet(points, 3), lambda a: logdet(x[a]))
    check(
        backend,
        methods.logdet_mi(points, queries, 3),
        lambda a: logdet(x[a]) + logdet(q) - logdet(union(x[a], q)),
    )
    check(
        backend,
        methods.logdet_cg(points, private, 3),
        lambda a: logdet(union(x[a], p)) - logdet(p),
    )
    check(
        backend,
        methods.logdet_cmi(points, queries, private, 3),
        lambda a: (
            logdet(union(x[a], p)) + logdet(union(q, p)) - logdet(union(x[a], q, p)) - logdet(p)
        ),
    )


@given(seed=seeds)
def test_log_determinants_are_twice_the_information(backend, seed):
    x, q, _ = instance(seed)
    points, queries = backend.array(x), backend.array(q)
    pool = infoq.Gaussian(points, 1.0)
    gains = methods.logdet(points, 3).gains
    alike = infoq.greedy(infoq.EIG(pool), 3).gains
    np.testing.assert_allclose(backend.numpy(gains), 2 * backend.numpy(alike), rtol=1e-9)
    gains = methods.logdet_mi(points, queries, 3).gains
    alike = methods.batch_jepig(pool, infoq.DenseEmbedding(queries), 3).gains
    np.testing.assert_allclose(backend.numpy(gains), 2 * backend.numpy(alike), rtol=1e-8)


def best(x, rows):
    """How similar each of x is to the most similar of some rows, or 0."""
    return np.maximum((x @ rows.T).max(axis=1), 0) if len(rows) else np.zeros(len(x))


@given(seed=seeds)
def test_facility_location(backend, seed):
    x, q, p = instance(seed)
    points, queries, private = (backend.array(a) for a in (x, q, p))
    check(backend, methods.facility_location(points, 3), lambda a: best(x, x[a]).sum())
    check(
        backend,
        methods.flvmi(points, queries, 3),
        lambda a: np.minimum(best(x, x[a]), best(x, q)).sum(),
    )
    check(
        backend,
        methods.flcg(points, private, 3),
        lambda a: np.maximum(best(x, x[a]) - best(x, p), 0).sum(),
    )
    check(
        backend,
        methods.flcmi(points, queries, private, 3),
        lambda a: np.maximum(np.minimum(best(x, x[a]), best(x, q)) - best(x, p), 0).sum(),
    )
    check(
        backend,
        methods.flqmi(points, queries, 3, eta=0.5),
        lambda a: best(q, x[a]).sum() + 0.5 * (x[a] @ q.T).max(axis=1).sum(),
    )


@given(seed=seeds)
def test_graph_cut(backend, seed):
    x, q, p = instance(seed)
    points, queries, private = (backend.array(a) for a in (x, q, p))

    def cut(a):
        return 1.5 * (x @ x[a].T).sum() - (x[a] @ x[a].T).sum()

    check(backend, methods.graph_cut(points, 3, trade_off=1.5), cut)
    check(backend, methods.gcmi(points, queries, 3), lambda a: 2 * (x[a] @ q.T).sum())
    check(
        backend,
        methods.gccg(points, private, 3, trade_off=1.5),
        lambda a: cut(a) - 2 * (x[a] @ p.T).sum(),
    )


@given(seed=seeds)
def test_concave_over_modular(backend, seed):
    x, q, _ = instance(seed, positive=True)
    similar = x @ q.T
    check(
        backend,
        methods.com(backend.array(x), backend.array(q), 3, eta=0.5),
        lambda a: (
            0.5 * np.sqrt(similar[a].sum(axis=1)).sum() + np.sqrt(similar[a].sum(axis=0)).sum()
        ),
    )


def test_gradients_in_place_of_features(backend):
    x, _, _ = instance(1)
    rng = np.random.default_rng(1)
    softmax = infoq.likelihoods.Softmax(backend.array(rng.dirichlet(np.ones(3), size=6)))
    gradients = infoq.gradient_embedding(backend.array(x), softmax)
    flat = backend.array(backend.numpy(gradients.dense())[:, 0, :])
    for name in ("logdet_mi", "flvmi", "gcmi"):
        method = getattr(methods, name)
        lazy, dense = (
            method(gradients[2:], gradients[:2], 2),
            method(flat[2:, ...], flat[:2, ...], 2),
        )
        np.testing.assert_array_equal(backend.numpy(lazy.indices), backend.numpy(dense.indices))
        np.testing.assert_allclose(float(lazy.value), float(dense.value), rtol=1e-9)


@pytest.mark.parametrize("form", ["array", "embedding", "rows of an embedding"])
def test_queries_in_any_form(backend, form):
    x, q, _ = instance(2)
    queries = backend.array(q)
    if form != "array":
        queries = infoq.DenseEmbedding(queries if form == "embedding" else queries[:, None, :])
    chosen = methods.logdet_mi(backend.array(x), queries, 2)
    plain = methods.logdet_mi(backend.array(x), backend.array(q), 2)
    np.testing.assert_array_equal(backend.numpy(chosen.indices), backend.numpy(plain.indices))


def test_queries_of_another_width_are_refused(backend):
    x, q, _ = instance(3)
    with pytest.raises(ValueError, match="embeddings: expected the same kind and sizes for all"):
        methods.logdet_mi(backend.array(x), backend.array(q[:, :3]), 2)


def test_a_mask_of_another_size_is_refused(backend):
    x, q, _ = instance(3)
    mask = backend.array(np.ones(8, dtype=bool))  # as many as candidates and queries
    with pytest.raises(ValueError, match="candidates: expected a boolean mask"):
        methods.logdet_mi(backend.array(x), backend.array(q), 2, candidates=mask)


def test_more_than_there_are_picks_all_and_no_query(backend):
    x, q, _ = instance(4)
    chosen = methods.gcmi(backend.array(x), backend.array(q), 20)
    assert sorted(backend.numpy(chosen.indices).tolist()) == list(range(6))
    assert chosen.reason == "pool"


@pytest.mark.parametrize("index", [6, 9])
def test_only_candidates_may_be_given(backend, index):
    x, q, p = instance(5)
    points, queries, private = (backend.array(a) for a in (x, q, p))
    with pytest.raises(ValueError, match=f"given: expected indices from 0 to 5, got {index}"):
        methods.flcmi(points, queries, private, 2, given=[index])

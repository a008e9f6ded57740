"""BAIT against the published objective, with explicit inverses and matrices over all parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq import methods

seeds = st.integers(0, 2**16)


def softmax_rows(features, probs, classes=None):
    """Rows sqrt(pi_y) (pi - e_y) (x) phi of the most probable classes: [N, R, P]."""
    count, number = probs.shape
    order = np.argsort(-probs, axis=1, kind="stable")[:, :classes]
    shares = np.take_along_axis(probs, order, axis=1)
    errors = probs[:, None, :] - np.eye(number)[order]
    rows = np.einsum("nr,nrc,nd->nrcd", np.sqrt(shares), errors, features)
    return rows.reshape(count, order.shape[1], -1)


def picks(rows, labelled, k, prior, oversample):
    """Forward and backward by the published objective, every inverse computed anew."""
    fishers = np.einsum("nrp,nrq->npq", rows, rows)
    known = np.einsum("nrp,nrq->npq", labelled, labelled)
    mean = np.concatenate([fishers, known]).mean(axis=0)
    number = len(labelled)
    start = prior * np.eye(rows.shape[2])
    if number:
        start = start + number / (number + k) * known.mean(axis=0)

    def objective(members):
        picked = fishers[members].sum(axis=0) if members else 0.0
        return np.trace(np.linalg.inv(start + k / (number + k) * picked) @ mean)

    batch = []
    for _ in range(min(oversample * k, len(rows))):
        others = [i for i in range(len(rows)) if i not in batch]
        batch.append(min(others, key=lambda i: objective([*batch, i])))
    while len(batch) > k:
        worth = {i: objective([j for j in batch if j != i]) for i in batch}
        batch.remove(min(batch, key=worth.get))
    return batch, objective([]) - objective(batch), number


def instance(seed, classes=3):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((12, 3))
    return features, rng.dirichlet(np.ones(classes), size=12)


def check(backend, chosen, expected, k):
    batch, taken, number = expected
    assert sorted(backend.numpy(chosen.indices).tolist()) == sorted(batch)
    value = float(chosen.value)
    np.testing.assert_allclose(value, k / (number + k) * taken / 2, rtol=1e-9)


@pytest.mark.parametrize("known", [0, 4])
@given(seed=seeds)
def test_softmax(backend, known, seed):
    features, probs = instance(seed)
    layer = infoq.LastLayerEmbedding(
        backend.array(features), infoq.likelihoods.Softmax(backend.array(probs))
    )
    labelled = layer[:known] if known else None
    chosen = methods.bait(layer[known:], 2, labelled=labelled, prior_precision=0.5)
    rows = softmax_rows(features, probs)
    check(backend, chosen, picks(rows[known:], rows[:known], 2, 0.5, 2), 2)


@given(seed=seeds)
def test_regression(backend, seed):
    features, _ = instance(seed)
    pool = infoq.DenseEmbedding(backend.array(features))
    chosen = methods.bait(pool[4:], 3, labelled=pool[:4], prior_precision=0.1)
    rows = features[:, None, :]
    check(backend, chosen, picks(rows[4:], rows[:4], 3, 0.1, 2), 3)


@given(seed=seeds)
def test_two_of_four_classes(backend, seed):
    features, probs = instance(seed, classes=4)
    x, p = backend.array(features), backend.array(probs)
    known = (x[:4, ...], p[:4, ...])
    chosen = methods.bait_top(x[4:, ...], p[4:, ...], 2, classes=2, labelled=known)
    rows = softmax_rows(features, probs, 2)
    check(backend, chosen, picks(rows[4:], rows[:4], 2, 1.0, 2), 2)


@given(seed=seeds)
def test_all_classes_are_the_fisher_information(backend, seed):
    features, probs = instance(seed)
    x, p = backend.array(features), backend.array(probs)
    every = methods.bait_top(x, p, 2, classes=3)
    full = methods.bait(infoq.LastLayerEmbedding(x, infoq.likelihoods.Softmax(p)), 2)
    np.testing.assert_array_equal(backend.numpy(every.indices), backend.numpy(full.indices))
    np.testing.assert_allclose(float(every.value), float(full.value), rtol=1e-10)


@given(seed=seeds)
def test_the_binary_outcome_of_two_classes_is_the_softmax(backend, seed):
    features, probs = instance(seed, classes=2)
    x, p = backend.array(features), backend.array(probs)
    # (1, -1) / sqrt(2) is a unit vector: the binary outcome's rows are smaller by that root.
    binary = methods.bait_binary(x, p, 2, prior_precision=0.5)
    full = methods.bait(infoq.LastLayerEmbedding(x, infoq.likelihoods.Softmax(p)), 2)
    np.testing.assert_array_equal(backend.numpy(binary.indices), backend.numpy(full.indices))
    np.testing.assert_allclose(float(binary.value), float(full.value), rtol=1e-10)


def test_binary_with_labelled_points_and_certain_predictions(backend):
    features, probs = instance(0)
    probs[0] = [1, 0, 0]
    x, p = backend.array(features), backend.array(probs)
    chosen = methods.bait_binary(x, p, 3, labelled=(x[:2, ...], p[:2, ...]))
    top = probs.max(axis=1)
    rows = (np.sqrt(top * (1 - top))[:, None] * features)[:, None, :]
    check(backend, chosen, picks(rows, rows[:2], 3, 1.0, 2), 3)


def test_without_oversampling_it_is_greedy(backend):
    features, _ = instance(3)
    pool = infoq.DenseEmbedding(backend.array(features))
    chosen = methods.bait(pool, 3, oversample=1)
    rows = features[:, None, :]
    check(backend, chosen, picks(rows, rows[:0], 3, 1.0, 1), 3)


def test_targets_of_ones_own(backend):
    features, _ = instance(4)
    pool = infoq.DenseEmbedding(backend.array(features))
    chosen = methods.bait(pool, 2, targets=pool[:1], oversample=1)
    vtl = methods.vtl(infoq.Gaussian(pool, 1.0), pool[:1], 2)
    np.testing.assert_array_equal(backend.numpy(chosen.indices), backend.numpy(vtl.indices))
    np.testing.assert_allclose(float(chosen.value), float(vtl.value), rtol=1e-10)


def test_labelled_points_of_another_kind_are_refused(backend):
    features, probs = instance(5)
    pool = infoq.DenseEmbedding(backend.array(features))
    other = infoq.LastLayerEmbedding(
        backend.array(features[:, :1]), infoq.likelihoods.Softmax(backend.array(probs))
    )
    with pytest.raises(ValueError, match="embeddings: expected the same kind and sizes for all"):
        methods.bait(pool, 2, labelled=other)


def test_the_prior_precision_is_checked(backend):
    pool = infoq.DenseEmbedding(backend.array(instance(6)[0]))
    with pytest.raises(ValueError, match="precision"):
        methods.bait(pool, 2, prior_precision=-1.0)


@pytest.mark.parametrize("top", [0, 4, True])
def test_numbers_of_classes_are_checked(backend, top):
    features, probs = instance(7)
    with pytest.raises(ValueError, match="top: expected from 1 to C=3 labels"):
        methods.bait_top(backend.array(features), backend.array(probs), 2, classes=top)


@pytest.mark.parametrize("name", ["pool", "labelled", "targets"])
def test_arrays_in_place_of_embeddings_are_named(backend, name):
    rows = backend.array(instance(8)[0])
    given = {"pool": infoq.DenseEmbedding(rows), name: rows}
    with pytest.raises(TypeError, match=f"{name}: expected an Embedding such as"):
        methods.bait(**given, k=2)

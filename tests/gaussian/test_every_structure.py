"""Quantities of every structure of candidates and precision, from the matrices in full."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoq
from infoq.gaussian.predictive import Gaussian
from tests.structures import cases
from tests.structures.cases import EMBEDDINGS, FEW, MANY, PRECISIONS, C, D, N, P

CLOSE = {"rtol": 1e-10, "atol": 1e-14}
WEIGHTS = {2: np.array([1.0, 3.0]), 4: np.array([1.0, 0.0, 3.0, 2.0])}
PAIRS = [(one, i) for i, one in enumerate(EMBEDDINGS)]


def check_all(backend, pool, fisher, precision, targets, about, place=0):
    """Every quantity and approximation against matrices over all parameters."""
    weights = WEIGHTS[len(about)]
    weighed = cases.expected_epig(precision, fisher, about, weights)
    for name in cases.some(backend, weighed, place):
        score = infoq.epig(pool, targets, target_weights=backend.array(weights), approximation=name)
        np.testing.assert_allclose(backend.numpy(score), weighed[name], **CLOSE)
    equal, total = cases.expected_epig(precision, fisher, about, None), about.sum(0)
    joint = {
        "logdet": cases.told(precision, fisher, total),
        "trace": cases.told_trace(precision, fisher, total),
    }
    for name in cases.some(backend, joint, place):
        score = infoq.jepig(pool, targets, approximation=name)
        np.testing.assert_allclose(backend.numpy(score), joint[name], **CLOSE)
        score = infoq.epig(pool, targets, approximation=name)
        np.testing.assert_allclose(backend.numpy(score), equal[name], **CLOSE)


def check_own(backend, name, pool, fisher, precision):
    """EIG, its trace and the entropy, likewise."""
    gain = cases.gain(precision, fisher)
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), gain, **CLOSE)
    if backend.name == "jax":
        return  # compiles; the kernels of the others read the same form
    trace = backend.numpy(infoq.eig(pool, approximation="trace"))
    np.testing.assert_allclose(trace, cases.trace(precision, fisher), **CLOSE)
    if name not in cases.LOG_NOISE:
        with pytest.raises(TypeError, match=r"(?s)entropy: .*Categorical\.entropy"):
            pool.entropy()
        return
    units = pool.embedding.num_rows * math.log(2 * math.pi * math.e)
    noise = (units + cases.LOG_NOISE[name]) / 2
    np.testing.assert_allclose(backend.numpy(pool.entropy()), gain + noise, **CLOSE)


@pytest.mark.parametrize(("name", "place"), PAIRS)
def test_every_embedding_under_every_precision(backend, name, place):
    embedding, fisher = EMBEDDINGS[name].make(backend), EMBEDDINGS[name].fisher
    assert (len(embedding), embedding.num_parameters) == (N, P)
    for known in cases.some(backend, PRECISIONS, place):
        precision = PRECISIONS[known].matrix
        pool = Gaussian(embedding, PRECISIONS[known].make(backend))
        check_own(backend, name, pool, fisher, precision)
        for rows in cases.some(backend, (FEW, MANY), place):
            targets = infoq.DenseEmbedding(backend.array(rows))
            check_all(backend, pool, fisher, precision, targets, cases.of_rows(rows), place)


@pytest.mark.parametrize(("name", "place"), PAIRS)
def test_every_embedding_as_targets(backend, name, place):
    cases.a_few(backend, place)
    targets, about = EMBEDDINGS[name].make(backend), EMBEDDINGS[name].fisher
    for known in cases.some(backend, PRECISIONS, place + 4):
        precision = PRECISIONS[known].matrix
        pool = Gaussian(
            infoq.DenseEmbedding(backend.array(cases.ROWS)), PRECISIONS[known].make(backend)
        )
        check_all(backend, pool, cases.of_rows(cases.ROWS), precision, targets, about, place)


def test_candidates_of_a_last_layer_as_their_own_targets(backend):
    case, known = EMBEDDINGS["softmax"], PRECISIONS["kronecker"]
    pool = Gaussian(case.make(backend), known.make(backend))
    check_all(backend, pool, case.fisher, known.matrix, pool, case.fisher)


@pytest.mark.parametrize("known", ["number", "diagonal"])
def test_diagonal_embeddings_are_diagonal_matrices(backend, known):
    precision = PRECISIONS[known].matrix
    embedding = infoq.DiagonalEmbedding(backend.array(cases.DIAGONAL))
    pool = Gaussian(embedding, PRECISIONS[known].make(backend))
    fisher = cases.diagonals(cases.DIAGONAL)
    check_own(backend, "dense", pool, fisher, precision)
    check_all(backend, pool, fisher, precision, embedding, fisher)


def test_gaussian_process_is_its_covariance_in_full(backend):
    noise = np.linspace(0.2, 1.0, P)
    covariance = cases.spread(P, 5)
    covariance[5] = covariance[:, 5] = 0.0  # a function value that is known
    every = Gaussian.from_covariance(backend.array(covariance), backend.array(noise))
    pool, targets = every[:3], every[2:]
    joint = covariance + np.diag(noise)
    own = np.diag(joint)
    gain = np.log(own / noise)[:3] / 2
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), gain, **CLOSE)
    trace = backend.numpy(infoq.eig(pool, approximation="trace"))
    np.testing.assert_allclose(trace, (np.diag(covariance) / noise)[:3] / 2, **CLOSE)
    # Candidate 2 is a target as well: two outcomes of one function value.
    pairs = [[_told(covariance, noise, [i], [e]) for e in range(2, P)] for i in range(3)]
    np.testing.assert_allclose(backend.numpy(infoq.epig(pool, targets)), np.mean(pairs, 1), **CLOSE)
    all_of_them = [_told(covariance, noise, [i], range(2, P)) for i in range(3)]
    np.testing.assert_allclose(backend.numpy(infoq.jepig(pool, targets)), all_of_them, **CLOSE)


def _told(covariance, noise, one, two):
    """The mutual information of outcomes of function values, each with noise of its own."""
    index = [*one, *two]
    joint = covariance[np.ix_(index, index)] + np.diag(noise[index])
    k = len(one)
    parts = (joint[:k, :k], joint[k:, k:], joint)
    a, b, both = (np.linalg.slogdet(x)[1] for x in parts)
    return (a + b - both) / 2


@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 3.0, 2.0])], ids=["equal", "some"])
def test_kronecker_is_the_trace_with_factored_targets(backend, weights):
    case, known = EMBEDDINGS["softmax"], PRECISIONS["kronecker"]
    shares = np.full(N, 1 / N) if weights is None else weights / weights.sum()
    left = np.einsum("n,nab->ab", shares, cases.softmax_curvature(cases.PROBS))
    right = np.einsum("n,na,nb->ab", shares, cases.PHI, cases.PHI)
    mean = np.kron(left, right)
    targets = case.make(backend)
    for name in cases.some(backend, EMBEDDINGS, 1 if weights is None else 2):
        pool = Gaussian(EMBEDDINGS[name].make(backend), known.make(backend))
        fisher = EMBEDDINGS[name].fisher
        score = infoq.epig(
            pool,
            targets,
            target_weights=None if weights is None else backend.array(weights),
            approximation="kronecker",
        )
        expected = cases.told_trace(known.matrix, fisher, mean)
        np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)
        if weights is None:
            joint = backend.numpy(infoq.jepig(pool, targets, approximation="kronecker"))
            np.testing.assert_allclose(joint, N * expected, **CLOSE)


def test_sampled_labels_are_of_the_likelihood(backend):
    probs = np.tile([[0.6, 0.1, 0.3, 0.0]], (200, 1))
    softmax = infoq.likelihoods.Softmax(backend.array(probs))
    features = backend.array(np.ones((200, 1)))
    embedding = infoq.gradient_embedding(features, softmax, samples=4, seed=1)
    rows = backend.numpy(embedding.dense()) * 2
    labels = np.argmin(rows, axis=2)  # pi - e_y is negative at y alone
    np.testing.assert_allclose(rows, probs[:, None, :] - np.eye(4)[labels], atol=1e-12)
    counts = np.bincount(labels.ravel(), minlength=4) / 800
    np.testing.assert_allclose(counts, probs[0], atol=0.07)  # four standard errors
    assert counts[3] == 0
    again = infoq.gradient_embedding(features, softmax, samples=4, seed=1)
    np.testing.assert_array_equal(backend.numpy(again.dense()) * 2, rows)
    other = infoq.gradient_embedding(features, softmax, samples=4, seed=2)
    assert np.any(backend.numpy(other.dense()) * 2 != rows)


@pytest.mark.parametrize("top", range(1, C + 1))
def test_the_most_probable_labels_count_as_they_are_probable(backend, top):
    softmax = infoq.likelihoods.Softmax(logits=backend.array(cases.Z))
    embedding = infoq.gradient_embedding(backend.array(cases.PHI), softmax, top=top)
    labels = np.argsort(-cases.PROBS, axis=1)[:, :top]
    shares = np.take_along_axis(cases.PROBS, labels, axis=1)
    residuals = (cases.PROBS[:, None, :] - np.eye(C)[labels]) * np.sqrt(shares)[:, :, None]
    expected = residuals[:, :, :, None] * cases.PHI[:, None, None, :]
    rows = backend.numpy(embedding.dense())
    np.testing.assert_allclose(rows, expected.reshape(rows.shape), **CLOSE)


def test_says_what_it_is(backend):
    numbers = f"{backend.name} float64"
    softmax = EMBEDDINGS["softmax, bias"].make(backend)
    assert repr(softmax) == f"LastLayerEmbedding(N=4, R=2, P={C * D}, {numbers})"
    pool = Gaussian(softmax, 0.5)
    assert repr(pool) == f"Gaussian({softmax!r}, ScalarPrecision(0.5))"
    assert repr(pool[1:3].embedding) == f"LastLayerEmbedding(N=2, R=2, P=6, {numbers})"
    assert len(pool[-1:]) == 1

"""`Gaussian`: what counts as known, blocks of any size, single candidates, and its inputs."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.gaussian.predictive import Gaussian
from tests.structures import cases
from tests.structures.cases import EMBEDDINGS, MANY, PRECISIONS, P

CLOSE = {"rtol": 1e-10, "atol": 1e-13}


def targets(backend, rows=MANY):
    return infoq.DenseEmbedding(backend.array(rows))


def of_outcomes(pool, **keywords):
    """The entropy of normal outcomes, else a variance of the logits."""
    if type(pool.embedding) is infoq.DenseEmbedding:
        return pool.entropy(**keywords)
    return pool.covariance(**keywords)[:, 0, 0]


def quantities(about, **keywords):
    """Every quantity as a function of a pool."""
    yield lambda pool: infoq.eig(pool, **keywords)
    yield lambda pool: infoq.eig(pool, approximation="trace", **keywords)
    yield lambda pool: of_outcomes(pool, **keywords)
    for name in ("logdet", "jensen", "trace"):
        yield lambda pool, name=name: infoq.epig(pool, about, approximation=name, **keywords)
    for name in ("logdet", "trace"):
        yield lambda pool, name=name: infoq.jepig(pool, about, approximation=name, **keywords)


def scores(backend, pool, about, **keywords):
    return np.stack([backend.numpy(score(pool)) for score in quantities(about, **keywords)])


@pytest.mark.parametrize("name", ["dense", "softmax", "gradients, several, bias"])
@pytest.mark.parametrize("known", ["number", "dense"])
def test_an_outcome_is_observed_and_forgotten(backend, name, known):
    case, prior = EMBEDDINGS[name], PRECISIONS[known]
    pool = Gaussian(case.make(backend), prior.make(backend))
    like = backend.array(np.zeros(P))
    state = pool.observe(pool.observe(pool.context(), 0), backend.array(np.array(2)))
    expected = prior.matrix + case.fisher[0] + case.fisher[2]
    np.testing.assert_allclose(backend.numpy(state.matrix(P, like)), expected, **CLOSE)
    state = pool.forget(state, backend.array(np.array(0)))
    expected = prior.matrix + case.fisher[2]
    np.testing.assert_allclose(backend.numpy(state.matrix(P, like)), expected, **CLOSE)
    gains = backend.numpy(infoq.eig(pool, given=state))
    np.testing.assert_allclose(gains, cases.gain(expected, case.fisher), **CLOSE)
    state = pool.forget(state, 2)
    np.testing.assert_allclose(backend.numpy(state.matrix(P, like)), prior.matrix, **CLOSE)


def test_a_diagonal_outcome_is_observed_and_forgotten(backend):
    pool = Gaussian(infoq.DiagonalEmbedding(backend.array(cases.DIAGONAL)), 2.0)
    state = pool.observe(pool.observe(pool.context(), 1), 3)
    state = pool.forget(state, backend.array(np.array(1)))
    assert type(state) is infoq.DiagonalPrecision
    like = backend.array(np.zeros(P))
    np.testing.assert_allclose(backend.numpy(state.diagonal(like)), 2 + cases.DIAGONAL[3], **CLOSE)
    if backend.reads_values:
        with pytest.raises(ValueError, match="expected positive precisions, got -"):
            pool.forget(pool.forget(state, 3), 2)


def test_what_was_never_known_can_not_be_forgotten(backend):
    pool = Gaussian(EMBEDDINGS["dense"].make(backend), 0.1)
    if backend.reads_values:
        with pytest.raises(ValueError, match="not positive definite; its smallest eigenvalue is -"):
            pool.forget(pool.context(), 0)


@pytest.mark.parametrize("name", ["dense", "softmax"])
def test_known_outcomes_in_every_form_agree(backend, name):
    case, prior = EMBEDDINGS[name], PRECISIONS["diagonal"]
    known = EMBEDDINGS["fisher"].make(backend)
    pool = Gaussian(case.make(backend), prior.make(backend))
    total = prior.matrix + EMBEDDINGS["fisher"].fisher.sum(0)
    about = targets(backend)
    expected = scores(backend, pool, about, given=infoq.laplace(known, pool.precision))
    np.testing.assert_allclose(expected[0], cases.gain(total, case.fisher), **CLOSE)
    for given in (known, Gaussian(known, 1.0), infoq.DensePrecision(backend.array(total))):
        np.testing.assert_allclose(scores(backend, pool, about, given=given), expected, **CLOSE)
    # Few known outcomes are kept as rows.
    few = infoq.laplace(known[:1], pool.precision)
    assert type(few) is infoq.LowRankPrecision
    dense = infoq.laplace(known[:1], pool.precision, structure="dense")
    np.testing.assert_allclose(
        scores(backend, pool, about, given=few), scores(backend, pool, about, given=dense), **CLOSE
    )


def test_nothing_known_is_the_precision_itself(backend):
    pool = Gaussian(EMBEDDINGS["dense"].make(backend), PRECISIONS["dense"].make(backend))
    assert pool.context(samples=5, seed=1) is pool.precision
    about = targets(backend)
    given = scores(backend, pool, about, given=pool.context())
    np.testing.assert_array_equal(given, scores(backend, pool, about))


@pytest.mark.parametrize("memory", [1, "2KB", "1GB"])
@pytest.mark.parametrize("name", ["dense", "softmax", "fisher"])
def test_no_answer_depends_on_the_size_of_a_block(backend, name, memory):
    pool = Gaussian(EMBEDDINGS[name].make(backend), PRECISIONS["dense"].make(backend))
    expected = cases.expected_epig(
        PRECISIONS["dense"].matrix, EMBEDDINGS[name].fisher, cases.of_rows(MANY), None
    )
    for approximation in cases.some(backend, expected, list(EMBEDDINGS).index(name)):
        with infoq.options(memory=memory):
            score = infoq.epig(pool, targets(backend), approximation=approximation)
        np.testing.assert_allclose(backend.numpy(score), expected[approximation], **CLOSE)


@pytest.mark.parametrize("memory", [1, "1GB"])
def test_diagonal_blocks(backend, memory):
    embedding = infoq.DiagonalEmbedding(backend.array(cases.DIAGONAL))
    pool = Gaussian(embedding, 1.0)
    fisher = cases.diagonals(cases.DIAGONAL)
    expected = cases.expected_epig(np.eye(P), fisher, fisher, None)
    with infoq.options(memory=memory):
        score = infoq.epig(pool, embedding)
    np.testing.assert_allclose(backend.numpy(score), expected["logdet"], **CLOSE)


def test_one_of_everything(backend):
    # N = M = R = P = 1: all in one formula.
    pool = Gaussian(backend.array(np.array([[2.0]])), 0.5)
    about = infoq.DenseEmbedding(backend.array(np.array([[3.0]])))
    a, t = 4 / 0.5, 9 / 0.5
    joint = np.log((1 + a) * (1 + t) / (1 + a + t)) / 2
    trace = (t - 9 / 4.5) / 2
    noise = np.log(2 * np.pi * np.e) / 2
    own = [np.log1p(a) / 2, a / 2, np.log1p(a) / 2 + noise]
    expected = [*own, joint, joint, trace, joint, trace]
    np.testing.assert_allclose(scores(backend, pool, about)[:, 0], expected, **CLOSE)


def test_one_candidate_and_one_target_with_several_rows(backend):
    case, prior = EMBEDDINGS["softmax"], PRECISIONS["dense"]
    pool = Gaussian(case.make(backend)[1:2], prior.make(backend))
    about = EMBEDDINGS["softmax"].make(backend)[3:]
    expected = cases.told(prior.matrix, case.fisher[1:2], case.fisher[3])
    for approximation in ("logdet", "jensen"):
        score = infoq.epig(pool, about, approximation=approximation)
        np.testing.assert_allclose(backend.numpy(score), expected, **CLOSE)
    np.testing.assert_allclose(backend.numpy(infoq.jepig(pool, about)), expected, **CLOSE)


def test_candidates_that_measure_nothing_tell_nothing(backend):
    rows = cases.ROWS.copy()
    rows[1] = 0
    rows[2, 1] = rows[2, 0]
    pool = Gaussian(backend.array(rows), PRECISIONS["dense"].make(backend))
    found = scores(backend, pool, targets(backend))
    assert np.all(found[[0, 1, 3, 4, 5, 6, 7], 1] == 0)
    assert np.all(found >= 0)
    np.testing.assert_allclose(
        found[0, 2], cases.gain(PRECISIONS["dense"].matrix, cases.of_rows(rows)[2]), **CLOSE
    )


def test_strided_and_read_only_inputs_are_never_written_to():
    wide = np.repeat(cases.ROWS, 2, axis=2)
    view = wide[:, :, ::2]
    matrix = np.asfortranarray(PRECISIONS["dense"].matrix)
    features, probs = np.asfortranarray(cases.PHI), np.repeat(cases.PROBS, 2, 0)[::2]
    for x in (wide, view, matrix, features, probs):
        x.flags.writeable = False
    precision = infoq.DensePrecision(matrix)
    strided = Gaussian(view, precision)
    last_layer = infoq.LastLayerEmbedding(features, infoq.likelihoods.Softmax(probs))
    plain = Gaussian(cases.ROWS.copy(), PRECISIONS["dense"].matrix.copy())
    backend = type("Numpy", (), {"numpy": staticmethod(np.asarray)})
    np.testing.assert_allclose(
        scores(backend, strided, last_layer), scores(backend, plain, last_layer), rtol=1e-12
    )
    scores(backend, Gaussian(last_layer, precision), strided)
    low = infoq.LowRankPrecision(precision, view[0])
    strided.forget(strided.observe(low, 1), 1)
    np.testing.assert_array_equal(view, cases.ROWS)
    np.testing.assert_array_equal(matrix, PRECISIONS["dense"].matrix)


def test_inputs_stay_as_they_were(backend):
    arrays = [cases.ROWS, PRECISIONS["dense"].matrix, MANY, cases.PHI, cases.Z]
    rows, matrix, about, phi, logits = cast = [backend.array(x) for x in arrays]
    pool = Gaussian(rows, matrix)
    softmax = infoq.likelihoods.Softmax(logits=logits)
    infoq.eig(pool), infoq.jepig(pool, infoq.DenseEmbedding(about))
    infoq.epig(pool, infoq.LastLayerEmbedding(phi, softmax))
    infoq.laplace(infoq.DenseEmbedding(about), matrix), pool.observe(pool.precision, 1)
    infoq.laplace(infoq.LastLayerEmbedding(phi, softmax), 1.0, structure="kronecker")
    for x, y in zip(cast, arrays, strict=True):
        np.testing.assert_array_equal(backend.numpy(x), y)


def test_strided_views(backend):
    wide = backend.array(np.repeat(np.repeat(cases.ROWS, 2, axis=0), 2, axis=2))
    pool = Gaussian(wide[::2, :, ::2], PRECISIONS["dense"].make(backend))
    expected = cases.gain(PRECISIONS["dense"].matrix, cases.of_rows(cases.ROWS))
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), expected, **CLOSE)

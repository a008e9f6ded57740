"""Likelihoods of a user's own, by named fields or as parts and settings, are worth infoq's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import infoq
from infoq.likelihoods import Likelihood, Normal, Softmax

N, C, D = 6, 3, 2
RNG = np.random.default_rng(0)
Z, PHI = RNG.normal(size=(N, C)), RNG.normal(size=(N, D))
JACOBIAN = RNG.normal(size=(N, C, 5))
LABELS = np.array([0, 2, 1, 1, 0, 2])
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def probabilities(ops, z, like):
    return ops.softmax(ops.upcast(z))


def curved(ops, p):
    """`diag(p) - p p^T`."""
    eye = ops.xp.eye(p.shape[1], dtype=p.dtype, device=ops.device(p))
    return p[:, :, None] * eye[None, :, :] - p[:, :, None] * p[:, None, :]


def beyond(ops, p, labels):
    classes = ops.xp.arange(p.shape[1], dtype=labels.dtype, device=ops.device(p))
    return p - ops.xp.astype(labels[:, None] == classes[None, :], p.dtype)


class Unlabelled(Likelihood):
    """Classes, by the one method that is required."""

    _arrays = ("logits",)

    def __init__(self, logits):
        self.logits = logits

    def curvature(self, ops, shape, like):
        return curved(ops, probabilities(ops, self.logits, like))


class Classes(Unlabelled):
    """With the one that labels need, too."""

    def residual(self, ops, labels, shape, like):
        return beyond(ops, probabilities(ops, self.logits, like), labels)


class Older(Likelihood):
    """The same in the older way, with all methods that used to be required."""

    def __init__(self, logits):
        self._parts = (logits,)
        self._settings = "logits"

    def factor(self, ops, shape, like):
        values, vectors = ops.symmetric_eigen(self.curvature(ops, shape, like))
        zero = ops.xp.zeros_like(values)
        return vectors * ops.xp.sqrt(ops.xp.where(values > 0, values, zero))[:, None, :]

    def curvature(self, ops, shape, like):
        assert self.settings == "logits"
        return curved(ops, probabilities(ops, self.parts[0], like))

    def residual(self, ops, labels, shape, like):
        return beyond(ops, probabilities(ops, self.parts[0], like), labels)

    def check_labels(self, labels):
        assert labels.shape == (self.num_candidates,)


class Repeated(Likelihood):
    """Another likelihood's outcomes, seen so many times: a likelihood made of one."""

    _arrays, _static = ("once",), ("times",)

    def __init__(self, once, times):
        self.once, self.times = once, times

    def curvature(self, ops, shape, like):
        return self.times * self.once.curvature(ops, shape, like)

    def residual(self, ops, labels, shape, like):
        return self.times * self.once.residual(ops, labels, shape, like)

    def outcome_logits(self):
        return self.once.outcome_logits()


OWN = {"fields": Classes, "parts": Older, "nested": lambda z: Repeated(Softmax(logits=z), 1.0)}
own = pytest.mark.parametrize("kind", OWN)


def settings(backend, kind, *arrays):
    """Own likelihood and infoq's, and what else is asked for, of the library."""
    z, *others = (backend.array(x) for x in (Z, *arrays))
    return OWN[kind](z), Softmax(logits=z), others


@own
@pytest.mark.parametrize("method", ["curvature", "curvature_diagonal"])
def test_what_has_a_default(backend, kind, method):
    mine, theirs, (like,) = settings(backend, kind, PHI)
    found, expected = (getattr(x, method)(backend.ops, (N, C), like) for x in (mine, theirs))
    np.testing.assert_allclose(backend.numpy(found), backend.numpy(expected), **CLOSE)


@own
def test_sums_and_products_have_a_default(backend, kind):
    mine, theirs, (like, x, vectors, weights) = settings(
        backend, kind, PHI, JACOBIAN, JACOBIAN[0], PHI[:, 0] ** 2
    )
    ops, shape = backend.ops, (N, C)
    assert (mine.num_candidates, mine.num_outputs, mine.num_rows(C)) == (N, C, C)

    def said(likelihood):
        half = likelihood.halved(ops, x)
        factor = likelihood.factor(ops, shape, like)
        return [
            ops.xp.matrix_transpose(half) @ half,
            factor @ ops.xp.matrix_transpose(factor),
            likelihood.squares(ops, vectors, shape, like),
            likelihood.curvature_sum(ops, weights, shape, like),
        ]

    for found, expected in zip(said(mine), said(theirs), strict=True):
        np.testing.assert_allclose(backend.numpy(found), backend.numpy(expected), **CLOSE)


def embeddings(backend, likelihood):
    phi, jacobian = backend.array(PHI), backend.array(JACOBIAN)
    yield infoq.LastLayerEmbedding(phi, likelihood, bias=True)
    yield infoq.fisher_embedding(jacobian, likelihood)


def scores(backend, embedding):
    labels = backend.array(LABELS)
    pool, about = infoq.Gaussian(embedding, 0.7), embedding[2:5]
    theirs = labels[2:5]
    batch = infoq.PIG(pool, about, labels, theirs)
    state = batch.add(batch.start(), 1)
    return [
        infoq.eig(pool),
        infoq.eig(pool, approximation="trace"),
        infoq.epig(pool, about),
        infoq.jepig(pool, about),
        infoq.ig(pool, labels),
        infoq.pig(pool, about, labels, theirs),
        infoq.jpig(pool, about, labels, theirs),
        batch.gains(state),
        infoq.laplace(embedding, 1.0).matrix(embedding.num_parameters, pool.like),
        infoq.greedy(infoq.EPIG(pool, about), 2).indices,
        infoq.greedy(infoq.IG(pool, labels), 2).gains,
    ]


@own
@pytest.mark.parametrize("place", [0, 1], ids=["layer", "jacobian"])
def test_all_scores(backend, kind, place):
    mine, theirs, _ = settings(backend, kind)
    found, expected = (
        scores(backend, list(embeddings(backend, each))[place]) for each in (mine, theirs)
    )
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(x), backend.numpy(y), rtol=1e-8, atol=1e-10)


def test_outcomes_seen_twice_are_twice_the_information(backend):
    softmax = Softmax(logits=backend.array(Z))
    for once, twice in zip(
        embeddings(backend, softmax), embeddings(backend, Repeated(softmax, 2.0)), strict=True
    ):
        size, like = once.num_parameters, backend.array(PHI)
        one, two = (infoq.laplace(x, 1.0).matrix(size, like) for x in (once, twice))
        eye = np.eye(size)
        np.testing.assert_allclose(
            backend.numpy(two) - eye, 2 * (backend.numpy(one) - eye), **CLOSE
        )


@own
def test_a_likelihood_is_a_part_of_an_embedding(backend, kind):
    mine, _, _ = settings(backend, kind)
    layer = infoq.LastLayerEmbedding(backend.array(PHI), mine)
    assert layer.likelihood is mine
    assert layer.parts[1] is mine
    assert len(layer.leaves()) == 2
    few = layer[1:4]
    assert type(few.likelihood) is type(mine)
    assert few.likelihood.settings == mine.settings
    assert few.likelihood.num_candidates == 3
    assert few.num_rows == layer.num_rows
    assert repr(pickle.loads(pickle.dumps(layer))) == repr(layer)
    assert repr(mine) == f"{type(mine).__name__}(N=6, C=3, {backend.name} float64)"


@own
def test_with_parts_is_the_same_of_others(backend, kind):
    mine, _, _ = settings(backend, kind)
    (part,) = mine.parts
    once = part[:2, ...] if kind != "nested" else part.with_parts((part.parts[0][:2, ...],))
    few = mine.with_parts((once,))
    assert type(few) is type(mine)
    assert few.settings == mine.settings
    found = few.curvature(backend.ops, (2, C), backend.array(PHI[:2]))
    expected = mine.curvature(backend.ops, (N, C), backend.array(PHI))
    np.testing.assert_allclose(backend.numpy(found), backend.numpy(expected)[:2], **CLOSE)


@own
@pytest.mark.of_libraries("jax")
def test_one_program_takes_them(backend, kind):
    import jax

    mine, _, _ = settings(backend, kind)
    traced = []

    def score(pool):
        traced.append(1)
        return infoq.eig(pool)

    run = jax.jit(score)
    for embedding in embeddings(backend, mine):
        traced.clear()
        for scale in (1.0, 2.0):
            pool = infoq.Gaussian(embedding.map(lambda x, scale=scale: x * scale), 1.0)
            np.testing.assert_allclose(run(pool), infoq.eig(pool), **CLOSE)
        assert len(traced) == 1


@own
@pytest.mark.of_libraries("torch")
def test_gradients_reach_what_they_are_made_of(backend, kind):
    torch = backend.module
    z = backend.array(Z)
    slopes = []
    for make in (OWN[kind], lambda z: Softmax(logits=z)):
        leaf = z.clone().requires_grad_()
        layer = infoq.LastLayerEmbedding(backend.array(PHI), make(leaf))
        infoq.eig(infoq.Gaussian(layer, 1.0), approximation="trace").sum().backward()
        slopes.append(leaf.grad)
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-10)


def test_without_residuals_labels_are_refused(backend):
    mine = Unlabelled(backend.array(Z))
    labels = backend.array(LABELS)
    assert not mine.predicts
    assert Classes(backend.array(Z)).predicts
    for ask in (mine.check_labels, lambda y: mine.residual(backend.ops, y, (N, C), labels)):
        with pytest.raises(
            NotImplementedError, match="Unlabelled does not support labels; use Softmax"
        ):
            ask(labels)
    for embedding in embeddings(backend, mine):
        pool = infoq.Gaussian(embedding, 1.0)
        assert infoq.eig(pool).shape == (N,)
        with pytest.raises(TypeError, match=r"Unlabelled\(N=6, C=3, .*what was predicted"):
            infoq.ig(pool, labels)


def test_labels_of_another_shape_are_refused(backend):
    mine = Classes(backend.array(Z))
    mine.check_labels(backend.array(LABELS))
    for labels in (LABELS[:3], LABELS[:, None]):
        with pytest.raises(
            ValueError, match=r"labels: expected shape \(6,\), one label per candidate"
        ):
            mine.check_labels(backend.array(labels))


def test_curvature_is_required():
    class Nothing(Likelihood):
        pass

    with pytest.raises(TypeError, match=r"abstract.* curvature"):
        Nothing()
    assert infoq.Likelihood is Likelihood


def test_optional_arrays_are_absent(backend):
    variance, mean = backend.array(Z**2 + 0.5), backend.array(Z)
    made = {
        (): Normal(0.5),
        ("mean",): Normal(0.5, mean=mean),
        ("variance",): Normal(variance),
        ("variance", "mean"): Normal(variance, mean=mean),
    }
    for names, likelihood in made.items():
        assert len(likelihood.leaves()) == len(names)
        assert likelihood.settings == (None if "variance" in names else 0.5, *names)
        assert (likelihood.variance is None) == ("variance" not in names)
        assert likelihood.predicts == ("mean" in names)
        layer = infoq.LastLayerEmbedding(backend.array(PHI), likelihood)
        assert len(layer[:2].leaves()) == 1 + len(names)

"""PIG of labels that say very much, in float32 against float64 on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from tests.quantities.labelled_cases import FAMILIES, Family

NOISES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
SIZES = ((3, 1), (16, 5))
NORMAL = FAMILIES["normal"]


def normal(noise, outputs):
    """Of a variance; the features of the others are scaled instead."""
    return Family(
        lambda z: likelihoods.Normal(noise, mean=z),
        NORMAL.labels,
        lambda z, y: (z - y) / noise,
        lambda z: np.stack([np.eye(outputs) / noise] * len(z)),
        outputs,
    )


class Single:
    """Candidates in float32, the first of which are targets."""

    def __init__(self, family, structure, noise, size, targets, seed=0, count=7):
        rng = np.random.default_rng(seed)
        self.family, self.structure, self.targets = FAMILIES.get(family), structure, targets
        scale = noise**-0.5
        if family.startswith("normal"):
            self.family, scale = normal(noise, FAMILIES[family].outputs), 1
        outputs = self.family.outputs
        shape = (count, size) if structure == "last layer" else (count, outputs, size)
        self.x = (scale * rng.normal(size=shape)).astype("float32")
        self.z = rng.normal(size=(count, outputs)).astype("float32")
        labels = self.family.labels(rng, self.z.astype("float64"))
        self.labels = labels.astype("float32") if family.startswith("normal") else labels

    def embedding(self, backend):
        make = infoq.LastLayerEmbedding
        if self.structure == "fisher":
            make = infoq.fisher_embedding
        return make(backend.array(self.x), self.family.make(backend.array(self.z)))

    def pool(self, backend):
        """The candidates, targets, and the labels of both."""
        embedding, labels = self.embedding(backend), backend.array(self.labels)
        about, theirs = embedding[: self.targets], labels[: self.targets, ...]
        return infoq.Gaussian(embedding, 1.0), about, labels, theirs

    def rows(self):
        """What each measures in units of its noise, and what its label says: float64."""
        x, z, labels = (a.astype("float64") for a in (self.x, self.z, self.labels))
        labels = self.labels if self.labels.dtype.kind == "i" else labels
        jacobian = x
        if self.structure == "last layer":
            jacobian = np.stack([np.kron(np.eye(self.family.outputs), one) for one in x])
        residual = self.family.residual(z, labels).reshape(z.shape)
        for j, r, curvature in zip(jacobian, residual, self.family.curvature(z), strict=True):
            values, vectors = np.linalg.eigh(curvature)
            some = values > 1e-10 * values[-1]
            root = vectors[:, some] * np.sqrt(values[some])
            yield root.T @ j, np.linalg.pinv(root) @ r

    def expected(self, batch=()):
        """The log-ratios by joint densities of all labels, once those of a batch are known."""
        each = list(self.rows())
        known = [each[i] for i in batch]
        before = log_density(known)
        scores = []
        for own in each:
            alone = log_density([*known, own]) - before
            ratios = [
                log_density([*known, target, own]) - log_density([*known, target]) - alone
                for target in each[: self.targets]
            ]
            scores.append(np.mean(ratios))
        return np.array(scores)


def log_density(each):
    """Of labels jointly, but for a constant of each."""
    if not each:
        return 0.0
    rows, scores = (np.concatenate(x) for x in zip(*each, strict=True))
    matrix = np.eye(len(rows)) + rows @ rows.T
    return -(np.linalg.slogdet(matrix)[1] + scores @ np.linalg.solve(matrix, scores)) / 2


def close(found, expected, share=1e-4):
    assert found.dtype == np.float32
    np.testing.assert_array_less(np.abs(found - expected) / np.maximum(1, np.abs(expected)), share)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("structure", ["last layer", "fisher"])
@pytest.mark.parametrize(("size", "targets"), SIZES)
def test_candidates_that_are_targets(backend, family, structure, size, targets):
    # Where two labels say more than there are parameters they contradict each other by thousands of
    # nats, and rounding of the features counts, too.
    several = FAMILIES[family].outputs > 1
    share = 1e-3 if structure == "fisher" and size == 3 and several else 1e-4
    for noise in NOISES:
        problem = Single(family, structure, noise, size, targets)
        close(backend.numpy(infoq.pig(*problem.pool(backend))), problem.expected(), share)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("size", "targets"), SIZES)
def test_gains_of_a_batch(backend, family, size, targets):
    for noise in NOISES[1::2]:
        problem = Single(family, "last layer", noise, size, targets, seed=2)
        about = infoq.PIG(*problem.pool(backend))
        found = backend.numpy(about.gains(about.add(about.start(), 6)))
        close(found[:6], problem.expected([6])[:6])


def test_weights_of_targets(backend):
    problem = Single("normal", "last layer", 1e-5, 16, 2)
    weights = backend.array(np.array([0.25, 0.75], dtype="float32"))
    found = infoq.pig(*problem.pool(backend), target_weights=weights)
    pool, about, labels, theirs = problem.pool(backend)
    each = [
        backend.numpy(infoq.pig(pool, about[i : i + 1], labels, theirs[i : i + 1, ...]))
        for i in range(2)
    ]
    np.testing.assert_allclose(backend.numpy(found), 0.25 * each[0] + 0.75 * each[1], rtol=1e-5)


@pytest.mark.of_libraries("jax")
def test_inside_a_compiled_program():
    jax = pytest.importorskip("jax")
    problem = Single("normal, two", "last layer", 1e-5, 16, 5)

    @jax.jit
    def score(x, z, labels):
        embedding = infoq.LastLayerEmbedding(x, problem.family.make(z))
        pool = infoq.Gaussian(embedding, 1.0)
        return infoq.pig(pool, embedding[:5], labels, labels[:5])

    found = score(*(jax.numpy.asarray(x) for x in (problem.x, problem.z, problem.labels)))
    close(np.asarray(found), problem.expected())

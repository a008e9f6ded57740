"""Candidates and targets with labels in weight space, and what they tell by P x P matrices.

Every likelihood by its textbook gradient and curvature: nothing of infoq's goes into the oracles.
"""

from __future__ import annotations

import numpy as np
from scipy import special

import infoq
from infoq import likelihoods
from tests import oracles

D = 3


class Family:
    """A likelihood of logits z [N, C]: infoq's, its labels, residuals and curvatures."""

    def __init__(self, make, labels, residual, curvature, outputs):
        self.make, self.labels, self.outputs = make, labels, outputs
        self.residual, self.curvature = residual, curvature


def _diagonals(x):
    return np.stack([np.diag(row) for row in x])


VARIANCE = 0.3
FAMILIES = {
    "normal": Family(
        lambda z: likelihoods.Normal(VARIANCE, mean=z),
        lambda rng, z: z + rng.normal(size=z.shape),
        lambda z, y: (z - y) / VARIANCE,
        lambda z: _diagonals(np.full(z.shape, 1 / VARIANCE)),
        1,
    ),
    "normal, two": Family(
        lambda z: likelihoods.Normal(VARIANCE, mean=z),
        lambda rng, z: z + rng.normal(size=z.shape),
        lambda z, y: (z - y) / VARIANCE,
        lambda z: _diagonals(np.full(z.shape, 1 / VARIANCE)),
        2,
    ),
    "softmax": Family(
        lambda z: likelihoods.Softmax(logits=z),
        lambda rng, z: rng.integers(z.shape[1], size=len(z)),
        lambda z, y: oracles.softmax(z) - np.eye(z.shape[1])[y],
        lambda z: np.stack([np.diag(p) - np.outer(p, p) for p in oracles.softmax(z)]),
        4,
    ),
    "bernoulli": Family(
        lambda z: likelihoods.Bernoulli(logits=z),
        lambda rng, z: rng.integers(2, size=z.shape),
        lambda z, y: special.expit(z) - y,
        lambda z: _diagonals(special.expit(z) * special.expit(-z)),
        1,
    ),
    "poisson": Family(
        lambda z: likelihoods.Poisson(log_rate=z),
        lambda rng, z: rng.poisson(np.exp(z)),
        lambda z, y: np.exp(z) - y,
        lambda z: _diagonals(np.exp(z)),
        2,
    ),
}


class Problem:
    """Candidates and targets of a family under a prior, and oracles of what labels tell."""

    def __init__(self, family, seed, candidates=4, targets=3, scale=1.0, precision=None):
        rng, self.family = np.random.default_rng(seed), FAMILIES[family]
        self.count, total = candidates, candidates + targets
        self.features = scale * rng.normal(size=(total, D))
        self.logits = rng.normal(size=(total, self.family.outputs))
        self.labels = self.family.labels(rng, self.logits)
        size = self.size = self.family.outputs * D
        root = rng.normal(size=(size, size))
        self.prior = root @ root.T / size + 0.3 * np.eye(size)
        if precision is not None:
            self.prior = precision * np.eye(size)
        self.jacobian = np.stack([np.kron(np.eye(self.family.outputs), x) for x in self.features])
        residual = self.family.residual(self.logits, self.labels).reshape(total, -1)
        self.gradients = np.einsum("ncp,nc->np", self.jacobian, residual)
        curvature = self.family.curvature(self.logits)
        self.fisher = np.einsum("ncp,ncd,ndq->npq", self.jacobian, curvature, self.jacobian)
        self.weights = rng.dirichlet(np.ones(targets))

    # --- what infoq is given --------------------------------------------------------------

    def embedding(self, backend, structure, which, dtype=None):
        """Some of both as one embedding, in one of the structures that know a prediction."""
        z = backend.array(self.logits[which], dtype)
        if structure == "last layer":
            x = backend.array(self.features[which], dtype)
            return infoq.LastLayerEmbedding(x, self.family.make(z))
        if structure == "fisher":
            jacobian = backend.array(self.jacobian[which], dtype)
            return infoq.fisher_embedding(jacobian, self.family.make(z))
        both = np.concatenate([self.features[which], self.logits[which]], axis=1)
        outputs = self.family.outputs

        def linearise(inputs):
            ops = infoq.backends.ops_for(inputs)
            eye = ops.xp.eye(outputs, dtype=inputs.dtype, device=ops.device(inputs))
            rows = eye[None, :, :, None] * inputs[:, None, None, :D]
            return inputs[:, D:], ops.xp.reshape(rows, (-1, outputs, outputs * D))

        return infoq.JacobianEmbedding(backend.array(both, dtype), linearise, self.family.make)

    def pool(self, backend, structure="last layer", dtype=None):
        """The candidates."""
        embedding = self.embedding(backend, structure, slice(None, self.count), dtype)
        return infoq.Gaussian(embedding, infoq.DensePrecision(backend.array(self.prior, dtype)))

    def targets(self, backend, structure="last layer", dtype=None):
        """The targets."""
        return self.embedding(backend, structure, slice(self.count, None), dtype)

    def both_labels(self, backend):
        """The labels of candidates and of targets."""
        split = (self.labels[: self.count], self.labels[self.count :])
        return tuple(backend.array(x) for x in split)

    # --- oracles --------------------------------------------------------------------------

    def _sums(self, members):
        members = list(members)
        return self.fisher[members].sum(0), self.gradients[members].sum(0)

    def divergence(self, members):
        """KL of the posterior from the prior, at one expansion for all labels."""
        fisher, gradient = self._sums(members)
        after = self.prior + fisher
        shift = -np.linalg.solve(after, gradient)
        ratio = np.linalg.solve(self.prior, after)
        logdet = np.linalg.slogdet(ratio)[1]
        trace = np.trace(np.linalg.inv(ratio))
        return (logdet - self.size + trace + shift @ self.prior @ shift) / 2

    def first_order(self, members):
        """Half the squared length of the gradient."""
        _, gradient = self._sums(members)
        return gradient @ np.linalg.solve(self.prior, gradient) / 2

    def evidence(self, members):
        """log p(y) of labels jointly, but for what adds up over them."""
        fisher, gradient = self._sums(members)
        after = self.prior + fisher
        logdet = np.linalg.slogdet(np.linalg.solve(self.prior, after))[1]
        return (gradient @ np.linalg.solve(after, gradient) - logdet) / 2

    def log_ratio(self, members, targets):
        """log p(y_T | y_B) / p(y_T), targets counted from 0."""
        told = [self.count + e for e in targets]
        return self.evidence([*members, *told]) - self.evidence(members) - self.evidence(told)

    def pointwise(self, name, members):
        """PIG or JPIG of a batch."""
        targets = range(len(self.features) - self.count)
        if name == "JPIG":
            return self.log_ratio(members, targets)
        return sum(self.weights[e] * self.log_ratio(members, [e]) for e in targets)

    def with_known(self, members):
        """The same once outcomes are known, the prediction as it is."""
        other = object.__new__(Problem)
        other.__dict__.update(self.__dict__)
        other.prior = self.prior + self.fisher[list(members)].sum(0)
        return other

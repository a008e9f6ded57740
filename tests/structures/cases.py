"""Embeddings and precisions in every structure, each with what it is in full, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from tests import oracles

N, C, D, P = 4, 3, 2, 6
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, C))
PROBS = oracles.softmax(Z)
PHI = RNG.normal(size=(N, D))
JACOBIAN = RNG.normal(size=(N, C, P))
ROWS = RNG.normal(size=(N, 2, P))
DIAGONAL = RNG.random((N, P)) * np.array([0, 1, 1, 5, 1, 1])
LABELS = np.array([[0, 1], [2, 2], [1, 0], [2, 0]])
MIXED = RNG.normal(size=(N, C, C))
CURVATURE = MIXED @ MIXED.swapaxes(1, 2)
MORE = RNG.normal(size=(3, P))
# Targets with fewer rows than there are parameters, and with more.
FEW, MANY = RNG.normal(size=(2, 2, P)), RNG.normal(size=(4, 2, P))


def spread(size: int, seed: int) -> np.ndarray:
    """A positive definite matrix."""
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T / size + 0.5 * np.eye(size)


def softmax_curvature(probs: np.ndarray) -> np.ndarray:
    """diag(pi) - pi pi^T: [N, C, C]."""
    return probs[:, :, None] * (np.eye(probs.shape[1]) - probs[:, None, :])


def diagonals(x: np.ndarray) -> np.ndarray:
    """Matrices with x on their diagonals."""
    return x[..., None] * np.eye(x.shape[-1])


def with_bias(features: np.ndarray) -> np.ndarray:
    """Features, and a last one that is one."""
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


def last_layer(features: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """The Fisher information `Lambda (x) phi phi^T`: [N, P, P]."""
    return np.stack([np.kron(a, np.outer(x, x)) for a, x in zip(curvature, features, strict=True)])


def of_rows(rows: np.ndarray) -> np.ndarray:
    """`E_i^T E_i`: [N, P, P]."""
    return rows.swapaxes(-1, -2) @ rows


class Measured(NamedTuple):
    """An embedding and its Fisher information."""

    make: Callable[[Any], infoq.predictives.Embedding]
    fisher: np.ndarray


def _softmax(backend: Any) -> likelihoods.Softmax:
    return likelihoods.Softmax(logits=backend.array(Z))


def _last_layer(likelihood: Callable[[Any], Any], features: np.ndarray, bias: bool) -> Any:
    def make(backend: Any) -> Any:
        phi = backend.array(features)
        return infoq.LastLayerEmbedding(phi, likelihood(backend), bias=bias)

    return make


def _gradients(x: np.ndarray, **keywords: Any) -> Any:
    def make(backend: Any) -> Any:
        cast = {k: backend.array(v) if k == "labels" else v for k, v in keywords.items()}
        return infoq.gradient_embedding(backend.array(x), _softmax(backend), **cast)

    return make


def _residuals(labels: np.ndarray) -> np.ndarray:
    """`pi - e_y` over sqrt(R) for labels [N, R]: [N, R, C]."""
    return (PROBS[:, None, :] - np.eye(C)[labels]) / np.sqrt(labels.shape[1])


def _fisher_of_jacobian(curvature: np.ndarray) -> np.ndarray:
    return JACOBIAN.swapaxes(1, 2) @ curvature @ JACOBIAN


def _linearised(backend: Any) -> Any:
    """A linear model of inputs [N, P]: logits B x with B diagonal in blocks, by its Jacobian."""
    weights = np.linspace(-1, 1, C * D)

    def linearise(x: Any) -> tuple[Any, Any]:
        ops = infoq.backends.ops_for(x)
        xp, zero = ops.xp, ops.xp.zeros_like(x)
        rows = [
            xp.concat([x if c == place else zero for place in range(C)], axis=1) for c in range(C)
        ]
        jacobian = xp.stack(rows, axis=1)
        slopes = xp.asarray(weights, device=ops.device(x))
        return xp.sum(jacobian * slopes, axis=2), jacobian

    def likelihood(z: Any) -> Any:
        return likelihoods.Softmax(logits=z)

    return infoq.JacobianEmbedding(backend.array(PHI), linearise, likelihood)


_OUTPUTS = (PHI @ np.linspace(-1, 1, C * D).reshape(C, D).T,)[0]
_HARD = np.argmax(PROBS, axis=1)[:, None]
_UP = 1 / (1 + np.exp(-Z))
_NOISE = Z**2 + 0.5

EMBEDDINGS: dict[str, Measured] = {
    "dense": Measured(lambda b: infoq.DenseEmbedding(b.array(ROWS)), of_rows(ROWS)),
    "dense, one row": Measured(
        lambda b: infoq.DenseEmbedding(b.array(ROWS[:, 0])), of_rows(ROWS[:, :1])
    ),
    "softmax": Measured(
        _last_layer(_softmax, PHI, False), last_layer(PHI, softmax_curvature(PROBS))
    ),
    "softmax, bias": Measured(
        _last_layer(_softmax, PHI[:, :1], True),
        last_layer(with_bias(PHI[:, :1]), softmax_curvature(PROBS)),
    ),
    "normal": Measured(
        _last_layer(lambda b: likelihoods.Normal(0.5), MORE.repeat(2, 0)[:N], False),
        2 * of_rows(MORE.repeat(2, 0)[:N, None]),
    ),
    "normal of each, bias": Measured(
        _last_layer(lambda b: likelihoods.Normal(b.array(_NOISE)), PHI[:, :1], True),
        last_layer(with_bias(PHI[:, :1]), diagonals(1 / _NOISE)),
    ),
    "bernoulli": Measured(
        _last_layer(lambda b: likelihoods.Bernoulli(logits=b.array(Z)), PHI, False),
        last_layer(PHI, diagonals(_UP * (1 - _UP))),
    ),
    "poisson": Measured(
        _last_layer(lambda b: likelihoods.Poisson(log_rate=b.array(Z)), PHI, False),
        last_layer(PHI, diagonals(np.exp(Z))),
    ),
    "curvature": Measured(
        _last_layer(lambda b: likelihoods.Curvature(b.array(CURVATURE)), PHI, False),
        last_layer(PHI, CURVATURE),
    ),
    "fisher": Measured(
        lambda b: infoq.fisher_embedding(b.array(JACOBIAN), _softmax(b)),
        _fisher_of_jacobian(softmax_curvature(PROBS)),
    ),
    "hard gradients": Measured(_gradients(PHI), last_layer(PHI, of_rows(_residuals(_HARD)))),
    "gradients, several, bias": Measured(
        _gradients(PHI[:, :1], labels=LABELS, bias=True),
        last_layer(with_bias(PHI[:, :1]), of_rows(_residuals(LABELS))),
    ),
    "gradients of a jacobian": Measured(
        _gradients(JACOBIAN, labels=LABELS), _fisher_of_jacobian(of_rows(_residuals(LABELS)))
    ),
    "jacobian": Measured(
        _linearised, last_layer(PHI, softmax_curvature(oracles.softmax(_OUTPUTS)))
    ),
}
"""All with N = 4 candidates and P = 6 parameters."""

LOG_NOISE: dict[str, Any] = {
    "dense": 0.0,
    "dense, one row": 0.0,
    "gradients of a jacobian": 0.0,
    "normal": np.log(0.5),
    "normal of each, bias": np.log(_NOISE).sum(axis=1),
}
"""The log-determinant of the noise's covariance, of embeddings that say one."""


class Known(NamedTuple):
    """A precision and its matrix."""

    make: Callable[[Any], infoq.predictives.Precision]
    matrix: np.ndarray


_VALUES = np.array([0.5, 1.0, 2.0, 3.0, 0.7, 1.5])
_LEFT, _RIGHT = of_rows(MORE[None, :2, :3])[0], spread(D, 2)
_LITTLE = MORE / 10


def _low_rank(backend: Any, sign: int = 1) -> infoq.LowRankPrecision:
    rows = MORE if sign == 1 else _LITTLE
    return infoq.LowRankPrecision(backend.array(_VALUES), backend.array(rows), sign=sign)


PRECISIONS: dict[str, Known] = {
    "number": Known(lambda b: infoq.ScalarPrecision(0.7), 0.7 * np.eye(P)),
    "scalar": Known(lambda b: infoq.ScalarPrecision(b.array(np.array(0.7))), 0.7 * np.eye(P)),
    "diagonal": Known(lambda b: infoq.DiagonalPrecision(b.array(_VALUES)), np.diag(_VALUES)),
    "dense": Known(lambda b: infoq.DensePrecision(b.array(spread(P, 1))), spread(P, 1)),
    "kronecker": Known(
        lambda b: infoq.KroneckerPrecision(b.array(_LEFT), b.array(_RIGHT), 0.5),
        np.kron(_LEFT, _RIGHT) + 0.5 * np.eye(P),
    ),
    "low rank": Known(_low_rank, np.diag(_VALUES) + MORE.T @ MORE),
    "low rank, less": Known(lambda b: _low_rank(b, -1), np.diag(_VALUES) - _LITTLE.T @ _LITTLE),
    "low rank of low rank": Known(
        lambda b: infoq.LowRankPrecision(_low_rank(b, 1), b.array(_LITTLE), sign=-1),
        np.diag(_VALUES) + MORE.T @ MORE - _LITTLE.T @ _LITTLE,
    ),
    "covariance": Known(
        lambda b: infoq.predictives.CovariancePrecision(b.array(spread(P, 3))),
        np.linalg.inv(spread(P, 3)),
    ),
}


def some(backend: Any, names: Any, start: int) -> Iterator[str]:
    """All names; of libraries that take long over a first call, one, another for each start."""
    names = list(names)
    if backend.name in ("jax", "dask"):
        names = [names[start % len(names)]]
    yield from names


def a_few(backend: Any, place: int) -> None:
    """Every fourth case of a library that compiles each anew."""
    if backend.name == "jax" and place % 4 != 2:
        pytest.skip("compiles")


# --- the quantities, from the matrices ----------------------------------------------------------


def gain(precision: np.ndarray, fisher: np.ndarray) -> np.ndarray:
    """1/2 log det(P + F) - 1/2 log det P, of matrices F [..., P, P]."""
    return (np.linalg.slogdet(precision + fisher)[1] - np.linalg.slogdet(precision)[1]) / 2


def trace(precision: np.ndarray, fisher: np.ndarray) -> np.ndarray:
    """1/2 tr F P^-1, of matrices F [..., P, P]."""
    return np.trace(np.linalg.solve(precision, fisher), axis1=-2, axis2=-1) / 2


def told(precision: np.ndarray, fisher: np.ndarray, about: np.ndarray) -> np.ndarray:
    """What outcomes with Fisher information F [N, P, P] tell about others: [N]."""
    return gain(precision, fisher) - gain(precision + about, fisher)


def told_trace(precision: np.ndarray, fisher: np.ndarray, about: np.ndarray) -> np.ndarray:
    """By how much they lower 1/2 tr(G P^-1)."""
    return trace(precision, about) - trace(precision + fisher, about)


def expected_epig(
    precision: np.ndarray, fisher: np.ndarray, about: np.ndarray, weights: np.ndarray | None
) -> dict[str, np.ndarray]:
    """EPIG about targets with Fisher information [M, P, P], in each approximation."""
    mean = np.average(about, axis=0, weights=weights)
    pairs = [told(precision, fisher, each) for each in about]
    return {
        "logdet": np.average(pairs, axis=0, weights=weights),
        "jensen": told(precision, fisher, mean),
        "trace": told_trace(precision, fisher, mean),
    }

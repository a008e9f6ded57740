"""An example of every structure and likelihood: small arrays, and what makes one of them.

Pickling and the table of capabilities read it: a new class has one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import infoq
from infoq import likelihoods
from infoq.backends import ops_for
from tests.capabilities.inputs import (
    FEATURES,
    MATRIX,
    PROBS,
    QUERIES,
    ROWS,
    VALUES,
    C,
    Input,
    N,
    P,
    ascending,
    definite,
    positive,
)


class Example(NamedTuple):
    """Arrays, and a class or a function that makes an object of them."""

    inputs: tuple[Input, ...]
    make: Callable[..., Any]

    def on(self, backend: Any) -> Any:
        """The object on an array library."""
        numbers = [each.numbers(seed) for seed, each in enumerate(self.inputs)]
        pairs = zip(self.inputs, numbers, strict=True)
        return self.make(*(backend.array(each.made(ops_for(x), x)) for each, x in pairs))


def _squares(x):
    """Outputs that are the squares of the inputs times a parameter each, at one, and a Jacobian."""
    xp = ops_for(x).xp
    squares = x * x
    zero = xp.zeros_like(squares[:, 0])
    first = xp.stack([squares[:, 0], zero], axis=1)
    second = xp.stack([zero, squares[:, 1]], axis=1)
    return squares, xp.stack([first, second], axis=1)


def _bernoulli(logits):
    return likelihoods.Bernoulli(logits=logits)


def _jacobian(inputs):
    return infoq.JacobianEmbedding(inputs, _squares, _bernoulli)


def _last_layer(features, probs):
    return infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs))


SCALAR = Input((), positive)
EACH = Input((N, C), positive)
FACTOR = Input((2, 2), definite)

EXAMPLES = {
    "DenseEmbedding": Example((ROWS,), infoq.DenseEmbedding),
    "DiagonalEmbedding": Example((Input((N, P), positive),), infoq.DiagonalEmbedding),
    "JacobianEmbedding": Example((FEATURES,), _jacobian),
    "LastLayerEmbedding": Example((FEATURES, PROBS), _last_layer),
    "ScalarPrecision": Example((SCALAR,), infoq.ScalarPrecision),
    "DiagonalPrecision": Example((VALUES,), infoq.DiagonalPrecision),
    "DensePrecision": Example((MATRIX,), infoq.DensePrecision),
    "CovariancePrecision": Example((MATRIX,), infoq.CovariancePrecision),
    "LowRankPrecision": Example((VALUES, QUERIES), infoq.LowRankPrecision),
    "KroneckerPrecision": Example((FACTOR, FACTOR, SCALAR), infoq.KroneckerPrecision),
    "likelihoods.Softmax": Example((PROBS,), likelihoods.Softmax),
    "likelihoods.Bernoulli": Example((EACH,), _bernoulli),
    "likelihoods.Poisson": Example((EACH,), likelihoods.Poisson),
    "likelihoods.Normal": Example((EACH,), likelihoods.Normal),
    "likelihoods.NegativeBinomial": Example((EACH, EACH), likelihoods.NegativeBinomial),
    "likelihoods.Gamma": Example((EACH, EACH), likelihoods.Gamma),
    "likelihoods.Ordinal": Example((Input((N,)), Input((N, C), ascending)), likelihoods.Ordinal),
    "likelihoods.BradleyTerry": Example((EACH,), likelihoods.BradleyTerry),
    "likelihoods.PlackettLuce": Example((EACH,), likelihoods.PlackettLuce),
    "likelihoods.Curvature": Example((Input((N, C, C), definite),), likelihoods.Curvature),
}

"""Predictives, embeddings, precisions and likelihoods, by what candidates tell under them."""

from __future__ import annotations

import infoq
from infoq import likelihoods
from infoq.backends import ops_for
from tests.capabilities.cases_scores import GAUSSIAN, LAYER, MEAN, beyond, last_layer, pool
from tests.capabilities.inputs import (
    DRAWS,
    FEATURES,
    LABELS,
    MATRIX,
    PROBS,
    QUERIES,
    ROWS,
    TARGETS,
    VALUES,
    C,
    Case,
    Input,
    K,
    N,
    P,
    definite,
    positive,
)


def _known(kind):
    """A vector by the covariance of a precision, and what candidates tell under it."""

    def of(rows, *arrays):
        precision = kind(*arrays)
        return precision.solve(rows), infoq.eig(infoq.Gaussian(rows, precision))

    return of


def _told(embedding):
    """What candidates tell, if the parameters are independent."""
    return infoq.eig(infoq.Gaussian(embedding, 1.0))


def _layer_of(likelihood):
    """The rows of a last layer under a likelihood of some array."""
    return lambda features, x: _told(infoq.LastLayerEmbedding(features, likelihood(x)))


def _posterior(structure):
    def of(features, probs, value):
        embedding = infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs))
        posterior = infoq.laplace(embedding, value, structure=structure)
        return infoq.eig(infoq.Gaussian(embedding, posterior))

    return of


def _linearise(x):
    """Outputs that are the squares of the inputs times a parameter each, at one, and a Jacobian."""
    xp = ops_for(x).xp
    squares = x * x
    zero = xp.zeros_like(squares[:, 0])
    first = xp.stack([squares[:, 0], zero], axis=1)
    second = xp.stack([zero, squares[:, 1]], axis=1)
    return squares, xp.stack([first, second], axis=1)


def _of_jacobian(inputs):
    embedding = infoq.JacobianEmbedding(
        inputs, _linearise, lambda z: likelihoods.Bernoulli(logits=z)
    )
    return _told(embedding)


SCALAR = Input((), positive)
RATES = Input((N, C), positive)
JACOBIAN = Input((N, C, P))

PREDICTIVES = (
    Case("Categorical.observe", (DRAWS,), beyond(infoq.eig)),
    Case("Categorical.observe", (DRAWS, TARGETS), beyond(infoq.epig), "epig"),
    Case("Categorical", (DRAWS,), lambda x: infoq.Categorical(x).entropy()),
    Case(
        "Categorical",
        (Input((N, K, C)),),
        lambda z: infoq.Categorical(logits=z).entropy(),
        "logits",
    ),
    Case("Gaussian", GAUSSIAN, lambda *x: (pool(*x).entropy(), pool(*x).covariance())),
    Case(
        "Gaussian.from_covariance",
        (MATRIX, VALUES),
        lambda s, noise: infoq.Gaussian.from_covariance(s, noise).entropy(),
    ),
    Case("Gaussian.sample", LAYER, lambda *x: infoq.eig(last_layer(*x).sample(3)), random=True),
    Case("DenseEmbedding", (ROWS,), lambda x: _told(infoq.DenseEmbedding(x))),
    Case(
        "DiagonalEmbedding", (Input((N, P), positive),), lambda x: _told(infoq.DiagonalEmbedding(x))
    ),
    Case("LastLayerEmbedding", LAYER[:2], _layer_of(likelihoods.Softmax)),
    Case("JacobianEmbedding", (FEATURES,), _of_jacobian),
    Case("ScalarPrecision", (ROWS, SCALAR), _known(infoq.ScalarPrecision)),
    Case("DiagonalPrecision", (ROWS, VALUES), _known(infoq.DiagonalPrecision)),
    Case("DensePrecision", (ROWS, MATRIX), _known(infoq.DensePrecision)),
    Case("CovariancePrecision", (ROWS, MATRIX), _known(infoq.CovariancePrecision)),
    Case("LowRankPrecision", (ROWS, VALUES, QUERIES), _known(infoq.LowRankPrecision)),
    Case(
        "KroneckerPrecision",
        (ROWS, Input((2, 2), definite), Input((2, 2), definite), SCALAR),
        _known(infoq.KroneckerPrecision),
    ),
    *(
        Case("laplace", (*LAYER[:2], SCALAR), _posterior(how), how)
        for how in ("dense", "diagonal", "kronecker", "low_rank")
    ),
    Case("marginal_likelihood", (SCALAR, MEAN, VALUES, MATRIX), infoq.marginal_likelihood),
    Case(
        "optimise_prior_precision",
        (ROWS, MEAN),
        lambda rows, mean: infoq.optimise_prior_precision(
            infoq.DenseEmbedding(rows), mean
        ).diagonal(mean),
    ),
    Case(
        "fisher_embedding",
        (JACOBIAN, PROBS),
        lambda j, p: _told(infoq.fisher_embedding(j, likelihoods.Softmax(p))),
    ),
    Case(
        "gradient_embedding",
        (FEATURES, PROBS),
        lambda x, p: _told(infoq.gradient_embedding(x, likelihoods.Softmax(p))),
    ),
    Case(
        "gradient_embedding",
        (FEATURES, PROBS),
        lambda x, p: _told(infoq.gradient_embedding(x, likelihoods.Softmax(p), samples=2)),
        "samples",
        True,
    ),
    Case(
        "gradient_embedding",
        (FEATURES, PROBS, LABELS),
        lambda x, p, y: _told(infoq.gradient_embedding(x, likelihoods.Softmax(p), y)),
        "labels",
    ),
    Case("likelihoods.Softmax", LAYER[:2], _layer_of(likelihoods.Softmax)),
    Case(
        "likelihoods.Bernoulli",
        (FEATURES, RATES),
        _layer_of(lambda x: likelihoods.Bernoulli(logits=x)),
    ),
    Case("likelihoods.Poisson", (FEATURES, RATES), _layer_of(likelihoods.Poisson)),
    Case("likelihoods.Normal", (FEATURES, RATES), _layer_of(likelihoods.Normal)),
    Case(
        "likelihoods.Curvature",
        (FEATURES, Input((N, C, C), definite)),
        _layer_of(likelihoods.Curvature),
    ),
)

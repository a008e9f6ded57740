"""Predictives, embeddings, precisions and likelihoods, by what candidates tell under them."""

from __future__ import annotations

import infoq
from infoq import likelihoods
from infoq.structures.precision import Precision
from tests.capabilities.cases_scores import GAUSSIAN, LAYER, MEAN, beyond, last_layer, pool
from tests.capabilities.inputs import (
    DRAWS,
    FEATURES,
    LABELS,
    MATRIX,
    PROBS,
    ROWS,
    TARGETS,
    VALUES,
    C,
    Case,
    Input,
    K,
    N,
    P,
    positive,
)
from tests.examples import EXAMPLES


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
    """The rows of a last layer under a likelihood of some arrays."""
    return lambda features, *x: _told(infoq.LastLayerEmbedding(features, likelihood(*x)))


def _posterior(structure):
    def of(features, probs, value):
        embedding = infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs))
        posterior = infoq.laplace(embedding, value, structure=structure)
        return infoq.eig(infoq.Gaussian(embedding, posterior))

    return of


def _used(name, example):
    """What shows that an example works: what candidates tell by it."""
    kind = getattr(likelihoods if name.startswith("likelihoods.") else infoq, name.split(".")[-1])
    if issubclass(kind, infoq.likelihoods.Likelihood):
        return Case(name, (FEATURES, *example.inputs), _layer_of(example.make))
    if issubclass(kind, Precision):
        return Case(name, (ROWS, *example.inputs), _known(example.make))
    return Case(name, example.inputs, lambda *arrays: _told(example.make(*arrays)))


def single(p):
    """One prediction of each candidate."""
    return infoq.Categorical(p, axes="NC")


def of_dirichlet(a):
    """All scores of evidential outputs."""
    x = infoq.Dirichlet(a)
    return infoq.eig(x), x.entropy(), x.expected_entropy(), x.probs, infoq.margin(x)


def about_votes(draws, labels):
    """The information of draws about the votes of targets."""
    return infoq.epig(draws, infoq.Categorical.from_votes(labels, C, like=draws))


CONCENTRATION = Input((N, C), positive)
VOTES = Input((N, K), below=C)
SCALAR = Input((), positive)
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
    Case(
        "Categorical",
        (PROBS,),
        lambda p: (single(p).entropy(), infoq.margin(single(p))),
        "a single prediction",
    ),
    Case("Categorical.from_votes", (DRAWS, VOTES), about_votes),
    Case("Dirichlet", (CONCENTRATION,), of_dirichlet),
    Case("eig", (CONCENTRATION,), lambda a: infoq.eig(infoq.Dirichlet(a)), "of a Dirichlet"),
    Case(
        "least_confidence",
        (CONCENTRATION,),
        lambda a: infoq.least_confidence(infoq.Dirichlet(a)),
        "of a Dirichlet",
    ),
    Case("Gaussian", GAUSSIAN, lambda *x: (pool(*x).entropy(), pool(*x).covariance())),
    Case(
        "Gaussian.from_covariance",
        (MATRIX, VALUES),
        lambda s, noise: infoq.Gaussian.from_covariance(s, noise).entropy(),
    ),
    Case("Gaussian.sample", LAYER, lambda *x: infoq.eig(last_layer(*x).sample(3)), random=True),
    *(_used(name, example) for name, example in EXAMPLES.items()),
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
)

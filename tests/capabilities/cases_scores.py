"""Measures and scores."""

from __future__ import annotations

import inspect

import infoq
from infoq import likelihoods, measures
from infoq.backends import ops_for
from tests.capabilities.inputs import (
    DRAWS,
    FEATURES,
    FEW_ROWS,
    LABELS,
    MATRIX,
    PROBS,
    ROWS,
    TARGET_LABELS,
    TARGETS,
    C,
    Case,
    D,
    Input,
    K,
    N,
    P,
    definite,
    joint,
    positive,
    simplex,
)

JOINT = Input((2, 2, 3), joint)
ROW = Input((2, 3), simplex)
MEAN = Input((P,))
COVARIANCES = Input((2, P, P), definite)


def _part(a: int, b: int):
    """A block of a kernel of nine: between the candidates, the queries and the private ones."""
    return lambda s: s[3 * a : 3 * a + 3, 3 * b : 3 * b + 3]


def _blocks(*places: tuple[int, int]):
    return lambda s: tuple(_part(a, b)(s) for a, b in places)


KERNEL = Input((9, 9), definite)

BY_NAME = {"p": ROW, "q": ROW, "joint": JOINT, "cov": COVARIANCES}
MEASURES = (
    Case("entropy", (Input((2, 3)),), lambda x: infoq.entropy(x, kind="logits"), "logits"),
    Case("total_correlation", (JOINT,), lambda x: infoq.total_correlation(x, axis=(1, 2))),
    Case(
        "gaussian_conditional_entropy",
        (COVARIANCES,),
        lambda s: infoq.gaussian_conditional_entropy(s, 2),
    ),
    Case(
        "gaussian_mutual_information",
        (COVARIANCES,),
        lambda s: infoq.gaussian_mutual_information(s, 2),
    ),
    Case("gaussian_kl_divergence", (MEAN, MATRIX, MEAN, MATRIX), infoq.gaussian_kl_divergence),
    Case("logdet", (MATRIX,), infoq.logdet),
    Case("logdet", (MATRIX,), lambda s: infoq.logdet(s, ridge=1.0), "ridge"),
    Case("logdet_cg", (KERNEL,), lambda s: infoq.logdet_cg(*_blocks((0, 0), (0, 2), (2, 2))(s))),
    Case("logdet_mi", (KERNEL,), lambda s: infoq.logdet_mi(*_blocks((0, 0), (0, 1), (1, 1))(s))),
    Case(
        "logdet_cmi",
        (KERNEL,),
        lambda s: infoq.logdet_cmi(*_blocks((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))(s)),
    ),
)


def _by_name(name):
    """A measure by the names of its arguments, where no case of it is stated."""
    parameters = inspect.signature(getattr(infoq, name)).parameters.values()
    required = [x.name for x in parameters if x.default is x.empty]
    unknown = [x for x in required if x not in BY_NAME]
    assert not unknown, f"{name}: add a case to tests/capabilities/cases_scores.py"
    return Case(name, tuple(BY_NAME[x] for x in required), getattr(infoq, name))


_STATED = {case.name for case in MEASURES if not case.option}
MEASURES += tuple(_by_name(name) for name in measures.__all__ if name not in _STATED)


def pool(rows, matrix):
    return infoq.Gaussian(rows, matrix)


def last_layer(features, probs, values):
    embedding = infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs))
    return infoq.Gaussian(embedding, infoq.DiagonalPrecision(values))


LAYER = (FEATURES, PROBS, Input((C * D,), positive))
GAUSSIAN = (ROWS, MATRIX)
ABOUT = (ROWS, MATRIX, FEW_ROWS)
OBSERVED = (DRAWS, TARGETS, LABELS, TARGET_LABELS)


def about(quantity, approximation):
    def of(rows, matrix, targets):
        about = infoq.DenseEmbedding(targets)
        return quantity(pool(rows, matrix), about, approximation=approximation)

    return of


def of_gaussian(quantity, approximation):
    return lambda rows, matrix: quantity(pool(rows, matrix), approximation=approximation)


def apart(pool, targets):
    """What `shared_draws` finds, as an array of the library."""
    found = infoq.shared_draws(pool, targets, 4, seed=1)
    like = infoq.bald(pool)
    ops = ops_for(like)
    return ops.xp.asarray(list(found[1:]), dtype=like.dtype, device=ops.device(like))


LABELLED_LAYER = (*LAYER, LABELS)
LOGS = Input((K,))


def drop_in_entropy(probs, labels, logs):
    """What labels take off the differential entropy of draws with densities."""
    return infoq.ig(probs, labels, measure="entropy", log_density=logs)


def labelled(quantity, **named):
    """A quantity of a last layer's candidates with labels."""
    return lambda *x: quantity(last_layer(*x[:-1]), x[-1], **named)


def labelled_targets(quantity):
    """The same about its last candidates."""

    def of(*x):
        layer, labels = last_layer(*x[:-1]), x[-1]
        return quantity(layer, layer.embedding[2:], labels, labels[2:])

    return of


def beyond(quantity, *others):
    """A quantity once an outcome of the first candidate is known."""

    def of(probs, *more):
        x = infoq.Categorical(probs)
        return quantity(x, *more, given=x.observe(x.context(), 0))

    return of


SCORES_OF = (
    Case("eig", (DRAWS,), infoq.eig),
    Case("eig", (Input((N, K, C)),), lambda z: infoq.eig(infoq.Categorical(logits=z)), "logits"),
    Case("eig", GAUSSIAN, of_gaussian(infoq.eig, "logdet"), "Gaussian"),
    Case("eig", GAUSSIAN, of_gaussian(infoq.eig, "trace"), "Gaussian, trace"),
    Case("eig", LAYER, lambda *x: infoq.eig(last_layer(*x)), "last layer"),
    Case("epig", (DRAWS, TARGETS), infoq.epig),
    *(
        Case("epig", ABOUT, about(infoq.epig, how), f"Gaussian, {how}")
        for how in ("logdet", "jensen", "trace")
    ),
    Case(
        "epig",
        LAYER,
        lambda *x: infoq.epig(last_layer(*x), last_layer(*x).embedding[1:]),
        "last layer",
    ),
    Case("jepig", (DRAWS, TARGETS), infoq.jepig),
    Case("jepig", (DRAWS, TARGETS), lambda x, t: infoq.jepig(x, t, samples=4), "sampled", True),
    *(
        Case("jepig", ABOUT, about(infoq.jepig, how), f"Gaussian, {how}")
        for how in ("logdet", "trace")
    ),
    Case("ig", (DRAWS, LABELS), infoq.ig),
    Case("ig", (DRAWS, LABELS, LOGS), drop_in_entropy, "entropy"),
    Case("ig", LABELLED_LAYER, labelled(infoq.ig), "Gaussian"),
    Case("ig", LABELLED_LAYER, labelled(infoq.ig, approximation="trace"), "Gaussian, trace"),
    Case(
        "ig",
        GAUSSIAN,
        lambda *x: infoq.ig(pool(*x), measure="entropy"),
        "Gaussian, entropy",
    ),
    Case("pig", OBSERVED, infoq.pig),
    Case("pig", ABOUT, about(infoq.pig, "jensen"), "Gaussian"),
    Case("pig", LABELLED_LAYER, labelled_targets(infoq.pig), "Gaussian, labels"),
    Case("jpig", OBSERVED, infoq.jpig),
    Case("jpig", ABOUT, about(infoq.jpig, "trace"), "Gaussian"),
    Case("jpig", LABELLED_LAYER, labelled_targets(infoq.jpig), "Gaussian, labels"),
    Case("bald", (DRAWS,), infoq.bald),
    Case("least_confidence", (DRAWS,), infoq.least_confidence),
    Case("margin", (DRAWS,), infoq.margin),
    Case("shared_draws", (DRAWS, TARGETS), apart, random=True),
    Case("mean_std", (DRAWS,), infoq.mean_std),
    Case("variation_ratio", (DRAWS,), infoq.variation_ratio),
    Case("similarity_matrix", (ROWS, ROWS, MATRIX), infoq.similarity_matrix),
)

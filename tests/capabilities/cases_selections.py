"""A case or more of every selection and every method."""

from __future__ import annotations

import infoq
from infoq import likelihoods, methods
from infoq.backends import ops_for
from tests.capabilities.inputs import (
    COSTS,
    DRAWS,
    FEATURES,
    LABELS,
    POINTS,
    PROBS,
    QUERIES,
    SCORES,
    TARGETS,
    Case,
    Input,
    N,
    P,
    positive,
)


def _but_the_first(x):
    """A mask of candidates, on the library and the device of an array."""
    ops = ops_for(x)
    return ops.xp.arange(x.shape[0], device=ops.device(x)) > 0


SELECTIONS = (
    Case("top_k", (SCORES,), lambda x: infoq.top_k(x, 2)),
    Case(
        "top_k",
        (SCORES,),
        lambda x: infoq.top_k(x, 2, candidates=_but_the_first(x), given=[2]),
        "candidates",
    ),
    Case("sample", (SCORES,), lambda x: infoq.sample(x, 2), random=True),
    Case("sample", (SCORES,), lambda x: infoq.sample(x, 2, method="softmax"), "softmax", True),
    Case("sample", (SCORES,), lambda x: infoq.sample(x, 2, method="softrank"), "softrank", True),
    Case("greedy", (DRAWS,), lambda x: infoq.greedy(infoq.EIG(x), 2)),
    Case(
        "greedy",
        (POINTS,),
        lambda x: infoq.greedy(infoq.LogDet(x, ridge=1.0), 2, candidates=_but_the_first(x)),
        "candidates",
    ),
    Case("top_k", (SCORES, COSTS), lambda x, c: infoq.top_k(x, 2, costs=c), "costs"),
    Case(
        "sample",
        (SCORES, COSTS),
        lambda x, c: infoq.sample(x, 2, costs=c, budget=4.0),
        "costs",
        True,
    ),
    Case(
        "greedy", (POINTS, COSTS), lambda x, c: infoq.greedy(infoq.GraphCut(x), 2, costs=c), "costs"
    ),
    Case(
        "greedy",
        (POINTS, COSTS),
        lambda x, c: infoq.greedy(infoq.GraphCut(x), 2, costs=c, budget=4.0),
        "budget",
    ),
    Case("lazy_greedy", (POINTS,), lambda x: infoq.lazy_greedy(infoq.LogDet(x, ridge=1.0), 2)),
    Case(
        "stochastic_greedy",
        (POINTS,),
        lambda x: infoq.stochastic_greedy(infoq.LogDet(x, ridge=1.0), 2),
        random=True,
    ),
    Case(
        "forward_backward",
        (POINTS,),
        lambda x: infoq.forward_backward(infoq.LogDet(x, ridge=1.0), 2),
    ),
    Case("farthest_first", (POINTS,), lambda x: infoq.farthest_first(x, 2)),
    Case("kmeans_plusplus", (POINTS,), lambda x: infoq.kmeans_plusplus(x, 2), random=True),
    Case("kdpp", (POINTS,), lambda x: infoq.kdpp(x, 2), random=True),
)


def _itself(*arrays):
    return arrays


def _gaussian(rows, targets):
    return infoq.Gaussian(rows, 1.0), infoq.DenseEmbedding(targets)


def _layer(features, probs):
    return (infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs)),)


ON_DRAWS = ("entropy", "least_confidence", "margin", "variation_ratio", "mean_std", "bald")
ON_DRAWS += ("batch_bald", "power_bald", "softmax_bald", "softrank_bald")
ABOUT_TARGETS = ("epig", "batch_epig", "jepig", "batch_jepig")
ON_POINTS = ("logdet", "facility_location", "graph_cut", "coreset", "dpp")
ABOUT_QUERIES = ("logdet_mi", "flvmi", "flqmi", "gcmi")
BEYOND_PRIVATE = ("logdet_cg", "flcg", "gccg")
BEYOND_BOTH = ("logdet_cmi", "flcmi")
RANDOM = ("power_bald", "softmax_bald", "softrank_bald", "badge", "dpp")

_INPUTS = {
    **dict.fromkeys(ON_DRAWS, ((DRAWS,), _itself)),
    **dict.fromkeys(ABOUT_TARGETS, ((DRAWS, TARGETS), _itself)),
    **dict.fromkeys(("itl", "vtl"), ((POINTS, QUERIES), _gaussian)),
    **dict.fromkeys(("bait", "egl"), ((FEATURES, PROBS), _layer)),
    **dict.fromkeys(("badge", "bait_top", "bait_binary"), ((FEATURES, PROBS), _itself)),
    "grand": ((FEATURES, PROBS, LABELS), _itself),
    "el2n": ((PROBS, LABELS), _itself),
    "rho_loss": ((PROBS, PROBS, LABELS), _itself),
    **dict.fromkeys(ON_POINTS, ((POINTS,), _itself)),
    **dict.fromkeys((*ABOUT_QUERIES, *BEYOND_PRIVATE), ((POINTS, QUERIES), _itself)),
    "com": ((Input((N, P), positive), Input((2, P), positive)), _itself),
    **dict.fromkeys(BEYOND_BOTH, ((POINTS, QUERIES, QUERIES), _itself)),
}


def _method(name, arguments):
    return lambda *arrays: getattr(methods, name)(*arguments(*arrays), 2)


METHODS = tuple(
    Case(f"methods.{name}", inputs, _method(name, arguments), random=name in RANDOM)
    for name, (inputs, arguments) in _INPUTS.items()
)

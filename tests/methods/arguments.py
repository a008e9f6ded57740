"""What every method is called with: by the names of its arguments, or as stated here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import infoq
from infoq import likelihoods, methods
from infoq.methods import TAXONOMY
from tests.capabilities.inputs import (
    DRAWS,
    FEATURES,
    LABELS,
    POINTS,
    PROBS,
    QUERIES,
    TARGETS,
    Input,
    M,
    N,
    P,
    positive,
)


class Arguments(NamedTuple):
    """Arrays, and what makes the arguments before k of them."""

    inputs: tuple[Input, ...]
    made: Callable[..., tuple[Any, ...]]


def _themselves(*arrays):
    return arrays


def _layer(features, probs):
    return (infoq.LastLayerEmbedding(features, likelihoods.Softmax(probs)),)


def _gaussian(points, queries):
    return infoq.Gaussian(points, 1.0), infoq.DenseEmbedding(queries)


# What an argument of this name is, if it is required.
BY_NAME = {
    "x": DRAWS,
    "targets": TARGETS,
    "features": FEATURES,
    "likelihood": PROBS,
    "holdout": PROBS,
    "labels": LABELS,
    "points": POINTS,
    "queries": QUERIES,
    "private": QUERIES,
}

# Methods of which an argument is something else.
STATED = {
    "com": Arguments((Input((N, P), positive), Input((M, P), positive)), _themselves),
    "dpp": Arguments((POINTS,), _themselves),
    "badge": Arguments((FEATURES, PROBS), _themselves),
    "grand": Arguments((FEATURES, PROBS, LABELS), _themselves),
    **dict.fromkeys(("bait", "egl"), Arguments((FEATURES, PROBS), _layer)),
    **dict.fromkeys(("itl", "vtl"), Arguments((POINTS, QUERIES), _gaussian)),
}


def _by_name(name: str) -> Arguments:
    parameters = inspect.signature(getattr(methods, name)).parameters.values()
    required = [x.name for x in parameters if x.default is x.empty and x.kind is not x.VAR_KEYWORD]
    names = [argument for argument in required if argument != "k"]
    unknown = [argument for argument in names if argument not in BY_NAME]
    assert not unknown, f"{name}: state what {unknown} are in tests/methods/arguments.py"
    return Arguments(tuple(BY_NAME[argument] for argument in names), _themselves)


ARGUMENTS = {name: STATED.get(name) or _by_name(name) for name in TAXONOMY}


def draws_its_picks(name: str) -> bool:
    """Whether the picks are random: whether there is a seed for nothing else."""
    parameters = inspect.signature(getattr(methods, name)).parameters
    return "seed" in parameters and "samples" not in parameters

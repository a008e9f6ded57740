"""A case or more of every selection and every method."""

from __future__ import annotations

import inspect

import infoq
from infoq import methods, selection
from infoq.backends import ops_for
from tests.capabilities.inputs import (
    COSTS,
    DRAWS,
    POINTS,
    SCORES,
    Case,
)
from tests.methods.arguments import ARGUMENTS, draws_its_picks


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
)


def _by_name(name):
    """A selection by the name of its first argument, where no case of it is stated."""
    select = getattr(infoq, name)
    parameters = list(inspect.signature(select).parameters)
    inputs, made = {
        "f": ((POINTS,), lambda x: infoq.LogDet(x, ridge=1.0)),
        "scores": ((SCORES,), lambda x: x),
        "points": ((POINTS,), lambda x: x),
    }[parameters[0]]
    return Case(name, inputs, lambda x: select(made(x), 2), random="seed" in parameters)


_STATED = {case.name for case in SELECTIONS}
SELECTIONS += tuple(
    _by_name(name)
    for name in selection.__all__
    if inspect.isfunction(getattr(infoq, name)) and name not in _STATED
)


def _method(name, made):
    return lambda *arrays: getattr(methods, name)(*made(*arrays), 2)


METHODS = tuple(
    Case(f"methods.{name}", inputs, _method(name, made), random=draws_its_picks(name))
    for name, (inputs, made) in ARGUMENTS.items()
)

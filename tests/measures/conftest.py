"""Every measure as a function of two stacks of joint distributions, `p` and `q` [..., X, Y]."""

import inspect

import pytest

from infoq import measures

BOTH = (-2, -1)


def _of_two(function):
    """The function of `p` and `q`, of which it takes what its arguments are named."""
    parameters = inspect.signature(function).parameters
    named = {"axis": BOTH} if "axis" in parameters else {}

    def measure(p, q, **keywords):
        given = {"p": p, "q": q, "joint": p}
        return function(*(given[x] for x in parameters if x in given), **named, **keywords)

    return measure


# All that take distributions; a covariance has no other kind.
MEASURES = {
    name: _of_two(function)
    for name, function in ((name, getattr(measures, name)) for name in measures.__all__)
    if "kind" in inspect.signature(function).parameters
}


@pytest.fixture(params=MEASURES, scope="session")
def measure(request):
    """One measure: `measure(p, q, kind="probs")`."""
    return MEASURES[request.param]

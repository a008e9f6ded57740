"""Set functions, by the gains of a batch of a few."""

from __future__ import annotations

import infoq
from infoq.backends import ops_for
from tests.capabilities.cases_scores import (
    ABOUT,
    GAUSSIAN,
    LABELLED_LAYER,
    OBSERVED,
    about,
    labelled,
    labelled_targets,
    pool,
)
from tests.capabilities.inputs import (
    DRAWS,
    LABELS,
    MATRIX,
    POINTS,
    QUERIES,
    TARGETS,
    Case,
    Input,
    N,
    P,
    positive,
)


def gains_after(*members: int):
    """The gains of a set function once some candidates are in the batch."""

    def of(f):
        state = f.start()
        for i in members:
            state = f.add(state, i)
        return f.gains(state)

    return of


def _function(kind, *members: int, **keywords):
    """Gains of a set function of the arrays."""
    return lambda *arrays: gains_after(*members)(kind(*arrays, **keywords))


def _neighbours(similarities):
    """A list of two for each: itself and the next."""
    ops = ops_for(similarities)
    places = ops.xp.arange(N, device=ops.device(similarities))
    return infoq.Neighbours(ops.xp.stack([places, (places + 1) % N], axis=1), similarities)


SET_FUNCTIONS = (
    Case("EIG", (DRAWS,), _function(infoq.EIG, 0, 2)),
    Case("EIG", (DRAWS,), _function(infoq.EIG, 0, 2, samples=4), "sampled", True),
    Case("EIG", GAUSSIAN, lambda *x: gains_after(0, 2)(infoq.EIG(pool(*x))), "Gaussian"),
    Case("EPIG", (DRAWS, TARGETS), _function(infoq.EPIG, 0, 2)),
    Case(
        "EPIG",
        ABOUT,
        about(lambda *x, **how: gains_after(0, 2)(infoq.EPIG(*x, **how)), "logdet"),
        "Gaussian",
    ),
    Case(
        "EPIG",
        ABOUT,
        about(lambda *x, **how: gains_after(0, 2)(infoq.EPIG(*x, **how)), "trace"),
        "Gaussian, trace",
    ),
    Case("JEPIG", (DRAWS, TARGETS), _function(infoq.JEPIG, 0, 2)),
    Case(
        "JEPIG",
        ABOUT,
        about(lambda *x, **how: gains_after(0, 2)(infoq.JEPIG(*x, **how)), "logdet"),
        "Gaussian",
    ),
    Case("IG", (DRAWS, LABELS), _function(infoq.IG, 0, 2)),
    Case(
        "IG",
        LABELLED_LAYER,
        labelled(lambda *x: gains_after(0, 2)(infoq.IG(*x))),
        "Gaussian",
    ),
    Case("PIG", OBSERVED, _function(infoq.PIG, 0, 2)),
    Case(
        "PIG",
        LABELLED_LAYER,
        labelled_targets(lambda *x: gains_after(0, 2)(infoq.PIG(*x))),
        "Gaussian, labels",
    ),
    Case("JPIG", OBSERVED, _function(infoq.JPIG, 0, 2)),
    Case(
        "JPIG",
        LABELLED_LAYER,
        labelled_targets(lambda *x: gains_after(0, 2)(infoq.JPIG(*x))),
        "Gaussian, labels",
    ),
    Case("FacilityLocation", (POINTS,), _function(infoq.FacilityLocation, 0)),
    Case(
        "FacilityLocation",
        (MATRIX,),
        lambda s: gains_after(0)(infoq.FacilityLocation(kernel=s)),
        "kernel",
    ),
    Case("GraphCut", (POINTS,), _function(infoq.GraphCut, 0, 2)),
    Case("LogDet", (POINTS,), _function(infoq.LogDet, 0, 2, ridge=1.0)),
    Case(
        "LogDet",
        (MATRIX,),
        lambda s: gains_after(0, 2)(infoq.LogDet(kernel=s, ridge=1.0)),
        "kernel",
    ),
    Case(
        "ConcaveOverModular",
        (Input((N, P), positive), Input((2, P), positive)),
        _function(infoq.ConcaveOverModular, 0, 2),
    ),
    Case("FacilityLocationQuery", (POINTS, QUERIES), _function(infoq.FacilityLocationQuery, 0)),
    Case(
        "Neighbours",
        (Input((N, 2), positive),),
        lambda s: gains_after(0)(infoq.FacilityLocation(kernel=_neighbours(s))),
    ),
    Case(
        "mutual", (POINTS,), lambda x: gains_after(0)(infoq.mutual(infoq.LogDet(x, ridge=1.0), [2]))
    ),
    Case(
        "mutual",
        (POINTS,),
        lambda x: gains_after(0)(infoq.mutual(infoq.FacilityLocation(x), [2])),
        "facility location",
    ),
    Case(
        "conditional",
        (POINTS,),
        lambda x: gains_after(0)(infoq.conditional(infoq.GraphCut(x), [2])),
    ),
)

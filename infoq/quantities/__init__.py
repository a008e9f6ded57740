"""Acquisition quantities: information of single outcomes and of batches, and set functions."""

from infoq.quantities.batches import EIG, EPIG, JEPIG
from infoq.quantities.eig import bald, eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig
from infoq.quantities.labelled import ig, jpig, pig
from infoq.quantities.labelled_batches import IG, JPIG, PIG
from infoq.quantities.shared_draws import SharedDraws, shared_draws
from infoq.quantities.similarity_matrix import similarity_matrix
from infoq.quantities.submodular import (
    ConcaveOverModular,
    FacilityLocation,
    FacilityLocationQuery,
    GraphCut,
    LogDet,
    Neighbours,
    conditional,
    mutual,
)
from infoq.quantities.uncertainty import least_confidence, margin, mean_std, variation_ratio
from infoq.set_function import SetFunction

__all__ = [
    "EIG",
    "EPIG",
    "IG",
    "JEPIG",
    "JPIG",
    "PIG",
    "ConcaveOverModular",
    "FacilityLocation",
    "FacilityLocationQuery",
    "GraphCut",
    "LogDet",
    "Neighbours",
    "SetFunction",
    "SharedDraws",
    "bald",
    "conditional",
    "eig",
    "epig",
    "ig",
    "jepig",
    "jpig",
    "least_confidence",
    "margin",
    "mean_std",
    "mutual",
    "pig",
    "shared_draws",
    "similarity_matrix",
    "variation_ratio",
]

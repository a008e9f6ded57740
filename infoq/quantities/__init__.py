"""What the outcomes of a growing batch tell about something."""

from infoq.quantities.batches import EIG, EPIG, JEPIG
from infoq.quantities.eig import bald, eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig
from infoq.quantities.labelled import ig, jpig, pig
from infoq.quantities.set_function import SetFunction
from infoq.quantities.similarity import similarity_matrix
from infoq.quantities.submodular import (
    ConcaveOverModular,
    FacilityLocation,
    FacilityLocationQuery,
    GraphCut,
    LogDet,
    conditional,
    mutual,
)

__all__ = [
    "EIG",
    "EPIG",
    "JEPIG",
    "ConcaveOverModular",
    "FacilityLocation",
    "FacilityLocationQuery",
    "GraphCut",
    "LogDet",
    "SetFunction",
    "bald",
    "conditional",
    "eig",
    "epig",
    "ig",
    "jepig",
    "jpig",
    "mutual",
    "pig",
    "similarity_matrix",
]

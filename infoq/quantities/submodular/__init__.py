"""Set functions of similarities, and combinators of set functions."""

from infoq.quantities.submodular.combinators import conditional, mutual
from infoq.quantities.submodular.concave_over_modular import ConcaveOverModular
from infoq.quantities.submodular.facility_location import FacilityLocation
from infoq.quantities.submodular.graph_cut import GraphCut
from infoq.quantities.submodular.log_det import LogDet
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.quantities.submodular.queries import FacilityLocationQuery

__all__ = [
    "ConcaveOverModular",
    "FacilityLocation",
    "FacilityLocationQuery",
    "GraphCut",
    "LogDet",
    "Neighbours",
    "conditional",
    "mutual",
]

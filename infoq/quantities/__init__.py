"""What the outcomes of a growing batch tell about something."""

from infoq.quantities.batches import EIG, EPIG, JEPIG
from infoq.quantities.eig import bald, eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig
from infoq.quantities.labelled import ig, jpig, pig
from infoq.quantities.set_function import SetFunction
from infoq.quantities.similarity import similarity_matrix

__all__ = [
    "EIG",
    "EPIG",
    "JEPIG",
    "SetFunction",
    "bald",
    "eig",
    "epig",
    "ig",
    "jepig",
    "jpig",
    "pig",
    "similarity_matrix",
]

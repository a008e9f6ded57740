"""What the outcomes of candidates tell: scores for each, and set functions for batches."""

from infoq.quantities.eig import EIG, bald, eig
from infoq.quantities.epig import epig
from infoq.quantities.set_function import SetFunction

__all__ = ["EIG", "SetFunction", "bald", "eig", "epig"]

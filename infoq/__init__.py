"""infoq: the information quantities of active learning, for any array library."""

from infoq import backends
from infoq.blocks import options
from infoq.measures import (
    conditional_entropy,
    cross_entropy,
    entropy,
    information_content,
    js_divergence,
    kl_divergence,
    mutual_information,
    total_correlation,
)
from infoq.predictives import Categorical
from infoq.quantities import EIG, bald, eig, epig
from infoq.selection import Selection, greedy, top_k

__version__ = "0.1.0"

__all__ = [
    "EIG",
    "Categorical",
    "Selection",
    "backends",
    "bald",
    "conditional_entropy",
    "cross_entropy",
    "eig",
    "entropy",
    "epig",
    "greedy",
    "information_content",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
    "options",
    "top_k",
    "total_correlation",
]

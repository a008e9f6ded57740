"""Information of one distribution, or of a few."""

from infoq.measures.discrete import (
    conditional_entropy,
    cross_entropy,
    entropy,
    information_content,
    js_divergence,
    kl_divergence,
    mutual_information,
    total_correlation,
)

__all__ = [
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "information_content",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
    "total_correlation",
]

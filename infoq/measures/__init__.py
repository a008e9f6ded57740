"""Entropies, divergences and mutual information of distributions, and log-determinants."""

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
from infoq.measures.log_determinants import logdet, logdet_cg, logdet_cmi, logdet_mi
from infoq.measures.multivariate_normal import (
    gaussian_conditional_entropy,
    gaussian_entropy,
    gaussian_kl_divergence,
    gaussian_mutual_information,
    gaussian_total_correlation,
)

__all__ = [
    "conditional_entropy",
    "cross_entropy",
    "entropy",
    "gaussian_conditional_entropy",
    "gaussian_entropy",
    "gaussian_kl_divergence",
    "gaussian_mutual_information",
    "gaussian_total_correlation",
    "information_content",
    "js_divergence",
    "kl_divergence",
    "logdet",
    "logdet_cg",
    "logdet_cmi",
    "logdet_mi",
    "mutual_information",
    "total_correlation",
]

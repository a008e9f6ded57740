"""Both predictives in one place, for quantities and for extensions."""

from __future__ import annotations

from typing import Any, TypeAlias

from infoq.draws.categorical import Categorical, as_categorical
from infoq.draws.dirichlet import Dirichlet, refuse
from infoq.draws.outcomes import Outcomes
from infoq.gaussian.evidence import marginal_likelihood, optimise_prior_precision
from infoq.gaussian.label_shifts import divergence, pointwise
from infoq.gaussian.laplace import laplace
from infoq.gaussian.predictive import Gaussian
from infoq.structures.covariance import CovariancePrecision
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.diagonal_precision import DiagonalPrecision, ScalarPrecision
from infoq.structures.embedding import DenseEmbedding, Embedding
from infoq.structures.fisher_embedding import fisher_embedding
from infoq.structures.gradient_embedding import gradient_embedding
from infoq.structures.jacobian import JacobianEmbedding
from infoq.structures.kronecker import KroneckerPrecision
from infoq.structures.labelled_embedding import with_labels
from infoq.structures.last_layer import LastLayerEmbedding
from infoq.structures.low_rank import LowRankPrecision
from infoq.structures.precision import DensePrecision, Precision
from infoq.structures.rows import DenseRows, Rows
from infoq.unknowns import PARAMETERS, AllTargets, EachTarget, Parameters

__all__ = [
    "PARAMETERS",
    "AllTargets",
    "Categorical",
    "Context",
    "CovariancePrecision",
    "DenseEmbedding",
    "DensePrecision",
    "DenseRows",
    "DiagonalEmbedding",
    "DiagonalPrecision",
    "Dirichlet",
    "EachTarget",
    "Embedding",
    "Gaussian",
    "JacobianEmbedding",
    "KroneckerPrecision",
    "LastLayerEmbedding",
    "LowRankPrecision",
    "Outcomes",
    "Parameters",
    "Precision",
    "Predictive",
    "Rows",
    "ScalarPrecision",
    "as_marginal",
    "as_predictive",
    "divergence",
    "fisher_embedding",
    "gradient_embedding",
    "laplace",
    "marginal_likelihood",
    "optimise_prior_precision",
    "pointwise",
    "with_labels",
]

Predictive: TypeAlias = Categorical | Gaussian

Context: TypeAlias = Outcomes | Precision | Embedding | Gaussian
"""The context: `Outcomes` for a `Categorical`; any of the others for a `Gaussian`."""


def as_predictive(x: Any, name: str = "probs") -> Predictive:
    """`x` itself, or a `Categorical` of a bare array of class probabilities [N, K, C].

    A `Dirichlet` is refused: see `as_marginal`.
    """
    if isinstance(x, Gaussian):
        return x
    if isinstance(x, Dirichlet):
        refuse(name)
    if isinstance(x, Embedding):
        raise TypeError(
            f"{name}: got an embedding without a precision; pass infoq.Gaussian(embedding, "
            "precision)"
        )
    return as_categorical(x, name)


def as_marginal(x: Any, name: str = "probs") -> Predictive | Dirichlet:
    """As `as_predictive`, for scores that look at each candidate alone: a `Dirichlet`, too."""
    return x if isinstance(x, Dirichlet) else as_predictive(x, name)

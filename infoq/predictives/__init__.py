"""What a model believes about the outcomes of candidates."""

from infoq.predictives.about import PARAMETERS, AllTargets, EachTarget, Parameters
from infoq.predictives.categorical import Categorical
from infoq.predictives.embeddings import (
    DenseEmbedding,
    DiagonalEmbedding,
    Embedding,
)
from infoq.predictives.evidence import marginal_likelihood, optimise_prior_precision
from infoq.predictives.fisher import fisher_embedding, gradient_embedding
from infoq.predictives.gaussian import Gaussian
from infoq.predictives.jacobian import JacobianEmbedding
from infoq.predictives.labelled_batch import LabelledBatch
from infoq.predictives.laplace import laplace
from infoq.predictives.last_layer import LastLayerEmbedding
from infoq.predictives.outcomes import Outcomes
from infoq.predictives.precision import (
    DensePrecision,
    DiagonalPrecision,
    LowRankPrecision,
    Precision,
    ScalarPrecision,
)
from infoq.predictives.predictive import Context, Predictive, as_predictive, batch_of
from infoq.predictives.scored import with_labels
from infoq.predictives.shifted_batch import batch_of_labels
from infoq.predictives.shifts import divergence, pointwise
from infoq.predictives.structured import CovariancePrecision, KroneckerPrecision

__all__ = [
    "PARAMETERS",
    "AllTargets",
    "Categorical",
    "Context",
    "CovariancePrecision",
    "DenseEmbedding",
    "DensePrecision",
    "DiagonalEmbedding",
    "DiagonalPrecision",
    "EachTarget",
    "Embedding",
    "Gaussian",
    "JacobianEmbedding",
    "KroneckerPrecision",
    "LabelledBatch",
    "LastLayerEmbedding",
    "LowRankPrecision",
    "Outcomes",
    "Parameters",
    "Precision",
    "Predictive",
    "ScalarPrecision",
    "as_predictive",
    "batch_of",
    "batch_of_labels",
    "divergence",
    "fisher_embedding",
    "gradient_embedding",
    "laplace",
    "marginal_likelihood",
    "optimise_prior_precision",
    "pointwise",
    "with_labels",
]

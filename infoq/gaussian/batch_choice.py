"""Which way a batch of a `Gaussian`'s candidates grows."""

from __future__ import annotations

from infoq.backends import ops_for
from infoq.backends.fields import arrays_of, first_array
from infoq.checks.choices import OfEachTarget
from infoq.checks.numbers import number
from infoq.gaussian import forward
from infoq.gaussian.gaussian_batch import OutcomeBatch
from infoq.gaussian.known_batch import AddedBatch, KnownBatch
from infoq.gaussian.label_batch import FirstOrderBatch, LabelBatch, PairedBatch
from infoq.gaussian.label_forms import DivergenceBatch, JointBatch
from infoq.gaussian.label_projections import ProjectedDivergenceBatch, ProjectedJointBatch
from infoq.gaussian.measured_batch import ExplainedBatch, weights_of
from infoq.gaussian.parameters_batch import ParametersBatch
from infoq.gaussian.pool import MeasuredPool
from infoq.gaussian.targets import grows_by_projection
from infoq.gaussian.targets_batch import ProjectedBatch
from infoq.linear_algebra.small_matrices import traces
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.embedding import Embedding
from infoq.structures.precision import Precision
from infoq.unknowns import About, AllTargets, EachTarget, Parameters, approximation_for

# Traces of A below the limit for half of all digits by this factor survive a hundred picks.
_DIGITS = 64


def batch_for(pool: MeasuredPool, about: About, approximation: OfEachTarget) -> OutcomeBatch:
    """The growing batch of outcomes that suits a problem.

    `pool` has the precision before the first pick, and `about` an embedding of the targets.
    """
    approximation_for(about, approximation)
    diagonal = isinstance(pool.embedding, DiagonalEmbedding)
    if isinstance(about, Parameters):
        if approximation == "trace":
            return AddedBatch(pool, about, approximation)
        return (KnownBatch if diagonal else ParametersBatch)(pool, about, approximation)
    pairs = isinstance(about, EachTarget) and approximation == "logdet"
    if pairs or diagonal:
        return KnownBatch(pool, about, approximation)
    weights = weights_of(pool, about)
    if approximation == "kronecker" or not grows_by_projection(
        pool.embedding, about.targets, pool.precision, weights
    ):
        return ExplainedBatch(pool, about, approximation)
    return ProjectedBatch(pool, about, approximation)


def batch_of_labels(pool: MeasuredPool, about: About, approximation: OfEachTarget) -> LabelBatch:
    """The growing batch of labels that suits a problem; candidates and targets have labels."""
    approximation_for(about, approximation)
    if isinstance(about, EachTarget):
        return PairedBatch(pool, about)
    if isinstance(about, AllTargets):
        forms = _forms_keep_digits(pool.precision, pool.embedding, about.targets)
        return (JointBatch if forms else ProjectedJointBatch)(pool, about)
    if approximation == "trace":
        return FirstOrderBatch(pool)
    forms = _forms_keep_digits(pool.precision, pool.embedding)
    return (DivergenceBatch if forms else ProjectedDivergenceBatch)(pool)


def _forms_keep_digits(precision: Precision, *embeddings: Embedding) -> bool:
    """Whether forms keep more than half of all digits; True where values cannot be read."""
    own = embeddings[0].ops
    like = own.upcast(first_array(embeddings[0])[:1, ...])
    covariance = precision.covariance(like)
    if own.derives(*arrays_of((embeddings, covariance))):
        return True
    for embedding in embeddings:
        measured = own.fetch(forward.begin(embedding, (covariance,)).forms[0])
        ops = ops_for(measured)
        if not ops.concrete(measured):
            return True
        largest = number(ops.xp.max(traces(ops, measured)))
        if not largest < float(ops.xp.finfo(measured.dtype).eps) ** -0.5 / _DIGITS:
            return False
    return True

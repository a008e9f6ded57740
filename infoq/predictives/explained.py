"""What the outcomes of targets explain of the parameters, over whichever is smaller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from infoq.backends import Array
from infoq.predictives import weight_space
from infoq.predictives.embeddings import DiagonalEmbedding, Embedding
from infoq.predictives.laplace import check_budget, fisher, fisher_diagonal, kronecker_factors
from infoq.predictives.precision import Precision
from infoq.predictives.structured import KroneckerPrecision
from infoq.predictives.weight_space import Layout


class Plan(NamedTuple):
    """How two forms, the covariance and what is explained of it, are computed.

    Attributes
    ----------
    prepare : callable
        Maps an `Ops` and the shared arrays to the two forms.
    shared : tuple
        The covariance first.
    rank : int
        The number of vectors that the second form has; 0 where it is no such form.
    """

    prepare: Callable[..., Any]
    shared: tuple[Any, ...]
    rank: int = 0


def explain(
    candidates: Embedding,
    targets: Embedding,
    precision: Precision,
    weights: Array | None,
    approximation: str,
) -> Plan:
    """The plan for the sum of the targets' Fisher information (with weights [M]: their mean).

    Over the targets' Q = M R rows where these are fewer than the P parameters, else over the
    parameters.
    """
    ops = candidates.ops
    like = ops.upcast(candidates.parts[0][:1, ...])
    trace = approximation in ("trace", "kronecker")
    covariance = precision.covariance(like)
    size, count = candidates.num_parameters, len(targets) * targets.num_rows
    if isinstance(candidates, DiagonalEmbedding):
        diagonal = fisher_diagonal(targets, weights)
        return Plan(partial(weight_space.by_diagonal, trace), (covariance, diagonal))
    if weights is None:
        weights = ops.constant((len(targets),), 1.0, like)
    if approximation == "kronecker":
        return _by_kronecker(targets, precision, weights, like)
    if size <= count:
        check_budget(3 * size**2, like, f"targets: over P={size} parameters")
        shared = (covariance, fisher(targets, weights), precision.root(size, like))
        return Plan(partial(weight_space.by_fisher, trace), shared)
    check_budget(2 * count * size + count**2, like, f"targets: M={len(targets)}")
    prepare = partial(weight_space.by_rows, Layout.of(targets), trace)
    return Plan(prepare, (covariance, targets.parts, ops.xp.sqrt(weights)), count)


def _by_kronecker(targets: Embedding, precision: Precision, weights: Array, like: Array) -> Plan:
    if not isinstance(precision, KroneckerPrecision):
        raise TypeError(
            "approximation: 'kronecker' needs a KroneckerPrecision, such as "
            f"laplace(..., structure='kronecker') gives, got {type(precision).__name__}"
        )
    left, right = kronecker_factors(targets, weights)
    total = targets.ops.xp.sum(weights)
    return Plan(weight_space.by_kronecker, (precision.covariance(like), left / total, right))

"""The information of targets about the parameters, over rows or parameters if these are fewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.fields import arrays_of, first_array
from infoq.checks.numbers import number
from infoq.gaussian import block_scores, forward
from infoq.gaussian.laplace import (
    check_budget,
    fisher,
    fisher_diagonal,
    kronecker_factors,
    unfolded_fisher,
)
from infoq.linear_algebra.small_matrices import traces
from infoq.settings import current_options
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.embedding import Embedding
from infoq.structures.forms import ConditionedForm, Form, as_difference, unfolded
from infoq.structures.kronecker import KroneckerPrecision
from infoq.structures.precision import Precision

# Up to this many parameters singular vectors cost little beside the scores.
FEW = 256

# Multiply-adds of singular vectors, a few seconds of them, that are worth the digits of a step.
_SLOW = 2**30

# Multiply-adds of a step that take no time to speak of.
_QUICK = 2**26


class Plan(NamedTuple):
    """How what targets explain is computed, and what of it candidates are scored by.

    Attributes
    ----------
    prepare : callable
        Maps an `Ops` and the shared arrays to what the kernel gets in their place.
    shared : tuple
        The covariance or its root first.
    rank : int
        The number of vectors that candidates are multiplied by; 0 where there is another way.
    kernel : callable
        Of an `Ops`, a block of candidates and what was prepared: [n].
    measured : tuple of array [N, R, R]
        What candidates measure, where the plan has it already; cut into blocks as they are.
    """

    prepare: Callable[..., Any]
    shared: tuple[Any, ...]
    rank: int
    kernel: Callable[..., Any]
    measured: tuple[Array, ...] = ()


def explain(
    candidates: Embedding,
    targets: Embedding,
    precision: Precision,
    weights: Array | None,
    approximation: str,
) -> Plan:
    """The plan for the sum of the targets' Fisher information (with weights [M]: their mean).

    By a projection on the targets' rows, which keeps the digits however informative they are, or by
    quadratic forms where these do as well and cost less.
    """
    if isinstance(candidates, DiagonalEmbedding) or approximation == "kronecker":
        return by_forms(candidates, targets, precision, weights, approximation)
    measured = None
    if candidates.num_parameters > FEW:
        measured = little_is_said(candidates, targets, precision, weights, 16)
    if measured is None:
        return by_projection(candidates, targets, precision, weights, approximation)
    plan = by_forms(candidates, targets, precision, weights, approximation)
    kernel = partial(_scored_beside, block_scores.EXPLAINED[approximation])
    return plan._replace(kernel=kernel, measured=(measured,))


def by_projection(
    candidates: Embedding,
    targets: Embedding,
    precision: Precision,
    weights: Array | None,
    approximation: str,
) -> Plan:
    """The plan by the parts of the candidates' rows that targets leave and explain."""
    ops = candidates.ops
    like = ops.upcast(first_array(candidates)[:1, ...])
    size, count = candidates.num_parameters, len(targets) * targets.num_rows
    check_budget(4 * min(size, count) * size, like, f"targets: M={len(targets)}, P={size}")
    whitening = precision.whitening(size, like)
    scale = ops.constant((len(targets),), 1.0, like) if weights is None else ops.xp.sqrt(weights)
    shared = (whitening, targets, scale)
    forms, more = None, ()
    if ops.derives(*arrays_of((candidates, *shared))):
        plan = by_forms(candidates, targets, precision, weights, approximation)
        forms, more = plan.prepare, plan.shared
    prepare = partial(block_scores.by_projection, forms)
    trace = approximation == "trace"
    kernel = partial(block_scores.divided, trace, approximation)
    rank = size if count >= size else 2 * (size + count)
    return Plan(prepare, (*shared, *more), rank, kernel)


def by_forms(
    candidates: Embedding,
    targets: Embedding,
    precision: Precision,
    weights: Array | None,
    approximation: str,
) -> Plan:
    """The plan by two forms, the covariance and the part of it that targets explain.

    Over the targets' Q = M R rows where these are fewer than the P parameters, else over the
    parameters.
    """
    ops = candidates.ops
    like = ops.upcast(first_array(candidates)[:1, ...])
    trace = approximation in ("trace", "kronecker")
    kernel = partial(block_scores.scored, block_scores.EXPLAINED[approximation])
    covariance = precision.covariance(like)
    size, count = candidates.num_parameters, len(targets) * targets.num_rows
    if isinstance(candidates, DiagonalEmbedding):
        if not trace:
            kernel = partial(block_scores.scored, block_scores.left_and_explained)
        diagonal = fisher_diagonal(targets, weights)
        prepare = partial(block_scores.by_diagonal, trace)
        return Plan(prepare, (covariance, diagonal), 0, kernel)
    if weights is None:
        weights = ops.constant((len(targets),), 1.0, like)
    if approximation == "kronecker":
        factors = _kronecker_factors(targets, precision, weights)
        return Plan(block_scores.by_kronecker, (covariance, *factors), 0, kernel)
    if size <= count:
        check_budget(3 * size**2, like, f"targets: over P={size} parameters")
        shared = _over_parameters(targets, precision, weights, covariance, like)
        return Plan(partial(block_scores.by_fisher, trace), shared, 0, kernel)
    check_budget(2 * count * size + count**2, like, f"targets: M={len(targets)}")
    prepare = partial(block_scores.by_rows, trace)
    return Plan(prepare, (covariance, targets, ops.xp.sqrt(weights)), count, kernel)


def _over_parameters(
    targets: Embedding, precision: Precision, weights: Array, covariance: Form, like: Array
) -> tuple[Form, Array, Array]:
    """The covariance, the targets' Fisher information, and a root: of unfolded rows, or of rows."""
    if isinstance(covariance, ConditionedForm):
        root = precision.unfolded_root(like)
        if root is not None:
            return covariance, unfolded_fisher(targets, weights, covariance), root
        covariance = as_difference(covariance)
    return covariance, fisher(targets, weights), precision.root(targets.num_parameters, like)


def _scored_beside(
    score: block_scores.Score,
    ops: Ops,
    embedding: Embedding,
    measured: Array,
    covariance: Form,
    explained: Form,
) -> Array:
    """A score of candidates whose quadratic forms of the covariance are known: [n]."""
    _, rows = unfolded(ops, covariance, embedding.rows(ops))
    return score(ops, measured, explained.of(ops, rows))


def little_is_said(
    candidates: Embedding,
    targets: Embedding,
    precision: Precision,
    weights: Array | None,
    digits: int,
) -> Array | None:
    """The covariance of candidates [N, R, R], if their forms keep half of all digits and more.

    By a number of `digits`, the larger the more of them. None where they do not, and where values
    can't be read.
    """
    ops = candidates.ops
    like = ops.upcast(first_array(candidates)[:1, ...])
    covariance = precision.covariance(like)
    if not ops.concrete(*arrays_of((candidates, targets, covariance))):
        return None
    numbers = len(candidates) * candidates.num_rows**2
    if 8 * numbers * ops.item_bytes(like) > current_options().memory:
        return None
    most = float(ops.xp.finfo(like.dtype).eps) ** -0.5 / digits
    measured = forward.begin(candidates, (covariance,)).forms[0]
    said = traces(ops, forward.begin(targets, (covariance,)).forms[0])
    said = ops.xp.sum(said if weights is None else said * weights)
    largest = ops.xp.max(traces(ops, measured))
    return measured if number(largest) < most and number(said) < 64 * most else None


def grows_by_projection(
    candidates: Embedding, targets: Embedding, precision: Precision, weights: Array | None
) -> bool:
    """Whether a batch is to grow by white rows, which keep the digits, and not by forms.

    Where the forms would lose them or values can't be read, unless the rows of all candidates are
    too large for half of the memory budget or the targets' singular vectors take too long. Where a
    step costs little, the forms are to lose less.
    """
    size = candidates.num_parameters
    count = min(size, len(targets) * targets.num_rows)
    like = candidates.ops.upcast(first_array(candidates)[:1, ...])
    item = candidates.ops.item_bytes(like)
    if 2 * item * len(candidates) * candidates.num_rows * size > current_options().memory:
        return False
    readable = candidates.ops.concrete(*arrays_of((candidates, targets)))
    if count * count * size > (_SLOW if readable else FEW**3):
        return False
    cheap = len(candidates) * candidates.num_rows * count * size < _QUICK
    return little_is_said(candidates, targets, precision, weights, 64 if cheap else 2) is None


def _kronecker_factors(
    targets: Embedding, precision: Precision, weights: Array
) -> tuple[Array, Array]:
    if not isinstance(precision, KroneckerPrecision):
        raise TypeError(
            "approximation: 'kronecker' needs a KroneckerPrecision, such as "
            f"laplace(..., structure='kronecker') gives, got {type(precision).__name__}"
        )
    left, right = kronecker_factors(targets, weights)
    return left / targets.ops.xp.sum(weights), right

"""The kernels of a `Gaussian`: quadratic forms of a block's rows, then a log-det or a trace.

Let `A_i` be the covariance of candidate i's outputs, and `B_i` the part of it that something else
explains. The information of the outcome about that is `-1/2 log det(I - (I + A_i)^-1 B_i)`: one
log-det of a matrix with R rows, and not a difference of two. The traces are the decrease of the
trace of the remaining covariance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops
from infoq.backends.fields import arrays_of, mapped
from infoq.blocks import sum_columns
from infoq.gaussian.projection import (
    Beyond,
    Spanned,
    beyond_noise,
    spanned,
    strongest,
    told_logdet,
    told_trace,
)
from infoq.gaussian.projection import divided as divide
from infoq.linear_algebra.elimination import eliminate, log1p_det
from infoq.linear_algebra.small_matrices import identity, symmetric, trace_per_candidate
from infoq.structures.embedding import Embedding
from infoq.structures.forms import (
    DenseForm,
    DiagonalForm,
    Form,
    RootForm,
    RotatedForm,
    SandwichForm,
    flattened,
    unfolded,
)
from infoq.structures.rows import Rows
from infoq.structures.whitening import Whitening

# --- one score per candidate -------------------------------------------------------------------
Score: TypeAlias = Callable[..., Array]


def logdet(ops: Ops, measured: Array) -> Array:
    """`1/2 log det(I + A)` of A [n, R, R] (or [n, P, 1, 1]): [n]."""
    return _per_candidate(ops, log1p_det(ops, measured, semidefinite=True)) / 2


def trace(ops: Ops, measured: Array) -> Array:
    """`1/2 tr A`: [n]."""
    return trace_per_candidate(ops, measured) / 2


def entropy(ops: Ops, embedding: Embedding, covariance: Form) -> Array:
    """`1/2 log det(2 pi e (N + J P^-1 J^T))` of outcomes with noise N: [n]."""
    noise = embedding.log_noise(ops)
    measured = covariance.of(ops, embedding.rows(ops))
    constant = measured.shape[-1] * math.log(2 * math.pi * math.e)
    told = _per_candidate(ops, log1p_det(ops, measured, semidefinite=True) + constant)
    return (told + noise) / 2


def explained_logdet(ops: Ops, measured: Array, explained: Array) -> Array:
    """`-1/2 log det(I - (I + A)^-1 B)`, at most the information about the parameters: [n].

    Where that is at least log 2, more than half is explained in some direction. The difference of
    the two log-dets, of `I + A` and of what is left of it, then keeps the digits that the ratio
    loses.
    """
    xp = ops.xp
    share = _whitened(ops, measured, explained)
    told = _per_candidate(ops, log1p_det(ops, -share)) / -2
    said = logdet(ops, measured)
    most = told > _MOST
    # The double `where`: what is not chosen has values at which its gradient is finite.
    spread = most if measured.ndim == 3 else most[:, None]
    left = xp.where(spread[..., None, None], measured - explained, ops.scalar(0.0, measured))
    told = xp.where(most, said - logdet(ops, left), told)
    # Rounding of a large B must not exceed the information of a small A.
    return xp.minimum(told, said)


def left_and_explained(ops: Ops, left: Array, explained: Array) -> Array:
    """`1/2 log det(I + (I + L)^-1 B)` of single rows, [n, P, 1, 1] both: [n]."""
    return _per_candidate(ops, log1p_det(ops, explained / (1 + left), semidefinite=True)) / 2


def explained_trace(ops: Ops, measured: Array, explained: Array) -> Array:
    """`1/2 tr (I + A)^-1 B`: [n]."""
    size = measured.shape[-1]
    if size == 1:
        share = explained / (1 + measured)
    else:
        share = ops.xp.linalg.solve(measured + identity(ops, size, measured), explained)
    return trace_per_candidate(ops, share) / 2


BY_SUMS = (DiagonalForm, RotatedForm)
"""Covariances whose traces need no R x R matrix."""

# If R rows share it evenly, less than half may be explained: then both forms have their digits.
_MOST = math.log(2)

PARAMETERS = {"logdet": logdet, "trace": trace}

EXPLAINED = {
    "logdet": explained_logdet,
    "jensen": explained_logdet,
    "trace": explained_trace,
    "kronecker": explained_trace,
}


def scored(score: Score, ops: Ops, embedding: Embedding, covariance: Form, *others: Form) -> Array:
    """A score of the quadratic forms of each candidate: [n]."""
    rows = embedding.rows(ops)
    if others:
        covariance, rows = unfolded(ops, covariance, rows)
    return score(ops, *(form.of(ops, rows) for form in (covariance, *others)))


def traced(ops: Ops, embedding: Embedding, covariance: Form) -> Array:
    """Half the trace of the covariance of each candidate's outputs: [n]."""
    half: Array = covariance.trace(ops, embedding.rows(ops)) / 2
    return half


def divided(
    trace: bool,
    approximation: str,
    ops: Ops,
    embedding: Embedding,
    targets: Spanned | Beyond,
    forms: tuple[Form, ...],
) -> Array:
    """The information about targets, from the parts of rows that they leave and explain: [n].

    Derivatives, if any are taken, are those of the quadratic forms.
    """
    value = partial(_divided, trace, ops)
    if not forms:
        return value(embedding, targets, forms)
    smooth = partial(_by_forms, EXPLAINED[approximation], ops)
    return ops.valued(value, smooth, embedding, targets, forms)


def _divided(
    trace: bool, ops: Ops, embedding: Embedding, targets: Spanned | Beyond, _: Any
) -> Array:
    left, told = targets.split(ops, embedding.rows(ops), trace=trace)
    return told_trace(ops, left, told) if trace else told_logdet(ops, left, told)


def _by_forms(
    score: Score, ops: Ops, embedding: Embedding, _: Any, forms: tuple[Form, ...]
) -> Array:
    return scored(score, ops, embedding, *forms)


class Pairs(NamedTuple):
    """The targets that candidates are paired with, in units of their standard deviation.

    Attributes
    ----------
    covariance : Form
        The covariance of the parameters.
    measured : array [M, S, P]
        `(I + A_e)^-1/2 E_e P^-1` of each target.
    weights : array [M]
        The weight of each target.
    whitening : Whitening or ()
        White coordinates of the parameters; () if candidates are scored by correlations alone.
    own : array [M, S, S]
        The covariance of each target's outputs.
    targets : Embedding or ()
        The targets, for a projection on each of them.
    """

    covariance: Form
    measured: Array
    weights: Array
    whitening: Any
    own: Array
    targets: Any


def each_target(ops: Ops, embedding: Embedding, *shared: Any) -> Array:
    """The weighted sum over targets of `-1/2 log det(I - G_ie G_ie^T)`: [n].

    `G_ie` [R, S] is the correlation of the outputs of candidate and target. Candidates with a
    correlation near 1 are computed anew, by a projection on the rows of each target. Derivatives
    are those of the correlations.
    """
    pairs = Pairs(*shared)

    def smooth(embedding: Embedding, pairs: Pairs) -> Array:
        return _by_correlations(ops, embedding, pairs)[0, :]

    def value(embedding: Embedding, pairs: Pairs) -> Array:
        both = _by_correlations(ops, embedding, pairs)
        return anew(_by_each_projection, ops, both[0, :], both[1, :] > 0, embedding, pairs)

    if pairs.whitening == ():
        return smooth(embedding, pairs)
    if ops.derives(*arrays_of((embedding, pairs.own))):
        return ops.valued(value, smooth, embedding, pairs)
    return value(embedding, pairs)


# Below this, `det(I - G G^T)` has lost more than the digits that a score of 1/2 log 1000 can miss.
_NEAR = 1e-3


def anew(
    projected: Score, ops: Ops, score: Array, near: Array, embedding: Embedding, pairs: Any
) -> Array:
    """The scores [n], with those of candidates `near` a target replaced by `projected`.

    Where values cannot be read, all are projected or none, by a branch if the library has one.
    """
    xp = ops.xp

    def value(_: Array, embedding: Embedding, pairs: Any) -> Array:
        return projected(ops, embedding, pairs)

    if not ops.concrete(near):
        told = ops.either(xp.any(near), value, _same, score, embedding, pairs)
        return xp.where(near, told, score)
    places = xp.nonzero(near)[0]
    if places.shape[0] == 0:
        return score
    few = mapped(lambda x: xp.take(x, places, axis=0), embedding)
    scores = projected(ops, few, pairs)
    rank = ops.cumulative_sum(xp.astype(near, places.dtype)) - 1
    return xp.where(near, xp.take(scores, xp.where(near, rank, xp.zeros_like(rank)), axis=0), score)


def _same(score: Array, *_: Any) -> Array:
    return score


def _by_each_projection(ops: Ops, embedding: Embedding, pairs: Pairs) -> Array:
    ready = pairs.whitening.ready(ops)
    white = ready.rows(ops, embedding.rows(ops))

    def told(weight: Array, target: Embedding) -> Array:
        rows = ready.rows(ops, target.rows(ops))
        rows = ops.xp.reshape(rows, (-1, rows.shape[-1]))
        left, explained = divide(ops, white, *strongest(ops, rows), trace=False)
        return weight[0] * told_logdet(ops, left, explained)

    return ops.sum_blocks(told, (pairs.weights, pairs.targets), 1)


def _by_correlations(ops: Ops, embedding: Embedding, pairs: Pairs) -> Array:
    """The scores, and the number of targets with a correlation near 1: [2, n]."""
    xp = ops.xp
    covariance, measured, weights, whitening = pairs[:4]
    rows = embedding.rows(ops)
    own = covariance.of(ops, rows)
    scale = standardising(ops, rows, own, whitening)
    _, rows = unfolded(ops, covariance, rows)
    count, rows_each = own.shape[0], own.shape[-1] * (own.shape[1] if own.ndim == 4 else 1)
    rows = rows.transformed(ops, scale)

    def told(measured: Array, weights: Array) -> Array:
        across = ops.packed(rows.pairs(ops, measured))
        logdet = _correlation_logdet(ops, across)
        logdet = xp.reshape(logdet, (-1, *logdet.shape[-2:]))
        near = xp.astype(~(xp.min(logdet, axis=0) > math.log(_NEAR)), weights.dtype)
        return xp.stack([(weights @ xp.sum(logdet, axis=0)) / -2, xp.sum(near, axis=0)])

    # As many pairs at a time as keep their correlations in the cache.
    numbers = 3 * count * rows_each * int(measured.shape[1]) // 2
    column_bytes = numbers * ops.item_bytes(weights)
    return sum_columns(ops, told, (measured, weights), bytes_per_column=column_bytes)


# --- prepared once, for all blocks ------------------------------------------------------------
def measured_targets(
    ops: Ops, covariance: Form, targets: Embedding, weights: Array, whitening: Any
) -> Pairs:
    """The targets that candidates are paired with."""
    rows = targets.rows(ops)
    own = covariance.of(ops, rows)
    scale = standardising(ops, rows, own, whitening)
    form, wide = unfolded(ops, covariance, rows)
    measured = wide.transformed(ops, scale).solved(ops, form.apply)
    return Pairs(covariance, measured, weights, whitening, own, () if whitening == () else targets)


def by_rows(
    trace: bool, ops: Ops, covariance: Form, targets: Embedding, scale: Array
) -> tuple[Form, Form]:
    """The covariance and the part that targets explain, from their Q = M S rows."""
    xp = ops.xp
    form, rows = unfolded(ops, covariance, targets.rows(ops).scaled(ops, scale))
    full = rows.dense(ops)
    full = xp.reshape(full, (-1, full.shape[-1]))
    solved = form.apply(ops, full)
    if trace:
        return covariance, RootForm(solved)
    inner = symmetric(ops, solved @ full.T)
    lower = ops.cholesky(inner + identity(ops, inner.shape[0], inner))
    return covariance, RootForm(ops.solve_triangular(lower, solved))


def by_projection(
    forms: Callable[..., tuple[Form, Form]] | None,
    ops: Ops,
    whitening: Whitening,
    targets: Embedding,
    scale: Array,
    *shared: Any,
) -> tuple[Spanned | Beyond, tuple[Form, ...]]:
    """The projection that splits rows by the targets, and forms for derivatives."""
    divides = spanned(ops, whitening, targets, scale)
    return divides, () if forms is None else forms(ops, *shared)


def by_fisher(
    trace: bool, ops: Ops, covariance: Form, fisher: Array, root: Array
) -> tuple[Form, Form]:
    """The same from the sum of the targets' Fisher information and a root, both [P, P].

    Both are of unfolded parameters where the covariance has those.
    """
    if trace:
        form = flattened(ops, covariance)
        half = form.apply(ops, fisher)
        return covariance, DenseForm(symmetric(ops, form.apply(ops, half.T)))
    whitened = symmetric(ops, root @ fisher @ root.T)
    lower = ops.cholesky(whitened + identity(ops, root.shape[0], root))
    # F (I + F)^-1 by two solves: small where F is, without a difference.
    share = ops.solve_triangular(lower, whitened)
    share = ops.solve_triangular(lower.T, share, lower=False)
    return covariance, DenseForm(symmetric(ops, root.T @ share @ root))


def by_diagonal(
    trace: bool, ops: Ops, covariance: DiagonalForm, fisher: Array
) -> tuple[Form, Form]:
    """What targets leave and explain, from the diagonal [P] of their Fisher information.

    Of a trace what is left is all of the covariance.
    """
    values = covariance.values
    if trace:
        return covariance, DiagonalForm(values * values * fisher)
    left = values / (ops.xp.ones_like(values) + values * fisher)
    return DiagonalForm(left), DiagonalForm(left * values * fisher)


def by_kronecker(ops: Ops, covariance: RotatedForm, left: Array, right: Array) -> tuple[Form, Form]:
    """The same to first order from Kronecker factors of the targets' Fisher information."""
    matmul = ops.xp.matmul
    left = matmul(covariance.left.T, matmul(left, covariance.left))
    right = matmul(covariance.right.T, matmul(right, covariance.right))
    return covariance, SandwichForm(covariance, left, right)


# --- small matrices ---------------------------------------------------------------------------
def _per_candidate(ops: Ops, values: Array) -> Array:
    """The sum over independent groups of rows, if there are several: [n]."""
    return values if values.ndim == 1 else ops.xp.sum(values, axis=-1)


def _whitened(ops: Ops, measured: Array, explained: Array) -> Array:
    """`K^-1 B K^-T` with `K K^T = I + A`: [n, R, R]."""
    if measured.shape[-1] == 1:
        return explained / (1 + measured)
    lower = ops.cholesky(measured + identity(ops, measured.shape[-1], measured))
    half = ops.solve_triangular(lower, explained)
    return symmetric(ops, ops.solve_triangular(lower, ops.xp.matrix_transpose(half)))


# Up to this many times the noise, the Cholesky factor of what several rows measure has its digits.
_MUCH = 256.0


def standardising(ops: Ops, rows: Rows, measured: Array, whitening: Any) -> Array:
    """`(I + A_i)^-1/2` of each candidate or target: [n, R, R], or [n, P, 1, 1].

    Of several rows that say much, by rotations of them: a Cholesky factor of what they measure has
    no digits left for what is as small as the noise.
    """
    little = partial(inverse_root, ops)
    if whitening == () or measured.shape[-1] == 1:
        return little(measured)

    def much(measured: Array) -> Array:
        eye = ops.xp.broadcast_to(identity(ops, measured.shape[-1], measured), measured.shape)
        return beyond_noise(ops, whitening.ready(ops).rows(ops, rows), eye)

    # The largest element of a semi-definite matrix is on its diagonal.
    return ops.either(ops.xp.max(measured) > _MUCH, much, little, measured)


def inverse_root(ops: Ops, measured: Array) -> Array:
    """`K^-1` with `K K^T = I + A`: [n, R, R], lower triangular."""
    xp = ops.xp
    if measured.shape[-1] == 1:
        return 1 / xp.sqrt(1 + measured)
    eye = identity(ops, measured.shape[-1], measured)
    lower = ops.cholesky(measured + eye)
    return ops.solve_triangular(lower, xp.broadcast_to(eye, lower.shape))


def _correlation_logdet(ops: Ops, across: Array) -> Array:
    """`log det(I - G G^T)` for G [R, S, ...]: [...]."""
    xp = ops.xp
    if across.shape[0] > across.shape[1]:  # G^T G has the same determinant, and fewer rows
        across = xp.permute_dims(across, (1, 0, *range(2, across.ndim)))
    lines = []
    for row in range(across.shape[0]):
        # Not as the sum of one product: compiled by jaxlib 0.10.2 on CPUs, that is wrong.
        line = across[row, 0, ...][None, ...] * across[row:, 0, ...]
        for column in range(1, across.shape[1]):
            line = line + across[row, column, ...][None, ...] * across[row:, column, ...]
        lines.append(-line)
    return eliminate(ops, lines)

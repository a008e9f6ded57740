"""The information of observed labels in weight space, from their curvature and their shift.

To second order about the mean, a label with rows E and score u turns a covariance W and a mean m
into `W' = W - W E^T K E W` and `m' = m - W E^T K (u + E m)`, K = (I + A)^-1, A = E W E^T. Exact of
a `Normal`. Everything is a function of R x R matrices:

    KL(p(theta | y) || p(theta)) = 1/2 [log det(I + A) - tr A K] + 1/2 (K u)^T A (K u)
    log p(y_e | y_i) / p(y_e)    = log N(u; d, I + A - B) / N(u; 0, I + A)

with B what the other label explains of A, and d = -E (m' - m) by its shift. Neither is a difference
of two log-dets, nor of two squares.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any, NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.fields import arrays_of, first_array
from infoq.blocks import add_rows, sum_columns
from infoq.gaussian import block_scores
from infoq.gaussian.block_scores import explained_logdet
from infoq.gaussian.label_directions import Stated, spanned_scores
from infoq.gaussian.laplace import check_budget, fisher
from infoq.gaussian.pool import MeasuredPool
from infoq.gaussian.projection import Beyond, Spanned, beyond_noise, spanned_logdet
from infoq.gaussian.targets import FEW, little_is_said
from infoq.linear_algebra.elimination import bordered, log_above_share
from infoq.linear_algebra.small_matrices import identity, symmetric, traces
from infoq.structures.forms import Form, RootForm
from infoq.structures.labelled_embedding import Gradients, Scored
from infoq.structures.precision import Precision
from infoq.structures.rows import DenseRows, Rows
from infoq.structures.whitening import DiagonalWhitening, Whitening
from infoq.unknowns import PARAMETERS, AllTargets, EachTarget, approximation_for


def divergence(pool: MeasuredPool, given: object, approximation: str) -> Array:
    """The information of each label about the parameters: [N] nats, never negative."""
    approximation_for(PARAMETERS, approximation)
    covariance = pool.known(given).covariance(pool.like)
    if approximation == "logdet":
        return pool.read(pool.finish(pool.over_blocks(_divergence, covariance)))
    embedding: Any = pool.embedding
    gradients = pool.replace(embedding=Gradients.of(labelled=embedding))
    scores = gradients.over_blocks(block_scores.traced, covariance)
    return pool.read(pool.finish(scores))


def pointwise(pool: MeasuredPool, about: EachTarget | AllTargets, given: object) -> Array:
    """The information of each label about the targets' labels: [N] nats, of either sign."""
    precision = pool.known(given)
    if isinstance(about, AllTargets):
        return pool.read(pool.cast(_about_all_targets(pool, about.targets, precision)))
    targets = about.targets
    weights = pool.target_weights(targets, about.weights)
    shift = pool.ops.constant((pool.embedding.num_parameters,), 0.0, pool.like)
    return pool.read(pool.cast(about_each(pool, targets, weights, precision, shift)))


def _about_all_targets(pool: MeasuredPool, targets: Scored, precision: Precision) -> Array:
    """The information of each label about those of all targets, by the way of `jepig`: [N]."""
    ops, size = pool.ops, pool.embedding.num_parameters
    count = len(targets) * targets.num_rows
    few = size <= FEW
    if not few and little_is_said(pool.embedding, targets, precision, None, 16) is not None:
        how, given, rank = all_targets(targets, precision, pool.like)
        return pool.over_blocks(_about_all_by_forms, *given, prepare=how, rank=rank)
    check_budget(4 * min(size, count) * size, pool.like, f"targets: M={len(targets)}, P={size}")
    shared = (precision.whitening(size, pool.like), targets)
    forms: Any = None
    more: tuple[Any, ...] = ()
    if ops.derives(*arrays_of((pool.embedding, *shared))):
        forms, more, _ = all_targets(targets, precision, pool.like)
    prepare = partial(_by_projection, forms)
    rank = size if count >= size else 2 * (size + count)
    return pool.over_blocks(_about_all, *shared, *more, prepare=prepare, rank=rank)


def about_each(
    pool: MeasuredPool, targets: Scored, weights: Array, precision: Precision, shift: Array
) -> Array:
    """The mean information of each label about a target's, after a shift of the mean: [N]."""
    size = pool.embedding.num_parameters
    numbers = len(targets) * targets.num_rows * size
    check_budget(
        numbers, pool.like, f"targets: M={len(targets)} with R={targets.num_rows} rows each"
    )
    whitening = precision.whitening(size, pool.like)
    shared = (precision.covariance(pool.like), targets, weights, shift, whitening)
    rank = targets.num_rows
    return pool.over_blocks(_about_each, *shared, prepare=_measured_targets, rank=rank)


def all_targets(
    targets: Scored, precision: Precision, like: Array
) -> tuple[Callable[..., Any], tuple[Any, ...], int]:
    """The function that gives the covariance, the part explained and the shift, and its arguments.

    Over the targets' Q = M R rows where these are fewer than the P parameters, else over the
    parameters. The last is the number of vectors of the part explained.
    """
    size, count = targets.num_parameters, len(targets) * targets.num_rows
    covariance = precision.covariance(like)
    if size <= count:
        check_budget(3 * size**2, like, f"targets: over P={size} parameters")
        shared = (covariance, fisher(targets), _gradient(targets), precision.root(size, like))
        return _by_fisher, shared, 0
    check_budget(2 * count * size + count**2, like, f"targets: M={len(targets)}")
    return _by_rows, (covariance, targets), count


def shift_of(ops: Ops, solved: Array, rows: Array, scores: Array) -> Array:
    """The shift of the mean by labels with rows [Q, P] and scores [Q], for `solved` rows W: [P]."""
    left: Array = remembered(ops, symmetric(ops, rows @ solved.T)[None, ...], scores[None, :])
    return -(left[0, :] @ solved)


# --- small matrices ---------------------------------------------------------------------------
def remembered(ops: Ops, measured: Array, *scores: Array) -> Any:
    """`(I + A)^-1 u` for A [n, R, R] and each u [n, R]."""
    xp = ops.xp
    if measured.shape[-1] == 1:
        left = tuple(u / (1 + measured[:, 0, :]) for u in scores)
    else:
        both = xp.stack(scores, axis=-1)
        solved = xp.linalg.solve(measured + identity(ops, measured.shape[-1], measured), both)
        left = tuple(solved[:, :, i] for i in range(len(scores)))
    return left[0] if len(left) == 1 else left


def divergence_of(ops: Ops, measured: Array, scores: Array) -> Array:
    """The divergence by A [n, R, R] and u [n, R]; a sum of terms that are not negative: [n]."""
    left = remembered(ops, measured, scores)
    return (log_above_share(ops, measured) + square(ops, measured, left)) / 2


def square(ops: Ops, form: Array, x: Array) -> Array:
    """`x^T W x` of forms W [n, R, R] and vectors x [n, R]: [n]."""
    return ops.xp.sum(x * times(form, x), axis=-1)


def times(form: Array, x: Array) -> Array:
    """`W x` of forms W [n, R, R] and vectors x [n, R]."""
    return (form @ x[:, :, None])[:, :, 0]


def log_ratio_of(ops: Ops, measured: Array, explained: Array, scores: Array, moved: Array) -> Array:
    """`log p(y | z) / p(y)` by A, what z explains of it, u, and what z moves it by, [n, R]: [n]."""
    xp = ops.xp
    before = remembered(ops, measured, scores)
    after, turned = remembered(ops, measured - explained, scores, moved)
    own = xp.sum(times(explained, before) * after, axis=-1)
    both, square = 2 * xp.sum(moved * after, axis=-1), xp.sum(moved * turned, axis=-1)
    now = xp.sum((scores + moved) * (after + turned), axis=-1)
    grown = _less_cancelled(ops, (own, both, square), (now, -xp.sum(scores * before, axis=-1)))
    return explained_logdet(ops, measured, explained) - grown / 2


def log_ratio_of_roots(ops: Ops, left: Array, told: Array, scores: Array, moved: Array) -> Array:
    """The same by roots [n, R, ...] of what z leaves of A and of what it explains: [n]."""
    xp = ops.xp
    both = xp.stack([scores, moved], axis=-1)
    rows = beyond_noise(ops, left, xp.concat([told, both], axis=-1))
    rows, a, b = rows[:, :, :-2], rows[:, :, -2], rows[:, :, -1]
    inner = rows @ xp.matrix_transpose(rows)
    before = remembered(ops, inner, a)
    terms = xp.sum(a * times(inner, before), axis=-1), 2 * xp.sum(a * b, axis=-1)
    now = xp.sum((a + b) ** 2, axis=-1), -xp.sum(a * before, axis=-1)
    grown = _less_cancelled(ops, (*terms, xp.sum(b * b, axis=-1)), now)
    return (spanned_logdet(ops, rows) - grown) / 2


def _less_cancelled(ops: Ops, one: tuple[Array, ...], two: tuple[Array, ...]) -> Array:
    """The sum of either's terms, which is the same, by those that are smaller."""
    xp = ops.xp
    sizes = [_added(xp.abs(term) for term in terms) for terms in (one, two)]
    return xp.where(sizes[0] <= sizes[1], _added(one), _added(two))


def log_ratio_of_pairs(ops: Ops, across: Array, ours: Array, theirs: Array) -> tuple[Array, Array]:
    """`log p(a, e) / p(a) p(e)` of pairs by correlations G [R, S, m, n] of what varies by one.

    They are [m, n]; and the least `log det(I - G G^T)` of each, [n]: as it falls digits are lost.
    `ours` [R, 1, n] and `theirs` [S, m, 1] are the labels a and e in the same units. The quadratic
    part is `-1/2 [k^T Y k - 2 a^T Y k + a^T G G^T Y a]`, k = G e, Y = (I - G G^T)^-1.
    """
    xp = ops.xp
    if across.shape[0] > across.shape[1]:
        across, ours, theirs = xp.permute_dims(across, (1, 0, 2, 3)), theirs, ours
    rows, columns = across.shape[:2]
    # Not as the sum of one product: compiled by jaxlib 0.10.2 on CPUs, that is wrong.
    told = [_added(across[r, s, ...] * theirs[s, ...] for s in range(columns)) for r in range(rows)]
    back = [_added(across[r, s, ...] * ours[r, ...] for r in range(rows)) for s in range(columns)]
    again = [_added(across[r, s, ...] * back[s] for s in range(columns)) for r in range(rows)]
    lines = []
    for r in range(rows):
        line = _added(across[r, s, ...][None, ...] * across[r:, s, ...] for s in range(columns))
        own = ours[r, ...] + xp.zeros_like(told[r])
        lines.append(xp.concat([-line, xp.stack([told[r], own, again[r]])]))
    nothing = xp.zeros_like(lines[0][:3, ...])
    lines += [nothing[i:, ...] for i in range(3)]
    logdet, (first, second, _) = bordered(ops, lines, rows)
    least = xp.min(logdet, axis=0)
    return (first[0, ...] - 2 * first[1, ...] + second[1, ...] - logdet) / 2, least


def _added(terms: Iterable[Array]) -> Array:
    return reduce(operator.add, terms)


# --- kernels of a block ------------------------------------------------------------------
def _divergence(ops: Ops, embedding: Scored, covariance: Form) -> Array:
    rows, scores = embedding.with_scores(ops)
    return divergence_of(ops, covariance.of(ops, rows), scores)


def _about_all(
    ops: Ops, embedding: Scored, targets: Spanned | Beyond, stated: Stated, forms: tuple[Any, ...]
) -> Array:
    value = partial(_about_all_by_roots, ops)
    if not forms:
        return value(embedding, targets, stated, forms)
    return ops.valued(value, partial(_slopes_about_all, ops), embedding, targets, stated, forms)


def _about_all_by_roots(
    ops: Ops, embedding: Scored, targets: Spanned | Beyond, stated: Stated, _: Any
) -> Array:
    rows, scores = embedding.with_scores(ops)
    left, told = targets.split(ops, rows, trace=False)
    return log_ratio_of_roots(ops, left, told, scores, stated.moved(left, told))


def _slopes_about_all(ops: Ops, embedding: Scored, *others: Any) -> Array:
    *_, forms = others
    return _about_all_by_forms(ops, embedding, *forms)


def _about_all_by_forms(
    ops: Ops, embedding: Scored, covariance: Form, explained: Form, shift: Array
) -> Array:
    rows, scores = embedding.with_scores(ops)
    forms = covariance.of(ops, rows), explained.of(ops, rows)
    return log_ratio_of(ops, *forms, scores, rows.dot(ops, shift[None, :])[:, :, 0])


class Paired(NamedTuple):
    """The targets that candidates are paired with, in units of their standard deviation.

    Attributes
    ----------
    covariance : Form
        Of the parameters.
    measured : array [M, S, P]
        `(I + A_e)^-1/2 E_e W` of each target.
    stated : array [M, S]
        Its score in the same units.
    weights : array [M]
        The weight of each target.
    shift : array [P]
        The shift of the mean by other labels.
    whitening : Whitening
        White coordinates of the parameters.
    own : array [M, S, S]
        The covariance of each target's outputs.
    targets : Scored
        The targets, for a projection on each of them.
    """

    covariance: Form
    measured: Array
    stated: Array
    weights: Array
    shift: Array
    whitening: Whitening
    own: Array
    targets: Scored


def _about_each(ops: Ops, embedding: Scored, *shared: Any) -> Array:
    """The weighted sum over targets of the information about their labels: [n].

    By correlations of pairs; of candidates that lose digits by them, by a projection on what each
    target measures. Derivatives are those of the correlations.
    """
    pairs = Paired(*shared)

    def smooth(embedding: Scored, pairs: Paired) -> Array:
        return _by_pairs(ops, embedding, pairs)[0, :]

    def value(embedding: Scored, pairs: Paired) -> Array:
        both = _by_pairs(ops, embedding, pairs)
        near = both[1, :] > 0
        return block_scores.anew(_by_each_projection, ops, both[0, :], near, embedding, pairs)

    if ops.derives(*arrays_of((embedding, pairs.own))):
        return ops.valued(value, smooth, embedding, pairs)
    return value(embedding, pairs)


def _by_pairs(ops: Ops, embedding: Scored, pairs: Paired) -> Array:
    """The sums by correlations, and above 0 where these lose digits: [2, n]."""
    xp = ops.xp
    rows, scores = embedding.with_scores(ops)
    covariance, measured, stated, weights, shift, whitening, said, _ = pairs
    rows, scores, own = _standardised(ops, rows, scores, covariance, shift, whitening)
    ours = xp.permute_dims(scores, (1, 0))[:, None, :]
    least = ops.scalar(math.log(_LOST * float(xp.finfo(weights.dtype).eps)), weights)

    def told(measured: Array, stated: Array, weights: Array) -> Array:
        across = ops.packed(rows.pairs(ops, measured))
        theirs = xp.permute_dims(stated, (1, 0))[:, :, None]
        ratio, logdet = log_ratio_of_pairs(ops, across, ours, theirs)
        near = xp.astype(~(logdet > least), weights.dtype)
        return xp.stack([weights @ ratio, near])

    # So many pairs at a time that what they are computed by stays in the cache.
    count, size = scores.shape
    numbers = 3 * count * (size + 3) * int(measured.shape[1])
    column_bytes = numbers * ops.item_bytes(weights)
    both = sum_columns(ops, told, (measured, stated, weights), bytes_per_column=column_bytes)
    much = _much_is_said(ops, own) | xp.any(_much_is_said(ops, said))
    return xp.stack([both[0, :], both[1, :] + xp.astype(much, weights.dtype)])


# Of how many times eps `det(I - G G^T)` has too few digits: 0.016 in float32.
_LOST = 2.0**17

# Rows that measure more than this many times their noise are rotated with too much rounding.
_MUCH = 2.0**14


def _much_is_said(ops: Ops, measured: Array) -> Array:
    """Of which candidates or targets with several rows: [n] booleans, by A [n, R, R]."""
    return traces(ops, measured) > (_MUCH if measured.shape[-1] > 1 else math.inf)


def _by_each_projection(ops: Ops, embedding: Scored, pairs: Paired) -> Array:
    """The same by what each target leaves and explains of the candidates' rows: [n].

    Coordinates are white from the first, so that targets and candidates are as they are in them.
    """
    xp = ops.xp
    ready, shift, weights = pairs.whitening.ready(ops), pairs.shift, pairs.weights

    def white(rows: Rows, scores: Array) -> tuple[DenseRows, Array]:
        moved = scores + rows.dot(ops, shift[None, :])[:, :, 0]
        return DenseRows(ready.rows(ops, rows)), moved

    rows, scores = white(*embedding.with_scores(ops))
    same = DiagonalWhitening(xp.ones_like(weights[:1]))

    def told(weight: Array, target: Scored) -> Array:
        divides, stated = spanned_scores(ops, same, target, white)
        left, told = divides.split(ops, rows, trace=False)
        moved = stated.moved(left, told)
        return weight[0] * log_ratio_of_roots(ops, left, told, scores, moved)

    return ops.sum_blocks(told, (weights, pairs.targets), 1)


def _standardised(
    ops: Ops, rows: Rows, scores: Array, covariance: Form, shift: Array, whitening: Whitening
) -> tuple[Rows, Array, Array]:
    """Rows and scores, after a shift, in units of what their outcomes vary by: (I + A)^-1/2.

    And A, the covariance of what is measured, [n, R, R].
    """
    scores = scores + rows.dot(ops, shift[None, :])[:, :, 0]
    own = covariance.of(ops, rows)
    root = block_scores.standardising(ops, rows, own, whitening)
    return rows.transformed(ops, root), times(root, scores), own


# --- prepared once, for all blocks ------------------------------------------------------------
def _measured_targets(
    ops: Ops,
    covariance: Form,
    targets: Scored,
    weights: Array,
    shift: Array,
    whitening: Whitening,
) -> Paired:
    """The targets that candidates are paired with."""
    rows, scores = targets.with_scores(ops)
    rows, scores, own = _standardised(ops, rows, scores, covariance, shift, whitening)
    solved = rows.solved(ops, covariance.apply)
    return Paired(covariance, solved, scores, weights, shift, whitening, own, targets)


def _by_projection(
    forms: Callable[..., Any] | None,
    ops: Ops,
    whitening: Whitening,
    targets: Scored,
    *shared: Any,
) -> tuple[Spanned | Beyond, Stated, tuple[Any, ...]]:
    """What divides candidates, what the targets' scores say, and forms for derivatives."""
    divides, stated = spanned_scores(ops, whitening, targets)
    return divides, stated, () if forms is None else forms(ops, *shared)


def _by_rows(ops: Ops, covariance: Form, targets: Scored) -> tuple[Form, Form, Array]:
    """The covariance, what targets explain of it, and their shift, from their Q = M S rows."""
    xp = ops.xp
    rows, scores = targets.with_scores(ops)
    full = rows.dense(ops)
    full = xp.reshape(full, (-1, full.shape[-1]))
    solved = covariance.apply(ops, full)
    inner = symmetric(ops, solved @ full.T)
    lower = ops.cholesky(inner + identity(ops, inner.shape[0], inner))
    both = xp.concat([solved, xp.reshape(scores, (-1, 1))], axis=1)
    both = ops.solve_triangular(lower, both)
    return covariance, RootForm(both[:, :-1]), -(both[:, -1] @ both[:, :-1])


def _by_fisher(
    ops: Ops, covariance: Form, fisher: Array, gradient: Array, root: Array
) -> tuple[Form, Form, Array]:
    """The same from the sums of the targets' Fisher information and of their gradients."""
    _, explained = block_scores.by_fisher(False, ops, covariance, fisher, root)
    whitened = symmetric(ops, root @ fisher @ root.T)
    left = remembered(ops, whitened[None, ...], (root @ gradient)[None, :])
    return covariance, explained, -(left[0, :] @ root)


def _gradient(embedding: Scored) -> Array:
    """The sum of the gradients at the labels: [P]."""
    item = embedding.ops.item_bytes(first_array(embedding))
    return add_rows(
        _sum_of_gradients,
        (embedding,),
        shape=(embedding.num_parameters,),
        bytes_per_row=(embedding.numbers_per_candidate + embedding.num_parameters) * item,
    )


def _sum_of_gradients(ops: Ops, embedding: Scored) -> Array:
    rows, scores = embedding.with_scores(ops)
    gradients = rows.transformed(ops, scores[:, None, :]).dense(ops)
    return ops.xp.sum(gradients[:, 0, :], axis=0)

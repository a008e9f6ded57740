"""Batches in weight space: each pick updates the quadratic forms of candidates by a few products.

An outcome with rows e turns the covariance W into `W - S^T G S` with `S = e W` and
`G = (I + e S^T)^-1`. The part X of it that targets explain changes by products of S and of
`U = e X` that are as small as X is:

    log-det:  S^T H x G S - S^T H U - U^T H S + U^T H U,   H = (I + e S^T - x)^-1,  x = e U^T
    trace:    S^T G x G S - S^T G U - U^T G S

so neither form is ever computed anew, and no difference of two covariances is taken. Where targets
explain most of the outcome, the terms of the log-det are as large as the squares of its forms, and
cancel. The change is then computed as `-S^T G S + D^T H D` with D = S - U, the part unexplained.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array
from infoq.blocks import map_rows
from infoq.checks.numbers import number
from infoq.gaussian.block_scores import Score
from infoq.linear_algebra.small_matrices import flat_product, identity, symmetric, traces
from infoq.structures.embedding import Embedding
from infoq.structures.forms import ConditionedForm, Form, flattened, unfolded
from infoq.structures.rows import DenseRows

Pairs: TypeAlias = list[tuple[Array, Array]]


class Change(NamedTuple):
    """The change of a form: the sum of `left^T right + right^T left`.

    Attributes
    ----------
    left : array [Q, P]
        One factor of each product.
    right : array [Q, P]
        The other.
    """

    left: Array
    right: Array

    @staticmethod
    def of(ops: Ops, pairs: Pairs) -> Change:
        """The change that pairs of vectors add up to."""
        left, right = zip(*pairs, strict=True)
        if len(pairs) == 1:
            return Change(left[0], right[0] / 2)
        return Change(ops.xp.concat(left), ops.xp.concat(right) / 2)

    def apply(self, x: Array) -> Array:
        """Products with vectors x [r, P]."""
        return (x @ self.left.T) @ self.right + (x @ self.right.T) @ self.left

    def joined(self, ops: Ops, other: Change | None) -> Change:
        """Both changes, this one later."""
        if other is None:
            return self
        pairs = zip(other, self, strict=True)
        return Change(*(ops.xp.concat([one, two]) for one, two in pairs))


class Grown(NamedTuple):
    """The state of a batch in weight space.

    Attributes
    ----------
    forms : tuple of arrays [N, R, R]
        The covariance of each candidate, A, and (about targets) the part explained of it, B.
    changes : tuple of Change or None
        The changes of the covariance and of the part explained since the empty batch.
    """

    forms: tuple[Array, ...]
    changes: tuple[Change | None, ...]


def begin(embedding: Embedding, forms: tuple[Form, ...]) -> Grown:
    """The empty batch: the quadratic forms of all candidates."""
    size = embedding.num_rows
    run = partial(_quadratic, len(forms) > 1)
    rank = max(form.rank for form in forms)
    measured = tuple(
        _map(embedding, run, (), (forms[0], form), (size, size), rank) for form in forms
    )
    return Grown(measured, (None,) * len(forms))


def scores(state: Grown, score: Score) -> Array:
    """The score of each candidate's forms: [N]."""
    size = state.forms[0].shape[-1]
    item = ops_for(state.forms[0]).item_bytes(state.forms[0])
    return map_rows(partial(_score, score), state.forms, bytes_per_row=12 * item * size * size)


def change(
    embedding: Embedding,
    forms: tuple[Form, ...],
    state: Grown,
    rows: Array,
    *,
    trace: bool,
    remove: bool = False,
    itself: bool = False,
) -> Grown:
    """The state after the outcome with rows [r, P], or before it where it is to be removed.

    With `itself`, the second form (of a trace) is explained by the batch itself: W F W with the
    batch's Fisher information F, to which the outcome adds its own. `forms` are those of the empty
    batch, in memory. Costs N r (R P + R^2) multiply-adds, for a last layer N r C (D + R).
    """
    ops = ops_for(rows)
    seen = forms[0] if isinstance(forms[0], ConditionedForm) else ()
    forms, rows = unfolded_rows(ops, forms, rows)
    solved = _product(ops, forms[0], state.changes[0], rows)
    told = None
    if len(forms) == 2:
        told = _product(ops, forms[1], state.changes[1], rows)
    inside = None if told is None else symmetric(ops, rows @ told.T)
    inner = symmetric(ops, rows @ solved.T)
    middle = middle_of(ops, inner, inside, trace=trace, remove=remove, itself=itself)
    vectors = solved
    left = False
    if told is not None and inside is not None:
        left = not trace and mostly_explained(ops, inner, inside)
        if left:
            told = solved - told
        vectors = ops.xp.concat([solved, told])
    pairs = changes(by_rows, solved, told, middle, trace=trace, left=left)
    updates = [Change.of(ops, each) for each in pairs]
    changed = tuple(new.joined(ops, old) for new, old in zip(updates, state.changes, strict=True))
    run = partial(_updated, trace, left)
    size = embedding.num_rows
    shape = (len(forms), size, size)
    rank, numbers = int(vectors.shape[0]), embedding.numbers_read
    if isinstance(seen, ConditionedForm):
        rank, numbers = rank + seen.rank, embedding.numbers_per_candidate
    both = _map(embedding, run, (state.forms,), (vectors, middle, seen), shape, rank, numbers)
    own = embedding.ops
    kept = tuple(own.adopt(own.fetch(both))[:, i, ...] for i in range(len(forms)))
    return Grown(kept, changed)


def removable(forms: tuple[Form, ...], state: Grown, rows: Array) -> bool:
    """Whether an outcome can be removed with half of all digits left.

    The share of the noise in it, 1 / (1 + A), has an absolute error of eps A.
    """
    ops = ops_for(rows)
    forms, rows = unfolded_rows(ops, forms, rows)
    solved = _product(ops, forms[0], state.changes[0], rows)
    left = identity(ops, rows.shape[0], rows) - symmetric(ops, rows @ solved.T)
    if not ops.concrete(left):
        return True
    least = ops.xp.min(ops.symmetric_eigen(left)[0])
    return bool(number(least) > float(ops.xp.finfo(left.dtype).eps) ** 0.25)


def unfolded_rows(ops: Ops, forms: tuple[Form, ...], rows: Array) -> tuple[tuple[Form, ...], Array]:
    """The forms and rows [r, P] in the coordinates that the first form unfolds rows to."""
    first, among = unfolded(ops, forms[0], DenseRows(rows[None, ...]))
    return (first, *forms[1:]), among.dense(ops)[0, ...]


class Middle(NamedTuple):
    """The small matrices of a change, [r, r] each: G, and for X also H and M."""

    inverse: Array
    between: Array
    weight: Array


def middle_of(
    ops: Ops,
    inner: Array,
    inside: Array | None,
    *,
    trace: bool,
    remove: bool,
    itself: bool = False,
) -> Middle:
    """The small matrices, from `e W e^T` and `e X e^T` of the outcome's own rows."""
    xp = ops.xp
    eye = identity(ops, inner.shape[0], inner)
    inner = inner - eye if remove else inner + eye
    inverse = symmetric(ops, xp.linalg.solve(inner, eye))
    if inside is None:
        return Middle(inverse, inverse, inverse)
    if trace:
        if itself:
            inside = inside - eye if remove else inside + eye
        return Middle(inverse, inverse, symmetric(ops, inverse @ inside @ inverse))
    between = symmetric(ops, xp.linalg.solve(inner - inside, eye))
    return Middle(inverse, between, symmetric(ops, between @ inside @ inverse))


def changes(
    product: Callable[[Array, Array], Array],
    solved: Array,
    told: Array | None,
    middle: Middle,
    *,
    trace: bool,
    left: bool = False,
) -> tuple[Pairs, ...]:
    """The change of each form as pairs whose products add up to it, once they are made symmetric.

    This is the update formula above, for vectors, for candidates' products with them, and for
    members of a batch: `product` multiplies any of these by a small matrix. `told` is U or, with
    `left`, D.
    """
    known = [(solved, -product(solved, middle.inverse))]
    if told is None:
        return (known,)
    between = product(told, middle.between)
    if left:
        return known, [*known, (told, between)]
    # Both mixed terms at once: the one is the transpose of the other.
    explained = [(solved, product(solved, middle.weight) - 2 * between)]
    return known, explained if trace else [*explained, (told, between)]


def by_rows(x: Array, matrix: Array) -> Array:
    """The product of a small matrix [r, r] with rows x [r, ...]."""
    return matrix @ x


def mostly_explained(ops: Ops, inner: Array, inside: Array) -> bool:
    """Whether targets explain about half or more of an outcome, in some direction."""
    share = ops.xp.linalg.solve(inner + identity(ops, inner.shape[0], inner), inside)
    total = traces(ops, share)
    return ops.concrete(total) and bool(number(total) > 0.5)


def _product(ops: Ops, form: Form, changed: Change | None, rows: Array) -> Array:
    product = form.apply(ops, rows)
    return product if changed is None else product + changed.apply(rows)


def _map(
    embedding: Embedding,
    run: Callable[..., Array],
    beside: tuple[Any, ...],
    shared: tuple[Any, ...],
    shape: tuple[int, ...],
    rank: int,
    numbers: int | None = None,
) -> Array:
    like = first_array(embedding)
    item = embedding.ops.item_bytes(like)
    numbers = embedding.numbers_per_candidate if numbers is None else numbers
    numbers = numbers + 3 * embedding.num_rows * rank
    return map_rows(
        run,
        (embedding, *beside),
        shared,
        bytes_per_row=item * numbers,
        bytes_shared=item * rank * embedding.num_parameters,
        shape=shape,
    )


def _quadratic(
    together: bool, ops: Ops, embedding: Embedding, covariance: Form, form: Form
) -> Array:
    rows = embedding.rows(ops)
    if together:
        _, rows = unfolded(ops, covariance, rows)
        form = flattened(ops, form)
    return form.of(ops, rows)


def _score(score: Score, ops: Ops, *forms: Array) -> Array:
    return score(ops, *forms)


def _updated(
    trace: bool,
    left: bool,
    ops: Ops,
    embedding: Embedding,
    forms: tuple[Array, ...],
    vectors: Array,
    middle: Middle,
    seen: Any,
) -> Array:
    """The forms of a block of candidates after a change: [n, count, R, R]."""
    rows, count = embedding.rows(ops), len(forms)
    if seen:
        _, rows = unfolded(ops, seen, rows)
    products = rows.dot(ops, vectors)
    size = vectors.shape[0] // count
    told = products[:, :, size:] if count == 2 else None
    product = partial(flat_product, ops)
    pairs = changes(product, products[:, :, :size], told, middle, trace=trace, left=left)
    new: list[Array] = []
    for form, each in zip(forms, pairs, strict=True):
        for one, other in each:
            form = form + other @ ops.xp.matrix_transpose(one)
        new.append(symmetric(ops, form) if new else form)
    return ops.xp.stack(new, axis=1)

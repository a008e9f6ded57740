"""Structures of a user's own, with what is required of them alone, and all that they go into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import infoq
from infoq.backends import Array, Ops, ops_for
from infoq.predictives import Rows
from infoq.structures.embedding import Embedding
from infoq.structures.forms import Form
from infoq.structures.precision import Precision
from tests.structures.cases import FEW, MANY, MORE, ROWS, P

POOL = np.concatenate([ROWS, FEW, -MANY])
SINGLE = POOL[:, 0]
OUTCOMES = np.linspace(-1, 1, len(POOL))
MEANS = np.linspace(0.5, -0.7, len(POOL))
WEIGHTS = np.array([1.0, 0.0, 3.0, 2.0])

Make = Callable[[np.ndarray], Embedding]


class OwnRows(Rows):
    """Rows of which `dense` alone is said."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def dense(self, ops: Ops) -> Array:
        return self.values


class OwnEmbedding(Embedding):
    """Three members: how many rows, of how many parameters, and the rows."""

    _arrays = ("table",)
    table: Array

    def __init__(self, table: Array) -> None:
        self.table = table

    @property
    def num_rows(self) -> int:
        return int(self.table.shape[1])

    @property
    def num_parameters(self) -> int:
        return int(self.table.shape[2])

    def rows(self, ops: Ops) -> OwnRows:
        return OwnRows(ops.upcast(self.table))


class Predicting(OwnEmbedding):
    """A regression with unit noise, which knows its predictions: two more members."""

    _arrays = ("mean",)
    mean: Array

    def __init__(self, table: Array, mean: Array) -> None:
        self.table, self.mean = table, mean

    def scored(self, ops: Ops, labels: Array) -> tuple[OwnRows, Array]:
        mean = ops.upcast(self.mean)
        return self.rows(ops), (mean - ops.xp.astype(labels, mean.dtype))[:, None]

    def check_labels(self, labels: Array) -> None:
        assert labels.shape == self.mean.shape


class OwnPrecision(Precision):
    """Two members: of how many parameters, and the matrix `I + u u^T`."""

    _arrays = ("direction",)
    direction: Array

    def __init__(self, direction: Array) -> None:
        self.direction = direction

    @property
    def num_parameters(self) -> int:
        return int(self.direction.shape[0])

    def matrix(self, num_parameters: int, like: Array) -> Array:
        ops, u = ops_for(like), self.direction
        return ops.xp.eye(num_parameters, dtype=u.dtype, device=ops.device(u)) + u[:, None] * u


class OwnForm(NamedTuple):
    """A covariance of a user's own: a named tuple of arrays with four members."""

    roots: Array

    @property
    def rank(self) -> int:
        return int(self.roots.shape[0])

    def of(self, ops: Ops, rows: Rows) -> Array:
        half = rows.dot(ops, self.roots)
        return half @ ops.xp.matrix_transpose(half)

    def trace(self, ops: Ops, rows: Rows) -> Array:
        return rows.dot_trace(ops, self.roots)

    def apply(self, ops: Ops, x: Array) -> Array:
        return (x @ self.roots.T) @ self.roots


class OwnWhitening(NamedTuple):
    """Coordinates of a user's own, likewise."""

    root: Array

    def ready(self, ops: Ops) -> OwnWhitening:
        return self

    def rows(self, ops: Ops, rows: Rows) -> Array:
        return rows.dot(ops, self.root)

    def vectors(self, ops: Ops, x: Array) -> Array:
        return x @ self.root.T

    def back(self, ops: Ops, x: Array) -> Array:
        return x @ self.root


class Overriding(OwnPrecision):
    """The same, which says by forms of its own what every score takes."""

    def covariance(self, like: Array) -> OwnForm:
        return OwnForm(self.root(self.num_parameters, like))

    def whitening(self, num_parameters: int, like: Array) -> OwnWhitening:
        return OwnWhitening(self.root(num_parameters, like))


class Delegating(OwnPrecision):
    """The same, which leaves the covariance to a precision that keeps rows."""

    def covariance(self, like: Array) -> Form:
        return infoq.LowRankPrecision(1.0, self.direction[None, :]).covariance(like)


DIRECTION = np.linspace(-1, 2, P)
MATRIX = np.eye(P) + np.outer(DIRECTION, DIRECTION)


def _selected(selection: infoq.Selection) -> tuple[Array, ...]:
    return selection.indices, selection.gains, selection.value


def _batch(make: Callable[..., Any], **keywords: Any) -> Any:
    """Everything that is asked of a set function: gains as it grows and shrinks, and its value."""

    def run(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
        pool = infoq.Gaussian(embed(POOL), precision)
        f = make(pool, embed, **keywords)
        state = f.add(f.add(f.start(), 1), 6)
        less = f.remove(f.add(state, 3), 1)
        some = f.gains_of(state, backend.array(np.array([7, 2])))
        return f.gains(f.start()), f.gains(state), f.gains(less), some, f.value(state)

    return run


def _eig(pool: Any, embed: Make, **keywords: Any) -> Any:
    return infoq.EIG(pool, **keywords)


def _epig(pool: Any, embed: Make, **keywords: Any) -> Any:
    return infoq.EPIG(pool, embed(MANY), **keywords)


def _jepig(pool: Any, embed: Make, **keywords: Any) -> Any:
    return infoq.JEPIG(pool, embed(FEW), **keywords)


def _picked(make: Callable[..., Any], select: Callable[..., infoq.Selection]) -> Any:
    def run(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
        return _selected(select(make(infoq.Gaussian(embed(POOL), precision), embed), 3))

    return run


def _about(score: Callable[..., Array], targets: np.ndarray, **keywords: Any) -> Any:
    def run(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
        cast = {k: backend.array(v) if k == "target_weights" else v for k, v in keywords.items()}
        return (score(infoq.Gaussian(embed(POOL), precision), embed(targets), **cast),)

    return run


def _given(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
    """With outcomes, or a precision, that are known already."""
    pool, known = infoq.Gaussian(embed(POOL), precision), embed(FEW)
    after = pool.observe(pool.observe(pool.context(), 2), 5)
    before = pool.forget(after, 2)
    scores = (infoq.eig(pool, given=given) for given in (known, after, before))
    return (*scores, infoq.jepig(pool, embed(MANY), given=known))


def _itself(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
    pool = infoq.Gaussian(embed(POOL), precision)
    traces = infoq.eig(pool, approximation="trace")
    return infoq.eig(pool), traces, pool.entropy(), pool.covariance(), pool[1:4].embedding.dense()


def _laplace(structure: str | None) -> Any:
    def run(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
        known = infoq.laplace(embed(MANY), precision, structure=structure)
        like = backend.array(np.zeros(P))
        about = infoq.epig(infoq.Gaussian(embed(POOL), known), embed(MANY))
        return known.matrix(P, like), known.solve(backend.array(MORE)), about

    return run


def _similarities(backend: Any, embed: Make, precision: Any) -> tuple[Array, ...]:
    one, other = embed(POOL), embed(FEW)
    both = infoq.similarity_matrix(one, other, precision)
    return infoq.similarity_matrix(one, precision=precision), both


SCORES: dict[str, Any] = {
    "itself": _itself,
    "given": _given,
    "epig": _about(infoq.epig, MANY, target_weights=WEIGHTS),
    "epig, few": _about(infoq.epig, FEW),
    "epig, jensen": _about(infoq.epig, MANY, approximation="jensen"),
    "epig, trace": _about(infoq.epig, FEW, approximation="trace"),
    "jepig": _about(infoq.jepig, MANY),
    "jepig, few": _about(infoq.jepig, FEW),
    "jepig, trace": _about(infoq.jepig, MANY, approximation="trace"),
    "similarities": _similarities,
    "laplace": _laplace(None),
    "laplace, dense": _laplace("dense"),
    "laplace, low rank": _laplace("low_rank"),
    "laplace, diagonal": _laplace("diagonal"),
}
"""What an embedding and a precision go into together: arrays that both structures agree on."""

BATCHES: dict[str, Any] = {
    "EIG": _batch(_eig),
    "EIG, trace": _batch(_eig, approximation="trace"),
    "EPIG": _batch(_epig),
    "EPIG, jensen": _batch(_epig, approximation="jensen"),
    "EPIG, trace": _batch(_epig, approximation="trace"),
    "JEPIG": _batch(_jepig),
    "JEPIG, trace": _batch(_jepig, approximation="trace"),
    "greedy": _picked(_epig, infoq.greedy),
    "lazy_greedy": _picked(_eig, infoq.lazy_greedy),
    "forward_backward": _picked(_jepig, infoq.forward_backward),
    "forward_backward, EIG": _picked(_eig, infoq.forward_backward),
}
"""The same of batches."""


def _similar(make: Callable[[Any], Any]) -> Any:
    def run(backend: Any, embed: Make) -> tuple[Array, ...]:
        return _selected(infoq.greedy(make(embed(SINGLE[:, None, :])), 3))

    return run


def _bait(backend: Any, embed: Make) -> tuple[Array, ...]:
    return _selected(infoq.methods.bait(embed(POOL), 2, labelled=embed(FEW)))


SELECTIONS: dict[str, Any] = {
    "bait": _bait,
    "egl": lambda backend, embed: _selected(infoq.methods.egl(embed(POOL), 3)),
    "kmeans_plusplus": lambda backend, embed: _selected(
        infoq.kmeans_plusplus(embed(POOL), 3, seed=1)
    ),
    "badge": lambda backend, embed: _selected(
        infoq.kmeans_plusplus(embed(POOL), 3, first="norm", seed=1)
    ),
    "kdpp": lambda backend, embed: _selected(infoq.kdpp(embed(POOL), 3, seed=1)),
    "farthest_first": lambda backend, embed: _selected(infoq.farthest_first(embed(POOL), 3)),
    "FacilityLocation": _similar(infoq.FacilityLocation),
    "GraphCut": _similar(infoq.GraphCut),
    "LogDet": _similar(infoq.LogDet),
    "logdet_mi": lambda backend, embed: _selected(
        infoq.methods.logdet_mi(embed(SINGLE[:, None, :]), embed(MORE[:, None, :]), 3)
    ),
}
"""What an embedding goes into alone."""


def _labelled_batch(make: Callable[..., Any]) -> Any:
    def run(backend: Any, known: Any, about: Any, labels: Array, theirs: Array) -> Any:
        f = make(infoq.Gaussian(known, 0.7), about, labels, theirs)
        state = f.add(f.add(f.start(), 1), 6)
        return f.gains(f.start()), f.gains(state), f.gains(f.remove(state, 1)), f.value(state)

    return run


def _labelled_score(make: Callable[..., Any]) -> Any:
    def run(backend: Any, known: Any, about: Any, labels: Array, theirs: Array) -> Any:
        return (make(infoq.Gaussian(known, 0.7), about, labels, theirs),)

    return run


LABELLED: dict[str, Any] = {
    "ig": _labelled_score(lambda pool, about, y, theirs: infoq.ig(pool, y)),
    "ig, trace": _labelled_score(
        lambda pool, about, y, theirs: infoq.ig(pool, y, approximation="trace")
    ),
    "ig, entropy": _labelled_score(
        lambda pool, about, y, theirs: infoq.ig(pool, measure="entropy")
    ),
    "pig": _labelled_score(infoq.pig),
    "jpig": _labelled_score(infoq.jpig),
    "IG": _labelled_batch(lambda pool, about, y, theirs: infoq.IG(pool, y)),
    "PIG": _labelled_batch(infoq.PIG),
    "JPIG": _labelled_batch(infoq.JPIG),
}
"""What an embedding that knows its predictions goes into: pool, targets, and labels of both."""

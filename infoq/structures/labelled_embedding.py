"""Embeddings of outcomes whose labels have been observed: rows, and what the labels say in them.

With `E_i = L_i^T J_i` and a residual `r_i = L_i u_i`, the gradient of the loss at the label is
`g_i = E_i^T u_i`: R numbers u say what a label does to the parameters, and everything stays a
matter of R x R matrices. To second order about the mean, -log p(y_i) is half the square of
`u_i + E_i (theta - mean)` and a constant: exact of a `Normal`, as if u were minus the outcome less
its prediction in units of the noise.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.registry import check_same_device, ops_for
from infoq.blocks import map_rows
from infoq.structures.embedding import Embedding
from infoq.structures.kronecker_rows import KroneckerRows
from infoq.structures.last_layer import LastLayerEmbedding
from infoq.structures.rows import DenseRows, Rows


class Scored(Embedding):
    """Rows and scores: N candidates whose labels are known."""

    @abstractmethod
    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of its candidates, and u [n, R]; for a block of them."""

    def rows(self, ops: Ops) -> Rows:
        """The rows of its candidates."""
        return self.with_scores(ops)[0]

    def own_gradients(self, ops: Ops) -> Rows:
        """One row a candidate, `E^T u`: the gradient of the loss at its label."""
        rows, scores = self.with_scores(ops)
        return rows.transformed(ops, scores[:, None, :])

    def kept(self) -> Scored:
        """The same, with what its rows are made of computed and kept where that is small."""
        return self


class Labelled(Scored):
    """An embedding that knows its predictions, and labels: the last of its parts."""

    @property
    def unlabelled(self) -> Embedding:
        """The embedding without the labels."""
        kind, settings = self.settings
        embedding: Embedding = kind.from_parts(self.parts[:-1], settings)
        return embedding

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return self.unlabelled.num_rows

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return self.unlabelled.num_parameters

    @property
    def numbers_per_candidate(self) -> int:
        """Those of the embedding, and of small matrices."""
        return self.unlabelled.numbers_per_candidate + 4 * self.num_rows**2

    @property
    def numbers_read(self) -> int:
        """Those of the embedding, and a few scores."""
        return self.unlabelled.numbers_read + 4 * self.num_rows

    @property
    def numbers_for_sums(self) -> int:
        """Those of the embedding."""
        return self.unlabelled.numbers_for_sums

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of its candidates, and what their labels say."""
        return self.unlabelled.scored(ops, self.parts[-1])

    def own_gradients(self, ops: Ops) -> Rows:
        """The gradients at the labels, by residuals where these are known."""
        return self.unlabelled.gradients(ops, self.parts[-1])

    def kept(self) -> Scored:
        """Of a last layer with the factors of the curvature computed, N C R numbers."""
        if self.settings[0] is not LastLayerEmbedding:
            return self
        _, _, outputs, bias = self.settings[1]
        both = map_rows(
            partial(_factors_and_scores, self.settings),
            self.parts,
            bytes_per_row=self.numbers_per_candidate * self.ops.item_bytes(self.parts[0]),
            shape=(outputs + 1, self.num_rows),
        )
        own = self.ops
        return KeptLastLayer.from_parts((self.parts[0], own.adopt(own.fetch(both))), bias)


class KeptLastLayer(Scored):
    """A linear last layer with its factors and scores as they are, one below the other."""

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return int(self.parts[1].shape[2])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        features, both = self.parts
        return int((both.shape[1] - 1) * (features.shape[1] + bool(self.settings)))

    @property
    def numbers_per_candidate(self) -> int:
        """Features for each class, and a few matrices of gradients."""
        return 2 * self.num_parameters + 6 * int(self.parts[1].shape[1]) ** 2

    @property
    def numbers_read(self) -> int:
        """Features and a factor."""
        features, both = self.parts
        return int(features.shape[1] + 2 * both.shape[1] * both.shape[2])

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of its candidates as features and factors, and what their labels say."""
        features, both = (ops.upcast(x) for x in self.parts)
        if self.settings:
            features = ops.xp.concat([features, ops.xp.ones_like(features[:, :1])], axis=1)
        return KroneckerRows(features, both[:, :-1, :]), both[:, -1, :]


class Gradients(Scored):
    """One row each, the gradient at the label, whose score is 1: all that first order takes.

    Nothing is made of the curvature, whose factor has C R numbers a candidate.
    """

    @staticmethod
    def of_labelled(embedding: Scored) -> Gradients:
        """Those of an embedding with labels."""
        settings = type(embedding), embedding.settings
        return Gradients.from_parts(embedding.parts, settings)

    @property
    def labelled(self) -> Scored:
        """What they are the gradients of."""
        kind, settings = self.settings
        embedding: Scored = kind.from_parts(self.parts, settings)
        return embedding

    @property
    def num_rows(self) -> int:
        """One."""
        return 1

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return self.labelled.num_parameters

    @property
    def numbers_per_candidate(self) -> int:
        """Those of the embedding."""
        return self.labelled.numbers_per_candidate

    @property
    def numbers_for_sums(self) -> int:
        """Those of the embedding, for sums."""
        return self.labelled.numbers_for_sums

    @property
    def numbers_read(self) -> int:
        """A row and a score."""
        return self.numbers_for_sums

    def rows(self, ops: Ops) -> Rows:
        """The gradients."""
        return self.labelled.own_gradients(ops)

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The gradients, and ones."""
        like = ops.upcast(self.parts[0])
        return self.rows(ops), ops.constant((int(like.shape[0]), 1), 1.0, like)


class ScoredRows(Scored):
    """Rows [N, R, P] and scores [N, R] as they are."""

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return int(self.parts[0].shape[1])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.parts[0].shape[2])

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """Both as they are."""
        rows, scores = self.parts
        return DenseRows(rows), scores


def with_labels(embedding: Embedding, labels: Any, name: str, hint: str) -> Labelled:
    """An embedding and the labels of its outcomes; refused with a hint where they don't fit."""
    if labels is None:
        raise TypeError(
            f"{name}: expected the observed labels of the outcomes, one a candidate, got None; "
            f"{hint}"
        )
    like = embedding.parts[0]
    ops = ops_for(**{"candidates": like, name: labels})
    check_same_device(ops, **{"candidates": like, name: labels})
    if labels.ndim < 1 or labels.shape[0] != like.shape[0]:
        raise ValueError(
            f"{name}: expected N={like.shape[0]} labels, one a candidate, got shape "
            f"{tuple(labels.shape)}"
        )
    try:
        embedding.check_labels(labels)
    except (TypeError, ValueError) as error:
        raise type(error)(_renamed(str(error), name, hint)) from error
    settings = type(embedding), embedding.settings
    return Labelled.from_parts((*embedding.parts, labels), settings)


def _renamed(message: str, name: str, hint: str) -> str:
    """What a likelihood says of labels, about those of targets, or with what needs none."""
    if message.startswith("labels:"):
        return name + message.removeprefix("labels")
    return f"{name}: {message}; {hint}"


def members(embedding: Scored, indices: tuple[Any, ...]) -> tuple[Array, Array]:
    """The rows and scores of some candidates, one below the other: [B R, P] and [B R].

    In memory, and computed together, as those of one candidate are.
    """
    ops = embedding.ops
    picked = [[ops.fetch(ops.row(x, index)) for index in indices] for x in embedding.parts]
    local = ops_for(picked[0][0])
    parts = tuple(local.xp.stack(each) for each in picked)
    rows, scores = embedding.from_parts(parts, embedding.settings).with_scores(local)
    flat = local.xp.reshape(rows.dense(local), (-1, embedding.num_parameters))
    return flat, local.xp.reshape(scores, (-1,))


def as_one(embedding: Scored, indices: tuple[Any, ...]) -> ScoredRows:
    """Some candidates as a single one, whose outcome is all of theirs."""
    adopt = embedding.ops.adopt
    rows, scores = members(embedding, indices)
    return ScoredRows.from_parts((adopt(rows[None, ...]), adopt(scores[None, ...])), ())


def _factors_and_scores(settings: Any, ops: Ops, *parts: Array) -> Array:
    """Factors [n, C, R] of a block of a last layer's candidates, and below them scores [n, R]."""
    rows, scores = Labelled.from_parts(parts, settings).with_scores(ops)
    assert isinstance(rows, KroneckerRows)
    return ops.xp.concat([rows.factor, scores[:, None, :]], axis=1)

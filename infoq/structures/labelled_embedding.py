"""Embeddings of outcomes whose labels have been observed: rows, and what the labels say in them.

With `E_i = L_i^T J_i` and a residual `r_i = L_i u_i`, the gradient of the loss at the label is
`g_i = E_i^T u_i`: R numbers u say what a label does to the parameters, and everything stays a
matter of R x R matrices. To second order about the mean, -log p(y_i) is half the square of
`u_i + E_i (theta - mean)` and a constant: exact of a `Normal`, as if u were minus the outcome less
its prediction in units of the noise.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.fields import first_array
from infoq.backends.registry import check_same_device, ops_for
from infoq.blocks import map_rows
from infoq.structures.embedding import Embedding, picked
from infoq.structures.kronecker_rows import KroneckerRows
from infoq.structures.last_layer import LastLayerEmbedding, with_bias
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
    """An embedding that knows its predictions, and labels.

    Attributes
    ----------
    unlabelled : Embedding
        The embedding without the labels.
    labels : array [N, ...]
        One of each outcome.
    """

    _arrays = ("unlabelled", "labels")
    unlabelled: Embedding
    labels: Array

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
        return self.unlabelled.scored(ops, self.labels)

    def own_gradients(self, ops: Ops) -> Rows:
        """The gradients at the labels, by residuals where these are known."""
        return self.unlabelled.gradients(ops, self.labels)

    def kept(self) -> Scored:
        """Of a last layer with the factors of the curvature computed, N C R numbers."""
        layer, ops = self.unlabelled, self.ops
        if type(layer) is not LastLayerEmbedding:
            return self
        both = map_rows(
            _factors_and_scores,
            (self,),
            bytes_per_row=self.numbers_per_candidate * ops.item_bytes(layer.features),
            shape=(layer.num_outputs + 1, self.num_rows),
        )
        kept = ops.adopt(ops.fetch(both))
        return KeptLastLayer.of(features=layer.features, both=kept, bias=layer.bias)


class KeptLastLayer(Scored):
    """A linear last layer with its factors and scores as they are.

    Attributes
    ----------
    features : array [N, D]
        What the last layer sees.
    both : array [N, C + 1, R]
        The factors, and below each its scores.
    bias : bool
        Whether each class has a bias: a last feature that is one.
    """

    _arrays = ("features", "both")
    _static = ("bias",)
    features: Array
    both: Array
    bias: bool

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return int(self.both.shape[2])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int((self.both.shape[1] - 1) * (self.features.shape[1] + self.bias))

    @property
    def numbers_per_candidate(self) -> int:
        """Features for each class, and a few matrices of gradients."""
        return 2 * self.num_parameters + 6 * int(self.both.shape[1]) ** 2

    @property
    def numbers_read(self) -> int:
        """Features and a factor."""
        both = self.both
        return int(self.features.shape[1] + 2 * both.shape[1] * both.shape[2])

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of its candidates as features and factors, and what their labels say."""
        features = with_bias(ops, ops.upcast(self.features), self.bias)
        both = ops.upcast(self.both)
        return KroneckerRows(features, both[:, :-1, :]), both[:, -1, :]


class Gradients(Scored):
    """One row each, the gradient at the label, whose score is 1: all that first order takes.

    Nothing is made of the curvature, whose factor has C R numbers a candidate.

    Attributes
    ----------
    labelled : Scored
        What they are the gradients of.
    """

    _arrays = ("labelled",)
    labelled: Scored

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
        like = ops.upcast(first_array(self))
        return self.rows(ops), ops.constant((int(like.shape[0]), 1), 1.0, like)


class ScoredRows(Scored):
    """Rows and scores as they are.

    Attributes
    ----------
    values : array [N, R, P]
        The rows.
    scores : array [N, R]
        What the labels say in them.
    """

    _arrays = ("values", "scores")
    values: Array
    scores: Array

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return int(self.values.shape[1])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.values.shape[2])

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """Both as they are."""
        return DenseRows(self.values), self.scores


def with_labels(embedding: Embedding, labels: Any, name: str, hint: str) -> Labelled:
    """An embedding and the labels of its outcomes; refused with a hint where they don't fit."""
    if labels is None:
        raise TypeError(
            f"{name}: expected the observed labels of the outcomes, one a candidate, got None; "
            f"{hint}"
        )
    like = first_array(embedding)
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
    return Labelled.of(unlabelled=embedding, labels=labels)


def _renamed(message: str, name: str, hint: str) -> str:
    """What a likelihood says of labels, about those of targets, or with what needs none."""
    if message.startswith("labels:"):
        return name + message.removeprefix("labels")
    return f"{name}: {message}; {hint}"


def members(embedding: Scored, indices: tuple[Any, ...]) -> tuple[Array, Array]:
    """The rows and scores of some candidates, one below the other: [B R, P] and [B R].

    In memory, and computed together, as those of one candidate are.
    """
    few = picked(embedding, indices)
    local = few.ops
    rows, scores = few.with_scores(local)
    flat = local.xp.reshape(rows.dense(local), (-1, embedding.num_parameters))
    return flat, local.xp.reshape(scores, (-1,))


def as_one(embedding: Scored, indices: tuple[Any, ...]) -> ScoredRows:
    """Some candidates as a single one, whose outcome is all of theirs."""
    adopt = embedding.ops.adopt
    rows, scores = members(embedding, indices)
    return ScoredRows.of(values=adopt(rows[None, ...]), scores=adopt(scores[None, ...]))


def _factors_and_scores(ops: Ops, embedding: Labelled) -> Array:
    """Factors [n, C, R] of a block of a last layer's candidates, and below them scores [n, R]."""
    rows, scores = embedding.with_scores(ops)
    assert isinstance(rows, KroneckerRows)
    return ops.xp.concat([rows.factor, scores[:, None, :]], axis=1)

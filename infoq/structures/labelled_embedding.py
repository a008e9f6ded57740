"""Embeddings of outcomes with observed labels: rows, and the scores of the labels.

With `E_i = L_i^T J_i` and a residual `r_i = L_i u_i`, the gradient of the loss at the label is
`g_i = E_i^T u_i`. The R scores u thus represent the label, and all matrices stay R x R. To second
order about the mean, -log p(y_i) is half the squared norm of `u_i + E_i (theta - mean)` plus a
constant. For a `Normal` this is exact: u is the prediction minus the outcome, in units of the
noise.
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
    """Base class of embeddings of N candidates with known labels: rows and scores."""

    @abstractmethod
    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of the candidates, and their scores u [n, R]; called for a block."""

    def rows(self, ops: Ops) -> Rows:
        """The rows of the candidates."""
        return self.with_scores(ops)[0]

    def own_gradients(self, ops: Ops) -> Rows:
        """The gradient of the loss at the label, `E^T u`, as one row per candidate."""
        rows, scores = self.with_scores(ops)
        return rows.transformed(ops, scores[:, None, :])

    def kept(self) -> Scored:
        """The same embedding, with the factors of its rows computed and kept if they are small."""
        return self


class Labelled(Scored):
    """An embedding with predictions, together with labels.

    Attributes
    ----------
    unlabelled : Embedding
        The embedding without the labels.
    labels : array [N, ...]
        One label per candidate.
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
        """The numbers per candidate in a block: the embedding's, and small matrices."""
        return self.unlabelled.numbers_per_candidate + 4 * self.num_rows**2

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that are read: the embedding's, and a few scores."""
        return self.unlabelled.numbers_read + 4 * self.num_rows

    @property
    def numbers_for_sums(self) -> int:
        """The numbers per candidate for sums over rows: the embedding's."""
        return self.unlabelled.numbers_for_sums

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of the candidates, and the scores u [n, R] of their labels."""
        return self.unlabelled.scored(ops, self.labels)

    def own_gradients(self, ops: Ops) -> Rows:
        """The gradients at the labels, from residuals where the embedding has them."""
        return self.unlabelled.gradients(ops, self.labels)

    def kept(self) -> Scored:
        """For a last layer, a `KeptLastLayer` with N C R numbers of factors; else itself."""
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
    """A linear last layer with its factors and scores computed.

    Attributes
    ----------
    features : array [N, D]
        The inputs of the last layer.
    both : array [N, C + 1, R]
        The factors, and below each its scores.
    bias : bool
        Whether each class has a bias: a last feature that is 1.
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
        """The numbers per candidate in a block: features per class, and a few C x C matrices."""
        return 2 * self.num_parameters + 6 * int(self.both.shape[1]) ** 2

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that are read: features and a factor."""
        both = self.both
        return int(self.features.shape[1] + 2 * both.shape[1] * both.shape[2])

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The rows of the candidates as features and factors, and their scores u [n, R]."""
        features = with_bias(ops, ops.upcast(self.features), self.bias)
        both = ops.upcast(self.both)
        return KroneckerRows(features, both[:, :-1, :]), both[:, -1, :]


class Gradients(Scored):
    """One row per candidate, the gradient at its label, with score 1: enough for first order.

    The factor of the curvature, C R numbers per candidate, is not computed.

    Attributes
    ----------
    labelled : Scored
        The embedding whose gradients these are.
    """

    _arrays = ("labelled",)
    labelled: Scored

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, 1."""
        return 1

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return self.labelled.num_parameters

    @property
    def numbers_per_candidate(self) -> int:
        """The numbers per candidate in a block: the embedding's."""
        return self.labelled.numbers_per_candidate

    @property
    def numbers_for_sums(self) -> int:
        """The numbers per candidate for sums over rows: the embedding's."""
        return self.labelled.numbers_for_sums

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that are read: a row and a score."""
        return self.numbers_for_sums

    def rows(self, ops: Ops) -> Rows:
        """The gradients at the labels, one row per candidate."""
        return self.labelled.own_gradients(ops)

    def with_scores(self, ops: Ops) -> tuple[Rows, Array]:
        """The gradients at the labels, and scores [n, 1] of 1."""
        like = ops.upcast(first_array(self))
        return self.rows(ops), ops.constant((int(like.shape[0]), 1), 1.0, like)


class ScoredRows(Scored):
    """Rows and scores that are given in full.

    Attributes
    ----------
    values : array [N, R, P]
        The rows.
    scores : array [N, R]
        The scores u of the labels.
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
        """The given rows and scores."""
        return DenseRows(self.values), self.scores


def with_labels(embedding: Embedding, labels: Any, name: str, hint: str) -> Labelled:
    """The embedding with the labels of its outcomes.

    Raises
    ------
    TypeError, ValueError
        If the labels do not match the embedding; the message calls them `name` and ends in `hint`.
    """
    if labels is None:
        raise TypeError(
            f"{name}: expected the observed labels of the outcomes, one per candidate, got None; "
            f"{hint}"
        )
    like = first_array(embedding)
    ops = ops_for(**{"candidates": like, name: labels})
    check_same_device(ops, **{"candidates": like, name: labels})
    if labels.ndim < 1 or labels.shape[0] != like.shape[0]:
        raise ValueError(
            f"{name}: expected N={like.shape[0]} labels, one per candidate, got shape "
            f"{tuple(labels.shape)}"
        )
    try:
        embedding.check_labels(labels)
    except (TypeError, ValueError) as error:
        raise type(error)(_renamed(str(error), name, hint)) from error
    return Labelled.of(unlabelled=embedding, labels=labels)


def _renamed(message: str, name: str, hint: str) -> str:
    """A likelihood's message about labels, which it calls `name`; others end in `hint`."""
    if message.startswith("labels:"):
        return name + message.removeprefix("labels")
    return f"{name}: {message}; {hint}"


def members(embedding: Scored, indices: tuple[Any, ...]) -> tuple[Array, Array]:
    """The rows and scores of some candidates, stacked and in memory: [B R, P] and [B R].

    They are computed together, like those of one candidate.
    """
    few = picked(embedding, indices)
    local = few.ops
    rows, scores = few.with_scores(local)
    flat = local.xp.reshape(rows.dense(local), (-1, embedding.num_parameters))
    return flat, local.xp.reshape(scores, (-1,))


def as_one(embedding: Scored, indices: tuple[Any, ...]) -> ScoredRows:
    """Several candidates as a single one, whose outcome is the joint outcome of all."""
    adopt = embedding.ops.adopt
    rows, scores = members(embedding, indices)
    return ScoredRows.of(values=adopt(rows[None, ...]), scores=adopt(scores[None, ...]))


def _factors_and_scores(ops: Ops, embedding: Labelled) -> Array:
    """The factors of a block of a last layer, and below each its scores: [n, C + 1, R]."""
    rows, scores = embedding.with_scores(ops)
    assert isinstance(rows, KroneckerRows)
    return ops.xp.concat([rows.factor, scores[:, None, :]], axis=1)

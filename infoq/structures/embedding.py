"""What the outcomes of N candidates measure: embeddings E_i with Fisher information `E_i^T E_i`.

An embedding is arrays with one entry a candidate, cut into blocks like any others, and what says
how a block of them becomes rows; the rows of all candidates never exist at once unless given so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import arrays_of, first_array, mapped
from infoq.backends.registry import admit, check_same_device
from infoq.backends.trees import Tree
from infoq.checks.indexing import some_of
from infoq.checks.numbers import num_candidates
from infoq.checks.values import check_values
from infoq.likelihoods import Likelihood
from infoq.structures.rows import DenseRows, Rows

E = TypeVar("E", bound="Embedding")

NO_PREDICTION = (
    "does not say what was predicted, which labels are compared with; labels need a "
    "LastLayerEmbedding, fisher_embedding or JacobianEmbedding with a Softmax, Bernoulli, Poisson "
    "or Normal(variance, mean=) likelihood"
)


class Embedding(Tree, ABC):
    """N candidates by what their outcomes measure of P parameters, in units of the noise.

    Three members are required of one's own: `num_rows`, `num_parameters`, and `rows`, which makes
    the rows of a block of candidates. Its arrays have one entry a candidate, [N, ...], and the
    first of them is floating.

    Notes
    -----
    With a default: `numbers_per_candidate`, `numbers_read` and `numbers_for_sums`, by which blocks
    are as large as caches, as of rows in full; `log_noise`, that of unit noise; and `factored`,
    itself. Labels are refused unless `scored` and `check_labels` say what was predicted, and
    `Gaussian.sample` unless `logit_draws` does. `gradients` is then known by `scored`.

    What rows are of is any `infoq.predictives.Rows`: as they are, `DenseRows`, or of a structure of
    one's own.

    Examples
    --------
    A polynomial of numbers, whose rows exist for a block of candidates at a time:

    >>> import numpy as np, infoq
    >>> from infoq.predictives import DenseRows
    >>> class Quadratic(infoq.Embedding):
    ...     _arrays = ("points",)
    ...     num_rows, num_parameters = 1, 3
    ...     def __init__(self, points):
    ...         self.points = points
    ...     def rows(self, ops):
    ...         x = ops.upcast(self.points)
    ...         powers = ops.xp.stack([ops.xp.ones_like(x), x, x * x], axis=-1)
    ...         return DenseRows(powers[:, None, :])
    >>> pool = infoq.Gaussian(Quadratic(np.linspace(-1, 1, 5)), precision=1.0)
    >>> infoq.eig(pool).round(4)
    array([0.6931, 0.4192, 0.3466, 0.4192, 0.6931])
    >>> infoq.greedy(infoq.EIG(pool), 3).indices
    array([0, 4, 2])
    """

    @property
    def ops(self) -> Ops:
        """The operations of its library."""
        return ops_for(first_array(self))

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return num_candidates(first_array(self))

    @property
    @abstractmethod
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """The number of parameters, P."""

    @property
    def numbers_per_candidate(self) -> int:
        """How many numbers a candidate keeps in a block while it is computed."""
        return 3 * self.num_rows * (self.num_parameters + self.num_rows)

    @property
    def numbers_read(self) -> int:
        """How many numbers the rows of a candidate are, in their structure."""
        return 2 * self.num_rows * self.num_parameters

    @property
    def numbers_for_sums(self) -> int:
        """How many numbers a candidate keeps where only sums over its rows are wanted."""
        return self.numbers_per_candidate

    @abstractmethod
    def rows(self, ops: Ops) -> Rows:
        """The rows of its candidates, in their structure; for a block of them."""

    def log_noise(self, ops: Ops) -> Array:
        """The log-determinant of the covariance of each outcome's noise: [n], of unit noise 0.

        Raises
        ------
        TypeError
            If outcomes are not normal, as class labels are not.
        """
        like = ops.upcast(first_array(self))
        return ops.constant((like.shape[0],), 0.0, like)

    def scored(self, ops: Ops, labels: Array) -> tuple[Rows, Array]:
        """Its rows, and u [n, R] by which `E^T u` is the gradient of the loss at labels.

        For a block of its candidates, of what `check_labels` accepted.
        """
        raise TypeError(f"{type(self).__name__}: {NO_PREDICTION}")

    def gradients(self, ops: Ops, labels: Array) -> Rows:
        """One row a candidate, the gradient of the loss at its label; for a block of them."""
        rows, scores = self.scored(ops, labels)
        return rows.transformed(ops, scores[:, None, :])

    def check_labels(self, labels: Array) -> None:
        """Refuse labels that are none of its outcomes', and any where it predicts no outcomes.

        Raises
        ------
        TypeError, ValueError
            If the embedding knows no prediction, or the labels don't fit the likelihood.
        """
        raise TypeError(f"{type(self).__name__}: {NO_PREDICTION}")

    def factored(self) -> Embedding:
        """The same, with what its rows are made of computed and kept where that is small."""
        return self

    def logit_draws(self, ops: Ops, deviations: Array) -> Array:
        """Logits [N, K, C] under parameters that deviate from the mean by [K, P].

        Raises
        ------
        TypeError
            If the embedding does not know the logits.
        """
        raise TypeError(
            f"{type(self).__name__}: does not say what the outcomes are; samples need a "
            "LastLayerEmbedding, fisher_embedding or JacobianEmbedding with a Softmax or Bernoulli "
            "likelihood"
        )

    def dense(self) -> Array:
        """The rows in full: [N, R, P]."""
        return self.rows(self.ops).dense(self.ops)

    def __len__(self) -> int:
        """The number of candidates, N."""
        return self.num_candidates

    def __getitem__(self: E, candidates: Any) -> E:
        """Some of the candidates: by a slice, by integers [m], or by a boolean mask [N].

        As NumPy takes them, but that a single integer is refused: there is always an axis of
        candidates, and one alone is ``embedding[i : i + 1]``.
        """
        return some_of(self.ops, self, candidates)

    def _words(self) -> str:
        dtype = str(first_array(self).dtype).rpartition(".")[2]
        return (
            f"{type(self).__name__}(N={self.num_candidates}, R={self.num_rows}, "
            f"P={self.num_parameters}, {self.ops.name} {dtype})"
        )


@capabilities()
class DenseEmbedding(Embedding):
    """Rows as they are.

    Parameters
    ----------
    rows : array [N, R, P] or [N, P]
        What each outcome measures, in units of its noise; [N, P] is one row each.

    Raises
    ------
    TypeError, ValueError
        If the array is not floating, has another rank or an empty axis, or (where values can be
        read) is not finite or has squares that overflow; the message names the first offending
        candidate.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.DenseEmbedding(np.ones((5, 3)))
    DenseEmbedding(N=5, R=1, P=3, numpy float64)
    """

    _arrays = ("values",)
    values: Array

    def __init__(self, rows: Array) -> None:
        ops, rows = admit(False, rows=rows)
        check_values(ops, rows, "rows", {2: "[N, P]", 3: "[N, R, P]"})
        self.values = rows

    @property
    def num_rows(self) -> int:
        """The number of rows of each candidate, R."""
        return 1 if self.values.ndim == 2 else int(self.values.shape[1])

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.values.shape[-1])

    def rows(self, ops: Ops) -> DenseRows:
        """The rows of its candidates."""
        values = ops.upcast(self.values)
        return DenseRows(values[:, None, :] if values.ndim == 2 else values)


def picked(embedding: E, indices: tuple[Any, ...]) -> E:
    """Some candidates, one after the other and in memory."""
    ops = embedding.ops

    def stacked(x: Array) -> Array:
        entries = [ops.fetch(ops.row(x, index)) for index in indices]
        return ops_for(entries[0]).xp.stack(entries)

    few: E = mapped(stacked, embedding)
    return few


def check_likelihood(ops: Ops, x: Array, likelihood: Any, outputs: int | None) -> int:
    """The number of outputs C of a likelihood that fits the candidates `x` [N, ...]."""
    if not isinstance(likelihood, Likelihood):
        raise TypeError(
            f"likelihood: expected one of infoq.likelihoods, got {type(likelihood).__name__}"
        )
    for part in arrays_of(likelihood):
        ops_for(embedding=x, likelihood=part)
        if part.dtype != x.dtype:
            raise TypeError(
                f"likelihood: expected the dtype of the embedding, {x.dtype}, got {part.dtype}"
            )
        check_same_device(ops, embedding=x, likelihood=part)
    if likelihood.num_candidates not in (None, x.shape[0]):
        raise ValueError(
            f"likelihood: expected N={x.shape[0]} candidates, got {likelihood.num_candidates}"
        )
    if outputs is not None and likelihood.num_outputs not in (None, outputs):
        raise ValueError(f"likelihood: expected C={outputs} outputs, got {likelihood.num_outputs}")
    return likelihood.num_outputs or outputs or 1


def check_predicts(likelihood: Likelihood) -> None:
    """Refuse a likelihood that does not know what it predicts."""
    if not likelihood.predicts:
        raise TypeError(f"likelihood: {likelihood!r} {NO_PREDICTION}")


def drawn_logits(ops: Ops, mean: Array, moved: Array) -> Array:
    """Logits [N, K, C] of mean logits [N, C] and what K draws move the outputs by, [N, K, C']."""
    xp = ops.xp
    if moved.shape[2] == 1 and mean.shape[1] == 2:  # the first of two classes has the logit 0
        moved = xp.concat([xp.zeros_like(moved), moved], axis=2)
    return ops.upcast(mean)[:, None, :] + moved

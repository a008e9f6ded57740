"""Embeddings E_i of N candidates, whose outcomes have the Fisher information `E_i^T E_i`.

An embedding holds arrays with one entry per candidate, and a method that makes rows from a block of
them. The rows of all candidates never exist at once, unless they are given that way.
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
    "does not say what was predicted, so that labels have no residuals; labels need a "
    "LastLayerEmbedding, fisher_embedding or JacobianEmbedding with a Softmax, Bernoulli, Poisson "
    "or Normal(variance, mean=) likelihood"
)


class Embedding(Tree, ABC):
    """Base class of embeddings: N candidates, each with R rows over P parameters.

    The outcome of candidate i measures `E_i theta` with unit noise. A subclass defines three
    members: `num_rows`, `num_parameters`, and `rows`, which makes the rows of a block of
    candidates. Its arrays have one entry per candidate, [N, ...], and the first of them is
    floating.

    Notes
    -----
    All other members have a default. `numbers_per_candidate`, `numbers_read` and
    `numbers_for_sums` decide the size of blocks; by default they count rows in full. `log_noise` is
    that of unit noise, and `factored` returns the embedding itself.

    Labels are refused unless `scored` and `check_labels` are defined, and `Gaussian.sample` unless
    `logit_draws` is. The default of `gradients` uses `scored`.

    `rows` returns any `infoq.predictives.Rows`: `DenseRows`, or rows of a structure of your own.

    Examples
    --------
    A quadratic polynomial of scalar points. Its rows exist for one block of candidates at a time:

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
        """The operations of the arrays' library."""
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
        """The numbers that a block keeps per candidate while it is computed."""
        return numbers_in_full(self.num_rows, self.num_parameters)

    @property
    def numbers_read(self) -> int:
        """The numbers per candidate that its rows are made of, in their structure."""
        return 2 * self.num_rows * self.num_parameters

    @property
    def numbers_for_sums(self) -> int:
        """The numbers that a block keeps per candidate where only sums over rows are computed."""
        return self.numbers_per_candidate

    @abstractmethod
    def rows(self, ops: Ops) -> Rows:
        """The rows of the candidates, in their structure; called for a block of candidates."""

    def log_noise(self, ops: Ops) -> Array:
        """The log-determinant of the covariance of each outcome's noise: [n]; 0 for unit noise.

        Raises
        ------
        TypeError
            If the outcomes are not normal, such as class labels.
        """
        like = ops.upcast(first_array(self))
        return ops.constant((like.shape[0],), 0.0, like)

    def scored(self, ops: Ops, labels: Array) -> tuple[Rows, Array]:
        """The rows, and scores u [n, R] for which `E^T u` is the gradient of the loss at labels.

        It is called for a block of candidates, with labels that `check_labels` accepted.

        Raises
        ------
        TypeError
            If the embedding has no predictions.
        """
        raise TypeError(f"{type(self).__name__}: {NO_PREDICTION}")

    def gradients(self, ops: Ops, labels: Array) -> Rows:
        """The gradient of the loss at each label, as one row per candidate; called for a block."""
        rows, scores = self.scored(ops, labels)
        return rows.transformed(ops, scores[:, None, :])

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not possible outcomes of the candidates.

        Raises
        ------
        TypeError, ValueError
            If the embedding has no predictions, or the likelihood refuses the labels.
        """
        raise TypeError(f"{type(self).__name__}: {NO_PREDICTION}")

    def factored(self) -> Embedding:
        """The same embedding, with the factors of its rows computed and kept if they are small."""
        return self

    def logit_draws(self, ops: Ops, deviations: Array) -> Array:
        """Logits [N, K, C] under parameters that deviate from the mean by [K, P].

        Raises
        ------
        TypeError
            If the embedding has no logits.
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
        """The embedding of some candidates: a slice, integers [m], or a boolean mask [N].

        Indexing works as in NumPy, but a single integer is refused, because there is always an axis
        of candidates: candidate i alone is ``embedding[i : i + 1]``.
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
    """An embedding whose rows are given in full.

    Parameters
    ----------
    rows : array [N, R, P] or [N, P]
        The rows of each candidate, in units of the outcome's noise; [N, P] is one row each.

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
        """The rows of the candidates."""
        values = ops.upcast(self.values)
        return DenseRows(values[:, None, :] if values.ndim == 2 else values)


def numbers_in_full(rows: int, parameters: int) -> int:
    """The numbers per candidate in a block of rows in full, and their products."""
    return 3 * rows * (parameters + rows)


def picked(embedding: E, indices: tuple[Any, ...]) -> E:
    """The embedding of some candidates, in the order of `indices`, with its arrays in memory."""
    ops = embedding.ops

    def stacked(x: Array) -> Array:
        entries = [ops.fetch(ops.row(x, index)) for index in indices]
        return ops_for(entries[0]).xp.stack(entries)

    few: E = mapped(stacked, embedding)
    return few


def check_likelihood(ops: Ops, x: Array, likelihood: Any, outputs: int | None) -> int:
    """The number of outputs C of a likelihood, which is refused unless it matches `x` [N, ...]."""
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
    """Raise a TypeError for a likelihood without predictions, which labels need."""
    if not likelihood.predicts:
        raise TypeError(f"likelihood: {likelihood!r} {NO_PREDICTION}")


def drawn_logits(ops: Ops, mean: Array, moved: Array) -> Array:
    """Logits [N, K, C]: mean logits [N, C] plus the deviations [N, K, C'] of K draws."""
    xp = ops.xp
    if moved.shape[2] == 1 and mean.shape[1] == 2:  # the first of two classes has the logit 0
        moved = xp.concat([xp.zeros_like(moved), moved], axis=2)
    return ops.upcast(mean)[:, None, :] + moved

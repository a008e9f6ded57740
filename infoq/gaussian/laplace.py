"""The posterior's precision after labelled data."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from functools import partial
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.blocks import add_rows
from infoq.checks.choices import STRUCTURES, Structure, one_of
from infoq.checks.compatibility import check_alike
from infoq.settings import current_options
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.diagonal_precision import DiagonalPrecision, ScalarPrecision, as_precision
from infoq.structures.embedding import Embedding
from infoq.structures.forms import ConditionedForm
from infoq.structures.kronecker import KroneckerPrecision
from infoq.structures.kronecker_rows import KroneckerRows
from infoq.structures.low_rank import LowRankPrecision, as_matrix
from infoq.structures.precision import DensePrecision, Precision
from infoq.structures.rows import Rows


@capabilities()
def laplace(
    embedding: Embedding,
    prior_precision: Precision | float | Array,
    *,
    structure: Structure | None = None,
    temperature: float = 1.0,
) -> Precision:
    r"""Posterior precision: the prior's precision plus the data's Fisher information.

    .. math:: H''[w \mid D] = H''[w] + \tfrac1T \sum_i E_i^T E_i

    Parameters
    ----------
    embedding : Embedding
        The labelled data, at the fitted weights.
    prior_precision : Precision, float, or array [P] or [P, P]
        The precision before the data. To add more data later, pass the result.
    structure : {"dense", "low_rank", "diagonal", "kronecker"}, optional
        The structure of the sum. Default: "diagonal" for a `DiagonalEmbedding`; "low_rank" if the
        data's rows and those that the prior keeps are fewer than the parameters, or the prior is a
        `CovariancePrecision`; else "dense".
    temperature : float
        The divisor of the data's information, T > 0; below 1 the posterior is colder.

    Returns
    -------
    Precision
        Exact as "dense" (P x P) and "low_rank" (N R x P). "diagonal" drops correlations;
        "kronecker" (for a last layer, C x C and D x D) replaces the mean of the products by the
        product of the means, :math:`N\, E[\Lambda] \otimes E[\phi \phi^T]`. If the prior is such a
        posterior itself, the factors become those of all outcomes of both data sets; without
        ``structure=``, the new outcomes are added to it exactly, as rows.

    Raises
    ------
    TypeError, ValueError
        If the structure is unknown or not compatible with the embedding or the prior, sizes do not
        agree, the temperature is not positive and finite, or the matrices of the result are larger
        than ``options(memory=)`` allows.

    Notes
    -----
    Computed in blocks of candidates. For a generalised linear model the observed information is the
    same; for other models this is the generalised Gauss-Newton matrix. The Fisher information of
    the data alone may be singular: only its sum with the prior is inverted. Costs N R P^2
    multiply-adds. For a last layer: N C^2 D^2 / 2 ("dense"), N C D ("diagonal"), or N (C^2 + D^2)
    ("kronecker") and C^3 + D^3 for the eigenvectors. The diagonal of 32,000 classes takes no more
    memory than a few numbers for each class and feature.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 3. Ritter, H., Botev, A. and Barber,
    D. (2018). A scalable Laplace approximation for neural networks, ICLR. Daxberger, E. et al.
    (2021). Laplace redux, arXiv:2106.14806.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> labelled = infoq.DenseEmbedding(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]]))
    >>> infoq.laplace(labelled, 1.0).matrix(2, np.zeros(2))
    array([[3., 1.],
           [1., 6.]])
    """
    if not isinstance(embedding, Embedding):
        raise TypeError(f"embedding: expected an Embedding, got {type(embedding).__name__}")
    prior = as_precision(prior_precision, "prior_precision")
    if (array := first_array(prior)) is not None:
        check_alike(embedding.ops, "prior_precision", array, first_array(embedding))
    if prior.num_parameters not in (None, embedding.num_parameters):
        raise ValueError(
            f"prior_precision: expected P={embedding.num_parameters} parameters, got "
            f"{prior.num_parameters}"
        )
    natural = structure is None
    structure = settled_structure(embedding, structure, prior)
    each = 1 / _positive(temperature)
    if structure == "diagonal":
        return prior + DiagonalPrecision.of(values=each * fisher_diagonal(embedding))
    if structure == "low_rank":
        return LowRankPrecision(prior, _all_rows(embedding, each))
    if structure == "kronecker":
        return _kronecker(embedding, prior, each)
    total = fisher(embedding)
    total = total if each == 1 else each * total
    total = total + prior.matrix(embedding.num_parameters, total)
    if not natural:
        return DensePrecision.symmetric(total)
    return as_matrix(prior, total, lambda: _all_rows(embedding, each))


def _all_rows(embedding: Embedding, each: float) -> Array:
    """The rows of all candidates, stacked: [N R, P]."""
    rows = embedding.ops.xp.reshape(embedding.dense(), (-1, embedding.num_parameters))
    return rows if each == 1 else each**0.5 * rows


def fisher(embedding: Embedding, weights: Array | None = None) -> Array:
    """The sum of the candidates' Fisher information, with weights [N] if given: [P, P]."""
    size = embedding.num_parameters
    numbers = max(1, 3 * embedding.num_rows * size // 16)
    return _total(_sum_fisher, embedding, weights, (size, size), numbers)


def unfolded_fisher(embedding: Embedding, weights: Array, covariance: ConditionedForm) -> Array:
    """The same sum in the coordinates of rows that a covariance unfolds: [P + Q, P + Q]."""
    size = embedding.num_parameters + covariance.rows.shape[0]
    numbers = max(1, 4 * embedding.num_rows * size)
    return _total(_sum_unfolded, embedding, weights, (size, size), numbers, (covariance,))


def fisher_diagonal(embedding: Embedding, weights: Array | None = None) -> Array:
    """The diagonal of the same sum: [P]."""
    numbers = embedding.numbers_for_sums
    return _total(_sum_diagonal, embedding, weights, (embedding.num_parameters,), numbers)


def kronecker_factors(embedding: Embedding, weights: Array | None = None) -> tuple[Array, Array]:
    """The weighted sums of curvatures [C, C] and of products of features [D, D]."""
    block = embedding[:1].rows(embedding.ops)
    if not isinstance(block, KroneckerRows):
        raise TypeError(
            f"structure: 'kronecker' needs a LastLayerEmbedding, got {type(embedding).__name__}"
        )
    features = int(block.features.shape[1])
    classes = embedding.num_parameters // features
    check_budget(classes**2, first_array(embedding), f"structure: 'kronecker' of C={classes}")
    numbers = embedding.numbers_for_sums
    return (
        _total(_sum_curvature, embedding, weights, (classes, classes), numbers),
        _total(_sum_features, embedding, weights, (features, features), numbers),
    )


def settled_structure(
    embedding: Embedding, structure: Structure | None, prior: Precision | None = None
) -> Structure:
    """The given structure, or else the natural one; raises if it is not possible."""
    wanted = _natural(embedding, prior) if structure is None else structure
    settled: Structure = one_of(STRUCTURES, wanted, "structure")
    _check_memory(embedding, settled)
    return settled


def _positive(temperature: Any) -> float:
    if isinstance(temperature, bool) or not isinstance(temperature, numbers.Real):
        raise TypeError(f"temperature: expected a real number, got {temperature!r}")
    if not 0 < float(temperature) < math.inf:
        raise ValueError(f"temperature: expected a positive number, got {temperature!r}")
    return float(temperature)


def _natural(embedding: Embedding, prior: Precision | None) -> str:
    if isinstance(embedding, DiagonalEmbedding):
        return "diagonal"
    count = embedding.num_candidates * embedding.num_rows
    if prior is not None:
        count += prior.kept_rows
        if prior.known_by_covariance:
            return "low_rank"
    return "low_rank" if count < embedding.num_parameters else "dense"


def _check_memory(embedding: Embedding, structure: str) -> None:
    size, count = embedding.num_parameters, embedding.num_candidates * embedding.num_rows
    numbers = {"dense": 3 * size**2, "low_rank": 2 * count * size + count**2}.get(structure, 0)
    check_budget(
        numbers, first_array(embedding), f"structure: {structure!r} of P={size} parameters"
    )


def check_budget(numbers: int, like: Array, what: str) -> None:
    """Raise if matrices are larger than the memory budget; never use another structure silently."""
    need = numbers * ops_for(like).item_bytes(like)
    allowed = current_options().memory
    if need > max(allowed, 64 * 10**6):
        raise ValueError(
            f"{what} takes {need / 1e9:.3g} GB, and options(memory=) allows {allowed / 1e9:.3g}; "
            "allow more, or choose a structure: structure='kronecker' or 'diagonal', fewer targets "
            "or one gradient each (gradient_embedding)"
        )


def _kronecker(embedding: Embedding, prior: Precision, each: float) -> Precision:
    count: int = embedding.num_candidates
    known, before = None, 0
    if isinstance(prior, KroneckerPrecision):
        known, before = prior.sums(), prior.count or 0
    if known is None and not isinstance(prior, ScalarPrecision):
        raise TypeError(
            f"structure: 'kronecker' needs a scalar prior precision, got {type(prior).__name__}; "
            "what laplace(..., structure='kronecker') gives can be gone on with, too"
        )
    left, right = kronecker_factors(embedding)
    left = left * each
    if known is None:
        shift = embedding.ops.xp.reshape(prior.diagonal(left), ())
    else:
        if known[0].shape != left.shape or known[1].shape != right.shape:
            raise ValueError(
                f"prior_precision: expected factors of C={left.shape[0]} classes and "
                f"D={right.shape[0]} features, got {prior!r}"
            )
        left, right, shift = left + known[0], right + known[1], known[2]
        count += before
    return KroneckerPrecision.of_outcomes(left / count, right, shift, count)


def _total(
    kernel: Callable[..., Array],
    embedding: Embedding,
    weights: Array | None,
    shape: tuple[int, ...],
    numbers: int,
    shared: tuple[Any, ...] = (),
) -> Array:
    like = first_array(embedding)
    if weights is None:
        weights = embedding.ops.constant((embedding.num_candidates,), 1.0, like)
    item = embedding.ops.item_bytes(like)
    run = partial(_weighed, kernel)
    return add_rows(run, (embedding, weights), shared, shape=shape, bytes_per_row=numbers * item)


def _weighed(
    kernel: Callable[..., Array], ops: Ops, embedding: Embedding, weights: Array, *shared: Any
) -> Array:
    return kernel(ops, embedding.rows(ops), weights, *shared)


def _scaled(ops: Ops, rows: Rows, weights: Array) -> Rows:
    return rows.scaled(ops, ops.xp.sqrt(weights))


def _sum_fisher(ops: Ops, rows: Rows, weights: Array) -> Array:
    return _scaled(ops, rows, weights).fisher(ops)


def _sum_unfolded(ops: Ops, rows: Rows, weights: Array, covariance: ConditionedForm) -> Array:
    return _scaled(ops, covariance.unfold(ops, rows), weights).fisher(ops)


def _sum_diagonal(ops: Ops, rows: Rows, weights: Array) -> Array:
    return _scaled(ops, rows, weights).fisher_diagonal(ops)


def _sum_curvature(ops: Ops, rows: Any, weights: Array) -> Array:
    total: Array = rows.curvature_sum(ops, weights)
    return total


def _sum_features(ops: Ops, rows: Any, weights: Array) -> Array:
    return ops.xp.matmul((rows.features * weights[:, None]).T, rows.features)

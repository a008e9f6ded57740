"""The evidence of labelled data, and the prior precision that maximises it."""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_number
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import arrays_of
from infoq.backends.registry import admit, admit_all
from infoq.checks.choices import Structure
from infoq.checks.dtypes import check_floating
from infoq.checks.numbers import number
from infoq.checks.values import check_values, overflow
from infoq.gaussian.laplace import fisher, fisher_diagonal, kronecker_factors, settled_structure
from infoq.structures.diagonal_precision import ScalarPrecision, as_precision
from infoq.structures.embedding import Embedding
from infoq.structures.precision import Precision


@capabilities()
def marginal_likelihood(
    log_likelihood: Array | float,
    mean: Array,
    prior_precision: Precision | float | Array,
    posterior_precision: Precision,
) -> Array:
    r"""Laplace's log marginal likelihood (evidence) of the data, :math:`\log p(D)`.

    .. math:: \log p(D) \approx \log p(D \mid w^*) - \tfrac12 w^{*T} P_0 w^*
              + \tfrac12 \log\det P_0 - \tfrac12 \log\det P

    Parameters
    ----------
    log_likelihood : float or array []
        :math:`\log p(D \mid w^*)`, summed over the data.
    mean : array [P]
        The fitted weights :math:`w^*`, less the mean of the prior.
    prior_precision : Precision, float, or array [P] or [P, P]
        :math:`P_0`.
    posterior_precision : Precision
        :math:`P`, from `laplace` with this prior.

    Returns
    -------
    array []
        Nats. Exact for a linear model with normal noise, else Laplace's approximation.

    Raises
    ------
    TypeError, ValueError
        If the mean is no vector [P], or the precisions have another number of parameters.

    References
    ----------
    MacKay, D. J. C. (1992). A practical Bayesian framework for backpropagation networks, Neural
    Computation 4, 448-472.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> prior = infoq.ScalarPrecision(1.0)
    >>> posterior = infoq.laplace(infoq.DenseEmbedding(np.array([[1.0, 0.0]])), prior)
    >>> infoq.marginal_likelihood(-1.0, np.array([0.5, 0.0]), prior, posterior).round(4)
    np.float64(-1.4716)
    """
    ops, mean = admit(mean=mean)
    log_likelihood = _read_log_likelihood(log_likelihood, mean)
    prior = as_precision(prior_precision, "prior_precision")
    posterior_precision = as_precision(posterior_precision, "posterior_precision")
    size = _check_mean(mean, posterior_precision.num_parameters)
    if prior.num_parameters not in (None, size):
        raise ValueError(f"prior_precision: expected P={size}, got {prior.num_parameters}")
    matrix_free = _energy(ops, prior, ops.upcast(mean))
    occam = prior.logdet(size) - posterior_precision.logdet(size)
    return ops.xp.astype(log_likelihood + (occam - matrix_free) / 2, mean.dtype)


@capabilities(
    reads_values="the search for the root reads the eigenvalues",
    autograd="the root is a number without a gradient",
)
def optimise_prior_precision(
    embedding: Embedding, mean: Array, *, structure: Structure | None = None
) -> ScalarPrecision:
    r"""The scalar prior precision with the largest evidence, for fixed weights.

    .. math:: \sum_j \frac{\mu_j}{\lambda (\lambda + \mu_j)} = \|w^*\|^2

    Parameters
    ----------
    embedding : Embedding
        The labelled data, at the fitted weights.
    mean : array [P]
        The fitted weights :math:`w^*`.
    structure : {"dense", "low_rank", "diagonal", "kronecker"}, optional
        See `laplace`.

    Returns
    -------
    ScalarPrecision
        The only maximum of `marginal_likelihood` in :math:`\lambda`, to twelve digits. The weights
        themselves depend on it: fit and optimise in turn until neither moves.

    Raises
    ------
    TypeError, ValueError
        If the mean does not fit, or the evidence has no maximum: weights of zero ask for an
        infinite precision, data that measure nothing for none at all.

    Notes
    -----
    Eigenvalues :math:`\mu` of the data's Fisher information once, then bisection: every quantity in
    weight space hangs on this number (Kirsch and Gal 2022, appendix). Values are read, so traced
    and lazy arrays are computed or refused. min(P, N R)^3 multiply-adds.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> labelled = infoq.DenseEmbedding(2.0 * np.eye(2))
    >>> infoq.optimise_prior_precision(labelled, np.array([1.0, 1.0]))
    ScalarPrecision(0.8284...)
    """
    if not isinstance(embedding, Embedding):
        raise TypeError(f"embedding: expected an Embedding, got {type(embedding).__name__}")
    ops, mean = admit(mean=mean)
    _check_mean(mean, embedding.num_parameters)
    local = ops.fetch(mean)
    if not ops_for(local).concrete(local, *map(embedding.ops.fetch, arrays_of(embedding))):
        raise TypeError("mean: needs values that can be read; not inside jax.jit")
    norm = number(ops_for(local).xp.sum(ops_for(local).upcast(local) ** 2))
    values = _spectrum(embedding, structure)
    spectrum = [float(x) for x in embedding.ops.to_host(values).tolist()]
    if not math.isfinite(math.fsum(spectrum)):
        raise ValueError(f"embedding: in sum over the data, {overflow(ops, mean, 'it')}")
    # What rounding leaves of eigenvalues that are zero would pass for directions of the data.
    noise = len(spectrum) * float(embedding.ops.xp.finfo(values.dtype).eps) * max(spectrum)
    exact = settled_structure(embedding, structure) == "diagonal"
    spectrum = [x for x in spectrum if x > (0.0 if exact else noise)]
    if not 0 < norm < math.inf or not spectrum:
        raise ValueError(
            f"mean has the squared norm {norm:.3g} and the data {len(spectrum)} directions: the "
            "evidence has no maximum; choose a prior precision yourself"
        )

    def slope(log_value: float) -> float:
        value = math.exp(log_value)
        return math.fsum(mu / (value * (value + mu)) for mu in spectrum) - norm

    low, high = -1.0, 1.0
    while slope(low) < 0:
        low *= 2
    while slope(high) > 0:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return ScalarPrecision(math.exp((low + high) / 2))


def _read_log_likelihood(x: Any, mean: Array) -> Array | float:
    """A number as it is, or a 0-d array in the precision that it is computed in."""
    if not isinstance(x, bool) and is_number(x):
        return float(x)
    if isinstance(x, bool) or not hasattr(x, "shape"):
        raise TypeError(
            "log_likelihood: expected a real number or a 0-d array, the sum over the data, got "
            f"{type(x).__name__}"
        )
    given: Array = x
    ops, (value, _) = admit_all(log_likelihood=given, mean=mean)
    if value.ndim != 0:
        shape = tuple(value.shape)
        raise ValueError(f"log_likelihood: expected its sum over the data, got shape {shape}")
    check_floating(ops, value, "log_likelihood")
    return ops.upcast(value)


def _spectrum(embedding: Embedding, structure: Structure | None) -> Array:
    """Eigenvalues of the sum of the Fisher information, those that are zero left out or not."""
    structure = settled_structure(embedding, structure)
    ops = embedding.ops
    if structure == "diagonal":
        return fisher_diagonal(embedding)
    if structure == "kronecker":
        left, right = kronecker_factors(embedding)
        a, b = (ops.symmetric_eigen(x)[0] for x in (left / embedding.num_candidates, right))
        return ops.xp.reshape(a[:, None] * b[None, :], (-1,))
    if structure == "low_rank":
        rows = ops.xp.reshape(embedding.dense(), (-1, embedding.num_parameters))
        return ops.symmetric_eigen(rows @ rows.T)[0]
    return ops.symmetric_eigen(fisher(embedding))[0]


def _energy(ops: Ops, prior: Precision, mean: Array) -> Array:
    """`w^T P_0 w`."""
    if prior.num_parameters is None:
        return ops.xp.sum(mean**2 * prior.diagonal(mean))
    return ops.xp.sum(mean * (prior.matrix(int(mean.shape[0]), mean) @ mean))


def _check_mean(mean: Array, size: int | None) -> int:
    if mean.ndim != 1 or size not in (None, mean.shape[0]):
        raise ValueError(f"mean: expected shape ({size or 'P'},), got {tuple(mean.shape)}")
    try:
        check_values(ops_for(mean), mean[None, :], "mean", {2: "[P]"})
    except ValueError as error:  # a vector of weights has no candidates
        raise ValueError(str(error).replace("candidate 0 has", "has")) from None
    return int(mean.shape[0])

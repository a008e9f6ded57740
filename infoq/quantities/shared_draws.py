"""Test of whether draw k is the same model for the candidates and for the targets."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities, meaningless
from infoq.draws.categorical import Categorical, as_categorical
from infoq.unknowns import EachTarget

# A difference of fewer nats is rounding error, in float32 too.
_ROUNDING = 1e-12


class SharedDraws(NamedTuple):
    """Result of `shared_draws`.

    Attributes
    ----------
    shared : True or None
        True if the EPIG is above its null by more than two errors, and above that of every
        permutation; None if it is not known.
    epig : float
        The mean EPIG of the candidates about the targets, in nats.
    null : float
        The mean EPIG under permuted draws of the targets, in nats. It is what remains if no draw is
        the same model, because the number of draws is finite.
    error : float
        The standard error of the difference, in nats: the standard deviation of the EPIG over
        permutations, times the square root of 1 + 1 / permutations.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> certain = np.tile(np.eye(2), (3, 1, 1))
    >>> round(infoq.shared_draws(certain, certain).epig, 4)
    0.6931
    """

    shared: Literal[True] | None
    epig: float
    null: float
    error: float


@capabilities(
    reads_values="whether draws are shared depends on values",
    autograd=meaningless("the results are numbers of Python"),
)
def shared_draws(
    pool: Categorical | Array,
    targets: Categorical | Array,
    permutations: int = 20,
    seed: Any = 0,
) -> SharedDraws:
    r"""Permutation test of whether draw k is the same model for pool and targets.

    EPIG, JEPIG and every batch rely on it: :math:`p(y_i, y_e) = \sum_k w_k p_k(y_i) p_k(y_e)`. A
    dropout layer draws new masks for each row and call, and so does Gaussian noise. Outcomes then
    look independent, EPIG is far too small, and batches look free of redundancy. No single
    prediction shows the error.

    Parameters
    ----------
    pool : Categorical or array [N, K, C]
        The candidates; a bare array holds class probabilities.
    targets : Categorical or array [M, K, C']
        The targets, as in `epig`. With only a pool, split it into two halves.
    permutations : int
        The number of permutations of the targets' draws for the null, at least 2.
    seed : int or the library's random generator
        Source of the random permutations.

    Returns
    -------
    SharedDraws
        `shared`, and `epig`, `null` and `error` in nats, as Python numbers.

    Raises
    ------
    TypeError
        If either is not a `Categorical` or array, `permutations` is not an integer, or values
        cannot be read (inside `jax.jit`).
    ValueError
        If there are fewer than 2 permutations, or the targets are not compatible with the
        candidates, as in `epig`.

    Notes
    -----
    If draws are not shared, the EPIG has the law of those under permuted draws, and exceeds all of
    them in 1 of ``permutations + 1`` cases. `shared` is never False: draws that are not shared look
    like irrelevant targets, and like a model without uncertainty. For a decision, use targets that
    are certainly relevant: predict the same inputs twice, and pass the second predictions as
    targets. If `shared` is then None, draws are not shared.

    Weights stay with the candidates' draws, and a permutation moves the draws of all targets
    alike. Costs ``permutations + 1`` calls of `epig`: some hundred candidates and some tens of
    targets are enough.

    References
    ----------
    Gal, Y. and Ghahramani, Z. (2016). Dropout as a Bayesian approximation, arXiv:1506.02142 (draws
    by dropout). Kirsch, A. et al. (2019), arXiv:1906.08158, section 4 (masks that are the same for
    all candidates).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> rng = np.random.default_rng(0)
    >>> models = rng.standard_normal((20, 4, 3))
    >>> logits = np.einsum("nd,kdc->nkc", rng.standard_normal((60, 4)), models)
    >>> x = infoq.Categorical(logits=logits)
    >>> infoq.shared_draws(x[:40], x[40:]).shared
    True
    >>> other = infoq.Categorical(logits=rng.permuted(logits[40:], axis=1))  # each on its own
    >>> print(infoq.shared_draws(x[:40], other).shared)
    None
    """
    if isinstance(permutations, bool) or not hasattr(permutations, "__index__"):
        raise TypeError(f"permutations: expected an integer, got {type(permutations).__name__}")
    if permutations < 2:
        raise ValueError(f"permutations: expected at least 2, got {permutations}")
    candidates = as_draws(pool, "pool")
    others = as_draws(targets, "targets")
    ops = candidates.ops
    if len(candidates) == 0:
        raise ValueError("pool: expected at least one candidate, got none")
    candidates.check_same_draws(others)
    memory = ops.fetch(candidates.like[0, :, 0])
    local = ops_for(memory)
    if not local.concrete(memory):
        raise TypeError("shared_draws: needs values that can be read; not inside jax.jit")
    source, found = ops.seed(seed), [_mean(candidates, others)]
    for turn in range(int(permutations)):
        order = local.xp.argsort(local.uniform((candidates.num_draws,), (source, turn), memory))
        found.append(_mean(candidates, others.permuted(order)))
    epig, *under = [float(x) for x in local.to_host(ops.fetch(ops.xp.stack(found)))]
    null = math.fsum(under) / len(under)
    variance = math.fsum((x - null) ** 2 for x in under) / (len(under) - 1)
    error = math.sqrt(variance * (1 + 1 / len(under)))
    above = epig - null > max(2 * error, _ROUNDING) and epig > max(under)
    return SharedDraws(True if above else None, epig, null, error)


def as_draws(x: Any, name: str) -> Categorical:
    """`x` as a `Categorical`; raises if it does not hold draws of class probabilities."""
    if isinstance(x, Categorical) or hasattr(x, "shape"):
        return as_categorical(x, name)
    raise TypeError(
        f"{name}: expected a Categorical or probabilities [N, K, C], got {type(x).__name__}; "
        "a Gaussian has no draws"
    )


def _mean(pool: Categorical, targets: Categorical) -> Array:
    """The mean EPIG of the candidates, in nats: a 0-d array."""
    scores = pool.information(EachTarget(targets))
    return pool.ops.xp.mean(pool.ops.upcast(scores))

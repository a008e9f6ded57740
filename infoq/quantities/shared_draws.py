"""Whether draw k is the same model for the candidates and for the targets."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities, meaningless
from infoq.draws.categorical import Categorical, as_categorical
from infoq.unknowns import EachTarget

# A difference of fewer nats is rounding, in float32 too.
_ROUNDING = 1e-12


class SharedDraws(NamedTuple):
    """What `shared_draws` has found.

    Attributes
    ----------
    shared : True or None
        True where the EPIG is above its null by more than two errors, and above that of every
        permutation; None where it is not known.
    epig : float
        The mean EPIG of the candidates about the targets, nats.
    null : float
        The mean of the same under permuted draws of the targets: what is left of it where no draw
        is the same model, by the number of draws alone.
    error : float
        The standard error of the difference: the standard deviation of the EPIG over permutations,
        times the square root of 1 + 1 / permutations.

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
    r"""Whether draw k is the same model for pool and targets, by what permuted draws give.

    EPIG, JEPIG and every batch need that it is: :math:`p(y_i, y_e) = \sum_k w_k p_k(y_i) p_k(y_e)`.
    A dropout layer draws new masks for each row and call, and so does Gaussian noise; then outcomes
    look independent, EPIG is a small part of what it is, and batches look as if nothing were said
    twice. No error can be seen in any one prediction.

    Parameters
    ----------
    pool : Categorical or array [N, K, C]
        The candidates; a bare array is probabilities.
    targets : Categorical or array [M, K, C']
        The targets, as of `epig`. Of a pool alone, ask for one half of it about the other.
    permutations : int
        How many permutations of the targets' draws the null is of, at least 2.
    seed : int or the library's random generator
        What they are drawn from.

    Returns
    -------
    SharedDraws
        `shared`, `epig`, `null` and `error`, as numbers of Python.

    Raises
    ------
    TypeError
        If either is no `Categorical` or array, `permutations` is no integer, or values cannot be
        read (inside `jax.jit`).
    ValueError
        If there are fewer than 2 permutations, or the targets do not fit the candidates, as of
        `epig`.

    Notes
    -----
    A permutation test: where draws are not shared, the EPIG is one more of those under permuted
    draws, and above all of them in 1 of ``permutations + 1`` cases. `shared` is never False. Draws
    that are not shared and targets that are irrelevant look alike, as does a model that is certain
    of itself. What decides it is targets that are relevant for sure: predict the same inputs twice,
    and take the second predictions as targets. If None is what that gives, draws are not shared.

    Weights stay with the candidates' draws, and every permutation moves all targets' draws alike.
    Costs as much as ``permutations + 1`` calls of `epig`: some hundred candidates and some tens of
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
    >>> other = infoq.Categorical(logits=rng.permuted(logits[40:], axis=1))  # each by itself
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
    """Draws of class probabilities, refused where it is something else."""
    if isinstance(x, Categorical) or hasattr(x, "shape"):
        return as_categorical(x, name)
    raise TypeError(
        f"{name}: expected a Categorical or probabilities [N, K, C], got {type(x).__name__}; "
        "a Gaussian has no draws"
    )


def _mean(pool: Categorical, targets: Categorical) -> Array:
    """The mean EPIG: a 0-d array."""
    scores = pool.information(EachTarget(targets))
    return pool.ops.xp.mean(pool.ops.upcast(scores))

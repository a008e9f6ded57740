"""Stochastic greedy selection: repeatedly add the best of a random part of the pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.dtypes import is_real_number
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection, check_batch_size
from infoq.set_function import SetFunctionLike


@capabilities(reads_values="which gains are evaluated depends on the candidates left")
def stochastic_greedy(
    f: SetFunctionLike,
    k: int,
    *,
    epsilon: float = 0.1,
    seed: Any = 0,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """Batch grown greedily: each step adds the best of (N / k) log(1 / epsilon) random candidates.

    Parameters
    ----------
    f : set function
        If it has a method ``gains_of(state, indices)``, which returns the gains [m] of the
        candidates `indices` [m], that is used.
    k : int
        How many to pick; more than there are picks all.
    epsilon : float
        Between 0 and 1. The larger it is, the fewer candidates are evaluated.
    seed : int or the library's random generator
        Source of the random draws.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that are already in the batch, picked or pending.
    costs : array [N], optional
        The cost of each candidate, more than 0. The largest gain per cost is picked.
    budget : float, optional
        The most that the picks may cost together.

    Returns
    -------
    Selection
        Indices, gains and their sum, as from `greedy`. Equal seeds give equal batches.

    Raises
    ------
    TypeError
        If f is not a set function, k is not an integer, or values cannot be read (inside
        `jax.jit`).
    ValueError
        If k is negative, epsilon is not between 0 and 1, or `candidates`, the costs or an index
        does not fit the pool.

    Notes
    -----
    For a monotone submodular f the expected value is at least (1 - 1/e - epsilon) times that of the
    best batch. If f has `gains_of`, N log(1 / epsilon) gains are evaluated in total, whatever k is;
    otherwise all gains in every step. If none of the drawn candidates can be added, all are
    evaluated.

    References
    ----------
    Mirzasoleiman, B. et al. (2015). Lazier than lazy greedy. AAAI, arXiv:1409.7938.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.random.default_rng(0).dirichlet(np.ones(3), size=(50, 10))
    >>> len(set(infoq.stochastic_greedy(infoq.EIG(probs), 4, seed=1).indices.tolist()))
    4
    """
    size = check_batch_size(k)
    if not is_real_number(epsilon):
        raise TypeError(f"epsilon: expected a number between 0 and 1, got {epsilon!r}")
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon: expected a number between 0 and 1, got {epsilon}")
    growth = Growth(f, size, candidates, given, costs, budget)
    if not growth.readable:
        raise TypeError("stochastic_greedy: needs values that can be read; not inside jax.jit")
    ops, xp = growth.ops, growth.ops.xp
    source = growth.outer.seed(seed)
    sample = max(1, math.ceil(growth.count / max(1, size) * math.log(1 / epsilon)))
    while growth.open():
        may = growth.eligible()
        numbers = ops.uniform(tuple(may.shape), (source, len(growth.indices)), growth.none)
        key = xp.where(may, numbers, ops.scalar(-1.0, numbers))
        number = min(sample, int(xp.sum(xp.astype(may, xp.int32))))
        places = xp.sort(xp.astype(ops.top_k(key, number)[1], growth.places.dtype))
        gains = growth.gains_of(places)
        if not bool(xp.any(growth.worth(gains, places) > growth.lowest)):
            places, gains = growth.among, growth.gains()
        if not growth.pick(gains, places):
            break
    return growth.selection()

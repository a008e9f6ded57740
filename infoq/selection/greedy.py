"""Greedy selection: repeatedly add the candidate with the largest gain."""

from __future__ import annotations

from collections.abc import Sequence

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection
from infoq.set_function import SetFunctionLike


@capabilities(lazy="the picks are computed eagerly")
@capabilities(
    "budget", reads_values="which candidates fit the rest of the budget depends on values"
)
def greedy(
    f: SetFunctionLike,
    k: int | None = None,
    *,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
) -> Selection:
    """Batch grown greedily: each step adds the candidate with the largest gain.

    Parameters
    ----------
    f : set function
        For example `infoq.EIG(pool)`, or one's own `SetFunction`.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that are already in the batch, picked or pending. Gains are conditional on them,
        and none of them is picked again.
    costs : array [N], optional
        The cost of each candidate, more than 0. The largest gain per cost is picked.
    budget : float, optional
        The most that the picks may cost together. A candidate that costs more than what is left is
        skipped.

    Returns
    -------
    Selection
        Indices in the order of picking, their gains, and the sum of the gains. Gains have the units
        of f: nats for information. Ties go to the lowest index; no candidate is picked twice; a
        candidate with a NaN gain is picked last.

    Raises
    ------
    TypeError
        If f is not a set function, or k is not an integer and there is no budget.
    ValueError
        If k is negative, or `candidates`, the costs or an index does not fit the pool.

    Notes
    -----
    For a monotone submodular f the value is at least (1 - 1/e) times that of the best batch of k.
    Picking by gain per cost has no such guarantee by itself. The better of that batch and of the
    best single candidate that fits the budget is within (1 - 1/e) / 2 of the best.

    Costs k evaluations of all N gains. If f has a method ``gains_of(state, indices)``, which
    returns the gains [m] of the candidates `indices` [m], only the gains of `candidates` are
    evaluated.

    A gain of -inf marks a candidate that cannot be added, as in a log-determinant of exhausted
    rank. If only such candidates are left, picking stops and `reason` is ``"rank"``. If some gains
    are NaN, picking continues, in the order of indices. Inside `jax.jit`, where shapes cannot
    depend on values, there are always k picks: those beyond the candidates of a mask have gains of
    -inf.

    References
    ----------
    Nemhauser, G. L., Wolsey, L. A. and Fisher, M. L. (1978). An analysis of approximations for
    maximizing submodular set functions I. Mathematical Programming 14, 265-294. Leskovec, J. et
    al. (2007). Cost-effective outbreak detection in networks. KDD, 420-429 (costs).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> probs = np.array([[[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> infoq.greedy(infoq.EIG(probs), 1).indices
    array([1])
    >>> batch = infoq.greedy(infoq.EIG(probs), costs=np.array([1.0, 3.0]), budget=2.0)
    >>> batch.indices, batch.reason
    (array([0]), 'budget')
    """
    growth = Growth(f, k, candidates, given, costs, budget)
    while growth.open() and growth.pick(growth.gains(), growth.among):
        pass
    return growth.selection()

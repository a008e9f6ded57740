"""Greedy batches: the candidate with the largest gain, again and again."""

from __future__ import annotations

from collections.abc import Sequence

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.quantities.set_function import SetFunctionLike
from infoq.selection.growth import Growth
from infoq.selection.selected import Selection


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
    """Grow a batch by the candidate with the largest gain, k times.

    Parameters
    ----------
    f : set function
        For example `infoq.EIG(pool)`, or one's own `SetFunction`.
    k : int, optional
        How many to pick; more than there are picks all. With a budget it may be left out.
    candidates : boolean array [N] or integers, optional
        Who may be picked, by a mask or by indices.
    given : integers
        Who is already in the batch, picked or pending: gains are beyond what they tell, and none
        of them is picked.
    costs : array [N], optional
        What each candidate costs, more than 0. The largest gain per cost is picked.
    budget : float, optional
        What the picks may cost together. Who does not fit what is left of it is passed over.

    Returns
    -------
    Selection
        Indices in the order of picking, their gains, and the sum of the gains. Ties go to the
        lowest index; a candidate is never picked twice; a NaN gain is picked last.

    Raises
    ------
    TypeError
        If f is no set function, or k is no integer and there is no budget.
    ValueError
        If k is negative, or `candidates`, the costs or an index does not fit the pool.

    Notes
    -----
    For a monotone submodular f the value is at least (1 - 1/e) of the best batch's of k. k
    evaluations of all N gains; where f has a method ``gains_of(state, indices)``, gains [m] of the
    candidates `indices` [m], of the gains of `candidates` alone. Gain per cost has no such
    guarantee by itself: the better of this batch and of the best single candidate that fits has
    (1 - 1/e) / 2.

    A gain of -inf is that of a candidate which cannot be added (a log-determinant of exhausted
    rank): where only those are left, picking stops and `reason` is ``"rank"``. Only where there
    are NaN among them it goes on, by index. Inside `jax.jit`, where shapes cannot depend on
    values, picks go on to k: beyond the candidates of a mask, with gains of -inf.

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

"""Arguments that all selections share: size, candidates, given candidates, costs and budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.selection.budget import Budget, check_size
from infoq.selection.candidates import allowed, given_indices
from infoq.selection.selected import check_batch_size


class Asked(NamedTuple):
    """The arguments that selections share, after input validation.

    Attributes
    ----------
    size : int or None
        The most candidates to pick; None if only a budget ends the batch.
    given : list of int or of array []
        Candidates that were picked before.
    places : array [N]
        0 to N - 1, in memory.
    free : boolean array [N]
        The candidates that may be picked.
    unpicked : boolean array [N]
        The candidates that are not given.
    purse : Budget
        The costs of the candidates, and what is left of the budget.
    """

    size: int | None
    given: list[Any]
    places: Array
    free: Array
    unpicked: Array
    purse: Budget

    @property
    def number(self) -> int:
        """The number of candidates that may be picked; only where values can be read."""
        xp = ops_for(self.free).xp
        return int(xp.sum(xp.astype(self.free, xp.int32)))

    @property
    def most(self) -> int:
        """The number of picks if only the size and the pool limit it."""
        return self.number if self.size is None else min(self.size, self.number)

    def indices(self, chosen: list[int]) -> Array:
        """Integers as an array of indices, with the dtype and on the device of `places`."""
        ops = ops_for(self.places)
        device = ops.device(self.places)
        return ops.xp.asarray(chosen, dtype=self.places.dtype, device=device)


def asked(
    ops: Ops,
    like: Array,
    k: int | None,
    candidates: Array | Sequence[int] | None,
    given: Sequence[int] | Array,
    costs: Array | None = None,
    budget: float | None = None,
) -> Asked:
    """Validated arguments of a selection from a pool with an array `like` [N], in memory.

    Raises
    ------
    TypeError
        If k is not an integer and there is no budget; if `given` or `candidates` are neither
        integers nor a mask; or if a budget is given without costs or with values that cannot be
        read.
    ValueError
        If k is negative, or `candidates`, the costs or an index does not fit the pool.
    """
    check_size(k, budget)
    size = None if k is None else check_batch_size(k)
    count = int(like.shape[0])
    taken = given_indices(given, count)
    places = ops.xp.arange(count, device=ops.device(like))
    free, unpicked = allowed(ops, places, candidates, taken)
    readable = ops.concrete(like, free)
    purse = Budget(ops, like, count, costs, budget, readable=readable)
    if costs is not None and not readable:
        raise TypeError("costs: need values that can be read; not inside jax.jit")
    return Asked(size, taken, places, free, unpicked, purse)

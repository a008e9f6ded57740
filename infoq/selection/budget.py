"""Costs of candidates, and the budget that is left for them."""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.checks.dtypes import check_real, is_real_number
from infoq.checks.numbers import first_index, number


class Budget:
    """Costs [N] of candidates and the limit of their sum; both are optional.

    Parameters
    ----------
    ops : Ops
        The operations of arrays in memory.
    like : array [0] or more
        An array that the costs are compared with, such as gains, in memory.
    count : int
        The number of candidates, N.
    costs : array [N], optional
        The cost of each candidate, more than 0.
    budget : float, optional
        The most that the picks may cost together.
    readable : bool
        Whether values can be read.

    Raises
    ------
    TypeError, ValueError
        If a budget is given without costs or with values that cannot be read, or if costs or budget
        are invalid.
    """

    def __init__(
        self,
        ops: Ops,
        like: Array,
        count: int,
        costs: Array | None,
        budget: float | None,
        *,
        readable: bool = True,
    ) -> None:
        self.limit: float | None = None
        if budget is not None:
            self.limit = _limit(ops, like, costs, budget, readable)
        self.costs = None if costs is None else _costs(ops, like, count, costs)
        self.paid = Total()

    def left(self) -> float:
        """The part of the budget that is left."""
        return math.inf if self.limit is None else self.limit - self.paid.value

    def fitting(self, available: Array) -> Array:
        """Mask [N] of the available candidates that fit what is left."""
        if self.costs is None or self.limit is None:
            return available
        return available & (self.costs <= self.left())

    def per_cost(self, scores: Array) -> Array:
        """Scores [N] per cost, or the scores if there are no costs."""
        return scores if self.costs is None else scores / self.costs

    def cost(self, index: int) -> float:
        """The cost of a candidate; 1 if there are no costs."""
        return 1.0 if self.costs is None else number(self.costs[index])

    def pay(self, index: int) -> None:
        """Subtract the cost of a candidate from what is left."""
        if self.limit is not None:
            self.paid.add(self.cost(index))

    def paid_for(self, order: list[int], size: int | None) -> tuple[list[int], str]:
        """Candidates of `order` that fit the budget one after the other, and the reason to stop."""
        picked: list[int] = []
        passed, left = False, self.left()
        # Read once: reading a million elements one by one takes longer than the sort.
        costs = None if self.costs is None else ops_for(self.costs).to_host(self.costs).tolist()
        for index in order:
            if len(picked) == size:
                break
            if (1.0 if costs is None else costs[index]) <= left:
                picked.append(index)
                if self.limit is not None and costs is not None:
                    self.paid.add(costs[index])
                    left = self.left()
            else:
                passed = True
        if len(picked) == size:
            return picked, "size"
        return picked, "budget" if passed else "pool"


class Total:
    """Running sum that is rounded once, like `math.fsum`, in one step per number.

    Attributes
    ----------
    parts : list of float
        Numbers that share no digit, the smallest first, whose sum is exact. There are at most 40 of
        them, as a float has 53 of about 2100 binary places.

    References
    ----------
    Shewchuk, J. R. (1997). Adaptive precision floating-point arithmetic and fast robust geometric
    predicates. Discrete & Computational Geometry 18, 305-363.
    """

    def __init__(self) -> None:
        self.parts: list[float] = []

    @property
    def value(self) -> float:
        """The sum so far."""
        return math.fsum(self.parts)

    def add(self, number: float) -> None:
        """Add one more number."""
        parts = []
        for part in self.parts:
            if abs(number) < abs(part):
                number, part = part, number
            total = number + part
            if rest := part - (total - number):
                parts.append(rest)
            number = total
        self.parts = [*parts, number]


def check_size(size: int | None, budget: float | None) -> None:
    """Raise if neither a size nor a budget limits the batch."""
    if size is None and budget is None:
        raise TypeError("k: expected an integer, or costs and a budget instead")


def check_budget(budget: Any) -> None:
    """Raise unless the budget is a finite number of at least 0."""
    if not is_real_number(budget):
        raise TypeError(f"budget: expected a number of at least 0, got {budget!r}")
    try:
        value = number(budget)
    except TypeError as error:  # traced
        raise TypeError("budget: needs a value that can be read; not inside jax.jit") from error
    if not 0 <= value < math.inf:
        raise ValueError(f"budget: expected a number of at least 0, got {budget}")


def _limit(ops: Ops, like: Array, costs: Array | None, budget: float, readable: bool) -> float:
    if costs is None:
        raise TypeError("budget: needs costs=, one per candidate")
    if not readable:
        raise TypeError("budget: needs values that can be read; not inside jax.jit")
    check_budget(budget)
    # The sum of the costs may be off by as much as the costs are rounded.
    return number(budget) * (1 + 2 * float(ops.xp.finfo(like.dtype).eps))


def _costs(ops: Ops, like: Array, count: int, costs: Array) -> Array:
    xp = ops.xp
    theirs = ops_for(costs=costs)
    check_real(theirs, costs, "costs")
    if tuple(costs.shape) != (count,):
        raise ValueError(f"costs: expected shape (N,) with N={count}, got {tuple(costs.shape)}")
    costs = theirs.fetch(costs)
    ops_for(gains=like, costs=costs)
    costs = xp.astype(costs, like.dtype)
    if ops.concrete(costs):
        index = first_index(ops, ~((costs > 0) & xp.isfinite(costs)))
        if index is not None:
            raise ValueError(f"costs: candidate {index} costs {float(costs[index])}, not > 0")
    return costs

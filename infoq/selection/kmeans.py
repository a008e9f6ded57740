"""k-means++ seeding: random points, more likely the farther they are from those picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.checks.choices import STARTS, Start, one_of
from infoq.checks.numbers import first_index
from infoq.selection.asked import Asked, asked
from infoq.selection.budget import Budget, check_size
from infoq.selection.candidates import members
from infoq.selection.draw import draw
from infoq.selection.points import Points
from infoq.selection.selected import Selection
from infoq.structures.embedding import Embedding

# The most proposals per group; their distances to earlier points are padded to few shapes.
_PROPOSALS = 64
_COLUMNS = 8
# The most drawn points that wait for one pass over all points, and the most numbers they hold.
_WAITING = 256
_NUMBERS = 2**24


@capabilities(
    reads_values="which candidates are accepted depends on values",
    autograd="the gains are read as numbers",
)
def kmeans_plusplus(
    points: Array | Embedding,
    k: int | None = None,
    *,
    seed: Any = 0,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
    costs: Array | None = None,
    budget: float | None = None,
    first: Start = "uniform",
) -> Selection:
    """Points drawn with probability proportional to the squared distance to the nearest centre.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or an embedding such as `gradient_embedding` (BADGE), which is never formed in
        full. The R rows of a candidate count as one point.
    k : int, optional
        How many to pick; more than there are picks all that differ. With a budget it may be left
        out.
    seed : int or the library's random generator
        Source of the random draws.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates that are already centres, picked or pending. Distances to them count, and none of
        them is picked again.
    costs : array [N], optional
        The cost of each candidate, more than 0; used only with a budget.
    budget : float, optional
        The most that the picks may cost together. A candidate that costs more than what is left is
        not drawn.
    first : {"uniform", "norm"}
        How the first point is chosen if no points are given: uniformly, or the one of the largest
        norm.

    Returns
    -------
    Selection
        Indices in the order of drawing. Gains are the squared distances to the nearest centre when
        drawn; for a first point, its squared norm. Equal seeds give equal batches. No point at
        distance 0 from a centre is picked: if only such points are left, `reason` is ``"rank"``.

    Raises
    ------
    TypeError
        If the points are not a floating array or an embedding, k is not an integer, or values
        cannot be read (inside `jax.jit`).
    ValueError
        If the points are not [N, P], or they or their squares are not finite; if k is negative; if
        `first` is neither of the two; or if `candidates` or an index does not fit the pool.

    Notes
    -----
    An exact sample from the law of k-means++, by rejection. Points are proposed in groups of up to
    64, with the squared distances of the last pass. Each is accepted with probability equal to its
    current squared distance divided by that of the last pass. A new pass over all points is made
    once less than a quarter of a group is accepted, or 256 points were drawn. In many dimensions
    one or two passes are enough for a batch of 200.

    A pass costs N P multiply-adds for each point drawn since the last one, or N (D + C R) for rows
    in Kronecker structure. A group costs 64 P for each of these points. An embedding without that
    structure is evaluated anew in each pass. Memory is N numbers beside the points.

    Distances are computed after the mean is subtracted. Squared distances below eps sqrt(P) times
    the squared norms are rounding error and count as 0.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA,
    1027-1035. Ash, J. T. et al. (2020). Deep batch active learning by diverse, uncertain gradient
    lower bounds, arXiv:1906.03671 (BADGE, whose code starts at the largest norm).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    >>> batch = infoq.kmeans_plusplus(points, 3, first="norm")
    >>> batch.indices[0], batch.gains, batch.reason
    (np.int64(2), array([25., 25.]), 'rank')
    """
    check_size(k, budget)
    one_of(STARTS, first, "first")
    table = Points(points)
    pool = asked(table.ops, table.norms, k, candidates, given, costs, budget)
    return _Seeding(table, pool, table.outer.seed(seed)).selection(first)


class _Seeding:
    """The points drawn so far, and the distances of all points to them.

    Points drawn since the last pass over all points wait for the next pass.
    """

    def __init__(self, table: Points, pool: Asked, source: int) -> None:
        self.table, self.pool, self.source = table, pool, source
        self.ops, self.free = table.ops, pool.free
        self.indices: list[int] = []
        self.gains: list[float] = []
        self.waiting: list[int] = []
        self.most = pool.most
        wanted = pool.number if pool.size is None else pool.size
        self.group = min(_PROPOSALS, 1 << max(0, wanted - 1).bit_length())  # few shapes to compile
        self.limit = min(_WAITING, _NUMBERS // table.numbers_per_point)
        distance = self.ops.constant(tuple(table.norms.shape), float("inf"), table.norms)
        for start in range(0, len(pool.given), _PROPOSALS):
            distance = table.nearest(distance, self._padded(pool.given[start : start + _PROPOSALS]))
        self.distance = self.weights = distance

    def selection(self, first: str) -> Selection:
        """The whole batch, as a `Selection`; `first` says how the first point is chosen."""
        xp, table, pool = self.ops.xp, self.table, self.pool
        reason, renew, turn = "size", True, 0
        while len(self.indices) < self.most:
            if renew and (end := self._renewed()) is not None:
                reason = end
                break
            if not pool.given and not self.indices:
                self._first(first)
                renew = pool.purse.limit is not None
            else:
                turn += 1
                renew = self._draw(turn)
        chosen = len(self.indices)
        if chosen == pool.number and (pool.size is None or chosen < pool.size):
            reason = "pool"
        device, adopt = self.ops.device(table.norms), table.outer.adopt
        gains = xp.asarray(self.gains, dtype=table.norms.dtype, device=device)
        gains = xp.astype(gains, table.dtype)
        indices = adopt(pool.indices(self.indices))
        return Selection(indices, adopt(gains), adopt(xp.sum(gains)), reason)

    def _renewed(self) -> str | None:
        """Update the distances in one pass; returns the reason if no point can be drawn."""
        xp = self.ops.xp
        if self.waiting:
            centres = self._padded(self.waiting)
            self.distance = self.table.nearest(self.distance, centres)
            self.free = self.free & ~members(self.ops, self.pool.places, centres)
            self.waiting = []
        zero = self.ops.scalar(0.0, self.distance)
        self.weights = xp.where(self.pool.purse.fitting(self.free), self.distance, zero)
        if bool(xp.any(self.weights > 0)):
            return None
        return "budget" if bool(xp.any(self.free & (self.distance > 0))) else "rank"

    def _draw(self, turn: int) -> bool:
        """Draw a group of points; returns whether the distances need another pass."""
        like = self.table.norms
        numbers = self.ops.uniform((3, self.group), (self.source, turn), like)
        others = self._padded(self.waiting) if self.waiting else None
        most, purse = self.most - len(self.indices), self.pool.purse
        new, lengths = _accepted(self.table, self.weights, numbers, others, most, purse)
        self._take(new, lengths)
        return 4 * len(new) < self.group or len(self.waiting) + self.group > self.limit

    def _first(self, first: str) -> None:
        """Draw the first point."""
        index = _first(self.table, self.pool.purse.fitting(self.free), first, self.source)
        self.pool.purse.pay(index)
        self._take([index], _floats(self.ops, self.table.squared_norms(self._padded([index])))[:1])

    def _take(self, new: list[int], lengths: list[Any]) -> None:
        self.indices += new
        self.gains += lengths
        self.waiting = self.waiting + new

    def _padded(self, indices: list[int]) -> Array:
        """Indices as an array whose length is a multiple of 8 or 64, padded with the first."""
        columns = _COLUMNS if len(indices) <= _PROPOSALS else _PROPOSALS
        return self.pool.indices(indices + indices[:1] * (-len(indices) % columns))


def _floats(ops: Ops, x: Array) -> list[Any]:
    values: list[Any] = ops.to_host(x).tolist()
    return values


def _first(table: Points, free: Array, first: str, source: int) -> int:
    """The index of the first point."""
    ops, xp = table.ops, table.ops.xp
    if first == "norm":
        key = xp.where(free, table.squared_norms(), ops.scalar(-1.0, table.norms))
        return first_index(ops, key == xp.max(key)) or 0
    weights = xp.astype(free, table.norms.dtype)
    attempt = 0
    while True:
        index = draw(ops, weights, ops.uniform((2, 1), (source, 0, attempt), weights))
        if bool(xp.take(free, index, axis=0)[0]):
            return int(index[0])
        attempt += 1


def _accepted(
    table: Points, weights: Array, numbers: Array, waiting: Array | None, most: int, purse: Budget
) -> tuple[list[int], list[float]]:
    """Indices and squared distances of the proposals that are accepted.

    Points are proposed by weight. Each is accepted with probability equal to the part of its weight
    that earlier points leave.
    """
    ops, xp = table.ops, table.ops.xp
    proposed = draw(ops, weights, numbers[:2, :])
    before = xp.take(weights, proposed, axis=0)
    left = before
    if waiting is not None:
        left = xp.minimum(before, xp.min(table.between(proposed, waiting), axis=1))
    rows = [xp.stack([left, numbers[2, :] * before]), table.between(proposed, proposed)]
    distances, bounds, *between = _floats(ops, xp.concat(rows))
    kept: list[int] = []
    indices, lengths = [], []
    for turn, index in enumerate(_floats(ops, proposed)):
        nearest = min([distances[turn], *(between[turn][spot] for spot in kept)])
        if bounds[turn] < nearest and purse.cost(index) <= purse.left():
            purse.pay(index)
            kept.append(turn)
            indices.append(index)
            lengths.append(nearest)
            if len(indices) == most:
                break
    return indices, lengths

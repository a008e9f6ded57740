"""k-means++ seeding: points far from those that were picked, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array, Ops
from infoq.predictives import Embedding
from infoq.selection.candidates import allowed, given_indices, members
from infoq.selection.draw import draw
from infoq.selection.points import Points
from infoq.selection.selected import Selection, check_batch_size

# Proposals of one pass over the points, at most; centres are padded to multiples of the other.
_PROPOSALS = 64
_COLUMNS = 8


def kmeans_plusplus(
    points: Array | Embedding,
    k: int,
    *,
    seed: Any = 0,
    candidates: Array | None = None,
    given: Sequence[int] | Array = (),
    first: str = "uniform",
) -> Selection:
    """Draw points with probabilities proportional to the squared distance to the nearest drawn.

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or for example `gradient_embedding` (BADGE), which is never formed in full. The R
        rows of a candidate count as one point.
    k : int
        How many to pick; more than there are picks all that differ.
    seed : int or the library's random generator
        What the points are drawn from.
    candidates : boolean array [N], optional
        Who may be picked.
    given : integers
        Who is already a centre, picked or pending: distances to them count, and none is picked.
    first : {"uniform", "norm"}
        Without given points, the first is drawn uniformly, or is the one of the largest norm.

    Returns
    -------
    Selection
        Indices in the order of drawing; as gains the squared distance to the nearest centre when
        drawn (of a first point its squared norm). Equal seeds give equal batches. Nobody is picked
        at distance 0 of a centre: where only such points are left, `reason` is ``"rank"``.

    Raises
    ------
    TypeError
        If the points are no floating array or embedding, k is no integer, or values cannot be read
        (inside `jax.jit`).
    ValueError
        If the points are not finite or not [N, P], k is negative, `first` is neither, or the mask
        or an index does not fit the pool.

    Notes
    -----
    The exact law of k-means++: points are proposed in groups by the distances at hand and accepted
    with the part of them that is left, so that one pass over the points serves up to 64 of them.
    A pass costs N P multiply-adds a centre and for rows in Kronecker structure N (D + C R); an
    embedding without that structure is evaluated anew in each. Memory N beside the points.
    Squared distances are of points beyond their mean; those below eps sqrt(P) of the squared norms
    are rounding and count as 0.

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
    size = check_batch_size(k)
    if first not in ("uniform", "norm"):
        raise ValueError(f"first: expected 'uniform' or 'norm', got {first!r}")
    table = Points(points)
    ops, xp = table.ops, table.ops.xp
    like = table.norms
    source = table.outer.seed(seed)
    taken = given_indices(given, len(table))
    places = xp.arange(len(table), device=ops.device(like))
    free, _ = allowed(ops, places, candidates, taken)
    count = int(xp.sum(xp.astype(free, xp.int32)))
    indices: list[int] = []
    gains: list[float] = []
    distance, reason = ops.constant(tuple(like.shape), float("inf"), like), "size"
    for start in range(0, len(taken), _PROPOSALS):
        distance = table.nearest(distance, _padded(ops, places, taken[start : start + _PROPOSALS]))
    turn, new = 0, list[int]()
    while len(indices) < min(size, count):
        if new:
            centres = _padded(ops, places, new)
            distance = table.nearest(distance, centres)
            free = free & ~members(ops, places, centres)
        if not taken and not indices:
            new = [_first(table, free, first, source)]
            lengths = _floats(ops, table.squared_norms(_padded(ops, places, new)))[:1]
        else:
            weights = xp.where(free, distance, ops.scalar(0.0, distance))
            if not bool(xp.any(weights > 0)):
                reason = "rank"
                break
            turn += 1
            number = min(_PROPOSALS, len(indices) + len(taken), size - len(indices))
            number = 1 << (number.bit_length() - 1)  # a power of 2: fewer shapes to compile for
            numbers = ops.uniform((3, number), (source, turn), like)
            new, lengths = _accepted(table, weights, numbers)
        indices += new
        gains += lengths
    if len(indices) < size and len(indices) == count:
        reason = "pool"
    device = ops.device(like)
    chosen = xp.astype(xp.asarray(gains, dtype=like.dtype, device=device), table.dtype)
    picked = xp.asarray(indices, dtype=places.dtype, device=device)
    adopt = table.outer.adopt
    return Selection(adopt(picked), adopt(chosen), adopt(xp.sum(chosen)), reason)


def _padded(ops: Ops, places: Array, indices: list[int]) -> Array:
    """Indices as an array of a multiple of 8, the first of them again and again."""
    padding = -len(indices) % _COLUMNS
    values = indices + indices[:1] * padding
    return ops.xp.asarray(values, dtype=places.dtype, device=ops.device(places))


def _floats(ops: Ops, x: Array) -> list[Any]:
    values: list[Any] = ops.to_host(x).tolist()
    return values


def _first(table: Points, free: Array, first: str, source: int) -> int:
    """The first of all points."""
    ops, xp = table.ops, table.ops.xp
    if first == "norm":
        key = xp.where(free, table.squared_norms(), ops.scalar(-1.0, table.norms))
        return int(xp.argmax(xp.astype(key == xp.max(key), xp.int32)))
    weights = xp.astype(free, table.norms.dtype)
    attempt = 0
    while True:
        index = draw(ops, weights, ops.uniform((2, 1), (source, 0, attempt), weights))
        if bool(xp.take(free, index, axis=0)[0]):
            return int(index[0])
        attempt += 1


def _accepted(table: Points, weights: Array, numbers: Array) -> tuple[list[int], list[float]]:
    """Points by weight, each kept with the part of its weight that those before it leave."""
    ops = table.ops
    proposed = draw(ops, weights, numbers[:2, :])
    before = _floats(ops, ops.xp.take(weights, proposed, axis=0))
    between, chances = _floats(ops, table.between(proposed)), _floats(ops, numbers[2, :])
    indices, lengths, kept = [], [], list[int]()
    for turn, index in enumerate(_floats(ops, proposed)):
        left = min([before[turn], *(between[turn][spot] for spot in kept)])
        if chances[turn] * before[turn] < left:
            kept.append(turn)
            indices.append(index)
            lengths.append(left)
    return indices, lengths

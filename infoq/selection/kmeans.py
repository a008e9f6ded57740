"""k-means++ seeding: points far from those that were picked, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array
from infoq.predictives import Embedding
from infoq.selection.candidates import allowed, given_indices
from infoq.selection.draw import draw
from infoq.selection.points import Points
from infoq.selection.selected import Selection, check_batch_size

# Proposals of one pass over the points, at most.
_PROPOSALS = 64


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
    indices, gains, picked = [places[:0]], [like[:0]], 0
    distance, reason = ops.constant(tuple(like.shape), float("inf"), like), "size"
    for start in range(0, len(taken), _PROPOSALS):
        part = xp.asarray(
            taken[start : start + _PROPOSALS], dtype=places.dtype, device=ops.device(like)
        )
        distance = table.nearest(distance, part)
    if not taken and size > 0 and count > 0:
        index = _first(table, places, free, first, source)
        indices, gains, picked = [index], [table.squared_norms(index)], 1
        free = free & (places != index)
        if size > 1:
            distance = table.nearest(distance, index)
    turn = 0
    while picked < min(size, count):
        weights = xp.where(free, distance, ops.scalar(0.0, distance))
        if not bool(xp.any(weights > 0)):
            reason = "rank"
            break
        turn += 1
        number = min(_PROPOSALS, max(1, picked + len(taken)), size - picked)
        new, lengths = _accepted(table, weights, ops.uniform((3, number), (source, turn), like))
        new = xp.astype(new, places.dtype)
        indices.append(new)
        gains.append(lengths)
        picked += int(new.shape[0])
        if picked < min(size, count) and new.shape[0]:
            distance = table.nearest(distance, new)
            for spot in range(new.shape[0]):
                free = free & (places != new[spot])
    if picked < size and picked == count:
        reason = "pool"
    chosen = xp.concat(gains)
    adopt = table.outer.adopt
    return Selection(adopt(xp.concat(indices)), adopt(chosen), adopt(xp.sum(chosen)), reason)


def _first(table: Points, places: Array, free: Array, first: str, source: int) -> Array:
    """The first of all points: [1]."""
    ops, xp = table.ops, table.ops.xp
    if first == "norm":
        key = xp.where(free, table.squared_norms(), ops.scalar(-1.0, table.norms))
        return places[int(xp.argmax(xp.astype(key == xp.max(key), xp.int32))) :][:1]
    mine = xp.nonzero(free)[0]
    weights = xp.ones_like(xp.take(table.norms, mine, axis=0))
    index = draw(ops, weights, ops.uniform((2, 1), (source, 0), weights))
    return xp.astype(xp.take(mine, index, axis=0), places.dtype)


def _accepted(table: Points, weights: Array, numbers: Array) -> tuple[Array, Array]:
    """Points by weight, each kept with the part of its weight that those before it leave."""
    ops, xp = table.ops, table.ops.xp
    proposed = draw(ops, weights, numbers[:2, :])
    between = table.between(proposed)
    before = xp.take(weights, proposed, axis=0)
    left, kept, lengths = before, [], []
    for turn in range(proposed.shape[0]):
        keep = numbers[2, turn] * before[turn] < left[turn]
        kept.append(keep)
        lengths.append(left[turn])
        left = xp.where(keep, xp.minimum(left, between[:, turn]), left)
    spots = xp.nonzero(xp.stack(kept))[0]
    return xp.take(proposed, spots, axis=0), xp.take(xp.stack(lengths), spots, axis=0)

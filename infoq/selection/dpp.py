"""Determinantal point processes: batches by the squared volume that their points span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.selection.asked import asked
from infoq.selection.draw import draw
from infoq.selection.kernel_points import KernelPoints, refuse_kernel
from infoq.selection.points import Points, rounding_of
from infoq.selection.selected import Selection, check_batch_size
from infoq.structures.embedding import Embedding


@capabilities(reads_values="which candidates are accepted depends on values")
def kdpp(
    points: Array | Embedding | None = None,
    k: int | None = None,
    *,
    kernel: Array | None = None,
    seed: Any = 0,
    candidates: Array | Sequence[int] | None = None,
    given: Sequence[int] | Array = (),
) -> Selection:
    r"""Draw k points with probability proportional to the squared volume that they span.

    .. math:: p(B) \propto \det(X_B X_B^T), \qquad |B| = k

    Parameters
    ----------
    points : array [N, P] or Embedding, optional
        Features X, or for example `gradient_embedding`; the kernel of the process is
        :math:`X X^T`. The R rows of a candidate count as one point.
    k : int
        How many to pick; more than the rank of the points picks as many as that.
    kernel : array [N, N], optional
        The kernel of the process L in place of points, symmetric and positive semi-definite:
        :math:`p(B) \propto \det L_B`.
    seed : int or the library's random generator
        What the batch is drawn from.
    candidates : boolean array [N] or integers, optional
        Who may be picked, by a mask or by indices.
    given : integers
        Who is already in the batch, picked or pending: the k others are drawn by the law of the
        process given that these are in it, :math:`p(B) \propto \det(X_{B G} X_{B G}^T)`.

    Returns
    -------
    Selection
        Indices in the order of drawing; as gains the logarithm of the squared distance to the span
        of those before and of those given, so that the value is :math:`\log\det(X_B X_B^T)`, and
        with given points what they add to that. Equal seeds give equal batches. Where more were
        asked for than the rank, `reason` is ``"rank"``, or ``"pool"`` where nobody is left.

    Raises
    ------
    TypeError
        If neither or both of points and kernel are given, one is no floating array or embedding, k
        is no integer, or values cannot be read (inside `jax.jit`).
    ValueError
        If the points are not finite or not [N, P], or are a symmetric matrix: a kernel, as it
        seems. If a kernel is not finite, not symmetric, or has a negative eigenvalue; if k is
        negative, `candidates` or an index does not fit the pool, or the matrices are larger than
        ``options(memory=)`` allows.

    Notes
    -----
    An exact sample: eigenvectors are chosen by elementary symmetric polynomials of the eigenvalues,
    in ratios, and points from their span. The eigenvalues are of X^T X, or of X X^T where
    that is smaller: N P min(N, P) multiply-adds, and N k (P + k) more. Of an embedding X is formed
    where P <= N, [N, P]; else only inner products are, [N, N] in blocks: for rows in Kronecker
    structure N^2 (D + C R) multiply-adds; with given points the eigenvalues are taken twice then. N
    counts candidates and given points. Of a kernel N^3.

    Its law is that of batches of one size: there is no budget, which would be another law.

    What is given is projected out: points in its span are never picked, and it may depend on
    itself. Eigenvalues below eps (min(N, P) + 4 sqrt(max(N, P))) of the largest (or of the largest
    squared norm of a candidate) count as 0: a matrix of inner products has no more digits.

    References
    ----------
    Kulesza, A. and Taskar, B. (2011). k-DPPs: fixed-size determinantal point processes. ICML,
    1193-1200. Kulesza, A. and Taskar, B. (2012). Determinantal point processes for machine
    learning, arXiv:1207.6083, section 2.4.3 (conditioning), section 3.3 (dual) and algorithms 7
    and 8.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> sorted(infoq.kdpp(points, 2, seed=3).indices.tolist()) in ([0, 2], [1, 2])
    True
    >>> batch = infoq.kdpp(points, 2, given=[0])
    >>> batch.indices, batch.reason
    (array([2]), 'rank')
    >>> infoq.kdpp(k=1, kernel=np.array([[0.0, 0.0], [0.0, 2.0]])).indices
    array([1])
    """
    _check_one(points, kernel)
    size = check_batch_size(k)
    table = _table(points, kernel)
    xp, source = table.ops.xp, table.outer.seed(seed)
    pool = asked(table.ops, table.norms, size, candidates, given)
    places = xp.astype(xp.nonzero(pool.free)[0], pool.places.dtype)
    spots, lengths = places[:0], table.norms[:0]
    if size > 0 and places.shape[0] > 0:
        spots, lengths = _batch(table, pool.indices(pool.given), places, size, source)
    picked, gains = int(spots.shape[0]), xp.astype(lengths, table.dtype)
    reason = "size" if picked >= size else "pool" if picked == places.shape[0] else "rank"
    indices = xp.take(places, spots, axis=0)
    adopt = table.outer.adopt
    return Selection(adopt(indices), adopt(gains), adopt(xp.sum(gains)), reason)


def _check_one(points: Array | Embedding | None, kernel: Array | None) -> None:
    """Refuse neither and both of points and kernel."""
    if (points is None) == (kernel is None):
        given = "neither" if points is None else "both"
        raise TypeError(
            f"points, kernel: expected one of the two, got {given}; pass features [N, P] or "
            "kernel=, a matrix of similarities"
        )


def _table(points: Array | Embedding | None, kernel: Array | None) -> Points | KernelPoints:
    if kernel is not None:
        return KernelPoints(kernel)
    table = Points(points, centred=False)
    if not isinstance(points, Embedding):
        refuse_kernel(table.ops, *table.parts)
    return table


def _batch(
    table: Points | KernelPoints, given: Array, places: Array, size: int, source: int
) -> tuple[Array, Array]:
    """Who of the places is drawn, and the gains."""
    ops, xp = table.ops, table.ops.xp
    count, largest = int(places.shape[0]), 0.0
    everybody = None if count == len(table) else places
    if given.shape[0] > 0:
        rows, largest = _beyond(ops, table.coordinates(xp.concat([given, places])), given)
    elif count < table.width:  # by inner products alone
        spots = _drawn(ops, table.gram(everybody), None, largest, table.width, size, source)
        if spots.shape[0] == 0:
            return spots, table.norms[:0]
        return spots, _log_lengths(ops, table.coordinates(xp.take(places, spots, axis=0)))
    else:
        rows = table.coordinates(everybody)
    width = int(rows.shape[1])
    if count < width:
        spots = _drawn(ops, rows @ rows.T, None, largest, width, size, source)
    else:
        spots = _drawn(ops, rows.T @ rows, rows, largest, width, size, source)
    return spots, _log_lengths(ops, xp.take(rows, spots, axis=0))


def _beyond(ops: Ops, both: Array, given: Array) -> tuple[Array, float]:
    """Points [m, W] beyond the span of the given ones, the first; 0 where that is rounding.

    And the largest squared norm, before that, of those which are not 0.
    """
    xp, count = ops.xp, int(given.shape[0])
    known, rows = both[:count, ...], both[count:, ...]
    lengths = xp.sqrt(xp.sum(known * known, axis=1))
    # Each by its direction: a short one counts as much as a long one.
    known = known / xp.where(lengths > 0, lengths, xp.ones_like(lengths))[:, None]
    _, sizes, axes = xp.linalg.svd(known, full_matrices=False)
    rounding = rounding_of(ops, rows, *both.shape)
    some = xp.astype(sizes**2 > rounding * xp.max(sizes) ** 2, rows.dtype)
    axes = axes * some[:, None]
    before = xp.sum(rows * rows, axis=1)
    for _ in range(2):  # twice is enough
        rows = rows - (rows @ axes.T) @ axes
    left = xp.sum(rows * rows, axis=1) > rounding * before
    zero = ops.scalar(0.0, rows)
    return xp.where(left[:, None], rows, zero), float(xp.max(xp.where(left, before, zero)))


def _drawn(
    ops: Ops, gram: Array, rows: Array | None, largest: float, width: int, size: int, source: int
) -> Array:
    """As many points as asked for, or as there are dimensions.

    By their inner products, or those of their columns where there are rows.
    """
    xp = ops.xp
    count = int(gram.shape[0] if rows is None else rows.shape[0])
    spectrum, vectors = ops.symmetric_eigen(gram)
    levels = [float(x) for x in ops.to_host(spectrum)]
    bound = rounding_of(ops, gram, count, width) * max(levels[-1], largest)
    kept = [i for i, x in enumerate(levels) if x > bound]
    chances = [float(x) for x in ops.to_host(ops.uniform((len(kept),), (source, 0), gram))]
    chosen = _chosen([levels[i] for i in kept], min(size, len(kept)), chances)
    places = xp.arange(count, device=ops.device(gram))
    columns = xp.asarray([kept[i] for i in chosen], dtype=places.dtype, device=ops.device(gram))
    span = xp.take(vectors, columns, axis=1)
    if rows is not None:
        span = (rows @ span) / xp.sqrt(xp.take(spectrum, columns, axis=0))
    return _from_span(ops, span, places, source)


def _chosen(levels: list[float], size: int, numbers: list[float]) -> list[int]:
    """Which eigenvectors span the batch, by their eigenvalues."""
    # table[n][j]: of the first n, the elementary symmetric polynomial of degree j + 1 by that of
    # degree j. Such a ratio is of the size of the eigenvalues; the polynomials are beyond floats.
    ratios = [0.0] * size
    table = [ratios]
    for level in levels:
        sums = [ratio + level for ratio in ratios]
        parts = [1.0, *(ratio / total for ratio, total in zip(ratios, sums, strict=True))]
        ratios = [total * part for total, part in zip(sums, parts, strict=False)]
        table.append(ratios)
    chosen, left = [], size
    for n in range(len(levels), 0, -1):
        if left == 0:
            break
        level = levels[n - 1]
        if left == n or numbers[n - 1] * (level + table[n - 1][left - 1]) < level:
            chosen.append(n - 1)
            left -= 1
    return chosen


def _from_span(ops: Ops, span: Array, places: Array, source: int) -> Array:
    """As many points as orthonormal columns [N, k], by what of their span is left: [k]."""
    xp = ops.xp
    total = xp.sum(span * span, axis=1)
    # Directions that were taken, and zeros: a product of one shape in each turn.
    turns = xp.arange(span.shape[1], device=ops.device(span))[:, None]
    taken = xp.zeros((span.shape[1],) * 2, dtype=span.dtype, device=ops.device(span))
    rounding = float(xp.finfo(span.dtype).eps) * (2 + span.shape[1])
    left, indices = total, [places[:0]]
    free = places >= 0
    nothing = ops.scalar(0.0, span)
    for turn in range(span.shape[1]):
        weights = xp.where(free & (left > rounding * total), left, nothing)
        if not bool(xp.any(weights > 0)):  # by rounding there are fewer dimensions
            break
        # By rounding a point of weight 0 may come up, and another number is drawn.
        attempt = 0
        while True:
            number = ops.uniform((2, 1), (source, 1 + turn, attempt), span)
            index = draw(ops, weights, number)
            if bool(xp.take(weights, index, axis=0)[0] > 0):
                break
            attempt += 1
        indices.append(xp.astype(index, places.dtype))
        direction = xp.take(span, index, axis=0)[0, :]
        for _ in range(2):  # twice is enough
            direction = direction - (taken @ direction) @ taken
        direction = direction / xp.sqrt(xp.sum(direction * direction))
        taken = xp.where(turns == turn, direction[None, :], taken)
        left = left - (span @ direction) ** 2
        free = free & (places != index)
    return xp.concat(indices)


def _log_lengths(ops: Ops, rows: Array) -> Array:
    """The log of each row's squared distance to the span of those before it: [k]."""
    if rows.shape[0] == 0:
        return rows[:0, 0]
    _, factor = ops.xp.linalg.qr(rows.T)
    return 2 * ops.xp.log(ops.xp.abs(ops.xp.linalg.diagonal(factor)))

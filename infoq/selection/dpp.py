"""Determinantal point processes: batches drawn by the squared volume that their points span."""

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
    r"""Batch of k points drawn with probability proportional to their squared volume (k-DPP).

    .. math:: p(B) \propto \det(X_B X_B^T), \qquad |B| = k

    Parameters
    ----------
    points : array [N, P] or Embedding, optional
        Features X, or an embedding such as `gradient_embedding`. The kernel of the process is
        :math:`X X^T`. The R rows of a candidate count as one point.
    k : int
        How many to pick, at most the rank of the points.
    kernel : array [N, N], optional
        The kernel L of the process in place of points, symmetric and positive semi-definite:
        :math:`p(B) \propto \det L_B`.
    seed : int or the library's random generator
        Source of the random draws.
    candidates : boolean array [N] or integers, optional
        The candidates that may be picked, as a mask or as indices. Default: all.
    given : integers
        Candidates G that are already in the batch, picked or pending. The k others are drawn
        conditional on them, :math:`p(B) \propto \det(X_{B G} X_{B G}^T)`.

    Returns
    -------
    Selection
        Indices in the order of drawing. Gains are the logarithms of the squared distances to the
        span of the given points and of the points drawn before. So the value is
        :math:`\log\det(X_B X_B^T)`, or with given points the increase of that. Equal seeds give
        equal batches. If k exceeds the rank, `reason` is ``"rank"``, or ``"pool"`` if no candidate
        is left.

    Raises
    ------
    TypeError
        If neither or both of points and kernel are given, one is not a floating array or an
        embedding, k is not an integer, or values cannot be read (inside `jax.jit`).
    ValueError
        If the points are not finite, not [N, P], or a symmetric matrix, which is probably a kernel;
        if a kernel is not finite, not symmetric, or has a negative eigenvalue; if k is negative; if
        `candidates` or an index does not fit the pool; or if the matrices are larger than
        ``options(memory=)`` allows.

    Notes
    -----
    An exact sample. Eigenvectors are chosen by ratios of elementary symmetric polynomials of the
    eigenvalues, and points are then drawn from their span. The eigenvalues are those of X^T X, or
    of X X^T if that is smaller: N P min(N, P) multiply-adds, and N k (P + k) more. N counts
    candidates and given points.

    For an embedding, X [N, P] is formed if P <= N. Otherwise only inner products [N, N] are formed,
    in blocks: N^2 (D + C R) multiply-adds for rows in Kronecker structure, with two
    eigendecompositions if points are given. A kernel costs N^3.

    The law is that of batches of one size. There is no budget, as that would be another law.

    The given points are projected out: points in their span are never picked, and they may be
    linearly dependent. Eigenvalues below eps (min(N, P) + 4 sqrt(max(N, P))) times the largest (or
    times the largest squared norm of a candidate) count as 0, as a matrix of inner products has no
    more digits.

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
    """Raise unless exactly one of points and kernel is given."""
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
    """The spots of the drawn candidates among `places`, and their gains."""
    ops, xp = table.ops, table.ops.xp
    count, largest = int(places.shape[0]), 0.0
    every = None if count == len(table) else places
    if given.shape[0] > 0:
        rows, largest = _beyond(ops, table.coordinates(xp.concat([given, places])), given)
    elif count < table.width:  # by inner products alone
        spots = _drawn(ops, table.gram(every), None, largest, table.width, size, source)
        if spots.shape[0] == 0:
            return spots, table.norms[:0]
        return spots, _log_lengths(ops, table.coordinates(xp.take(places, spots, axis=0)))
    else:
        rows = table.coordinates(every)
    width = int(rows.shape[1])
    if count < width:
        spots = _drawn(ops, rows @ rows.T, None, largest, width, size, source)
    else:
        spots = _drawn(ops, rows.T @ rows, rows, largest, width, size, source)
    return spots, _log_lengths(ops, xp.take(rows, spots, axis=0))


def _beyond(ops: Ops, both: Array, given: Array) -> tuple[Array, float]:
    """Residuals [m, W] of points after projection off the given ones; 0 where they are rounding.

    Also returns the largest squared norm, before projection, of the points with a residual. The
    first rows of `both` are the given points.
    """
    xp, count = ops.xp, int(given.shape[0])
    known, rows = both[:count, ...], both[count:, ...]
    lengths = xp.sqrt(xp.sum(known * known, axis=1))
    # Normalised, so that a short one counts as much as a long one.
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
    """Indices of the drawn points, at most as many as there are dimensions.

    `gram` holds the inner products of the points, or of the columns of `rows` if they are given.
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
    """Indices of the eigenvectors that span the batch, drawn by their eigenvalues."""
    # table[n][j]: ratio of the elementary symmetric polynomials of degree j + 1 and j of the first
    # n eigenvalues. The ratio is of the size of the eigenvalues; the polynomials overflow.
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
    """Indices of k points, drawn from the span of orthonormal columns [N, k]: [k] or fewer."""
    xp = ops.xp
    total = xp.sum(span * span, axis=1)
    # Directions used so far, padded with zeros so that each turn has products of one shape.
    turns = xp.arange(span.shape[1], device=ops.device(span))[:, None]
    taken = xp.zeros((span.shape[1],) * 2, dtype=span.dtype, device=ops.device(span))
    rounding = float(xp.finfo(span.dtype).eps) * (2 + span.shape[1])
    left, indices = total, [places[:0]]
    free = places >= 0
    nothing = ops.scalar(0.0, span)
    for turn in range(span.shape[1]):
        weights = xp.where(free & (left > rounding * total), left, nothing)
        if not bool(xp.any(weights > 0)):  # rounding has left fewer dimensions
            break
        # Rounding may return a point of weight 0; then another number is drawn.
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
    """Log of the squared distance of each row to the span of the rows before it: [k]."""
    if rows.shape[0] == 0:
        return rows[:0, 0]
    _, factor = ops.xp.linalg.qr(rows.T)
    return 2 * ops.xp.log(ops.xp.abs(ops.xp.linalg.diagonal(factor)))

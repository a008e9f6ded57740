"""Determinantal point processes: batches by the squared volume that their points span."""

from __future__ import annotations

import math
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.predictives.embeddings import check_values
from infoq.selection.draw import draw
from infoq.selection.selected import Selection, check_batch_size


def kdpp(points: Array, k: int, *, seed: Any = 0) -> Selection:
    r"""Draw k points with probability proportional to the squared volume that they span.

    .. math:: p(B) \propto \det(X_B X_B^T), \qquad |B| = k

    Parameters
    ----------
    points : array [N, P]
        Features X; the kernel of the process is :math:`X X^T`, and never formed for N > P.
    k : int
        How many to pick, at most the rank of the points.
    seed : int or the library's random generator
        What the batch is drawn from.

    Returns
    -------
    Selection
        Indices in the order of drawing; as gains the logarithm of the squared distance to the span
        of those before, so that the value is :math:`\log\det(X_B X_B^T)`. Equal seeds give equal
        batches.

    Raises
    ------
    TypeError
        If the points are no floating array, k is no integer, or values cannot be read (inside
        `jax.jit`).
    ValueError
        If the points are not finite or not [N, P], k is negative, or more than their rank, which
        the message tells.

    Notes
    -----
    An exact sample: eigenvectors are chosen by elementary symmetric polynomials of the eigenvalues,
    in the logarithm, and points from their span. The eigenvalues are of X^T X, or of X X^T where
    that is smaller: N P min(N, P) multiply-adds, and N k (P + k) more. Eigenvalues below
    eps max(N, P) of the largest count as 0.

    References
    ----------
    Kulesza, A. and Taskar, B. (2011). k-DPPs: fixed-size determinantal point processes. ICML,
    1193-1200. Kulesza, A. and Taskar, B. (2012). Determinantal point processes for machine
    learning, arXiv:1207.6083, section 3.3 (dual) and algorithms 7 and 8.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> sorted(infoq.kdpp(points, 2, seed=3).indices.tolist()) in ([0, 2], [1, 2])
    True
    """
    size = check_batch_size(k)
    outer = ops_for(points=points)
    check_values(outer, points, "points", {2: "[N, P]"})
    memory = outer.fetch(points)
    ops = ops_for(memory)
    if not ops.concrete(memory):
        raise TypeError("points: need values that can be read; not inside jax.jit")
    check_values(ops, memory, "points", {2: "[N, P]"})
    values = ops.upcast(memory)
    xp = ops.xp
    source = outer.seed(seed)
    count, width = values.shape
    by_rows = count < width
    gram = values @ values.T if by_rows else values.T @ values
    spectrum, vectors = ops.symmetric_eigen(gram)
    bound = float(xp.finfo(values.dtype).eps) * max(count, width)
    levels = [float(x) for x in ops.to_host(spectrum)]
    kept = [i for i, x in enumerate(levels) if x > bound * levels[-1]]
    if size > len(kept):
        raise ValueError(
            f"k: the points of shape {(count, width)} have rank {len(kept)}: no {size} of them "
            "span a volume"
        )
    numbers = ops.uniform((len(kept),), (source, 0), values)
    spots = _chosen([levels[i] for i in kept], size, [float(x) for x in ops.to_host(numbers)])
    places = xp.arange(count, device=ops.device(values))
    columns = xp.asarray([kept[i] for i in spots], dtype=places.dtype, device=ops.device(values))
    span = xp.take(vectors, columns, axis=1)
    if not by_rows:
        span = (values @ span) / xp.sqrt(xp.take(spectrum, columns, axis=0))
    indices = _from_span(ops, span, places, source)
    gains = xp.astype(_log_lengths(ops, xp.take(values, indices, axis=0)), memory.dtype)
    return Selection(outer.adopt(indices), outer.adopt(gains), outer.adopt(xp.sum(gains)), "size")


def _chosen(levels: list[float], size: int, numbers: list[float]) -> list[int]:
    """Which eigenvectors span the batch, by their eigenvalues."""
    logs = [math.log(x) for x in levels]
    # table[n][j]: the log of the elementary symmetric polynomial of degree j of the first n.
    none = -float("inf")
    table = [[0.0] + [none] * size]
    for log in logs:
        last = table[-1]
        table.append([0.0] + [_log_add(last[j], log + last[j - 1]) for j in range(1, size + 1)])
    chosen, left = [], size
    for n in range(len(levels), 0, -1):
        if left == 0:
            break
        log_odds = logs[n - 1] + table[n - 1][left - 1] - table[n][left]
        if left == n or numbers[n - 1] < math.exp(min(0.0, log_odds)):
            chosen.append(n - 1)
            left -= 1
    return chosen


def _log_add(x: float, y: float) -> float:
    high, low = max(x, y), min(x, y)
    return high if low == -float("inf") else high + math.log1p(math.exp(low - high))


def _from_span(ops: Ops, span: Array, places: Array, source: int) -> Array:
    """As many points as orthonormal columns [N, k], by what of their span is left: [k]."""
    xp = ops.xp
    total = xp.sum(span * span, axis=1)
    taken: list[Array] = []
    rounding = float(xp.finfo(span.dtype).eps) * (2 + span.shape[1])
    left, indices = total, [places[:0]]
    free = places >= 0
    nothing = ops.scalar(0.0, span)
    for turn in range(span.shape[1]):
        weights = xp.where(free & (left > rounding * total), left, nothing)
        if not bool(xp.any(weights > 0)):
            raise ValueError(
                f"k: by rounding the points have rank {turn}; float64 or a smaller k would do"
            )
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
        for other in taken + taken:  # twice is enough
            direction = direction - other * xp.sum(other * direction)
        direction = direction / xp.sqrt(xp.sum(direction * direction))
        taken.append(direction)
        left = left - (span @ direction) ** 2
        free = free & (places != index)
    return xp.concat(indices)


def _log_lengths(ops: Ops, rows: Array) -> Array:
    """The log of each row's squared distance to the span of those before it: [k]."""
    xp = ops.xp
    gains, units = [rows[:0, 0]], list[Array]()
    for turn in range(rows.shape[0]):
        row = rows[turn, :]
        for other in units + units:
            row = row - other * xp.sum(other * row)
        square = xp.sum(row * row)
        units.append(row / xp.sqrt(square))
        gains.append(xp.reshape(xp.log(square), (1,)))
    return xp.concat(gains)

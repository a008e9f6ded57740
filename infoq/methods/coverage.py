"""Batches by distances alone: they cover the candidates, or span a large volume."""

from __future__ import annotations

from typing import Any, Unpack

from infoq import selection
from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.methods.taxonomy import Who, method
from infoq.methods.together import Points
from infoq.selection import Selection


@capabilities(reads_values="the number of picks depends on values")
@method(
    noun="features or gradients",
    verb="distance to the nearest pick",
    adverb="bounds the volume of LogDet from above",
    selection="farthest_first",
    status="exact distances; twice the best radius at most",
    source="Gonzalez 1985; Sener and Savarese 2018",
)
def coreset(points: Points, k: int, **who: Unpack[Who]) -> Selection:
    """Core-set: pick so that every point is near a pick (k-center by farthest first).

    Parameters
    ----------
    points : array [N, P] or Embedding
        Features, or gradients by `infoq.gradient_embedding`.
    k : int
        How many to pick.
    **who : candidates, given
        As in `infoq.greedy`; given points, such as labelled ones, count as picked.

    Returns
    -------
    Selection
        Gains are distances to the nearest pick so far.

    References
    ----------
    Gonzalez, T. F. (1985). Clustering to minimize the maximum intercluster distance, Theoretical
    Computer Science 38, 293-306. Sener, O. and Savarese, S. (2018). Active learning for
    convolutional neural networks: a core-set approach, ICLR, arXiv:1708.00489.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> points = np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0]])
    >>> infoq.methods.coreset(points, 1, given=[0]).indices
    array([2])
    """
    return selection.farthest_first(points, k, **who)


@capabilities(reads_values="which candidates are accepted depends on values")
@method(
    noun="features or gradients",
    verb="LogDet of the batch",
    adverb="log-det, without a ridge",
    selection="kdpp",
    status="exact sample",
    source="Kulesza and Taskar 2011; Biyik et al. 2019",
)
def dpp(
    points: Points | None = None,
    k: int | None = None,
    *,
    kernel: Array | None = None,
    seed: Any = 0,
    **who: Unpack[Who],
) -> Selection:
    """k-DPP: draw a batch with probability proportional to the squared volume that it spans.

    Parameters
    ----------
    points : array [N, P] or Embedding, optional
        Features, or gradients by `infoq.gradient_embedding`.
    k : int
        How many to pick; at most the rank of the kernel.
    kernel : array [N, N], optional
        A positive semi-definite kernel, in place of points.
    seed : int or the library's random generator
        Source of the random draw.
    **who : candidates, given
        As in `infoq.kdpp`.

    Returns
    -------
    Selection
        Gains are the increments of the kernel's log-determinant.

    References
    ----------
    Kulesza, A. and Taskar, B. (2011). k-DPPs: fixed-size determinantal point processes, ICML.
    Biyik, E., Wang, K., Anari, N. and Sadigh, D. (2019). Batch active learning using determinantal
    point processes, arXiv:1906.07975.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.methods.dpp(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 2).indices.shape
    (2,)
    """
    return selection.kdpp(points, k, kernel=kernel, seed=seed, **who)

"""Kernels given as neighbour lists."""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit_all, check_same_device, required
from infoq.checks.dtypes import check_floating, has_dtype
from infoq.checks.numbers import first_place
from infoq.checks.values import check_values


@capabilities(lazy="the state of the batch is kept in memory")
class Neighbours:
    r"""Sparse kernel: for each candidate, the points that it is similar to and the similarities.

    Parameters
    ----------
    indices : integer array [N, n]
        For each candidate, the points that it is similar to, in any order and without repetition.
        Shorter lists are filled up with -1.
    similarities : array [N, n]
        The similarity with each of these points. It is 0 with all others; entries beside a -1 are
        ignored.
    size : int, optional
        The number of points, M. Default: N, the candidates themselves.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not integers and real numbers of one shape, or `size` is not a positive
        integer. Where values can be read, also if an index is neither -1 nor one of the points, is
        repeated in a list, or a similarity is not finite. The message names the candidate.

    Notes
    -----
    Pass it as ``kernel=`` in place of a matrix. `FacilityLocation` takes any lists. `GraphCut` and
    `LogDet` need symmetric lists: i is in the list of j with the same similarity as j in the list
    of i. A candidate is similar to itself only if it is in its own list.

    Results are exactly those of the matrix [M, N], which is never formed. Memory is N n numbers,
    and a step costs N n.

    Lists of nearest neighbours are not symmetric. For a sparse matrix S, ``(S + S.T) / 2`` or
    ``S.maximum(S.T)`` is.

    References
    ----------
    Lindgren, E. M., Wu, S. and Dimakis, A. G. (2016). Leveraging sparsity for efficient submodular
    data summarization. NeurIPS, arXiv:1703.02690 (facility location of nearest neighbours).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq.quantities import FacilityLocation, Neighbours
    >>> indices = np.array([[0, 1], [1, 0], [2, -1]])
    >>> lists = Neighbours(indices, np.array([[1.0, 0.9], [1.0, 0.9], [1.0, 0.0]]))
    >>> lists
    Neighbours(N=3, n=2, M=3, numpy float64)
    >>> infoq.lazy_greedy(FacilityLocation(kernel=lists), 2).indices
    array([0, 2])
    """

    indices: Array
    """The points that each candidate is similar to, [N, n]; -1 where a list is shorter."""

    similarities: Array
    """The similarities with these points, [N, n]; 0 beside a -1."""

    size: int
    """The number of points, M."""

    def __init__(self, indices: Array, similarities: Array, *, size: int | None = None) -> None:
        required(indices=indices, similarities=similarities)
        ops, (indices, similarities) = admit_all(indices=indices, similarities=similarities)
        check_same_device(ops, indices=indices, similarities=similarities)
        _check_kinds(ops, indices, similarities)
        self.size = _size(size, int(indices.shape[0]))
        xp = ops.xp
        # Some libraries take elements only by these two dtypes.
        if indices.dtype not in (xp.int32, xp.int64):
            indices = xp.astype(indices, xp.int64)
        if ops.concrete(indices):
            _check_indices(ops, indices, self.size)
        if not ops.concrete(indices) or bool(xp.any(indices < 0)):
            similarities = xp.where(indices < 0, ops.scalar(0.0, similarities), similarities)
        check_values(ops, similarities, "similarities", {2: "[N, n]"}, squared=False)
        self.indices, self.similarities = indices, similarities

    def __len__(self) -> int:
        """The number of candidates, N."""
        return int(self.indices.shape[0])

    def __repr__(self) -> str:
        dtype = str(self.similarities.dtype).rpartition(".")[2]
        count, each = self.indices.shape
        return (
            f"Neighbours(N={count}, n={each}, M={self.size}, "
            f"{ops_for(self.similarities).name} {dtype})"
        )


def _check_kinds(ops: Ops, indices: Array, similarities: Array) -> None:
    shape = tuple(indices.shape)
    if not has_dtype(ops, indices, "integral"):
        raise TypeError(
            f"indices: expected integers [N, n], got {indices.dtype} of shape {shape}; pass the "
            "indices first and the similarities second"
        )
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"indices: expected shape [N, n], none of them 0, got {shape}")
    if tuple(similarities.shape) != shape:
        raise ValueError(
            f"similarities: expected one for each of the indices {shape}, got shape "
            f"{tuple(similarities.shape)}"
        )
    check_floating(ops, similarities, "similarities")


def _size(size: int | None, count: int) -> int:
    if size is None:
        return count
    if isinstance(size, bool) or not hasattr(size, "__index__"):
        raise TypeError(f"size: expected an integer, got {type(size).__name__}")
    if size.__index__() < 1:
        raise ValueError(f"size: expected a positive number of points, got {size}")
    return size.__index__()


def _check_indices(ops: Ops, indices: Array, size: int) -> None:
    xp = ops.xp
    if bool(xp.min(indices) < -1) or bool(xp.max(indices) >= size):
        candidate, index = _first(ops, (indices < -1) | (indices >= size), indices)
        raise ValueError(
            f"indices: candidate {candidate} lists {index}, expected points from 0 to {size - 1}, "
            "or -1 where a list is shorter; for more points pass size="
        )
    ordered = xp.sort(indices, axis=1)
    twice = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if bool(xp.any(twice)):
        candidate, index = _first(ops, twice, ordered[:, 1:])
        raise ValueError(
            f"indices: candidate {candidate} lists {index} twice; list it once, and put -1 in "
            "place of the other"
        )


def _first(ops: Ops, bad: Array, values: Array) -> tuple[int, int]:
    """The first candidate with a True entry of `bad`, and the value there."""
    candidate, spot = first_place(ops, bad) or (0, 0)
    return candidate, int(values[candidate, spot])

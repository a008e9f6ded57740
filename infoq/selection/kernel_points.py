"""Points known only by a kernel, the matrix of their inner products."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.registry import admit
from infoq.linear_algebra.small_matrices import symmetric
from infoq.measures.ridge import not_negative
from infoq.quantities.submodular.matrix import matrix
from infoq.quantities.submodular.neighbours import Neighbours
from infoq.selection.points import coordinates_of


class KernelPoints:
    """N points known by their inner products [N, N]; the counterpart of `Points`.

    Raises
    ------
    TypeError, ValueError
        If the kernel is not a finite floating array [N, N] whose values can be read, is not
        symmetric, or has an eigenvalue that is clearly negative.
    """

    def __init__(self, kernel: Any) -> None:
        if isinstance(kernel, Neighbours):
            raise TypeError(f"kernel: expected an array [N, N], got {kernel!r}")
        self.outer, kernel = admit(False, kernel=kernel)
        memory = self.outer.fetch(kernel)
        self.ops = ops = ops_for(memory)
        if not ops.concrete(memory):
            raise TypeError("kernel: need values that can be read; not inside jax.jit")
        whole = matrix(memory, square=True)
        self.dtype = memory.dtype
        self._kernel = symmetric(ops, ops.upcast(whole.rows[0]))
        self.norms = ops.xp.linalg.diagonal(self._kernel)
        not_negative(ops, self._kernel, self.norms, 0.0, "kernel")

    def __len__(self) -> int:
        """The number of points, N."""
        return int(self._kernel.shape[0])

    @property
    def width(self) -> int:
        """One more than the number of points, as their coordinates are not known."""
        return len(self) + 1

    def gram(self, places: Array | None = None) -> Array:
        """Inner products [m, m] of all points, or of some."""
        if places is None:
            return self._kernel
        take = self.ops.xp.take
        return take(take(self._kernel, places, axis=0), places, axis=1)

    def coordinates(self, places: Array | None = None) -> Array:
        """Coordinates [m, m] of all points, or of some, that reproduce their inner products."""
        return coordinates_of(self.ops, self.gram(places), self.width)


def refuse_kernel(ops: Ops, points: Array) -> None:
    """Raise if features look like a kernel, unless it makes no difference."""
    xp = ops.xp
    if points.ndim != 2 or points.shape[0] != points.shape[1] or points.shape[0] < 2:
        return
    points = ops.upcast(points)
    limit = float(xp.finfo(points.dtype).eps) ** 0.5 * xp.max(xp.abs(points))
    if bool(xp.any(xp.abs(points - points.T) > limit)):
        return
    # For a projection, such as the identity, X X^T is X.
    if bool(xp.any(xp.abs(points @ points - points) > limit)):
        raise ValueError(
            f"points: a symmetric matrix of shape {tuple(points.shape)} looks like a kernel, but "
            "would be taken as features X with the kernel X X^T; pass kernel=, or if these are "
            "features infoq.DenseEmbedding(points)"
        )

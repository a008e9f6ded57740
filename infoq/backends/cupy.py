"""CuPy: triangular solves and random numbers on the GPU."""

from __future__ import annotations

from typing import Any

import cupy
from cupyx.scipy.linalg import solve_triangular

from infoq.backends.arrays import OwnArray as Array
from infoq.backends.ops import Ops, Seed, stream


class CupyOps(Ops):
    """`Ops` for CuPy arrays."""

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution, by `cupyx.scipy.linalg` for one matrix, by a full solve for a batch."""
        if a.ndim == 2:
            return solve_triangular(a, b, lower=lower, check_finite=False)
        return super().solve_triangular(a, b, lower=lower)

    def seed(self, seed: Any) -> int:
        """An integer from an integer or a `cupy.random.Generator`, which it advances."""
        if isinstance(seed, cupy.random.Generator):
            return int(seed.integers(2**31))
        return super().seed(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Random numbers from `cupy.random.default_rng`, on the current device."""
        dtype = cupy.float32 if like.dtype == cupy.float32 else cupy.float64
        return cupy.random.default_rng(stream(seed)).random(shape, dtype=dtype)

    def to_host(self, x: Array) -> Array:
        """`x` copied to a NumPy array."""
        return cupy.asnumpy(x)

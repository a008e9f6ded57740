"""NumPy: partial sorts, triangular solves by SciPy where installed, no warnings at zeros."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from infoq.backends.arrays import OwnArray as Array
from infoq.backends.ops import Ops, Seed, stream
from infoq.backends.terms import next_to_minus_one


class NumpyOps(Ops):
    """`Ops` for NumPy arrays."""

    def cache_bytes(self, x: Array) -> int | None:
        """Two MiB: times were flat from 1 to 4 MiB on processors with 1 MiB of L2 per core."""
        return 2 << 20

    def packed(self, x: Array) -> Array:
        """`x`, copied unless contiguous: operations along strides take 5 times as long."""
        return np.ascontiguousarray(x)

    def xlogx(self, x: Array) -> Array:
        """`x log x`, without `where`, which takes 10 times as long as the logarithm."""
        terms = np.log(np.maximum(x, np.finfo(x.dtype).smallest_normal))
        return np.multiply(terms, x, out=terms) if terms.ndim else terms * x

    def rough_xlogx(self, x: Array) -> Array:
        """`x log x`, computed in place, NaN at 0."""
        with np.errstate(all="ignore"):
            terms = np.log(x)
            return np.multiply(terms, x, out=terms) if terms.ndim else terms * x

    def times_log_ratio(self, p: Array, change: Array, base: Array) -> Array:
        """`p log1p(change / base)`, in one array, as memory costs as much as arithmetic."""
        with np.errstate(over="ignore"):
            ratio = change / base
            if not ratio.min(initial=0.0) > -1:
                np.maximum(ratio, next_to_minus_one(self.xp, ratio), out=ratio)
            np.log1p(ratio, out=ratio)
            return np.multiply(ratio, p, out=ratio)

    def join_blocks(self, blocks: Iterable[Array], axis: int, size: int) -> Array:
        """The blocks joined, each copied into the result at once: this halves the memory."""
        joined, end = None, 0
        for block in blocks:
            if joined is None:
                shape = (*block.shape[:axis], size, *block.shape[axis + 1 :])
                joined = np.empty(shape, dtype=block.dtype)
            start, end = end, end + block.shape[axis]
            joined[(*(slice(None),) * axis, slice(start, end))] = block
        return joined

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution, by SciPy for one matrix where installed: 30 times faster if it is large."""
        if a.ndim == 2:
            with contextlib.suppress(ImportError):
                from scipy.linalg import solve_triangular

                return solve_triangular(a, b, lower=lower, check_finite=False)
        return super().solve_triangular(a, b, lower=lower)

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The k largest, by a partial sort: N = 10^6, k = 100 in 2 ms; a full sort takes 105."""
        if not 0 < k < x.shape[0]:
            return super().top_k(x, k)
        key = np.where(np.isnan(x), -np.inf, x)
        threshold = np.partition(key, x.shape[0] - k)[x.shape[0] - k]
        above = np.flatnonzero(key > threshold)
        level = np.flatnonzero(key == threshold)[: k - above.size]
        indices = np.sort(np.concatenate([above, level]))
        indices = indices[np.argsort(-key[indices], stable=True)]
        return x[indices], indices

    def seed(self, seed: Any) -> int:
        """An integer from an integer or a `numpy.random.Generator`, which it advances."""
        if isinstance(seed, np.random.Generator):
            return int(seed.integers(2**63))
        return super().seed(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Random numbers from `numpy.random.default_rng`."""
        dtype = np.float32 if like.dtype == np.float32 else np.float64
        numbers = np.random.default_rng(stream(seed)).random(shape, dtype=dtype)
        if like.dtype == dtype:
            return numbers
        # Rounded to a narrower dtype, a number just below 1 must not become 1.
        return np.minimum(numbers, 1 - np.finfo(like.dtype).eps / 2).astype(like.dtype)

    def to_host(self, x: Array) -> Array:
        """`x` itself."""
        return x

"""Dask: formulas run inside each chunk of candidates, on the library that holds the chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da

from infoq.backends.ops import Array, Ops
from infoq.backends.registry import ops_for


class DaskOps(Ops):
    """`Ops` for Dask arrays: nothing is computed before the user asks."""

    def concrete(self, *arrays: Array) -> bool:
        """Never: reading a value computes it."""
        return False

    def constant(self, shape: tuple[int, ...], value: float, like: Array) -> Array:
        """An array of the library that holds the chunks of `like`."""
        return ops_for(like._meta).constant(shape, value, like._meta)

    def over_chunks(
        self, run: Callable[..., Array], rows: tuple[Array, ...], shared: tuple[Array, ...]
    ) -> Array:
        """One lazy task a chunk of candidates; a shared Dask array reaches each task whole."""
        arguments: list[Any] = []
        for x in rows:
            whole = dict.fromkeys(range(1, x.ndim), -1)
            arguments += [x.rechunk(whole), (0, *range(1, x.ndim))]
        offset = max(x.ndim for x in rows)
        for x in shared:
            if isinstance(x, da.Array):
                arguments += [x.rechunk(-1), tuple(range(offset, offset + x.ndim))]
                offset += x.ndim
            else:
                arguments += [x, None]
        count = len(rows)

        def chunk(*blocks: Array) -> Array:
            return run(blocks[:count], blocks[count:])

        return da.blockwise(
            chunk,
            (0,),
            *arguments,
            concatenate=True,
            meta=ops_for(rows[0]._meta).upcast(rows[0]._meta).reshape((0,)),
        )

    def cholesky(self, a: Array) -> Array:
        """The lower factors, each computed by the library that holds the chunk."""
        return _by_matrix(lambda x: ops_for(x).cholesky(x), "(i,j)->(i,j)", a)

    def cholesky_logdet(self, a: Array) -> Array:
        """The log-determinants, each computed by the library that holds the chunk."""
        return _by_matrix(lambda x: ops_for(x).cholesky_logdet(x), "(i,j)->()", a)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solutions, each computed by the library that holds the chunk."""
        return _by_matrix(
            lambda x, y: ops_for(x).solve_triangular(x, y, lower=lower), "(i,j),(j,k)->(i,k)", a, b
        )

    def row(self, x: Array, index: Array | int) -> Array:
        """`x[index, ...]`; the index is computed."""
        return x[int(index), ...]

    def fetch(self, x: Array) -> Array:
        """The computed array."""
        return x.compute() if isinstance(x, da.Array) else x

    def adopt(self, x: Array) -> Array:
        """A Dask array of one chunk."""
        return da.from_array(x, chunks=-1)

    def to_host(self, x: Array) -> Any:
        """The computed array as a NumPy array."""
        computed = self.fetch(x)
        return ops_for(computed).to_host(computed)


def _by_matrix(function: Callable[..., Array], signature: str, *arrays: Array) -> Array:
    """A function of matrices over stacks of them; Dask has only that of one large matrix."""
    return da.apply_gufunc(
        function, signature, *arrays, output_dtypes=arrays[0].dtype, allow_rechunk=True
    )

"""Dask: formulas run on each chunk of candidates, in the library of the chunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import dask.array as da

from infoq.backends.arrays import OwnArray as Array
from infoq.backends.fields import Outline, first_array, flatten, rebuilt
from infoq.backends.ops import Ops
from infoq.backends.registry import ops_for
from infoq.backends.unlike import sentence


class DaskOps(Ops):
    """`Ops` for Dask arrays: results stay lazy until the user computes them."""

    def concrete(self, *arrays: Array) -> bool:
        """Always False: reading a value would compute the array."""
        return False

    def is_sized(self, x: Array) -> bool:
        """Whether all sizes are known; they are not after a selection by values."""
        return all(size == size for size in x.shape)

    def unreadable(self, x: Array) -> str | None:
        """What the chunks are, if their library can't compute with them; else None."""
        chunk = x._meta
        return sentence(chunk) or ops_for(chunk).unreadable(chunk)

    def constant(self, shape: tuple[int, ...], value: float, like: Array) -> Array:
        """The array in memory, of the library of the chunks of `like`."""
        return ops_for(like._meta).constant(shape, value, like._meta)

    def over_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...] = (),
    ) -> Array:
        """The results `[N, *shape]`, by one lazy task per chunk that sees shared arrays whole."""
        return _by_chunk(run, rows, shared, shape)

    def add_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...],
    ) -> Array:
        """The sum of the results, by one lazy task per chunk of candidates."""
        sums = _by_chunk(partial(_one, run), rows, shared, shape, adjust_chunks={0: _single})
        return da.sum(sums, axis=0)

    def over_stacks(
        self, function: Callable[..., Any], signature: str, *arrays: Array, **settings: Any
    ) -> Any:
        """The results, by one lazy task per chunk; elimination row by row would take hundreds."""
        return _by_matrix(partial(_called, function, settings), signature, *arrays)

    def whole(self, x: Array, axes: int) -> Array:
        """`x`, rechunked to one chunk along its last axes."""
        return x.rechunk(dict.fromkeys(range(x.ndim - axes, x.ndim), -1)) if x.ndim >= axes else x

    def cholesky(self, a: Array) -> Array:
        """The lower factors, each computed by the library of its chunk."""
        return _by_matrix(partial(_method, "cholesky", {}), "(i,j)->(i,j)", a)

    def cholesky_logdet(self, a: Array) -> Array:
        """The log-determinants, each computed by the library of its chunk."""
        return _by_matrix(partial(_method, "cholesky_logdet", {}), "(i,j)->()", a)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solutions, each computed by the library of its chunk."""
        solve = partial(_method, "solve_triangular", {"lower": lower})
        return _by_matrix(solve, "(i,j),(j,k)->(i,k)", a, b)

    def orthogonal(self, a: Array) -> tuple[Array, Array]:
        """Both factors, each computed by the library of its chunk."""
        q, r = _by_matrix(partial(_method, "orthogonal", {}), "(i,j)->(i,j),(j,j)", a)
        return q, r

    def symmetric_eigen(self, a: Array) -> tuple[Array, Array]:
        """Eigenvalues and eigenvectors, each computed by the library of its chunk."""
        eigen = partial(_method, "symmetric_eigen", {})
        values, vectors = _by_matrix(eigen, "(i,j)->(i),(i,j)", a)
        return values, vectors

    def join(self, arrays: Sequence[Array]) -> Array:
        """The arrays along their first axis, rechunked to one chunk."""
        return da.concatenate(list(arrays)).rechunk(-1)

    def row(self, x: Array, index: Array | int) -> Array:
        """`x[index, ...]`, lazy; a Dask index is computed."""
        return x[int(index), ...]

    def fetch(self, x: Array) -> Array:
        """The computed array."""
        return x.compute() if isinstance(x, da.Array) else x

    def adopt(self, x: Array) -> Array:
        """The array as a Dask array of one chunk."""
        return da.from_array(x, chunks=-1)

    def to_host(self, x: Array) -> Array:
        """The computed array as a NumPy array."""
        computed = self.fetch(x)
        return ops_for(computed).to_host(computed)


def _by_chunk(
    run: Callable[..., Array],
    rows: tuple[Any, ...],
    shared: tuple[Any, ...],
    shape: tuple[int, ...],
    **options: Any,
) -> Array:
    """The results of `run` on each chunk of candidates: a Dask array `[N, *shape]`."""
    arguments: list[Any] = []
    # Every array has the same chunks of candidates, and one chunk along all other axes.
    like = first_array(rows)
    cut: list[Any] = []
    outline = flatten(rows, cut)
    free = 1
    for x in cut:
        if not isinstance(x, da.Array):  # in memory, such as a `constant`
            x = da.from_array(x, chunks=-1, asarray=False)
        whole = {0: like.chunks[0]} | dict.fromkeys(range(1, x.ndim), -1)
        arguments += [x.rechunk(whole), (0, *range(free, free + x.ndim - 1))]
        free += x.ndim - 1
    common: list[Any] = []
    outlines = outline, flatten(shared, common)
    for x in common:
        if isinstance(x, da.Array):
            arguments += [x.rechunk(-1), tuple(range(free, free + x.ndim))]
            free += x.ndim
        else:
            arguments += [x, None]
    new = {free + i: size for i, size in enumerate(shape)}
    empty: Array = ops_for(like._meta).upcast(like._meta)
    return da.blockwise(
        partial(_chunk, run, outlines),
        (0, *new),
        *arguments,
        new_axes=new,
        concatenate=True,
        meta=empty.reshape((0,) * (1 + len(shape))),
        **options,
    )


# Tasks call named functions only, so that lazy arrays can be pickled.


def _chunk(
    run: Callable[..., Array], outlines: tuple[Outline | None, ...], *blocks: Array
) -> Array:
    """`run(rows, shared)` on one chunk, after rebuilding both from their arrays."""
    arrays = iter(blocks)
    rows, shared = (rebuilt(outline, arrays) for outline in outlines)
    return run(rows, shared)


def _one(run: Callable[..., Array], *arguments: Any) -> Array:
    return run(*arguments)[None, ...]


def _single(_size: int) -> int:
    return 1


def _called(function: Callable[..., Any], settings: dict[str, Any], *x: Array) -> Any:
    return function(ops_for(x[0]), *x, **settings)


def _method(name: str, settings: dict[str, Any], *x: Array) -> Any:
    return getattr(ops_for(x[0]), name)(*x, **settings)


def _by_matrix(function: Callable[..., Any], signature: str, *arrays: Array) -> Any:
    """`function` over stacks of matrices; Dask itself supports one large matrix only."""
    results = signature.partition("->")[2].count("(")
    dtypes = (arrays[0].dtype,) * results if results > 1 else arrays[0].dtype
    return da.apply_gufunc(function, signature, *arrays, output_dtypes=dtypes, allow_rechunk=True)

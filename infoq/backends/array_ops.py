"""What the arrays of a library are, and how a computation runs on them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from functools import partial
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from infoq.backends.arrays import Array, Device, Namespace, OwnArray
from infoq.backends.fields import first_array, mapped

T = TypeVar("T")


class ArrayOps:
    """The first part of `Ops`: values, dtypes and devices of arrays, chunks, and compilers."""

    of_namespace: ClassVar[Callable[[str], ArrayOps]]
    """The `Ops` that is registered for a namespace; the registry sets it."""

    def __init__(self, xp: ModuleType) -> None:
        self.xp: Namespace = xp

    @property
    def name(self) -> str:
        """The library's name, as the registry knows it."""
        return library_name(self.xp)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[Callable[[str], ArrayOps], tuple[str]]:
        """By name: what a process makes of it is the `Ops` that is registered there."""
        namespace = self.xp.__name__
        if sys.modules.get(namespace) is not self.xp:
            raise TypeError(
                f"cannot pickle {self!r}: its namespace {namespace!r} is no module that another "
                "process could import; give its Ops a __reduce__ that makes it"
            )
        return type(self).of_namespace, (namespace,)

    def __deepcopy__(self, _memo: object) -> ArrayOps:
        return self

    # --- what an array is -------------------------------------------------------------------

    def concrete(self, *arrays: Array) -> bool:
        """Whether the values of the arrays can be read now (not traced, not lazy)."""
        return True

    def may_branch(self, *arrays: Array) -> bool:
        """Whether a formula may look at values to take a shorter way: concrete, no gradient."""
        return self.concrete(*arrays)

    def derives(self, *arrays: Array) -> bool:
        """Whether a derivative may be taken of what is computed from the arrays."""
        return False

    def valued(
        self, value: Callable[..., Array], smooth: Callable[..., Array], *arguments: Any
    ) -> Array:
        """`value` of the arguments, with the derivatives of `smooth`: arrays, trees or tuples.

        Both are the same function: one keeps the digits, the other has derivatives everywhere.
        """
        return value(*arguments)

    def either(
        self,
        condition: Array,
        one: Callable[..., Array],
        other: Callable[..., Array],
        *arguments: Any,
    ) -> Array:
        """`one` of the arguments where a 0-d condition holds, else the `other`; one is computed.

        Where the condition can't be read, and a library has no branches, it is the `other`.
        """
        if self.concrete(condition) and bool(condition):
            return one(*arguments)
        return other(*arguments)

    def records(self, x: Array) -> Hashable:
        """How gradients of `x` are recorded; what is equal may stand for each other."""
        return None

    def cache_bytes(self, x: Array) -> int | None:
        """Bytes that stay in the cache of the device of `x`; None where blocks only cost time."""
        return None

    def unreadable(self, x: Array) -> str | None:
        """What `x` is and what to do instead, where its library could not compute with it."""
        return None

    def is_sized(self, x: Array) -> bool:
        """Whether the sizes of all axes are known."""
        return True

    def native(self, x: Array) -> Array:
        """`x` in the byte order of this machine; itself where it is already."""
        if getattr(x.dtype, "isnative", True):
            return x
        of_numpy: Any = x.dtype
        return self.xp.astype(x, of_numpy.newbyteorder("="))

    def cast_like(self, x: Array, like: Array) -> Array:
        """`x` in the dtype of `like`, and in the byte order of this machine."""
        return self.native(self.xp.astype(x, like.dtype))

    def device(self, x: Array) -> Device:
        """Where `x` is; None where that is not known."""
        import array_api_compat

        device: Device = array_api_compat.device(x)
        return device

    def bits(self, x: Array) -> int:
        """The number of bits of a real floating dtype, that of `x`."""
        return int(self.xp.finfo(x.dtype).bits)

    def working_dtype(self, x: Array) -> Any:
        """The dtype that `x` is computed in: its own, or float32 for half precisions."""
        return self.xp.float32 if self.bits(x) < 32 else x.dtype

    def item_bytes(self, x: Array) -> int:
        """Bytes per number in the dtype that `x` is computed in: 4 or more."""
        return max(32, self.bits(x)) // 8

    def upcast(self, x: Array) -> Array:
        """`x` in the precision that it is computed in: half precisions widen to float32."""
        return self.xp.astype(x, self.xp.float32) if self.bits(x) < 32 else x

    def scalar(self, value: float, like: Array) -> Array:
        """A 0-d array with the dtype and the device of `like`."""
        return self.xp.full((), value, dtype=like.dtype, device=self.device(like))

    def packed(self, x: Array) -> Array:
        """`x` with its memory in the order of its axes, where a transpose is only a view."""
        return x

    def constant(self, shape: tuple[int, ...], value: float, like: Array) -> Array:
        """An array in memory, in the precision that `like` is computed in and on its device."""
        dtype = self.working_dtype(like)
        return self.xp.full(shape, value, dtype=dtype, device=self.device(like))

    def equal_weights(self, count: int, like: Array) -> Array:
        """Weights [count] that sum to one, divided in the precision of the library."""
        return self.constant((count,), 1.0, like) / count

    def choose(
        self, condition: Array, first: Callable[[], Array], second: Callable[[], Array]
    ) -> Array:
        """`first()` where a condition [] holds, and `second()` where not or where that is unknown.

        The second is right in any case, the first the shorter way.
        """
        return first() if self.concrete(condition) and bool(condition) else second()

    # --- what is made of arrays -------------------------------------------------------------

    @staticmethod
    def register_tree(cls: type[Any]) -> None:
        """Let the library's transformations look into objects of a class (see `trees`)."""

    # --- where arrays live ------------------------------------------------------------------

    def over_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...] = (),
    ) -> Array:
        """`run(rows, shared)`, chunk by chunk where the library keeps its arrays in chunks.

        `run` maps arrays [n, ...] and shared arrays (or trees or tuples of either) to
        `[n, *shape]`; trees it gets as such, of the arrays of a chunk.
        """
        return run(rows, shared)

    def add_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...],
    ) -> Array:
        """The sum of `run(rows, shared)` over the chunks that a library keeps its arrays in.

        `run` maps arrays [n, ...] and shared arrays, as of `over_chunks`, to an array of `shape`.
        """
        return run(rows, shared)

    def compiled(self, function: Callable[..., T], settings: Hashable) -> Callable[..., T]:
        """`function` with this `Ops` as its first argument, compiled where the library compiles.

        `settings` is what the function depends on beside its arguments.
        """
        return partial(function, self)

    def over_stacks(
        self, function: Callable[..., T], signature: str, *arrays: Array, **settings: Hashable
    ) -> T:
        """`function(ops, *arrays, **settings)` of stacks of vectors or matrices, each whole.

        `signature` names the axes of one, as NumPy's generalised universal functions do, such as
        ``"(i,j),(i)->()"``; the axes before them broadcast, and the results have what they
        broadcast to and the dtype of the first array. `function` reads no values.
        """
        return self.compiled(partial(function, **settings), None)(*arrays)

    def whole(self, x: Array, axes: int) -> Array:
        """`x`, cut into chunks along none of its last `axes` axes."""
        return x

    def sum_blocks(
        self, function: Callable[..., Array], columns: tuple[Any, ...], step: int
    ) -> Array:
        """The sum of `function` over blocks of `step` rows of arrays or trees, all of S rows."""
        total = first_array(columns).shape[0]
        if total <= step:  # the loop would make a compiled program one of this size alone
            return function(*columns)
        parts = (slice(start, min(start + step, total)) for start in range(0, total, step))
        first, *others = parts
        result = function(*mapped(partial(_rows_of, first), columns))
        for part in others:
            result = result + function(*mapped(partial(_rows_of, part), columns))
        return result

    def to_device(self, x: Array, device: Any) -> Array:
        """`x` on another of the library's devices."""
        import array_api_compat

        moved: Array = array_api_compat.to_device(x, device)
        return moved

    def fetch(self, x: Array) -> Array:
        """`x` in memory: itself, or the computed array of a lazy library."""
        return x

    def adopt(self, x: Array) -> Array:
        """The inverse of `fetch`: an array in memory as an array of this library."""
        return x

    def to_host(self, x: Array) -> OwnArray:
        """`x` as a NumPy array.

        Raises
        ------
        NotImplementedError
            If the library offers neither DLPack nor conversion to NumPy.
        """
        import numpy as np

        own: OwnArray = x
        try:
            return np.from_dlpack(own)
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):
            try:
                return np.asarray(own)
            except (RuntimeError, TypeError, ValueError) as error:
                raise NotImplementedError(f"to_host is not possible for {self.name}") from error


def _rows_of(part: slice, x: Array) -> Array:
    return x[part, ...]


def library_name(xp: Namespace | ModuleType) -> str:
    """The name that the registry gives to the library of a namespace.

    Examples
    --------
    >>> import array_api_compat.numpy
    >>> library_name(array_api_compat.numpy)
    'numpy'
    """
    parts = [part for part in xp.__name__.split(".") if part != "array_api_compat"]
    return parts[0]

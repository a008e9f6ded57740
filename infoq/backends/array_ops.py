"""Values, dtypes, devices and chunks of a library's arrays, and how computations run on them."""

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
    """The `Ops` registered for a namespace, by its name; the registry sets this function."""

    def __init__(self, xp: ModuleType) -> None:
        self.xp: Namespace = xp

    @property
    def name(self) -> str:
        """The library's name, as the registry knows it."""
        return library_name(self.xp)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[Callable[[str], ArrayOps], tuple[str]]:
        """The pickle, by name: it loads as the `Ops` registered in the process that reads it."""
        namespace = self.xp.__name__
        if sys.modules.get(namespace) is not self.xp:
            raise TypeError(
                f"cannot pickle {self!r}: its namespace {namespace!r} is not a module that another "
                "process could import; give its Ops a __reduce__ that recreates it"
            )
        return type(self).of_namespace, (namespace,)

    def __deepcopy__(self, _memo: object) -> ArrayOps:
        return self

    # --- properties of arrays ---------------------------------------------------------------

    def concrete(self, *arrays: Array) -> bool:
        """Whether the values of the arrays can be read now (not traced, not lazy)."""
        return True

    def may_branch(self, *arrays: Array) -> bool:
        """Whether a formula may read values to take a shortcut: concrete, without gradients."""
        return self.concrete(*arrays)

    def derives(self, *arrays: Array) -> bool:
        """Whether results computed from the arrays may be differentiated."""
        return False

    def valued(
        self, value: Callable[..., Array], smooth: Callable[..., Array], *arguments: Any
    ) -> Array:
        """`value(*arguments)`, with the derivatives of `smooth`.

        Both are the same mathematical function: `value` is more accurate, and `smooth` is
        differentiable everywhere. Arguments are arrays, trees or tuples.
        """
        return value(*arguments)

    def either(
        self,
        condition: Array,
        one: Callable[..., Array],
        other: Callable[..., Array],
        *arguments: Any,
    ) -> Array:
        """`one(*arguments)` if a 0-d condition holds, else `other(*arguments)`.

        Only one of them is computed. Where the condition can't be read and the library has no
        branches, it is `other`.
        """
        if self.concrete(condition) and bool(condition):
            return one(*arguments)
        return other(*arguments)

    def records(self, x: Array) -> Hashable:
        """A key for how autograd tracks `x`; arrays with equal keys may share a cached array."""
        return None

    def cache_bytes(self, x: Array) -> int | None:
        """Cache size in bytes of the device of `x`; None where small blocks only cost time."""
        return None

    def unreadable(self, x: Array) -> str | None:
        """What `x` is and what to pass instead, if its library can't compute with it; else None."""
        return None

    def is_sized(self, x: Array) -> bool:
        """Whether the sizes of all axes are known."""
        return True

    def native(self, x: Array) -> Array:
        """`x` in the byte order of this machine; `x` itself if it has that order already."""
        if getattr(x.dtype, "isnative", True):
            return x
        of_numpy: Any = x.dtype
        return self.xp.astype(x, of_numpy.newbyteorder("="))

    def cast_like(self, x: Array, like: Array) -> Array:
        """`x` in the dtype of `like`, and in the byte order of this machine."""
        return self.native(self.xp.astype(x, like.dtype))

    def device(self, x: Array) -> Device:
        """The device of `x`; None where it is not known."""
        import array_api_compat

        device: Device = array_api_compat.device(x)
        return device

    def bits(self, x: Array) -> int:
        """The number of bits of the real floating dtype of `x`."""
        return int(self.xp.finfo(x.dtype).bits)

    def working_dtype(self, x: Array) -> Any:
        """The dtype of computations with `x`: its own, or float32 for half precisions."""
        return self.xp.float32 if self.bits(x) < 32 else x.dtype

    def item_bytes(self, x: Array) -> int:
        """Bytes per number in the working dtype of `x`: 4 or more."""
        return max(32, self.bits(x)) // 8

    def upcast(self, x: Array) -> Array:
        """`x` in its working dtype: half precisions are widened to float32."""
        return self.xp.astype(x, self.xp.float32) if self.bits(x) < 32 else x

    def scalar(self, value: float, like: Array) -> Array:
        """A 0-d array with the dtype and the device of `like`."""
        return self.xp.full((), value, dtype=like.dtype, device=self.device(like))

    def packed(self, x: Array) -> Array:
        """`x` contiguous in the order of its axes, in libraries where a transpose is a view."""
        return x

    def constant(self, shape: tuple[int, ...], value: float, like: Array) -> Array:
        """An array filled with `value`, in memory, in the working dtype and device of `like`."""
        dtype = self.working_dtype(like)
        return self.xp.full(shape, value, dtype=dtype, device=self.device(like))

    def equal_weights(self, count: int, like: Array) -> Array:
        """Equal weights [count] that sum to one, in the working dtype of `like`."""
        return self.constant((count,), 1.0, like) / count

    def choose(
        self, condition: Array, first: Callable[[], Array], second: Callable[[], Array]
    ) -> Array:
        """`first()` if a 0-d condition holds; `second()` if not, or if it can't be read.

        `second` is correct in any case; `first` is a shortcut for when the condition holds.
        """
        return first() if self.concrete(condition) and bool(condition) else second()

    # --- objects made of arrays -------------------------------------------------------------

    @staticmethod
    def register_tree(cls: type[Any]) -> None:
        """Register a class with the library, whose transformations then see its arrays."""

    # --- where arrays live ------------------------------------------------------------------

    def over_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...] = (),
    ) -> Array:
        """`run(rows, shared)`: `[N, *shape]`, chunk by chunk if the library has chunked arrays.

        `run` maps arrays [n, ...] and shared arrays (or trees or tuples of either) to
        `[n, *shape]`. Trees reach it as trees that hold the arrays of one chunk.
        """
        return run(rows, shared)

    def add_chunks(
        self,
        run: Callable[..., Array],
        rows: tuple[Any, ...],
        shared: tuple[Any, ...],
        shape: tuple[int, ...],
    ) -> Array:
        """The sum of `run(rows, shared)` over chunks, if the library has chunked arrays.

        `run` maps arrays [n, ...] and shared arrays, as in `over_chunks`, to an array of `shape`.
        """
        return run(rows, shared)

    def compiled(self, function: Callable[..., T], settings: Hashable) -> Callable[..., T]:
        """`function` with this `Ops` as its first argument, compiled if the library compiles.

        `settings` is all that the function depends on other than its arguments.
        """
        return partial(function, self)

    def over_stacks(
        self, function: Callable[..., T], signature: str, *arrays: Array, **settings: Hashable
    ) -> T:
        """`function(ops, *arrays, **settings)` over stacks of vectors or matrices.

        `signature` names the core axes, as in NumPy's generalised universal functions, such as
        ``"(i,j),(i)->()"``. The axes before them broadcast. Results have the broadcast axes and the
        dtype of the first array. `function` gets each vector or matrix whole, and reads no values.
        """
        return self.compiled(partial(function, **settings), None)(*arrays)

    def whole(self, x: Array, axes: int) -> Array:
        """`x` with its last `axes` axes in one chunk."""
        return x

    def sum_blocks(
        self, function: Callable[..., Array], columns: tuple[Any, ...], step: int
    ) -> Array:
        """The sum of `function(*block)` over blocks of `step` rows of arrays or trees [S, ...]."""
        total = first_array(columns).shape[0]
        if total <= step:  # the loop would fix a compiled program to this size
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
        """`x` in memory: `x` itself, or the computed array if the library is lazy."""
        return x

    def adopt(self, x: Array) -> Array:
        """An array of this library from an array in memory: the inverse of `fetch`."""
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

"""What infoq asks of an array library, with complete defaults in pure array API.

A library that follows the array API standard needs no code at all: `Ops` works on it as it is.
A subclass overrides a method only for speed, or where a library departs from the standard.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from types import ModuleType
from typing import Any, ClassVar, TypeAlias, TypeVar

from infoq.backends import terms
from infoq.backends.arrays import Array, Namespace, OwnArray, is_integer
from infoq.backends.fields import first_array, mapped

T = TypeVar("T")

Seed: TypeAlias = tuple[int, ...]
"""Integers that name one stream of random numbers; equal seeds give equal numbers."""

# How many terms one product of matrices may add: of draws, and of classes or outcomes.
LONGEST_MIX = 64
LONGEST_PRODUCT = 256


class Ops:
    """The operations that the array API standard lacks, for one array library.

    Parameters
    ----------
    xp : module
        An array API namespace, such as `array_api_compat.array_namespace` returns.

    Notes
    -----
    Methods take and return arrays of `xp`, keep their device and dtype, and change none of them.
    """

    of_namespace: ClassVar[Callable[[str], Ops]]
    """The `Ops` that is registered for a namespace; the registry sets it."""

    def __init__(self, xp: ModuleType) -> None:
        self.xp: Namespace = xp

    @property
    def name(self) -> str:
        """The library's name, as the registry knows it."""
        return library_name(self.xp)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[Callable[[str], Ops], tuple[str]]:
        """By name: what a process makes of it is the `Ops` that is registered there."""
        namespace = self.xp.__name__
        if sys.modules.get(namespace) is not self.xp:
            raise TypeError(
                f"cannot pickle {self!r}: its namespace {namespace!r} is no module that another "
                "process could import; give its Ops a __reduce__ that makes it"
            )
        return type(self).of_namespace, (namespace,)

    def __deepcopy__(self, _memo: object) -> Ops:
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

    def device(self, x: Array) -> Any:
        """Where `x` is; None where that is not known."""
        import array_api_compat

        return array_api_compat.device(x)

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

    # --- elementwise ------------------------------------------------------------------------

    def xlogx(self, x: Array) -> Array:
        """`x log x` for `x >= 0`, with value 0 and gradient 0 at 0."""
        xp = self.xp
        return x * xp.log(xp.where(x > 0, x, self.scalar(1.0, x)))

    def rough_xlogx(self, x: Array) -> Array:
        """`x log x`, by the shortest way: at 0 it may be NaN."""
        return self.xlogx(x)

    def kl_term(self, r: Array) -> Array:
        """`(1 + r) log(1 + r) - r`: the integrand of a Kullback-Leibler divergence.

        Never below 0, and to full relative accuracy for small `r`, where the three terms cancel.

        Parameters
        ----------
        r : array
            The relative deviation `p / q - 1 >= -1`.
        """
        form = terms.kl_term_at_once if self.may_branch(r) else terms.kl_term
        return form(self.xp, r, self.scalar(terms.next_to_minus_one(self.xp, r), r))

    def rough_kl_term(self, r: Array) -> Array:
        """`kl_term` to an absolute error of `6 eps |r| (1 + |log1p r|)`, by the shorter way.

        Where values can't be read it is `kl_term`.
        """
        xp = self.xp
        if not self.may_branch(r) or 0 in r.shape:
            return self.kl_term(r)
        low, high = float(xp.min(r)), float(xp.max(r))
        if -low < (limit := terms.series_limit(xp, r)) and high < limit:
            return terms.series(r)
        if not low > -1:  # a NaN, too
            r = xp.maximum(r, self.scalar(terms.next_to_minus_one(xp, r), r))
        return terms.direct(xp, r)

    def times_log_ratio(self, p: Array, change: Array, base: Array) -> Array:
        """`p log1p(change / base)`, which is `p log(p / base)`; 0 where p is, and may be NaN there.

        Parameters
        ----------
        p : array [n, K, C]
            Probabilities.
        change : array [n, K, C]
            `p - base`.
        base : array [n, 1, C]
            Positive numbers.
        """
        xp = self.xp
        lowest = self.scalar(terms.next_to_minus_one(xp, p), p)
        return p * xp.log1p(xp.maximum(change / base, lowest))

    # --- reductions -------------------------------------------------------------------------

    def logsumexp(self, x: Array, axis: int = -1, *, keepdims: bool = False) -> Array:
        """`log(sum(exp(x)))` without overflow; -inf with gradient 0 where all of `x` is -inf."""
        xp = self.xp
        top = self._top(x, axis)
        total = xp.sum(xp.exp(x - top), axis=axis, keepdims=True)
        some = total > 0
        log = xp.log(xp.where(some, total, self.scalar(1.0, x))) + top
        log = xp.where(some | xp.isnan(total), log, self.scalar(-float("inf"), x))
        return log if keepdims else xp.squeeze(log, axis=axis)

    def softmax(self, x: Array, axis: int = -1) -> Array:
        """`exp(x) / sum(exp(x))`; 0 where all of `x` is -inf, not finite where some is inf."""
        xp = self.xp
        power = xp.exp(x - self._top(x, axis))
        total = xp.sum(power, axis=axis, keepdims=True)
        return power / xp.where((total > 0) & xp.isfinite(total), total, self.scalar(1.0, x))

    def log_softmax(self, x: Array, axis: int = -1) -> Array:
        """`log(softmax(x))`, finite wherever `x` is; -inf where all of `x` is -inf."""
        xp = self.xp
        # Shifted before the logarithm is taken off: a common offset costs no digits.
        shifted = x - self._top(x, axis)
        # The largest is exactly 1 of the total: by log1p of the others it keeps its digits.
        largest = xp.argmax(shifted, axis=axis, keepdims=True)
        size = [1] * x.ndim
        size[axis] = x.shape[axis]
        places = xp.reshape(xp.arange(x.shape[axis], device=self.device(x)), tuple(size))
        zero = self.scalar(0.0, x)
        top = (places == largest) & (shifted == 0)
        rest = xp.sum(xp.where(top, zero, xp.exp(shifted)), axis=axis, keepdims=True)
        some = xp.any(top, axis=axis, keepdims=True) | ~(rest == 0)
        return shifted - xp.where(some, xp.log1p(rest), zero)

    def _top(self, x: Array, axis: int) -> Array:
        # Finite, so that inf - inf does not arise.
        largest = float(self.xp.finfo(x.dtype).max)
        return self.xp.clip(self.xp.max(x, axis=axis, keepdims=True), -largest, largest)

    def cumulative_sum(self, x: Array, axis: int = -1) -> Array:
        """The sums of all entries up to each, along one axis."""
        return self.xp.cumulative_sum(x, axis=axis)

    def mix(self, weights: Array, x: Array) -> Array:
        """`sum_k weights[k] x[n, k, ...]` as a matrix product: [K] and [n, K, C] give [n, C].

        Of many draws in pieces: a product of matrices may add them one by one, and its rounding
        grows with their number where they are alike.
        """
        xp = self.xp
        n, draws, classes = x.shape
        if draws <= LONGEST_MIX:
            return xp.matmul(weights, x)
        half = LONGEST_MIX // 2
        size = next((d for d in range(half, half // 2, -1) if draws % d == 0), half)
        pieces = draws // size
        whole = pieces * size
        folded = xp.reshape(x[:, :whole, :], (n, pieces, size, classes))
        parts = xp.matmul(xp.reshape(weights[:whole], (pieces, 1, size)), folded)
        total = xp.sum(parts[:, :, 0, :], axis=1)
        if whole < draws:
            total = total + xp.matmul(weights[whole:], x[:, whole:, :])
        return total

    def weigh(self, x: Array, weights: Array) -> Array:
        """`sum_s x[..., s] weights[s]`: a matrix product, or of many terms a sum in pairs.

        A matrix product of 4 million equal terms is off by a hundredth in float32.
        """
        if weights.shape[0] <= LONGEST_PRODUCT:
            return self.xp.matmul(x, weights)
        return self.xp.sum(x * weights, axis=-1)

    # --- linear algebra ---------------------------------------------------------------------

    def cholesky(self, a: Array) -> Array:
        """The lower Cholesky factor of symmetric matrices [..., R, R].

        Raises
        ------
        ValueError
            If the matrices are not square, or (where values can be read) not positive definite.
        """
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            raise ValueError(f"expected square matrices, got shape {tuple(a.shape)}")
        try:
            factor = self._lower_factor(a)
        except NotImplementedError:  # no linear algebra in this dtype
            raise
        except (ArithmeticError, RuntimeError, ValueError) as error:
            raise ValueError(_not_positive_definite(a)) from error
        if self.concrete(factor) and not bool(self.xp.all(self.xp.isfinite(factor))):
            raise ValueError(_not_positive_definite(a))
        return factor

    def _lower_factor(self, a: Array) -> Array:
        return self.xp.linalg.cholesky(a)

    def cholesky_logdet(self, a: Array) -> Array:
        """`log det a` of positive definite matrices [..., R, R], through their Cholesky factor."""
        diagonal = self.xp.linalg.diagonal(self.cholesky(a))
        return 2 * self.xp.sum(self.xp.log(diagonal), axis=-1)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution x of `a x = b` for triangular a [..., R, R] and b [..., R, S].

        The other triangle of `a` is not read.
        """
        xp = self.xp
        return xp.linalg.solve(xp.tril(a) if lower else xp.triu(a), b)

    def orthogonal(self, a: Array) -> tuple[Array, Array]:
        """`a = q r` [P, Q] of rank Q: orthonormal columns q, and r [Q, Q] upper triangular.

        The diagonal of r is positive.
        """
        xp = self.xp
        q, r = self._thin_qr(a)
        diagonal = xp.linalg.diagonal(r)
        sign = xp.where(diagonal < 0, self.scalar(-1.0, a), self.scalar(1.0, a))
        return q * sign, r * sign[:, None]

    def _thin_qr(self, a: Array) -> tuple[Array, Array]:
        q, r = self.xp.linalg.qr(a)
        return q, r

    def symmetric_eigen(self, a: Array) -> tuple[Array, Array]:
        """The eigenvalues [..., R], ascending, and eigenvectors [..., R, R] of symmetric matrices.

        The eigenvectors are the columns.
        """
        values, vectors = self.xp.linalg.eigh(a)
        return values, vectors

    # --- order and places -------------------------------------------------------------------

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The `k` largest values of x [N] and their indices, in descending order.

        Equal values are taken in the order of their indices, and NaN counts as -inf.
        """
        xp = self.xp
        key = xp.where(xp.isnan(x), self.scalar(-float("inf"), x), x)
        indices = xp.argsort(key, descending=True, stable=True)[: min(k, x.shape[0])]
        return xp.take(x, indices, axis=0), indices

    def join(self, arrays: Sequence[Array]) -> Array:
        """The arrays along their first axis, in one piece."""
        return self.xp.concat(list(arrays))

    def join_blocks(self, blocks: Iterable[Array], axis: int, size: int) -> Array:
        """The blocks, as they come, one after the other along an axis that is of `size` then."""
        return self.xp.concat(list(blocks), axis=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int = -1) -> Array:
        """`x` at the `indices` [..., J] along one axis; the other axes match."""
        xp = self.xp
        if hasattr(xp, "take_along_axis"):
            return xp.take_along_axis(x, indices, axis=axis)
        x, indices = xp.moveaxis(x, axis, -1), xp.moveaxis(indices, axis, -1)
        size = x.shape[-1]
        rows = xp.reshape(x, (-1, size))
        start = size * xp.arange(rows.shape[0], dtype=indices.dtype, device=self.device(x))
        picked = xp.reshape(indices, (rows.shape[0], -1)) + start[:, None]
        flat = xp.take(xp.reshape(rows, (-1,)), xp.reshape(picked, (-1,)), axis=0)
        return xp.moveaxis(xp.reshape(flat, indices.shape), -1, axis)

    def row(self, x: Array, index: Array | int) -> Array:
        """`x[index, ...]`, for an index that may be a 0-d array."""
        if is_integer(index):  # NumPy's, too, whatever the library
            return x[int(index), ...]
        return self.xp.take(x, self.xp.reshape(index, (1,)), axis=0)[0, ...]

    # --- random numbers ---------------------------------------------------------------------

    def seed(self, seed: Any) -> int:
        """An integer from what a user gives as a seed: an integer, or the library's generator."""
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
            raise TypeError(
                f"seed: expected an integer or a random generator of {self.name}, "
                f"got {type(seed).__name__}"
            )
        return int(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Independent numbers in [0, 1), of the dtype and on the device of `like`."""
        from random import Random  # imports hashlib, which takes a tenth of `import infoq`

        source = Random(stream(seed))
        count = math.prod(shape)
        # A number just below 1 must not round to 1 in a narrower dtype.
        below_one = 1 - float(self.xp.finfo(like.dtype).eps) / 2
        values = [min(source.random(), below_one) for _ in range(count)]
        device = self.device(like)
        return self.xp.reshape(self.xp.asarray(values, dtype=like.dtype, device=device), shape)

    def normal(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Independent standard normal numbers, of the dtype and on the device of `like`."""
        xp = self.xp
        radius = xp.sqrt(-2 * xp.log1p(-self.uniform(shape, (*seed, 0), like)))
        return radius * xp.cos(2 * math.pi * self.uniform(shape, (*seed, 1), like))

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

    def to_host(self, x: Array) -> Any:
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


def _not_positive_definite(a: Array) -> str:
    return (
        f"the matrix of shape {tuple(a.shape)} is not positive definite; "
        "a larger prior precision or ridge makes it so"
    )


def stream(seed: Seed) -> int:
    """A 63-bit integer that stands for all the integers of a seed, the same on every machine.

    Parameters
    ----------
    seed : tuple of int
        What names the stream.

    Returns
    -------
    int
        Between 0 and 2^63 - 1.

    Examples
    --------
    >>> import infoq
    >>> infoq.backends.stream((0, 1)) == infoq.backends.stream((0, 1))
    True
    """
    from random import Random

    return Random(":".join(map(str, seed))).getrandbits(63)


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

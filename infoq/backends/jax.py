"""JAX: tracers, compiled blocks, triangular solves, and keys as seeds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg

from infoq.backends.arrays import OwnArray as Array
from infoq.backends.fields import Outline, first_array, flatten, mapped, rebuilt
from infoq.backends.ops import Ops, Seed, stream

# A bound on kept programs, in case a user creates functions in a loop.
_KEPT = 512
# Each program, and the outlines of its results.
_COMPILED: dict[Hashable, tuple[Callable[..., Any], dict[int, Outline | None]]] = {}
_NUMBERS = count()


# Each formula is compiled as one program. Run one by one, its operations are up to 20 programs per
# shape: the first eager call takes 2 to 9 times as long, and later calls 20 to 100 times.
def _one_program(method: Callable[..., Any], *static: str) -> Callable[..., Any]:
    program: Callable[..., Any] = jax.jit(method, static_argnames=("self", *static))
    return program


class JaxOps(Ops):
    """`Ops` for JAX arrays, eager or traced."""

    xlogx = _one_program(Ops.xlogx)
    kl_term = _one_program(Ops.kl_term)
    digamma = _one_program(Ops.digamma)
    digamma_gain = _one_program(Ops.digamma_gain)
    digamma_lag = _one_program(Ops.digamma_lag)
    logsumexp = _one_program(Ops.logsumexp, "axis", "keepdims")
    softmax = _one_program(Ops.softmax, "axis")
    log_softmax = _one_program(Ops.log_softmax, "axis")
    top_k = _one_program(Ops.top_k, "k")

    def concrete(self, *arrays: Array) -> bool:
        """Whether values can be read: no array is a tracer, and results would not be tracers.

        Inside `jax.jit` every result is a tracer, even of arrays that are closed over.
        """
        return not any(isinstance(x, jax.core.Tracer) for x in (*arrays, jnp.zeros(())))

    def may_branch(self, *arrays: Array) -> bool:
        """Always False: a compiled formula evaluates both sides in one pass."""
        return False

    def derives(self, *arrays: Array) -> bool:
        """Whether any array is traced, for a derivative or another transformation."""
        return not self.concrete(*arrays)

    def valued(
        self, value: Callable[..., Array], smooth: Callable[..., Array], *arguments: Any
    ) -> Array:
        """`value(*arguments)`; a custom JVP computes `smooth` for derivatives only."""
        ruled = jax.custom_jvp(value)
        ruled.defjvp(lambda at, along: (ruled(*at), jax.jvp(smooth, at, along)[1]))
        return ruled(*arguments)

    def choose(
        self, condition: Array, first: Callable[[], Array], second: Callable[[], Array]
    ) -> Array:
        """The result of one branch, by `lax.cond`, also inside a compiled program."""
        return jax.lax.cond(condition, first, second)

    def either(
        self,
        condition: Array,
        one: Callable[..., Array],
        other: Callable[..., Array],
        *arguments: Any,
    ) -> Array:
        """The result of one branch, by `lax.cond`, also inside a compiled program."""
        result: Array = jax.lax.cond(condition, one, other, *arguments)
        return result

    def compiled(self, function: Callable[..., Any], settings: Hashable) -> Callable[..., Any]:
        """`function`, compiled to one program per structure of its arguments and then cached.

        Programs take and return arrays only, and the structure is part of the key of this cache.
        JAX's own cache would keep every structure it has seen, with the user's functions in it.
        """
        kind = (self, _key(function), settings)

        def run(*arguments: Any) -> Any:
            leaves: list[Any] = []
            outline = flatten(arguments, leaves)
            key = (kind, _key(outline))
            kept = _COMPILED.get(key)
            if kept is None:
                if len(_COMPILED) >= _KEPT:
                    del _COMPILED[next(iter(_COMPILED))]
                outlines: dict[int, Outline | None] = {}
                program = jax.jit(partial(_flat, function, self, outline, outlines))
                kept = _COMPILED[key] = program, outlines
            result = kept[0](*leaves)
            if not isinstance(result, dict):
                return result
            ((number, found),) = result.items()
            return rebuilt(kept[1][number], iter(found))

        return run

    def sum_blocks(
        self, function: Callable[..., Array], columns: tuple[Any, ...], step: int
    ) -> Array:
        """The sum, by one loop of the program, so that its size does not grow with the blocks."""
        total = first_array(columns).shape[0]
        blocks = -(-total // step)
        if blocks == 1:
            return function(*columns)

        def fold(x: Array) -> Array:
            padding = [(0, blocks * step - total)] + [(0, 0)] * (x.ndim - 1)
            return jnp.reshape(jnp.pad(x, padding), (blocks, step, *x.shape[1:]))

        leaves: list[Any] = []
        outline = flatten(mapped(fold, columns), leaves)

        def add(sofar: Array, block: list[Any]) -> tuple[Array, None]:
            return sofar + function(*rebuilt(outline, iter(block))), None

        result = function(*rebuilt(outline, iter([x[0] for x in leaves])))
        return jax.lax.scan(add, result, [x[1:] for x in leaves])[0]

    def _lower_factor(self, a: Array) -> Array:
        # From the lower triangle, as in other libraries; JAX would symmetrise its input.
        return jax.lax.linalg.cholesky(a, symmetrize_input=False)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution, by `jax.scipy.linalg`: at R = 1024 15 times faster than a full solve."""
        return jax.scipy.linalg.solve_triangular(a, b, lower=lower)

    @staticmethod
    def register_tree(cls: type[Any]) -> None:
        """Register a class as a pytree: `parts` are children, `settings` are constants."""
        jax.tree_util.register_pytree_node(
            cls,
            lambda tree: (tree.parts, tree.settings),
            lambda settings, parts: cls.from_parts(tuple(parts), settings),
        )

    def seed(self, seed: Any) -> int:
        """An integer from an integer or a JAX random key."""
        if isinstance(seed, jax.Array):
            # A typed key, or the two integers of a legacy key.
            if seed.dtype == jnp.uint32 and seed.shape == (2,):
                seed = jax.random.wrap_key_data(seed)
            if jax.dtypes.issubdtype(seed.dtype, jax.dtypes.prng_key):
                with jax.ensure_compile_time_eval():  # a key from outside has a value inside `jit`
                    bits = jax.random.bits(seed, dtype=jnp.uint32)
                if isinstance(bits, jax.core.Tracer):
                    raise TypeError(
                        "seed: expected a key with a value, got a traced one; make it outside the "
                        "function that is traced, and do not pass it as an argument"
                    )
                return int(bits)
        return super().seed(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Random numbers from a JAX key, on the device of `like` where that is known."""
        key = jax.random.key(stream(seed) % 2**31)
        numbers = jax.random.uniform(key, shape, dtype=like.dtype)
        device = self.device(like)
        return numbers if device is None else jax.device_put(numbers, device)


def _flat(
    function: Callable[..., Any],
    ops: Ops,
    outline: Outline | None,
    outlines: dict[int, Outline | None],
    *leaves: Array,
) -> Any:
    """The result of `function` for leaves with this outline, as arrays only.

    It is an array, or a dictionary of a number and arrays, with the outline of the result in
    `outlines` under that number. Each tracing has a number of its own: for other shapes the
    structure of the result may differ.
    """
    result = function(ops, *rebuilt(outline, iter(leaves)))
    if isinstance(result, jax.Array):
        return result
    found: list[Any] = []
    number = next(_NUMBERS)
    outlines[number] = flatten(result, found)
    return {number: found}


def _key(run: Any) -> Hashable:
    """A hashable key of a function; partial applications of equal parts have equal keys."""
    if isinstance(run, partial):
        words = tuple((name, _key(value)) for name, value in sorted(run.keywords.items()))
        return (_key(run.func), tuple(_key(part) for part in run.args), words)
    if isinstance(run, tuple):  # a named tuple is equal to any other of the same fields
        return type(run), tuple(_key(part) for part in run)
    part: Hashable = run
    return type(run), part

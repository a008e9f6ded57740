"""The table of capabilities: where each public function works, stated at its definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import (
    Any,
    Final,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
)

from infoq.backends.arrays import Array, OwnArray
from infoq.backends.tables import Table

P = ParamSpec("P")
C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., Any])

State: TypeAlias = Literal["works", "refused", "meaningless"]


class Capability(NamedTuple):
    """Whether a function works in one setting: a library or a transformation.

    Attributes
    ----------
    state : {"works", "refused", "meaningless"}
        It works; it raises an error; or the setting does not apply to it.
    reason : str
        The reason, where it does not work.

    Examples
    --------
    >>> import infoq
    >>> infoq.backends.CAPABILITIES["greedy"].lazy
    Capability(state='refused', reason='the picks are computed eagerly')
    """

    state: State = "works"
    reason: str = ""


WORKS: Final = Capability()


_WITHOUT_VALUES: Final = ("jit", "compile", "grad", "vmap", "lazy", "meta")


def meaningless(reason: str) -> Capability:
    """The capability of a setting that does not apply, such as the gradient of an integer."""
    return Capability("meaningless", reason)


class Capabilities(NamedTuple):
    """Where a public function works, and under which transformations.

    Attributes
    ----------
    numpy, torch, jax, dask, array_api_strict : Capability
        Arrays of this library give the results of float64 in NumPy. They are computed eagerly;
        Dask's are computed at the end.
    jit : Capability
        Inside `jax.jit`, with the arrays as its arguments.
    compile : Capability
        Under `torch.compile` with ``fullgraph=True``.
    autograd : Capability
        `torch.autograd` differentiates floating results with respect to floating inputs.
    grad : Capability
        `jax.grad` does the same, where no value can be read.
    vmap : Capability
        Under `torch.func.vmap` and `jax.vmap`, over one additional axis of its arrays.
    lazy : Capability
        Dask arrays give Dask arrays, and nothing is computed yet.
    half : Capability
        float16 (NumPy, PyTorch, JAX) and bfloat16 (PyTorch, JAX) give the same dtype, exact to the
        precision of that dtype.
    meta : Capability
        Tensors of PyTorch's device "meta", which have no values, give tensors of the same shapes
        and dtypes.

    Examples
    --------
    >>> import infoq
    >>> infoq.backends.CAPABILITIES["eig"].lazy
    Capability(state='works', reason='')
    """

    numpy: Capability = WORKS
    torch: Capability = WORKS
    jax: Capability = WORKS
    dask: Capability = WORKS
    array_api_strict: Capability = WORKS
    jit: Capability = WORKS
    compile: Capability = WORKS
    autograd: Capability = WORKS
    grad: Capability = WORKS
    vmap: Capability = WORKS
    lazy: Capability = WORKS
    half: Capability = WORKS
    meta: Capability = WORKS


_capabilities: dict[str, Capabilities] = {}

CAPABILITIES: Final[Mapping[str, Capabilities]] = Table(_capabilities, __name__, "CAPABILITIES")
"""The `Capabilities` of every public function and class, by its name below `infoq`.

A way of calling one with other capabilities has an entry of its own, `"name, option"`.
"""


class Entered(Protocol):
    """The type of a decorator that returns a public function or class unchanged.

    To a type checker, a public function that returns an `Array` then returns an array of the
    caller's own library, with all its attributes. No signature could name that library.
    """

    @overload
    def __call__(self, function: type[C], /) -> type[C]: ...
    @overload
    def __call__(self, function: Callable[P, Array], /) -> Callable[P, OwnArray]: ...
    @overload
    def __call__(self, function: F, /) -> F: ...


def capabilities(
    option: str = "", /, *, reads_values: str = "", **exceptions: str | Capability
) -> Entered:
    """Decorator that enters a function or class into `CAPABILITIES`, and returns it unchanged.

    Everything works except for the settings named here.

    Parameters
    ----------
    option : str
        A way of calling it with other capabilities, such as a keyword.
    reads_values : str
        The reason why it raises an error wherever values can't be read.
    **exceptions : str or Capability
        Fields of `Capabilities`: the reason why it raises an error there, or `meaningless`.
    """

    def enter(function: Any, /) -> Any:
        without = dict.fromkeys(_WITHOUT_VALUES, reads_values) if reads_values else {}
        entries = {
            field: Capability("refused", entry) if isinstance(entry, str) else entry
            for field, entry in {**without, **exceptions}.items()
        }
        name = _public_name(function)
        _capabilities[f"{name}, {option}" if option else name] = Capabilities(**entries)
        return function

    return enter


def _public_name(function: Callable[..., Any]) -> str:
    room = function.__module__.split(".")[1]
    name = function.__qualname__
    return f"{room}.{name}" if room in ("likelihoods", "methods") else name

"""Which `Ops` speaks to which array library.

The registry is a plain dictionary keyed by the library's name. It imports a library's `Ops` when
the first array of that library arrives, and never before. Third parties join with `register`, or
by an entry point of the group `infoq.backends` whose name is the library's and whose value is
`module:OpsSubclass`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, overload

from infoq.backends.array_ops import library_name
from infoq.backends.arrays import Array
from infoq.backends.ops import Ops
from infoq.backends.unlike import lacking, sentence

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_OPS: dict[str, str | type[Ops]] = {
    "numpy": "infoq.backends.numpy:NumpyOps",
    "torch": "infoq.backends.torch:TorchOps",
    "cupy": "infoq.backends.cupy:CupyOps",
    "jax": "infoq.backends.jax:JaxOps",
    "dask": "infoq.backends.dask:DaskOps",
}
_READY: dict[str, Ops] = {}
# The library of a type of array, which spares asking array-api-compat each time.
_LIBRARIES: dict[type, str] = {}
# Of these the library is told by the type: their compilers would trace array-api-compat, and warn.
_CLASSES = {"torch": "Tensor"}
_PLUGINS: dict[str, EntryPoint] | None = None


def register(name: str, ops: str | type[Ops]) -> None:
    """Let `ops` speak to the arrays of a library.

    Parameters
    ----------
    name : str
        The first part of the name of the library's namespace, such as ``"numpy"``.
    ops : type or str
        A subclass of `Ops`, or where to import one from, as ``"module:Class"``.

    Raises
    ------
    TypeError
        If `ops` is neither.

    Examples
    --------
    >>> import infoq
    >>> class QuietOps(infoq.backends.Ops):
    ...     "Everything as the standard has it."
    >>> infoq.backends.register("mylibrary", QuietOps)
    >>> "mylibrary" in infoq.backends.registered()
    True
    """
    is_path = isinstance(ops, str) and ops.count(":") == 1
    if not is_path and not _is_ops(ops):
        raise TypeError(f"ops: expected a subclass of Ops or 'module:Class', got {ops!r}")
    _OPS[name] = ops
    _READY.pop(name, None)


def registered() -> tuple[str, ...]:
    """The names of the libraries that have an `Ops` of their own, installed or not.

    Returns
    -------
    tuple of str
        What `register`, entry points and infoq itself have named.

    Examples
    --------
    >>> import infoq
    >>> "cupy" in infoq.backends.registered()
    True
    """
    return tuple(dict.fromkeys((*_OPS, *_plugins())))


def available() -> tuple[str, ...]:
    """The registered libraries that are installed here; none of them is imported.

    Returns
    -------
    tuple of str
        Their names, as `registered` has them.

    Examples
    --------
    >>> import infoq
    >>> "numpy" in infoq.backends.available()
    True
    """
    return tuple(name for name in registered() if _installed(name))


def ops_for(*arrays: Array, **named: Array) -> Ops:
    """The `Ops` of the library that all of the arrays belong to.

    Parameters
    ----------
    *arrays, **named : array
        Arrays of one library; names given here appear in error messages. None is passed over.

    Returns
    -------
    Ops
        The same object for all arrays of a library.

    Raises
    ------
    TypeError
        If an argument is not an array, or of a kind that would give another answer (masked, sparse,
        nested), or the arrays belong to several libraries.
    ValueError
        If the size of a named array is not known, as of some of Dask.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.backends.ops_for(np.ones(3))
    NumpyOps('numpy')
    """
    if len(arrays) == 1 and not named and arrays[0] is not None:  # in a third of the time
        return _ops_of(arrays[0], "argument 0")
    return _ops_of_all(arrays, named, sized=True)


def admit(sized: bool = True, /, **named: Array) -> tuple[Ops, Array]:
    """The `Ops` of one array, and the array in the byte order of this machine.

    What is kept or computed of it then has one dtype, whatever the order that came in.

    Parameters
    ----------
    sized : bool
        Whether the sizes of a lazy array have to be known.
    **named : array
        The array; its name appears in error messages.

    Returns
    -------
    tuple of Ops and array

    Raises
    ------
    TypeError, ValueError
        As of `ops_for`.

    Examples
    --------
    >>> import numpy as np
    >>> admit(x=np.ones(2, dtype=">f8"))
    (NumpyOps('numpy'), array([1., 1.]))
    """
    ops, (x,) = admit_all(sized, **named)
    return ops, x


@overload
def admit_all(sized: bool = True, /, **named: Array) -> tuple[Ops, list[Array]]: ...
@overload
def admit_all(sized: bool = True, /, **named: Array | None) -> tuple[Ops, list[Array | None]]: ...
def admit_all(
    sized: bool = True, /, **named: Array | None
) -> tuple[Ops, list[Array]] | tuple[Ops, list[Array | None]]:
    """The same of several arrays of one library, in their order; None is handed back.

    Examples
    --------
    >>> import numpy as np
    >>> admit_all(x=np.ones(1), weights=None)
    (NumpyOps('numpy'), [array([1.]), None])
    """
    ops = _ops_of_all((), named, sized=sized)
    return ops, [x if x is None else ops.native(x) for x in named.values()]


def required(**named: object) -> None:
    """Refuse None, which `ops_for` and `admit` pass over, in place of an array."""
    for name, x in named.items():
        if x is None:
            raise TypeError(f"{name}: expected an array, got None")


def _ops_of_all(
    arrays: tuple[Array, ...], named: Mapping[str, Array | None], *, sized: bool
) -> Ops:
    found: dict[str, Ops] = {}
    for index, x in enumerate(arrays):
        if x is not None:
            found[f"argument {index}"] = _ops_of(x, f"argument {index}")
    given = {name: x for name, x in named.items() if x is not None}
    for name, x in given.items():
        found[name] = _ops_of(x, name)
    if not found:
        for name in named:
            raise TypeError(f"{name}: expected an array, got None")
        raise TypeError("expected at least one array, got none")
    first, *others = found.values()
    if any(other is not first for other in others):
        parts = ", ".join(f"{name} is {ops.name}" for name, ops in found.items())
        raise TypeError(f"arrays of several libraries: {parts}; convert them to one library first")
    for name, x in given.items():
        _check_kind(first, x, name)
        if sized:
            check_sized(first, x, name)
    return first


def check_sized(ops: Ops, x: Array, name: str) -> None:
    """Refuse an array whose sizes are not known."""
    if not ops.is_sized(x):
        raise ValueError(
            f"{name}: the size of each axis has to be known, got {tuple(x.shape)}; compute it "
            "first, of a Dask array by compute_chunk_sizes()"
        )


def _check_kind(ops: Ops, x: Array, name: str) -> None:
    """Refuse an array that its library, or the defaults for it, could not compute with."""
    problem = ops.unreadable(x)
    # Only of the defaults: whoever wrote an `Ops` has seen to what its library lacks.
    if problem is None and type(ops) is Ops:
        problem = lacking(x, ops.xp, ops.name)
        if problem is not None:
            problem += f"; infoq.backends.register lets code of your own speak to {ops.name}"
    if problem is not None:
        raise TypeError(f"{name}: got {problem}")


def check_same_device(ops: Ops, **named: Array) -> None:
    """Refuse arrays of one library that live on several devices, where those are known."""
    devices = {name: ops.device(x) for name, x in named.items()}
    if len({str(device) for device in devices.values() if device is not None}) > 1:
        parts = ", ".join(f"{name} is on {device}" for name, device in devices.items())
        raise ValueError(f"arrays on several devices: {parts}; move them to one device first")


def ops_of(xp: ModuleType) -> Ops:
    """The `Ops` of an array API namespace, such as `array_api_compat.numpy`.

    Parameters
    ----------
    xp : module
        The namespace.

    Returns
    -------
    Ops
        The one registered for its library, or the plain default.

    Examples
    --------
    >>> import array_api_compat.numpy, infoq
    >>> infoq.backends.ops_of(array_api_compat.numpy)
    NumpyOps('numpy')
    """
    name = library_name(xp)
    ready = _READY.get(name)
    if ready is None:
        ready = _READY[name] = ops_class(name)(xp)
    return ready


def ops_named(namespace: str) -> Ops:
    """The `Ops` of a namespace by its full name, such as ``"array_api_compat.numpy"``."""
    return ops_of(importlib.import_module(namespace))


Ops.of_namespace = staticmethod(ops_named)


def _ops_of(x: Array, name: str) -> Ops:
    _learn(type(x))
    ready = _READY.get(_LIBRARIES.get(type(x), ""))
    if ready is not None:
        return ready
    problem = sentence(x)
    if problem is not None:
        raise TypeError(
            f"{name}: expected an array of an array API library (NumPy, PyTorch, JAX, ...), got "
            f"{problem}"
        )
    import array_api_compat  # takes longer than the rest of `import infoq`

    try:
        xp = array_api_compat.array_namespace(x)
    except TypeError as error:
        raise TypeError(
            f"{name}: expected an array of an array API library (NumPy, PyTorch, JAX, ...), "
            f"got {type(x).__name__}; convert it first, for example with numpy.asarray"
        ) from error
    _LIBRARIES[type(x)] = library_name(xp)
    return ops_of(xp)


def _learn(kind: type) -> None:
    """Note the library of a type of array, where it is one of `_CLASSES`."""
    if kind in _LIBRARIES:
        return
    for name, cls in _CLASSES.items():
        if is_imported(name) and issubclass(kind, getattr(sys.modules[name], cls)):
            ops_of(importlib.import_module(f"array_api_compat.{name}"))
            _LIBRARIES[kind] = name


def is_imported(name: str) -> bool:
    """Whether a library has been imported; None stands where its import is blocked."""
    return sys.modules.get(name) is not None


def ops_class(name: str) -> type[Ops]:
    """The class of the `Ops` of a library, by its name; imported where it was not yet."""
    ops = _OPS.get(name)
    if ops is None:
        return _load_plugin(_plugins()[name]) if name in _plugins() else Ops
    if isinstance(ops, type):
        return ops
    module, _, attribute = ops.partition(":")
    loaded: type[Ops] = getattr(importlib.import_module(module), attribute)
    return loaded


# `torch.compile` runs these and does not trace them: they import, and a program would be of what
# was known before, and compiled again as more is. What `torch.compiler.assume_constant_result`
# does, before `infoq.backends.torch` could ask for it.
_learn._dynamo_marked_constant = True  # type: ignore[attr-defined]
ops_class._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _load_plugin(entry: EntryPoint) -> type[Ops]:
    try:
        ops: type[Ops] = entry.load()
        if not _is_ops(ops):
            raise TypeError(f"it is {ops!r}, and no subclass of Ops")
    except Exception as error:  # whatever a plugin does, infoq must go on
        warnings.warn(
            f"the infoq backend {entry.name!r} ({entry.value}) does not load and is passed over: "
            f"{error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return Ops
    return ops


def _plugins() -> dict[str, EntryPoint]:
    """The entry points, none of them loaded; what is built in or registered goes before them."""
    global _PLUGINS
    if _PLUGINS is None:
        from importlib.metadata import entry_points  # takes 10 ms, so only when it is needed

        _PLUGINS = {entry.name: entry for entry in entry_points(group="infoq.backends")}
    return _PLUGINS


def _is_ops(ops: object) -> bool:
    return isinstance(ops, type) and issubclass(ops, Ops)


def _installed(name: str) -> bool:
    if is_imported(name):
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False

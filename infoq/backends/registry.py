"""The registry of array libraries: the `Ops` of each, by the library's name.

The `Ops` of a library is imported with the first array of that library, and never before. Third
parties add a library with `register`, or with an entry point of the group `infoq.backends`. Its
name is that of the library, and its value is `module:OpsSubclass`.
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
# The library of each type of array, so that array-api-compat is asked once per type.
_LIBRARIES: dict[type, str] = {}
# Libraries recognised by the array type: their compilers would trace array-api-compat, and warn.
_CLASSES = {"torch": "Tensor"}
_PLUGINS: dict[str, EntryPoint] | None = None


def register(name: str, ops: str | type[Ops]) -> None:
    """Register the `Ops` of an array library.

    Parameters
    ----------
    name : str
        The library's name: the first part of its namespace's name, such as ``"numpy"``.
    ops : type or str
        A subclass of `Ops`, or its import path ``"module:Class"``.

    Raises
    ------
    TypeError
        If `ops` is neither.

    Examples
    --------
    >>> import infoq
    >>> class QuietOps(infoq.backends.Ops):
    ...     "A library that follows the standard."
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
        The names given by `register`, by entry points and by infoq itself.

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
        Their names, in the order of `registered`.

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
        Arrays of one library; the keywords appear in error messages. None is skipped.

    Returns
    -------
    Ops
        The same object for all arrays of a library.

    Raises
    ------
    TypeError
        If an argument is not an array, is of a kind that would give wrong results (masked, sparse,
        nested), or the arrays belong to several libraries.
    ValueError
        If the size of a named array is not known, as for some Dask arrays.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.backends.ops_for(np.ones(3))
    NumpyOps('numpy')
    """
    if len(arrays) == 1 and not named and arrays[0] is not None:  # takes a third of the time
        return _ops_of(arrays[0], "argument 0")
    return _ops_of_all(arrays, named, sized=True)


def admit(sized: bool = True, /, **named: Array) -> tuple[Ops, Array]:
    """The `Ops` of one array, and the array in the byte order of this machine.

    All results then have the native dtype, whatever byte order was passed.

    Parameters
    ----------
    sized : bool
        Whether the sizes of a lazy array must be known.
    **named : array
        The array; its name appears in error messages.

    Returns
    -------
    tuple of Ops and array
        The same `Ops` as from `ops_for`, and the array, a copy only if its byte order differs.

    Raises
    ------
    TypeError, ValueError
        As in `ops_for`.

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
    """The `Ops` of several arrays of one library, and the arrays as in `admit`; None stays None.

    Examples
    --------
    >>> import numpy as np
    >>> admit_all(x=np.ones(1), weights=None)
    (NumpyOps('numpy'), [array([1.]), None])
    """
    ops = _ops_of_all((), named, sized=sized)
    return ops, [x if x is None else ops.native(x) for x in named.values()]


def required(**named: object) -> None:
    """Check that no argument is None, which `ops_for` and `admit` skip."""
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
    """Check that all sizes of an array are known."""
    if not ops.is_sized(x):
        raise ValueError(
            f"{name}: the size of each axis has to be known, got {tuple(x.shape)}; compute it "
            "first, for a Dask array by compute_chunk_sizes()"
        )


def _check_kind(ops: Ops, x: Array, name: str) -> None:
    """Check that the library of an array, or the default `Ops`, can compute with it."""
    problem = ops.unreadable(x)
    # For the default `Ops` only: an `Ops` of its own supplies what its library lacks.
    if problem is None and type(ops) is Ops:
        problem = lacking(x, ops.xp, ops.name)
        if problem is not None:
            problem += f"; infoq.backends.register adds your own Ops for {ops.name}"
    if problem is not None:
        raise TypeError(f"{name}: got {problem}")


def check_same_device(ops: Ops, **named: Array) -> None:
    """Check that arrays of one library are on one device, where devices are known."""
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
        The `Ops` registered for its library, or the default.

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
    """Record the library of an array type, if it is one of `_CLASSES`."""
    if kind in _LIBRARIES:
        return
    for name, cls in _CLASSES.items():
        if is_imported(name) and issubclass(kind, getattr(sys.modules[name], cls)):
            ops_of(importlib.import_module(f"array_api_compat.{name}"))
            _LIBRARIES[kind] = name


def is_imported(name: str) -> bool:
    """Whether a library has been imported; it was not if its import is blocked."""
    return sys.modules.get(name) is not None


def ops_class(name: str) -> type[Ops]:
    """The `Ops` class of a library, by its name; imported if it was not yet."""
    ops = _OPS.get(name)
    if ops is None:
        return _load_plugin(_plugins()[name]) if name in _plugins() else Ops
    if isinstance(ops, type):
        return ops
    module, _, attribute = ops.partition(":")
    loaded: type[Ops] = getattr(importlib.import_module(module), attribute)
    return loaded


# `torch.compile` runs these functions and does not trace them, as they import modules. Traced, a
# program would depend on the imports so far, and be recompiled after each. This is the effect of
# `torch.compiler.assume_constant_result`, without importing torch.
_learn._dynamo_marked_constant = True  # type: ignore[attr-defined]
ops_class._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _load_plugin(entry: EntryPoint) -> type[Ops]:
    try:
        ops: type[Ops] = entry.load()
        if not _is_ops(ops):
            raise TypeError(f"it is {ops!r}, not a subclass of Ops")
    except Exception as error:  # a broken plugin must not break infoq
        warnings.warn(
            f"the infoq backend {entry.name!r} ({entry.value}) does not load and is skipped: "
            f"{error}",
            RuntimeWarning,
            stacklevel=2,
        )
        return Ops
    return ops


def _plugins() -> dict[str, EntryPoint]:
    """The entry points by name, not loaded; built-in and registered `Ops` take precedence."""
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

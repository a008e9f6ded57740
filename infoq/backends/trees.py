"""Objects made of arrays, as nodes of the pytrees of JAX and PyTorch.

`jax.jit`, `jax.vmap`, `torch.func` and `torch.export` take arguments apart into arrays, and put
others in their place. A class takes part by naming its fields. Classes are recorded here and
registered with each library once that is imported; no library is imported for it.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Self

from infoq.backends.fields import Fields
from infoq.backends.registry import is_imported, ops_class, ops_for

# The libraries with pytrees: those where no class is registered yet, and the others.
_WAITING = ["jax", "torch"]
_TOLD: set[str] = set()
_TELLING = threading.Lock()
_CLASSES: list[type[Any]] = []


class Tree(Fields):
    """An object made of arrays: its type, `parts` and `settings` determine it completely.

    Notes
    -----
    A class annotates its fields and names them. `_arrays` names the fields that hold arrays, other
    trees, or tuples of either; `_static` names all other fields. They are set once, in `__init__`,
    and only read from then on; `replace` makes another object. ::

        class Points(Tree):
            _arrays = ("values", "weights")
            _static = ("scale",)
            values: Array
            weights: Array | None = None
            scale: float

            def __init__(self, values, weights=None, scale=1.0):
                self.values, self.weights, self.scale = values, weights, scale

    An array with a default at class level is optional. When absent, it reads as its default, which
    is not part of the tree. Static fields must be hashable; they are constants in compiled
    programs. A subclass has the fields of its bases and its own. No field may have the name of a
    method. Caches may be any other attribute; they are lost when a tree is taken apart.

    Classes without named fields may set `_parts`, a tuple, and `_settings` instead. This older way
    works if no base class names fields.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        enter(cls)

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Self:
        """An empty object, whose class is registered with all libraries imported so far."""
        tell()
        return super().__new__(cls)

    def to(self, device: Any) -> Self:
        """A copy of the object with all its arrays on another device of their library.

        Parameters
        ----------
        device : device or str
            As the library names it: ``"cuda"`` in PyTorch, ``jax.devices()[0]`` in JAX.

        Returns
        -------
        the same type
            The object with the same settings, and arrays on that device.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> infoq.DenseEmbedding(np.ones((3, 2))).to("cpu")
        DenseEmbedding(N=3, R=1, P=2, numpy float64)
        """
        return Fields.map(self, lambda x: ops_for(x).to_device(x, device))

    def __repr__(self) -> str:
        try:
            return self._words()
        # Libraries put placeholders, shapes or stacks in place of arrays, and print them in errors.
        except (AttributeError, IndexError, TypeError, ValueError):
            return Tree._words(self)

    def _words(self) -> str:
        """The `repr` of an object whose parts are arrays."""
        return f"{type(self).__name__}({_described(self.parts)})"


def _described(part: Any) -> str:
    """The description of a part for `repr`; for an array, its type and shape."""
    if isinstance(part, tuple):
        return ", ".join(_described(one) for one in part)
    return f"{type(part).__name__}{part.shape}" if hasattr(part, "shape") else repr(part)


def enter(cls: type[Any]) -> None:
    """Record any class with `parts`, `settings` and `from_parts`, to be registered as a pytree."""
    _CLASSES.append(cls)
    for name in _TOLD:
        ops_class(name).register_tree(cls)


def tell() -> None:
    """Register all classes so far with the libraries imported since the last call."""
    for name in _WAITING:
        if sys.modules.get(name) is not None:
            break
    else:
        return
    with _TELLING:  # chunks of a Dask array make objects in threads
        for name in [name for name in _WAITING if is_imported(name)]:
            for cls in _CLASSES:
                ops_class(name).register_tree(cls)
            _TOLD.add(name)
            _WAITING.remove(name)


# `torch.compile` runs it and does not trace it, like `ops_class`.
tell._dynamo_marked_constant = True  # type: ignore[attr-defined]

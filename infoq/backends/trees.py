"""What is made of arrays, as libraries that transform functions see it: a node of a tree.

`jax.jit`, `jax.vmap`, `torch.func` and `torch.export` take arguments apart into arrays, and put
others in their place. A class takes part by naming its fields. Classes are recorded here, and each
library is told of them once it is imported: none is imported for that.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Self

from infoq.backends.fields import Fields
from infoq.backends.registry import is_imported, ops_class, ops_for

# The libraries whose transformations look into arguments: not told yet of the classes, and told.
_WAITING = ["jax", "torch"]
_TOLD: set[str] = set()
_TELLING = threading.Lock()
_CLASSES: list[type[Any]] = []


class Tree(Fields):
    """An object that is made of arrays: its type, `parts` and `settings` say everything.

    Notes
    -----
    A class annotates its fields, and names them: in `_arrays` what is arrays, other trees, or
    tuples of either, in `_static` what else it is made of. They are set once, in `__init__`, and
    only read from then on; `replace` makes another object. ::

        class Points(Tree):
            _arrays = ("values", "weights")
            _static = ("scale",)
            values: Array
            weights: Array | None = None
            scale: float

            def __init__(self, values, weights=None, scale=1.0):
                self.values, self.weights, self.scale = values, weights, scale

    An array with a default at class level may be absent. It is read as its default, which is no
    part of the tree, and setting it to that sets nothing. What is static is hashable, and a
    constant of a compiled program. A subclass has the fields of its bases, and adds its own. No
    field bears the name of a method. What is kept for speed alone may be any other attribute: it
    stays behind when a tree is taken apart.

    The older way goes on to work, in classes of which no base names fields: to set `_parts`, a
    tuple, and `_settings`.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        enter(cls)

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Self:
        """An object of nothing yet, of a class that all libraries know that are imported."""
        tell()
        return super().__new__(cls)

    def to(self, device: Any) -> Self:
        """The same on another device of its library: all that it is made of is moved there.

        Parameters
        ----------
        device : device or str
            As the library names it: ``"cuda"`` of PyTorch, ``jax.devices()[0]`` of JAX.

        Returns
        -------
        the same type
            With the same settings, and arrays on that device.

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
        # Libraries put marks, shapes or stacks in place of arrays, and say so in their errors.
        except (AttributeError, IndexError, TypeError, ValueError):
            return Tree._words(self)

    def _words(self) -> str:
        """What `repr` says where the parts are arrays."""
        return f"{type(self).__name__}({_described(self.parts)})"


def _described(part: Any) -> str:
    """Parts in words: of an array its shape."""
    if isinstance(part, tuple):
        return ", ".join(_described(one) for one in part)
    return f"{type(part).__name__}{part.shape}" if hasattr(part, "shape") else repr(part)


def enter(cls: type[Any]) -> None:
    """Record a class with `parts`, `settings` and `from_parts`, whether it is a `Tree` or not."""
    _CLASSES.append(cls)
    for name in _TOLD:
        ops_class(name).register_tree(cls)


def tell() -> None:
    """Tell the libraries that have been imported since the last time of all classes so far."""
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


# Run and not traced by `torch.compile`, as is `ops_class`.
tell._dynamo_marked_constant = True  # type: ignore[attr-defined]

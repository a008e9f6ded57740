"""What is made of arrays, as libraries that transform functions see it: a node of a tree.

`jax.jit`, `jax.vmap`, `torch.func` and `torch.export` take arguments apart into arrays, and put
others in their place. A class takes part by saying what it is made of: `parts`, arrays or other
such objects, and `settings`, all the rest; `from_parts` makes it anew of both. Classes are recorded
here, and each library is told of them once it is imported: none is imported for that.
"""

from __future__ import annotations

import threading
from typing import Any, Self

from infoq.backends.registry import is_imported, ops_class, ops_for

# The libraries whose transformations look into arguments: not told yet of the classes, and told.
_WAITING = ["jax", "torch"]
_TOLD: set[str] = set()
_TELLING = threading.Lock()
_CLASSES: list[type[Any]] = []


class Tree:
    """An object that is made of arrays: its type, `parts` and `settings` say everything."""

    _parts: tuple[Any, ...] = ()
    _settings: Any = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        enter(cls)

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Self:
        """An object of nothing yet, of a class that all libraries know that are imported."""
        tell()
        return super().__new__(cls)

    @classmethod
    def from_parts(cls, parts: tuple[Any, ...], settings: Any) -> Self:
        """The object of these parts, which are not checked again."""
        tree = cls.__new__(cls)
        tree._parts = parts
        tree._settings = settings
        return tree

    @property
    def parts(self) -> tuple[Any, ...]:
        """The arrays (and objects made of arrays) that it is made of."""
        return self._parts

    @property
    def settings(self) -> Any:
        """What else it is made of: hashable, and a constant of a compiled program."""
        return self._settings

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
        return self.from_parts(_moved(self.parts, device), self.settings)

    def __repr__(self) -> str:
        try:
            return self._words()
        # Libraries put marks, shapes or stacks in place of arrays, and say so in their errors.
        except (AttributeError, IndexError, TypeError, ValueError):
            return f"{type(self).__name__}({_leaves(self.parts)})"

    def _words(self) -> str:
        """What `repr` says where the parts are arrays."""
        return f"{type(self).__name__}({_leaves(self.parts)})"


def _moved(part: Any, device: Any) -> Any:
    """Parts on another device; what is no array stays as it is."""
    if isinstance(part, tuple):
        moved = [_moved(one, device) for one in part]
        return type(part)(*moved) if hasattr(part, "_fields") else tuple(moved)
    if isinstance(part, Tree):
        return part.to(device)
    return ops_for(part).to_device(part, device) if hasattr(part, "shape") else part


def enter(cls: type[Any]) -> None:
    """Record a class with `parts`, `settings` and `from_parts`, whether it is a `Tree` or not."""
    _CLASSES.append(cls)
    for name in _TOLD:
        ops_class(name).register_tree(cls)


def _leaves(part: Any) -> str:
    """Parts in words: of an array its shape."""
    if isinstance(part, tuple):
        return ", ".join(_leaves(one) for one in part)
    return f"{type(part).__name__}{part.shape}" if hasattr(part, "shape") else repr(part)


def tell() -> None:
    """Tell the libraries that have been imported since the last time of all classes so far."""
    if not any(is_imported(name) for name in _WAITING):
        return
    with _TELLING:  # chunks of a Dask array make objects in threads
        for name in [name for name in _WAITING if is_imported(name)]:
            for cls in _CLASSES:
                ops_class(name).register_tree(cls)
            _TOLD.add(name)
            _WAITING.remove(name)


# Run and not traced by `torch.compile`, as is `ops_class`.
tell._dynamo_marked_constant = True  # type: ignore[attr-defined]

"""Objects made of arrays, with named fields: how they are taken apart and rebuilt.

Code that moves arrays (in blocks, chunks, devices, compiled programs) sees an object as a list of
arrays and an outline. Formulas see named fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Self

_NOTHING = object()


class Fields:
    """An object made of arrays: its type, `parts` and `settings` determine it completely.

    `infoq.backends.trees.Tree` is the subclass that array libraries know.
    """

    _arrays: ClassVar[tuple[str, ...]] = ()
    _static: ClassVar[tuple[str, ...]] = ()
    # The arrays with a default at class level, the fields without one, and all fields (None if the
    # class names none).
    _defaults: ClassVar[dict[str, Any]] = {}
    _required: ClassVar[frozenset[str]] = frozenset()
    _fields: ClassVar[frozenset[str] | None] = None

    _parts: tuple[Any, ...] = ()
    _settings: Any = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        _compose(cls)

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """The object with these fields, which are not checked.

        Raises
        ------
        TypeError
            If a field without a default is missing, or the class has no field of a name.
        """
        names = fields.keys()
        if not (cls._required <= names and names <= (cls._fields or names)):
            expected = ", ".join((*cls._arrays, *cls._static)) or "none"
            raise TypeError(
                f"{cls.__name__}.of: expected the fields {expected}, got {', '.join(names)}"
            )
        made = cls.__new__(cls)
        for name, value in fields.items():
            setattr(made, name, value)
        return made

    @classmethod
    def from_parts(cls, parts: tuple[Any, ...], settings: Any) -> Self:
        """The object with these parts and settings, which are not checked again."""
        made = cls.__new__(cls)
        if cls._fields is None:
            made._parts = parts
            made._settings = settings
            return made
        arrays, static = cls._arrays, cls._static
        if cls._defaults:
            present = settings[len(static) :]
            arrays = tuple([x for x in arrays if x not in cls._defaults or x in present])
        if len(parts) != len(arrays):
            raise ValueError(
                f"{cls.__name__}.from_parts: expected {len(arrays)} parts "
                f"({', '.join(arrays)}), got {len(parts)}"
            )
        for place, name in enumerate(arrays):
            setattr(made, name, parts[place])
        for place, name in enumerate(static):
            setattr(made, name, settings[place])
        return made

    @property
    def parts(self) -> tuple[Any, ...]:
        """The arrays (and objects made of arrays) of this object."""
        return self._parts

    @property
    def settings(self) -> Any:
        """The rest of the object: hashable, and a constant in a compiled program.

        With named fields it is a tuple: the static fields, then the names of the optional arrays
        that are present.
        """
        return self._settings

    def replace(self, **fields: Any) -> Self:
        """A copy with some fields changed; these are not checked."""
        own = self.__dict__
        kept = {name: own[name] for name in (*self._arrays, *self._static) if name in own}
        return self.of(**{**kept, **fields})

    def map(self, function: Callable[[Any], Any]) -> Self:
        """A copy with `function(x)` in place of each array `x`, also within its parts."""
        return self.from_parts(
            tuple([mapped(function, part) for part in self.parts]), self.settings
        )

    def leaves(self) -> list[Any]:
        """All arrays of the object, also those within its parts, in order."""
        return arrays_of(self.parts)


def _compose(cls: type[Fields]) -> None:
    """Set up the fields of a class, with those of its bases, if any of them names fields."""
    bases = [vars(base) for base in reversed(cls.__mro__) if base is not Fields]
    if not any("_arrays" in each or "_static" in each for each in bases):
        return
    for kind in ("_arrays", "_static"):
        stated = [each.get(kind, ()) for each in bases]
        for names in stated:
            if not isinstance(names, tuple):
                raise TypeError(
                    f"{cls.__name__}.{kind}: expected a tuple of names, got {names!r}; for one "
                    'field it is ("name",)'
                )
        setattr(cls, kind, tuple(dict.fromkeys(name for names in stated for name in names)))
    fields = (*cls._arrays, *cls._static)
    for name in fields:
        if fields.count(name) > 1:
            raise TypeError(f"{cls.__name__}: the field {name!r} is in _arrays and in _static")
        if hasattr(_at_class_level(cls, name), "__get__"):
            raise TypeError(
                f"{cls.__name__}: the field {name!r} has the name of a method or property; "
                "give it another, such as 'values' where 'rows' is a method"
            )
    with_default = {x for x in fields if _at_class_level(cls, x) is not _NOTHING}
    cls._defaults = {x: _at_class_level(cls, x) for x in cls._arrays if x in with_default}
    cls._required = frozenset(fields) - with_default
    cls._fields = frozenset(fields)
    # They are read so often that each class has its own: one for all takes five times as long.
    parts, settings = _parts_of(cls), _settings_of(cls)
    cls.parts, cls.settings = property(parts), property(settings)  # type: ignore[method-assign, assignment]
    cls._parts, cls._settings = property(parts, _refuse), property(settings, _refuse)  # type: ignore[assignment]


def _parts_of(cls: type[Fields]) -> Callable[[Any], tuple[Any, ...]]:
    """The getter of `parts` for a class that names its fields."""
    arrays, defaults = cls._arrays, cls._defaults
    if len(arrays) == 1 and not defaults:
        (only,) = arrays
        return lambda self: (getattr(self, only),)
    if len(arrays) == 2 and not defaults:  # takes a third of the time of the loop
        one, two = arrays
        return lambda self: (getattr(self, one), getattr(self, two))
    if not defaults:
        return lambda self: tuple([getattr(self, name) for name in arrays])

    def present(self: Any) -> tuple[Any, ...]:
        found = [(name, getattr(self, name)) for name in arrays]
        return tuple([x for name, x in found if x is not defaults.get(name, _NOTHING)])

    return present


def _settings_of(cls: type[Fields]) -> Callable[[Any], tuple[Any, ...]]:
    """The getter of `settings` for a class that names its fields."""
    static, defaults = cls._static, cls._defaults
    if not defaults:
        return lambda self: tuple([getattr(self, name) for name in static])

    def settings(self: Any) -> tuple[Any, ...]:
        values = [getattr(self, name) for name in static]
        present = [x for x, default in defaults.items() if getattr(self, x) is not default]
        return (*values, *present)

    return settings


def _refuse(self: Fields, _: Any) -> None:
    fields = ", ".join((*self._arrays, *self._static))
    raise AttributeError(
        f"{type(self).__name__} names its fields: set those ({fields}), and not _parts or _settings"
    )


def _at_class_level(cls: type[Any], name: str) -> Any:
    """The attribute of this name in a class or its bases, without binding it."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), _NOTHING)


# --- taking such objects, and tuples of them, apart; and rebuilding them -----------------------


class Outline(NamedTuple):
    """An object or a tuple without its arrays.

    Attributes
    ----------
    kind : type
        The type of the object or tuple.
    settings : hashable
        The settings of an object; None for a tuple.
    inner : tuple
        The outline of each part; None for an array or any other leaf.
    """

    kind: type[Any]
    settings: Any
    inner: tuple[Any, ...]


def flatten(x: Any, leaves: list[Any]) -> Outline | None:
    """The outline of an object, tuple or leaf; its leaves are appended to the list."""
    if isinstance(x, Fields):
        return Outline(type(x), x.settings, tuple([flatten(part, leaves) for part in x.parts]))
    if isinstance(x, tuple):
        return Outline(type(x), None, tuple([flatten(part, leaves) for part in x]))
    leaves.append(x)
    return None


def rebuilt(outline: Outline | None, leaves: Iterator[Any]) -> Any:
    """The object with this outline, made from the next leaves: the inverse of `flatten`."""
    if outline is None:
        return next(leaves)
    inner = tuple([rebuilt(each, leaves) for each in outline.inner])
    if issubclass(outline.kind, Fields):
        return outline.kind.from_parts(inner, outline.settings)
    return getattr(outline.kind, "_make", tuple)(inner)


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """`x` with `function` applied to each of its arrays; other leaves stay unchanged."""
    if isinstance(x, Fields):
        return Fields.map(x, function)  # even if a user's class overrides `map`
    if isinstance(x, tuple):
        return getattr(type(x), "_make", tuple)([mapped(function, part) for part in x])
    return function(x) if hasattr(x, "shape") else x


def arrays_of(x: Any) -> list[Any]:
    """All arrays of an object or tuple, in order; an array gives itself."""
    found: list[Any] = []
    flatten(x, found)
    return [leaf for leaf in found if hasattr(leaf, "shape")]


def first_array(x: Any) -> Any:
    """The first array of an object or tuple, or the array itself; None where there is none."""
    if isinstance(x, Fields):
        x = x.parts
    if not isinstance(x, tuple):
        return x if hasattr(x, "shape") else None
    for part in x:
        found = first_array(part)
        if found is not None:
            return found
    return None

"""Input validation for array-like objects that would give wrong results, such as masked arrays.

They are recognised by the names of their class and its bases, so that nothing is imported for it.
"""

from __future__ import annotations

from typing import Any

# Module and class: what the object is, and what to pass instead.
_BY_CLASS = {
    ("numpy.ma", "MaskedArray"): (
        "a masked array of NumPy, whose mask not all functions honour; wrap it by marray "
        "(marray.masked_namespace(numpy).asarray(x.data, mask=x.mask)), or fill it by x.filled()"
    ),
    ("numpy", "matrix"): (
        "a numpy.matrix, whose products and slices are not those of arrays; pass numpy.asarray(x)"
    ),
    ("pandas", "DataFrame"): "a DataFrame of pandas; pass x.to_numpy()",
    ("pandas", "Series"): "a Series of pandas; pass x.to_numpy()",
    ("polars", "DataFrame"): "a DataFrame of polars; pass x.to_numpy()",
    ("polars", "Series"): "a Series of polars; pass x.to_numpy()",
    ("xarray", "DataArray"): "a DataArray of xarray; pass x.data",
    ("xarray", "Variable"): "a Variable of xarray; pass x.data",
    ("tensorflow", "Tensor"): "a tensor of TensorFlow; pass numpy.asarray(x)",
}
# The same for all classes of a module.
_SPARSE = "pass {dense}, or infoq.Neighbours of the largest similarities of each candidate"
_BY_MODULE = {
    "scipy.sparse": "a sparse array of SciPy; " + _SPARSE.format(dense="x.toarray()"),
}
# Libraries whose own namespace lacks functions that infoq needs; an `Ops` can supply them.
_LIBRARIES = {
    "sparse": "a sparse array; " + _SPARSE.format(dense="x.todense()"),
    "cubed": "a lazy array of Cubed; pass x.compute(), or a Dask array",
    "mlx": "an array of MLX; pass numpy.asarray(x)",
}
# Functions and attributes that all formulas need; linear algebra is checked where it is used.
_FUNCTIONS = ("arange", "argsort", "astype", "finfo", "full", "isdtype", "reshape", "take")
_ATTRIBUTES = ("shape", "ndim", "dtype", "device")


def sentence(x: Any) -> str | None:
    """What a refused object is, and what to pass instead; None for all others.

    Objects of these classes are refused whichever `Ops` are registered.

    Examples
    --------
    >>> import numpy as np
    >>> sentence(np.ones(1).view(np.matrix))
    'a numpy.matrix, whose products and slices are not those of arrays; pass numpy.asarray(x)'
    >>> sentence(np.ones(1)) is None
    True
    """
    for kind in type(x).__mro__:
        module = kind.__module__
        for (where, name), words in _BY_CLASS.items():
            if kind.__name__ == name and _inside(module, where):
                return words
        for where, words in _BY_MODULE.items():
            if _inside(module, where):
                return words
    return None


def lacking(x: Any, xp: Any, name: str) -> str | None:
    """What an array lacks whose library has no `Ops` of its own; None if nothing is missing."""
    known = _LIBRARIES.get(name)
    if known is not None:
        return known
    lacks = [f"{name}.{one}" for one in _FUNCTIONS if not hasattr(xp, one)]
    lacks += [f"x.{one}" for one in _ATTRIBUTES if not hasattr(x, one)]
    if not lacks:
        return None
    return f"an array of {name}, which lacks {', '.join(lacks)} of the array API standard"


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")

"""What is refused at the door by its name: arrays that look alike, and would give another answer.

Nothing is imported to find out: a class is known by the names of itself and its bases.
"""

from __future__ import annotations

from typing import Any

# Module and class: what it is, and what to do instead.
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
# Where the module has many classes.
_SPARSE = "pass {dense}, or infoq.Neighbours of the largest similarities of each candidate"
_BY_MODULE = {
    "scipy.sparse": "a sparse array of SciPy; " + _SPARSE.format(dense="x.toarray()"),
}
# Libraries with a namespace of their own that lacks what infoq needs; an `Ops` can supply it.
_LIBRARIES = {
    "sparse": "a sparse array; " + _SPARSE.format(dense="x.todense()"),
    "cubed": "a lazy array of Cubed; pass x.compute(), or a Dask array",
    "mlx": "an array of MLX; pass numpy.asarray(x)",
}
# What the formulas cannot do without; linear algebra is asked for where it is needed.
_FUNCTIONS = ("arange", "argsort", "astype", "finfo", "full", "isdtype", "reshape", "take")
_ATTRIBUTES = ("shape", "ndim", "dtype", "device")


def sentence(x: Any) -> str | None:
    """What an array is that is refused whatever `Ops` there are, and what to do; None for others.

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
    """What an array of a library without an `Ops` of its own lacks; None where nothing is known."""
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

"""Types of arrays, namespaces, dtypes and devices, for a type checker.

At run time each is `Any`, as each library has its own types. A type checker reads the stub beside
this file instead. There an array has the attributes of the array API standard, and a namespace has
the functions that infoq calls.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Array: TypeAlias = Any
"""An array of any library that follows the array API standard."""

Namespace: TypeAlias = Any
"""The functions of such a library, as `array_api_compat.array_namespace` returns them."""

DType: TypeAlias = Any
"""A dtype of such a library."""

Device: TypeAlias = Any
"""A device of such a library; None where it is not known."""

OwnArray: TypeAlias = Any
"""An array with all attributes of its own library; used in the `Ops` of one library."""

OwnNamespace: TypeAlias = Any
"""A namespace with all functions of its own library."""


def is_integer(x: object) -> TypeIs[int]:
    """Whether `x` is an integer of Python or NumPy, and not an array.

    Examples
    --------
    >>> import numpy as np
    >>> is_integer(3), is_integer(np.int64(3)), is_integer(np.asarray(3))
    (True, True, False)
    """
    return isinstance(x, numbers.Integral)


def is_number(x: object) -> TypeIs[float]:
    """Whether `x` is a real number of Python or NumPy (or a bool), and not an array.

    Examples
    --------
    >>> import numpy as np
    >>> is_number(0.5), is_number(np.float32(0.5)), is_number(np.asarray(0.5))
    (True, True, False)
    """
    return isinstance(x, numbers.Real)

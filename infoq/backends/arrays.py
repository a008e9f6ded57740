"""What an array, its library's namespace, its dtype and its device are to a type checker.

While a program runs they are whatever a library makes them. A type checker reads the stub beside
this file instead: an array there has what the array API standard gives it, and a namespace the
functions that infoq calls.
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
"""An array as its own library has it, which is more: in the `Ops` of one library."""

OwnNamespace: TypeAlias = Any
"""The functions of one library, all of them."""


def is_integer(x: object) -> TypeIs[int]:
    """Whether it is an integer of Python or NumPy, and no array.

    Examples
    --------
    >>> import numpy as np
    >>> is_integer(3), is_integer(np.int64(3)), is_integer(np.asarray(3))
    (True, True, False)
    """
    return isinstance(x, numbers.Integral)


def is_number(x: object) -> TypeIs[float]:
    """Whether it is a real number of Python or NumPy, a truth value too, and no array.

    Examples
    --------
    >>> import numpy as np
    >>> is_number(0.5), is_number(np.float32(0.5)), is_number(np.asarray(0.5))
    (True, True, False)
    """
    return isinstance(x, numbers.Real)

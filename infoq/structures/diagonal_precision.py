"""Precisions of independent parameters, and conversion of numbers and arrays to precisions."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.checks.matrices import read_matrix, read_scalar, read_vector
from infoq.linear_algebra.small_matrices import diagonal_matrices, identity
from infoq.structures.forms import DiagonalForm, Form
from infoq.structures.precision import DensePrecision, Precision
from infoq.structures.whitening import DiagonalWhitening, Whitening


@capabilities()
class ScalarPrecision(Precision):
    """One precision for all parameters, which are independent: `value I`.

    Parameters
    ----------
    value : float or array []
        The precision, positive.

    Raises
    ------
    ValueError
        If (where it can be read) the value is not positive and finite.

    Examples
    --------
    >>> import infoq
    >>> infoq.ScalarPrecision(2.0) + infoq.ScalarPrecision(0.5)
    ScalarPrecision(2.5)
    """

    _arrays = ("array",)
    _static = ("number",)
    array: Array | None = None
    number: float | None = None

    def __init__(self, value: Any) -> None:
        self.array, self.number = read_scalar(value, "value")

    @property
    def value(self) -> Any:
        """The given number or 0-d array."""
        return self.number if self.array is None else self.array

    @property
    def num_parameters(self) -> None:
        """None: the precision holds for any number of parameters."""

    def _value(self, like: Array) -> Array:
        if self.array is not None:
            return self.array
        ops = ops_for(like)
        return ops.native(ops.scalar(self.value, like))

    def covariance(self, like: Array) -> Form:
        """The covariance `I / value`, as a form of one number."""
        return DiagonalForm(1 / ops_for(like).xp.reshape(self._value(like), (1,)))

    def logdet(self, num_parameters: int | None = None) -> Array | float:
        """`P log(value)`, a float where the value is one; `num_parameters` is required."""
        if num_parameters is None:
            raise ValueError(
                "num_parameters: a ScalarPrecision holds for any number of parameters; pass "
                "num_parameters="
            )
        if self.array is not None:
            return num_parameters * ops_for(self.array).xp.log(self.array)
        import math

        return num_parameters * math.log(self.value)

    def diagonal(self, like: Array) -> Array:
        """The value, as an array [1]."""
        return ops_for(like).xp.reshape(self._value(like), (1,))

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The matrix `value I`: [P, P]."""
        return identity(ops_for(like), num_parameters, like) * self.diagonal(like)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """Coordinates scaled by the standard deviation, one number."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.diagonal(like)))

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this precision: the noise times the standard deviation."""
        return noise / ops_for(noise).xp.sqrt(self._value(noise))

    def plus(self, other: Precision) -> Precision | None:
        """The sum with a `ScalarPrecision`; None for any other."""
        if not isinstance(other, ScalarPrecision):
            return None
        like = first_array((self, other))
        if like is None:
            return ScalarPrecision(self.value + other.value)
        return ScalarPrecision(self._value(like) + other._value(like))

    def _words(self) -> str:
        return f"ScalarPrecision({self.value})"


@capabilities()
class DiagonalPrecision(Precision):
    """One precision per parameter, which are independent: `diag(values)`.

    Parameters
    ----------
    values : array [P]
        The precisions, positive.

    Raises
    ------
    TypeError, ValueError
        If the values are not a floating vector, or (where they can be read) not all positive.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.DiagonalPrecision(np.array([1.0, 4.0])).solve(np.array([2.0, 2.0]))
    array([2. , 0.5])
    """

    _arrays = ("values",)
    values: Array

    def __init__(self, values: Array) -> None:
        self.values = read_vector(values, "values")

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.values.shape[0])

    def covariance(self, like: Array) -> Form:
        """The covariance `diag(1 / values)`, as a form."""
        return DiagonalForm(1 / self.values)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant: the sum of the logarithms of the values."""
        xp = ops_for(self.values).xp
        return xp.sum(xp.log(self.values))

    def diagonal(self, like: Array) -> Array:
        """The values: [P]."""
        return self.values

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The matrix `diag(values)`: [P, P]."""
        return diagonal_matrices(ops_for(like), self.values)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """Coordinates scaled by the standard deviations, one per parameter."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.values))

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this precision: the noise times the standard deviations."""
        return noise / ops_for(noise).xp.sqrt(self.values)

    def plus(self, other: Precision) -> Precision | None:
        """The sum with a scalar or diagonal precision, which is diagonal; None for any other."""
        if isinstance(other, ScalarPrecision | DiagonalPrecision):
            return DiagonalPrecision(self.values + other.diagonal(self.values))
        return None


def as_precision(x: Any, name: str = "precision") -> Precision:
    """The precision of a number, vector [P], matrix [P, P] or Precision; messages say `name`."""
    if isinstance(x, Precision):
        return x
    if x is None:
        raise TypeError(f"{name}: expected a Precision, a number, or an array [P] or [P, P]")
    if isinstance(x, numbers.Real) or getattr(x, "ndim", None) == 0:
        array, number = read_scalar(x, name)
        return ScalarPrecision.of(array=array, number=number)
    ops_for(**{name: x})
    if x.ndim == 1:
        return DiagonalPrecision.of(values=read_vector(x, name, "each parameter needs one"))
    full, lower = read_matrix(x, name, "add a multiple of the identity")
    return DensePrecision.of(full=full, lower=lower)

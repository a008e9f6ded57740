"""Precisions of parameters that are independent, and what becomes a precision."""

from __future__ import annotations

import numbers
from typing import Any

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import read_matrix, read_scalar, read_vector
from infoq.linear_algebra.small_matrices import diagonal_matrices, identity
from infoq.structures.forms import DiagonalForm, Form
from infoq.structures.precision import DensePrecision, Precision, some_array
from infoq.structures.whitening import DiagonalWhitening, Whitening


@capabilities()
class ScalarPrecision(Precision):
    """The same precision for every parameter, independently: `value I`.

    Parameters
    ----------
    value : float or array []
        Positive.

    Raises
    ------
    ValueError
        If the value is not positive and finite.

    Examples
    --------
    >>> import infoq
    >>> infoq.ScalarPrecision(2.0) + infoq.ScalarPrecision(0.5)
    ScalarPrecision(2.5)
    """

    def __init__(self, value: Any) -> None:
        self._parts, self._settings = read_scalar(value, "value")

    @property
    def num_parameters(self) -> None:
        """Fits any."""

    def _value(self, like: Array) -> Array:
        if self.parts:
            value: Array = self.parts[0]
            return value
        ops = ops_for(like)
        return ops.native(ops.scalar(self.settings, like))

    def covariance(self, like: Array) -> Form:
        """One number."""
        return DiagonalForm(1 / ops_for(like).xp.reshape(self._value(like), (1,)))

    def logdet(self, num_parameters: int | None = None) -> Array | float:
        """P log value, a float where the value is one; the number of parameters has to be given."""
        if num_parameters is None:
            raise ValueError("num_parameters: a ScalarPrecision does not know it; pass it")
        if self.parts:
            return num_parameters * ops_for(*self.parts).xp.log(self.parts[0])
        import math

        return num_parameters * math.log(self.settings)

    def diagonal(self, like: Array) -> Array:
        """One number."""
        return ops_for(like).xp.reshape(self._value(like), (1,))

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """A multiple of the identity."""
        return identity(ops_for(like), num_parameters, like) * self.diagonal(like)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """One number."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.diagonal(like)))

    def colour(self, noise: Array) -> Array:
        """Elementwise."""
        return noise / ops_for(noise).xp.sqrt(self._value(noise))

    def plus(self, other: Precision) -> Precision | None:
        """A number, of a number."""
        if not isinstance(other, ScalarPrecision):
            return None
        like = some_array(self, other)
        if like is None:
            return ScalarPrecision(self.settings + other.settings)
        return ScalarPrecision(self._value(like) + other._value(like))

    def _words(self) -> str:
        return f"ScalarPrecision({self.settings if not self.parts else self.parts[0]})"


@capabilities()
class DiagonalPrecision(Precision):
    """A precision of each parameter's own, independently.

    Parameters
    ----------
    values : array [P]
        Positive.

    Raises
    ------
    TypeError, ValueError
        If the values are no floating vector, or (where they can be read) not all positive.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.DiagonalPrecision(np.array([1.0, 4.0])).solve(np.array([2.0, 2.0]))
    array([2. , 0.5])
    """

    def __init__(self, values: Array) -> None:
        self._parts = (read_vector(values, "values"),)

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.parts[0].shape[0])

    def covariance(self, like: Array) -> Form:
        """The inverse of each."""
        return DiagonalForm(1 / self.parts[0])

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The sum of the logarithms."""
        xp = ops_for(*self.parts).xp
        return xp.sum(xp.log(self.parts[0]))

    def diagonal(self, like: Array) -> Array:
        """The values."""
        values: Array = self.parts[0]
        return values

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """A diagonal matrix."""
        return diagonal_matrices(ops_for(like), self.parts[0])

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """One number a parameter."""
        return DiagonalWhitening(1 / ops_for(like).xp.sqrt(self.parts[0]))

    def colour(self, noise: Array) -> Array:
        """Elementwise."""
        return noise / ops_for(noise).xp.sqrt(self.parts[0])

    def plus(self, other: Precision) -> Precision | None:
        """A diagonal, of a number or a diagonal."""
        if isinstance(other, ScalarPrecision | DiagonalPrecision):
            return DiagonalPrecision(self.parts[0] + other.diagonal(self.parts[0]))
        return None


def as_precision(x: Any, name: str = "precision") -> Precision:
    """A precision from itself, a number, a vector or a matrix, which messages call by `name`."""
    if isinstance(x, Precision):
        return x
    if x is None:
        raise TypeError(f"{name}: expected a Precision, a number, or an array [P] or [P, P]")
    if isinstance(x, numbers.Real) or getattr(x, "ndim", None) == 0:
        return ScalarPrecision.from_parts(*read_scalar(x, name))
    ops_for(**{name: x})
    if x.ndim == 1:
        return DiagonalPrecision.from_parts((read_vector(x, name, "each parameter needs one"),), ())
    return DensePrecision.from_parts(read_matrix(x, name, "add a multiple of the identity"), ())

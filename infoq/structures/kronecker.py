"""A precision that is a Kronecker product plus a multiple of the identity."""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_number
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit_all, required
from infoq.checks.dtypes import check_floating
from infoq.checks.matrices import check_semidefinite, check_symmetric, read_array
from infoq.checks.numbers import number
from infoq.checks.values import overflow
from infoq.linear_algebra.small_matrices import identity, turn
from infoq.structures.diagonal_precision import ScalarPrecision
from infoq.structures.forms import RotatedForm
from infoq.structures.precision import Precision
from infoq.structures.whitening import RotatedWhitening

_AS_A_SUM = "a factor is a sum of curvatures, or of products of features with themselves"


@capabilities()
class KroneckerPrecision(Precision):
    """`left (x) right + shift I`: Kronecker factors over classes and features, and a prior.

    Parameters
    ----------
    left : array [C, C]
        The factor over classes; symmetric and positive semi-definite.
    right : array [D, D]
        The factor over features; symmetric and positive semi-definite.
    shift : float or array []
        The scalar prior precision; an array has the library and dtype of the factors.

    Raises
    ------
    TypeError, ValueError
        If a factor is not a square floating matrix. Where values can be read, also if a factor is
        not symmetric or not positive semi-definite, or if the precision is not positive definite.

    Notes
    -----
    C^3 + D^3 multiply-adds for the eigenvectors of both factors, once. Every operation is then
    diagonal in their basis. The P = C D parameters are ordered class by class.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> precision = infoq.KroneckerPrecision(np.eye(2), np.eye(3), 1.0)
    >>> precision, precision.logdet().round(4)
    (KroneckerPrecision(C=2, D=3), np.float64(4.1589))
    """

    _arrays = ("left_basis", "right_basis", "values", "left_values", "right_values", "shift")
    _static = ("count",)
    left_basis: Array
    right_basis: Array
    values: Array
    left_values: Array
    right_values: Array
    shift: Array
    count: int | None

    def __init__(self, left: Array, right: Array, shift: float | Array = 0.0) -> None:
        required(left=left, right=right, shift=shift)
        if isinstance(shift, bool) or not (is_number(shift) or hasattr(shift, "shape")):
            raise TypeError(f"shift: expected a number or a 0-d array, got {shift!r}")
        ops, (*_, array) = admit_all(
            left=left, right=right, shift=None if is_number(shift) else shift
        )
        given = {"left": left, "right": right}
        left, right = (read_array(ops, x, 2, name) for name, x in given.items())
        for name, x in (("left", left), ("right", right)):
            if ops.concrete(x) and not bool(ops.xp.all(ops.xp.isfinite(x))):
                raise ValueError(
                    f"{name}: has values that are not finite; if rows are large, "
                    f"{overflow(ops, x, 'the rows')}"
                )
        if left.dtype != right.dtype:
            raise TypeError(f"left and right: expected one dtype, got {left.dtype}, {right.dtype}")
        more = ops.scalar(float(shift), left) if array is None else _read_shift(ops, array, left)
        check_symmetric(ops, left, given["left"], "left")
        check_symmetric(ops, right, given["right"], "right")
        (a, basis_a), (b, basis_b) = ops.symmetric_eigen(left), ops.symmetric_eigen(right)
        check_semidefinite(ops, left, given["left"], "left", _AS_A_SUM, a)
        check_semidefinite(ops, right, given["right"], "right", _AS_A_SUM, b)
        values = a[:, None] * b[None, :] + more
        if ops.concrete(values):
            least = number(ops.xp.min(values))
            if not least > 0:
                raise ValueError(
                    f"left (x) right + shift is not positive definite; its smallest eigenvalue is "
                    f"{least:.3g}; choose a larger shift"
                )
        self.left_basis, self.left_values = basis_a, a
        self.right_basis, self.right_values = basis_b, b
        self.values, self.shift = ops.xp.reshape(values, (-1,)), more
        self.count = None

    @classmethod
    def of_outcomes(
        cls, left: Array, right: Array, shift: float | Array, count: int
    ) -> KroneckerPrecision:
        """A precision from `count` outcomes: `left` is their mean curvature [C, C].

        `right` is the sum of the outer products of their features, [D, D].
        """
        return cls(left, right, shift).replace(count=count)

    def sums(self) -> tuple[Array, Array, Array] | None:
        """The sums over the outcomes of curvatures [C, C] and of features' outer products [D, D].

        The third entry is the shift. None where the number of outcomes is not known.
        """
        if self.count is None:
            return None
        left, right = self.left_basis, self.right_basis
        over_classes = (left * (self.left_values * self.count)) @ left.T
        return over_classes, (right * self.right_values) @ right.T, self.shift

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P = C D."""
        return int(self.values.shape[0])

    def covariance(self, like: Array) -> RotatedForm:
        """The covariance as a form that is diagonal in the basis of the eigenvectors."""
        return RotatedForm(self.left_basis, self.right_basis, 1 / self.values)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant: the sum of the logarithms of the eigenvalues."""
        xp = ops_for(self.values).xp
        return xp.sum(xp.log(self.values))

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the precision: [P]; P (C + D) multiply-adds."""
        left, right = self.left_basis, self.right_basis
        xp = ops_for(left).xp
        between = xp.reshape(self.values, (left.shape[0], right.shape[0]))
        return xp.reshape(left**2 @ between @ (right**2).T, (-1,))

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The precision in full: [P, P]; P^2 (C + D) multiply-adds."""
        left, right, values = self.left_basis, self.right_basis, self.values
        ops = ops_for(values)
        turned = turn(ops, identity(ops, self.num_parameters, values), left, right)
        return turn(ops, turned * values, left.T, right.T)

    def whitening(self, num_parameters: int, like: Array) -> RotatedWhitening:
        """Coordinates of the eigenvectors, scaled by their standard deviations."""
        deviations = 1 / ops_for(self.values).xp.sqrt(self.values)
        return RotatedWhitening(self.left_basis, self.right_basis, deviations)

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this precision, from the square roots of the eigenvalues."""
        ops = ops_for(noise)
        scaled = noise / ops.xp.sqrt(self.values)
        return turn(ops, scaled, self.left_basis.T, self.right_basis.T)

    def plus(self, other: Precision) -> Precision | None:
        """The sum with a `ScalarPrecision`, which changes the shift; None for any other."""
        if not isinstance(other, ScalarPrecision):
            return None
        more = other.diagonal(self.values)
        shift = self.shift + ops_for(more).xp.reshape(more, ())
        return self.replace(values=self.values + more, shift=shift)

    def _words(self) -> str:
        return f"KroneckerPrecision(C={self.left_basis.shape[0]}, D={self.right_basis.shape[0]})"


def _read_shift(ops: Ops, shift: Array, like: Array) -> Array:
    """The shift as a 0-d array of the factors' dtype, refused where it has another dtype."""
    check_floating(ops, shift, "shift")
    if shift.ndim != 0:
        raise ValueError(f"shift: expected a number or a 0-d array, got {tuple(shift.shape)}")
    shift = ops.upcast(shift)
    if shift.dtype != like.dtype:
        raise TypeError(
            f"shift: expected the dtype of the factors, {like.dtype}, got {shift.dtype}"
        )
    return shift

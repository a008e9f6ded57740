"""A precision that is given by its inverse, a covariance matrix."""

from __future__ import annotations

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import check_semidefinite, check_symmetric, matrix_factor, read_array
from infoq.linear_algebra.small_matrices import factor_logdet, flat_product, identity
from infoq.structures.forms import DenseForm
from infoq.structures.precision import DensePrecision, Precision

_AS_A_COVARIANCE = (
    "no variables have such covariances: pass those of a kernel, or clip the eigenvalues at 0"
)


@capabilities()
class CovariancePrecision(Precision):
    """The inverse of a given covariance, which quantities use without inverting it.

    Parameters
    ----------
    covariance : array [P, P]
        Symmetric and positive semi-definite; for instance that of a Gaussian process.

    Raises
    ------
    TypeError, ValueError
        If it is not a square floating matrix. Where values can be read, also if it is not finite or
        not symmetric, or if a variance or an eigenvalue is below 0 by more than rounding: 1e-8 of
        the largest variance, in float32 1e-4, and 10 P of the dtype's precision. The message has
        the two elements that differ, or the eigenvalue.

    Notes
    -----
    The covariance may be singular: quantities never need the precision itself. Only `matrix` and
    `logdet` do. The check costs P^3 / 3 multiply-adds, once.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.CovariancePrecision(np.array([[1.0, 1.0], [1.0, 1.0]])).solve(np.array([1.0, 0.0]))
    array([1., 1.])
    """

    _arrays = ("full",)
    full: Array

    def __init__(self, covariance: Array) -> None:
        ops, given = ops_for(covariance=covariance), covariance
        covariance = read_array(ops, covariance, 2, "covariance")
        if ops.concrete(covariance):
            variances = ops.xp.linalg.diagonal(covariance)
            if not bool(ops.xp.all(ops.xp.isfinite(covariance))):
                raise ValueError("covariance: expected finite values, got NaN or infinity")
            if not bool(ops.xp.all(variances >= 0)):
                index = int(ops.xp.argmin(variances))
                raise ValueError(
                    f"covariance: expected variances of at least 0, got {float(variances[index])} "
                    f"at {index}"
                )
            check_symmetric(ops, covariance, given, "covariance")
            check_semidefinite(ops, covariance, given, "covariance", _AS_A_COVARIANCE)
        self.full = covariance

    @property
    def remedy(self) -> str:
        """Advice for messages: more noise, or a covariance that is not singular."""
        return "raise noise_variance, or add a multiple of the identity to the covariance"

    @property
    def rooted(self) -> bool:
        """False: a root costs an eigendecomposition."""
        return False

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.full.shape[0])

    def covariance(self, like: Array) -> DenseForm:
        """The given covariance, as a form."""
        return DenseForm(self.full)

    def _dense(self) -> DensePrecision:
        ops, matrix = ops_for(self.full), self.full
        lower = matrix_factor(ops, matrix, "covariance", self.remedy)
        root = ops.solve_triangular(lower, identity(ops, matrix.shape[0], matrix))
        return DensePrecision.symmetric(root.T @ root)

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant of the precision: minus that of the covariance."""
        ops = ops_for(self.full)
        lower = matrix_factor(ops, self.full, "covariance", self.remedy)
        return -factor_logdet(ops, lower)

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the inverse of the covariance: [P]."""
        return self._dense().diagonal(like)

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The inverse of the covariance: [P, P]; refused where that is singular."""
        return self._dense().full

    def root(self, num_parameters: int, like: Array) -> Array:
        """R [P, P] with `R^T R` the covariance, from eigenvectors, as it may be singular."""
        ops = ops_for(self.full)
        values, vectors = ops.symmetric_eigen(self.full)
        zero = ops.scalar(0.0, values)
        return ops.xp.sqrt(ops.xp.where(values > 0, values, zero))[:, None] * vectors.T

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this covariance, from its Cholesky factor."""
        ops = ops_for(self.full)
        return flat_product(ops, noise, matrix_factor(ops, self.full, "covariance", self.remedy).T)

    def plus(self, other: Precision) -> Precision | None:
        """The sum with a `DensePrecision`, as a matrix; None for any other."""
        return self._dense() + other if isinstance(other, DensePrecision) else None

"""Precisions, the inverse covariances of the parameters: the base class, and dense matrices.

With classes, parameters are ordered class by class: parameter `c D + d` weighs feature d in the
logit of class c. Information is additive: `update` and `+` add it, and `downdate` removes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.backends.registry import admit
from infoq.backends.trees import Tree
from infoq.checks.dtypes import check_floating
from infoq.checks.matrices import ADD_A_PRIOR, matrix_factor, read_matrix
from infoq.checks.values import check_values
from infoq.linear_algebra.small_matrices import factor_logdet, identity
from infoq.structures.forms import DenseForm, Form
from infoq.structures.whitening import DenseWhitening, Whitening


class Precision(Tree, ABC):
    """Base class of precisions: positive definite inverse covariances of P parameters.

    A subclass defines two members, `num_parameters` and `matrix`. All others have a default that
    uses the matrix and its Cholesky factor. A subclass overrides those that it computes faster:
    `covariance` and `whitening`, which every score uses, `diagonal`, `logdet`, `root`, and `colour`
    with `num_noise`, which `Gaussian.sample` uses.

    Notes
    -----
    A default costs P^3 multiply-adds at each call. Nothing is cached, because the matrix may differ
    at the next call. A precision that holds for any number of parameters has `num_parameters` None
    and no matrix of its own; it also defines `covariance`, `diagonal`, `logdet` and `colour`.

    `plus` may return a sum that keeps the structure; otherwise `+` adds the matrices. `update`
    keeps outcomes as rows beside the precision where they are fewer than the parameters.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> from infoq.backends import ops_for
    >>> class Alike(infoq.Precision):
    ...     _arrays = ("direction",)
    ...     def __init__(self, direction):
    ...         self.direction = direction
    ...     @property
    ...     def num_parameters(self):
    ...         return int(self.direction.shape[0])
    ...     def matrix(self, num_parameters, like):
    ...         xp, u = ops_for(like).xp, self.direction
    ...         return xp.eye(num_parameters, dtype=u.dtype) + u[:, None] * u[None, :]
    >>> prior = Alike(np.array([1.0, 1.0]))
    >>> infoq.eig(infoq.Gaussian(np.array([[1.0, 1.0], [1.0, -1.0]]), prior)).round(4)
    array([0.2554, 0.5493])
    >>> infoq.laplace(infoq.DenseEmbedding(np.array([[1.0, 0.0]])), prior)
    LowRankPrecision(Alike(P=2), Q=1)
    """

    @property
    @abstractmethod
    def num_parameters(self) -> int | None:
        """The number of parameters, P; None where the precision holds for any number."""

    @abstractmethod
    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The precision in full, [P, P], with the library, dtype and device of `like`."""

    @property
    def ops(self) -> Ops | None:
        """The operations of the arrays' library; None where there is no array."""
        array = first_array(self)
        return None if array is None else ops_for(array)

    def covariance(self, like: Array) -> Form:
        """The covariance, as a form for the rows of candidates."""
        return self._in_full(self.num_parameters, like).covariance(like)

    def logdet(self, num_parameters: int | None = None) -> Array | float:
        """The log-determinant of the precision: a 0-d array, or a float where it has no array."""
        size, like = num_parameters or self.num_parameters, first_array(self)
        if like is None:
            raise NotImplementedError(
                f"{type(self).__name__}: has no array to take the library from; define logdet"
            )
        return self._in_full(size, like).logdet()

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the precision: [P], or [1] where all entries are equal."""
        return ops_for(like).xp.linalg.diagonal(self.matrix(self._size(self.num_parameters), like))

    def root(self, num_parameters: int, like: Array) -> Array:
        """R [P, P] with `R^T R` the covariance."""
        return self._in_full(num_parameters, like).root(num_parameters, like)

    def whitening(self, num_parameters: int, like: Array) -> Whitening:
        """Coordinates in which the parameters are uncorrelated with unit variance."""
        return DenseWhitening(self.root(num_parameters, like))

    def colour(self, noise: Array) -> Array:
        """Deviations [K, P] with this precision, from independent normal numbers [K, P]."""
        return noise @ self.root(int(noise.shape[1]), noise)

    def num_noise(self, num_parameters: int) -> int:
        """The number of normal numbers that `colour` takes per deviation, by default P."""
        return num_parameters

    def unfolded_root(self, like: Array) -> Array | None:
        """R with `R^T R` the form for rows that the covariance unfolds; None where it has none.

        See `ConditionedForm`. Without a root, that form counts as a difference where one is needed.
        """
        return None

    def plus(self, other: Precision) -> Precision | None:
        """The sum with another precision where it keeps the structure of this one; else None."""
        return None

    @property
    def remedy(self) -> str:
        """The advice in messages where this, or this plus outcomes, is not positive definite."""
        return ADD_A_PRIOR

    @property
    def rooted(self) -> bool:
        """Whether a root of the covariance costs no more than the covariance."""
        return True

    @property
    def kept_rows(self) -> int:
        """The number of rows of outcomes that are kept beside the base precision."""
        return 0

    @property
    def known_by_covariance(self) -> bool:
        """Whether the precision is given by a covariance, which may be singular."""
        return not self.rooted

    def without(self, rows: Array) -> Precision | None:
        """The precision without the rows [r, P]; None unless it keeps these very rows.

        This is exact, while subtracting them would cancel: rows of 1,000 times the noise leave no
        digit of the rest in float32.
        """
        return None

    def _in_full(self, size: int | None, like: Array) -> DensePrecision:
        return DensePrecision.symmetric(self.matrix(self._size(size), like))

    def _size(self, size: int | None) -> int:
        if size is None:
            raise NotImplementedError(
                f"{type(self).__name__}: holds for any number of parameters, and has no matrix of "
                "its own; define covariance, diagonal, logdet and colour"
            )
        return size

    def solve(self, x: Array) -> Array:
        """The product of the covariance with vectors x [..., P], `P^-1 x`: [..., P].

        Raises
        ------
        TypeError, ValueError
            If `x` is not floating, or its last axis is not of size P.
        """
        ops, x = admit(x=x)
        size = self.num_parameters
        check_floating(ops, x, "x")
        if x.ndim < 1 or size not in (None, x.shape[-1]):
            raise ValueError(f"x: expected shape [..., {size or 'P'}], got {tuple(x.shape)}")
        return ops.xp.astype(self.covariance(x).apply(ops, ops.upcast(x)), x.dtype)

    def update(self, rows: Array) -> Precision:
        """The precision after R more outcomes with rows [R, P]: `P + rows^T rows`.

        The rows are kept as rows while all of them are fewer than the parameters, else they are
        added to the matrix.

        Raises
        ------
        TypeError, ValueError
            If the rows are not floating, not [R, P] or not finite.
        """
        return self._gathered(rows, 1)

    def downdate(self, rows: Array) -> Precision:
        """The precision before R outcomes with rows [R, P]: `P - rows^T rows`.

        Raises
        ------
        TypeError, ValueError
            If the rows are not floating, not [R, P] or not finite, or if (where values can be read)
            the result is not positive definite.
        """
        return self._gathered(rows, -1)

    def _gathered(self, rows: Array, sign: int) -> Precision:
        # Imported here, because LowRankPrecision is a subclass of this class.
        from infoq.structures.low_rank import gathered

        return gathered(self, rows, sign)

    def __add__(self, other: Precision) -> Precision:
        """The sum of two precisions, which holds the information of both."""
        if not isinstance(other, Precision):
            return NotImplemented
        _check_same_size(self, other)
        for one, two in ((self, other), (other, self)):
            total = one.plus(two)
            if total is not None:
                return total
        size = self.num_parameters or other.num_parameters
        like = first_array((self, other))
        if size is None or like is None:
            raise ValueError(
                "two precisions of unknown size; first add one to the precision of an embedding"
            )
        return DensePrecision.symmetric(self.matrix(size, like) + other.matrix(size, like))

    def _words(self) -> str:
        return f"{type(self).__name__}(P={self.num_parameters})"


@capabilities()
class DensePrecision(Precision):
    """A precision that is given as a matrix.

    Parameters
    ----------
    matrix : array [P, P]
        The precision, symmetric and positive definite.

    Raises
    ------
    TypeError, ValueError
        If it is not a square floating matrix, or (where values can be read) not symmetric or not
        positive definite. The message has two elements that differ, or the smallest eigenvalue.

    Notes
    -----
    P^3 multiply-adds for the Cholesky factor and the covariance; four P x P matrices in memory.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> precision = infoq.DensePrecision(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> precision.solve(np.array([3.0, 0.0])).round(4)
    array([ 2., -1.])
    >>> precision.logdet().round(4)
    np.float64(1.0986)
    """

    _arrays = ("full", "lower")
    full: Array
    lower: Array
    # Computed once: the inverses of the factor and of the matrix.
    _root: Array | None = None
    _inverse: Array | None = None

    def __init__(self, matrix: Array) -> None:
        self.full, self.lower = read_matrix(matrix, "matrix")

    @classmethod
    def symmetric(cls, matrix: Array) -> DensePrecision:
        """The precision of a matrix that is symmetric by construction, up to rounding."""
        ops = ops_for(matrix=matrix)
        return cls.of(full=matrix, lower=matrix_factor(ops, matrix, "matrix"))

    @property
    def num_parameters(self) -> int:
        """The number of parameters, P."""
        return int(self.full.shape[0])

    def root(self, num_parameters: int, like: Array) -> Array:
        """R [P, P] with `R^T R` the covariance: the inverse Cholesky factor, computed once."""
        ops, lower = ops_for(self.lower), self.lower
        return self._once(
            "_root", lambda: ops.solve_triangular(lower, identity(ops, lower.shape[0], lower))
        )

    def covariance(self, like: Array) -> Form:
        """The inverse of the matrix, as a form; computed once."""
        root = self.root(self.num_parameters, like)
        return DenseForm(self._once("_inverse", lambda: root.T @ root))

    def _once(self, name: str, make: Callable[[], Array]) -> Array:
        """The result of `make`, which is cached under `name` unless it is traced or lazy.

        It is not cached either if it does not record gradients although the factor does, as under
        `torch.no_grad`.
        """
        kept = getattr(self, name, None)
        if kept is None:
            kept = make()
            ops = ops_for(kept)
            if ops.concrete(kept) and ops.records(kept) == ops.records(self.lower):
                setattr(self, name, kept)
        return kept

    def logdet(self, num_parameters: int | None = None) -> Array:
        """The log-determinant: twice the sum of the logarithms of the Cholesky pivots."""
        return factor_logdet(ops_for(self.lower), self.lower)

    def diagonal(self, like: Array) -> Array:
        """The diagonal of the matrix: [P]."""
        return ops_for(self.full).xp.linalg.diagonal(self.full)

    def matrix(self, num_parameters: int, like: Array) -> Array:
        """The matrix: [P, P]."""
        return self.full

    def update(self, rows: Array) -> Precision:
        """The matrix `P + rows^T rows`, after R more outcomes with rows [R, P]."""
        check_rows(rows, self.num_parameters)
        return DensePrecision.symmetric(self.full + rows.T @ rows)

    def downdate(self, rows: Array) -> Precision:
        """The matrix `P - rows^T rows`, before R outcomes with rows [R, P]."""
        check_rows(rows, self.num_parameters)
        return DensePrecision.symmetric(self.full - rows.T @ rows)

    def plus(self, other: Precision) -> Precision | None:
        """The sum with any precision, as a matrix."""
        more = other.matrix(self.num_parameters, self.full)
        return DensePrecision.symmetric(self.full + more)


def same_precision(one: Precision, two: Precision) -> bool:
    """Whether two precisions have equal parts; parts that can't be read count as equal."""
    if one is two:
        return True
    if type(one) is not type(two) or one.settings != two.settings:
        return False
    return all(_same_part(x, y) for x, y in zip(one.parts, two.parts, strict=True))


def _same_part(x: Any, y: Any) -> bool:
    if x is y:
        return True
    if isinstance(x, Precision):
        return same_precision(x, y)
    if tuple(x.shape) != tuple(y.shape) or x.dtype != y.dtype:
        return False
    ops = ops_for(x, y)
    return not ops.concrete(x, y) or bool(ops.xp.all(x == y))


def check_rows(rows: Array, size: int | None) -> Ops:
    """The operations of rows [Q, P], which are refused if their shape or dtype is wrong."""
    ops = ops_for(rows=rows)
    check_floating(ops, rows, "rows")
    if rows.ndim != 2 or size not in (None, rows.shape[1]):
        raise ValueError(f"rows: expected shape (Q, {size or 'P'}), got {tuple(rows.shape)}")
    if rows.shape[0]:
        check_values(ops, rows, "rows", {2: "(Q, P)"})
    return ops


def _check_same_size(one: Precision, two: Precision) -> None:
    """Raise a ValueError for precisions of different numbers of parameters."""
    sizes = [p.num_parameters for p in (one, two) if p.num_parameters is not None]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"precisions of P={sizes[0]} and P={sizes[1]} parameters cannot be added; both must "
            "have the same P"
        )

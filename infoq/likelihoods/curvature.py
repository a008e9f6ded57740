"""A likelihood of the exponential family that is given by its curvature."""

from __future__ import annotations

from typing import Self

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.backends.registry import admit, check_same_device
from infoq.blocks import map_rows
from infoq.checks.dtypes import has_dtype
from infoq.checks.model_outputs import (
    check_label_shape,
    check_outputs,
    check_problems,
    independent_outputs,
    not_finite,
)
from infoq.checks.numbers import first_index, number
from infoq.likelihoods.likelihood import Likelihood, cast, working


@capabilities()
class Curvature(Likelihood):
    """A likelihood of the exponential family, given by its curvature Lambda in the logits.

    Parameters
    ----------
    matrix : array [N, C, C]
        The curvatures: symmetric and positive semi-definite, possibly singular.
    mean : array [N, C], optional
        The expected outcomes; only labels need them.

    Attributes
    ----------
    matrix, mean
        As they were given.

    Raises
    ------
    TypeError
        If an array is not floating, or the arrays differ in library or dtype.
    ValueError
        If the shape is not [N, C, C], or (where values can be read) a matrix is not finite, not
        symmetric, or has an eigenvalue that is clearly negative. The message names the first
        offending candidate. If the mean is not [N, C] or not finite.

    Notes
    -----
    The factor is `V sqrt(eigenvalues)`, where eigenvalues that rounding makes negative count as 0.
    Its gradient is not finite where eigenvalues are equal; if you need gradients, use a named
    likelihood such as `Softmax`.

    Labels are outcomes [N, C] in the units of the mean, or [N] where C = 1: the residual is
    `mean - y`. For classes they are one-hot. Directions in which the curvature is 0 to rounding
    have no outcomes other than the mean, and a residual there does not count.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Curvature
    >>> matrix = np.array([[[1.0, -1.0], [-1.0, 1.0]]])
    >>> factor = Curvature(matrix).factor(ops_for(matrix), (1, 2), matrix)[0]
    >>> np.allclose(factor @ factor.T, matrix[0])
    True
    """

    _arrays = ("matrix", "mean")
    matrix: Array
    mean: Array | None = None

    def __init__(self, matrix: Array, *, mean: Array | None = None) -> None:
        ops, matrix = admit(matrix=matrix)
        check_outputs(ops, matrix, "matrix", "[N, C, C]", (3,))
        if matrix.shape[1] != matrix.shape[2]:
            raise ValueError(
                f"matrix: expected square matrices [N, C, C], got shape {tuple(matrix.shape)}"
            )
        if ops.concrete(matrix):
            _check_values(ops, ops.upcast(matrix))
        self.matrix = matrix
        if mean is not None:
            self.mean = _read_mean(ops, mean, matrix)

    @property
    def predicts(self) -> bool:
        """Whether it has a mean."""
        return self.mean is not None

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`mean - y`, [n, C]."""
        if self.mean is None:
            raise self._no_labels()
        self._fit(shape)
        _check_structure(ops, labels, shape)
        return working(ops, self.mean, like) - working(ops, _column(labels), like)

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, C], and the residuals in its units, along the eigenvectors: [n, C].

        Both are 0 along eigenvectors whose eigenvalue is 0 to rounding.
        """
        xp = ops.xp
        residual = self.residual(ops, labels, shape, like)
        values, vectors = ops.symmetric_eigen(self.curvature(ops, shape, like))
        size = xp.max(xp.abs(values), axis=1, keepdims=True)
        limits = xp.finfo(values.dtype)
        none = values <= 4 * shape[1] * float(limits.eps) * size + float(limits.smallest_normal)
        roots = xp.sqrt(xp.where(none, ops.scalar(1.0, values), values))
        along = (xp.matrix_transpose(vectors) @ residual[:, :, None])[:, :, 0]
        zero = ops.scalar(0.0, values)
        factor = vectors * xp.where(none, zero, roots)[:, None, :]
        return factor, xp.where(none, zero, along / roots)

    def _no_labels(self) -> NotImplementedError:
        return NotImplementedError(
            "Curvature does not support labels without a mean; pass Curvature(..., mean=)"
        )

    def label_axes(self, num_outputs: int) -> int:
        """The number of axes of labels: 1 for [N] where C = 1, else 2 for [N, C]."""
        return 1 if num_outputs == 1 else 2

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not finite numbers [N, C], or without a mean."""
        if self.mean is None:
            raise self._no_labels()
        ops = ops_for(mean=self.mean, labels=labels)
        _check_structure(ops, labels, tuple(self.mean.shape))
        if ops.concrete(labels):
            values = ops.xp.astype(_column(labels), ops.xp.float32)
            problems = not_finite(ops, values, "labels are finite numbers")
            check_problems(ops, values, "labels", *problems)

    @classmethod
    def at(cls, likelihood: Likelihood, labels: Array) -> Self:
        """The observed information of a likelihood at labels, [N, C, C], as a likelihood.

        It is what a Laplace posterior of labelled outcomes adds up, and what the entropy of the
        parameters drops by. For a canonical link it is the curvature, whatever the labels.

        Parameters
        ----------
        likelihood : Likelihood
            Of N candidates, with arrays.
        labels : array [N] or [N, C]
            As the likelihood takes them.

        Raises
        ------
        TypeError, ValueError
            If the labels are not the likelihood's, or it has no array that says what N is.
        NotImplementedError
            If it knows no labels.

        Notes
        -----
        Exact. Cost: N C^2 numbers, and the derivatives of each candidate.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> from infoq.likelihoods import Curvature, NegativeBinomial
        >>> features, labels = np.array([[1.0], [2.0]]), np.array([0, 9])
        >>> counts = NegativeBinomial(np.array([0.0, 1.0]), 0.5)
        >>> observed = infoq.LastLayerEmbedding(features, Curvature.at(counts, labels))
        >>> infoq.laplace(observed, 1.0).logdet().round(4)
        np.float64(2.5006)
        """
        like = first_array(likelihood)
        if like is None:
            raise TypeError(
                f"likelihood: {likelihood!r} has no arrays, which would say what it predicts"
            )
        likelihood.check_labels(labels)
        ops, outputs = ops_for(likelihood=like, labels=labels), likelihood.num_outputs or 1
        matrix = map_rows(
            _observed,
            (likelihood, labels),
            bytes_per_row=ops.item_bytes(like)
            * (6 * outputs**2 + likelihood.extra_numbers(outputs)),
            shape=(outputs, outputs),
        )
        return cls.of(matrix=cast(ops, matrix, like.dtype))

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The given curvature Lambda [n, C, C]."""
        self._fit(shape)
        return working(ops, self.matrix, like)


def _observed(ops: Ops, likelihood: Likelihood, labels: Array) -> Array:
    like = first_array(likelihood)
    shape = (int(like.shape[0]), likelihood.num_outputs or 1)
    return likelihood.observed(ops, labels, shape, ops.upcast(like))


def _column(labels: Array) -> Array:
    """Labels [N] as [N, 1]; those with two axes as they are."""
    return labels if labels.ndim == 2 else labels[:, None]


def _check_structure(ops: Ops, labels: Array, shape: tuple[int, ...]) -> None:
    check_label_shape(labels, (shape,) if shape[1] != 1 else (shape[:1], shape))
    if not has_dtype(ops, labels, "bool", "integral", "real floating"):
        raise TypeError(f"labels: expected real numbers, got {labels.dtype}")


def _read_mean(ops: Ops, mean: Array, matrix: Array) -> Array:
    ops_for(matrix=matrix, mean=mean)
    _, mean = independent_outputs("mean", mean)
    check_same_device(ops, matrix=matrix, mean=mean)
    if mean.dtype != matrix.dtype:
        raise TypeError(f"mean: expected the dtype of matrix, {matrix.dtype}, got {mean.dtype}")
    if tuple(mean.shape) != tuple(matrix.shape[:2]):
        raise ValueError(
            f"mean: expected shape {tuple(matrix.shape[:2])}, as matrix has, got "
            f"{tuple(mean.shape)}"
        )
    if ops.concrete(mean):
        check_problems(ops, mean, "mean", *not_finite(ops, mean, "a mean is finite"))
    return mean


def _check_values(ops: Ops, matrix: Array) -> None:
    xp = ops.xp
    finite = xp.all(xp.all(xp.isfinite(matrix), axis=-1), axis=-1)
    _refuse(ops, ~finite, "expected finite numbers, got NaN or infinity")
    tolerance = 1e-10 if ops.bits(matrix) >= 64 else 1e-5
    skew = xp.max(xp.max(xp.abs(matrix - xp.matrix_transpose(matrix)), axis=-1), axis=-1)
    size = xp.max(xp.max(xp.abs(matrix), axis=-1), axis=-1)
    index = first_index(ops, skew > tolerance * size)
    if index is not None:
        one = matrix[index, :, :]
        apart = xp.abs(one - one.T)
        row, column = divmod(int(xp.argmax(xp.reshape(apart, (-1,)))), one.shape[0])
        raise ValueError(
            f"matrix: candidate {index}: it is not symmetric: "
            f"{number(one[row, column]):.6g} at ({row}, {column}), "
            f"{number(one[column, row]):.6g} at ({column}, {row}); pass (A + A^T) / 2 if it "
            "should be symmetric"
        )
    values, _ = ops.symmetric_eigen(matrix)
    low = xp.min(values, axis=-1)
    index = first_index(ops, low < -tolerance * xp.max(xp.abs(values), axis=-1))
    if index is not None:
        raise ValueError(
            f"matrix: candidate {index}: it is not positive semi-definite, its smallest "
            f"eigenvalue is {number(low[index]):.6g}; the observed Hessian of a network may have "
            "negative eigenvalues: use the Fisher information or the generalised Gauss-Newton "
            "curvature"
        )


def _refuse(ops: Ops, bad: Array, problem: str) -> None:
    if (index := first_index(ops, bad)) is not None:
        raise ValueError(f"matrix: candidate {index}: {problem}")

"""A likelihood of the exponential family that is given by its curvature."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.model_outputs import check_outputs
from infoq.checks.numbers import first_index, number
from infoq.likelihoods.likelihood import Likelihood, working


@capabilities()
class Curvature(Likelihood):
    """A likelihood of the exponential family, given by its curvature Lambda in the logits.

    Parameters
    ----------
    matrix : array [N, C, C]
        The curvatures: symmetric and positive semi-definite, possibly singular.

    Raises
    ------
    TypeError
        If the array is not floating.
    ValueError
        If the shape is not [N, C, C], or (where values can be read) a matrix is not finite, not
        symmetric, or has an eigenvalue that is clearly negative. The message names the first
        offending candidate.

    Notes
    -----
    The factor is `V sqrt(eigenvalues)`, where eigenvalues that rounding makes negative count as 0.
    Its gradient is not finite where eigenvalues are equal; if you need gradients, use a named
    likelihood such as `Softmax`.

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

    _arrays = ("matrix",)
    matrix: Array

    def __init__(self, matrix: Array) -> None:
        ops, matrix = admit(matrix=matrix)
        check_outputs(ops, matrix, "matrix", "[N, C, C]", (3,))
        if matrix.shape[1] != matrix.shape[2]:
            raise ValueError(
                f"matrix: expected square matrices [N, C, C], got shape {tuple(matrix.shape)}"
            )
        if ops.concrete(matrix):
            _check_values(ops, ops.upcast(matrix))
        self.matrix = matrix

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The given curvature Lambda [n, C, C]."""
        self._fit(shape)
        return working(ops, self.matrix, like)


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

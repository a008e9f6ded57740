"""What every likelihood answers: its curvature, a factor of it, and its residuals."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Self

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import arrays_of, first_array
from infoq.backends.trees import Tree
from infoq.checks.dtypes import has_dtype
from infoq.checks.model_outputs import Problem, check_label_shape, check_problems, not_finite
from infoq.linear_algebra.small_matrices import diagonal_matrices


class Likelihood(Tree, ABC):
    """A likelihood of the exponential family in its natural parameters z [N, C]: the base class.

    One method is required of one's own, `curvature`, and for labels a second, `residual`. Arrays
    [N, ...] are fields, named in `_arrays`, the first of them [N, C] or [N, C, ...], and what else
    it is made of is named in `_static`: a block of candidates is the same likelihood with these cut
    along the first axis, so methods are called with n of the N candidates. A `Normal` of one
    variance for all has no array.

    Notes
    -----
    With a default, in terms of `curvature`: `factor`, by eigenvalues and eigenvectors, which has no
    finite gradient where eigenvalues are equal; and where there is a shorter way `num_rows`,
    `curvature_diagonal`, `curvature_sum`, `halved` and `squares`. `num_candidates` and
    `num_outputs` are those of the first array. In terms of `residual`: `predicts` and `scores`;
    `label_axes` is 1, and `check_labels` looks at the shape alone. Outcomes are not normal unless
    `log_noise` says so, and are no classes unless `outcome_logits` does.

    Examples
    --------
    How many of some trials succeed, for the logits of one success:

    >>> import numpy as np, infoq
    >>> class Binomial(infoq.Likelihood):
    ...     _arrays, _static = ("logits",), ("trials",)
    ...     def __init__(self, logits, trials):
    ...         self.logits, self.trials = logits, trials
    ...     def _expected(self, ops):
    ...         return self.trials / (1 + ops.xp.exp(-ops.upcast(self.logits)))
    ...     def curvature(self, ops, shape, like):
    ...         expected = self._expected(ops)
    ...         return (expected * (1 - expected / self.trials))[:, :, None]
    ...     def residual(self, ops, labels, shape, like):
    ...         return self._expected(ops) - labels[:, None]
    >>> features, outcomes = np.array([[1.0], [2.0], [3.0]]), Binomial(np.zeros((3, 1)), trials=10)
    >>> pool = infoq.Gaussian(infoq.LastLayerEmbedding(features, outcomes), precision=1.0)
    >>> infoq.eig(pool).round(4)
    array([0.6264, 1.1989, 1.5785])
    >>> infoq.ig(pool, np.array([5, 5, 10])).round(4)
    array([0.2692, 0.7444, 1.3035])
    """

    def with_parts(self, parts: tuple[Any, ...]) -> Self:
        """The same likelihood of other candidates; nothing is checked or copied."""
        return type(self).from_parts(tuple(parts), self.settings)

    @property
    def num_candidates(self) -> int | None:
        """The number of candidates, N; None where it fits any number."""
        like = first_array(self)
        return None if like is None else int(like.shape[0])

    @property
    def num_outputs(self) -> int | None:
        """The number of outputs, C; None where it fits any number."""
        like = first_array(self)
        return None if like is None else int(like.shape[1])

    def num_rows(self, num_outputs: int) -> int:
        """The number of columns of `factor`, R: rows of an embedding for each candidate."""
        return num_outputs

    @abstractmethod
    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The curvature Lambda [n, C, C], symmetric and positive semi-definite.

        Parameters
        ----------
        ops : Ops
            Of the arrays.
        shape : tuple of int
            The number of candidates n and of outputs C.
        like : array [n, ...]
            What gives dtype and device; for a half precision the curvature is in float32.
        """

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, R] with `L L^T = Lambda`; the parameters are those of `curvature`."""
        values, vectors = ops.symmetric_eigen(self.curvature(ops, shape, like))
        return vectors * root(ops, values)[:, None, :]

    def curvature_diagonal(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature [n, C]; the parameters are those of `curvature`."""
        return ops.xp.linalg.diagonal(self.curvature(ops, shape, like))

    def curvature_sum(self, ops: Ops, weights: Array, shape: tuple[int, int], like: Array) -> Array:
        """The sum of the curvatures, each times its weight, of weights [n]: [C, C]."""
        return ops.xp.sum(self.curvature(ops, shape, like) * weights[:, None, None], axis=0)

    def halved(self, ops: Ops, x: Array) -> Array:
        """`S^T x` [n, S, P] for x [n, C, P], where `S S^T = Lambda`; S need not be `factor`."""
        factor = self.factor(ops, (x.shape[0], x.shape[1]), x)
        return ops.xp.matrix_transpose(factor) @ x

    def squares(self, ops: Ops, vectors: Array, shape: tuple[int, int], like: Array) -> Array:
        """`v_j^T Lambda v_j` for the columns of vectors [C, J]: [n, J]."""
        half = ops.xp.matrix_transpose(self.factor(ops, shape, like)) @ vectors
        return ops.xp.sum(half**2, axis=1)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The gradient of -log p(y | z) with respect to z, for labels y: [n, C].

        The other parameters are those of `curvature`. Values of labels are not read here;
        `check_labels` does that.

        Raises
        ------
        NotImplementedError
            If the likelihood knows no labels.
        """
        raise self._no_labels()

    def log_noise(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The log-determinant of the covariance of y given z, of normal outcomes: [n].

        Raises
        ------
        TypeError
            If the outcomes are not normal.
        """
        raise TypeError(
            f"entropy: outcomes of a {type(self).__name__} likelihood are not normal, and have no "
            "entropy in closed form; use Gaussian.sample(draws).entropy(), or class probabilities "
            "by Categorical.entropy"
        )

    @property
    def predicts(self) -> bool:
        """Whether it knows what it predicts, so that labels have residuals."""
        return type(self).residual is not Likelihood.residual

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, R], and the residuals at labels y in its units: u [n, R].

        `L u` is the residual, and the mean of `u u^T` over the labels that are predicted is the
        identity. The parameters are those of `residual`. infoq's own likelihoods keep curvature
        above `floor`: at a label that is held to be impossible there is none, and no u.
        """
        residual = self.residual(ops, labels, shape, like)
        factor = self.factor(ops, shape, like)
        return factor, (ops.xp.linalg.pinv(factor) @ residual[:, :, None])[:, :, 0]

    def label_axes(self, num_outputs: int) -> int:
        """How many axes labels have, one a candidate: 1 for [N], 2 for one label an output."""
        return 1

    def outcome_logits(self) -> Array | None:
        """Logits of the outcomes, up to a constant for each candidate; None where not finite."""
        return None

    def check_labels(self, labels: Array) -> None:
        """Refuse labels of a wrong dtype or shape, or (where they can be read) value.

        Raises
        ------
        NotImplementedError
            If the likelihood knows no labels.
        """
        if not self.predicts:
            raise self._no_labels()
        size = (self.num_candidates, self.num_outputs)
        check_label_shape(labels, (size[: self.label_axes(size[1] or 1)],))

    def _no_labels(self) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} knows no labels; use Softmax, Bernoulli, Poisson or Normal"
        )

    def _words(self) -> str:
        return f"{type(self).__name__}({self._describe()})"

    def _describe(self) -> str:
        x = first_array(self)
        dtype = str(x.dtype).rpartition(".")[2]
        return f"N={self.num_candidates}, C={self.num_outputs}, {ops_for(x).name} {dtype}"

    def _fit(self, shape: tuple[int, int]) -> None:
        """Refuse a shape that is not this likelihood's: broadcasting would hide it."""
        own = (self.num_candidates, self.num_outputs)
        if any(size not in (None, wanted) for size, wanted in zip(own, shape, strict=True)):
            raise ValueError(
                f"{type(self).__name__.lower()} likelihood: it has N={own[0]} candidates and "
                f"C={own[1]} outputs, which does not fit {shape[0]} candidates and "
                f"{shape[1]} outputs"
            )


class Independent(Likelihood):
    """Outputs that are independent given z, so that the curvature is diagonal.

    Labels are [n], where C = 1, or [n, C].
    """

    @abstractmethod
    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, [n, C]."""

    @abstractmethod
    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature, [n, C]."""

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, C], diagonal, with `L L^T = Lambda`."""
        self._fit(shape)
        return diagonal_matrices(ops, self.roots(ops, shape, like))

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The curvature Lambda [n, C, C], diagonal."""
        self._fit(shape)
        return diagonal_matrices(ops, self.variances(ops, shape, like))

    def curvature_diagonal(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, [n, C]."""
        self._fit(shape)
        return self.variances(ops, shape, like)

    def curvature_sum(self, ops: Ops, weights: Array, shape: tuple[int, int], like: Array) -> Array:
        """The sum of the curvatures, each times its weight: [C, C], diagonal."""
        self._fit(shape)
        total = ops.xp.matmul(weights[None, :], self.variances(ops, shape, like))
        return diagonal_matrices(ops, total)[0, ...]

    def halved(self, ops: Ops, x: Array) -> Array:
        """The root of the curvature times x [n, C, P]: n C P multiplications."""
        shape = (x.shape[0], x.shape[1])
        self._fit(shape)
        return self.roots(ops, shape, x)[:, :, None] * x

    def squares(self, ops: Ops, vectors: Array, shape: tuple[int, int], like: Array) -> Array:
        """`v_j^T Lambda v_j` for the columns of vectors [C, J]: [n, J]."""
        self._fit(shape)
        return ops.xp.matmul(self.variances(ops, shape, like), vectors**2)

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, C], diagonal, and the residuals over its diagonal: [n, C]."""
        roots = self.roots(ops, shape, like)
        least = ops.scalar(math.sqrt(floor(ops, roots)), roots)
        roots = ops.xp.where(roots < least, least, roots)
        return diagonal_matrices(ops, roots), self.residual(ops, labels, shape, like) / roots

    def label_axes(self, num_outputs: int) -> int:
        """1 for [N] where there is one output, else 2 for [N, C]."""
        return 1 if num_outputs == 1 else 2

    def check_labels(self, labels: Array) -> None:
        """Refuse labels that are not [N] or [N, C], or whose values cannot occur."""
        ops = ops_for(labels, *arrays_of(self))
        self._check_label_structure(ops, labels, (self.num_candidates, self.num_outputs))
        if ops.concrete(labels):
            values = ops.xp.astype(labels, ops.xp.float32)
            values = values if values.ndim == 2 else values[:, None]
            check_problems(ops, values, "labels", *self._label_problems(ops, values))

    def _check_label_structure(
        self, ops: Ops, labels: Array, shape: tuple[int | None, int | None]
    ) -> None:
        check_label_shape(labels, (shape,) if shape[1] not in (None, 1) else (shape[:1], shape))
        if not has_dtype(ops, labels, "bool", "integral", "real floating"):
            raise TypeError(f"labels: expected real numbers, got {labels.dtype}")

    def _labels(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        self._fit(shape)
        self._check_label_structure(ops, labels, shape)
        return working(ops, labels if labels.ndim == 2 else labels[:, None], like)

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        return not_finite(ops, labels, "labels are finite numbers")


def floor(ops: Ops, x: Array) -> float:
    """The least curvature, or probability, by which a residual is divided.

    Far below what rounding leaves of any other, and its inverse far from overflow.
    """
    return math.sqrt(float(ops.xp.finfo(x.dtype).smallest_normal))


def working(ops: Ops, x: Array, like: Array) -> Array:
    """`x` in the dtype that `like` is computed in."""
    return ops.native(cast(ops, x, ops.working_dtype(like)))


def cast(ops: Ops, x: Array, dtype: Any) -> Array:
    """`x` in a dtype; itself where it already is."""
    return x if x.dtype == dtype else ops.xp.astype(x, dtype)


def places(ops: Ops, rows: int, columns: int, like: Array) -> tuple[Array, Array]:
    """The indices of the rows and of the columns of a matrix, to be compared."""
    xp, device = ops.xp, ops.device(like)
    return xp.arange(rows, device=device)[:, None], xp.arange(columns, device=device)[None, :]


def root(ops: Ops, x: Array) -> Array:
    """`sqrt(x)` for `x >= 0`; at 0 (and below the smallest normal number) 0, with gradient 0."""
    xp = ops.xp
    none = x < float(xp.finfo(x.dtype).smallest_normal)
    # The double `where`: sqrt has an infinite slope at 0. NaN stays NaN.
    safe = xp.sqrt(xp.where(none, ops.scalar(1.0, x), x))
    return xp.where(none, ops.scalar(0.0, x), safe)

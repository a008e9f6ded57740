"""The base classes of likelihoods: curvature, a factor of it, and residuals at labels."""

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
    """Base class of likelihoods of the exponential family in natural parameters z [N, C].

    A subclass defines `curvature`, and for labels `residual`. Its arrays [N, ...] are fields named
    in `_arrays`, of which the first is [N, C] or [N, C, ...]; its other fields are named in
    `_static`. A block of candidates is the same likelihood with the arrays cut along the first
    axis, so methods are called for n of the N candidates. A `Normal` with one variance for all
    candidates has no array.

    Notes
    -----
    These methods have a default in terms of `curvature`; a subclass overrides those that it
    computes faster: `factor`, `num_rows`, `curvature_diagonal`, `curvature_sum`, `halved` and
    `squares`. The default `factor` uses eigenvectors; its gradient is not finite where eigenvalues
    are equal. `num_candidates` and `num_outputs` are read from the first array.

    `predicts` and `scores` have a default in terms of `residual`. By default `label_axes` is 1, and
    `check_labels` checks the shape alone. Outcomes that are normal define `log_noise`, and outcomes
    that are classes define `outcome_logits`.

    Examples
    --------
    The number of successes in some trials, from the logits of one success:

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
        """The same likelihood with other arrays; nothing is checked or copied."""
        return type(self).from_parts(tuple(parts), self.settings)

    @property
    def num_candidates(self) -> int | None:
        """The number of candidates, N; None where the likelihood holds for any number."""
        like = first_array(self)
        return None if like is None else int(like.shape[0])

    @property
    def num_outputs(self) -> int | None:
        """The number of outputs, C; None where the likelihood holds for any number."""
        like = first_array(self)
        return None if like is None else int(like.shape[1])

    def num_rows(self, num_outputs: int) -> int:
        """The number of columns of `factor`, R: the rows of an embedding per candidate."""
        return num_outputs

    def extra_numbers(self, num_outputs: int) -> int:
        """The numbers per candidate in a block beyond a few C x C matrices: none by default."""
        return 0

    @abstractmethod
    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The curvature Lambda [n, C, C], symmetric and positive semi-definite.

        Parameters
        ----------
        ops : Ops
            The operations of the arrays' library.
        shape : tuple of int
            The numbers of candidates n and of outputs C.
        like : array [n, ...]
            An array of the wanted dtype and device; for half precision the result is in float32.
        """

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, R] with `L L^T = Lambda`; the parameters are as in `curvature`."""
        values, vectors = ops.symmetric_eigen(self.curvature(ops, shape, like))
        return vectors * root(ops, values)[:, None, :]

    def curvature_diagonal(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature [n, C]; the parameters are as in `curvature`."""
        return ops.xp.linalg.diagonal(self.curvature(ops, shape, like))

    def curvature_sum(self, ops: Ops, weights: Array, shape: tuple[int, int], like: Array) -> Array:
        """The sum of the curvatures, weighted by `weights` [n]: [C, C]."""
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
        """The gradient of -log p(y | z) with respect to z at labels y: [n, C].

        The other parameters are as in `curvature`. The values of labels are not validated here;
        `check_labels` does that.

        Raises
        ------
        NotImplementedError
            If the likelihood does not support labels.
        """
        raise self._no_labels()

    def observed(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The observed information: the second derivative of -log p(y | z) for labels y: [n, C, C].

        The parameters are those of `residual`. By default it is the curvature, as it is for every
        label where the link is canonical.
        """
        return self.curvature(ops, shape, like)

    def log_noise(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The log-determinant of the covariance of normal outcomes y given z: [n].

        Raises
        ------
        TypeError
            If the outcomes are not normal.
        """
        raise TypeError(
            f"entropy: outcomes of a {type(self).__name__} likelihood are not normal, and have no "
            "entropy in closed form; use Gaussian.sample(draws).entropy(), or Categorical.entropy "
            "with class probabilities"
        )

    @property
    def predicts(self) -> bool:
        """Whether labels have residuals, that is, whether `residual` can be computed."""
        return type(self).residual is not Likelihood.residual

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, R] and the scores u [n, R], for which `L u` is the residual.

        The mean of `u u^T` under the predicted labels is the identity. The parameters are as in
        `residual`. infoq's own likelihoods keep the curvature above `floor`: at a label that the
        prediction excludes it would be 0, and u would not exist.
        """
        residual = self.residual(ops, labels, shape, like)
        factor = self.factor(ops, shape, like)
        return factor, (ops.xp.linalg.pinv(factor) @ residual[:, :, None])[:, :, 0]

    def label_axes(self, num_outputs: int) -> int:
        """The number of axes of labels: 1 for [N], 2 for [N, C] with one label per output."""
        return 1

    def outcome_logits(self) -> Array | None:
        """The logits of the outcomes, up to a constant per candidate.

        None where an outcome is not one of finitely many classes.
        """
        return None

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels of a wrong dtype or shape, or (where readable) a wrong value.

        Raises
        ------
        NotImplementedError
            If the likelihood does not support labels.
        TypeError, ValueError
            If the labels are not valid.
        """
        if not self.predicts:
            raise self._no_labels()
        size = (self.num_candidates, self.num_outputs)
        check_label_shape(labels, (size[: self.label_axes(size[1] or 1)],))

    def _no_labels(self) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} does not support labels; use Softmax, Bernoulli, Poisson or "
            "Normal, or define `residual`"
        )

    def _words(self) -> str:
        return f"{type(self).__name__}({self._describe()})"

    def _describe(self) -> str:
        x = first_array(self)
        dtype = str(x.dtype).rpartition(".")[2]
        return f"N={self.num_candidates}, C={self.num_outputs}, {ops_for(x).name} {dtype}"

    def _fit(self, shape: tuple[int, int]) -> None:
        """Raise a ValueError for a shape other than its own, which broadcasting would hide."""
        own = (self.num_candidates, self.num_outputs)
        if any(size not in (None, wanted) for size, wanted in zip(own, shape, strict=True)):
            raise ValueError(
                f"{type(self).__name__.lower()} likelihood: it has N={own[0]} candidates and "
                f"C={own[1]} outputs, which does not fit {shape[0]} candidates and "
                f"{shape[1]} outputs"
            )


class Independent(Likelihood):
    """Base class of likelihoods whose outputs are independent given z: a diagonal curvature.

    Labels are [n, C], or [n] where C = 1.
    """

    @abstractmethod
    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature: [n, C]."""

    @abstractmethod
    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature: [n, C]."""

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, C], diagonal, with `L L^T = Lambda`."""
        self._fit(shape)
        return diagonal_matrices(ops, self.roots(ops, shape, like))

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The curvature Lambda [n, C, C], diagonal."""
        self._fit(shape)
        return diagonal_matrices(ops, self.variances(ops, shape, like))

    def curvature_diagonal(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature: [n, C]."""
        self._fit(shape)
        return self.variances(ops, shape, like)

    def curvature_sum(self, ops: Ops, weights: Array, shape: tuple[int, int], like: Array) -> Array:
        """The sum of the curvatures, weighted by `weights` [n]: [C, C], diagonal."""
        self._fit(shape)
        total = ops.xp.matmul(weights[None, :], self.variances(ops, shape, like))
        return diagonal_matrices(ops, total)[0, ...]

    def halved(self, ops: Ops, x: Array) -> Array:
        """`sqrt(Lambda) x` [n, C, P] for x [n, C, P]: n C P multiplications."""
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
        """The diagonal factor L [n, C, C], and the residuals divided by its diagonal: [n, C]."""
        residual = self.residual(ops, labels, shape, like)
        return self._in_units(ops, self.roots(ops, shape, like), residual)

    def _in_units(self, ops: Ops, roots: Array, residual: Array) -> tuple[Array, Array]:
        least = ops.scalar(math.sqrt(floor(ops, roots)), roots)
        roots = ops.xp.where(roots < least, least, roots)
        return diagonal_matrices(ops, roots), residual / roots

    def label_axes(self, num_outputs: int) -> int:
        """The number of axes of labels: 1 for [N] where C = 1, else 2 for [N, C]."""
        return 1 if num_outputs == 1 else 2

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not [N] or [N, C], or whose values cannot occur."""
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
    """The smallest curvature, or probability, that a residual is divided by.

    It is far below the rounding of any other, and its inverse is far from overflow.
    """
    return math.sqrt(float(ops.xp.finfo(x.dtype).smallest_normal))


def working(ops: Ops, x: Array, like: Array) -> Array:
    """`x` in the dtype of computations with `like`."""
    return ops.native(cast(ops, x, ops.working_dtype(like)))


def cast(ops: Ops, x: Array, dtype: Any) -> Array:
    """`x` in the dtype `dtype`; `x` itself where it already has it."""
    return x if x.dtype == dtype else ops.xp.astype(x, dtype)


def places(ops: Ops, rows: int, columns: int, like: Array) -> tuple[Array, Array]:
    """The indices [rows, 1] and [1, columns] of a matrix's entries, for comparisons."""
    xp, device = ops.xp, ops.device(like)
    return xp.arange(rows, device=device)[:, None], xp.arange(columns, device=device)[None, :]


def root(ops: Ops, x: Array) -> Array:
    """`sqrt(x)` for `x >= 0`; below the smallest normal number 0, with gradient 0."""
    xp = ops.xp
    none = x < float(xp.finfo(x.dtype).smallest_normal)
    # `where` twice, because sqrt has an infinite slope at 0. NaN stays NaN.
    safe = xp.sqrt(xp.where(none, ops.scalar(1.0, x), x))
    return xp.where(none, ops.scalar(0.0, x), safe)

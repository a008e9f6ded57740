"""The categorical likelihood, and a factor of its curvature that is free of cancellation."""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.model_outputs import (
    Problem,
    check_integers,
    check_label_shape,
    check_outputs,
    check_problems,
    exactly_one,
    not_a_number,
    not_finite,
)
from infoq.checks.numbers import first_index, number
from infoq.likelihoods.likelihood import Likelihood, cast, floor, places, root, working
from infoq.measures.distribution import to_log_probabilities, to_probabilities


@capabilities()
class Softmax(Likelihood):
    r"""Categorical outcomes with probabilities :math:`\pi = \mathrm{softmax}(z)`.

    Parameters
    ----------
    probs, logits : array [N, C]
        Exactly one of the two: the probabilities of C >= 2 classes for N candidates, or their
        logits z. A logit may be -inf.

    Attributes
    ----------
    values : array [N, C]
        The given probabilities or logits.
    kind : {"probs", "logits"}
        Which of the two `values` holds.

    Raises
    ------
    TypeError
        If there is not exactly one array, or it is not floating.
    ValueError
        If the shape is not [N, C] with C >= 2, or (where values can be read) a value is NaN,
        negative or infinite, or a row of `probs` does not sum to one within 0.001 (float16 and
        bfloat16: 0.02). The message names the first offending candidate.

    Notes
    -----
    The curvature is :math:`\Lambda = \mathrm{diag}(\pi) - \pi \pi^T`, of rank R = C - 1. With the
    tail sums :math:`s_j = \sum_{k \ge j} \pi_k`, column j of its Cholesky factor is

    .. math:: \sqrt{\pi_j s_{j+1} / s_j} \; (e_j - \sum_{i > j} \pi_i e_i / s_{j+1}),

    a product of non-negative numbers. The diagonal of :math:`L L^T`, and so its trace
    :math:`1 - \sum_i \pi_i^2`, keeps its relative accuracy in float32 at any gap between the
    logits. An entry off the diagonal is accurate relative to :math:`\sqrt{\Lambda_{ii}
    \Lambda_{jj}}`. Where a tail sum is 0, the column and its gradient are 0. Rows of `probs` are
    divided by their sum.

    References
    ----------
    Tanabe, K. and Sagae, M. (1992). An exact Cholesky decomposition and the generalized inverse of
    the variance-covariance matrix of the multinomial distribution, with applications. Journal of
    the Royal Statistical Society B 54, 211-219.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Softmax
    >>> probs = np.array([[0.5, 0.25, 0.25]])
    >>> factor = Softmax(probs).factor(ops_for(probs), (1, 3), probs)[0]
    >>> factor @ factor.T
    array([[ 0.25  , -0.125 , -0.125 ],
           [-0.125 ,  0.1875, -0.0625],
           [-0.125 , -0.0625,  0.1875]])
    """

    _arrays = ("values",)
    _static = ("kind",)
    values: Array
    kind: str

    def __init__(self, probs: Array | None = None, *, logits: Array | None = None) -> None:
        kind, x = exactly_one(probs=probs, logits=logits)
        ops, x = admit(**{kind: x})
        check_outputs(ops, x, kind, "[N, C]", (2,))
        if x.shape[1] < 2:
            raise ValueError(
                f"{kind}: expected C >= 2 classes, got shape {tuple(x.shape)}; for the probability "
                "or the logit of one of two outcomes, use Bernoulli"
            )
        if ops.concrete(x):
            _CHECKS[kind](ops, x)
        self.values, self.kind = x, kind

    def num_rows(self, num_outputs: int) -> int:
        """The rank of the curvature, C - 1."""
        return num_outputs - 1

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, C - 1], lower triangular, with `L L^T = Lambda`."""
        return self._factor(ops, self._probs(ops, shape, like), shape)

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        r"""The factor L [n, C, C - 1] and the scores u [n, C - 1]: `L u = pi - onehot(y)`.

        Column j of L is the choice between class j and the classes after it. For a class j before
        the label, :math:`u_j = \sqrt{\pi_j / (s_j s_{j+1})}`; at the label it is
        :math:`-\sqrt{s_{j+1} / (s_j \pi_j)}`, and after the label 0. Nothing cancels.
        """
        xp = ops.xp
        check_label_shape(labels, (shape[:1],))
        check_integers(ops, labels)
        probs = self._probs(ops, shape, like)
        least = ops.scalar(floor(ops, probs), probs)
        probs = xp.where(probs < least, least, probs)
        of_this, of_tail, of_rest = (xp.sqrt(x) for x in _stages(ops, probs))
        classes = xp.arange(shape[1], dtype=xp.int32, device=ops.device(probs))[None, :]
        label = cast(ops, labels, xp.int32)[:, None]
        before, hit = classes[:, :-1] < label, classes[:, :-1] == label
        zero = ops.scalar(0.0, probs)
        # A label that is not a class, and could not be read before, becomes NaN.
        some = (label >= 0) & (label < shape[1])
        after = xp.where(some, zero, ops.scalar(float("nan"), probs))
        at = xp.where(hit, -of_rest / of_this / of_tail, after)
        scores = xp.where(before & some, of_this / of_rest / of_tail, at)
        return self._factor(ops, probs, shape), scores

    def _factor(self, ops: Ops, probs: Array, shape: tuple[int, int]) -> Array:
        xp = ops.xp
        this, whole, rest = _stages(ops, probs)
        tiny = float(xp.finfo(probs.dtype).smallest_normal)
        # Not `>= tiny`, so that a NaN stays one.
        none = (this < tiny) | (rest < tiny)
        one = ops.scalar(1.0, probs)
        # Quotients of roots, not roots of quotients, so that no value and no slope overflows.
        of_this, of_tail, of_rest = (xp.sqrt(xp.where(none, one, x)) for x in (this, whole, rest))
        share = of_this / of_tail
        below = probs[:, :, None] / of_rest[:, None, :] * share[:, None, :]
        row, column = places(ops, shape[1], shape[1] - 1, probs)
        zero = ops.scalar(0.0, probs)
        lower = xp.where(row > column, -below, zero)
        factor = xp.where(row == column, (share * of_rest)[:, None, :], lower)
        return xp.where(none[:, None, :], zero, factor)

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The curvature Lambda [n, C, C]; a diagonal entry is pi_c times the sum of the others."""
        xp = ops.xp
        probs = self._probs(ops, shape, like)
        row, column = places(ops, shape[1], shape[1], probs)
        others = xp.where(row == column, ops.scalar(0.0, probs), probs[:, None, :])
        total = xp.sum(others, axis=-1, keepdims=True)
        return probs[:, :, None] * xp.where(row == column, total, -others)

    def curvature_diagonal(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature [n, C], pi_c times the sum of the others: n C additions."""
        xp = ops.xp
        probs = self._probs(ops, shape, like)
        # Cumulative sums from both sides: of non-negative numbers, so nothing cancels as in 1 - pi.
        none = xp.zeros_like(probs[:, :1])
        before = xp.concat([none, ops.cumulative_sum(probs[:, :-1], axis=1)], axis=1)
        after = ops.cumulative_sum(xp.flip(probs[:, 1:], axis=1), axis=1)
        return probs * (before + xp.concat([xp.flip(after, axis=1), none], axis=1))

    def curvature_sum(self, ops: Ops, weights: Array, shape: tuple[int, int], like: Array) -> Array:
        """`diag(sum_i v_i pi_i) - sum_i v_i pi_i pi_i^T` [C, C]: n C^2 multiply-adds."""
        xp = ops.xp
        probs = self._probs(ops, shape, like)
        shared = xp.matmul((probs * weights[:, None]).T, probs)
        own = xp.matmul(weights[None, :], self.curvature_diagonal(ops, shape, like))
        row, column = places(ops, shape[1], shape[1], probs)
        return xp.where(row == column, own, -shared)

    def halved(self, ops: Ops, x: Array) -> Array:
        """`sqrt(pi_c) (x_c - sum_c pi_c x_c)` [n, C, P] for x [n, C, P]: n C P multiply-adds."""
        probs = self._probs(ops, (x.shape[0], x.shape[1]), x)
        mean = ops.xp.matmul(probs[:, None, :], x)
        return root(ops, probs)[:, :, None] * (x - mean)

    def squares(self, ops: Ops, vectors: Array, shape: tuple[int, int], like: Array) -> Array:
        """The variance of each column of vectors [C, J] under pi: [n, J]; n C J multiply-adds.

        Where one class has more than half of the probability, the columns are centred at its value:
        the variance may be as small as the probability of the other classes, and would cancel.
        """
        xp = ops.xp
        probs = self._probs(ops, shape, like)
        # The curvature does not depend on a constant that all classes share.
        vectors = vectors - xp.mean(vectors, axis=0, keepdims=True)
        top = xp.argmax(probs, axis=1)
        _, column = places(ops, 1, shape[1], probs)
        zero = ops.scalar(0.0, probs)
        large = (column == top[:, None]) & (probs > 0.5)
        centre = xp.where(xp.any(large, axis=1)[:, None], xp.take(vectors, top, axis=0), zero)
        others = xp.where(large, zero, probs)
        share = xp.sum(others, axis=1, keepdims=True)
        mean = xp.matmul(others, vectors)
        second = xp.matmul(others, vectors**2) - 2 * centre * mean + share * centre**2
        return xp.maximum(second - (mean - share * centre) ** 2, zero)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`pi - onehot(y)` [n, C] for integer labels y [n]; at y, minus the sum of the others."""
        xp = ops.xp
        check_label_shape(labels, (shape[:1],))
        check_integers(ops, labels)
        probs = self._probs(ops, shape, like)
        classes = xp.arange(shape[1], dtype=xp.int32, device=ops.device(probs))
        hit = cast(ops, labels, xp.int32)[:, None] == classes[None, :]
        others = xp.where(hit, ops.scalar(0.0, probs), probs)
        # A label that is not a class, and could not be read before, becomes NaN.
        some = xp.any(hit, axis=-1, keepdims=True)
        others = xp.where(some, others, ops.scalar(float("nan"), probs))
        return xp.where(hit, -xp.sum(others, axis=-1, keepdims=True), others)

    def outcome_logits(self) -> Array:
        """The logits [N, C], or the logarithms of the probabilities."""
        x = self.values
        return x if self.kind == "logits" else to_log_probabilities(ops_for(x), x, "probs")

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not integers [N] between 0 and C - 1."""
        x = self.values
        ops = ops_for(**{self.kind: x, "labels": labels})
        check_label_shape(labels, ((self.num_candidates,),))
        check_integers(ops, labels)
        if not ops.concrete(labels):
            return
        index = first_index(ops, (labels < 0) | (labels >= x.shape[1]))
        if index is not None:
            raise ValueError(
                f"labels: candidate {index}: expected a class from 0 to {x.shape[1] - 1}, "
                f"got {int(labels[index])}"
            )

    def _describe(self) -> str:
        return f"{self.kind}, {super()._describe()}"

    def _probs(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        self._fit(shape)
        xp = ops.xp
        probs = to_probabilities(ops, working(ops, self.values, like), self.kind)
        if self.kind == "logits":
            return probs
        total = xp.sum(probs, axis=-1, keepdims=True)
        return probs / xp.where(total > 0, total, ops.scalar(1.0, probs))


def _stages(ops: Ops, probs: Array) -> tuple[Array, Array, Array]:
    """The probabilities of each class but the last, of it or a later class, and of a later class.

    Each array is [n, C - 1].
    """
    tail = ops.xp.flip(ops.cumulative_sum(ops.xp.flip(probs, axis=1), axis=1), axis=1)
    return probs[:, :-1], tail[:, :-1], tail[:, 1:]


def _check_logits(ops: Ops, x: Array) -> None:
    xp = ops.xp
    infinite = Problem("infinite", x == float("inf"), "clip the logits, or pass probs=")
    check_problems(ops, x, "logits", not_a_number(ops, x), infinite)
    none = xp.max(x, axis=-1) == -float("inf")
    if (index := first_index(ops, none)) is not None:
        raise ValueError(
            f"logits: candidate {index}: all logits are -inf; at least one must be finite"
        )


def _check_probs(ops: Ops, x: Array) -> None:
    xp = ops.xp
    negative = Problem("negative", x < 0, "if these are logits, pass logits=")
    check_problems(ops, x, "probs", *not_finite(ops, x, "pass logits="), negative)
    total = xp.sum(ops.upcast(x), axis=-1)
    off = xp.abs(total - 1) > (1e-3 if ops.bits(x) >= 32 else 2e-2)
    if (index := first_index(ops, off)) is not None:
        raise ValueError(
            f"probs: candidate {index}: the probabilities sum to {number(total[index]):.6g}, "
            "not 1; divide by the sum, or pass logits= if they are not normalised"
        )


_CHECKS = {"probs": _check_probs, "logits": _check_logits}

"""The likelihood of ordered classes, by one latent number and cutpoints."""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit, check_same_device
from infoq.checks.choices import INFORMATION, Information, one_of
from infoq.checks.dtypes import check_floating
from infoq.checks.model_outputs import (
    Problem,
    check_integers,
    check_problems,
    independent_outputs,
    not_finite,
)
from infoq.likelihoods.likelihood import root, working
from infoq.likelihoods.observed import Unlinked
from infoq.likelihoods.sigmoid import minus_abs, sigmoids


@capabilities()
class Ordinal(Unlinked):
    r"""Ordered classes by cumulative logits: :math:`P(y \le j) = 1 / (1 + e^{z - c_j})`.

    A latent number z plus logistic noise falls between two of the cutpoints; a larger z makes
    higher classes more probable. There is one output, whatever the number of classes.

    Parameters
    ----------
    latent : array [N] or [N, 1]
        The latent numbers z.
    cutpoints : array [J] or [N, J]
        The cutpoints c between J + 1 classes, ascending: for all candidates, or for each.
    information : {"expected", "observed"}
        The information by which labels count in `infoq.ig`, `infoq.pig` and `infoq.jpig`. The
        curvature is the expected one in either case.

    Attributes
    ----------
    latent : array [N, 1]
        As it was given.
    cutpoints : array [N, J]
        Those of each candidate.
    information : str
        As it was given.

    Raises
    ------
    TypeError
        If an array is not floating, or the arrays differ in library or dtype.
    ValueError
        If a shape is wrong, `information` is none of the two, or (where values can be read) a
        number is not finite or cutpoints are not ascending.

    Notes
    -----
    With :math:`s_j = P(y \le j)` the residual at y is :math:`1 - s_y - s_{y - 1}` and the observed
    information :math:`f_y + f_{y - 1}`, where :math:`f_j = s_j (1 - s_j)`, and both are 0 outside
    of the cutpoints. The expected information is
    :math:`\sum_j f_j P(j \le y \le j + 1)`, a sum of numbers that are not negative.
    Cutpoints are known: they are no parameters. The probability of a class is a product, not a
    difference: :math:`s_j (1 - s_i) (1 - e^{c_i - c_j})`. Cost: J exponentials a candidate.

    `Curvature.at` has the observed information of labels, for Laplace posteriors. Methods that take
    the most probable class, and `Gaussian.sample`, do not know these classes.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical
    Society B 42, 109-142.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Ordinal
    >>> z = np.array([0.0, 3.0])
    >>> stars = Ordinal(z, np.array([-1.0, 0.0, 1.0]))
    >>> stars.curvature(ops_for(z), (2, 1), z)[:, 0, 0].round(4)
    array([0.3121, 0.1054])
    >>> stars.residual(ops_for(z), np.array([0, 3]), (2, 1), z).round(4)
    array([[ 0.7311],
           [-0.1192]])
    """

    _arrays = ("latent", "cutpoints")
    latent: Array
    cutpoints: Array

    def __init__(
        self, latent: Array, cutpoints: Array, *, information: Information = "expected"
    ) -> None:
        ops, z = independent_outputs("latent", latent)
        if z.shape[1] != 1:
            raise ValueError(
                f"latent: expected one number per candidate, [N] or [N, 1], got shape "
                f"{tuple(z.shape)}"
            )
        if ops.concrete(z):
            check_problems(ops, z, "latent", *not_finite(ops, z, "a latent number is finite"))
        self.latent, self.cutpoints = z, _read_cutpoints(ops, cutpoints, z)
        self.information = one_of(INFORMATION, information, "information")

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The expected information, [n, 1]."""
        return self.roots(ops, shape, like) ** 2

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square root of the expected information, [n, 1]."""
        apart, up, down = self._tails(ops, shape, like)
        probs = _probabilities(ops, self._cutpoints(ops, like), up, down)
        return _root_of_sum(ops, apart, probs[:, :-1] + probs[:, 1:])

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`P(y' > y) - P(y' < y)` at the label y, [n, 1]."""
        _, up, down = self._tails(ops, shape, like)
        below, at = self._bounds(ops, labels, shape, up)
        return ops.xp.sum(at * down - below * up, axis=1, keepdims=True)

    def observed_roots(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The square root of the observed information, [n, 1]."""
        apart, up, _ = self._tails(ops, shape, like)
        below, at = self._bounds(ops, labels, shape, up)
        return _root_of_sum(ops, apart, below + at)

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not integers [N] or [N, 1] from 0 to J."""
        check_integers(ops_for(latent=self.latent, labels=labels), labels)
        super().check_labels(labels)

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        top = int(self.cutpoints.shape[1])
        outside = (labels < 0) | (labels > top)
        return (Problem("impossible", outside, f"labels are classes from 0 to {top}"),)

    def _cutpoints(self, ops: Ops, like: Array) -> Array:
        return working(ops, self.cutpoints, like)

    def _tails(self, ops: Ops, shape: tuple[int, int], like: Array) -> tuple[Array, Array, Array]:
        """The cutpoints less z, and the probabilities of either side of each: [n, J]."""
        self._fit(shape)
        apart = self._cutpoints(ops, like) - working(ops, self.latent, like)
        return apart, *sigmoids(ops, apart)

    def _bounds(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """1 where a cutpoint is the lower end of the label's class, and where it is the upper."""
        check_integers(ops, labels)
        xp = ops.xp
        labels = self._labels(ops, labels, shape, like)
        places = xp.arange(like.shape[1], dtype=like.dtype, device=ops.device(like))[None, :]
        one, zero = ops.scalar(1.0, like), ops.scalar(0.0, like)
        # A label that is no class, where it could not be read before, must not look like one.
        some = (labels >= 0) & (labels <= like.shape[1])
        zero = xp.where(some, zero, ops.scalar(float("nan"), like))
        return xp.where(places == labels - 1, one, zero), xp.where(places == labels, one, zero)


def _probabilities(ops: Ops, cutpoints: Array, up: Array, down: Array) -> Array:
    """Of each class, from those of either side of each cutpoint: [n, J + 1]."""
    gap = -ops.xp.expm1(cutpoints[:, :-1] - cutpoints[:, 1:])
    return ops.xp.concat([up[:, :1], up[:, 1:] * down[:, :-1] * gap, down[:, -1:]], axis=1)


def _root_of_sum(ops: Ops, x: Array, weights: Array) -> Array:
    """The root of a weighted sum of slopes of the sigmoid at x [n, J]: [n, 1]."""
    xp = ops.xp
    far = minus_abs(ops, x)
    near = xp.max(far, axis=1, keepdims=True)
    # Relative to the nearest: its slope underflows before its root does.
    slopes = xp.exp(far - near) / (1 + xp.exp(far)) ** 2
    total = xp.sum(weights * slopes, axis=1, keepdims=True)
    return xp.exp(near / 2) * root(ops, total)


def _read_cutpoints(ops: Ops, cutpoints: Array, latent: Array) -> Array:
    _, cutpoints = admit(cutpoints=cutpoints)
    named = {"latent": latent, "cutpoints": cutpoints}
    ops_for(**named)
    check_floating(ops, cutpoints, "cutpoints")
    check_same_device(ops, **named)
    shape = tuple(cutpoints.shape)
    if cutpoints.dtype != latent.dtype:
        raise TypeError(
            f"cutpoints: expected the dtype of latent, {latent.dtype}, got {cutpoints.dtype}"
        )
    if len(shape) not in (1, 2) or 0 in shape or (len(shape) == 2 and shape[0] != latent.shape[0]):
        raise ValueError(
            f"cutpoints: expected [J] or [N, J] for N={latent.shape[0]} candidates, J >= 1 "
            f"cutpoints between J + 1 classes, got shape {shape}"
        )
    each = cutpoints if len(shape) == 2 else cutpoints[None, :]
    if ops.concrete(each):
        xp = ops.xp
        falls = xp.concat([xp.zeros_like(each[:, :1]) > 0, each[:, 1:] <= each[:, :-1]], axis=1)
        unsorted = Problem("unsorted", falls, "each cutpoint is above the one before")
        check_problems(ops, each, "cutpoints", *not_finite(ops, each, "it is finite"), unsorted)
    return each if len(shape) == 2 else each + ops.xp.zeros_like(latent)

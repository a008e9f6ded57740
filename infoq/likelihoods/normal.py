"""The normal likelihood of regression."""

from __future__ import annotations

import math
from typing import cast

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_number
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import check_same_device
from infoq.checks.model_outputs import Problem, check_problems, independent_outputs, not_finite
from infoq.likelihoods.likelihood import Independent, working


@capabilities()
class Normal(Independent):
    r"""Normal outcomes :math:`y = z + \epsilon` with a known noise variance.

    Parameters
    ----------
    variance : float or array [N] or [N, C]
        The variance of the noise: one for all candidates, or one per candidate (and output).
    mean : array [N] or [N, C], optional
        The predicted mean z; only labels need it, for `residual`.

    Attributes
    ----------
    variance, mean : array [N, C], optional
        The given arrays.
    number : float, optional
        The variance, where it is one number for all candidates.

    Raises
    ------
    TypeError
        If the variance is not a number, an array is not floating, or the arrays differ in library
        or dtype.
    ValueError
        If a shape is wrong, or (where values can be read) a variance is not positive and finite.

    Notes
    -----
    The curvature is diag(1 / variance). Without noise no information would be bounded.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Normal
    >>> x = np.zeros((1, 2))
    >>> Normal(0.25).curvature(ops_for(x), (1, 2), x)
    array([[[4., 0.],
            [0., 4.]]])
    """

    _arrays = ("variance", "mean")
    _static = ("number",)
    variance: Array | None = None
    mean: Array | None = None
    number: float | None = None

    def __init__(self, variance: float | Array = 1.0, *, mean: Array | None = None) -> None:
        if is_number(variance):
            number = float(variance)
            if isinstance(variance, bool) or not (0 < number < math.inf):
                raise ValueError(f"variance: expected a finite number > 0, got {variance!r}")
            self.number = number
        else:
            self.variance = _read_variance(variance)
        if mean is not None:
            self.mean = _read_mean(mean, self.variance)

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, 1 / variance: [n, C]."""
        return 1 / self._variance(ops, shape, like)

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature: [n, C]."""
        return 1 / ops.xp.sqrt(self._variance(ops, shape, like))

    def log_noise(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The sum of the logarithms of the variances of the noise: [n]."""
        return ops.xp.sum(ops.xp.log(self._variance(ops, shape, like)), axis=1)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`(mean - y) / variance` [n, C]."""
        mean = self._known_mean()
        labels = self._labels(ops, labels, shape, like)
        return (working(ops, mean, like) - labels) / self._variance(ops, shape, like)

    @property
    def predicts(self) -> bool:
        """Whether a mean was given, so that labels have residuals."""
        return self.mean is not None

    def check_labels(self, labels: Array) -> None:
        """Raise an error without a mean, or for labels other than finite numbers [N] or [N, C]."""
        self._known_mean()
        super().check_labels(labels)

    def _known_mean(self) -> Array:
        if self.mean is None:
            raise ValueError("Normal: labels need the predicted mean; pass Normal(..., mean=)")
        return self.mean

    def _variance(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        if self.number is not None:
            return ops.constant(shape, self.number, like)
        return working(ops, cast(Array, self.variance), like)

    def _describe(self) -> str:
        words = [] if self.number is None else [f"variance={self.number:g}"]
        if self.parts:
            words.append(super()._describe())
        return ", ".join(words)


def _read_variance(variance: Array) -> Array:
    ops, variance = independent_outputs("variance", variance)
    if ops.concrete(variance):
        low = Problem("non-positive", variance <= 0, "a variance is above 0")
        check_problems(
            ops, variance, "variance", *not_finite(ops, variance, "a variance is finite"), low
        )
    return variance


def _read_mean(mean: Array, variance: Array | None = None) -> Array:
    ops, mean = independent_outputs("mean", mean)
    if variance is not None:
        ops_for(variance=variance, mean=mean)
        check_same_device(ops, variance=variance, mean=mean)
        if mean.dtype != variance.dtype:
            raise TypeError(
                f"mean: expected the dtype of the variance, {variance.dtype}, got {mean.dtype}"
            )
        if mean.shape != variance.shape:
            raise ValueError(
                f"mean: expected the shape of the variance, {tuple(variance.shape)}, got "
                f"{tuple(mean.shape)}; pass a float as one variance for all candidates"
            )
    if ops.concrete(mean):
        check_problems(ops, mean, "mean", *not_finite(ops, mean, "a mean is finite"))
    return mean

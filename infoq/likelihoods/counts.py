"""Likelihoods with a log link: counts that are overdispersed, and positive outcomes."""

from __future__ import annotations

from typing import cast

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_number
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import check_same_device
from infoq.checks.choices import INFORMATION, Information, one_of
from infoq.checks.model_outputs import Problem, check_problems, independent_outputs, not_finite
from infoq.likelihoods.likelihood import working
from infoq.likelihoods.observed import Unlinked
from infoq.likelihoods.sigmoid import minus_abs


class _LogMean(Unlinked):
    """Outcomes with mean `e^z`, and one more parameter that is above 0: an array or a number."""

    _arrays = ("log_mean", "parameter")
    _static = ("number",)
    log_mean: Array
    parameter: Array | None = None
    number: float | None = None

    def _read(
        self, log_mean: Array, name: str, value: float | Array, information: Information
    ) -> None:
        ops, z = independent_outputs("log_mean", log_mean)
        if ops.concrete(z):
            check_problems(ops, z, "log_mean", *not_finite(ops, z, "a mean is above 0 and finite"))
        self.log_mean, self.information = z, one_of(INFORMATION, information, "information")
        if not is_number(value):
            self.parameter = _read_positive(name, value, z)
            return
        number, limits = float(value), ops.xp.finfo(ops.working_dtype(z))
        least, most = float(limits.smallest_normal), float(limits.max)
        if isinstance(value, bool) or not least <= number <= most:
            raise ValueError(
                f"{name}: expected a number from {least:.3g} to {most:.3g}, which the dtype of "
                f"log_mean holds, got {value!r}"
            )
        self.number = number

    def _parameter(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        if self.parameter is not None:
            return working(ops, self.parameter, like)
        return ops.constant(shape, cast(float, self.number), like)


def _read_positive(name: str, x: Array, log_mean: Array) -> Array:
    ops, x = independent_outputs(name, x)
    ops_for(**{"log_mean": log_mean, name: x})
    check_same_device(ops, **{"log_mean": log_mean, name: x})
    if x.dtype != log_mean.dtype:
        raise TypeError(f"{name}: expected the dtype of log_mean, {log_mean.dtype}, got {x.dtype}")
    if x.shape != log_mean.shape:
        raise ValueError(
            f"{name}: expected the shape of log_mean, {tuple(log_mean.shape)}, got "
            f"{tuple(x.shape)}; one for all candidates is a float"
        )
    if ops.concrete(x):
        low = Problem("non-positive", x <= 0, "it is above 0")
        check_problems(ops, x, name, *not_finite(ops, x, "it is finite"), low)
    return x


@capabilities()
class NegativeBinomial(_LogMean):
    r"""Counts with mean :math:`\mu = e^z` and a variance above it, :math:`\mu + \alpha \mu^2`.

    Parameters
    ----------
    log_mean : array [N] or [N, C]
        The logarithms z of the means; C independent outputs.
    dispersion : float or array [N] or [N, C]
        The dispersion :math:`\alpha > 0`: one for all, or one for each output. As it tends to 0,
        counts become those of a `Poisson`.
    information : {"expected", "observed"}
        The information by which labels count in `infoq.ig`, `infoq.pig` and `infoq.jpig`. The
        curvature is the expected one in either case.

    Attributes
    ----------
    log_mean : array [N, C]
        As it was given.
    parameter : array [N, C], optional
        The dispersions that were given.
    number : float, optional
        The dispersion where it is one for all.
    information : str
        As it was given.

    Raises
    ------
    TypeError
        If an array is not floating, or the arrays differ in library or dtype.
    ValueError
        If a shape is wrong, `information` is none of the two, or (where values can be read) a
        log-mean is not finite or a dispersion not positive and finite.

    Notes
    -----
    In z the residual is :math:`(\mu - y) / (1 + \alpha \mu)`, the expected information
    :math:`\mu / (1 + \alpha \mu)`, and the observed one
    :math:`\mu (1 + \alpha y) / (1 + \alpha \mu)^2`, which is positive. The link is not canonical:
    `Curvature.at` has the observed information of labels, for Laplace posteriors. Cost: a few
    exponentials an output.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, 2nd edition, section 6.2.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import NegativeBinomial
    >>> z = np.log(np.array([4.0]))
    >>> counts = NegativeBinomial(z, 0.25)
    >>> counts.curvature(ops_for(z), (1, 1), z).round(4)
    array([[[2.]]])
    >>> counts.observed(ops_for(z), np.array([0]), (1, 1), z).round(4)
    array([[[1.]]])
    """

    def __init__(
        self, log_mean: Array, dispersion: float | Array, *, information: Information = "expected"
    ) -> None:
        self._read(log_mean, "dispersion", dispersion, information)

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, `mu / (1 + alpha mu)`: [n, C]."""
        up, power, spread = self._scaled(ops, shape, like)
        return ops.xp.where(up, 1 / spread, power / spread)

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature, [n, C]."""
        up, _, spread = self._scaled(ops, shape, like)
        half = ops.xp.exp(minus_abs(ops, working(ops, self.log_mean, like)) / 2)
        return ops.xp.where(up, ops.xp.ones_like(half), half) / ops.xp.sqrt(spread)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`(mu - y) / (1 + alpha mu)`, [n, C]."""
        labels = self._labels(ops, labels, shape, like)
        up, power, spread = self._scaled(ops, shape, like)
        return ops.xp.where(up, 1 - labels * power, power - labels) / spread

    def observed_roots(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the observed information, [n, C]."""
        xp = ops.xp
        labels = self._labels(ops, labels, shape, like)
        up, power, spread = self._scaled(ops, shape, like)
        # (1 + alpha y) over a power of e that is below 1 + alpha mu: it does not overflow there.
        scale = xp.where(up, power, xp.ones_like(power))
        of_label = xp.sqrt(scale + self._parameter(ops, shape, like) * (labels * scale))
        return self.roots(ops, shape, like) * of_label / xp.sqrt(spread)

    def _scaled(self, ops: Ops, shape: tuple[int, int], like: Array) -> tuple[Array, Array, Array]:
        """Where z >= 0; `e^-|z|`; and `1 + alpha mu`, there over mu."""
        z, alpha = working(ops, self.log_mean, like), self._parameter(ops, shape, like)
        power, up = ops.xp.exp(minus_abs(ops, z)), z >= 0
        return up, power, ops.xp.where(up, power + alpha, 1 + alpha * power)

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        negative = Problem("negative", labels < 0, "labels are counts")
        return (*super()._label_problems(ops, labels), negative)


@capabilities()
class Gamma(_LogMean):
    r"""Positive outcomes with mean :math:`\mu = e^z` and variance :math:`\mu^2 / a`.

    Parameters
    ----------
    log_mean : array [N] or [N, C]
        The logarithms z of the means; C independent outputs.
    concentration : float or array [N] or [N, C]
        The shape a > 0 of the gamma distribution: one for all, or one for each output. With 1
        outcomes are exponential.
    information : {"expected", "observed"}
        The information by which labels count in `infoq.ig`, `infoq.pig` and `infoq.jpig`. The
        curvature is the expected one in either case.

    Attributes
    ----------
    log_mean : array [N, C]
        As it was given.
    parameter : array [N, C], optional
        The concentrations that were given.
    number : float, optional
        The concentration where it is one for all.
    information : str
        As it was given.

    Raises
    ------
    TypeError
        If an array is not floating, or the arrays differ in library or dtype.
    ValueError
        If a shape is wrong, `information` is none of the two, or (where values can be read) a
        log-mean is not finite or a concentration not positive and finite.

    Notes
    -----
    In z the residual is :math:`a (1 - y / \mu)`, the expected information a, and the observed one
    :math:`a y / \mu`. The link is not canonical: `Curvature.at` has the observed information of
    labels, for Laplace posteriors.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, 2nd edition, chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Gamma
    >>> z = np.log(np.array([4.0]))
    >>> times = Gamma(z, 3.0)
    >>> times.curvature(ops_for(z), (1, 1), z)
    array([[[3.]]])
    >>> times.observed(ops_for(z), np.array([8.0]), (1, 1), z).round(4)
    array([[[6.]]])
    """

    def __init__(
        self,
        log_mean: Array,
        concentration: float | Array,
        *,
        information: Information = "expected",
    ) -> None:
        self._read(log_mean, "concentration", concentration, information)

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, the concentrations: [n, C]."""
        return self._parameter(ops, shape, like)

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature, [n, C]."""
        return ops.xp.sqrt(self.variances(ops, shape, like))

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`a (1 - y / mu)`, [n, C]."""
        labels = self._labels(ops, labels, shape, like)
        half = ops.xp.exp(-working(ops, self.log_mean, like) / 2)
        # Twice half the power: it would overflow where the quotient need not.
        return self.variances(ops, shape, like) * (1 - labels * half * half)

    def observed_roots(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the observed information, [n, C]."""
        labels = self._labels(ops, labels, shape, like)
        half = ops.xp.exp(-working(ops, self.log_mean, like) / 2)
        return self.roots(ops, shape, like) * ops.xp.sqrt(labels) * half

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        low = Problem("non-positive", labels <= 0, "outcomes are above 0")
        return (*super()._label_problems(ops, labels), low)

"""Likelihoods of independent binary outcomes (`Bernoulli`) and counts (`Poisson`)."""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.checks.model_outputs import (
    Problem,
    check_problems,
    exactly_one,
    independent_outputs,
    not_finite,
)
from infoq.likelihoods.likelihood import Independent, root, working
from infoq.likelihoods.sigmoid import sigmoids, slope_root
from infoq.measures.distribution import to_log_probabilities


@capabilities()
class Bernoulli(Independent):
    r"""Binary outcomes with the probability :math:`p = 1 / (1 + e^{-z})` of y = 1.

    Parameters
    ----------
    probs, logits : array [N] or [N, C]
        Exactly one of the two: the probabilities of y = 1, or their logits z. [N, C] holds C
        independent outputs.

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
        If the shape is not [N] or [N, C], or (where values can be read) a value is NaN, a
        probability is not between 0 and 1, or a logit is infinite.

    Notes
    -----
    The curvature is diag(p (1 - p)). From logits it is computed as sigmoid(z) sigmoid(-z), so that
    nothing cancels where p rounds to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Bernoulli
    >>> logits = np.array([0.0, 40.0])
    >>> Bernoulli(logits=logits).curvature(ops_for(logits), (2, 1), logits)[:, 0, 0].round(20)
    array([2.50e-01, 4.25e-18])
    """

    _arrays = ("values",)
    _static = ("kind",)
    values: Array
    kind: str

    def __init__(self, probs: Array | None = None, *, logits: Array | None = None) -> None:
        kind, x = exactly_one(probs=probs, logits=logits)
        ops, x = independent_outputs(kind, x)
        if ops.concrete(x) and kind == "logits":
            check_problems(ops, x, kind, *not_finite(ops, x, "for a certain outcome, pass probs="))
        elif ops.concrete(x):
            negative = Problem("negative", x < 0, "if these are logits, pass logits=")
            above = Problem("too large", x > 1, "if these are logits, pass logits=")
            infinite = not_finite(ops, x, "if these are logits, pass logits=")
            check_problems(ops, x, kind, *infinite, negative, above)
        self.values, self.kind = x, kind

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, p (1 - p): [n, C]."""
        yes, no = self._probabilities(ops, like)
        return yes * no

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature: [n, C]."""
        x = working(ops, self.values, like)
        if self.kind == "probs":
            return root(ops, x) * root(ops, 1 - x)
        return slope_root(ops, x)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`p - y` [n, C], without cancellation for labels 0 and 1."""
        labels = self._labels(ops, labels, shape, like)
        yes, no = self._probabilities(ops, like)
        return (1 - labels) * yes - labels * no

    def outcome_logits(self) -> Array | None:
        """The logits [N, 2] of y = 0 and y = 1, `[0, z]` up to a constant; None where C > 1."""
        if self.num_outputs != 1:
            return None
        x = self.values
        ops = ops_for(x)
        if self.kind == "logits":
            return ops.xp.concat([ops.xp.zeros_like(x), x], axis=1)
        both = ops.xp.concat([1 - ops.upcast(x), ops.upcast(x)], axis=1)
        return to_log_probabilities(ops, both, "probs")

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        outside = Problem("impossible", (labels < 0) | (labels > 1), "labels are 0 or 1")
        return (*super()._label_problems(ops, labels), outside)

    def _describe(self) -> str:
        return f"{self.kind}, {super()._describe()}"

    def _probabilities(self, ops: Ops, like: Array) -> tuple[Array, Array]:
        """The probabilities of y = 1 and of y = 0; from logits, small ones do not cancel."""
        x = working(ops, self.values, like)
        if self.kind == "probs":
            return x, 1 - x
        return sigmoids(ops, x)


@capabilities()
class Poisson(Independent):
    r"""Counts with the rate :math:`e^z`; the link is canonical, the logarithm.

    Parameters
    ----------
    rate, log_rate : array [N] or [N, C]
        Exactly one of the two: the rates, or their logarithms z. [N, C] holds C independent
        outputs.

    Attributes
    ----------
    values : array [N, C]
        The given rates or logarithms.
    kind : {"rate", "log_rate"}
        Which of the two `values` holds.

    Raises
    ------
    TypeError
        If there is not exactly one array, or it is not floating.
    ValueError
        If the shape is not [N] or [N, C], or (where values can be read) a value is NaN or infinite,
        or a rate is negative.

    Notes
    -----
    The curvature is diag(rate).

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import Poisson
    >>> rate = np.array([4.0])
    >>> Poisson(rate).factor(ops_for(rate), (1, 1), rate)
    array([[[2.]]])
    """

    _arrays = ("values",)
    _static = ("kind",)
    values: Array
    kind: str

    def __init__(self, rate: Array | None = None, *, log_rate: Array | None = None) -> None:
        kind, x = exactly_one(rate=rate, log_rate=log_rate)
        ops, x = independent_outputs(kind, x)
        if ops.concrete(x) and kind == "log_rate":
            check_problems(ops, x, kind, *not_finite(ops, x, "for a rate of zero, pass rate="))
        elif ops.concrete(x):
            negative = Problem("negative", x < 0, "if these are logarithms, pass log_rate=")
            check_problems(ops, x, kind, *not_finite(ops, x, "a rate is finite"), negative)
        self.values, self.kind = x, kind

    def variances(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The diagonal of the curvature, which is the rates: [n, C]."""
        x = working(ops, self.values, like)
        return x if self.kind == "rate" else ops.xp.exp(x)

    def roots(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the diagonal of the curvature: [n, C]."""
        x = working(ops, self.values, like)
        return root(ops, x) if self.kind == "rate" else ops.xp.exp(x / 2)

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """`rate - y` [n, C]."""
        labels = self._labels(ops, labels, shape, like)
        return self.variances(ops, shape, like) - labels

    def _label_problems(self, ops: Ops, labels: Array) -> tuple[Problem, ...]:
        negative = Problem("negative", labels < 0, "labels are counts")
        return (*super()._label_problems(ops, labels), negative)

    def _describe(self) -> str:
        return f"{self.kind}, {super()._describe()}"

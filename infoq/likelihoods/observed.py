"""Likelihoods whose observed information depends on the label."""

from __future__ import annotations

from abc import abstractmethod

from infoq.backends import Array, Ops
from infoq.likelihoods.likelihood import Independent
from infoq.linear_algebra.small_matrices import diagonal_matrices


class Unlinked(Independent):
    """Independent outputs whose link is not canonical: labels differ in their information.

    The curvature is the Fisher information, the expectation of the observed information over the
    outcomes that are predicted.

    Attributes
    ----------
    information : {"expected", "observed"}
        By which of the two labels count.
    """

    _static = ("information",)
    information: str

    @abstractmethod
    def observed_roots(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The square roots of the observed information at labels, [n, C]."""

    def observed(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The second derivative of -log p(y | z) with respect to z, for labels y: [n, C, C]."""
        return diagonal_matrices(ops, self.observed_roots(ops, labels, shape, like) ** 2)

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, C] of the information, diagonal, and residuals over it: [n, C]."""
        if self.information == "expected":
            return super().scores(ops, labels, shape, like)
        roots = self.observed_roots(ops, labels, shape, like)
        return self._in_units(ops, roots, self.residual(ops, labels, shape, like))

    def _describe(self) -> str:
        return f"{super()._describe()}, {self.information} information"

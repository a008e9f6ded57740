"""The shift of candidates by the labels of targets, in the directions of the targets' rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from infoq.backends import Array, Ops
from infoq.backends.fields import mapped
from infoq.gaussian.projection import Beyond, Spanned, above_rounding, dividing, reduced
from infoq.structures.labelled_embedding import Scored
from infoq.structures.rows import Rows
from infoq.structures.whitening import Whitening


class Stated(NamedTuple):
    """Vectors by which the scores u of targets shift candidates: minus products with split rows.

    Attributes
    ----------
    told : array [Q] or [P]
        The vector for the part of rows that targets explain.
    left : array [P + Q] or [P]
        The vector for the part that they leave.
    """

    told: Array
    left: Array

    def moved(self, left: Array, told: Array) -> Array:
        """The shift of candidates, given by both parts [n, R, ...] of their rows: [n, R]."""
        return -(told @ self.told + left @ self.left)


def spanned_scores(
    ops: Ops,
    whitening: Whitening,
    targets: Scored,
    seen: Callable[[Rows, Array], tuple[Rows, Array]] | None = None,
) -> tuple[Spanned | Beyond, Stated]:
    """The projection by targets with labels, and the shift by their scores [M, R].

    `seen` maps rows and scores to those after another observation.

    Scores of rows that measure more than their noise are rotated as one more column of the rows: in
    directions in which little is measured, they keep the digits that products with all rows lose.
    The other scores may be as large as their rows are small; they enter by their gradients.
    """
    xp = ops.xp
    whitening = whitening.ready(ops)
    gradients = []

    def white(start: int, stop: int) -> Array:
        block = mapped(lambda x: x[start:stop, ...], targets)
        own, scores = block.with_scores(ops)
        if seen is not None:
            own, scores = seen(own, scores)
        rows = whitening.rows(ops, own)
        rows, scores = xp.reshape(rows, (-1, rows.shape[-1])), xp.reshape(scores, (-1,))
        strong, zero = xp.sum(rows * rows, axis=-1) > 1, ops.scalar(0.0, scores)
        gradients.append(xp.matmul(xp.where(strong, zero, scores), rows))
        return xp.concat([rows, xp.where(strong, scores, zero)[:, None]], axis=-1)

    both = reduced(ops, white, len(targets))
    weak = sum(gradients[2:], start=gradients[1])  # the first was to learn the sizes
    left, strengths, directions = xp.linalg.svd(both[:, :-1], full_matrices=False)
    divides = dividing(ops, whitening, directions, above_rounding(ops, strengths))
    root = xp.sqrt(1 + divides.strengths * divides.strengths)
    inside = xp.matmul(directions, weak)
    gradient = inside / root
    if isinstance(divides, Beyond):
        gradient = xp.concat([weak - xp.matmul(inside, directions), gradient])
    return divides, Stated(xp.matmul(both[:, -1], left) / root, gradient)

"""What the labels of targets say in the directions that they divide candidates by."""

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
    """What targets' scores u move candidates by: minus the products with what divides them.

    Attributes
    ----------
    told : array [Q] or [P]
        Goes with what targets explain.
    left : array [P + Q] or [P]
        Goes with what they leave.
    """

    told: Array
    left: Array

    def moved(self, left: Array, told: Array) -> Array:
        """What candidates [n, R, ...] are moved by: [n, R]."""
        return -(told @ self.told + left @ self.left)


def spanned_scores(
    ops: Ops,
    whitening: Whitening,
    targets: Scored,
    seen: Callable[[Rows, Array], tuple[Rows, Array]] | None = None,
) -> tuple[Spanned | Beyond, Stated]:
    """What divides candidates, from targets with labels, and what their scores [M, R] say.

    Of rows and scores as they are `seen`, where another observation has changed them.

    Scores of rows that measure more than their noise are turned as one more column of the rows: in
    directions in which little is measured they have the digits that products with all rows lose.
    The others may be as large as their rows are small; they enter by their gradients.
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

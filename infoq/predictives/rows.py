"""The rows of a block of candidates, in the structure that they have.

`E_i` [R, P] is what the outcome of candidate i measures: with unit noise its Fisher information is
`E_i^T E_i`. A quantity never sees the rows themselves; it asks for their products with vectors and
for their quadratic forms, which each structure computes in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from infoq.backends import Array, Ops

Apply: TypeAlias = Callable[[Ops, Array], Array]


class Rows(Protocol):
    """What each structure answers, for n candidates with R rows over P parameters."""

    def dense(self, ops: Ops) -> Array:
        """The rows themselves: [n, R, P]."""
        ...

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """Products with vectors [Q, P]: [n, R, Q]."""
        ...

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` for what applies P^-1 to vectors [..., P]: [n, R, P]."""
        ...

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """Products with stacks of vectors [m, S, P], the pairs last: [R, S, m, n]."""
        ...

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """`E W E^T` for a symmetric W [P, P]: [n, R, R]."""
        ...

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """`E diag(v) E^T` for v [P], or [1] for all alike: [n, R, R]."""
        ...

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P], or [1] for all alike: [n]."""
        ...

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """`tr(E V^T V E^T)` for vectors V [Q, P]: [n]."""
        ...

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for a symmetric W [P, P]: [n]."""
        ...

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """`tr(E U diag(v) U^T E^T)` for U = left (x) right and v [P]: [n]."""
        ...

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """The rows `T_i E_i` for maps T [n, S, R]."""
        ...

    def scaled(self, ops: Ops, scale: Array) -> Rows:
        """The rows `s_i E_i` for numbers s [n]."""
        ...

    def rotated(self, ops: Ops, left: Array, right: Array) -> Rows:
        """The rows `E (left (x) right)` for left [C, C] and right [D, D] with C D = P."""
        ...

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """`E diag(v) (left (x) right) diag(v) E^T` for v [P]: [n, R, R]."""
        ...

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block: [P, P]."""
        ...

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The diagonal of that sum: [P]."""
        ...


class DenseRows:
    """Rows without structure.

    Parameters
    ----------
    values : array [n, R, P]
        The rows.
    """

    def __init__(self, values: Array) -> None:
        self._values = values

    @property
    def values(self) -> Array:
        """The rows [n, R, P]."""
        return self._values

    def dense(self, ops: Ops) -> Array:
        """The rows themselves."""
        return self.values

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """One product of matrices."""
        n, rows, _ = self.values.shape
        return ops.xp.reshape(_flat(ops, self.values) @ vectors.T, (n, rows, vectors.shape[0]))

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` in full."""
        return apply(ops, self.values)

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """One product of matrices."""
        xp = ops.xp
        n, rows, size = self.values.shape
        m, others, _ = vectors.shape
        stacked = xp.reshape(xp.permute_dims(vectors, (1, 0, 2)), (others * m, size))
        mine = xp.reshape(xp.permute_dims(self.values, (1, 0, 2)), (rows * n, size))
        product = xp.reshape(stacked @ mine.T, (others, m, rows, n))
        return xp.permute_dims(product, (2, 0, 1, 3))

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """N R P (P + R) multiply-adds."""
        xp = ops.xp
        half = xp.reshape(_flat(ops, self.values) @ matrix, self.values.shape)
        return symmetric(ops, half @ xp.matrix_transpose(self.values))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """N R^2 P multiply-adds."""
        half = self.values * weights
        return symmetric(ops, half @ ops.xp.matrix_transpose(self.values))

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """N R P multiply-adds."""
        squares = ops.xp.sum(self.values**2, axis=1)
        return ops.xp.sum(squares * weights, axis=1)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """N R P Q multiply-adds."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """N R P^2 multiply-adds."""
        half = ops.xp.reshape(_flat(ops, self.values) @ matrix, self.values.shape)
        return ops.xp.sum(ops.xp.sum(half * self.values, axis=2), axis=1)

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """N R P (C + D) multiply-adds."""
        return self.rotated(ops, left, right).weighed_trace(ops, weights)

    def transformed(self, ops: Ops, maps: Array) -> DenseRows:
        """Rows without structure."""
        return DenseRows(maps @ self.values)

    def scaled(self, ops: Ops, scale: Array) -> DenseRows:
        """Elementwise."""
        return DenseRows(self.values * scale[:, None, None])

    def rotated(self, ops: Ops, left: Array, right: Array) -> DenseRows:
        """Rows without structure."""
        xp = ops.xp
        n, rows, size = self.values.shape
        classes, features = left.shape[0], right.shape[0]
        turned = xp.reshape(self.values, (n * rows * classes, features)) @ right
        turned = left.T @ xp.reshape(turned, (n * rows, classes, features))
        return DenseRows(xp.reshape(turned, (n, rows, size)))

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """N R P (C + D + R) multiply-adds."""
        half = DenseRows(self.values * weights)
        between = half.rotated(ops, left, right).values
        return symmetric(ops, between @ ops.xp.matrix_transpose(half.values))

    def fisher(self, ops: Ops) -> Array:
        """N R P^2 multiply-adds."""
        flat = _flat(ops, self.values)
        return flat.T @ flat

    def fisher_diagonal(self, ops: Ops) -> Array:
        """N R P multiply-adds."""
        return ops.xp.sum(_flat(ops, self.values) ** 2, axis=0)


class KroneckerRows:
    """Rows `L_i^T (x) phi_i^T` of a linear last layer: parameters class by class, P = C D.

    Parameters
    ----------
    features : array [n, D]
        The features phi.
    factor : array [n, C, R]
        The factor L of the curvature in the logits, or gradients with respect to them.
    """

    def __init__(self, features: Array, factor: Array) -> None:
        self.features = features
        self._factor = factor

    @property
    def factor(self) -> Array:
        """The factor L [n, C, R]."""
        return self._factor

    def dense(self, ops: Ops) -> Array:
        """The rows in full, [n, R, C D]: what the structure is there to avoid."""
        xp = ops.xp
        n, classes, rows = self.factor.shape
        full = xp.matrix_transpose(self.factor)[:, :, :, None] * self.features[:, None, None, :]
        return xp.reshape(full, (n, rows, classes * self.features.shape[1]))

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """N Q C (D + R) multiply-adds."""
        logits = self.outputs(ops, vectors)
        return ops.xp.matrix_transpose(self.factor) @ logits

    def outputs(self, ops: Ops, vectors: Array) -> Array:
        """What parameters [Q, P] give for outputs: [n, C, Q]."""
        xp = ops.xp
        count, features = vectors.shape[0], self.features.shape[1]
        columns = xp.reshape(vectors, (-1, features))
        outputs = xp.reshape(self.features @ columns.T, (self.features.shape[0], count, -1))
        return xp.matrix_transpose(outputs)

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` in full."""
        return apply(ops, self.dense(ops))

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """N m S C (D + R) multiply-adds."""
        xp = ops.xp
        n, classes, _ = self.factor.shape
        m, others, _ = vectors.shape
        size = self.features.shape[1]
        stacked = xp.reshape(vectors, (m, others, classes, size))
        stacked = xp.reshape(xp.permute_dims(stacked, (2, 1, 0, 3)), (-1, size))
        logits = xp.reshape(self.features @ stacked.T, (n, classes, others * m))
        across = xp.matrix_transpose(self.factor) @ logits
        across = xp.permute_dims(xp.reshape(across, (n, -1)), (1, 0))
        return xp.reshape(across, (-1, others, m, n))

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """By one block of W for each pair of classes: n C (C + 1) / 2 D^2 multiply-adds."""
        xp = ops.xp
        classes, size = self.factor.shape[1], self.features.shape[1]
        blocks = xp.reshape(matrix, (classes, size, classes, size))
        upper = [self._class_rows(ops, blocks, c) for c in range(classes)]
        lines = []
        for c in range(classes):
            below = [upper[b][:, c - b][:, None] for b in range(c)]
            lines.append(xp.concat([*below, upper[c]], axis=1))
        return self._between(ops, xp.stack(lines, axis=1))

    def _class_rows(self, ops: Ops, blocks: Array, c: int) -> Array:
        xp = ops.xp
        size, rest = self.features.shape[1], blocks.shape[2] - c
        half = self.features @ xp.reshape(blocks[c, :, c:, :], (size, rest * size))
        half = xp.reshape(half, (-1, rest, size))
        return (half @ self.features[:, :, None])[:, :, 0]

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """N C (D + R^2) multiply-adds."""
        norms = class_norms(ops, self.features, weights)
        half = ops.xp.matrix_transpose(self.factor) * norms[:, None, :]
        return symmetric(ops, half @ self.factor)

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """N C (D + R) multiply-adds."""
        norms = class_norms(ops, self.features, weights)
        return ops.xp.sum(self.curvature_diagonal(ops) * norms, axis=1)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """N Q C (D + R) multiply-adds."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """By one block of W for each pair of classes: n C (C + 1) / 2 D^2 multiply-adds."""
        xp = ops.xp
        return xp.sum(xp.linalg.diagonal(self.quadratic(ops, matrix)), axis=-1)

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """N (D^2 + C^2 R + C D) multiply-adds."""
        return self.rotated(ops, left, right).weighed_trace(ops, weights)

    def _between(self, ops: Ops, blocks: Array) -> Array:
        half = ops.xp.matrix_transpose(self.factor) @ blocks
        return symmetric(ops, half @ self.factor)

    def transformed(self, ops: Ops, maps: Array) -> KroneckerRows:
        """The same features with another factor."""
        return KroneckerRows(self.features, self.factor @ ops.xp.matrix_transpose(maps))

    def scaled(self, ops: Ops, scale: Array) -> KroneckerRows:
        """By the features."""
        return KroneckerRows(self.features * scale[:, None], self.factor)

    def rotated(self, ops: Ops, left: Array, right: Array) -> Rows:
        """Features and factor each turned by their own; in full where C and D are others."""
        if right.shape[0] != self.features.shape[1]:
            return DenseRows(self.dense(ops)).rotated(ops, left, right)
        return KroneckerRows(self.features @ right, left.T @ self.factor)

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """N C D (D + C) multiply-adds."""
        xp = ops.xp
        classes, size = self.factor.shape[1], self.features.shape[1]
        half = self.features[:, None, :] * xp.reshape(weights, (1, classes, size))
        between = xp.reshape(xp.reshape(half, (-1, size)) @ right, half.shape)
        return self._between(ops, (between @ xp.matrix_transpose(half)) * left)

    def fisher(self, ops: Ops) -> Array:
        """By one product for each pair of classes: n C (C + 1) / 2 D^2 multiply-adds."""
        xp = ops.xp
        curvature = self.curvature(ops)
        classes, size = curvature.shape[1], self.features.shape[1]
        upper = []
        for c in range(classes):
            scaled = curvature[:, c, c:, None] * self.features[:, None, :]
            columns = xp.reshape(scaled, (-1, (classes - c) * size))
            upper.append(xp.reshape(self.features.T @ columns, (size, classes - c, size)))
        lines = []
        for c in range(classes):
            below = [upper[b][:, c - b, :][:, None, :] for b in range(c)]
            lines.append(xp.concat([*below, upper[c]], axis=1))
        return xp.reshape(xp.stack(lines, axis=0), (classes * size, classes * size))

    def fisher_diagonal(self, ops: Ops) -> Array:
        """N C (R + D) multiply-adds."""
        xp = ops.xp
        return xp.reshape(self.curvature_diagonal(ops).T @ self.features**2, (-1,))

    def curvature(self, ops: Ops) -> Array:
        """The products `L L^T` [n, C, C]: n C^2 R multiply-adds."""
        return self.factor @ ops.xp.matrix_transpose(self.factor)

    def curvature_diagonal(self, ops: Ops) -> Array:
        """The diagonal of `L L^T` [n, C]: n C R multiply-adds."""
        return ops.xp.sum(self.factor**2, axis=2)

    def curvature_sum(self, ops: Ops, weights: Array) -> Array:
        """The sum of `L L^T`, each times its weight: [C, C]."""
        return ops.xp.sum(self.curvature(ops) * weights[:, None, None], axis=0)


class UnitRows(NamedTuple):
    """One row a candidate, a multiple of a unit vector: the candidate's own function value.

    Attributes
    ----------
    scale : array [n]
        One over the standard deviation of the noise.
    index : array [n]
        Which of the P function values it is, integers.
    size : int
        The number of function values, P.
    """

    scale: Array
    index: Array
    size: int

    def dense(self, ops: Ops) -> Array:
        """The rows in full, [n, 1, P]."""
        xp = ops.xp
        places = xp.arange(self.size, dtype=self.index.dtype, device=ops.device(self.scale))
        here = xp.astype(self.index[:, None] == places[None, :], self.scale.dtype)
        return (here * self.scale[:, None])[:, None, :]

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """By look-up."""
        picked = ops.xp.take(vectors, self.index, axis=1) * self.scale[None, :]
        return picked.T[:, None, :]

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """`E P^-1` in full."""
        return apply(ops, self.dense(ops))

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """By look-up."""
        picked = ops.xp.take(vectors, self.index, axis=2) * self.scale
        return ops.xp.permute_dims(picked, (1, 0, 2))[None, ...]

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """By look-up."""
        return self.weighed(ops, ops.xp.linalg.diagonal(matrix))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """By look-up."""
        xp = ops.xp
        spread = xp.broadcast_to(weights, (self.size,))
        return (xp.take(spread, self.index, axis=0) * self.scale**2)[:, None, None]

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """By look-up: [n]."""
        return self.weighed(ops, weights)[:, 0, 0]

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """N Q multiply-adds."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """By look-up: [n]."""
        return self.quadratic(ops, matrix)[:, 0, 0]

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """As of rows without structure."""
        return DenseRows(self.dense(ops)).rotated_trace(ops, left, right, weights)

    def transformed(self, ops: Ops, maps: Array) -> Rows:
        """A unit vector still where each map is a number."""
        if maps.shape[1] == 1:
            return UnitRows(self.scale * maps[:, 0, 0], self.index, self.size)
        return DenseRows(maps @ self.dense(ops))

    def scaled(self, ops: Ops, scale: Array) -> UnitRows:
        """Elementwise."""
        return UnitRows(self.scale * scale, self.index, self.size)

    def rotated(self, ops: Ops, left: Array, right: Array) -> DenseRows:
        """Rows without structure."""
        return DenseRows(self.dense(ops)).rotated(ops, left, right)

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """As of rows without structure."""
        return DenseRows(self.dense(ops)).sandwiched(ops, weights, left, right)

    def fisher(self, ops: Ops) -> Array:
        """A diagonal matrix."""
        diagonal = self.fisher_diagonal(ops)
        return (
            ops.xp.eye(diagonal.shape[0], dtype=diagonal.dtype, device=ops.device(diagonal))
            * diagonal
        )

    def fisher_diagonal(self, ops: Ops) -> Array:
        """How often each function value is measured, by its precision."""
        return ops.xp.sum(self.dense(ops)[:, 0, :] ** 2, axis=0)


class DiagonalRows(NamedTuple):
    """A Fisher information that is its diagonal alone: P rows that share no parameter.

    Each is a group of its own, so quadratic forms are [n, P, 1, 1].

    Attributes
    ----------
    roots : array [n, P]
        The square roots of the diagonal.
    """

    roots: Array

    def dense(self, ops: Ops) -> Array:
        """The rows in full, [n, P, P]."""
        xp = ops.xp
        size = self.roots.shape[1]
        eye = xp.eye(size, dtype=self.roots.dtype, device=ops.device(self.roots))
        return eye[None, :, :] * self.roots[:, None, :]

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """Each row with its own parameter: [n, P, Q]."""
        return self.roots[:, :, None] * vectors.T[None, :, :]

    def solved(self, ops: Ops, apply: Apply) -> Array:
        """The diagonal of `E P^-1` as one row: [n, 1, P]."""
        return apply(ops, self.roots)[:, None, :]

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """With the diagonals [m, 1, P] of targets: a group for each parameter, [1, 1, P, m, n]."""
        others = ops.xp.permute_dims(vectors[:, 0, :], (1, 0))
        return (others[:, :, None] * self.roots.T[:, None, :])[None, None, ...]

    def quadratic(self, ops: Ops, matrix: Array) -> Array:
        """Of the diagonal of W alone: [n, P, 1, 1]."""
        return self.weighed(ops, ops.xp.linalg.diagonal(matrix))

    def weighed(self, ops: Ops, weights: Array) -> Array:
        """[n, P, 1, 1]."""
        return (self.roots**2 * weights[None, :])[:, :, None, None]

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """N P multiply-adds."""
        return ops.xp.sum(self.roots**2 * weights[None, :], axis=1)

    def dot_trace(self, ops: Ops, vectors: Array) -> Array:
        """N P Q multiply-adds."""
        return sum_of_squares(ops, self.dot(ops, vectors))

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """Of the diagonal of W alone: [n]."""
        return self.weighed_trace(ops, ops.xp.linalg.diagonal(matrix))

    def rotated_trace(self, ops: Ops, left: Array, right: Array, weights: Array) -> Array:
        """As of rows without structure."""
        return DenseRows(self.dense(ops)).rotated_trace(ops, left, right, weights)

    def transformed(self, ops: Ops, maps: Array) -> DiagonalRows:
        """Each row multiplied by a number of its own, [n, P, 1, 1] or [n, 1, 1]."""
        return DiagonalRows(self.roots * ops.xp.reshape(maps, (maps.shape[0], -1)))

    def scaled(self, ops: Ops, scale: Array) -> DiagonalRows:
        """Elementwise."""
        return DiagonalRows(self.roots * scale[:, None])

    def rotated(self, ops: Ops, left: Array, right: Array) -> DenseRows:
        """Rows without structure."""
        return DenseRows(self.dense(ops)).rotated(ops, left, right)

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """As of rows without structure."""
        return DenseRows(self.dense(ops)).sandwiched(ops, weights, left, right)

    def fisher(self, ops: Ops) -> Array:
        """A diagonal matrix."""
        diagonal = self.fisher_diagonal(ops)
        return (
            ops.xp.eye(diagonal.shape[0], dtype=diagonal.dtype, device=ops.device(diagonal))
            * diagonal
        )

    def fisher_diagonal(self, ops: Ops) -> Array:
        """The sum of the diagonals."""
        return ops.xp.sum(self.roots**2, axis=0)


def symmetric(ops: Ops, x: Array) -> Array:
    """`x` without what rounding made of its symmetry."""
    return (x + ops.xp.matrix_transpose(x)) / 2


def class_norms(ops: Ops, features: Array, weights: Array) -> Array:
    """`phi_i^T diag(v_c) phi_i` for each class c: [n, C], or [n, 1] where one v [1] is for all."""
    xp = ops.xp
    squares = features**2
    if weights.shape[0] == 1:
        return xp.sum(squares, axis=1)[:, None] * weights
    return squares @ xp.reshape(weights, (-1, features.shape[1])).T


def sum_of_squares(ops: Ops, x: Array) -> Array:
    """The sum of the squares of each candidate's numbers [n, R, Q]: [n]."""
    return ops.xp.sum(ops.xp.sum(x**2, axis=2), axis=1)


def _flat(ops: Ops, values: Array) -> Array:
    n, rows, size = values.shape
    return ops.xp.reshape(values, (n * rows, size))

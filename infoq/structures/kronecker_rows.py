"""Rows that are Kronecker products of a factor over outputs and the features."""

from __future__ import annotations

from infoq.backends import Array, Ops
from infoq.linear_algebra.small_matrices import symmetric, traces
from infoq.structures.rows import Rows


class KroneckerRows(Rows):
    """Rows `L_i^T (x) phi_i^T` of a linear last layer; P = C D parameters, class by class.

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
        """The rows in full, [n, R, C D], which the structure otherwise avoids."""
        xp = ops.xp
        n, classes, rows = self.factor.shape
        full = xp.matrix_transpose(self.factor)[:, :, :, None] * self.features[:, None, None, :]
        return xp.reshape(full, (n, rows, classes * self.features.shape[1]))

    def dot(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [Q, P]: [n, R, Q]; N Q C (D + R) multiply-adds."""
        logits = self.outputs(ops, vectors)
        return ops.xp.matrix_transpose(self.factor) @ logits

    def outputs(self, ops: Ops, vectors: Array) -> Array:
        """The outputs of the last layer under parameters [Q, P]: [n, C, Q]."""
        xp = ops.xp
        count, features = vectors.shape[0], self.features.shape[1]
        columns = xp.reshape(vectors, (-1, features))
        outputs = xp.reshape(self.features @ columns.T, (self.features.shape[0], count, -1))
        return xp.matrix_transpose(outputs)

    def pairs(self, ops: Ops, vectors: Array) -> Array:
        """The products with vectors [m, S, P]: [R, S, m, n]; N m S C (D + R) multiply-adds."""
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
        """`E W E^T` for a symmetric W [P, P], by blocks of pairs of classes: [n, R, R].

        n C (C + 1) / 2 D^2 multiply-adds.
        """
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
        """`E diag(v) E^T` for v [P] or [1]: [n, R, R]; N C (D + R^2) multiply-adds."""
        norms = class_norms(ops, self.features, weights)
        half = ops.xp.matrix_transpose(self.factor) * norms[:, None, :]
        return symmetric(ops, half @ self.factor)

    def weighed_trace(self, ops: Ops, weights: Array) -> Array:
        """`tr(E diag(v) E^T)` for v [P] or [1]: [n]; N C (D + R) multiply-adds."""
        norms = class_norms(ops, self.features, weights)
        return ops.xp.sum(self.curvature_diagonal(ops) * norms, axis=1)

    def quadratic_trace(self, ops: Ops, matrix: Array) -> Array:
        """`tr(E W E^T)` for a symmetric W [P, P]: [n]; n C (C + 1) / 2 D^2 multiply-adds."""
        return traces(ops, self.quadratic(ops, matrix))

    def _between(self, ops: Ops, blocks: Array) -> Array:
        half = ops.xp.matrix_transpose(self.factor) @ blocks
        return symmetric(ops, half @ self.factor)

    def transformed(self, ops: Ops, maps: Array) -> KroneckerRows:
        """The rows `T_i E_i` for maps T [n, S, R]: the same features, another factor."""
        return KroneckerRows(self.features, self.factor @ ops.xp.matrix_transpose(maps))

    def scaled(self, ops: Ops, scale: Array) -> KroneckerRows:
        """The rows `s_i E_i` for numbers s [n], by scaled features."""
        return KroneckerRows(self.features * scale[:, None], self.factor)

    def rotated(self, ops: Ops, left: Array, right: Array) -> Rows:
        """The rows `E (left (x) right)`, from rotated features and factors.

        They are formed in full where `right` is not [D, D].
        """
        if right.shape[0] != self.features.shape[1]:
            return super().rotated(ops, left, right)
        return KroneckerRows(self.features @ right, left.T @ self.factor)

    def sandwiched(self, ops: Ops, weights: Array, left: Array, right: Array) -> Array:
        """`E diag(v) (left (x) right) diag(v) E^T` for v [P]: [n, R, R].

        N C D (D + C) multiply-adds.
        """
        xp = ops.xp
        classes, size = self.factor.shape[1], self.features.shape[1]
        half = self.features[:, None, :] * xp.reshape(weights, (1, classes, size))
        between = xp.reshape(xp.reshape(half, (-1, size)) @ right, half.shape)
        return self._between(ops, (between @ xp.matrix_transpose(half)) * left)

    def fisher(self, ops: Ops) -> Array:
        """The sum of the Fisher information over the block, by pairs of classes: [P, P].

        n C (C + 1) / 2 D^2 multiply-adds.
        """
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
        """The diagonal of that sum: [P]; N C (R + D) multiply-adds."""
        xp = ops.xp
        return xp.reshape(self.curvature_diagonal(ops).T @ self.features**2, (-1,))

    def factors(self, ops: Ops) -> tuple[Array, ...]:
        """The factors [n, C R] and the features [n, D]."""
        factor = ops.xp.reshape(self.factor, (self.factor.shape[0], -1))
        return factor, self.features

    def curvature(self, ops: Ops) -> Array:
        """The curvatures `L L^T` [n, C, C]: n C^2 R multiply-adds."""
        return self.factor @ ops.xp.matrix_transpose(self.factor)

    def curvature_diagonal(self, ops: Ops) -> Array:
        """The diagonal of `L L^T` [n, C]: n C R multiply-adds."""
        return ops.xp.sum(self.factor**2, axis=2)

    def curvature_sum(self, ops: Ops, weights: Array) -> Array:
        """The sum of the curvatures `L L^T`, weighted by `weights` [n]: [C, C]."""
        return ops.xp.sum(self.curvature(ops) * weights[:, None, None], axis=0)


def class_norms(ops: Ops, features: Array, weights: Array) -> Array:
    """`phi_i^T diag(v_c) phi_i` per class c: [n, C], or [n, 1] for one number v [1]."""
    xp = ops.xp
    squares = features**2
    if weights.shape[0] == 1:
        return xp.sum(squares, axis=1)[:, None] * weights
    return squares @ xp.reshape(weights, (-1, features.shape[1])).T

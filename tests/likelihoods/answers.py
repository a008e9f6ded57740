"""What a likelihood answers, as NumPy arrays, and derivatives to compare it with."""

from __future__ import annotations

import mpmath
import numpy as np

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


def answer(backend, likelihood, method, *arrays, shape, dtype="float64"):
    """What a likelihood answers about candidates whose arrays have this dtype."""
    like = backend.array(np.zeros((shape[0], 1)), dtype)
    own = [backend.array(x) for x in arrays]
    return backend.numpy(getattr(likelihood, method)(backend.ops, *own, shape, like))


def scores(backend, likelihood, labels, shape, dtype="float64"):
    """The factor, and what labels say in its units."""
    like = backend.array(np.zeros((shape[0], 1)), dtype)
    both = likelihood.scores(backend.ops, backend.array(labels), shape, like)
    return tuple(backend.numpy(x) for x in both)


def gram(root):
    """`L L^T` in float64."""
    root = root.astype(np.float64)
    return root @ root.swapaxes(-1, -2)


def derivatives(function, z, step="1e-15"):
    """The gradient and the Hessian by differences, in 60 digits: right to those of float64."""
    with mpmath.workdps(60):
        h, z = mpmath.mpf(step), [mpmath.mpf(float(x)) for x in z]

        def at(*moves):
            moved = list(z)
            for place, by in moves:
                moved[place] = moved[place] + by * h
            return function(moved)

        size, middle = range(len(z)), at()
        first = [(at((i, 1)) - at((i, -1))) / (2 * h) for i in size]
        second = [
            [
                (
                    at((i, 1), (j, 1))
                    - at((i, 1))
                    - at((j, 1))
                    + 2 * middle
                    - at((i, -1))
                    - at((j, -1))
                    + at((i, -1), (j, -1))
                )
                / (2 * h * h)
                for j in size
            ]
            for i in size
        ]
        return np.array(first, dtype=float), np.array(second, dtype=float)

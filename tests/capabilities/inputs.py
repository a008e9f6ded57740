"""Inputs of the cases: random numbers without constraint, and what makes valid arguments of them.

Derivatives are taken with respect to the numbers, so that a step stays on the simplex, or within
the positive definite matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from infoq.backends import Array, Ops, ops_for
from infoq.selection import Selection

N, K, C, D, P, M = 4, 3, 3, 2, 4, 2
"""Candidates, draws, classes, features, parameters and targets."""


def unchanged(ops: Ops, x: Array) -> Array:
    return x


def simplex(ops: Ops, x: Array) -> Array:
    """Probabilities along the last axis."""
    return ops.softmax(x)


def joint(ops: Ops, x: Array) -> Array:
    """Joint probabilities along the last two axes, of six outcomes."""
    return ops.xp.reshape(ops.softmax(ops.xp.reshape(x, (x.shape[0], 6))), x.shape)


def positive(ops: Ops, x: Array) -> Array:
    """Numbers above 0."""
    return ops.xp.exp(x)


def definite(ops: Ops, x: Array) -> Array:
    """Positive definite matrices, symmetric in every digit."""
    xp, size = ops.xp, x.shape[-1]
    gram = x @ xp.matrix_transpose(x) / size
    eye = xp.eye(size, dtype=x.dtype, device=ops.device(x))
    return gram / 2 + xp.matrix_transpose(gram) / 2 + eye / 2


def ascending(ops: Ops, x: Array) -> Array:
    """Numbers along the last axis, each at least 1/4 above the one before."""
    steps = ops.xp.exp(x) + 0.25
    return ops.cumulative_sum(steps, axis=-1) - 2


class Input(NamedTuple):
    """One argument.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    made : callable
        What makes it of standard normal numbers, in any library.
    below : int or None
        Integers below this in place of numbers.
    """

    shape: tuple[int, ...]
    made: Callable[[Ops, Array], Array] = unchanged
    below: int | None = None

    def rounded(self, x: np.ndarray) -> np.ndarray:
        """An argument that half precisions hold exactly where its sum is 1: in parts of 128."""
        if self.made not in (simplex, joint):
            return x
        rows = np.round(128 * x.reshape(-1, 6 if self.made is joint else x.shape[-1]))
        rows[np.arange(len(rows)), rows.argmax(1)] += 128 - rows.sum(1)
        return rows.reshape(x.shape) / 128

    def numbers(self, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        if self.below is not None:
            return rng.integers(self.below, size=self.shape)
        return np.asarray(rng.normal(size=self.shape))


class Case(NamedTuple):
    """A public function with small arguments.

    Attributes
    ----------
    name : str
        In `infoq.backends.CAPABILITIES`.
    inputs : tuple of Input
        Its arrays.
    function : callable
        Of the arrays; an array, a tuple of them or a `Selection`.
    option : str
        What distinguishes it from other cases of the name.
    random : bool
        Whether it draws random numbers, which are each library's own.
    """

    name: str
    inputs: tuple[Input, ...]
    function: Callable[..., Any]
    option: str = ""
    random: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {self.option}" if self.option else self.name

    def numbers(self, seed: int = 0) -> tuple[np.ndarray, ...]:
        """What the arguments are made of, in NumPy."""
        return tuple(each.numbers(100 * seed + i) for i, each in enumerate(self.inputs))

    def made(self, *numbers: Array) -> tuple[Array, ...]:
        """Arguments of numbers, in any library."""
        return tuple(each.made(ops_for(x), x) for each, x in zip(self.inputs, numbers, strict=True))

    def arguments(self, seed: int = 0) -> tuple[np.ndarray, ...]:
        """The arguments in NumPy and float64."""
        return self.made(*self.numbers(seed))

    def rounded(self) -> tuple[np.ndarray, ...]:
        """Arguments that are valid in half precisions, too."""
        pairs = zip(self.inputs, self.arguments(), strict=True)
        return tuple(each.rounded(x) for each, x in pairs)

    def run(self, *arguments: Array) -> tuple[Array, ...]:
        """The results as a tuple."""
        result = self.function(*arguments)
        if isinstance(result, Selection):
            return result[:3]
        return result if isinstance(result, tuple) else (result,)


DRAWS = Input((N, K, C), simplex)
TARGETS = Input((M, K, C), simplex)
PROBS = Input((N, C), simplex)
FEATURES = Input((N, D))
ROWS = Input((N, 2, P))
POINTS = Input((N, P))
FEW_ROWS = Input((M, 2, P))
QUERIES = Input((M, P))
MATRIX = Input((P, P), definite)
VALUES = Input((P,), positive)
LABELS = Input((N,), below=C)
TARGET_LABELS = Input((M,), below=C)
SCORES = Input((N,), positive)
COSTS = Input((N,), positive)

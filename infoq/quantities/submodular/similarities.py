"""Similarities from features, a matrix, or neighbour lists."""

from __future__ import annotations

from typing import Any, TypeAlias

from infoq.checks.compatibility import check_alike
from infoq.quantities.submodular.features import FeatureSimilarities, features
from infoq.quantities.submodular.lists import ListSimilarities, check_mirrored
from infoq.quantities.submodular.matrix import MatrixSimilarities, matrix
from infoq.quantities.submodular.neighbours import Neighbours

Similarities: TypeAlias = FeatureSimilarities | MatrixSimilarities | ListSimilarities
"""Similarities of N candidates with each other or with other points."""


def similarities(points: Any, kernel: Any, *, square: bool) -> Similarities:
    """Similarities from features, or from a matrix or neighbour lists in their place.

    Raises
    ------
    TypeError, ValueError
        If both or neither are given, or one is not a finite floating array of the right shape.
    """
    if (points is None) == (kernel is None):
        given = "neither" if points is None else "both"
        raise TypeError(
            f"points, kernel: expected one of the two, got {given}; pass features [N, P] or "
            "kernel=, a matrix of similarities"
        )
    if kernel is None:
        return FeatureSimilarities(features(points, "points"))
    if isinstance(kernel, Neighbours):
        if square:
            check_mirrored(kernel)
        return ListSimilarities(kernel)
    return matrix(kernel, square=square)


def compared(pool: Similarities, others: Any, name: str) -> FeatureSimilarities:
    """Features that the candidates are compared with; raises if they are not compatible."""
    theirs = FeatureSimilarities(features(others, name))
    check_alike(pool.ops, name, theirs.like, pool.like)
    if theirs.width != pool.width:
        raise ValueError(
            f"{name}: expected P={pool.width} features like points, got {theirs.width}"
        )
    return theirs

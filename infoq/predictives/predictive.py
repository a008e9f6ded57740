"""Either predictive, as quantities take them."""

from __future__ import annotations

from typing import Any, TypeAlias

from infoq.predictives.categorical import Categorical, as_categorical
from infoq.predictives.embeddings import Embedding
from infoq.predictives.gaussian import Gaussian
from infoq.predictives.outcomes import Outcomes
from infoq.predictives.precision import Precision

Predictive: TypeAlias = Categorical | Gaussian

Context: TypeAlias = Outcomes | Precision | Embedding | Gaussian
"""What counts as known: `Outcomes` of a `Categorical`; of a `Gaussian` any of the others."""


def as_predictive(x: Any, name: str = "probs") -> Predictive:
    """`x` itself, or a bare array as the probabilities [N, K, C] of a `Categorical`."""
    if isinstance(x, Gaussian):
        return x
    if isinstance(x, Embedding):
        raise TypeError(
            f"{name}: got an embedding without a precision; pass infoq.Gaussian(embedding, "
            "precision)"
        )
    return as_categorical(x, name)

"""Either predictive, as quantities take them."""

from __future__ import annotations

from typing import Any, TypeAlias

from infoq.predictives.about import check_exact
from infoq.predictives.categorical import Categorical, as_categorical
from infoq.predictives.categorical_batch import CategoricalBatch
from infoq.predictives.embeddings import Embedding
from infoq.predictives.gaussian import Gaussian
from infoq.predictives.gaussian_batch import GaussianBatch
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


def batch_of(
    pool: Predictive, about: Any, given: Any, approximation: str, samples: int, seed: Any
) -> CategoricalBatch | GaussianBatch:
    """A growing batch of the candidates of either predictive."""
    if isinstance(pool, Gaussian):
        pool.context(samples=samples, seed=seed)  # checked, and not used
        return GaussianBatch(pool, about, pool.known(given), approximation)
    check_exact(approximation)
    known = pool.context(samples=samples, seed=seed) if given is None else given
    return CategoricalBatch(pool, about, known)

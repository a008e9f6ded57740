"""Conversion of model outputs to likelihoods, and checks of their labels, for the methods."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array
from infoq.backends.fields import first_array
from infoq.likelihoods import Likelihood, Softmax


def as_likelihood(x: Likelihood | Array) -> Likelihood:
    """The likelihood itself; a bare array is class probabilities [N, C]."""
    return x if isinstance(x, Likelihood) else Softmax(x)


def class_logits(likelihood: Likelihood, name: str) -> Array:
    """The class logits [N, C]; an error where the outcomes are not classes."""
    logits = likelihood.outcome_logits() if first_array(likelihood) is not None else None
    if logits is None:
        raise TypeError(
            f"{name}: expected a likelihood of classes, got {type(likelihood).__name__}"
        )
    return logits


def with_classes(x: Likelihood | Array) -> Likelihood:
    """`as_likelihood`, with an error where no class can be the most probable one."""
    likelihood = as_likelihood(x)
    if likelihood.outcome_logits() is None:
        raise TypeError(
            f"likelihood: the label is the most probable class, and {type(likelihood).__name__} "
            "has none; pass Softmax, Bernoulli or class probabilities, or take "
            "infoq.gradient_embedding with the labels= that you know"
        )
    return likelihood


def check_one_label(likelihood: Likelihood, labels: Any) -> None:
    """Check that there is exactly one label per candidate and output."""
    axes = likelihood.label_axes(likelihood.num_outputs or 1)
    if getattr(labels, "ndim", None) != axes:
        expected = "[N]" if axes == 1 else "[N, C]"
        got = f"shape {tuple(labels.shape)}" if hasattr(labels, "shape") else repr(labels)
        raise ValueError(f"labels: expected {expected}, one outcome each, got {got}")
    likelihood.check_labels(labels)


def check_two(one: Likelihood, holdout: Likelihood) -> None:
    """Check that both predictions have the same candidates, classes and dtype."""
    sizes = [
        tuple(class_logits(outcomes, name).shape)
        for outcomes, name in ((one, "likelihood"), (holdout, "holdout"))
    ]
    dtypes = [first_array(outcomes).dtype for outcomes in (one, holdout)]
    if sizes[0] != sizes[1] or dtypes[0] != dtypes[1]:
        raise ValueError(
            f"holdout: expected {dtypes[0]} of shape {sizes[0]}, like likelihood, got "
            f"{dtypes[1]} of {sizes[1]}"
        )

"""Outputs as a likelihood, where a method takes one or class probabilities."""

from __future__ import annotations

from infoq.backends import Array
from infoq.likelihoods import Likelihood, Softmax


def as_likelihood(x: Likelihood | Array) -> Likelihood:
    """The likelihood itself; a bare array is class probabilities [N, C]."""
    return x if isinstance(x, Likelihood) else Softmax(x)

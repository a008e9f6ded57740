"""What a type checker says of calls with tensors of PyTorch: read by mypy, never run."""

from typing import Any, assert_type

import torch

import infoq


def scores(probs: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
    """Tensors go in, and what comes out is one."""
    assert_type(infoq.eig(probs), Any)
    gains: torch.Tensor = infoq.epig(probs, probs)
    torch.topk(infoq.eig(probs), 3)
    picked = infoq.greedy(infoq.EIG(probs), 5)
    infoq.eig(infoq.Gaussian(infoq.DenseEmbedding(pool), 1.0)).sum().backward()
    return gains[picked.indices]


def from_a_model(inputs: torch.Tensor) -> infoq.JacobianEmbedding:
    """Functions of the caller's take and give tensors."""

    def linearise(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x[:, :1], x[:, None, :]

    def likelihood(outputs: torch.Tensor) -> infoq.likelihoods.Normal:
        return infoq.likelihoods.Normal(0.5, mean=outputs)

    return infoq.JacobianEmbedding(inputs, linearise, likelihood)


def refused(labels: torch.Tensor | None) -> None:
    """What may be none is said before it runs."""
    infoq.entropy(labels)  # type: ignore[arg-type]

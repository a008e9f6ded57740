"""Jacobians of PyTorch modules, for `infoq.JacobianEmbedding`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.func import functional_call, jacrev, vmap

Linearised = Callable[[Any], tuple[Any, Any]]


def linearise(module: torch.nn.Module, *, chunk_size: int | None = None) -> Linearised:
    """A callable that returns the outputs of a module and their Jacobian in its parameters.

    The parameters are those that require gradients.

    Parameters
    ----------
    module : torch.nn.Module
        Maps inputs [n, ...] to outputs [n, C] (or [n]), each candidate on its own. Put it into
        evaluation mode first, so that dropout is off and batch normalisation does not mix
        candidates.
    chunk_size : int, optional
        The number of candidates differentiated at a time within a block. Default: all.

    Returns
    -------
    callable
        Maps inputs [n, ...] to outputs [n, C] and their Jacobian [n, C, P]. The parameters are in
        the order of ``module.named_parameters()``. It is an argument of `infoq.JacobianEmbedding`.

    Raises
    ------
    ValueError
        If the module is in training mode, or no parameter requires a gradient; when the callable
        runs: if the outputs are not [n, C] or [n].

    Notes
    -----
    The cost is C reverse passes per candidate, for all candidates of a block at once
    (`torch.func`). The Jacobian is exact, by automatic differentiation. Which parameters require
    gradients is read once, by this function; their values are read at every call.

    Examples
    --------
    >>> import torch, infoq
    >>> from infoq.integrations.torch import linearise
    >>> module = torch.nn.Linear(2, 3).eval()
    >>> outputs, jacobian = linearise(module)(torch.ones(5, 2))
    >>> tuple(jacobian.shape)
    (5, 3, 9)
    """
    if any(part.training for part in module.modules() if _differs_in_training(part)):
        raise ValueError(
            "module: is in training mode, where dropout and batch normalisation make outputs "
            "random or dependent on each other; call module.eval() first"
        )
    wanted = [name for name, p in module.named_parameters() if p.requires_grad]
    if not wanted:
        raise ValueError("module: no parameter requires a gradient")

    return partial(_outputs_and_jacobian, module, tuple(wanted), chunk_size)


def _outputs_and_jacobian(
    module: torch.nn.Module, wanted: tuple[str, ...], chunk_size: int | None, x: Any
) -> tuple[Any, Any]:
    """Outputs [n, C] of a module, and their Jacobian [n, C, P] in the wanted parameters."""
    named = dict(module.named_parameters())
    moving = {name: named[name].detach() for name in wanted}
    still = {name: p.detach() for name, p in named.items() if name not in moving}
    still |= dict(module.named_buffers())
    one = partial(_one, module)
    each = vmap(jacrev(one, has_aux=True), in_dims=(None, None, 0), chunk_size=chunk_size)
    jacobians, outputs = each(moving, still, x)
    flat = [j.reshape(*outputs.shape, -1) for j in jacobians.values()]
    return outputs, torch.cat(flat, dim=-1)


def _one(
    module: torch.nn.Module, moving: dict[str, Any], still: dict[str, Any], x: Any
) -> tuple[Any, Any]:
    """Outputs [C] of one candidate, twice: to differentiate, and as they are."""
    outputs = functional_call(module, moving | still, (x[None, ...],))[0, ...]
    outputs = outputs.reshape(1) if outputs.ndim == 0 else outputs
    if outputs.ndim != 1:
        raise ValueError(
            f"module: expected outputs [n, C], got {('n', *outputs.shape)} for n candidates"
        )
    return outputs, outputs


def _differs_in_training(part: torch.nn.Module) -> bool:
    names = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm)
    return isinstance(part, names)

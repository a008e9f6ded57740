"""Jacobians of JAX functions, for `infoq.JacobianEmbedding`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

Linearised = Callable[[Any], tuple[Any, Any]]


def linearise(function: Callable[[Any, Any], Any], parameters: Any) -> Linearised:
    """A callable that returns the outputs of a function and their Jacobian in its parameters.

    Parameters
    ----------
    function : callable
        Maps the parameters and **one** input [...] to outputs [C] (or a number).
    parameters : pytree of arrays
        The parameters at which it is differentiated.

    Returns
    -------
    callable
        Maps inputs [n, ...] to outputs [n, C] and their Jacobian [n, C, P]. The parameters are in
        the order of `jax.flatten_util.ravel_pytree`. It is an argument of
        `infoq.JacobianEmbedding`.

    Raises
    ------
    ValueError
        When the callable runs: if the outputs of one input are not [C] or a number.

    Notes
    -----
    The cost is C reverse passes per candidate, for all candidates of a block at once. The Jacobian
    is exact, by automatic differentiation.

    Examples
    --------
    >>> import jax.numpy as jnp, infoq
    >>> from infoq.integrations.jax import linearise
    >>> outputs, jacobian = linearise(lambda w, x: w @ x, jnp.ones((3, 2)))(jnp.ones((5, 2)))
    >>> jacobian.shape
    (5, 3, 6)
    """
    return _Linearised(function, parameters)


class _Linearised:
    """Inputs [n, ...] to outputs [n, C] of a function, and their Jacobian [n, C, P]."""

    def __init__(self, function: Callable[[Any, Any], Any], parameters: Any) -> None:
        self.function, self.parameters = function, parameters

    def __call__(self, x: Any) -> tuple[Any, Any]:
        flat, rebuild = ravel_pytree(self.parameters)

        def one(weights: Any, x: Any) -> tuple[Any, Any]:
            outputs = jnp.asarray(self.function(rebuild(weights), x))
            outputs = outputs.reshape(1) if outputs.ndim == 0 else outputs
            if outputs.ndim != 1:
                raise ValueError(
                    f"function: expected outputs [C] of one input, got {outputs.shape}"
                )
            return outputs, outputs

        each = jax.vmap(jax.jacrev(one, has_aux=True), in_axes=(None, 0))
        jacobian, outputs = each(flat, x)
        return outputs, jacobian

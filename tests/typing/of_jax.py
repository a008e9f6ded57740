"""What a type checker says of calls with arrays of JAX and array-api-strict: never run."""

from typing import Any, assert_type

import array_api_strict
import jax
import jax.numpy as jnp

import infoq


def scores(probs: jax.Array, pool: jax.Array) -> jax.Array:
    """Arrays go in, and what comes out is one."""
    assert_type(infoq.eig(probs), Any)
    gains: jax.Array = infoq.epig(probs, probs)
    picked = infoq.greedy(infoq.EIG(probs), 5)
    infoq.logdet(jnp.eye(3))
    infoq.Gaussian(infoq.DenseEmbedding(pool), jnp.ones(3))
    return jnp.sum(infoq.eig(probs)) + gains[picked.indices]


def strictly() -> None:
    """A library that infoq has no code for."""
    infoq.entropy(array_api_strict.asarray([0.5, 0.5]))

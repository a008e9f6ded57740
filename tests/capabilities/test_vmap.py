"""Every function under `torch.func.vmap` and `jax.vmap`: one axis more is a loop."""

from __future__ import annotations

import numpy as np
import pytest

from tests.capabilities.checking import agree, arrays, cases, hold, reference

pytestmark = pytest.mark.of_libraries("torch", "jax")


@cases("vmap")
def test_a_map_is_a_loop(backend, case):
    each = [case.arguments(seed) for seed in (0, 1)]

    def check():
        stacked = [np.stack(one) for one in zip(*each, strict=True)]
        results = _map(backend, case.run)(*arrays(backend, stacked))
        for place, values in enumerate(each):
            agree(backend, [x[place] for x in results], reference(backend, case, values))

    hold(case, "vmap", check)


def _map(backend, function):
    if backend.name == "jax":
        import jax

        return jax.jit(jax.vmap(function))
    # Its own seeds name the random numbers, here as in a loop.
    return backend.module.func.vmap(function, randomness="same")

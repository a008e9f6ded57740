"""Every function inside `jax.jit`, with its arrays as arguments."""

from __future__ import annotations

from tests.capabilities.checking import agree, arrays, cases, hold, reference


@cases("jit")
def test_jit(jax, case):
    from jax import jit

    values = case.arguments()

    def check():
        agree(jax, jit(case.run)(*arrays(jax, values)), reference(jax, case, values))

    hold(case, "jit", check)

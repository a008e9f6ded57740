"""Every function inside `jax.jit`, with its arrays as arguments."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import agree, arrays, cases, hold, reference

pytestmark = pytest.mark.of_libraries("jax")


@cases("jit")
def test_jit(backend, case):
    from jax import jit

    values = case.arguments()

    def check():
        agree(backend, jit(case.run)(*arrays(backend, values)), reference(backend, case, values))

    hold(case, "jit", check)

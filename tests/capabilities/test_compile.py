"""Every function under `torch.compile`, as one graph."""

from __future__ import annotations

import pytest

from tests.capabilities.checking import agree, arrays, cases, hold, reference

pytestmark = pytest.mark.of_libraries("torch")


@cases("compile")
def test_compile(backend, case):
    library, values = backend.module, case.arguments()
    library._dynamo.reset()

    def check():
        compiled = library.compile(case.run, fullgraph=True, backend="eager")
        agree(backend, compiled(*arrays(backend, values)), reference(backend, case, values))

    hold(case, "compile", check)

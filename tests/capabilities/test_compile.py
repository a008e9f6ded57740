"""Every function under `torch.compile`, as one graph."""

from __future__ import annotations

from tests.capabilities.checking import agree, arrays, cases, hold, reference


@cases("compile")
def test_compile(torch, case):
    library, values = torch.module, case.arguments()
    library._dynamo.reset()

    def check():
        compiled = library.compile(case.run, fullgraph=True, backend="eager")
        agree(torch, compiled(*arrays(torch, values)), reference(torch, case, values))

    hold(case, "compile", check)

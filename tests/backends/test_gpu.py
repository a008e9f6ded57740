"""On a GPU: compiled scores neither wait for the host nor copy anything to it.

Run by ``nox -s gpu``, or by ``pytest --backend torch:cuda`` or ``jax:gpu`` where there is one. That
results stay on the device is asserted by the whole suite, wherever it reads one.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import infoq

RNG = np.random.default_rng(0)
PROBS, TARGETS = RNG.dirichlet(np.ones(4), (300, 8)), RNG.dirichlet(np.ones(4), (20, 8))
ROWS = RNG.standard_normal((300, 2, 5))

SCORES = {
    "eig": lambda x, y, rows: infoq.eig(x),
    "epig": lambda x, y, rows: infoq.epig(x, y),
    "eig in weight space": lambda x, y, rows: infoq.eig(infoq.Gaussian(rows, 0.5)),
    "jepig in weight space": lambda x, y, rows: infoq.jepig(
        infoq.Gaussian(rows, 0.5), infoq.DenseEmbedding(rows[:20, ...])
    ),
}


@pytest.fixture
def gpu(backend):
    """A library that compiles, on a GPU."""
    if (backend.name, backend.device) not in (("torch", "cuda"), ("jax", "gpu")):
        pytest.skip("needs a GPU: nox -s gpu")
    return backend


@contextlib.contextmanager
def guarded(backend):
    """Whatever waits for the host, or copies to it, is an error."""
    if backend.name == "jax":
        import jax

        with jax.transfer_guard("disallow"):
            yield
        return
    import torch

    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", SCORES)
def test_compiled_scores_do_not_wait_for_the_host(gpu, name):
    arrays = [gpu.array(x) for x in (PROBS, TARGETS, ROWS)]
    if gpu.name == "jax":
        import jax

        run = jax.jit(SCORES[name])
    else:
        import torch

        run = torch.compile(SCORES[name], fullgraph=True, backend="eager")
    run(*arrays)  # compiled, and constants copied to the device
    with guarded(gpu):
        found = run(*arrays)
    np.testing.assert_allclose(gpu.numpy(found), SCORES[name](PROBS, TARGETS, ROWS), rtol=1e-9)

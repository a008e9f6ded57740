"""How often things are compiled: once for what has the same shapes, and not once a call."""

from __future__ import annotations

import numpy as np
import pytest

import infoq

N, K, C, D = 6, 4, 3, 2


def inputs(seed):
    """Draws [N, K, C], targets and rows of one seed; all seeds have the same shapes."""
    rng = np.random.default_rng(seed)
    return (
        rng.dirichlet(np.ones(C), (N, K)),
        rng.dirichlet(np.ones(C), (2, K)),
        rng.standard_normal((N, 2, D)),
    )


FUNCTIONS = {
    "entropy": lambda x, y, rows: infoq.entropy(x),
    "eig": lambda x, y, rows: infoq.eig(x),
    "epig": lambda x, y, rows: infoq.epig(x, y),
    "jepig": lambda x, y, rows: infoq.jepig(x, y),
    "eig in weight space": lambda x, y, rows: infoq.eig(infoq.Gaussian(rows, 0.5)),
    "epig in weight space": lambda x, y, rows: infoq.epig(
        infoq.Gaussian(rows, 0.5), infoq.DenseEmbedding(rows[:2, ...])
    ),
    "greedy": lambda x, y, rows: infoq.greedy(infoq.EIG(x), 3).gains,
    "greedy in weight space": lambda x, y, rows: (
        infoq.greedy(infoq.EIG(infoq.Gaussian(rows, 0.5)), 3).gains
    ),
    "top_k": lambda x, y, rows: infoq.top_k(infoq.eig(x), 3).indices,
}
functions = pytest.mark.parametrize("name", FUNCTIONS)


def of(backend, *names):
    """The backend's library, where it is one of these."""
    if backend.name not in names:
        pytest.skip("of another library")
    return pytest.importorskip(backend.name)


@pytest.fixture(scope="module")
def compiled(backend):
    """What JAX has compiled so far, program by program."""
    jax = of(backend, "jax")
    found = []

    def note(event, seconds, **about):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(about)

    jax.monitoring.register_event_duration_secs_listener(note)
    return found


@functions
def test_eager_jax_compiles_nothing_for_new_values(backend, compiled, name):
    before = len(compiled)
    FUNCTIONS[name](*map(backend.array, inputs(0)))
    first = len(compiled) - before
    for seed in (1, 2):
        FUNCTIONS[name](*map(backend.array, inputs(seed)))
    assert len(compiled) == before + first


def test_the_count_of_compilations_counts(backend, compiled):
    before = len(compiled)
    infoq.eig(backend.array(np.full((N + 7, K, C), 1 / C)))
    assert len(compiled) > before


@functions
def test_a_compiled_function_is_traced_once(backend, name):
    module = of(backend, "jax", "torch")
    cases = [tuple(map(backend.array, inputs(seed))) for seed in range(3)]
    if backend.name == "torch":
        from torch._dynamo.testing import CompileCounter

        module._dynamo.reset()
        counter = CompileCounter()
        run = module.compile(FUNCTIONS[name], fullgraph=True, backend=counter)
        found = [run(*case) for case in cases]
        assert counter.frame_count == 1
    else:
        traces = []

        def traced(*arrays):
            traces.append(arrays)
            return FUNCTIONS[name](*arrays)

        run = module.jit(traced)
        found = [run(*case) for case in cases]
        assert len(traces) == 1
    for one, case in zip(found, cases, strict=True):
        expected = backend.numpy(FUNCTIONS[name](*case))
        np.testing.assert_allclose(backend.numpy(one), expected, rtol=1e-9, atol=1e-13)


LABELLED = FUNCTIONS | {
    "ig": lambda x, y, rows: infoq.ig(x, (x[:, 0, 0] > 2).long()),
    "pig": lambda x, y, rows: infoq.pig(x, y, (x[:, 0, 0] > 2).long(), (y[:, 0, 0] > 2).long()),
}


@pytest.mark.parametrize("name", LABELLED)
def test_a_torch_program_of_a_dynamic_shape_is_of_every_number_of_candidates(backend, name):
    torch = of(backend, "torch")
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    run = torch.compile(LABELLED[name], fullgraph=True, backend=counter, dynamic=True)
    x, y, rows = (backend.array(x) for x in inputs(0))
    for count in (6, 5, 4):
        parts = x[:count].clone(), y, rows[:count].clone()
        torch.testing.assert_close(run(*parts), LABELLED[name](*parts))
    assert counter.frame_count == 1

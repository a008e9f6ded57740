"""How often things are compiled: once for what has the same shapes, and not once a call."""

from __future__ import annotations

import importlib

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


@pytest.fixture(scope="module")
def compiled():
    """What JAX has compiled so far, program by program."""
    import jax

    found = []

    def note(event, seconds, **about):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(about)

    jax.monitoring.register_event_duration_secs_listener(note)
    return found


@functions
@pytest.mark.of_libraries("jax")
def test_eager_jax_compiles_nothing_for_new_values(backend, compiled, name):
    before = len(compiled)
    FUNCTIONS[name](*map(backend.array, inputs(0)))
    first = len(compiled) - before
    for seed in (1, 2):
        FUNCTIONS[name](*map(backend.array, inputs(seed)))
    assert len(compiled) == before + first


MEASURES = {
    "entropy": lambda p, cov: infoq.entropy(p, axis=(1, 2)),
    "divergence": lambda p, cov: infoq.kl_divergence(p, p[::-1, ...], axis=(1, 2)),
    "mutual information": lambda p, cov: infoq.mutual_information(p, x_axis=1, y_axis=2),
    "gaussian entropy": lambda p, cov: infoq.gaussian_entropy(cov),
    "gaussian divergence": lambda p, cov: infoq.gaussian_kl_divergence(
        cov[..., 0], cov, cov[..., 1], 2 * cov
    ),
    "gaussian correlation": lambda p, cov: infoq.gaussian_total_correlation(cov),
    "logdet": lambda p, cov: infoq.logdet(cov),
    "logdet_mi": lambda p, cov: infoq.logdet_mi(cov, cov / 9, cov),
}


def measured(size):
    """A stack of joint distributions, and one of covariances."""
    rng = np.random.default_rng(size)
    root = rng.normal(size=(4, size, size + 2))
    return rng.dirichlet(np.ones(2 * size), 4).reshape(4, 2, size), root @ root.swapaxes(1, 2)


@pytest.mark.parametrize(("name", "size"), list(zip(MEASURES, range(5, 13), strict=True)))
@pytest.mark.of_libraries("jax")
def test_a_measure_of_a_new_shape_is_a_few_programs(backend, compiled, name, size):
    arrays = tuple(map(backend.array, measured(size)))
    before = len(compiled)
    MEASURES[name](*arrays)
    # What is checked is read, a program at a time. Row by row the measures of matrices were 80.
    assert len(compiled) - before <= 30


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.of_libraries("dask")
def test_a_measure_is_a_few_tasks_a_chunk(backend, name):
    p, cov = (backend.module.from_array(x, chunks=(1, -1, -1)) for x in measured(5))
    found = MEASURES[name](p, cov)
    # Row by row, those of matrices were up to 1,100 for two chunks.
    assert len(dict(found.__dask_graph__())) <= 30 * 4


@pytest.mark.of_libraries("jax")
def test_the_count_of_compilations_counts(backend, compiled):
    before = len(compiled)
    infoq.eig(backend.array(np.full((N + 7, K, C), 1 / C)))
    assert len(compiled) > before


@functions
@pytest.mark.of_libraries("jax", "torch")
def test_a_compiled_function_is_traced_once(backend, name):
    module = importlib.import_module(backend.name)
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
@pytest.mark.of_libraries("torch")
def test_a_torch_program_of_a_dynamic_shape_is_of_every_number_of_candidates(backend, name):
    torch = backend.module
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    run = torch.compile(LABELLED[name], fullgraph=True, backend=counter, dynamic=True)
    x, y, rows = (backend.array(x) for x in inputs(0))
    for count in (6, 5, 4):
        parts = x[:count].clone(), y, rows[:count].clone()
        torch.testing.assert_close(run(*parts), LABELLED[name](*parts))
    assert counter.frame_count == 1

"""Measures in blocks: their answers do not depend on the size, and their memory keeps to it."""

import tracemalloc

import numpy as np
import pytest

import infoq

# What tells a measure apart: its function, and how many arrays it takes.
ONE = {"information_content": infoq.information_content, "entropy": infoq.entropy}
TWO = {
    "cross_entropy": infoq.cross_entropy,
    "kl_divergence": infoq.kl_divergence,
    "js_divergence": infoq.js_divergence,
}
JOINT = {
    "mutual_information": infoq.mutual_information,
    "conditional_entropy": infoq.conditional_entropy,
    "total_correlation": lambda p, **k: infoq.total_correlation(p, axis=(-2, -1), **k),
}
KINDS = ["probs", "log_probs", "logits"]


def stacks(*shape, axes=1, seed=0):
    """Distributions over the last axes."""
    rng = np.random.default_rng([seed, *shape])
    p = rng.random(shape) ** 3 + 1e-3
    return p / p.sum(axis=tuple(range(-axes, 0)), keepdims=True)


def written(p, kind):
    return p if kind == "probs" else np.log(p) + (kind == "logits")


def answers(backend, kind, dtype):
    """Each measure of many distributions, of one long one, and of axes that are not the last."""
    rows, others = stacks(7, 5, 6), stacks(5, 6, seed=1)
    long, joints = stacks(300), stacks(4, 6, 7, axes=2)
    single, cube = stacks(20, 30, axes=2), stacks(4, 5, 6, axes=3)

    def call(function, *arrays, **how):
        cast = [backend.array(written(x, kind), dtype) for x in arrays]
        value = backend.numpy(function(*cast, kind=kind, **how))
        assert value.dtype == dtype
        return value

    for name, function in ONE.items():
        yield name, call(function, rows)
        yield name, call(function, long)
        yield name, call(function, np.moveaxis(rows, -1, 0), axis=0)
        yield name, call(function, np.moveaxis(joints, 0, -1), axis=(0, 1))
    for name, function in TWO.items():
        yield name, call(function, rows, others)
        yield name, call(function, others, rows[:, :1])
        yield name, call(function, long, stacks(300, seed=2))
    for name, function in JOINT.items():
        yield name, call(function, joints)
        yield name, call(function, single)
    yield "total_correlation", call(infoq.total_correlation, cube, axis=(0, 2, 1))
    yield "mutual_information", call(infoq.mutual_information, cube, x_axis=(0, 2), y_axis=1)
    yield "conditional_entropy", call(infoq.conditional_entropy, cube, x_axis=1, y_axis=(2, 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_answers_do_not_depend_on_the_size_of_a_block(backend, kind, dtype):
    # In blocks of some 8 rows, of some 40 outcomes, and of one.
    whole = list(answers(backend, kind, dtype))
    for memory in (1000,) if backend.name in ("jax", "dask") else (2000, 1000, 1):
        with infoq.options(memory=memory):
            for (name, value), (_, expected) in zip(
                answers(backend, kind, dtype), whole, strict=True
            ):
                tolerance = 200 * np.finfo(dtype).eps
                np.testing.assert_allclose(value, expected, rtol=tolerance, err_msg=name)


@pytest.mark.parametrize("memory", [1000, 10**9])
def test_a_bad_distribution_is_found_in_whichever_block_it_is(backend, memory):
    if not backend.reads_values:
        return
    rows, long = stacks(50, 6), stacks(300)
    rows[43, 2] += 0.1
    long[257] = -0.001
    with infoq.options(memory=memory):
        with pytest.raises(ValueError, match=r"distribution 43 .* sum 1\.1"):
            backend.call(infoq.entropy, rows)
        with pytest.raises(ValueError, match=r"least probability -0\.001"):
            backend.call(infoq.entropy, long)


def peak_above_the_start(function, *arrays, **how):
    """The most memory that a call takes beside its inputs, and what its result takes."""
    function(*arrays, **how)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = function(*arrays, **how)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return peak, np.asarray(result).nbytes


MEMORY = 10**6


@pytest.mark.of_libraries("numpy")
@pytest.mark.parametrize("name", [*ONE, *TWO, *JOINT])
@pytest.mark.parametrize("kind", ["probs", "log_probs"])
@pytest.mark.parametrize("many", [True, False])
def test_memory_beside_the_result_keeps_to_the_option(backend, name, kind, many):
    # At least 8 MB in float32, of many distributions or of one.
    if name in JOINT:
        arrays = [stacks(40_000, 5, 10, axes=2) if many else stacks(1000, 2000, axes=2)]
    else:
        count = 2 if name in TWO else 1
        shape = (200_000, 10) if many else (2_000_000,)
        arrays = [stacks(*shape, seed=seed) for seed in range(count)]
    arrays = [written(x, kind).astype("float32") for x in arrays]
    function = (ONE | TWO | JOINT)[name]
    with infoq.options(memory=MEMORY):
        peak, result = peak_above_the_start(function, *arrays, kind=kind)
    assert arrays[0].nbytes >= 8 * MEMORY
    assert peak <= MEMORY + result


@pytest.mark.of_libraries("numpy")
@pytest.mark.parametrize("axis", [0, (0, 1)])
def test_axes_that_are_moved_are_not_copied(backend, axis):
    p = np.moveaxis(stacks(20_000, 100).reshape(20_000, 10, 10), 0, -1)
    p = np.ascontiguousarray(p if axis == (0, 1) else p.reshape(100, -1)).astype("float32")
    with infoq.options(memory=MEMORY):
        peak, result = peak_above_the_start(infoq.entropy, p, axis=axis)
    assert peak <= MEMORY + result


@pytest.mark.of_libraries("numpy")
def test_pairs_that_broadcast_are_not_written_out(backend):
    p, q = (stacks(400, 20, seed=seed).astype("float32") for seed in (0, 1))
    with infoq.options(memory=MEMORY):
        peak, result = peak_above_the_start(infoq.kl_divergence, p[:, None], q[None])
    # Written out they would take 13 MB each.
    assert peak <= MEMORY + result

"""What an array is, where it lives, and in which precision."""

import subprocess
import sys

import array_api_compat
import numpy as np
import pytest

from infoq.backends import ops_for

SECOND_DEVICE_OF_JAX = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax
from infoq.backends import ops_for
like = jax.device_put(jax.numpy.ones(3), jax.devices()[1])
ops = ops_for(like)
made = ops.scalar(1.0, like), ops.constant((2,), 1.0, like), ops.uniform((2,), (0,), like)
print([x.device.id for x in made])
"""


def halves(backend):
    """Arrays in the half precisions that the library has."""
    xp = backend.xp
    names = [name for name in ("float16", "bfloat16") if hasattr(xp, name)]
    return [xp.astype(backend.array([0.5, 0.25]), getattr(xp, name)) for name in names]


def same_dtype(backend, x, name):
    return x.dtype == getattr(backend.xp, name)


def test_half_precision_is_computed_in_float32(backend):
    if backend.name in ("numpy", "torch", "jax"):
        assert halves(backend)
    for x in halves(backend):
        wide = backend.ops.upcast(x)
        assert same_dtype(backend, wide, "float32")
        assert backend.numpy(wide).tolist() == [0.5, 0.25]
        constant = backend.ops.constant((2,), 0.25, x)
        assert np.asarray(constant).dtype == np.float32
        assert backend.ops.scalar(1.0, x).dtype == x.dtype


def test_bits_and_bytes_of_half_precision(backend):
    for x in halves(backend):
        assert backend.ops.bits(x) == 16
        assert backend.ops.item_bytes(x) == 4
        assert backend.ops.working_dtype(x) == backend.ops.upcast(x).dtype


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 32), ("float64", 64)])
def test_bits_and_bytes(backend, dtype, bits):
    x = backend.array([0.5], dtype)
    assert backend.ops.bits(x) == bits
    assert backend.ops.item_bytes(x) == bits // 8
    assert backend.ops.working_dtype(x) == x.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_full_precision_is_kept(backend, dtype):
    x = backend.array([0.5, 0.25], dtype)
    assert backend.ops.upcast(x) is x
    scalar = backend.ops.scalar(0.1, x)
    assert scalar.dtype == x.dtype
    assert scalar.shape == ()
    assert backend.numpy(scalar) == np.array(0.1, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0)], ids=str)
def test_constant_is_in_memory(backend, dtype, shape):
    constant = backend.ops.constant(shape, 0.25, backend.array([1.0], dtype))
    memory = ops_for(backend.ops.fetch(backend.array([1.0])))
    assert ops_for(constant) is memory
    host = memory.to_host(constant)
    assert host.dtype == dtype
    assert host.shape == shape
    assert (host == 0.25).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)], ids=str)
def test_to_host_is_numpy(backend, dtype, shape):
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    host = backend.ops.to_host(backend.array(x))
    assert isinstance(host, np.ndarray)
    assert host.dtype == dtype
    np.testing.assert_array_equal(host, x)


def test_to_host_of_half_precision(backend):
    for x in halves(backend):
        host = backend.ops.to_host(x)
        assert isinstance(host, np.ndarray)
        assert host.astype(np.float64).tolist() == [0.5, 0.25]


def test_to_host_of_what_has_a_gradient(backend):
    x = backend.array([1.0, 2.0])
    if backend.name == "torch":
        x.requires_grad_()
    assert backend.ops.to_host(2 * x).tolist() == [2, 4]


def test_adopt_takes_back_what_fetch_gave(backend):
    x = np.random.default_rng(0).normal(size=(4, 3))
    memory = backend.ops.fetch(backend.array(x))
    assert ops_for(memory).concrete(memory)
    assert backend.ops.fetch(memory) is memory
    np.testing.assert_array_equal(backend.numpy(backend.ops.adopt(memory)), x)


def test_the_name_is_the_librarys(backend):
    assert backend.ops.name == backend.name
    assert repr(backend.ops).endswith(f"({backend.name!r})")


def test_values_of_eager_arrays_can_be_read(backend):
    x = backend.array([1.0])
    assert backend.ops.concrete(x) == (backend.name != "dask")
    # Dask computes nothing, and a compiled formula takes both ways at once.
    assert backend.ops.may_branch(x) == (backend.name not in ("dask", "jax"))


def test_values_of_traced_arrays_can_not_be_read(backend):
    seen = []

    def look(x):
        seen.append((backend.ops.concrete(x), backend.ops.may_branch(x)))
        return x

    if backend.name == "jax":
        import jax

        jax.jit(look)(backend.array([1.0]))
        jax.grad(lambda x: look(x).sum())(backend.array([1.0]))
    if backend.name == "torch":
        backend.module.func.vmap(look)(backend.array([1.0]))
        look(backend.array([1.0]).to("meta"))
    assert seen == [(False, False)] * (2 if backend.name in ("jax", "torch") else 0)


def test_no_branches_while_a_gradient_is_recorded(backend):
    x = backend.array([1.0])
    if backend.name == "torch":
        x.requires_grad_()
        assert not backend.ops.may_branch(x)
        with backend.module.no_grad():
            assert backend.ops.may_branch(x)
    assert backend.ops.concrete(x) == (backend.name != "dask")


def test_what_is_made_lies_beside_its_example(backend):
    like = backend.array([1.0, 2.0])
    if backend.name == "array_api_strict":
        like = backend.module.asarray(like, device=backend.module.Device("device1"))
    ops, device = backend.ops, array_api_compat.device(like)
    made = [ops.scalar(1.0, like), ops.constant((2,), 1.0, like), ops.uniform((2,), (0,), like)]
    indices = backend.xp.argsort(like)
    made += [ops.take_along_axis(like, indices), ops.logsumexp(like), ops.kl_term(like)]
    assert [array_api_compat.device(x) for x in made] == [device] * len(made)


def test_the_second_device_of_jax(backend):
    if backend.name == "jax":
        done = subprocess.run(
            [sys.executable, "-c", SECOND_DEVICE_OF_JAX], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[1, 1, 1]"


@pytest.mark.parametrize("shape", [(5,), (5, 2, 3)], ids=str)
def test_over_chunks_maps_rows_and_sees_what_is_shared_whole(backend, shape):
    x, shared = np.random.default_rng(0).normal(size=shape), np.array([[1.0, 2.0], [3.0, 4.0]])

    def run(rows, shared):
        ops = ops_for(*rows, *shared)
        assert shared[0].shape == (2, 2)
        flat = ops.xp.reshape(rows[0], (rows[0].shape[0], -1))
        return ops.xp.sum(flat, axis=-1) + ops.xp.sum(shared[0])

    mapped = backend.ops.over_chunks(run, (backend.array(x),), (backend.array(shared),))
    np.testing.assert_allclose(backend.numpy(mapped), x.reshape(5, -1).sum(-1) + 10, rtol=1e-13)


def test_cache_bytes_is_a_size_or_none(backend):
    size = backend.ops.cache_bytes(backend.array([1.0]))
    assert size is None or 2**16 <= size <= 2**30

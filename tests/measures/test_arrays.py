"""Arrays come back in the library, the device and the dtype that they came in, and unharmed."""

import array_api_compat
import numpy as np
import pytest

rng = np.random.default_rng(0)
P, Q = rng.dirichlet(np.ones(6), size=(2, 2)).reshape(2, 2, 2, 3)
# Multiples of 1/64, which bfloat16 holds too.
COUNTS = (1 + rng.multinomial(58, np.full(6, 1 / 6), size=(2, 2)).reshape(2, 2, 2, 3)) / 64
HALF = {
    "numpy": ["float16"],
    "torch": ["float16", "bfloat16"],
    "jax": ["bfloat16"],
    "dask": ["float16"],
}


def cast(backend, x, dtype):
    if backend.name == "dask":
        return x.astype(dtype)
    return backend.xp.astype(x, getattr(backend.xp, dtype))


def test_half_precision_is_computed_in_float32_and_returned_as_it_came(backend, measure):
    for dtype in HALF.get(backend.name, []):
        kind = {"float16": "logits", "bfloat16": "probs"}[dtype]
        values = np.log(COUNTS) if kind == "logits" else COUNTS
        p, q = (cast(backend, backend.array(x), dtype) for x in values)
        value = measure(p, q, kind=kind)
        assert value.dtype == p.dtype
        wide = measure(cast(backend, p, "float32"), cast(backend, q, "float32"), kind=kind)
        expected = cast(backend, cast(backend, wide, dtype), "float32")
        # XLA rounds to half precision as it fuses: by one unit of the last place.
        np.testing.assert_allclose(
            backend.numpy(cast(backend, value, "float32")),
            backend.numpy(expected),
            rtol=0.01 if dtype == "bfloat16" else 1e-3,
        )


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_many_outcomes_lose_no_digits_in_float32(measure, kind):
    some = np.random.default_rng(1).dirichlet(np.full(3000, 50.0), (2, 2)).reshape(2, 2, 50, 60)
    narrow = [x.astype("float32") for x in (some if kind == "probs" else np.log(some))]
    wide = [x.astype("float64") for x in narrow]
    np.testing.assert_allclose(measure(*narrow, kind=kind), measure(*wide, kind=kind), rtol=2e-6)


def test_dtype_shape_and_device(backend, measure):
    p, q = backend.array(P, "float32"), backend.array(Q, "float32")
    if backend.name == "array_api_strict":
        device = backend.module.Device("device1")
        p, q = (backend.module.asarray(x, device=device) for x in (p, q))
    value = measure(p, q)
    assert value.dtype == p.dtype
    assert value.shape in ((2,), (2, 6))
    assert array_api_compat.device(value) == array_api_compat.device(p)


def test_no_float64_is_made_on_a_device_that_lacks_it(backend, measure):
    p, q = backend.array(P, "float32"), backend.array(Q, "float32")
    if backend.name == "array_api_strict":
        device = backend.module.Device("no_float64")
        p, q = (backend.module.asarray(x, device=device) for x in (p, q))
    if backend.name == "torch":
        p, q = p.to("meta"), q.to("meta")
    assert measure(p, q).dtype == p.dtype


def test_strided_arrays(backend, measure):
    expected = backend.call(measure, P, Q)
    wide = [np.repeat(np.repeat(x, 2, -1), 3, -2) for x in (P, Q)]
    every = [backend.array(x)[:, ::3, ::2] for x in wide]
    np.testing.assert_array_equal(backend.numpy(measure(*every)), expected)
    turned = [
        backend.xp.permute_dims(backend.array(x.transpose(2, 0, 1)), (1, 2, 0)) for x in (P, Q)
    ]
    np.testing.assert_allclose(backend.numpy(measure(*turned)), expected, rtol=1e-14)
    flipped = [backend.xp.flip(backend.array(x[:, ::-1].copy()), axis=1) for x in (P, Q)]
    np.testing.assert_allclose(backend.numpy(measure(*flipped)), expected, rtol=1e-14)


def test_broadcast_arrays(backend, measure):
    whole = [np.broadcast_to(x[0], x.shape).copy() for x in (P, Q)]
    views = [backend.xp.broadcast_to(backend.array(x[0]), x.shape) for x in (P, Q)]
    np.testing.assert_allclose(
        backend.numpy(measure(*views)), backend.call(measure, *whole), rtol=1e-14
    )


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_inputs_stay_as_they_are(backend, measure, kind):
    values = [x.copy() if kind == "probs" else np.log(x) for x in (P, Q)]
    arrays = [backend.array(x) for x in values]
    if backend.name == "numpy":
        for x in arrays:
            x.setflags(write=False)
    value = measure(*arrays, kind=kind)
    backend.numpy(value)
    for x, before in zip(arrays, values, strict=True):
        np.testing.assert_array_equal(backend.numpy(x), before)
        if backend.name == "torch":
            assert x._version == 0


def test_results_are_not_views_of_the_input(backend, measure):
    p = np.zeros((2, 2, 3))
    p[:, 0, 0] = 1
    x = backend.array(p)
    value = measure(x, x)
    if backend.name in ("numpy", "torch"):
        value[...] = 7
    np.testing.assert_array_equal(backend.numpy(x), p)

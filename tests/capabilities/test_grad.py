"""Derivatives of every function: against differences, by `torch.autograd` and `jax.grad`."""

from __future__ import annotations

import numpy as np
import pytest

from tests.capabilities.checking import arrays, cases, hold

STEP = 1e-3


@pytest.mark.of_libraries("torch")
@cases("autograd")
def test_torch_autograd(backend, case):
    hold(case, "autograd", lambda: _by_torch(backend, case))


@pytest.mark.of_libraries("jax")
@cases("grad")
def test_jax_grad(backend, case):
    hold(case, "grad", lambda: _by_jax(backend, case))


def _floating(backend, results):
    """Results that have derivatives: no indices."""
    return tuple(x for x in results if backend.ops.xp.isdtype(x.dtype, "real floating"))


def _by_torch(backend, case):
    torch = backend.module
    numbers = list(arrays(backend, case.numbers()))
    places = [i for i, x in enumerate(numbers) if torch.is_floating_point(x)]

    def function(*some):
        given = list(numbers)
        for place, x in zip(places, some, strict=True):
            given[place] = x
        results = _floating(backend, case.run(*case.made(*given)))
        if any(x.requires_grad for x in some) and not all(x.requires_grad for x in results):
            raise TypeError("a result is cut off from its arguments")
        return results

    inputs = tuple(numbers[place].requires_grad_() for place in places)
    assert torch.autograd.gradcheck(function, inputs)


def _by_jax(backend, case):
    import jax

    numbers = case.numbers()
    places = tuple(i for i, x in enumerate(numbers) if x.dtype.kind == "f")

    def value(*given):
        results = _floating(by, case.run(*case.made(*given)))
        return sum(_weighted(by, x) for x in results)

    by = backend
    slopes = jax.jit(jax.grad(value, argnums=places))(*arrays(backend, numbers))
    rng = np.random.default_rng(7)
    directions = [rng.normal(size=numbers[i].shape) for i in places]
    slope = sum(np.sum(np.asarray(s) * d) for s, d in zip(slopes, directions, strict=True))
    evaluate = jax.jit(value)
    if not case.random:
        by, evaluate = type(backend)("numpy"), value

    def moved(step):
        given = list(numbers)
        for place, direction in zip(places, directions, strict=True):
            given[place] = given[place] + step * STEP * direction
        return float(evaluate(*given))

    expected = (moved(-2) - 8 * moved(-1) + 8 * moved(1) - moved(2)) / (12 * STEP)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


def _weighted(backend, x):
    """A sum that tells the entries of an array apart."""
    xp = backend.ops.xp
    flat = xp.reshape(x, (-1,))
    return xp.sum(flat * xp.arange(1, flat.shape[0] + 1, dtype=flat.dtype))

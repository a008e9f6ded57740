"""Measures keep gradients, and run where values can't be read: compiled, mapped, or lazily."""

import numpy as np
import pytest

import infoq
from tests.backends.gradient import by_differences, gradient

rng = np.random.default_rng(0)
# Logits of two joint distributions p and q of two batches, [2, 2, X, Y].
Z = rng.normal(size=(2, 2, 2, 3))
# Impossible outcomes: one, and a row and a column of the joint distribution.
SOME = np.array([[[1, 1, 0], [1, 1, 1]], [[1, 0, 1], [0, 0, 0]]]) > 0


def of_both(backend, measure, kind, mask, hidden):
    """A measure as a function of p and q in one array, with `hidden` where the mask hides them."""
    xp, mask = backend.xp, backend.array(mask)

    def function(z):
        z = xp.where(mask, z, xp.full_like(z, hidden))
        value = measure(z[..., 0, :, :, :], z[..., 1, :, :, :], kind=kind)
        # The content of what is impossible is infinite, and stays so.
        return xp.where(xp.isfinite(value), value, xp.zeros_like(value))

    return function


@pytest.mark.of_libraries("jax")
def test_jit_around_an_array_that_it_closes_over():
    jax = pytest.importorskip("jax")
    p, q = jax.numpy.asarray([0.5, 0.5]), jax.numpy.asarray([0.25, 0.75])
    expected = float(infoq.kl_divergence(p, q))
    assert float(jax.jit(lambda x: infoq.kl_divergence(x, q))(p)) == pytest.approx(expected)


def test_gradients_through_masked_logits(backend, measure):
    function = of_both(backend, measure, "logits", SOME, -np.inf)
    slope = gradient(backend, function, Z)
    plain = type(backend)("numpy")
    expected = by_differences(plain, of_both(plain, measure, "logits", SOME, -np.inf), Z)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-8)
    assert (slope[:, ~SOME] == 0).all()
    if backend.name == "torch":
        gradcheck = backend.module.autograd.gradcheck
        assert gradcheck(function, backend.array(Z).requires_grad_())


def test_gradients_at_zero_probabilities(backend, measure):
    p = np.where(SOME, np.exp(Z), 0)
    p = p / p.sum((-2, -1), keepdims=True)
    function = of_both(backend, measure, "probs", SOME, 0.0)
    slope = gradient(backend, function, p)
    plain = type(backend)("numpy")
    expected = by_differences(plain, of_both(plain, measure, "probs", SOME, 0.0), p)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-7)
    assert (slope[:, ~SOME] == 0).all()
    if backend.name in ("torch", "jax"):
        # Of the zeros themselves; differences would step below them.
        function = of_both(backend, measure, "probs", SOME | True, 0.0)
        assert np.isfinite(gradient(backend, function, p)).all()


def without_values(backend, function):
    """`function`, run where the values of its arguments can't be read."""
    if backend.name == "jax":
        import jax

        return jax.jit(function)
    if backend.name == "torch":
        return backend.module.func.vmap(function)
    if backend.name == "dask":
        import dask

        def refuse(*graph, **settings):
            raise AssertionError("a value was computed")

        def lazily(*arrays):
            with dask.config.set(scheduler=refuse):
                return function(*arrays)

        return lazily
    return function


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_values_need_not_be_read(backend, measure, kind):
    logs = Z - np.log(np.exp(Z).sum((-2, -1), keepdims=True))
    arrays = [backend.array(np.exp(x) if kind == "probs" else x) for x in logs]

    def function(p, q):
        return measure(p, q, kind=kind)

    traced = without_values(backend, function)(*arrays)
    eager = backend.numpy(function(*arrays))
    np.testing.assert_allclose(backend.numpy(traced), eager, rtol=1e-12)


def test_invalid_values_that_can_not_be_read_are_not_refused(backend, measure):
    if backend.name in ("jax", "torch", "dask"):
        bad = backend.array(np.full((2, 2, 3), 0.5))
        value = without_values(backend, lambda p, q: measure(p, q))(bad, bad)
        assert backend.numpy(value).shape in ((2,), (2, 6))


def test_a_compiled_map_is_a_loop(backend, measure):
    p, q = np.exp(Z) / np.exp(Z).sum((-2, -1), keepdims=True)
    expected = np.stack([backend.call(measure, *rows) for rows in zip(p, q, strict=True)])
    mapped = measure
    if backend.name == "jax":
        import jax

        mapped = jax.jit(jax.vmap(measure))
    if backend.name == "torch":
        mapped = backend.module.func.vmap(measure)
    np.testing.assert_allclose(backend.call(mapped, p, q), expected, rtol=1e-12)

"""Gradients of the operations: right, and finite where a plain formula would give NaN."""

import numpy as np
import pytest

from tests.backends.gradient import by_jax, by_torch, gradient


def only_where(backend, mask, hidden, function):
    """`function` of x with `hidden` in the place of what the mask hides."""
    mask, xp = backend.array(mask), backend.xp
    return lambda x: function(xp.where(mask, x, xp.full_like(x, hidden)))


def replaced(backend, mask, value, function):
    """`function` of x with `value` in the place of what the mask hides, by multiplication.

    A NaN in the gradient there stays a NaN, where a choice would hide it.
    """
    kept = backend.array(np.array(mask, np.float64))
    return lambda x: function(x * kept + value * (1 - kept))


def finite(backend, function):
    """`function` with zeros for what is not finite, and no gradient from there."""
    xp = backend.xp

    def safe(x):
        y = function(x)
        return xp.where(xp.isfinite(y), y, xp.zeros_like(y))

    return safe


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-8)


def test_xlogx(backend):
    x = [0.3, 1.0, 2.5, 1e-3]
    close(gradient(backend, backend.ops.xlogx, x), np.log(x) + 1)


def test_xlogx_at_zero(backend):
    masked = replaced(backend, [True, False, True], 0.0, backend.ops.xlogx)
    close(gradient(backend, masked, [0.3, 0.3, 1.0]), [np.log(0.3) + 1, 0, 1])


@pytest.mark.parametrize("name", ["kl_term", "rough_kl_term"])
@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-3])
def test_kl_term_is_the_integral_of_log1p(backend, name, scale):
    r = scale * np.array([-0.99, -0.3, 0.0, 0.2, 1.0, 50.0])
    close(gradient(backend, getattr(backend.ops, name), r), np.log1p(r))


# torch's own derivatives forward are made by what it deprecates.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
@pytest.mark.of_libraries("torch", "jax")  # differences of values say nothing there
def test_kl_term_of_what_becomes_nearly_impossible(backend):
    r = np.array([1e-15, 1e-12, 1e-6, 1e-3]) - 1
    term, one = backend.ops.kl_term, backend.array(np.ones(4))
    if backend.name == "torch":  # forward, too: there the slopes of two terms were added last
        slopes = [
            by_torch(backend, term, r),
            backend.module.func.jvp(term, (backend.array(r),), (one,))[1],
        ]
    else:
        import jax

        slopes = [by_jax(backend, term, r), jax.jvp(term, (backend.array(r),), (one,))[1]]
    for slope in slopes:
        np.testing.assert_allclose(np.asarray(slope), np.log1p(r), rtol=1e-12)


@pytest.mark.parametrize("name", ["kl_term", "rough_kl_term"])
@pytest.mark.parametrize("hidden", [-1.0, 0.0])
def test_kl_term_of_impossible_and_equal_outcomes(backend, name, hidden):
    masked = replaced(backend, [True, False], hidden, getattr(backend.ops, name))
    close(gradient(backend, masked, [0.5, 0.5]), [np.log1p(0.5), 0])


def test_kl_term_slope_at_its_ends_is_finite(backend):
    slope = gradient(backend, backend.ops.kl_term, [-1.0, 0.0, 1e6])
    assert np.isfinite(slope).all()
    assert abs(slope[1]) < 1e-6


def test_logsumexp_has_the_gradient_softmax(backend):
    x = np.array([[0.5, -1.0, 2.0], [700.0, 701.0, -np.inf]])
    soft = np.exp(x - x.max(-1, keepdims=True))
    close(gradient(backend, backend.ops.logsumexp, x)[0], (soft / soft.sum(-1, keepdims=True))[0])
    wide = gradient(backend, backend.ops.logsumexp, x)[1]
    np.testing.assert_allclose(wide, (soft / soft.sum(-1, keepdims=True))[1], atol=1e-3)


def test_logsumexp_of_impossible_rows(backend):
    x = np.array([[-np.inf] * 3, [0.0, 0.0, -np.inf]])
    slope = gradient(backend, finite(backend, backend.ops.logsumexp), x)
    close(slope, [[0, 0, 0], [0.5, 0.5, 0]])


def test_logsumexp_of_impossible_rows_when_their_value_counts(backend):
    x = np.array([[-np.inf] * 3])
    total = {"torch": by_torch, "jax": by_jax}.get(backend.name)
    slope = total(backend, backend.ops.logsumexp, x) if total else np.zeros((1, 3))
    assert slope.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_with_masked_logits(backend, name):
    weights = backend.array([1.0, -2.0, 0.5, 0.0])
    function = finite(backend, getattr(backend.ops, name))
    logits = np.array([0.2, -0.4, 1.0, 0.0])
    masked = only_where(
        backend, [True, True, True, False], -np.inf, lambda x: weights * function(x)
    )
    soft = np.exp(logits[:3]) / np.exp(logits[:3]).sum()
    w = np.array([1.0, -2.0, 0.5])
    expected = {"softmax": soft * (w - (w * soft).sum()), "log_softmax": w - soft * w.sum()}[name]
    close(gradient(backend, masked, logits), [*expected, 0])


def test_cholesky_logdet_has_the_gradient_inverse(backend):
    root = np.random.default_rng(0).normal(size=(3, 3))
    a = root @ root.T + np.eye(3)
    slope = gradient(backend, backend.ops.cholesky_logdet, a)
    # The matrix is symmetric, and so is every direction in which it may move.
    close((slope + slope.T) / 2, np.linalg.inv(a))


@pytest.mark.parametrize("lower", [True, False])
def test_solve_triangular(backend, lower):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(3, 3)) + 3 * np.eye(3), rng.normal(size=(3, 2))
    tri = np.tril if lower else np.triu

    def solve(x):
        right = backend.xp.broadcast_to(backend.array(b), (*x.shape[:-2], 3, 2))
        return backend.ops.solve_triangular(x, right, lower=lower)

    inverse = np.linalg.inv(tri(a))
    expected = tri(-inverse.T @ np.ones((3, 2)) @ (inverse @ b).T)
    close(gradient(backend, solve, a), expected)

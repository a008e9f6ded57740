"""`Dirichlet`: closed forms against 40 digits, derivatives, and what it refuses."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
import pytest

import infoq
from infoq.predictives import as_predictive

# Relative errors that are allowed. Sums over classes in the dtype are part of it.
RELATIVE = {"float32": 2e-6, "float64": 1e-14}
SIZES = [1e-3, 0.3, 1.0, 3.9, 8.0, 30.0, 1e3, 1e6]
POOL = np.array([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5], [1e-3, 40.0, 7.0], [1e6, 2e6, 1e-3]])


@functools.cache
@mpmath.workdps(40)
def exact(row):
    """The entropy of the mean prediction, the expected entropy, and their difference."""
    a = [mpmath.mpf(x) for x in row]
    total = mpmath.fsum(a)
    entropy = -mpmath.fsum(x / total * mpmath.log(x / total) for x in a)
    inside = mpmath.fsum(x / total * mpmath.digamma(x + 1) for x in a)
    expected = mpmath.digamma(total + 1) - inside
    return float(entropy), float(expected), float(entropy - expected)


def grid(classes, dtype):
    """Concentrations that are alike, of one dominant class, of one that is rare, and any."""
    rng = np.random.default_rng(classes)
    sizes = SIZES if classes < 1000 else SIZES[::3]
    rows = [10 ** rng.uniform(-3, 6, classes) for _ in range(3)]
    for others in sizes:
        for one in sizes:
            rows.append(np.full(classes, others))
            rows[-1][rng.integers(classes)] = one
    return np.array(rows).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_all_scores_keep_their_digits(backend, classes, dtype):
    rows = grid(classes, dtype)
    pool = infoq.Dirichlet(backend.array(rows))
    expected = np.array([exact(tuple(map(float, row))) for row in rows]).T
    scores = pool.entropy(), pool.expected_entropy(), infoq.eig(pool)
    for one, right in zip(scores, expected, strict=True):
        one = backend.numpy(one)
        assert one.dtype == dtype
        np.testing.assert_allclose(one, right, rtol=RELATIVE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_outside_of_the_usual_concentrations(backend, dtype):
    rows = np.array([[1e-12, 1e-9], [1e-8, 1e12], [1e12, 2e12], [1.0, 1e-20]], dtype)
    expected = [exact(tuple(map(float, row)))[2] for row in rows]
    actual = backend.numpy(infoq.eig(infoq.Dirichlet(backend.array(rows))))
    np.testing.assert_allclose(actual, expected, rtol=RELATIVE[dtype])


def test_information_is_what_draws_tend_to(backend):
    rng = np.random.default_rng(0)
    draws = np.stack([rng.dirichlet(row, size=20_000) for row in POOL[:3]])
    actual = backend.numpy(infoq.eig(infoq.Dirichlet(backend.array(POOL[:3]))))
    np.testing.assert_allclose(actual, infoq.eig(draws), rtol=0.03)


def test_entropy_is_information_and_expected_entropy(backend):
    pool = infoq.Dirichlet(backend.array(POOL))
    parts = backend.numpy(infoq.bald(pool)) + backend.numpy(pool.expected_entropy())
    np.testing.assert_allclose(backend.numpy(pool.entropy()), parts, rtol=1e-12)


def test_scores_of_the_mean_prediction(backend):
    pool = infoq.Dirichlet(backend.array(POOL))
    mean = POOL / POOL.sum(1, keepdims=True)
    np.testing.assert_allclose(backend.numpy(pool.probs), mean, rtol=1e-14)
    ordered = np.sort(mean, axis=1)
    np.testing.assert_allclose(
        backend.numpy(infoq.least_confidence(pool)), ordered[:, :-1].sum(1), rtol=1e-14
    )
    np.testing.assert_allclose(
        backend.numpy(infoq.margin(pool)), 1 - ordered[:, -1] + ordered[:, -2], rtol=1e-12
    )


def test_selections_and_methods(backend):
    pool = infoq.Dirichlet(backend.array(POOL))
    best = backend.numpy(infoq.top_k(infoq.eig(pool), 2).indices)
    assert best.tolist() == [1, 0]
    assert backend.numpy(infoq.methods.bald(pool, 2).indices).tolist() == [1, 0]
    assert backend.numpy(infoq.methods.entropy(pool, 1).indices).tolist() == [1]
    assert backend.numpy(infoq.methods.margin(pool, 1).indices).tolist() == [1]
    assert backend.numpy(infoq.methods.least_confidence(pool, 1).indices).tolist() == [1]
    drawn = infoq.methods.power_bald(pool, 4, seed=0)
    assert sorted(backend.numpy(drawn.indices).tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("which", [slice(1, 3), [2, 0], np.array([False, True, True, False])])
def test_some_of_the_candidates(backend, which):
    pool = infoq.Dirichlet(backend.array(POOL))[which]
    assert (len(pool), pool.num_classes) == (2, 3)
    np.testing.assert_array_equal(backend.numpy(pool.concentration), POOL[which])
    assert repr(pool).startswith("Dirichlet(N=2, C=3, ")


def test_blocks_do_not_change_a_score(backend):
    rows = backend.array(np.random.default_rng(1).gamma(0.5, size=(50, 4)) + 1e-3)
    whole = backend.numpy(infoq.eig(infoq.Dirichlet(rows)))
    with infoq.options(memory=2000):
        parts = backend.numpy(infoq.eig(infoq.Dirichlet(rows)))
    np.testing.assert_allclose(parts, whole, rtol=1e-13)


@mpmath.workdps(40)
def exact_gradient(row):
    """The derivatives of the information in the concentrations."""
    a = [mpmath.mpf(x) for x in row]
    total = mpmath.fsum(a)

    def excess(x):
        return mpmath.digamma(x + 1) - mpmath.log(x)

    value = mpmath.fsum(x / total * excess(x) for x in a) - excess(total)
    slope = mpmath.polygamma(1, total + 1) - 1 / total
    inner = [excess(x) + x * mpmath.polygamma(1, x + 1) - 1 for x in a]
    return [float((g - excess(total) - value) / total - slope) for g in inner]


@pytest.mark.of_libraries("torch")
def test_gradients_of_torch():
    import torch

    rows = torch.tensor(POOL, requires_grad=True)
    infoq.eig(infoq.Dirichlet(rows)).sum().backward()
    expected = [exact_gradient(tuple(row)) for row in POOL.tolist()]
    np.testing.assert_allclose(rows.grad.numpy(), expected, rtol=1e-9, atol=1e-20)
    single = torch.tensor(POOL, dtype=torch.float32, requires_grad=True)
    scores = infoq.Dirichlet(single)
    (infoq.eig(scores) + scores.entropy() + scores.expected_entropy()).sum().backward()
    assert bool(torch.isfinite(single.grad).all())


@pytest.mark.of_libraries("jax")
def test_gradients_of_jax():
    import jax

    def total(rows):
        return jax.numpy.sum(infoq.eig(infoq.Dirichlet(rows)))

    gradient = jax.jit(jax.grad(total))(jax.numpy.asarray(POOL))
    expected = [exact_gradient(tuple(row)) for row in POOL.tolist()]
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=1e-9, atol=1e-20)


BAD = [
    (np.ones((2, 3), int), TypeError, "concentration: expected a real floating dtype"),
    (np.ones(3), ValueError, r"concentration: expected \[N, C\] .* got shape \(3,\)"),
    (np.ones((2, 4, 3)), ValueError, r"got shape \(2, 4, 3\); probabilities of K draws are a Cat"),
    (np.ones((2, 1)), ValueError, "expected C >= 2 classes"),
    (np.ones((0, 3)), ValueError, "axis N is empty"),
]
VALUES = [
    (0.0, r"concentration: candidate 2, class 1: .* not above 0 \(0\); .* pass evidence \+ 1"),
    (-1.0, r"candidate 2, class 1: the concentration is not above 0 \(-1\)"),
    (np.nan, "candidate 2, class 1: the concentration is NaN"),
    (np.inf, "candidate 2, class 1: the concentration is infinite"),
    (1.7e308, "candidate 2, class 1: the concentration is too large"),
]


@pytest.mark.parametrize(("x", "error", "message"), BAD)
def test_what_is_no_concentrations(backend, x, error, message):
    with pytest.raises(error, match=message):
        infoq.Dirichlet(backend.array(x))


@pytest.mark.parametrize(("value", "message"), VALUES)
def test_bad_values_name_the_first_candidate(backend, value, message):
    x = POOL.copy()
    x[2:, 1] = value
    if backend.reads_values:
        with pytest.raises(ValueError, match=message):
            infoq.Dirichlet(backend.array(x))
        return
    later = infoq.eig(infoq.Dirichlet(backend.array(x)))
    with pytest.raises(ValueError, match=message.partition("class")[2]):
        backend.numpy(later)


def shared(pool, draws):
    """All that needs candidates, or targets, which share parameters."""
    labels = np.zeros(len(POOL), int)
    yield lambda: infoq.epig(pool, pool)
    yield lambda: infoq.epig(draws, pool)
    yield lambda: infoq.jepig(pool, pool)
    yield lambda: infoq.jepig(draws, pool)
    yield lambda: infoq.ig(pool, labels)
    yield lambda: infoq.pig(pool, pool, labels, labels)
    yield lambda: infoq.jpig(pool, pool, labels, labels)
    yield lambda: infoq.EIG(pool)
    yield lambda: infoq.EPIG(pool, pool)
    yield lambda: infoq.EPIG(draws, pool)
    yield lambda: infoq.JEPIG(pool, pool)
    yield lambda: infoq.IG(pool, labels)
    yield lambda: infoq.eig(pool, given=draws)
    yield lambda: infoq.methods.batch_bald(pool, 2)
    yield lambda: as_predictive(pool)


def test_what_needs_shared_parameters_is_refused(backend):
    pool = infoq.Dirichlet(backend.array(POOL))
    draws = infoq.Categorical(pool.probs[:, None, :])
    for run in shared(pool, draws):
        with pytest.raises(TypeError, match=r"Dirichlet share nothing.*top_k.*Categorical"):
            run()


@pytest.mark.parametrize("score", [infoq.mean_std, infoq.variation_ratio])
def test_scores_of_draws_are_refused(backend, score):
    with pytest.raises(TypeError, match=r"got a Dirichlet, which has no draws; its scores are"):
        score(infoq.Dirichlet(backend.array(POOL)))


def test_other_approximations_are_refused(backend):
    pool = infoq.Dirichlet(backend.array(POOL))
    with pytest.raises(ValueError, match="'trace' is for a Gaussian; a Dirichlet is exact"):
        infoq.eig(pool, approximation="trace")
    with pytest.raises(ValueError, match="expected 'logdet' for a Dirichlet"):
        infoq.eig(pool, approximation="moments")

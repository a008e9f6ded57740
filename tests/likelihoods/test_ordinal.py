"""Ordered classes by cumulative logits, against derivatives and sums over classes."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

import infoq
from infoq.likelihoods import Bernoulli, Curvature, Ordinal
from tests.backends.gradient import by_jax, by_torch
from tests.likelihoods.answers import TOLERANCE, answer, derivatives, gram, scores

N, J = 5, 3
RNG = np.random.default_rng(0)
Z, CUTS = 2 * RNG.normal(size=N), np.sort(RNG.normal(size=(N, J)), axis=1)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
KEEP = {"float32": 2e-5, "float64": 1e-12}


def probability(z, cuts, y):
    """Of a class, as the difference of two sigmoids, in the digits of the context."""
    s = [0, *(1 / (1 + mpmath.exp(z - mpmath.mpf(float(c)))) for c in cuts), 1]
    return s[y + 1] - s[y]


def exact(z, cuts):
    """Probabilities, residuals and observed information of all classes, in many digits."""
    with mpmath.workdps(120):
        z = mpmath.mpf(float(z))
        s = [mpmath.mpf(0), *(1 / (1 + mpmath.exp(z - mpmath.mpf(float(c)))) for c in cuts), 1]
        f = [x * (1 - x) for x in s]
        pairs = list(itertools.pairwise(s))
        probs = [high - low for low, high in pairs]
        first = [1 - high - low for low, high in pairs]
        second = [high + low for low, high in itertools.pairwise(f)]
        fisher = sum(p * r * r for p, r in zip(probs, first, strict=True))
        return probs, first, second, fisher


@dtypes
@pytest.mark.parametrize("y", range(J + 1))
def test_residuals_and_observed_information_are_derivatives(backend, dtype, y):
    z, cuts = Z.astype(dtype), CUTS.astype(dtype)
    likelihood = Ordinal(backend.array(z), backend.array(cuts))
    labels = np.full(N, y)
    residual = answer(backend, likelihood, "residual", labels, shape=(N, 1), dtype=dtype)
    observed = answer(backend, likelihood, "observed", labels, shape=(N, 1), dtype=dtype)
    assert residual.dtype == observed.dtype == dtype
    for n in range(N):
        first, second = derivatives(
            lambda v: -mpmath.log(probability(v[0], cuts[n], y)),  # noqa: B023
            [z[n]],
        )
        tolerance = {"rtol": KEEP[dtype], "atol": TOLERANCE[dtype]}
        np.testing.assert_allclose(residual[n, 0], first[0], **tolerance)
        np.testing.assert_allclose(observed[n, 0, 0], second[0, 0], **tolerance)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 20.0])
@dtypes
def test_digits_are_kept_at_extremes(backend, dtype, spread):
    z = np.array([-120, -40, -5, -0.3, 0, 0.7, 5, 40, 120], dtype)
    cuts = (spread * np.array([-1.0, 0.25, 1.5])).astype(dtype)
    likelihood = Ordinal(backend.array(z), backend.array(cuts))
    keywords = {"shape": (len(z), 1), "dtype": dtype}
    root = answer(backend, likelihood, "factor", **keywords)[:, 0, 0]
    matrix = answer(backend, likelihood, "curvature", **keywords)[:, 0, 0]
    found = [
        [
            answer(backend, likelihood, name, np.full(len(z), y), **keywords).reshape(-1)
            for name in ("residual", "observed")
        ]
        for y in range(4)
    ]
    for n in range(len(z)):
        _, first, second, fisher = exact(z[n], cuts)
        np.testing.assert_allclose(root[n], float(mpmath.sqrt(fisher)), rtol=KEEP[dtype])
        tiny = {"rtol": 2 * KEEP[dtype], "atol": 1e-37}
        np.testing.assert_allclose(matrix[n], float(fisher), **tiny)
        for y in range(4):
            close = {"rtol": KEEP[dtype], "atol": TOLERANCE[dtype]}
            np.testing.assert_allclose(found[y][0][n], float(first[y]), **close)
            np.testing.assert_allclose(found[y][1][n], float(second[y]), **tiny)
            if y in (0, 3):  # of the ends nothing is a difference
                np.testing.assert_allclose(found[y][0][n], float(first[y]), **tiny)


def test_the_curvature_is_the_expectation_of_either(backend):
    likelihood = Ordinal(backend.array(Z), backend.array(CUTS))
    matrix = answer(backend, likelihood, "curvature", shape=(N, 1))[:, 0, 0]
    square, mean = np.zeros(N), np.zeros(N)
    for y in range(J + 1):
        probs = np.array([float(exact(z, c)[0][y]) for z, c in zip(Z, CUTS, strict=True)])
        labels = np.full(N, y)
        square += probs * answer(backend, likelihood, "residual", labels, shape=(N, 1))[:, 0] ** 2
        mean += probs * answer(backend, likelihood, "observed", labels, shape=(N, 1))[:, 0, 0]
    np.testing.assert_allclose(matrix, square, rtol=1e-12)
    np.testing.assert_allclose(matrix, mean, rtol=1e-12)


def test_with_one_cutpoint_it_is_a_bernoulli(backend):
    cut = 0.4
    one = Ordinal(backend.array(Z), backend.array(np.array([cut])))
    two = Bernoulli(logits=backend.array(Z - cut))
    labels = np.arange(N) % 2
    for name, given in (("curvature", ()), ("factor", ()), ("residual", (labels,))):
        both = (answer(backend, x, name, *given, shape=(N, 1)) for x in (one, two))
        np.testing.assert_allclose(*both, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("information", ["expected", "observed"])
def test_scores_are_residuals_in_units_of_the_factor(backend, information):
    likelihood = Ordinal(backend.array(Z), backend.array(CUTS), information=information)
    for y in range(J + 1):
        labels = np.full(N, y)
        factor, u = scores(backend, likelihood, labels, (N, 1))
        residual = answer(backend, likelihood, "residual", labels, shape=(N, 1))
        np.testing.assert_allclose(factor[:, 0] * u, residual, rtol=1e-13, atol=1e-15)
        name, given = ("curvature", ()) if information == "expected" else ("observed", (labels,))
        matrix = answer(backend, likelihood, name, *given, shape=(N, 1))
        np.testing.assert_allclose(gram(factor), matrix, rtol=1e-13)


@pytest.mark.of_libraries("torch", "jax")
def test_gradients_are_finite_and_right(backend):
    slope = {"torch": by_torch, "jax": by_jax}[backend.name]
    z, cuts = np.array([-300.0, -40.0, 0.0, 0.5, 1.0, 300.0]), np.array([-1.0, 0.0, 1.0])
    labels = np.array([3, 0, 1, 2, 0, 0])
    for name, given in (
        ("factor", ()),
        ("curvature", ()),
        ("residual", (labels,)),
        ("observed", (labels,)),
    ):

        def run(x, where, name=name, given=given):
            own = tuple(where(y) for y in given)
            ops = infoq.backends.ops_for(x)
            return getattr(Ordinal(x, where(cuts)), name)(ops, *own, (6, 1), x)

        actual = slope(backend, lambda x: run(x, backend.array), z)
        assert np.isfinite(actual).all()
        up, down = (run(z + by, np.asarray).reshape(6) for by in (1e-6, -1e-6))
        np.testing.assert_allclose(actual, (up - down) / 2e-6, rtol=1e-5, atol=1e-9)


def test_a_posterior_by_observed_information_is_that_of_the_hessian(backend):
    phi, w, cuts, labels = RNG.normal(size=(6, 2)), [0.7, -0.3], [-1, 0, 1], [0, 3, 1, 2, 0, 1]

    def loss(w):
        rows = [sum(mpmath.mpf(float(x)) * v for x, v in zip(row, w, strict=True)) for row in phi]
        each = (mpmath.log(probability(z, cuts, y)) for z, y in zip(rows, labels, strict=True))
        return -sum(each)

    stars = Ordinal(backend.array(phi @ w), backend.array(np.array(cuts, float)))
    observed = Curvature.at(stars, backend.array(np.array(labels)))
    layer = infoq.LastLayerEmbedding(backend.array(phi), observed)
    actual = backend.numpy(infoq.laplace(layer, 1.0).matrix(2, backend.array(phi)))
    np.testing.assert_allclose(actual, derivatives(loss, w)[1] + np.eye(2), rtol=1e-10)


WRONG = [
    (lambda a: Ordinal(a(CUTS), a(CUTS)), ValueError, r"latent: .* got shape \(5, 3\)", True),
    (lambda a: Ordinal(a(Z), a(CUTS[:2])), ValueError, r"N=5 .* got shape \(2, 3\)", True),
    (lambda a: Ordinal(a(Z), a(np.array([0, 1]))), TypeError, "cutpoints: .*floating", True),
    (
        lambda a: Ordinal(a(Z), a(CUTS.astype(np.float32))),
        TypeError,
        "cutpoints: expected the dtype of latent",
        True,
    ),
    (
        lambda a: Ordinal(a(Z), a(np.array([0.0, 2.0, 1.0]))),
        ValueError,
        r"cutpoints: candidate 0, output 2: unsorted value \(1\); each cutpoint is above",
        False,
    ),
    (lambda a: Ordinal(a(Z), a(CUTS), information=""), ValueError, "information: .*got ''", True),
    (
        lambda a: Ordinal(a(Z), a(CUTS)).check_labels(a(np.array([0, 1, 4, 0, 0]))),
        ValueError,
        r"labels: candidate 2, .* impossible value \(4\); labels are classes from 0 to 3",
        False,
    ),
    (
        lambda a: Ordinal(a(Z), a(CUTS)).check_labels(a(Z)),
        TypeError,
        "labels: expected an integer dtype",
        True,
    ),
]


@pytest.mark.parametrize(("make", "error", "message", "structure"), WRONG)
def test_what_is_wrong_is_refused(backend, make, error, message, structure):
    if structure or backend.reads_values:
        with pytest.raises(error, match=message):
            make(backend.array)
    else:
        make(backend.array)


def test_labels_that_are_no_class_are_not_a_number(backend):
    likelihood = Ordinal(backend.array(Z), backend.array(CUTS))
    labels = np.array([-1, 4, 0, 3, 9])
    residual = answer(backend, likelihood, "residual", labels, shape=(N, 1))[:, 0]
    assert np.isnan(residual).tolist() == [True, True, False, False, True]

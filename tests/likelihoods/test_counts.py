"""Likelihoods with a log link: residuals, observed and expected information, by differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

import infoq
from infoq.likelihoods import Curvature, Gamma, NegativeBinomial, Poisson
from tests.backends.gradient import by_jax, by_torch
from tests.likelihoods.answers import TOLERANCE, answer, derivatives, gram, scores

N, C = 4, 2
RNG = np.random.default_rng(0)
Z, MORE = RNG.normal(size=(N, C)), np.exp(RNG.normal(size=(N, C)))
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def log_counts(z, alpha, y):
    """The log-probability of a count, of numbers in any precision."""
    r, mean = 1 / alpha, mpmath.exp(z)
    several = mpmath.loggamma(y + r) - mpmath.loggamma(r) - mpmath.loggamma(y + 1)
    return several + y * mpmath.log(mean / (r + mean)) + r * mpmath.log(r / (r + mean))


def log_gamma(z, a, y):
    rate = a / mpmath.exp(z)
    return a * mpmath.log(rate) + (a - 1) * mpmath.log(y) - rate * y - mpmath.loggamma(a)


def expected_counts(z, alpha, function):
    law = stats.nbinom(1 / alpha, 1 / (1 + alpha * np.exp(z)))
    y = np.arange(int(law.isf(1e-18)) + 200)
    return float(np.sum(law.pmf(y) * function(y)))


def expected_gamma(z, a, function):
    law = stats.gamma(a, scale=np.exp(z) / a)
    # In the probability below y: the density may be infinite at 0.
    both = (
        integrate.quad(lambda p: function(law.ppf(p)), 0, 0.5, epsabs=1e-11, limit=200)[0],
        integrate.quad(lambda p: function(law.isf(p)), 0, 0.5, epsabs=1e-11, limit=200)[0],
    )
    return sum(both)


FAMILIES = {
    "counts": (NegativeBinomial, log_counts, expected_counts, [0, 1, 7, 400]),
    "gamma": (Gamma, log_gamma, expected_gamma, [1e-3, 0.5, 1.0, 30.0]),
}
families = pytest.mark.parametrize("family", FAMILIES)


@families
@dtypes
def test_residuals_and_observed_information_are_derivatives(backend, family, dtype):
    make, log, _, outcomes = FAMILIES[family]
    z, more = Z.astype(dtype), MORE.astype(dtype)
    likelihood = make(backend.array(z), backend.array(more))
    for y in outcomes:
        y = np.asarray(y, dtype if family == "gamma" else np.int64)
        labels = np.full((N, C), y)
        residual = answer(backend, likelihood, "residual", labels, shape=(N, C), dtype=dtype)
        observed = answer(backend, likelihood, "observed", labels, shape=(N, C), dtype=dtype)
        assert residual.dtype == observed.dtype == dtype
        for n, c in np.ndindex(N, C):
            a, label = mpmath.mpf(float(more[n, c])), mpmath.mpf(float(y))
            first, second = derivatives(lambda v: -log(v[0], a, label), [z[n, c]])  # noqa: B023
            np.testing.assert_allclose(residual[n, c], first[0], rtol=10 * TOLERANCE[dtype])
            np.testing.assert_allclose(observed[n, c, c], second[0, 0], rtol=10 * TOLERANCE[dtype])


@families
def test_the_curvature_is_the_expectation_of_either(backend, family):
    make, _, expectation, _ = FAMILIES[family]
    likelihood = make(backend.array(Z), backend.array(MORE))
    matrix = answer(backend, likelihood, "curvature", shape=(N, C))
    for n, c in np.ndindex(N, C):
        alone = make(np.array([Z[n, c]]), float(MORE[n, c]))

        def of(y, what, alone=alone):
            y = np.atleast_1d(y)
            several = type(alone).of(
                log_mean=np.full((len(y), 1), alone.log_mean[0, 0]),
                number=alone.number,
                information="expected",
            )
            like = np.zeros((len(y), 1))
            ops = infoq.backends.ops_for(like)
            found = getattr(several, what)(ops, y, (len(y), 1), like).reshape(len(y))
            return found if len(y) > 1 else found[0]

        square = expectation(Z[n, c], MORE[n, c], lambda y: of(y, "residual") ** 2)
        mean = expectation(Z[n, c], MORE[n, c], lambda y: of(y, "observed"))
        np.testing.assert_allclose([square, mean], matrix[n, c, c], rtol=1e-6)


def exact(family, z, more, y):
    """Residual, observed and expected information in 40 digits."""
    with mpmath.workdps(40):
        z, a, y = (mpmath.mpf(float(x)) for x in (z, more, y))
        mean = mpmath.exp(z)
        if family == "gamma":
            return a * (1 - y / mean), a * y / mean, a
        spread = 1 + a * mean
        return (mean - y) / spread, mean * (1 + a * y) / spread**2, mean / spread


@families
@pytest.mark.parametrize("more", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("alone", [False, True])
def test_float32_keeps_its_digits_at_extremes(backend, family, more, alone):
    make = FAMILIES[family][0]
    z = np.array([-80, -40, -3, 0, 2, 40, 80], np.float32)
    parameter = float(np.float32(more)) if alone else backend.array(np.full(len(z), more, z.dtype))
    likelihood = make(backend.array(z), parameter)
    keywords = {"shape": (len(z), 1), "dtype": "float32"}
    factor = answer(backend, likelihood, "factor", **keywords)[:, 0, 0]
    curvature = answer(backend, likelihood, "curvature", **keywords)[:, 0, 0]
    for share in (1e-3, 3.0, 1e5):
        y = np.maximum(np.exp(np.minimum(z.astype(float), 60)) * share, 1e-30)
        y = np.ceil(y) if family == "counts" else y
        y = y.astype(np.float32)
        residual = answer(backend, likelihood, "residual", y, **keywords)[:, 0]
        observed = answer(backend, likelihood, "observed", y, **keywords)[:, 0, 0]
        for n in range(len(z)):
            first, second, fisher = exact(family, z[n], np.float32(more), y[n])
            np.testing.assert_allclose(residual[n], float(first), rtol=2e-6)
            np.testing.assert_allclose(observed[n], float(second), rtol=4e-6)
            np.testing.assert_allclose(curvature[n], float(fisher), rtol=2e-6)
            np.testing.assert_allclose(factor[n], float(mpmath.sqrt(fisher)), rtol=2e-6)


@families
@dtypes
@pytest.mark.parametrize("information", ["expected", "observed"])
def test_scores_are_residuals_in_units_of_the_factor(backend, family, dtype, information):
    make, _, _, outcomes = FAMILIES[family]
    z, more = backend.array(Z.astype(dtype)), backend.array(MORE.astype(dtype))
    likelihood = make(z, more, information=information)
    for y in outcomes:
        labels = np.full((N, C), np.asarray(y, dtype if family == "gamma" else np.int64))
        factor, u = scores(backend, likelihood, labels, (N, C), dtype)
        residual = answer(backend, likelihood, "residual", labels, shape=(N, C), dtype=dtype)
        product = (factor @ u[:, :, None])[:, :, 0]
        tolerance = {"rtol": 10 * TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        np.testing.assert_allclose(product, residual, **tolerance)
        given = () if information == "expected" else (labels,)
        name = "curvature" if information == "expected" else "observed"
        matrix = answer(backend, likelihood, name, *given, shape=(N, C), dtype=dtype)
        np.testing.assert_allclose(gram(factor), matrix, **tolerance)


def test_without_dispersion_counts_are_those_of_a_poisson(backend):
    z, labels = backend.array(Z), np.arange(N * C).reshape(N, C)
    one, two = NegativeBinomial(z, 1e-14), Poisson(log_rate=z)
    for name, given in (("curvature", ()), ("factor", ()), ("residual", (labels,))):
        both = (answer(backend, x, name, *given, shape=(N, C)) for x in (one, two))
        np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-12)


@families
@dtypes
@pytest.mark.of_libraries("torch", "jax")
def test_gradients_are_finite_and_right(backend, family, dtype):
    make = FAMILIES[family][0]
    slope = {"torch": by_torch, "jax": by_jax}[backend.name]
    z = np.array([-40.0, -2.0, 0.0, 0.5, 80.0], dtype)
    labels = np.ones(5, dtype)

    def run(name, given, where):
        def function(x):
            own = tuple(where(y) for y in given)
            return getattr(make(x, 0.5), name)(infoq.backends.ops_for(x), *own, (5, 1), x)

        return function

    for name, given in (
        ("factor", ()),
        ("curvature", ()),
        ("residual", (labels,)),
        ("observed", (labels,)),
    ):
        if family == "gamma" and not given:  # it does not depend on z
            continue
        actual = slope(backend, run(name, given, backend.array), z)
        assert np.isfinite(actual).all()
        if dtype == "float64":
            function = run(name, given, np.asarray)
            step = 1e-6
            up, down = (function(z + by).reshape(5) for by in (step, -step))
            np.testing.assert_allclose(actual, (up - down) / (2 * step), rtol=1e-5, atol=1e-9)


# --- in weight space ------------------------------------------------------------------------

PHI, W = RNG.normal(size=(6, 2)), np.array([0.7, -0.3])
LABELS = {"counts": np.array([0, 3, 1, 9, 2, 0]), "gamma": RNG.gamma(2.0, size=6)}
MAKE = {
    "counts": lambda z, **k: NegativeBinomial(z, 0.5, **k),
    "gamma": lambda z, **k: Gamma(z, 0.5, **k),
}


def hessian(family, n=None):
    """Of -log p(labels | w), of one candidate or all, by differences."""
    log = FAMILIES[family][1]

    def loss(w):
        total = mpmath.mpf(0)
        for i in range(6) if n is None else [n]:
            z = sum(mpmath.mpf(float(x)) * v for x, v in zip(PHI[i], w, strict=True))
            total -= log(z, mpmath.mpf(0.5), mpmath.mpf(float(LABELS[family][i])))
        return total

    return derivatives(loss, W)


@families
def test_a_posterior_by_observed_information_is_that_of_the_hessian(backend, family):
    likelihood = MAKE[family](backend.array(PHI @ W))
    observed = Curvature.at(likelihood, backend.array(LABELS[family]))
    layer = infoq.LastLayerEmbedding(backend.array(PHI), observed)
    actual = infoq.laplace(layer, 1.0).matrix(2, backend.array(PHI))
    expected = hessian(family)[1] + np.eye(2)
    np.testing.assert_allclose(backend.numpy(actual), expected, rtol=1e-10)


@families
def test_labels_count_by_the_information_that_was_chosen(backend, family):
    labels, phi = backend.array(LABELS[family]), backend.array(PHI)
    for information in ("expected", "observed"):
        likelihood = MAKE[family](backend.array(PHI @ W), information=information)
        pool = infoq.Gaussian(infoq.LastLayerEmbedding(phi, likelihood), 1.0)
        actual = backend.numpy(infoq.ig(pool, labels))
        for n in range(6):
            first, second = hessian(family, n)
            if information == "expected":
                mean = np.exp(PHI[n] @ W)
                fisher = mean / (1 + 0.5 * mean) if family == "counts" else 0.5
                second = fisher * np.outer(PHI[n], PHI[n])
            after = np.linalg.inv(second + np.eye(2))
            moved = after @ first
            kl = (np.trace(after) - 2 - np.linalg.slogdet(after)[1] + moved @ moved) / 2
            np.testing.assert_allclose(actual[n], kl, rtol=1e-10)
        bound = backend.numpy(infoq.eig(pool))
        at = infoq.LastLayerEmbedding(phi, Curvature.at(likelihood, labels))
        entropy = backend.numpy(infoq.eig(infoq.Gaussian(at, 1.0)))
        drop = [np.linalg.slogdet(hessian(family, n)[1] + np.eye(2))[1] / 2 for n in range(6)]
        np.testing.assert_allclose(entropy, drop, rtol=1e-10)
        assert np.abs(entropy - bound).max() > 0.01


def test_the_observed_information_of_a_canonical_link_is_the_curvature(backend):
    rates = Poisson(backend.array(MORE))
    both = Curvature.at(rates, backend.array(np.ones((N, C), np.int64)))
    matrix = answer(backend, rates, "curvature", shape=(N, C))
    np.testing.assert_array_equal(backend.numpy(both.matrix), matrix)


def test_half_precision_is_computed_in_float32(backend):
    if backend.name == "array_api_strict":  # it has none
        return
    z = Z.astype(np.float16)
    for family, make in MAKE.items():
        likelihood = make(backend.array(z))
        root = answer(backend, likelihood, "factor", shape=(N, C), dtype="float16")
        assert root.dtype == np.float32
        labels = backend.array(np.full((N, C), 2) if family == "counts" else np.full((N, C), 2.0))
        observed = Curvature.at(likelihood, labels)
        assert str(observed.matrix.dtype).endswith("float16")


# --- what it refuses ------------------------------------------------------------------------


def spoiled(x, value):
    x = np.array(x)
    x[2, 1] = value
    return x


WRONG = [
    (lambda a: NegativeBinomial(a(Z), 0), ValueError, r"dispersion: .* got 0$", True),
    (lambda a: NegativeBinomial(a(Z), -1.0), ValueError, r"dispersion: .* got -1.0", True),
    (lambda a: NegativeBinomial(a(Z), True), ValueError, r"dispersion: .* got True", True),
    (lambda a: Gamma(a(Z), float("nan")), ValueError, r"concentration: .* got nan", True),
    (lambda a: Gamma(a(Z.astype(np.float32)), 1e50), ValueError, r"from .* got 1e\+50", True),
    (lambda a: Gamma(a(Z), a(MORE[:, 0])), ValueError, r"\(4, 2\), got \(4, 1\); one for", True),
    (
        lambda a: Gamma(a(Z), a(MORE.astype(np.float32))),
        TypeError,
        "concentration: expected the dtype of log_mean",
        True,
    ),
    (
        lambda a: NegativeBinomial(a(Z), 1.0, information="both"),
        ValueError,
        "information: expected one of 'expected', 'observed', got 'both'",
        True,
    ),
    (
        lambda a: NegativeBinomial(a(spoiled(Z, -np.inf)), 1.0),
        ValueError,
        "log_mean: candidate 2, output 1: infinite",
        False,
    ),
    (
        lambda a: NegativeBinomial(a(Z), a(spoiled(MORE, 0.0))),
        ValueError,
        r"dispersion: candidate 2, output 1: non-positive value \(0\)",
        False,
    ),
    (
        lambda a: Gamma(a(Z), a(spoiled(MORE, np.nan))),
        ValueError,
        "concentration: candidate 2, output 1: NaN",
        False,
    ),
    (
        lambda a: Gamma(a(Z), 1.0).check_labels(a(spoiled(MORE, 0.0))),
        ValueError,
        r"labels: candidate 2, output 1: non-positive value \(0\); outcomes are above 0",
        False,
    ),
    (
        lambda a: NegativeBinomial(a(Z), 1.0).check_labels(a(spoiled(MORE, -1.0))),
        ValueError,
        r"labels: candidate 2, output 1: negative value \(-1\); labels are counts",
        False,
    ),
    (
        lambda a: Curvature.at(infoq.likelihoods.Normal(1.0), a(Z)),
        TypeError,
        r"likelihood: Normal\(variance=1\) has no arrays",
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


def test_representations(backend):
    counts = NegativeBinomial(backend.array(Z), 0.5, information="observed")
    dtype = f"{backend.name} float64"
    assert repr(counts) == f"NegativeBinomial(N=4, C=2, {dtype}, observed information)"

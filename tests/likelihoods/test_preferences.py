"""Preferences, against derivatives of their log-probabilities and sums over all rankings."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest

import infoq
from infoq.likelihoods import Bernoulli, BradleyTerry, Curvature, PlackettLuce, Softmax
from tests.backends.gradient import by_jax, by_torch
from tests.likelihoods.answers import TOLERANCE, answer, derivatives, gram

N, C = 3, 4
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, C))
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def log_ranking(z, ranking):
    """The log-probability of a ranking of the first places."""
    total, left = mpmath.mpf(0), list(range(len(z)))
    for item in ranking:
        total += z[item] - mpmath.log(sum(mpmath.exp(z[i]) for i in left))
        left.remove(item)
    return total


def rankings(top, count=C):
    return [np.array(r) for r in itertools.permutations(range(count), top)]


def exact(z, top):
    """The expected information by a sum over all rankings, in many digits."""
    with mpmath.workdps(120):
        z = [mpmath.mpf(float(x)) for x in z]
        weight = [[mpmath.mpf(0)] * len(z) for _ in z]
        for ranking in rankings(top, len(z)):
            share, left, pairs = mpmath.mpf(1), list(range(len(z))), []
            for item in ranking:
                total = sum(mpmath.exp(z[i]) for i in left)
                probs = {i: mpmath.exp(z[i]) / total for i in left}
                pairs += [(i, j, probs[i] * probs[j]) for i in left for j in left if i != j]
                share *= probs[int(item)]
                left.remove(int(item))
            for i, j, pair in pairs:
                weight[i][j] -= share * pair
        for i in range(len(z)):
            weight[i][i] = -sum(x for j, x in enumerate(weight[i]) if j != i)
        return np.array(weight, dtype=float)


@dtypes
@pytest.mark.parametrize("top", [1, 2, C])
def test_residuals_and_observed_information_are_derivatives(backend, dtype, top):
    z = Z.astype(dtype)
    likelihood = PlackettLuce(backend.array(z), top)
    for ranking in rankings(top)[:: 1 if top == 1 else 5]:
        labels = np.tile(ranking, (N, 1))
        residual = answer(backend, likelihood, "residual", labels, shape=(N, C), dtype=dtype)
        observed = answer(backend, likelihood, "observed", labels, shape=(N, C), dtype=dtype)
        assert residual.dtype == observed.dtype == dtype
        for n in range(N):
            first, second = derivatives(lambda v: -log_ranking(v, ranking), z[n])  # noqa: B023
            np.testing.assert_allclose(residual[n], first, atol=5 * TOLERANCE[dtype])
            np.testing.assert_allclose(observed[n], second, atol=5 * TOLERANCE[dtype])


@pytest.mark.parametrize("top", [1, 2, 3, C])
def test_the_curvature_is_the_expectation_of_either(backend, top):
    likelihood = PlackettLuce(backend.array(Z), top)
    matrix = answer(backend, likelihood, "curvature", shape=(N, C))
    square, mean = np.zeros((N, C, C)), np.zeros((N, C, C))
    for ranking in rankings(top):
        probs = np.array(
            [float(mpmath.exp(log_ranking(list(map(mpmath.mpf, z)), ranking))) for z in Z.tolist()]
        )[:, None, None]
        labels = np.tile(ranking, (N, 1))
        r = answer(backend, likelihood, "residual", labels, shape=(N, C))
        square += probs * r[:, :, None] * r[:, None, :]
        mean += probs * answer(backend, likelihood, "observed", labels, shape=(N, C))
    np.testing.assert_allclose(matrix, square, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(matrix, mean, rtol=1e-11, atol=1e-14)


@dtypes
@pytest.mark.parametrize("top", [1, 2, 4])
def test_digits_are_kept_at_any_gap(backend, dtype, top):
    z = np.array([[40, 0, 0.3, 1], [0, -40, 0.3, 40], [0, 0, 0, 0], [-80, 0, 1, 2]], dtype)
    likelihood = PlackettLuce(backend.array(z), top)
    keywords = {"shape": z.shape, "dtype": dtype}
    matrix = answer(backend, likelihood, "curvature", **keywords)
    root = answer(backend, likelihood, "factor", **keywords)
    assert root.shape == (4, 4, 3)
    assert root.dtype == dtype
    close = {"rtol": {"float32": 1e-5, "float64": 1e-13}[dtype], "atol": 1e-37}
    for n in range(len(z)):
        expected = exact(z[n], top)
        np.testing.assert_allclose(matrix[n], expected, **close)
        size = np.diag(expected)
        np.testing.assert_allclose(np.diag(gram(root)[n]), size, **close)
        error = np.abs(gram(root)[n] - expected) / np.sqrt(size[:, None] * size + 1e-300)
        assert error.max() < close["rtol"]


def test_ten_items_are_as_many_by_simulation(backend):
    """Beyond what can be enumerated here: the mean over rankings that were drawn."""
    z = np.linspace(-1, 1, 10)[None, :]
    drawn = np.argsort(-(z + np.random.default_rng(1).gumbel(size=(4000, 10))), axis=1)
    likelihood = PlackettLuce(backend.array(z))
    matrix = answer(backend, likelihood, "curvature", shape=(1, 10))[0]
    each = PlackettLuce(backend.array(np.tile(z, (4000, 1))))
    observed = answer(backend, each, "observed", drawn, shape=(4000, 10))
    error = observed.std(axis=0) / np.sqrt(4000)
    assert np.abs((observed.mean(axis=0) - matrix) / error).max() < 4.5


def test_the_first_choice_is_a_softmax(backend):
    one, two = PlackettLuce(backend.array(Z), 1), Softmax(logits=backend.array(Z))
    for name in ("curvature", "factor"):
        both = (answer(backend, x, name, shape=(N, C)) for x in (one, two))
        np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-15)
    labels = np.array([0, 3, 1])
    found = answer(backend, one, "residual", labels[:, None], shape=(N, C))
    np.testing.assert_allclose(found, answer(backend, two, "residual", labels, shape=(N, C)))


@pytest.mark.parametrize("information", ["expected", "observed"])
def test_scores_are_residuals_in_units_of_the_factor(backend, information):
    x = backend.ops.fetch(backend.array(Z))
    ops, likelihood = infoq.backends.ops_for(x), PlackettLuce(x, information=information)
    for ranking in rankings(C)[::7]:
        labels = ops.xp.asarray(np.tile(ranking, (N, 1)), device=ops.device(x))
        factor, u = (np.array(ops.to_host(a)) for a in likelihood.scores(ops, labels, (N, C), x))
        residual = np.array(ops.to_host(likelihood.residual(ops, labels, (N, C), x)))
        np.testing.assert_allclose((factor @ u[:, :, None])[:, :, 0], residual, atol=1e-12)
        matrix = (
            likelihood.curvature(ops, (N, C), x)
            if information == "expected"
            else likelihood.observed(ops, labels, (N, C), x)
        )
        np.testing.assert_allclose(gram(factor), ops.to_host(matrix), atol=1e-14)


@pytest.mark.of_libraries("torch", "jax")
def test_gradients_are_finite_and_right(backend):
    slope = {"torch": by_torch, "jax": by_jax}[backend.name]
    z = np.array([[0.0, 0.5, -0.5], [0.0, 0.0, 0.0], [60.0, 0.0, 200.0]])
    labels = np.array([[2, 0], [0, 1], [1, 2]])
    weights = RNG.normal(size=(3, 3))
    for name, given in (("factor", ()), ("curvature", ()), ("residual", (labels,))):

        def run(x, where, name=name, given=given):
            own = tuple(where(y) for y in given)
            ops = infoq.backends.ops_for(x)
            found = getattr(PlackettLuce(x, 2), name)(ops, *own, (3, 3), x)
            return found * where(weights[:, : found.shape[-1]])

        actual = slope(backend, lambda x: run(x, backend.array), z)
        assert np.isfinite(actual).all()
        for place in np.ndindex(2, 3):
            step = np.zeros_like(z)
            step[place] = 1e-6
            up, down = (np.sum(run(z + by, np.asarray)) for by in (step, -step))
            np.testing.assert_allclose(actual[place], (up - down) / 2e-6, rtol=1e-5, atol=1e-8)


def test_informative_rankings_in_weight_space(backend):
    """Of a linear score of items, by P x P matrices."""
    phi, w = RNG.normal(size=(N, C, 2)), np.array([0.7, -0.3])
    z = phi @ w
    ranks = np.array([[3, 1, 0, 2], [0, 1, 2, 3], [2, 3, 1, 0]])
    for information in ("expected", "observed"):
        likelihood = PlackettLuce(backend.array(z), information=information)
        layer = infoq.fisher_embedding(backend.array(phi), likelihood)
        pool = infoq.Gaussian(layer, 1.0)
        fisher = [phi[n].T @ exact(z[n], C) @ phi[n] for n in range(N)]
        eig = [np.linalg.slogdet(np.eye(2) + f)[1] / 2 for f in fisher]
        np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), eig, rtol=1e-10)
        found = backend.numpy(infoq.ig(pool, backend.array(ranks)))
        for n in range(N):

            def loss(v, n=n):
                rows = [
                    sum(mpmath.mpf(float(x)) * y for x, y in zip(row, v, strict=True))
                    for row in phi[n]
                ]
                return -log_ranking(rows, ranks[n])

            first, second = derivatives(loss, w)
            after = np.linalg.inv(np.eye(2) + (second if information == "observed" else fisher[n]))
            moved = after @ first
            kl = (np.trace(after) - 2 - np.linalg.slogdet(after)[1] + moved @ moved) / 2
            np.testing.assert_allclose(found[n], kl, rtol=1e-9)
    at = Curvature.at(likelihood, backend.array(ranks))
    again = answer(backend, likelihood, "observed", ranks, shape=(N, C))
    np.testing.assert_allclose(backend.numpy(at.matrix), again, atol=1e-15)


def test_bradley_terry_is_the_bernoulli_of_differences(backend):
    one, two = BradleyTerry(backend.array(Z)), Bernoulli(logits=backend.array(Z))
    labels = np.arange(N * C).reshape(N, C) % 2
    for name, given in (("curvature", ()), ("factor", ()), ("residual", (labels,))):
        both = (answer(backend, x, name, *given, shape=(N, C)) for x in (one, two))
        np.testing.assert_array_equal(*both)
    # Two items in a ranking are a pair.
    pair = PlackettLuce(backend.array(Z[:, :2]))
    p = answer(backend, BradleyTerry(backend.array(Z[:, 0] - Z[:, 1])), "curvature", shape=(N, 1))
    both = answer(backend, pair, "curvature", shape=(N, 2))
    np.testing.assert_allclose(both, p * np.array([[1, -1], [-1, 1]]), rtol=1e-13)


WRONG = [
    (lambda a: PlackettLuce(a(Z[:, :1])), ValueError, r"2 to 10 items, got shape \(3, 1\)", True),
    (lambda a: PlackettLuce(a(np.zeros((2, 11)))), ValueError, r"got shape \(2, 11\)", True),
    (lambda a: PlackettLuce(a(Z), 5), ValueError, "top: .* from 1 to 4, got 5", True),
    (lambda a: PlackettLuce(a(Z), True), ValueError, "top: .* got True", True),
    (lambda a: PlackettLuce(a(Z), information="no"), ValueError, "information: .*got 'no'", True),
    (lambda a: PlackettLuce(a(Z / 0)), ValueError, "logits: candidate 0, .*infinite", False),
    (lambda a: BradleyTerry(a(Z / 0)), ValueError, "infinite .*clip the scores of the", False),
    (
        lambda a: PlackettLuce(a(Z), 2).check_labels(a(np.zeros((N, C), int))),
        ValueError,
        r"labels: expected rankings of shape \(3, 2\), .* got \(3, 4\)",
        True,
    ),
    (
        lambda a: PlackettLuce(a(Z), 2).check_labels(a(np.array([[0, 1], [2, 2], [3, 4]]))),
        ValueError,
        r"labels: candidate 1: expected 2 different items from 0 to 3, best first, got \[2, 2\]",
        False,
    ),
    (
        lambda a: PlackettLuce(a(Z), 2).check_labels(a(np.ones((N, 2)))),
        TypeError,
        "labels: expected an integer dtype",
        True,
    ),
]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("make", "error", "message", "structure"), WRONG)
def test_what_is_wrong_is_refused(backend, make, error, message, structure):
    if structure or backend.reads_values:
        with pytest.raises(error, match=message):
            make(backend.array)
    else:
        make(backend.array)


def test_rankings_that_are_none_are_not_a_number(backend):
    labels = np.array([[0, 0], [1, 4], [2, 1]])
    residual = answer(backend, PlackettLuce(backend.array(Z), 2), "residual", labels, shape=(N, C))
    assert np.isnan(residual).all(axis=1).tolist() == [True, True, False]

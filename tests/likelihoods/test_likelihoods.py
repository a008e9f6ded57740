"""Likelihoods: their curvature, its factor and their residuals, against their definitions."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from infoq.backends import ops_for
from infoq.likelihoods import Bernoulli, Curvature, Likelihood, Normal, Poisson, Softmax
from tests import oracles
from tests.backends.gradient import by_jax, by_torch

N, C = 4, 3
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}
LOGITS = hnp.arrays(np.float64, (N, C), elements=st.floats(-30, 30))
Z = np.random.default_rng(0).normal(size=(N, C))
PROBS = oracles.softmax(Z)
ROOT = np.random.default_rng(1).normal(size=(N, C, 2))
SINGULAR = ROOT @ ROOT.swapaxes(-1, -2)


def answer(backend, likelihood, method, *arrays, shape=(N, C), dtype="float64"):
    """What a likelihood answers about candidates whose arrays have this dtype, as NumPy."""
    like = backend.array(np.zeros((shape[0], 1)), dtype)
    cast = [backend.array(x) for x in arrays]
    return backend.numpy(getattr(likelihood, method)(backend.ops, *cast, shape, like))


def factor(backend, likelihood, **keywords):
    return answer(backend, likelihood, "factor", **keywords)


def curvature(backend, likelihood, **keywords):
    return answer(backend, likelihood, "curvature", **keywords)


def gram(root):
    """`L L^T` in float64."""
    root = root.astype(np.float64)
    return root @ root.swapaxes(-1, -2)


def diagonal(x):
    return x[..., None] * np.eye(x.shape[-1])


def of_softmax(probs):
    """diag(pi) - pi pi^T, without the difference."""
    others = probs @ (1 - np.eye(probs.shape[-1]))
    off = probs[:, :, None] * probs[:, None, :] * (1 - np.eye(probs.shape[-1]))
    return diagonal(probs * others) - off


def sigmoid(z):
    return special.expit(z)


# Each with its curvature in float64.
FAMILIES = {
    "normal": (lambda z: Normal(0.3), lambda z: np.broadcast_to(np.eye(C) / 0.3, (N, C, C))),
    "normal of each": (lambda z: Normal(z * z + 1), lambda z: diagonal(1 / (z * z + 1))),
    "softmax": (lambda z: Softmax(logits=z), lambda z: of_softmax(oracles.softmax(z))),
    "bernoulli": (lambda z: Bernoulli(logits=z), lambda z: diagonal(sigmoid(z) * sigmoid(-z))),
    "poisson": (lambda z: Poisson(log_rate=z), lambda z: diagonal(np.exp(z))),
}
families = pytest.mark.parametrize("family", FAMILIES)


@dtypes
@families
@given(z=LOGITS)
def test_the_factor_is_a_root_of_the_curvature(backend, dtype, family, z):
    make, oracle = FAMILIES[family]
    z = z.astype(dtype)
    likelihood = make(backend.array(z))
    expected = oracle(z.astype(np.float64))
    root = factor(backend, likelihood, dtype=dtype)
    matrix = curvature(backend, likelihood, dtype=dtype)
    assert root.dtype == matrix.dtype == dtype
    assert root.shape == (N, C, likelihood.num_rows(C))
    scale = np.max(np.abs(expected), axis=(1, 2), keepdims=True)
    for actual in (gram(root), matrix):
        np.testing.assert_allclose(
            actual / scale, expected / scale, rtol=0, atol=10 * TOLERANCE[dtype]
        )


@dtypes
@given(seed=st.integers(0, 2**32 - 1), rank=st.sampled_from([0, 1, 2, 3]))
def test_the_factor_of_a_curvature_that_may_be_singular(backend, dtype, seed, rank):
    root = np.random.default_rng(seed).normal(size=(N, C, C)) * (np.arange(C) < rank)
    matrix = gram(root).astype(dtype)
    likelihood = Curvature(backend.array(matrix))
    actual = factor(backend, likelihood, dtype=dtype)
    assert actual.dtype == dtype
    assert (curvature(backend, likelihood, dtype=dtype) == matrix).all()
    scale = 1 + np.max(np.abs(matrix))
    np.testing.assert_allclose(gram(actual), matrix, rtol=0, atol=10 * TOLERANCE[dtype] * scale)


@pytest.mark.parametrize(("probs", "logits"), [(Softmax, oracles.softmax), (Bernoulli, sigmoid)])
def test_probabilities_and_logits_agree(backend, probs, logits):
    one, two = probs(backend.array(logits(Z))), probs(logits=backend.array(Z))
    for method in ("factor", "curvature"):
        both = (answer(backend, x, method) for x in (one, two))
        np.testing.assert_allclose(*both, rtol=1e-12, atol=1e-15)


def test_rates_and_their_logarithms_agree(backend):
    one, two = Poisson(backend.array(np.exp(Z))), Poisson(log_rate=backend.array(Z))
    np.testing.assert_allclose(factor(backend, one), factor(backend, two), rtol=1e-14)


@given(z=LOGITS)
def test_softmax_curvature_is_the_fisher_information(backend, z):
    likelihood = Softmax(logits=backend.array(z))
    matrix, root = curvature(backend, likelihood), factor(backend, likelihood)
    probs = oracles.softmax(z)
    np.testing.assert_allclose(matrix.sum(-1), 0, atol=1e-16)  # the null vector 1
    np.testing.assert_allclose(root.sum(1), 0, atol=1e-15)
    others = np.sum(probs * (probs @ (1 - np.eye(C))), axis=1)  # 1 - sum pi^2
    np.testing.assert_allclose(np.trace(matrix, axis1=1, axis2=2), others, rtol=1e-12)
    np.testing.assert_allclose(np.sum(root**2, axis=(1, 2)), others, rtol=1e-12)
    fisher = np.zeros((N, C, C))
    for y in range(C):
        score = answer(backend, likelihood, "residual", np.full(N, y))
        fisher += probs[:, y, None, None] * score[:, :, None] * score[:, None, :]
    np.testing.assert_allclose(matrix, fisher, rtol=1e-11, atol=1e-300)


def exact_probs(row):
    with mpmath.workdps(60):
        powers = [mpmath.exp(mpmath.mpf(float(z))) for z in row]
        return [power / sum(powers) for power in powers]


def exact_softmax(logits):
    """Lambda and its trace in 60 digits."""
    matrices = []
    for row in logits:
        probs = exact_probs(row)
        with mpmath.workdps(60):
            pairs = [
                [p * (int(i == j) - q) for j, q in enumerate(probs)] for i, p in enumerate(probs)
            ]
            matrices.append([[float(x) for x in line] for line in pairs])
    return np.array(matrices)


@pytest.mark.parametrize("gap", [20.0, 40.0, 60.0])
def test_float32_keeps_relative_accuracy_at_any_gap(backend, gap):
    rows = [[gap, 0, 0.3], [0, gap, 0.3], [0.3, 0, gap], [gap, gap / 2, 0], [0, gap / 2, gap]]
    logits = np.array(rows, np.float32)
    expected = exact_softmax(logits)
    shape = logits.shape
    likelihood = Softmax(logits=backend.array(logits))
    actual = gram(factor(backend, likelihood, shape=shape, dtype="float32"))
    size = np.einsum("nii->ni", expected)
    np.testing.assert_allclose(np.einsum("nii->ni", actual), size, rtol=1e-5)
    np.testing.assert_allclose(np.trace(actual, axis1=1, axis2=2), size.sum(1), rtol=1e-5)
    error = np.abs(actual - expected) / np.sqrt(size[:, :, None] * size[:, None, :])
    assert error.max() < 1e-5
    matrix = curvature(backend, likelihood, shape=shape, dtype="float32")
    np.testing.assert_allclose(matrix, expected, rtol=1e-5, atol=1e-37)
    for y in range(C):
        labels = np.full(shape[0], y)
        score = answer(backend, likelihood, "residual", labels, shape=shape, dtype="float32")
        # (pi - e_y) at y is -Lambda_yy / pi_y.
        at_label = [-size[n, y] / float(exact_probs(row)[y]) for n, row in enumerate(logits)]
        np.testing.assert_allclose(score[:, y], at_label, rtol=1e-5)


@pytest.mark.parametrize("z", [20.0, 60.0, 150.0])
def test_bernoulli_from_logits_does_not_cancel(backend, z):
    logits = np.array([z, -z], np.float32)
    likelihood = Bernoulli(logits=backend.array(logits))
    root = factor(backend, likelihood, shape=(2, 1), dtype="float32")
    expected = np.exp(-z / 2) / (1 + np.exp(-z))
    np.testing.assert_allclose(root[:, 0, 0].astype(np.float64), expected, rtol=1e-5)
    if z < 80:  # float32 ends there, and the factor does not
        matrix = curvature(backend, likelihood, shape=(2, 1), dtype="float32")
        np.testing.assert_allclose(matrix[:, 0, 0], expected**2, rtol=1e-5)
        score = answer(
            backend, likelihood, "residual", np.array([1, 0]), shape=(2, 1), dtype="float32"
        )
        np.testing.assert_allclose(score[:, 0], [-(expected**2), expected**2], rtol=1e-5)


EDGES = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0], [0.2, 0.3, 0.5]]
)


@dtypes
def test_probabilities_of_zero_and_one(backend, dtype):
    probs = EDGES.astype(dtype)
    expected = of_softmax(probs.astype(np.float64))
    likelihood = Softmax(backend.array(probs))
    root = factor(backend, likelihood, shape=probs.shape, dtype=dtype)
    assert not root[:3].any()
    np.testing.assert_allclose(gram(root), expected, atol=TOLERANCE[dtype])
    matrix = curvature(backend, likelihood, shape=probs.shape, dtype=dtype)
    np.testing.assert_allclose(matrix, expected, atol=TOLERANCE[dtype])
    certain = Bernoulli(backend.array(np.array([0.0, 1.0, 0.5], dtype)))
    root = factor(backend, certain, shape=(3, 1), dtype=dtype)
    np.testing.assert_allclose(root[:, 0, 0], [0, 0, 0.5], rtol=TOLERANCE[dtype])
    rates = Poisson(backend.array(np.array([0.0, 4.0], dtype)))
    assert factor(backend, rates, shape=(2, 1), dtype=dtype)[:, 0, 0].tolist() == [0, 2]


def test_logits_that_underflow_or_are_masked(backend):
    logits = np.array([[200, 0, 0], [0, 0, -np.inf], [-np.inf, 1, -np.inf]], np.float32)
    root = factor(backend, Softmax(logits=backend.array(logits)), shape=(3, 3), dtype="float32")
    expected = np.zeros((3, 3, 3))
    expected[1, :2, :2] = [[0.25, -0.25], [-0.25, 0.25]]
    np.testing.assert_allclose(gram(root), expected, atol=1e-7)


def test_a_row_of_probabilities_is_divided_by_its_sum(backend):
    probs = PROBS * (1 + 5e-4)
    likelihood = Softmax(backend.array(probs))
    for actual in (gram(factor(backend, likelihood)), curvature(backend, likelihood)):
        np.testing.assert_allclose(actual, of_softmax(PROBS), atol=1e-15)


SLOPES = {"torch": by_torch, "jax": by_jax}
slopes = pytest.mark.of_libraries(*SLOPES)
WEIGHTS = np.random.default_rng(2).normal(size=(C, C))


def weighted(backend, make, method="factor"):
    """A number that depends on every entry of the factor."""

    def total(x):
        matrix = getattr(make(x), method)(backend.ops, tuple(x.shape), x)
        weights = backend.array(WEIGHTS[:, : matrix.shape[2]], dtype=str(x.dtype).split(".")[-1])
        return matrix * weights[None, :, :]

    return total


STEEP = np.array(
    [[60, 0, 0.3], [0, 60, 0.3], [0, 0.3, 60], [87, 0, 0], [87, 43, 0], [200, 0, 0], [0, 0, 0]]
)


@slopes
@dtypes
@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda x: Softmax(logits=x), STEEP),
        (lambda x: Softmax(logits=x), np.where(EDGES > 0, EDGES, -np.inf)),
        (Softmax, EDGES),
        (Softmax, np.array([[1, 1e-25, 1e-25], [1e-30, 1, 1e-37], [1, 1e-37, 1e-38]])),
        (lambda x: Bernoulli(logits=x), 5 * STEEP - 500),
        (Bernoulli, EDGES),
        (Poisson, EDGES),
        (lambda x: Poisson(log_rate=x), STEEP - 150),
    ],
)
def test_gradients_are_finite(backend, make, x, dtype):
    for method in ("factor", "curvature"):
        slope = SLOPES[backend.name](backend, weighted(backend, make, method), x.astype(dtype))
        assert np.isfinite(slope).all()


@slopes
@pytest.mark.parametrize(
    "make",
    [
        lambda x: Softmax(logits=x),
        lambda x: Bernoulli(logits=x),
        lambda x: Poisson(log_rate=x),
        lambda x: Normal(x * x + 1),
    ],
)
def test_gradients_are_right(backend, make):
    from tests.conftest import Backend

    numpy = Backend("numpy")
    z = np.concatenate([Z, np.zeros((1, C))])  # at 0, too
    for method in ("factor", "curvature"):
        slope = SLOPES[backend.name](backend, weighted(backend, make, method), z)
        reference = weighted(numpy, make, method)
        expected = differences(lambda x: reference(x).sum(), z)  # noqa: B023
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


def differences(function, x, step=1e-6):
    """Central differences of a function of a NumPy array."""
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += step
        down[place] -= step
        slopes[place] = (function(up) - function(down)) / (2 * step)
    return slopes


def softmax_loss(z, y):
    return special.logsumexp(z) - z[int(y)]


def bernoulli_loss(z, y):
    return np.sum(np.logaddexp(0, z) - y * z)


def poisson_loss(z, y):
    return np.sum(np.exp(z) - y * z)


LOSSES = {
    "softmax": (lambda z: Softmax(logits=z), softmax_loss, [0, 1, 2]),
    "bernoulli": (lambda z: Bernoulli(logits=z), bernoulli_loss, [0, 1]),
    "poisson": (lambda z: Poisson(log_rate=z), poisson_loss, [0, 1, 5]),
}
losses = pytest.mark.parametrize("loss", LOSSES)


def labels_for(loss, y):
    return np.full(N, y) if loss == "softmax" else np.full((N, C), y)


@losses
@given(z=hnp.arrays(np.float64, (N, C), elements=st.floats(-3, 3)))
def test_the_residual_is_the_gradient_of_the_loss(backend, loss, z):
    make, negative_log, outcomes = LOSSES[loss]
    for y in outcomes:
        actual = answer(backend, make(backend.array(z)), "residual", labels_for(loss, y))
        for n in range(N):
            expected = differences(lambda row: negative_log(row, y), z[n])  # noqa: B023
            np.testing.assert_allclose(actual[n], expected, rtol=1e-7, atol=1e-8)


@losses
@given(z=hnp.arrays(np.float64, (N, C), elements=st.floats(-3, 3)))
def test_scores_are_residuals_in_units_of_the_factor(backend, loss, z):
    make, _, outcomes = LOSSES[loss]
    x = backend.ops.fetch(backend.array(z))
    ops, likelihood = ops_for(x), make(x)
    plain = ops.to_host(likelihood.factor(ops, (N, C), x))
    for y in outcomes:
        labels = ops_for(x).xp.asarray(labels_for(loss, y), device=ops.device(x))
        factor, scores = (ops.to_host(a) for a in likelihood.scores(ops, labels, (N, C), x))
        np.testing.assert_allclose(factor, plain, rtol=1e-12, atol=1e-15)
        residual = ops.to_host(likelihood.residual(ops, labels, (N, C), x))
        product = (np.array(factor) @ np.array(scores)[:, :, None])[:, :, 0]
        np.testing.assert_allclose(product, residual, rtol=1e-9, atol=1e-12)
        # The default, of a likelihood that says no more: by the least squares.
        other = super(type(likelihood), likelihood)
        if loss == "softmax":
            _, least = other.scores(ops, labels, (N, C), x)
            np.testing.assert_allclose(ops.to_host(least), scores, rtol=1e-7, atol=1e-9)


@given(z=hnp.arrays(np.float64, (N, C), elements=st.floats(-3, 3)))
def test_scores_of_a_softmax_are_independent_with_unit_variance(backend, z):
    x = backend.ops.fetch(backend.array(z))
    ops, softmax, probs = ops_for(x), Softmax(logits=x), oracles.softmax(z)
    second, first = np.zeros((N, C - 1, C - 1)), np.zeros((N, C - 1))
    for y in range(C):
        labels = ops.xp.asarray(np.full(N, y), device=ops.device(x))
        scores = np.array(ops.to_host(softmax.scores(ops, labels, (N, C), x)[1]))
        second += probs[:, y, None, None] * scores[:, :, None] * scores[:, None, :]
        first += probs[:, y, None] * scores
    np.testing.assert_allclose(first, 0, atol=1e-12)
    np.testing.assert_allclose(second, np.broadcast_to(np.eye(C - 1), second.shape), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_at_impossible_labels_are_finite(backend, dtype):
    probs = backend.ops.fetch(backend.array(np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), dtype))
    ops, softmax = ops_for(probs), Softmax(probs)
    for label in range(3):
        labels = ops.xp.asarray(np.full(2, label), device=ops.device(probs))
        factor, scores = softmax.scores(ops, labels, (2, 3), probs)
        assert bool(ops.xp.all(ops.xp.isfinite(scores)))
        product = (factor @ scores[:, :, None])[:, :, 0]
        residual = softmax.residual(ops, labels, (2, 3), probs)
        np.testing.assert_allclose(ops.to_host(product), ops.to_host(residual), atol=1e-6)


@pytest.mark.parametrize("variance", [0.3, Z * Z + 1])
def test_the_residual_of_a_normal(backend, variance):
    given_variance = variance if isinstance(variance, float) else backend.array(variance)
    likelihood = Normal(given_variance, mean=backend.array(Z))
    labels = np.arange(N * C).reshape(N, C)
    expected = differences(lambda z: np.sum((labels - z) ** 2 / (2 * variance)), Z)
    actual = answer(backend, likelihood, "residual", labels)
    np.testing.assert_allclose(actual, expected, rtol=1e-7)


def hessian(function, w, step=2e-4):
    """Second differences of a function of a vector."""

    def along(direction):
        return differences(lambda v: slope(function, v, direction, step), w, step)

    return np.array([along(direction) for direction in np.eye(w.size)])


def slope(function, w, direction, step):
    return (function(w + step * direction) - function(w - step * direction)) / (2 * step)


@losses
def test_canonical_links_observe_what_they_expect_at_every_weight(backend, loss):
    make, negative_log, outcomes = LOSSES[loss]
    rng = np.random.default_rng(3)
    x = rng.normal(size=2)
    jacobian = np.kron(np.eye(C), x)  # z = W x
    weights = rng.normal(size=(N, 2 * C))
    matrices = curvature(backend, make(backend.array(weights @ jacobian.T)))
    for w, matrix in zip(weights, matrices, strict=True):
        for y in outcomes:
            observed = hessian(lambda v: negative_log(jacobian @ v, y), w)  # noqa: B023
            np.testing.assert_allclose(observed, jacobian.T @ matrix @ jacobian, atol=1e-5)


def test_the_probit_link_does_not():
    x, w = np.array([0.8, -0.5]), np.array([1.0, 0.4])

    def negative_log(v, y):
        return -special.log_ndtr((2 * y - 1) * (x @ v))

    p = special.ndtr(x @ w)
    observed = [hessian(lambda v: negative_log(v, y), w) for y in (0, 1)]  # noqa: B023
    density = np.exp(-((x @ w) ** 2) / 2) / np.sqrt(2 * np.pi)
    fisher = density**2 / (p * (1 - p)) * np.outer(x, x)
    np.testing.assert_allclose((1 - p) * observed[0] + p * observed[1], fisher, atol=1e-6)
    for one in observed:  # more than a tenth off
        assert np.abs(one - fisher).max() > 0.1 * np.abs(fisher).max()


# --- what it is made of ---------------------------------------------------------------------


def every(backend):
    """One likelihood of each kind, of N candidates with C outputs."""
    z, positive = backend.array(Z), backend.array(Z * Z + 1)
    return [
        Softmax(backend.array(PROBS)),
        Softmax(logits=z),
        Bernoulli(backend.array(PROBS)),
        Bernoulli(logits=z),
        Poisson(positive),
        Poisson(log_rate=z),
        Normal(0.5),
        Normal(0.5, mean=z),
        Normal(positive),
        Normal(positive, mean=z),
        Curvature(backend.array(SINGULAR)),
    ]


def test_a_block_from_parts_equals_a_slice(backend):
    for likelihood in every(backend):
        assert isinstance(likelihood, Likelihood)
        hash(likelihood.settings)
        cut = tuple(x[1:3, ...] for x in likelihood.parts)
        block = type(likelihood).from_parts(cut, likelihood.settings)
        assert block.num_candidates in (2, None)
        assert likelihood.with_parts(cut).parts == block.parts
        assert likelihood.num_outputs in (C, None)
        for method in ("factor", "curvature"):
            actual = answer(backend, block, method, shape=(2, C))
            expected = answer(backend, likelihood, method)[1:3]
            np.testing.assert_allclose(gram(actual), gram(expected), rtol=1e-12, atol=1e-14)


def test_parts_are_not_copied_and_cannot_be_changed(backend):
    z = backend.array(Z)
    likelihood = Softmax(logits=z)
    assert likelihood.parts[0] is z
    assert likelihood.with_parts((z,)).parts[0] is z
    for name in ("parts", "settings"):
        with pytest.raises(AttributeError):
            setattr(likelihood, name, 1)


@pytest.mark.of_libraries("jax")
def test_blocks_compile(backend):
    """On JAX, where a value that is read would be an error."""
    import jax

    like = backend.array(Z)
    for likelihood in every(backend):
        kind, settings = type(likelihood), likelihood.settings
        for method in ("factor", "curvature"):

            def run(parts, kind=kind, settings=settings, method=method):
                block = kind.from_parts(parts, settings)
                return getattr(block, method)(backend.ops, (N, C), like)

            expected = run(likelihood.parts)
            np.testing.assert_allclose(
                gram(np.asarray(jax.jit(run)(likelihood.parts))),
                gram(np.asarray(expected)),
                atol=1e-13,
            )
    labels = backend.array(np.arange(N) % C)

    def loss(z, labels):
        return Softmax(logits=z).residual(backend.ops, labels, (N, C), z)

    np.testing.assert_allclose(jax.jit(loss)(like, labels), loss(like, labels), atol=1e-15)


def test_arrays_stay_on_their_device(backend):
    if backend.name != "array_api_strict":
        return
    device = backend.module.Device("device1")

    class OnDevice:
        ops, name = backend.ops, backend.name

        def array(self, x, dtype=None):
            return backend.module.asarray(np.array(x, dtype=dtype), device=device)

    there = OnDevice()
    like, labels = there.array(Z), there.array(np.zeros((N, C), np.int64))
    for likelihood in every(there):
        for method in ("factor", "curvature"):
            assert getattr(likelihood, method)(backend.ops, (N, C), like).device == device
        softmax = isinstance(likelihood, Softmax)
        if softmax or isinstance(likelihood, (Bernoulli, Poisson)):
            y = labels[:, 0] if softmax else labels
            likelihood.check_labels(y)
            assert likelihood.residual(backend.ops, y, (N, C), like).device == device


@pytest.mark.parametrize("make", [Softmax, Bernoulli, Poisson, Normal, lambda x: Softmax(logits=x)])
def test_half_precision_is_computed_in_float32(backend, make):
    if backend.name == "array_api_strict":  # it has none
        return
    likelihood = make(backend.array(PROBS.astype(np.float16)))
    root = factor(backend, likelihood, dtype="float16")
    assert root.dtype == np.float32
    wide = make(backend.array(PROBS))
    np.testing.assert_allclose(gram(root), gram(factor(backend, wide)), rtol=5e-3)


def test_the_dtype_is_that_of_the_candidates(backend):
    for likelihood in every(backend):
        assert factor(backend, likelihood, dtype="float32").dtype == np.float32


@pytest.mark.parametrize("make", [Bernoulli, Poisson, Normal])
def test_one_axis_is_one_output(backend, make):
    one, two = make(backend.array(PROBS[:, 0])), make(backend.array(PROBS[:, :1]))
    assert (one.num_candidates, one.num_outputs) == (N, 1)
    both = (factor(backend, x, shape=(N, 1)) for x in (one, two))
    np.testing.assert_array_equal(*both)


def test_labels_of_one_output_may_have_one_axis(backend):
    y = np.array([0, 1, 1, 0])
    for likelihood in (
        Bernoulli(logits=backend.array(Z[:, 0])),
        Poisson(log_rate=backend.array(Z[:, 0])),
        Normal(mean=backend.array(Z[:, 0])),
    ):
        flat, deep = (
            answer(backend, likelihood, "residual", labels, shape=(N, 1))
            for labels in (y, y[:, None])
        )
        np.testing.assert_array_equal(flat, deep)
        likelihood.check_labels(backend.array(y))
        likelihood.check_labels(backend.array(y[:, None]))


def test_a_normal_with_one_variance_fits_any_number(backend):
    likelihood = Normal(4)
    assert (likelihood.num_candidates, likelihood.num_outputs, likelihood.parts) == (None, None, ())
    assert factor(backend, likelihood, shape=(2, 1)).tolist() == [[[0.5]], [[0.5]]]


def test_outcome_logits(backend):
    z = backend.array(Z)
    assert Softmax(logits=z).outcome_logits() is z
    logs = backend.numpy(Softmax(backend.array(EDGES)).outcome_logits())
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(logs, np.log(EDGES))
    p = np.array([0.0, 1.0, 0.3])
    both = backend.numpy(Bernoulli(backend.array(p)).outcome_logits())
    np.testing.assert_allclose(oracles.softmax(both), np.stack([1 - p, p], -1))
    both = backend.numpy(Bernoulli(logits=z[:, 0]).outcome_logits())
    np.testing.assert_array_equal(both, np.stack([0 * Z[:, 0], Z[:, 0]], -1))
    others = (
        Normal(),
        Poisson(log_rate=z),
        Bernoulli(logits=z),
        Curvature(z[:, :, None] * 0 + backend.array(SINGULAR)),
    )
    assert [x.outcome_logits() for x in others] == [None] * 4


def test_representations(backend):
    dtype = f"{backend.name} float64"
    z = backend.array(Z)
    assert [repr(x) for x in (Normal(0.5), Normal(2, mean=z), Softmax(logits=z))] == [
        "Normal(variance=0.5)",
        f"Normal(variance=2, N=4, C=3, {dtype})",
        f"Softmax(logits, N=4, C=3, {dtype})",
    ]
    assert repr(Curvature(backend.array(SINGULAR))) == f"Curvature(N=4, C=3, {dtype})"
    assert repr(Poisson(log_rate=z)) == f"Poisson(log_rate, N=4, C=3, {dtype})"


# --- what it refuses ------------------------------------------------------------------------


def spoiled(x, value):
    x = np.array(x)
    x[2, 1] = value
    return x


STRUCTURE = [
    (lambda a: Softmax(), TypeError, r"exactly one of probs or logits, got none"),
    (lambda a: Bernoulli(a(Z), logits=a(Z)), TypeError, r"exactly one .* got probs, logits"),
    (lambda a: Poisson(), TypeError, r"exactly one of rate or log_rate, got none"),
    (lambda a: Softmax(a(np.ones((4, 3), int))), TypeError, r"probs: .*int64 .*\(4, 3\); convert"),
    (lambda a: Poisson(a(np.ones(3, int))), TypeError, r"rate: expected a real floating dtype"),
    (lambda a: Softmax([[0.5, 0.5]]), TypeError, r"probs: expected an array .* got list"),
    (lambda a: Softmax(a(Z[0])), ValueError, r"probs: expected \[N, C\] .* got shape \(3,\)"),
    (lambda a: Softmax(a(SINGULAR)), ValueError, r"a likelihood is of one model: with K draws"),
    (lambda a: Softmax(logits=a(Z[:, :1])), ValueError, r"C >= 2 .*\(4, 1\); .* use Bernoulli"),
    (lambda a: Bernoulli(logits=a(SINGULAR)), ValueError, r"\[N\] or \[N, C\] .*\(4, 3, 3\)"),
    (lambda a: Bernoulli(logits=a(0.5 * Z[:0])), ValueError, r"logits: axis N is empty"),
    (lambda a: Normal(a(np.array(1.0))), ValueError, r"variance: expected \[N\] or \[N, C\]"),
    (lambda a: Normal(0.0), ValueError, r"variance: expected a finite number > 0, got 0.0"),
    (lambda a: Normal(float("nan")), ValueError, r"variance: .* got nan"),
    (lambda a: Normal(True), ValueError, r"variance: .* got True"),
    (lambda a: Normal(a(PROBS), mean=a(Z[:, 0])), ValueError, r"mean: .* \(4, 3\), got \(4, 1\)"),
    (
        lambda a: Normal(a(PROBS), mean=a(Z.astype(np.float32))),
        TypeError,
        r"mean: expected the dtype of the variance",
    ),
    (lambda a: Curvature(a(Z)), ValueError, r"matrix: expected \[N, C, C\] .* got shape \(4, 3\)"),
    (lambda a: Curvature(a(ROOT)), ValueError, r"square matrices \[N, C, C\], got shape \(4, 3, 2"),
]
VALUES = [
    (lambda a: Softmax(a(spoiled(PROBS, np.nan))), r"probs: candidate 2, output 1: NaN value"),
    (lambda a: Softmax(a(spoiled(PROBS, np.inf))), r"2, output 1: infinite .* pass logits="),
    (lambda a: Softmax(a(Z)), r"probs: candidate 0, output 1: negative .* pass logits="),
    (
        lambda a: Softmax(a(spoiled(np.full((4, 2), 0.5), 0.7))),
        r"probs: candidate 2: the probabilities sum to 1.2, not 1; divide by the sum",
    ),
    (lambda a: Softmax(logits=a(spoiled(Z, np.nan))), r"logits: candidate 2, output 1: NaN value"),
    (lambda a: Softmax(logits=a(spoiled(Z, np.inf))), r"infinite value \(inf\); clip the logits"),
    (
        lambda a: Softmax(logits=a(np.array([[0, 1.0], [-np.inf, -np.inf]]))),
        r"logits: candidate 1: all logits are -inf",
    ),
    (lambda a: Bernoulli(a(spoiled(PROBS, -0.5))), r"2, output 1: negative value \(-0.5\)"),
    (lambda a: Bernoulli(a(spoiled(PROBS, 1.5))), r"too large value \(1.5\); .* pass logits="),
    (lambda a: Bernoulli(a(spoiled(PROBS, np.nan)[:, 1])), r"probs: candidate 2, output 0: NaN"),
    (lambda a: Bernoulli(logits=a(spoiled(Z, np.inf))), r"infinite .* pass probs="),
    (lambda a: Poisson(a(spoiled(PROBS, -1.0))), r"rate: candidate 2, .* negative .* log_rate="),
    (lambda a: Poisson(log_rate=a(spoiled(Z, -np.inf))), r"infinite .* pass rate="),
    (lambda a: Normal(a(spoiled(PROBS, 0.0))), r"variance: candidate 2, output 1: non-positive"),
    (lambda a: Normal(mean=a(spoiled(Z, np.nan))), r"mean: candidate 2, output 1: NaN value"),
    (lambda a: Curvature(a(spoiled(SINGULAR, np.nan))), r"matrix: candidate 2: expected finite"),
    (
        lambda a: Curvature(a(spoiled(SINGULAR, 9.0))),
        r"candidate 2: it is not symmetric: 9 at .*; pass",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), STRUCTURE)
def test_a_wrong_structure_is_refused_everywhere(backend, make, error, message):
    with pytest.raises(error, match=message):
        make(backend.array)


@pytest.mark.parametrize(("make", "message"), VALUES)
def test_wrong_values_are_refused_where_they_can_be_read(backend, make, message):
    if not backend.reads_values:
        assert isinstance(make(backend.array), Likelihood)
        return
    with pytest.raises(ValueError, match=message):
        make(backend.array)


@dtypes
def test_a_curvature_that_is_clearly_negative_is_refused(backend, dtype):
    # What rounding makes negative is not.
    relative = {"float32": 1e-5, "float64": 1e-10}[dtype]
    good = np.stack([np.diag([2, -2 * relative * factor]) for factor in (0.0, 0.5)])
    slightly = Curvature(backend.array(good.astype(dtype)))
    root = factor(backend, slightly, shape=(2, 2), dtype=dtype)
    np.testing.assert_allclose(gram(root), good * (good > 0), atol=1e-6)
    if not backend.reads_values:
        return
    bad = np.stack([np.eye(2), np.diag([2.0, -0.25]), -np.eye(2)]).astype(dtype)
    message = (
        r"matrix: candidate 1: it is not positive semi-definite, its smallest eigenvalue is -0.25; "
        r"the observed Hessian of a network may have negative eigenvalues: use the Fisher "
        r"information or the generalised Gauss-Newton curvature"
    )
    with pytest.raises(ValueError, match=message):
        Curvature(backend.array(bad))
    with pytest.raises(ValueError, match="smallest eigenvalue is -1;"):
        Curvature(backend.array(bad[2:]))


@pytest.mark.of_libraries("torch")
def test_values_are_refused_while_a_gradient_is_recorded(backend):
    for make, x in ((Softmax, Z), (Softmax, 2 * PROBS), (Poisson, Z), (Curvature, -SINGULAR)):
        with pytest.raises(ValueError, match="candidate 0"):
            make(backend.array(x).requires_grad_())


CLASSES = np.array([0, 2, 1, 1])
LABELS = [
    ("softmax", CLASSES[:3], ValueError, r"labels: expected shape \(4,\), .*got \(3,\)", True),
    ("softmax", CLASSES[:, None], ValueError, r"expected shape \(4,\), .*got \(4, 1\)", True),
    (
        "softmax",
        CLASSES * 1.0,
        TypeError,
        r"labels: expected an integer dtype, got .*float64",
        True,
    ),
    (
        "softmax",
        CLASSES + 1,
        ValueError,
        r"candidate 1: expected a class from 0 to 2, got 3",
        False,
    ),
    ("softmax", CLASSES - 1, ValueError, r"candidate 0: .* got -1", False),
    ("bernoulli", CLASSES, ValueError, r"expected shape \(4, 3\), .*got \(4,\)", True),
    (
        "bernoulli",
        spoiled(PROBS, 2.0),
        ValueError,
        r"candidate 2, .* impossible value \(2\)",
        False,
    ),
    ("poisson", spoiled(PROBS, -1.0), ValueError, r"candidate 2, .* negative value \(-1\)", False),
    ("poisson", PROBS + 1j, TypeError, r"labels: expected real numbers, got .*complex", True),
    ("normal", spoiled(PROBS, np.nan), ValueError, r"candidate 2, output 1: NaN value", False),
]


@pytest.mark.parametrize(("family", "labels", "error", "message", "structure"), LABELS)
def test_wrong_labels_are_refused(backend, family, labels, error, message, structure):
    z = backend.array(Z)
    likelihood = Normal(mean=z) if family == "normal" else FAMILIES[family][0](z)
    wrong = backend.array(labels)
    if structure:
        with pytest.raises(error, match=message):
            likelihood.residual(backend.ops, wrong, (N, C), z)
    if structure or backend.reads_values:
        with pytest.raises(error, match=message):
            likelihood.check_labels(wrong)
    else:
        likelihood.check_labels(wrong)


def test_what_knows_no_labels_says_so(backend):
    labels, like = backend.array(np.zeros((N, C))), backend.array(Z)
    for likelihood, error, message in (
        (Normal(0.5), ValueError, r"labels need the predicted mean; pass Normal\(..., mean=\)"),
        (
            Curvature(backend.array(SINGULAR)),
            NotImplementedError,
            "Curvature does not support labels",
        ),
    ):
        with pytest.raises(error, match=message):
            likelihood.check_labels(labels)
        with pytest.raises(error, match=message):
            likelihood.residual(backend.ops, labels, (N, C), like)


def test_a_likelihood_of_other_candidates_or_outputs_is_refused(backend):
    likelihood, like = Softmax(logits=backend.array(Z)), backend.array(Z)
    for shape in ((N + 1, C), (N, C + 1), (1, C)):
        with pytest.raises(ValueError, match=r"softmax likelihood: it has N=4 .* and C=3 outputs"):
            likelihood.factor(backend.ops, shape, like)


def test_several_libraries_are_refused(backend):
    if backend.name == "numpy":
        return
    with pytest.raises(TypeError, match="arrays of several libraries: variance"):
        Normal(PROBS, mean=backend.array(Z))
    with pytest.raises(TypeError, match="arrays of several libraries"):
        Softmax(logits=backend.array(Z)).check_labels(CLASSES)

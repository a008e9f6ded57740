"""Log-determinants of similarity matrices: as published, singular or tiny, and what is refused."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoq.measures import (
    gaussian_entropy,
    gaussian_mutual_information,
    logdet,
    logdet_cg,
    logdet_cmi,
    logdet_mi,
)
from tests.backends.gradient import by_differences, gradient

TOLERANCE = {"float32": {"rtol": 5e-4, "atol": 5e-5}, "float64": {"rtol": 1e-9, "atol": 1e-11}}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
ridges = pytest.mark.parametrize("ridge", [0.0, 1.0])
SEEDS = st.integers(0, 2**32 - 1)
# The rows of the batch A, of E (or the query set Q), and of the private set P.
A, Q, P = slice(0, 2), slice(2, 5), slice(5, 7)
ALL = 7


def similarities(seed, stack=(2,), size=ALL, scale=1.0):
    g = np.random.default_rng(seed).normal(size=(*stack, size, size + 3))
    return scale * (g @ g.swapaxes(-1, -2)) / size


# Each as a function of one joint similarity matrix of A, Q and P.
OF_JOINT = {
    "logdet": lambda s, **k: logdet(s[..., A, A], **k),
    "logdet_mi": lambda s, **k: logdet_mi(s[..., A, A], s[..., A, Q], s[..., Q, Q], **k),
    "logdet_cg": lambda s, **k: logdet_cg(s[..., A, A], s[..., A, P], s[..., P, P], **k),
    "logdet_cmi": lambda s, **k: logdet_cmi(
        *(s[..., x, y] for x, y in [(A, A), (A, Q), (Q, Q), (A, P), (Q, P), (P, P)]), **k
    ),
}
INFORMATION = ["logdet_mi", "logdet_cmi"]


@pytest.fixture(params=OF_JOINT, scope="session")
def name(request):
    return request.param


@pytest.fixture(scope="session")
def measure(name):
    return OF_JOINT[name]


@mpmath.workdps(60)
def exact(name, s, ridge=0.0):
    """The published differences of log-determinants, in 60 digits."""

    def f(s, *sets):
        rows = [i for one in sets for i in range(one.start, one.stop)]
        block = mpmath.matrix([[s[i, j] for j in rows] for i in rows])
        return mpmath.log(mpmath.det(block + ridge * mpmath.eye(len(rows))))

    form = {
        "logdet": lambda s: f(s, A),
        # Catalogue 28 and 30.
        "logdet_mi": lambda s: f(s, A) + f(s, Q) - f(s, A, Q),
        "logdet_cg": lambda s: f(s, A, P) - f(s, P),
        "logdet_cmi": lambda s: f(s, A, P) + f(s, Q, P) - f(s, A, Q, P) - f(s, P),
    }[name]
    flat = s.astype(np.float64).reshape(-1, ALL, ALL)
    return np.array([float(form(one)) for one in flat]).reshape(s.shape[:-2])


@dtypes
@pytest.mark.parametrize("ridge", [0.0, 1.0, 0.1])
@given(seed=SEEDS)
def test_as_published(backend, name, measure, dtype, ridge, seed):
    s = similarities(seed).astype(dtype)
    value = backend.call(measure, s, ridge=ridge)
    assert value.dtype == dtype
    np.testing.assert_allclose(value, exact(name, s, ridge), **TOLERANCE[dtype])


@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_many_rows(backend, ridge):
    # Beyond what is eliminated row by row.
    s = similarities(0, (1,), 28)
    a, e = slice(0, 14), slice(14, 28)

    def f(*rows):
        block = np.concatenate([s[..., r] for r in rows], -1)
        block = np.concatenate([block[:, r] for r in rows], -2)
        return np.linalg.slogdet(block + ridge * np.eye(block.shape[-1])).logabsdet

    value = backend.call(logdet, s[:, a, a], ridge=ridge)
    np.testing.assert_allclose(value, f(a), rtol=1e-10)
    value = backend.call(logdet_mi, s[:, a, a], s[:, a, e], s[:, e, e], ridge=ridge)
    np.testing.assert_allclose(value, f(a) + f(e) - f(a, e), rtol=1e-9)
    value = backend.call(logdet_cg, s[:, a, a], s[:, a, e], s[:, e, e], ridge=ridge)
    np.testing.assert_allclose(value, f(a, e) - f(e), rtol=1e-9)
    copies = np.concatenate([s[:, :7], s[:, :7]], 1)
    copies = np.concatenate([copies[..., :7], copies[..., :7]], -1)
    value = backend.call(logdet, np.concatenate([copies, np.eye(14)[None]]), ridge=ridge)
    if ridge:
        doubled = np.linalg.slogdet(2 * s[:, :7, :7] + np.eye(7)).logabsdet
        np.testing.assert_allclose(value, [doubled[0], 14 * np.log(2)], rtol=1e-9)
    else:
        assert value.tolist() == [-np.inf, 0]


@given(seed=SEEDS)
def test_twice_the_information_of_the_weights(backend, seed):
    # Catalogue 27: with a ridge of 1 similarities S = G P^-1 G^T are weight space.
    rng = np.random.default_rng(seed)
    g, root = rng.normal(size=(ALL, 4)), rng.normal(size=(4, 4))
    precision = root @ root.T + np.eye(4)
    s = g @ np.linalg.inv(precision) @ g.T
    s = (s + s.T) / 2

    def gain(rows, given=slice(0, 0)):
        base = precision + g[given].T @ g[given]
        more = base + g[rows].T @ g[rows]
        return (np.linalg.slogdet(more).logabsdet - np.linalg.slogdet(base).logabsdet) / 2

    both = slice(Q.start, P.stop)
    expected = {
        "logdet": gain(A),
        "logdet_mi": gain(A) - gain(A, Q),
        "logdet_cg": gain(A, P),
        "logdet_cmi": gain(A, P) - gain(A, both),
    }
    for name, value in expected.items():
        actual = backend.call(OF_JOINT[name], s, ridge=1.0)
        np.testing.assert_allclose(actual, 2 * value, rtol=1e-8, atol=1e-11)


@given(seed=SEEDS)
def test_twice_the_information_of_gaussians(backend, seed):
    s = similarities(seed)
    joint = s[:, :5, :5]
    information = backend.call(gaussian_mutual_information, joint, 2)
    value = backend.call(OF_JOINT["logdet_mi"], s)
    np.testing.assert_allclose(value, 2 * information, rtol=1e-9)
    entropy = backend.call(gaussian_entropy, s[:, A, A])
    value = backend.call(OF_JOINT["logdet"], s) + 2 * np.log(2 * np.pi * np.e)
    np.testing.assert_allclose(value, 2 * entropy, rtol=1e-10, atol=1e-10)


@ridges
@given(seed=SEEDS)
def test_information_is_symmetric_and_bounded(backend, ridge, seed):
    # Catalogue 13 and 14.
    s = similarities(seed)
    mi = backend.call(OF_JOINT["logdet_mi"], s, ridge=ridge)
    turned = backend.call(logdet_mi, s[:, Q, Q], s[:, Q, A], s[:, A, A], ridge=ridge)
    np.testing.assert_allclose(turned, mi, rtol=1e-9, atol=1e-13)
    cmi = backend.call(OF_JOINT["logdet_cmi"], s, ridge=ridge)
    blocks = [(Q, Q), (Q, A), (A, A), (Q, P), (A, P), (P, P)]
    turned = backend.call(logdet_cmi, *(s[:, x, y] for x, y in blocks), ridge=ridge)
    np.testing.assert_allclose(turned, cmi, rtol=1e-9, atol=1e-13)
    assert (mi >= 0).all()
    assert (cmi >= 0).all()
    if ridge == 1:
        for rows in (A, Q):
            assert (mi <= backend.call(logdet, s[:, rows, rows], ridge=1.0) + 1e-12).all()
        gain = backend.call(OF_JOINT["logdet_cg"], s, ridge=1.0)
        assert (gain >= 0).all()
        assert (gain <= backend.call(OF_JOINT["logdet"], s, ridge=1.0) + 1e-12).all()
        assert (cmi <= gain + 1e-12).all()


@ridges
@given(seed=SEEDS)
def test_the_log_determinant_is_submodular(backend, ridge, seed):
    # Catalogue 10: what a row adds shrinks as the set grows. With the chain rule.
    s = similarities(seed)

    def f(*rows):
        rows = list(rows)
        return backend.call(logdet, s[:, rows][:, :, rows], ridge=ridge)

    for x, y in itertools.pairwise(range(3)):
        assert (f(x, 5) - f(x) >= f(x, y, 5) - f(x, y) - 1e-10).all()
    gain = backend.call(OF_JOINT["logdet_cg"], s, ridge=ridge)
    np.testing.assert_allclose(gain, f(0, 1, 5, 6) - f(5, 6), rtol=1e-8, atol=1e-10)
    assert (gain <= f(0, 1) + 1e-10).all()


@dtypes
@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1e-3])
def test_small_values_with_a_ridge(backend, dtype, name, measure, scale):
    s = similarities(0, scale=scale).astype(dtype)
    value = backend.call(measure, s, ridge=1.0)
    if name == "logdet_cmi" and scale < 1e-3:
        # What P explains of a small block is of third order.
        expected = exact("logdet_mi", s, 1.0)
    else:
        expected = exact(name, s, 1.0)
    rtol = {"float32": 1e-4, "float64": 1e-10}[dtype]
    if name == "logdet_cmi":
        rtol = max(rtol, 10 * scale) if scale < 1e-3 else 1e-2
    tiny = np.finfo(dtype).smallest_normal
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=10 * tiny)
    assert (value >= 0).all()


@dtypes
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_scale_without_a_ridge(backend, dtype, name, measure, scale):
    s = similarities(1)
    expected = exact(name, s)
    if name not in INFORMATION:
        expected = expected + 2 * np.log(scale)
    value = backend.call(measure, (s * scale).astype(dtype))
    np.testing.assert_allclose(value, expected, **TOLERANCE[dtype])
    # Rows of different scales.
    root = np.array([1, scale, scale, 1, 1 / scale, 1, scale]) ** 0.5
    expected = exact(name, s)
    if name not in INFORMATION:
        expected = expected + np.log(scale)
    value = backend.call(measure, (s * root[:, None] * root).astype(dtype))
    np.testing.assert_allclose(value, expected, **TOLERANCE[dtype])


def test_a_huge_similarity_with_a_ridge(backend, name, measure):
    s = similarities(1, scale=1e12)
    np.testing.assert_allclose(backend.call(measure, s, ridge=1.0), exact(name, s, 1.0), rtol=1e-3)


def singular(kind, seed):
    """Gradients of four points, of which (so says the kind) one tells nothing new."""
    g = np.random.default_rng(seed).normal(size=(4, 6))
    if kind == "duplicate":
        g[2] = g[0]
    if kind == "zero":
        g[1] = 0
    if kind == "multiple":
        g[3] = -1e-3 * g[1]
    if kind == "rank":
        g[:, 3:] = 0
    if kind == "all zero":
        g[:] = 0
    return g


@dtypes
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("kind", ["duplicate", "zero", "multiple", "rank", "all zero"])
def test_a_duplicate_sends_it_to_minus_infinity(backend, dtype, scale, kind):
    stack = [singular(kind, seed) for seed in range(5)] + [singular("none", 0)]
    s = np.stack([g @ g.T for g in stack]) * scale
    value = backend.call(logdet, s.astype(dtype))
    assert np.isneginf(value).tolist() == [True] * 5 + [False]
    # Of the batch given what is already known.
    g = np.stack(stack)
    given = g[:, 4:] if kind == "rank" else np.random.default_rng(9).normal(size=(6, 1, 6))
    if kind != "rank":
        across, known = g @ given.swapaxes(-1, -2), given @ given.swapaxes(-1, -2)
        blocks = [(x * scale).astype(dtype) for x in (s / scale, across, known)]
        value = backend.call(logdet_cg, *blocks)
        assert np.isneginf(value).tolist() == [True] * 5 + [False]


@dtypes
def test_a_batch_that_is_already_known(backend, dtype):
    g = np.random.default_rng(0).normal(size=(5, 3, 6))
    s = (g @ g.swapaxes(-1, -2)).astype(dtype)
    again = backend.call(logdet_cg, s[:, :1, :1], s[:, :1], s)
    assert np.isneginf(again).all()
    told = backend.call(logdet_mi, s[:, :1, :1], s[:, :1], s)
    assert np.isposinf(told).all()
    # With a ridge, what is told twice is told less.
    again = backend.call(logdet_cg, s[:, :1, :1], s[:, :1], s, ridge=1.0)
    assert (again > 0).all()
    assert (again < np.log(2)).all()


@pytest.mark.parametrize("ridge", [0.1, 1.0])
def test_singular_blocks_with_a_ridge(backend, name, measure, ridge):
    for kind in ("duplicate", "zero", "rank"):
        g = np.concatenate([singular(kind, 0), singular(kind, 1)[:3]])
        s = (g @ g.T)[None]
        value = backend.call(measure, s, ridge=ridge)
        np.testing.assert_allclose(value, exact(name, s, ridge), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "rows", "block"),
    [
        ("logdet_mi", A, "s_a"),
        ("logdet_mi", Q, "s_e"),
        ("logdet_cg", P, "s_p"),
        ("logdet_cmi", P, "s_p"),
        ("logdet_cmi", A, "s_a given s_p"),
        ("logdet_cmi", Q, "s_q given s_p"),
    ],
)
def test_what_must_not_be_singular(backend, name, rows, block):
    g = np.random.default_rng(0).normal(size=(2, ALL, 9))
    g[1, rows.start] = g[1, rows.stop - 1]
    s = g @ g.swapaxes(-1, -2)
    measure = OF_JOINT[name]
    if backend.reads_values:
        found = (
            rf"{block}: matrix \(1,\) of shape .* is singular .*eigenvalue .*pass a larger ridge="
        )
        with pytest.raises(ValueError, match=found):
            backend.call(measure, s)
    if backend.name == "jax":
        value = np.asarray(without_values(backend, measure)(backend.array(s)))
        assert np.isnan(value).tolist() == [False, True]


def indefinite(rows):
    s = np.stack([np.eye(ALL)] * 2)
    s[1, rows.start, rows.start + 1] = s[1, rows.start + 1, rows.start] = 2
    return s


@ridges
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize(("name", "rows"), [("logdet", A), ("logdet_mi", Q), ("logdet_cmi", P)])
def test_what_is_no_similarity(backend, name, rows, ridge, scale):
    measure, ridge = OF_JOINT[name], ridge * scale / 2
    s = indefinite(rows) * scale
    if backend.reads_values:
        found = r"s_\w: matrix \(1,\) .*smallest eigenvalue -" + ("1" if ridge == 0 else "0?5")
        with pytest.raises(ValueError, match=found.replace("0?5", r"(0\.5|5e)")):
            backend.call(measure, s, ridge=ridge)
        for bad in (-np.eye(2), np.diag([1.0, -0.501]), np.array([[0.0, 1], [1, 0]])):
            with pytest.raises(ValueError, match="s_a: the matrix of shape"):
                backend.call(logdet, bad * scale, ridge=ridge)
    if backend.name == "jax":
        value = np.asarray(
            without_values(backend, lambda s: measure(s, ridge=ridge))(backend.array(s))
        )
        assert np.isnan(value).tolist() == [False, True]


@dtypes
@pytest.mark.parametrize("eta", [1.5, 1.8, 2.2])
def test_indefinite_similarities_with_a_ridge(backend, name, measure, dtype, eta):
    """As of magnified queries: no inner products, but with the ridge positive definite."""
    s = similarities(4)
    root = np.sqrt(np.diagonal(s, axis1=-2, axis2=-1))
    s = s / root[..., :, None] / root[..., None, :]
    for rows, columns in ((A, Q), (A, P), (Q, P)):
        s[:, rows, columns] *= eta
        s[:, columns, rows] *= eta
    s[:, 0, 1] = s[:, 1, 0] = 1.5
    s = s.astype(dtype)
    ridge = 1.25 * -float(np.linalg.eigvalsh(s).min())
    assert ridge > 0.5
    value = backend.call(measure, s, ridge=ridge)
    np.testing.assert_allclose(value, exact(name, s, ridge), **TOLERANCE[dtype])
    traced = without_values(backend, lambda s: measure(s, ridge=ridge))(backend.array(s))
    np.testing.assert_allclose(backend.numpy(traced), value, rtol=1e-5, atol=1e-6)


def test_many_rows_of_an_indefinite_matrix(backend):
    rng = np.random.default_rng(2)
    s = rng.normal(size=(2, 30, 30))
    s = s + s.swapaxes(-1, -2)
    ridge = 1.01 * -float(np.linalg.eigvalsh(s).min())
    expected = np.linalg.slogdet(s + ridge * np.eye(30)).logabsdet
    np.testing.assert_allclose(backend.call(logdet, s, ridge=ridge), expected, rtol=1e-10)
    a, e = s[:, :9, :9], s[:, 9:, 9:]
    logs = [np.linalg.slogdet(x + ridge * np.eye(x.shape[-1])).logabsdet for x in (a, e)]
    value = backend.call(logdet_mi, a, s[:, :9, 9:], e, ridge=ridge)
    np.testing.assert_allclose(value, sum(logs) - expected, rtol=1e-9)


def test_singular_with_the_ridge(backend):
    s = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert backend.call(logdet, s, ridge=1.0) == -np.inf
    told = backend.call(logdet_mi, s[:1, :1], s[:1, 1:], s[1:, 1:], ridge=1.0)
    assert told == np.inf


@pytest.mark.parametrize(
    "ridge",
    # The smallest is the hardest: it is what another library may lose.
    [1e-8, *(pytest.param(x, marks=pytest.mark.of_libraries("numpy")) for x in (1e-6, 1e-4))],
)
def test_a_ridge_that_rounding_hides(backend, ridge):
    """Gram matrices in float32 have negative eigenvalues: what is left counts as the ridge."""
    points = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    s = points @ points.T
    assert np.linalg.eigvalsh(s.astype("float64")).min() < -1e-7
    value = backend.call(logdet, s, ridge=ridge)
    wide = points.astype("float64")
    expected = np.linalg.slogdet(wide @ wide.T + ridge * np.eye(40)).logabsdet
    assert value == pytest.approx(expected, rel=5e-2)
    traced = without_values(backend, lambda s: logdet(s, ridge=ridge))(backend.array(s[None]))
    assert backend.numpy(traced)[0] == pytest.approx(float(value), rel=1e-3)


@ridges
def test_blocks_of_no_similarity(backend, ridge):
    if backend.reads_values:
        one = np.ones((3, 1, 1))
        cross = np.array([0.5, 4, 0.5])[:, None, None]
        with pytest.raises(ValueError, match=r"s_a and s_e: .*\(3, 1, 1\), is too large"):
            backend.call(logdet_mi, one, cross, one, ridge=ridge)
        with pytest.raises(ValueError, match=r"s_a given s_p: matrix \(1,\)"):
            backend.call(logdet_cg, one, cross, one, ridge=ridge)


@ridges
def test_stacks_of_empty_sets(backend, ridge):
    assert backend.call(logdet, np.zeros((2, 1, 0, 0)), ridge=ridge).tolist() == [[0], [0]]


@ridges
def test_empty_sets(backend, ridge):
    s = similarities(0)
    none, square, wide = np.zeros((2, 0, 0)), np.zeros((2, 0, 3)), s[:, Q, Q]
    assert backend.call(logdet, none, ridge=ridge).tolist() == [0, 0]
    assert backend.call(logdet, np.zeros((0, 0)), ridge=ridge) == 0
    tall = square.swapaxes(-1, -2)
    assert backend.call(logdet_mi, none, square, wide, ridge=ridge).tolist() == [0, 0]
    assert backend.call(logdet_mi, wide, tall, none, ridge=ridge).tolist() == [0, 0]
    assert backend.call(logdet_cg, none, square, wide, ridge=ridge).tolist() == [0, 0]
    alone = backend.call(logdet_cg, wide, tall, none, ridge=ridge)
    np.testing.assert_allclose(alone, backend.call(logdet, wide, ridge=ridge), rtol=1e-12)
    a, aq = s[:, A, A], s[:, A, Q]
    alone = backend.call(logdet_cmi, a, aq, wide, np.zeros((2, 2, 0)), tall, none, ridge=ridge)
    mi = backend.call(logdet_mi, a, aq, wide, ridge=ridge)
    np.testing.assert_allclose(alone, mi, rtol=1e-12)
    qp, p = s[:, Q, P], s[:, P, P]
    value = backend.call(logdet_cmi, none, square, wide, np.zeros((2, 0, 2)), qp, p, ridge=ridge)
    assert value.tolist() == [0, 0]


def test_shapes(backend, measure):
    s = similarities(0, (3, 2))
    value = backend.call(measure, s)
    assert value.shape == (3, 2)
    single = backend.call(measure, s[1, 1].copy())
    assert single.shape == ()
    np.testing.assert_allclose(single, value[1, 1], rtol=1e-11)
    assert backend.call(measure, s[:0]).shape == (0, 2)


@ridges
def test_sets_that_are_shared(backend, ridge):
    # Many batches, one evaluation set.
    g = np.random.default_rng(0).normal(size=(4, 2, 9))
    e = np.random.default_rng(1).normal(size=(3, 9))
    blocks = (g @ g.swapaxes(-1, -2), g @ e.T, e @ e.T)
    whole = (*blocks[:2], np.stack([blocks[2]] * 4))
    for function in (logdet_mi, logdet_cg):
        value = backend.call(function, *blocks, ridge=ridge)
        assert value.shape == (4,)
        np.testing.assert_allclose(
            value, backend.call(function, *whole, ridge=ridge), rtol=1e-12, atol=1e-13
        )
    value = backend.call(logdet_mi, blocks[0][:, None], 1e-3 * blocks[1], blocks[2], ridge=2.0)
    assert value.shape == (4, 4)


@pytest.mark.parametrize("name", INFORMATION)
@given(seed=SEEDS)
def test_never_negative_in_float32(backend, name, seed):
    noise = np.random.default_rng(seed).normal(size=(2, ALL, ALL)) * 1e-7
    s = (np.eye(ALL) + noise + noise.swapaxes(-1, -2)).astype(np.float32)
    for ridge in (0.0, 1.0):
        value = backend.call(OF_JOINT[name], s, ridge=ridge)
        assert (value >= 0).all()
        assert not np.signbit(value).any()
    alone = backend.call(OF_JOINT[name], np.eye(ALL)[None])
    assert alone == 0
    assert not np.signbit(alone).any()


def test_weak_dependence_in_float32(backend):
    one = np.ones((1, 1), np.float32)
    for rho in (1e-3, 1e-6, 1e-12):
        value = backend.call(logdet_mi, one, one * np.float32(rho), one)
        np.testing.assert_allclose(value, rho**2, rtol=1e-5)


def test_views_and_read_only_arrays(backend, measure):
    s = similarities(0)
    expected = backend.call(measure, s)
    wide = backend.array(np.repeat(np.repeat(s, 2, -1), 3, -2))[:, ::3, ::2]
    np.testing.assert_allclose(backend.numpy(measure(wide)), expected, rtol=1e-11)
    x = backend.array(s)
    if backend.name == "numpy":
        x.setflags(write=False)
    np.testing.assert_array_equal(backend.numpy(measure(x)), expected)
    np.testing.assert_array_equal(backend.numpy(x), s)


def cast(backend, x, dtype):
    return (
        x.astype(dtype)
        if backend.name == "dask"
        else backend.xp.astype(x, getattr(backend.xp, dtype))
    )


def test_half_precision_comes_back_as_it_came(backend, measure):
    half = {"numpy": "float16", "torch": "bfloat16", "jax": "bfloat16", "dask": "float16"}
    if backend.name in half:
        s = np.eye(ALL) + 0.125
        x = cast(backend, backend.array(s), half[backend.name])
        value = measure(x, ridge=1.0)
        assert value.dtype == x.dtype
        wide = backend.numpy(cast(backend, value, "float32"))
        np.testing.assert_allclose(wide, backend.call(measure, s, ridge=1.0), rtol=2e-2)


def test_no_float64_is_made_on_a_device_that_lacks_it(backend, measure):
    if backend.name == "array_api_strict":
        device = backend.module.Device("no_float64")
        s = backend.module.asarray(backend.array(similarities(0), "float32"), device=device)
        for ridge in (0.0, 1.0):
            value = measure(s, ridge=ridge)
            assert value.dtype == s.dtype
            assert value.device == device


@ridges
def test_gradients(backend, measure, ridge):
    g = np.random.default_rng(0).normal(size=(1, ALL, ALL + 2))

    def of_gradients(ops, g):
        return measure(ops.xp.matmul(g, ops.xp.matrix_transpose(g)), ridge=ridge)

    slope = gradient(backend, lambda x: of_gradients(backend.ops, x), g)
    plain = type(backend)("numpy")
    expected = by_differences(plain, lambda x: of_gradients(plain.ops, x), g)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)
    if backend.name == "torch":
        gradcheck = backend.module.autograd.gradcheck
        assert gradcheck(lambda x: of_gradients(backend.ops, x), backend.array(g).requires_grad_())


def test_no_nan_in_the_gradient_of_a_singular_matrix(backend):
    if backend.name in ("torch", "jax"):
        s = np.stack([np.ones((3, 3)), np.zeros((3, 3)), np.eye(3)])
        for ridge in (0.0, 1.0):
            slope = gradient(backend, lambda s, ridge=ridge: logdet(s, ridge=ridge)[2:], s)
            assert np.isfinite(slope).all()


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


@ridges
def test_values_need_not_be_read(backend, measure, ridge):
    s = similarities(0)
    traced = without_values(backend, lambda s: measure(s, ridge=ridge))(backend.array(s))
    expected = backend.call(measure, s, ridge=ridge)
    np.testing.assert_allclose(backend.numpy(traced), expected, rtol=1e-11, atol=1e-13)


def test_a_constant_in_a_traced_function(backend):
    if backend.name == "jax":
        e = backend.array(np.eye(3))
        traced = without_values(backend, lambda a, ae: logdet_mi(a, ae, e, ridge=1.0))
        blocks = np.eye(2), np.eye(2, 3) / 2
        value = backend.call(traced, *blocks)
        np.testing.assert_allclose(value, backend.call(logdet_mi, *blocks, np.eye(3), ridge=1.0))


def test_minus_infinity_where_values_can_not_be_read(backend):
    s = np.stack([np.ones((2, 2)), np.eye(2), np.zeros((2, 2))])
    value = without_values(backend, logdet)(backend.array(s))
    assert backend.numpy(value).tolist() == [-np.inf, 0, -np.inf]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_or_not_symmetric(backend, measure, value):
    if backend.reads_values:
        s = similarities(0)
        s[1, 0, 0] = value
        with pytest.raises(ValueError, match=r"s_a: a value of shape \(2, 2, 2\) is not finite"):
            backend.call(measure, s)
        s = similarities(0)
        s[1, 1, 0] += 1e-6
        with pytest.raises(ValueError, match=r"s_a: element \(1, 0, 1\) of shape \(2, 2, 2\)"):
            backend.call(measure, s)


def test_ridges(backend, measure):
    s = backend.array(similarities(0))
    for ridge in (-1.0, np.nan, np.inf, -1):
        with pytest.raises(ValueError, match="ridge: expected a finite number of at least 0"):
            measure(s, ridge=ridge)
    for ridge in (None, "1", True, 1j):
        with pytest.raises(TypeError, match="ridge: expected a real number"):
            measure(s, ridge=ridge)
    one = backend.numpy(measure(s, ridge=1.0))
    for ridge in (1, np.float32(1), np.int64(1)):
        np.testing.assert_array_equal(backend.numpy(measure(s, ridge=ridge)), one)


@pytest.mark.parametrize(
    ("function", "places"),
    [(logdet, [0]), (logdet_mi, [0, 2]), (logdet_cg, [0, 2]), (logdet_cmi, [0, 2, 5])],
)
def test_arguments_that_do_not_fit(backend, function, places):
    sizes = {1: (2,), 3: (2, 3), 6: (2, 3, 2)}
    count = {logdet: 1, logdet_mi: 3, logdet_cg: 3, logdet_cmi: 6}[function]
    a, q, p = (*sizes[count], 2, 2)[:3]
    shapes = [(a, a), (a, q), (q, q), (a, p), (q, p), (p, p)][:count]
    scales = [1 if place in places else 8 for place in range(count)]
    fine = [backend.array(np.eye(*s) / x) for s, x in zip(shapes, scales, strict=True)]
    function(*fine)
    for place in range(count):
        for wrong in (np.ones((4, 5)), np.ones(3)):
            arrays = list(fine)
            arrays[place] = backend.array(wrong)
            found = "expected square" if place in places else "expected shape"
            with pytest.raises(ValueError, match=found) as error:
                function(*arrays)
            assert str(wrong.shape) in str(error.value)
            assert str(error.value).startswith("s_")
        arrays = list(fine)
        arrays[place] = backend.array(np.ones(shapes[place]), "int64")
        with pytest.raises(TypeError, match=r"s_\w+: expected a real floating dtype.*int64"):
            function(*arrays)
        arrays[place] = [[1.0]]
        with pytest.raises(TypeError, match=r"s_\w+: expected an array"):
            function(*arrays)
        if count > 1:
            arrays[place] = backend.array(np.eye(*shapes[place]) / 2, "float32")
            with pytest.raises(TypeError, match="expected one dtype: s_a is"):
                function(*arrays)


def test_leading_axes_that_do_not_broadcast(backend):
    a, cross, e = np.ones((2, 1, 1)), np.zeros((3, 1, 1)), np.ones((1, 1))
    for function in (logdet_mi, logdet_cg):
        with pytest.raises(ValueError, match=r"axes .*\(2,\) and \(3,\).* do not broadcast"):
            function(*(backend.array(x) for x in (a, cross, e)))

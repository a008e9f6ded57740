"""Information of Gaussians: against many digits, against each other, and at the edges."""

import contextlib

import array_api_compat
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoq.measures import (
    gaussian_conditional_entropy,
    gaussian_entropy,
    gaussian_kl_divergence,
    gaussian_mutual_information,
    gaussian_total_correlation,
)
from tests.backends.gradient import by_differences, gradient

TOLERANCE = {"float32": {"rtol": 2e-4, "atol": 2e-5}, "float64": {"rtol": 1e-10, "atol": 1e-12}}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)
SEEDS = st.integers(0, 2**32 - 1)
SPLIT = 2
# Each as a function of one stack of covariances.
OF_COVARIANCE = {
    "entropy": gaussian_entropy,
    "mutual_information": lambda cov: gaussian_mutual_information(cov, SPLIT),
    "conditional_entropy": lambda cov: gaussian_conditional_entropy(cov, SPLIT),
    "total_correlation": gaussian_total_correlation,
    "kl_divergence": lambda cov: gaussian_kl_divergence(
        cov[..., 0], cov, 2 * cov[..., 1], cov + cov[..., :1, :1] * cov
    ),
}
NEVER_NEGATIVE = ["mutual_information", "total_correlation", "kl_divergence"]


@pytest.fixture(params=OF_COVARIANCE, scope="session")
def name(request):
    return request.param


@pytest.fixture(scope="session")
def measure(name):
    return OF_COVARIANCE[name]


def covariances(seed, stack=(2,), size=4):
    root = np.random.default_rng(seed).normal(size=(*stack, size, size))
    return root @ root.swapaxes(-1, -2) / size + 0.1 * np.eye(size)


def entropy(cov):
    return 0.5 * np.linalg.slogdet(2 * np.pi * np.e * cov.astype(np.float64)).logabsdet


def mutual_information(cov):
    parts = cov[..., :SPLIT, :SPLIT], cov[..., SPLIT:, SPLIT:]
    return sum(entropy(part) for part in parts) - entropy(cov)


def total_correlation(cov):
    marginals = sum(entropy(cov[..., i : i + 1, i : i + 1]) for i in range(cov.shape[-1]))
    return marginals - entropy(cov)


@mpmath.workdps(60)
def kl_divergence(mean_p, cov_p, mean_q, cov_q):
    values = []
    for m, p, n, q in zip(mean_p, cov_p, mean_q, cov_q, strict=True):
        one, two = (mpmath.matrix(x.astype(np.float64).tolist()) for x in (p, q))
        shift = mpmath.matrix((m.astype(np.float64) - n.astype(np.float64)).tolist())
        inverse = two**-1
        product = inverse * one
        trace = sum(product[i, i] for i in range(len(m)))
        log = mpmath.log(mpmath.det(product))
        values.append(float((trace - len(m) - log + (shift.T * inverse * shift)[0]) / 2))
    return np.array(values)


@dtypes
@given(seed=SEEDS)
def test_against_log_determinants(backend, dtype, seed):
    cov = covariances(seed).astype(dtype)
    for name, oracle in [
        ("entropy", entropy),
        ("mutual_information", mutual_information),
        ("total_correlation", total_correlation),
        ("conditional_entropy", lambda cov: entropy(cov) - entropy(cov[..., SPLIT:, SPLIT:])),
    ]:
        value = backend.call(OF_COVARIANCE[name], cov)
        assert value.dtype == dtype
        np.testing.assert_allclose(value, oracle(cov), **TOLERANCE[dtype])


@dtypes
@pytest.mark.parametrize("apart", [1.0, 1e-2, 1e-4])
@given(seed=SEEDS)
def test_divergence_against_its_closed_form(backend, dtype, apart, seed):
    rng = np.random.default_rng(seed)
    mean, cov = rng.normal(size=(2, 3)), covariances(seed, size=3)
    root = np.eye(3) + apart * rng.normal(size=(2, 3, 3))
    other = root @ cov @ root.swapaxes(-1, -2)
    other = (other + other.swapaxes(-1, -2)) / 2 + 1e-3 * apart * np.eye(3)
    arguments = [x.astype(dtype) for x in (mean + apart, other, mean, cov)]
    value = backend.call(gaussian_kl_divergence, *arguments)
    assert value.dtype == dtype
    rtol = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(value, kl_divergence(*arguments), rtol=rtol)


def test_small_divergences_in_float32(backend):
    rng = np.random.default_rng(0)
    cov = covariances(0, stack=(20,), size=3).astype(np.float32)
    change = rng.normal(size=cov.shape) * 1e-4
    other = (cov + 0.1 * (change + change.swapaxes(-1, -2))).astype(np.float32)
    mean = np.zeros((20, 3), np.float32)
    exact = kl_divergence(mean, other, mean, cov)
    assert np.median(exact) < 1e-8
    value = backend.call(gaussian_kl_divergence, mean, other, mean, cov)
    np.testing.assert_allclose(value, exact, rtol=1e-3)


def test_small_divergences_of_a_stack_of_large_covariances(backend):
    cov, mean = covariances(7, stack=(3,), size=30), np.zeros((3, 30))
    change = np.array([1e-2, 1e-3, 1e-4])[:, None, None] * covariances(8, stack=(3,), size=30)
    value = backend.call(gaussian_kl_divergence, mean, cov + change, mean, cov)
    np.testing.assert_allclose(value, kl_divergence(mean, cov + change, mean, cov), rtol=1e-9)


@pytest.mark.parametrize("size", [1, 4, 30])
def test_divergence_is_zero_for_equals_alone(backend, size):
    cov = covariances(3, size=size)
    mean = np.ones((2, size))
    assert (backend.call(gaussian_kl_divergence, mean, cov, mean, cov) == 0).all()
    assert (backend.call(gaussian_kl_divergence, mean, cov, mean + 1e-9, cov) > 0).all()
    assert (backend.call(gaussian_kl_divergence, mean, cov * (1 + 1e-9), mean, cov) > 0).all()


@pytest.mark.parametrize("apart", [1.0, 1e-3])
def test_large_covariances(backend, apart):
    # Beyond what is eliminated row by row.
    cov, other = covariances(5, (1,), 30), covariances(6, (1,), 30)
    other = cov + apart * other
    mean = np.zeros((1, 30))
    value = backend.call(gaussian_kl_divergence, mean, other, mean, cov)
    np.testing.assert_allclose(value, kl_divergence(mean, other, mean, cov), rtol=1e-9)
    for name, oracle in [
        ("mutual_information", mutual_information),
        ("total_correlation", total_correlation),
    ]:
        np.testing.assert_allclose(backend.call(OF_COVARIANCE[name], cov), oracle(cov), rtol=1e-10)


@pytest.mark.parametrize("ratio", [1e-20, 1e-6, 1e6, 1e15])
@dtypes
def test_divergence_far_apart(backend, dtype, ratio):
    cov = covariances(1).astype(dtype)
    mean = np.zeros((2, 4), dtype)
    narrow = (cov.astype(np.float64) * ratio).astype(dtype)
    value = backend.call(gaussian_kl_divergence, mean, narrow, mean, cov)
    np.testing.assert_allclose(value, 2 * (ratio - 1 - np.log(ratio)), rtol=1e-5)


def test_divergence_broadcasts(backend):
    cov, mean = covariances(2, (3, 2)), np.zeros((3, 1, 4))
    one = covariances(4, ())
    value = backend.call(gaussian_kl_divergence, mean, cov, np.ones(4), one)
    assert value.shape == (3, 2)
    parts = (np.zeros((6, 4)), cov.reshape(6, 4, 4), np.ones((6, 4)), np.stack([one] * 6))
    np.testing.assert_allclose(value.ravel(), kl_divergence(*parts), rtol=1e-10)


@dtypes
@pytest.mark.parametrize("rho", [0.0, 1e-6, -1e-3, 0.5, -0.99])
def test_two_scalars(backend, dtype, rho):
    # Catalogue 37.
    rho = float(np.asarray(rho, dtype))
    cov = np.array([[4, 2 * rho * 3], [2 * rho * 3, 9]], dtype)
    exact = -0.5 * np.log1p(-(float(cov[0, 1]) ** 2) / 36)
    for function, rest in [(gaussian_mutual_information, (1,)), (gaussian_total_correlation, ())]:
        value = backend.call(function, cov, *rest)
        rtol = {"float32": 3e-5, "float64": 1e-12}[dtype]
        np.testing.assert_allclose(value, exact, rtol=rtol)
        assert not np.signbit(value)


@given(seed=SEEDS)
def test_chain_rules(backend, seed):
    cov = covariances(seed)
    joint, rest = (backend.call(gaussian_entropy, x) for x in (cov, cov[:, SPLIT:, SPLIT:]))
    first = backend.call(gaussian_entropy, cov[:, :SPLIT, :SPLIT])
    conditional = backend.call(gaussian_conditional_entropy, cov, SPLIT)
    information = backend.call(gaussian_mutual_information, cov, SPLIT)
    np.testing.assert_allclose(conditional + rest, joint, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(information, first - conditional, rtol=1e-9, atol=1e-10)
    # Total correlation: within the two groups, and between them.
    parts = cov[:, :SPLIT, :SPLIT], cov[:, SPLIT:, SPLIT:]
    within = sum(backend.call(gaussian_total_correlation, x) for x in parts)
    total = backend.call(gaussian_total_correlation, cov)
    np.testing.assert_allclose(total, within + information, rtol=1e-9, atol=1e-10)


@given(seed=SEEDS)
def test_mutual_information_is_symmetric_and_a_divergence(backend, seed):
    cov = covariances(seed)
    information = backend.call(gaussian_mutual_information, cov, 1)
    turned = np.roll(cov, (-1, -1), (-2, -1))
    swapped = backend.call(gaussian_mutual_information, turned, 3)
    np.testing.assert_allclose(swapped, information, rtol=1e-9, atol=1e-14)
    product = cov.copy()
    product[:, :1, 1:] = product[:, 1:, :1] = 0
    mean = np.zeros((2, 4))
    divergence = backend.call(gaussian_kl_divergence, mean, cov, mean, product)
    np.testing.assert_allclose(divergence, information, rtol=1e-9, atol=1e-12)
    # Part of the others tells no more than all of them.
    less = backend.call(gaussian_mutual_information, cov[:, :3, :3], 1)
    assert (less <= information * (1 + 1e-9)).all()


@given(seed=SEEDS)
def test_affine_maps(backend, seed):
    rng = np.random.default_rng(seed)
    cov, other = covariances(seed), covariances(seed + 1)
    mean, shift = rng.normal(size=(2, 4)), rng.normal(size=4)
    a = rng.normal(size=(4, 4)) / 4 + np.eye(4) * 2

    def moved(x, a=a):
        y = a @ x @ a.T
        return (y + y.swapaxes(-1, -2)) / 2

    before = backend.call(gaussian_kl_divergence, mean, cov, -mean, other)
    after = backend.call(
        gaussian_kl_divergence, mean @ a.T + shift, moved(cov), -mean @ a.T + shift, moved(other)
    )
    np.testing.assert_allclose(after, before, rtol=1e-8)
    volume = np.linalg.slogdet(a).logabsdet
    np.testing.assert_allclose(
        backend.call(gaussian_entropy, moved(cov)),
        backend.call(gaussian_entropy, cov) + volume,
        rtol=1e-9,
        atol=1e-10,
    )
    blocks = a * np.kron(np.eye(2), np.ones((2, 2)))
    np.testing.assert_allclose(
        backend.call(gaussian_mutual_information, moved(cov, blocks), SPLIT),
        backend.call(gaussian_mutual_information, cov, SPLIT),
        rtol=1e-8,
    )


@dtypes
def test_weak_dependence(backend, dtype):
    weak = 1e-5
    cov = np.eye(4, dtype=dtype) + np.asarray(weak, dtype) * (1 - np.eye(4, dtype=dtype))
    exact = float(cov[0, 1]) ** 2
    information = backend.call(gaussian_mutual_information, cov, SPLIT)
    np.testing.assert_allclose(information, 4 * exact / 2, rtol=1e-4)
    total = backend.call(gaussian_total_correlation, cov)
    np.testing.assert_allclose(total, 6 * exact / 2, rtol=1e-4)


@dtypes
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_scale(backend, dtype, scale, name, measure):
    cov = covariances(0)
    expected = backend.call(measure, cov)
    if name == "entropy":
        expected = expected + 2 * np.log(scale)
    if name == "conditional_entropy":
        expected = expected + SPLIT / 2 * np.log(scale)
    if name == "kl_divergence":
        return
    value = backend.call(measure, (cov * scale).astype(dtype))
    np.testing.assert_allclose(value, expected, **TOLERANCE[dtype])
    # Coordinates of different scales.
    root = np.array([scale, 1, 1, 1 / scale]) ** 0.5
    value = backend.call(measure, (cov * root[:, None] * root).astype(dtype))
    expected = backend.call(measure, cov)
    if name == "conditional_entropy":
        expected = expected + np.log(scale) / 2
    np.testing.assert_allclose(value, expected, **TOLERANCE[dtype])


def test_shapes(backend, measure):
    cov = covariances(0, (3, 2))
    value = backend.call(measure, cov)
    assert value.shape == (3, 2)
    single = backend.call(measure, cov[1, 1].copy())
    assert single.shape == ()
    np.testing.assert_allclose(single, value[1, 1], rtol=1e-12)
    assert backend.call(measure, cov[:0]).shape == (0, 2)


def test_one_coordinate(backend):
    cov = np.array([[[4.0]], [[1.0]]])
    value = backend.call(gaussian_entropy, cov)
    np.testing.assert_allclose(value, 0.5 * np.log(2 * np.pi * np.e * cov.ravel()), rtol=1e-14)
    assert (backend.call(gaussian_total_correlation, cov) == 0).all()
    value = backend.call(gaussian_kl_divergence, np.zeros((2, 1)), cov, np.zeros((2, 1)), cov[::-1])
    np.testing.assert_allclose(value, [1.5 - np.log(2), -0.375 + np.log(2)], rtol=1e-14)


def test_independent_coordinates_are_plus_zero(backend, name, measure):
    if name in NEVER_NEGATIVE[:2]:
        value = backend.call(measure, np.stack([np.eye(4), np.diag([1.0, 2, 3, 4])]))
        assert (value == 0).all()
        assert not np.signbit(value).any()


@pytest.mark.parametrize("name", NEVER_NEGATIVE)
@given(seed=SEEDS)
def test_never_negative_in_float32(backend, name, seed):
    noise = np.random.default_rng(seed).normal(size=(2, 4, 4)) * 1e-7
    cov = (np.eye(4) + noise + noise.swapaxes(-1, -2)).astype(np.float32)
    assert (backend.call(OF_COVARIANCE[name], cov) >= 0).all()


def test_views_and_read_only_arrays(backend, measure):
    cov = covariances(0)
    expected = backend.call(measure, cov)
    wide = backend.array(np.repeat(np.repeat(cov, 2, -1), 3, -2))[:, ::3, ::2]
    np.testing.assert_allclose(backend.numpy(measure(wide)), expected, rtol=1e-12)
    x = backend.array(cov)
    if backend.name == "numpy":
        x.setflags(write=False)
    np.testing.assert_array_equal(backend.numpy(measure(x)), expected)
    np.testing.assert_array_equal(backend.numpy(x), cov)


def cast(backend, x, dtype):
    return (
        x.astype(dtype)
        if backend.name == "dask"
        else backend.xp.astype(x, getattr(backend.xp, dtype))
    )


def test_half_precision_comes_back_as_it_came(backend, measure):
    half = {"numpy": "float16", "torch": "bfloat16", "jax": "bfloat16", "dask": "float16"}
    if backend.name in half:
        cov = np.array([[2, 0.5, 0, 0], [0.5, 1, 0.25, 0], [0, 0.25, 1, 0.5], [0, 0, 0.5, 4]])
        x = cast(backend, backend.array(cov), half[backend.name])
        value = measure(x)
        assert value.dtype == x.dtype
        wide = backend.numpy(cast(backend, value, "float32"))
        np.testing.assert_allclose(wide, backend.call(measure, cov), rtol=2e-2)


def test_device_and_no_float64(backend, measure):
    cov = backend.array(covariances(0), "float32")
    if backend.name == "array_api_strict":
        for device in ("device1", "no_float64"):
            there = backend.module.asarray(cov, device=backend.module.Device(device))
            value = measure(there)
            assert value.dtype == cov.dtype
            assert array_api_compat.device(value) == array_api_compat.device(there)


def test_gradients(backend, measure):
    root = np.random.default_rng(0).normal(size=(2, 4, 4))

    def of_root(ops, root):
        xp = ops.xp
        eye = xp.eye(4, dtype=root.dtype, device=ops.device(root))
        return measure(xp.matmul(root, xp.matrix_transpose(root)) + eye)

    slope = gradient(backend, lambda x: of_root(backend.ops, x), root)
    plain = type(backend)("numpy")
    expected = by_differences(plain, lambda x: of_root(plain.ops, x), root)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-7)
    if backend.name == "torch":
        gradcheck = backend.module.autograd.gradcheck
        assert gradcheck(lambda x: of_root(backend.ops, x), backend.array(root).requires_grad_())


def test_gradient_of_a_divergence_near_zero(backend):
    if backend.name in ("torch", "jax"):
        mean = backend.array(np.zeros(3))
        cov = backend.array(np.eye(3))

        def function(x):
            return gaussian_kl_divergence(mean, cov + x[0] * cov, mean, cov)

        for x in (0.0, 1e-6, 1.0):
            slope = gradient(backend, function, np.array([x]))
            np.testing.assert_allclose(slope, 1.5 * (1 - 1 / (1 + x)), rtol=1e-6, atol=1e-15)


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


def test_values_need_not_be_read(backend, measure):
    cov = covariances(0)
    traced = without_values(backend, measure)(backend.array(cov))
    np.testing.assert_allclose(
        backend.numpy(traced), backend.call(measure, cov), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    "bad",
    [np.ones((4, 4)), np.diag([1.0, 1, 1, 0]), np.diag([1.0, -1, 1, 1]), np.zeros((4, 4))],
    ids=["duplicates", "no variance", "negative", "zero"],
)
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_what_is_not_positive_definite(backend, measure, name, bad, scale):
    cov = np.stack([np.eye(4), bad]) * scale
    if backend.name == "jax":
        value = np.asarray(without_values(backend, measure)(backend.array(cov)))
        assert np.isfinite(value).tolist() == [True, False]
    if backend.name == "dask":
        # NaN, or refused as soon as a factor is computed.
        with contextlib.suppress(ValueError):
            assert np.isfinite(backend.call(measure, cov)).tolist() == [True, False]
        return
    found = r"cov\w*: matrix \(1,\) of shape \(2, 4, 4\) is singular or not positive definite"
    with pytest.raises(ValueError, match=rf"{found} \(smallest eigenvalue .*drop the"):
        backend.call(measure, cov)
    with pytest.raises(ValueError, match=r"cov\w*: the matrix of shape \(4, 4\)"):
        backend.call(measure, cov[1])


def test_rounding_does_not_hide_a_singular_covariance(backend, measure):
    if backend.reads_values:
        for seed in range(5):
            root = np.random.default_rng(seed).normal(size=(4, 3))
            with pytest.raises(ValueError, match="smallest eigenvalue"):
                backend.call(measure, root @ root.T)


def test_a_bad_covariance_with_a_gradient(backend, measure):
    if backend.name == "torch":
        with pytest.raises(ValueError, match=r"smallest eigenvalue -1"):
            measure(backend.array(np.diag([1.0, -1, 1, 1])).requires_grad_())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_or_not_symmetric(backend, measure, value):
    if backend.reads_values:
        cov = covariances(0)
        cov[1, 2, 2] = value
        with pytest.raises(ValueError, match=r"cov\w*: a value of shape \(2, 4, 4\) is not finite"):
            backend.call(measure, cov)
        cov = covariances(0)
        cov[1, 2, 0] += 1e-6
        with pytest.raises(ValueError, match=r"cov\w*: element \(1, 0, 2\) of shape \(2, 4, 4\)"):
            backend.call(measure, cov)
        # Within what float32 makes of a product.
        backend.call(measure, cov.astype(np.float32))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4), (4,), (), (0, 0), (2, 0, 0)], ids=str)
@pytest.mark.parametrize(
    "function",
    [
        gaussian_entropy,
        gaussian_total_correlation,
        lambda cov: gaussian_mutual_information(cov, 1),
        lambda cov: gaussian_conditional_entropy(cov, 1),
        lambda cov: gaussian_kl_divergence(cov, cov, cov, cov),
    ],
)
def test_what_is_not_square(backend, function, shape):
    with pytest.raises(ValueError, match=r"cov\w*: expected square matrices") as error:
        function(backend.array(np.ones(shape)))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("function", [gaussian_mutual_information, gaussian_conditional_entropy])
def test_splits(backend, function):
    cov = backend.array(np.eye(4))
    for split in (0, 4, -1, 7):
        with pytest.raises(ValueError, match=rf"split: .*shape \(4, 4\), got {split}"):
            function(cov, split)
    for split in (1.0, "1", None):
        with pytest.raises(TypeError, match="split: expected an int"):
            function(cov, split)
    assert function(cov, np.int64(1)).shape == ()


def test_dtypes_and_libraries(backend):
    whole = backend.array(np.eye(4), "int64")
    for function in (gaussian_entropy, gaussian_total_correlation):
        with pytest.raises(TypeError, match=r"cov: expected a real floating dtype.*int64"):
            function(whole)
    mean, cov = backend.array(np.zeros(4)), backend.array(np.eye(4))
    single = backend.array(np.eye(4), "float32")
    with pytest.raises(TypeError, match=r"one dtype: mean_p is .*float64.*cov_q is .*float32"):
        gaussian_kl_divergence(mean, cov, mean, single)
    with pytest.raises(TypeError, match="mean_q: expected an array"):
        gaussian_kl_divergence(mean, cov, [0.0] * 4, cov)
    with pytest.raises(TypeError, match="cov: expected an array"):
        gaussian_entropy([[1.0]])


def test_means_and_covariances_that_do_not_fit(backend):
    mean, cov = backend.array(np.zeros((2, 4))), backend.array(np.stack([np.eye(4)] * 2))
    for wrong in (np.zeros((2, 3)), np.zeros(()), np.zeros((2, 1))):
        with pytest.raises(ValueError, match="expected one D, got shapes") as error:
            gaussian_kl_divergence(backend.array(wrong), cov, mean, cov)
        assert str(wrong.shape) in str(error.value)
    with pytest.raises(ValueError, match=r"axes .*\(2,\) and \(3,\).* do not broadcast"):
        gaussian_kl_divergence(mean, cov, backend.array(np.zeros((3, 4))), cov)

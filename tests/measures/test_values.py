"""Every measure against a plain loop in 50 digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import infoq

TOLERANCE = {
    "float32": {"rtol": 2e-5, "atol": 1e-6},
    "float64": {"rtol": 1e-12, "atol": 1e-14},
}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def normalised(weights):
    """Distributions over the last two axes; the uniform one where all weights are zero."""
    total = weights.sum((-2, -1), keepdims=True)
    return np.where(total > 0, weights, 1) / np.where(total > 0, total, weights[0].size)


WEIGHTS = st.one_of(st.just(0.0), st.floats(1e-6, 1), st.sampled_from([1.0, 1e-12]))
JOINTS = hnp.arrays(np.float64, (2, 2, 3), elements=WEIGHTS).map(normalised)


def xlog(x, y):
    """`x log y`, with 0 where x is."""
    if x == 0:
        return mpmath.mpf(0)
    return x * mpmath.log(y) if y else -mpmath.inf


def entropy(p):
    return -sum(xlog(v, v) for v in p)


def cross_entropy(p, q):
    return -sum(xlog(v, w) for v, w in zip(p, q, strict=True))


def kl_divergence(p, q):
    return cross_entropy(p, q) - entropy(p)


def js_divergence(p, q):
    mean = [(v + w) / 2 for v, w in zip(p, q, strict=True)]
    return (kl_divergence(p, mean) + kl_divergence(q, mean)) / 2


def conditional_entropy(p):
    return entropy(p.ravel()) - entropy(p.sum(0))


def total_correlation(p):
    others = [tuple(j for j in range(p.ndim) if j != i) for i in range(p.ndim)]
    return sum(entropy(p.sum(axes)) for axes in others) - entropy(p.ravel())


@mpmath.workdps(50)
def exactly(oracle, *arrays):
    """The oracle of each distribution along the first axis, on mpmath's numbers."""
    exact = [np.vectorize(mpmath.mpf, otypes=[object])(x.astype(np.float64)) for x in arrays]
    return np.array([float(oracle(*rows)) for rows in zip(*exact, strict=True)])


@dtypes
@given(p=JOINTS)
def test_measures_of_one_distribution(backend, dtype, p):
    p = p.reshape(2, 6).astype(dtype)
    actual = backend.call(infoq.entropy, p)
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, exactly(entropy, p), **TOLERANCE[dtype])
    content = backend.call(infoq.information_content, p)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(content, -np.log(p.astype(np.float64)), **TOLERANCE[dtype])


@dtypes
@pytest.mark.parametrize("oracle", [cross_entropy, kl_divergence, js_divergence])
@given(p=JOINTS, q=JOINTS)
def test_measures_of_two_distributions(backend, dtype, oracle, p, q):
    p, q = (x.reshape(2, 6).astype(dtype) for x in (p, q))
    actual = backend.call(getattr(infoq, oracle.__name__), p, q)
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, exactly(oracle, p, q), **TOLERANCE[dtype])


@dtypes
@given(joint=JOINTS)
def test_measures_of_a_joint_distribution(backend, dtype, joint):
    joint = joint.astype(dtype)
    information = backend.call(infoq.mutual_information, joint)
    conditional = backend.call(infoq.conditional_entropy, joint)
    assert information.dtype == conditional.dtype == dtype
    np.testing.assert_allclose(information, exactly(total_correlation, joint), **TOLERANCE[dtype])
    np.testing.assert_allclose(conditional, exactly(conditional_entropy, joint), **TOLERANCE[dtype])


@dtypes
@given(joint=hnp.arrays(np.float64, (2, 2, 3, 2), elements=WEIGHTS))
def test_total_correlation_of_three_variables(backend, dtype, joint):
    joint = normalised(joint.reshape(2, 6, 2)).reshape(joint.shape).astype(dtype)
    actual = backend.call(infoq.total_correlation, joint, axis=(1, 2, 3))
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, exactly(total_correlation, joint), **TOLERANCE[dtype])


def test_known_values(backend):
    coin, joint = np.array([0.5, 0.5]), np.array([[0.5, 0.0], [0.0, 0.5]])
    certain = np.array([1.0, 0.0])
    log2 = np.log(2)
    known = [
        (backend.call(infoq.entropy, coin), log2),
        (backend.call(infoq.entropy, np.full(1000, 1e-3)), np.log(1000)),
        (backend.call(infoq.cross_entropy, certain, coin), log2),
        (backend.call(infoq.kl_divergence, certain, coin), log2),
        (backend.call(infoq.js_divergence, certain, certain[::-1]), log2),
        (backend.call(infoq.js_divergence, certain, coin), 0.75 * np.log(4 / 3)),
        (backend.call(infoq.mutual_information, joint), log2),
        (backend.call(infoq.total_correlation, joint, axis=(0, 1)), log2),
        (backend.call(infoq.conditional_entropy, np.full((2, 2), 0.25)), log2),
    ]
    np.testing.assert_allclose(*zip(*known, strict=True), rtol=1e-14)
    zeros = [
        backend.call(infoq.entropy, certain),
        backend.call(infoq.kl_divergence, certain, certain),
        backend.call(infoq.conditional_entropy, joint),
        backend.call(infoq.mutual_information, np.full((2, 2), 0.25)),
    ]
    assert zeros == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("size", [(3, 4), (300, 40)], ids=["whole", "long"])
def test_what_is_nearly_certain_keeps_its_digits(backend, size, kind):
    """H[X | Y] in float32, where one x has almost all of the probability of each y."""
    rng = np.random.default_rng(5)
    joint = rng.dirichlet(np.ones(size[0]), size[1]).T * 1e-5
    joint[rng.integers(size[0], size=size[1]), np.arange(size[1])] = 1
    joint = (joint / joint.sum()).astype("float32")
    given = joint if kind == "probs" else np.log(joint, where=joint > 0, out=np.full(size, -300.0))
    given = np.asarray(given, dtype="float32")
    exact = given.astype("float64") if kind == "probs" else np.exp(given.astype("float64"))
    exact = exact / exact.sum()
    expected = -(exact * np.log(np.where(exact > 0, exact / exact.sum(0), 1))).sum()
    value = backend.call(infoq.conditional_entropy, given, kind=kind)
    np.testing.assert_allclose(value, expected, rtol=3e-6)
    across = backend.call(infoq.conditional_entropy, given.T.copy(), x_axis=1, y_axis=0, kind=kind)
    np.testing.assert_allclose(across, expected, rtol=3e-6)
    with infoq.options(memory=4096):
        blocks = backend.call(infoq.conditional_entropy, given, kind=kind)
    np.testing.assert_allclose(blocks, expected, rtol=3e-6)

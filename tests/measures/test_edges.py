"""Zeros, certain outcomes, the smallest and the largest numbers, and empty arrays."""

import numpy as np
import pytest

import infoq

LOW = -np.inf
# Of the size of the numbers that a softmax in float32 underflows to, and of float64.
DENORMAL = {"float32": 1e-41, "float64": 1e-310}
denormals = pytest.mark.parametrize("dtype", DENORMAL)


def certain(*places):
    """Joint distributions [2, 2, 3] of one certain outcome each."""
    p = np.zeros((2, 2, 3))
    for i, (x, y) in enumerate(places):
        p[i, x, y] = 1
    return p


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_certain_outcomes(backend, measure, kind):
    p, q = certain((0, 0), (1, 2)), certain((1, 1), (1, 2))
    if kind != "probs":
        p, q = (np.where(x > 0, 0, LOW) for x in (p, q))
    value = backend.call(measure, p, q, kind=kind)
    allowed = [0.0, np.inf, np.log(2)]
    assert not np.isnan(value).any()
    assert np.isclose(value[..., None], allowed, rtol=1e-13, atol=0).any(-1).all()


@pytest.mark.parametrize("function", [infoq.kl_divergence, infoq.cross_entropy])
def test_what_q_excludes_and_p_allows_is_infinite(backend, function):
    p = np.array([[0.5, 0, 0, 0, 0, 0.5], [1.0, 0, 0, 0, 0, 0]])
    q = np.array([[1.0, 0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0, 0]])
    assert backend.call(function, p, q).tolist() == [np.inf, 0.0]
    with np.errstate(divide="ignore"):
        logs = np.log(p), np.log(q)
    assert backend.call(function, *logs, kind="log_probs").tolist() == [np.inf, 0.0]


def test_js_divergence_is_finite_for_disjoint_supports(backend):
    p = np.array([0.3, 0.7, 0, 0, 0, 0])
    value = backend.call(infoq.js_divergence, p, p[::-1].copy())
    np.testing.assert_allclose(value, np.log(2), rtol=1e-13)


def test_a_single_outcome_tells_nothing(backend, measure):
    one = np.ones((2, 1, 1))
    value = backend.call(measure, one, one)
    assert (value == 0).all()
    assert not np.signbit(value).any()


def test_certainty_is_plus_zero(backend, measure):
    p = certain((0, 0), (1, 1))
    value = backend.call(measure, p, p)
    assert ((value == 0) | (value == np.inf)).all()
    assert not np.signbit(value).any()


def test_no_measure_of_a_distribution_is_below_zero(backend):
    # Sums may be off by 0.001, and a probability above one has a negative logarithm.
    p = np.array([[1.0005, 0, 0, 0, 0, 0], [0.999, 0.001, 0, 0, 0, 0]])
    q = np.array([[1.0005, 0, 0, 0, 0, 0], [1.0005, 0.0001, 0, 0, 0, 0]])
    for function in (infoq.kl_divergence, infoq.js_divergence, infoq.cross_entropy):
        assert (backend.call(function, p, q) >= 0).all()
    assert backend.call(infoq.entropy, p)[0] == 0
    joints = p.reshape(2, 2, 3)
    for function in (infoq.mutual_information, infoq.conditional_entropy):
        assert (backend.call(function, joints) >= 0).all()


def test_no_distributions_give_no_values(backend, measure):
    nothing = np.zeros((0, 2, 3))
    value = backend.call(measure, nothing, nothing)
    assert value.shape[0] == 0
    assert value.size == 0


def test_no_distributions_of_several_axes(backend):
    nothing = np.zeros((4, 0, 2, 3))
    assert backend.call(infoq.entropy, nothing).shape == (4, 0, 2)
    assert backend.call(infoq.conditional_entropy, nothing).shape == (4, 0)
    assert backend.call(infoq.total_correlation, nothing, axis=(2, 3)).shape == (4, 0)
    assert backend.call(infoq.mutual_information, nothing).shape == (4, 0)


def test_one_distribution_gives_an_array_without_axes(backend, measure):
    p = np.array([[0.25, 0.25, 0], [0.5, 0, 0]])
    value = measure(backend.array(p), backend.array(p))
    assert value.shape in ((), (6,))
    assert backend.numpy(value).shape == value.shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits(backend, measure, dtype):
    big = 1e37 if dtype == "float32" else 1e307
    z = np.full((2, 2, 3), -big, dtype)
    z[0, 0, 0] = z[0, 1, 2] = big
    z[0, 0, 1] = 0
    z[1, 1, :] = LOW
    p = np.zeros((2, 2, 3))
    p[0, 0, 0] = p[0, 1, 2] = 1 / 2
    p[1, 0, :] = 1 / 3
    # The same distribution twice: how far logits of 1e37 are apart is infinite or nothing.
    value = backend.call(measure, z, z, kind="logits")
    expected = backend.call(measure, p, p)
    assert value.dtype == dtype
    finite = np.isfinite(expected)
    rtol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(value[finite], expected[finite], rtol=rtol, atol=1e-30)
    assert (value[~finite] > 1e36).all()


def test_logits_far_below_the_smallest_probability(backend):
    z = np.array([0.0, -5000.0])
    content = backend.call(infoq.information_content, z, kind="logits")
    assert content.tolist() == [0, 5000]
    fair = np.array([0.0, 0.0])
    value = backend.call(infoq.cross_entropy, fair, z, kind="logits")
    np.testing.assert_allclose(value, 2500, rtol=1e-14)
    value = backend.call(infoq.kl_divergence, fair, z, kind="logits")
    np.testing.assert_allclose(value, 2500 - np.log(2), rtol=1e-14)
    assert backend.call(infoq.entropy, z, kind="logits") == 0


@denormals
def test_entropies_of_denormals(backend, dtype):
    tiny = DENORMAL[dtype]
    p = np.array([[1, tiny, 0, 0, 0, 0], [1, tiny, tiny / 2, 0, 0, 0]], dtype)
    assert (backend.call(infoq.entropy, p) < 1e-36).all()
    assert (backend.call(infoq.cross_entropy, p, p) < 1e-36).all()
    # Where a library flushes denormals to zero, the outcome is impossible.
    content = backend.call(infoq.information_content, p)[:, 1]
    assert (np.isinf(content) | (np.abs(content + np.log(tiny)) < 1e-3)).all()


@denormals
@pytest.mark.parametrize("function", [infoq.kl_divergence, infoq.js_divergence])
def test_divergences_of_denormals(backend, dtype, function):
    tiny = DENORMAL[dtype]
    p = np.array([[1, tiny, tiny, tiny, 0, 0]] * 2, dtype)
    q = np.array([[1, tiny, 4 * tiny, 0.9 * tiny, tiny, 0], p[1]], dtype)
    value = backend.call(function, p, q)
    assert (value >= 0).all()
    assert (value < 1e-36).all()


@denormals
def test_what_depends_on_denormals(backend, dtype):
    p = np.zeros((2, 2, 3), dtype)
    p[..., 0], p[..., 1] = 0.5, DENORMAL[dtype]
    assert (backend.call(infoq.mutual_information, p) < 1e-36).all()
    assert (backend.call(infoq.total_correlation, p, axis=(1, 2)) < 1e-36).all()
    np.testing.assert_allclose(backend.call(infoq.conditional_entropy, p), np.log(2), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "rare"), [("float32", 1e-20), ("float64", 1e-160)])
def test_rare_outcomes_whose_product_is_no_normal_number(backend, dtype, rare):
    p = np.zeros((2, 2, 3), dtype)
    p[:, 0, 0], p[:, 1, 2] = 1, rare
    information = backend.call(infoq.mutual_information, p)
    np.testing.assert_allclose(information, rare * (1 - np.log(rare)), rtol=1e-4)


def test_copies_of_a_rare_outcome(backend):
    # The product of the four marginals underflows in float32; their joint distribution does not.
    rare = 1e-10
    p = np.zeros((2, 2, 2, 2), np.float32)
    p[0, 0, 0, 0], p[1, 1, 1, 1] = 1, rare
    total = backend.call(infoq.total_correlation, p, axis=(0, 1, 2, 3))
    np.testing.assert_allclose(total, 3 * rare * (1 - np.log(rare)), rtol=1e-4)

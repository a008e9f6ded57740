"""What ties the measures together, for any distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import infoq

WEIGHTS = st.one_of(st.just(0.0), st.floats(1e-6, 1), st.just(1.0))
X, Y, Z = 1, 2, 3


def distributions(*shape):
    """Two distributions over all axes of the shape, [2, *shape]."""

    def normalised(weights):
        flat = weights.reshape(2, -1)
        flat = np.where(flat.any(-1, keepdims=True), flat, 1.0)
        return (flat / flat.sum(-1, keepdims=True)).reshape(weights.shape)

    return hnp.arrays(np.float64, (2, *shape), elements=WEIGHTS).map(normalised)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=2e-15)


@given(joint=distributions(2, 3))
def test_the_chain_rule_of_entropy(backend, joint):
    both = backend.call(infoq.entropy, joint, axis=(X, Y))
    y = backend.call(infoq.entropy, joint.sum(X))
    x_given_y = backend.call(infoq.conditional_entropy, joint)
    close(both, y + x_given_y)


@given(joint=distributions(2, 3))
def test_mutual_information_is_what_the_other_takes_off_the_entropy(backend, joint):
    information = backend.call(infoq.mutual_information, joint)
    x, y = backend.call(infoq.entropy, joint.sum(Y)), backend.call(infoq.entropy, joint.sum(X))
    x_given_y = backend.call(infoq.conditional_entropy, joint)
    y_given_x = backend.call(infoq.conditional_entropy, joint, x_axis=Y, y_axis=X)
    both = backend.call(infoq.entropy, joint, axis=(X, Y))
    close(information, x - x_given_y)
    close(information, y - y_given_x)
    close(information, x + y - both)
    assert (information >= 0).all()
    assert (information <= np.minimum(x, y) + 1e-14).all()
    close(information, backend.call(infoq.mutual_information, joint.swapaxes(X, Y)))
    close(information, backend.call(infoq.mutual_information, joint, x_axis=Y, y_axis=X))


@given(joint=distributions(2, 3))
def test_mutual_information_is_a_divergence_and_a_total_correlation(backend, joint):
    product = joint.sum(Y, keepdims=True) * joint.sum(X, keepdims=True)
    information = backend.call(infoq.mutual_information, joint)
    close(information, backend.call(infoq.kl_divergence, joint, product, axis=(X, Y)))
    close(information, backend.call(infoq.total_correlation, joint, axis=(X, Y)))


@given(joint=distributions(2, 3, 2))
def test_the_chain_rule_of_total_correlation(backend, joint):
    total = backend.call(infoq.total_correlation, joint, axis=(X, Y, Z))
    pair = backend.call(infoq.mutual_information, joint.sum(Z))
    pair_and_z = backend.call(infoq.mutual_information, joint, x_axis=(X, Y), y_axis=Z)
    close(total, pair + pair_and_z)


@given(p=distributions(2), q=distributions(3))
def test_independent_variables_share_nothing(backend, p, q):
    product = p[:, :, None] * q[:, None, :]
    assert (backend.call(infoq.mutual_information, product) <= 1e-15).all()
    three = product[..., None] * np.array([0.25, 0.75])
    assert (backend.call(infoq.total_correlation, three, axis=(X, Y, Z)) <= 1e-15).all()
    close(backend.call(infoq.conditional_entropy, product), backend.call(infoq.entropy, p))


@given(p=distributions(3))
def test_a_copy_tells_all(backend, p):
    diagonal = p[:, :, None] * np.eye(3)
    close(backend.call(infoq.mutual_information, diagonal), backend.call(infoq.entropy, p))
    assert (backend.call(infoq.conditional_entropy, diagonal) <= 1e-15).all()


@given(p=distributions(6))
def test_entropy_is_bounded_by_the_number_of_outcomes(backend, p):
    entropy = backend.call(infoq.entropy, p)
    assert (entropy >= 0).all()
    assert (entropy <= np.log(6) * (1 + 1e-15)).all()
    content = backend.call(infoq.information_content, p)
    close(entropy, np.where(p > 0, p * np.where(p > 0, content, 0), 0).sum(-1))


@given(p=distributions(6), q=distributions(6))
def test_divergences_are_not_negative_and_tell_distributions_apart(backend, p, q):
    divergence = backend.call(infoq.kl_divergence, p, q)
    shannon = backend.call(infoq.js_divergence, p, q)
    distance = np.abs(p - q).sum(-1)
    # Pinsker's inequality, which is stronger than both; and Lin's upper bound.
    assert (divergence >= distance**2 / 2 - 1e-15).all()
    assert (shannon >= distance**2 / 8 - 1e-15).all()
    assert (shannon <= np.log(2) * (distance / 2) + 1e-15).all()
    for measure in (infoq.kl_divergence, infoq.js_divergence):
        assert (backend.call(measure, p, p.copy()) == 0).all()


@given(p=distributions(6), q=distributions(6))
def test_cross_entropy_is_entropy_and_divergence(backend, p, q):
    cross = backend.call(infoq.cross_entropy, p, q)
    divergence = backend.call(infoq.kl_divergence, p, q)
    close(cross, backend.call(infoq.entropy, p) + divergence)
    assert np.isinf(cross).tolist() == ((p > 0) & (q == 0)).any(-1).tolist()


@given(p=distributions(6), q=distributions(6))
def test_js_divergence_is_symmetric_and_the_bald_of_two_draws(backend, p, q):
    shannon = backend.call(infoq.js_divergence, p, q)
    close(shannon, backend.call(infoq.js_divergence, q, p))
    close(shannon, backend.call(infoq.bald, np.stack([p, q], axis=1)))
    coin = np.stack([p, q], axis=1) / 2
    close(shannon, backend.call(infoq.mutual_information, coin))


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_outcomes_does_not_count(backend, measure, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(6), size=(2, 2)).reshape(2, 2, 2, 3)
    x, y = rng.permutation(2), rng.permutation(3)
    straight, mixed = (
        backend.call(measure, *pair) for pair in ((p, q), (p[:, x][:, :, y], q[:, x][:, :, y]))
    )
    # Information content has a value an outcome.
    np.testing.assert_allclose(np.sort(mixed, -1), np.sort(straight, -1), rtol=1e-12)


@given(p=distributions(6), q=distributions(6))
def test_outcomes_that_are_told_apart_less_diverge_less(backend, p, q):
    merged = [np.stack([x[:, :2].sum(-1), x[:, 2:].sum(-1)], -1) for x in (p, q)]
    for measure in (infoq.kl_divergence, infoq.js_divergence):
        less, more = backend.call(measure, *merged), backend.call(measure, p, q)
        assert (less <= more + 1e-14).all()

"""Outcomes along any axes, other axes that broadcast, and three ways to write a distribution."""

import numpy as np
import pytest

import infoq

rng = np.random.default_rng(0)
# Two stacks of joint distributions of three variables, [2, X, Y, Z].
P, Q = rng.dirichlet(np.ones(12), size=(2, 2)).reshape(2, 2, 2, 3, 2)
ONE = [infoq.entropy, infoq.information_content]
TWO = [infoq.cross_entropy, infoq.kl_divergence, infoq.js_divergence]


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-16)


def flat(x):
    return x.reshape(2, 12)


@pytest.mark.parametrize("function", [*ONE, *TWO], ids=lambda f: f.__name__)
@pytest.mark.parametrize("place", [0, 1, -1, -2])
def test_one_axis_of_outcomes_anywhere(backend, function, place):
    arrays = [x.reshape(2, 2, 6) for x in (P, Q)][: 1 if function in ONE else 2]
    arrays = [x / x.sum(-1, keepdims=True) for x in arrays]
    last = backend.call(function, *arrays)
    moved = [np.moveaxis(x, -1, place) for x in arrays]
    same(backend.call(function, *moved, axis=place), last)


@pytest.mark.parametrize("function", [*ONE, *TWO], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("axis", "order"),
    [((1, 2, 3), (0, 1, 2, 3)), ((-3, -2, -1), (0, 1, 2, 3)), ((0, -1, 2), (1, 0, 3, 2))],
    ids=str,
)
def test_several_axes_of_one_joint_outcome(backend, function, axis, order):
    arrays = [P, Q][: 1 if function in ONE else 2]
    joined = backend.call(function, *map(flat, arrays))
    spread = backend.call(function, *(x.transpose(order) for x in arrays), axis=axis)
    assert spread.shape == joined.shape
    # Content keeps an axis of outcomes, in the order in which the axes were named.
    same(np.sort(spread, -1), np.sort(joined, -1))


def test_information_content_puts_the_outcomes_last_in_the_order_of_the_axes(backend):
    expected = -np.log(P)
    content = backend.call(infoq.information_content, P, axis=(3, 1, 2))
    same(content, expected.transpose(0, 3, 1, 2).reshape(2, 12))
    front = backend.call(infoq.information_content, P.reshape(2, 12).T, axis=0)
    same(front, expected.reshape(2, 12))


@pytest.mark.parametrize(
    "function", [infoq.mutual_information, infoq.conditional_entropy], ids=lambda f: f.__name__
)
@pytest.mark.parametrize(
    ("order", "axes"),
    [
        ((0, 1, 2, 3), {"x_axis": (1, 2), "y_axis": 3}),
        ((0, 1, 2, 3), {"x_axis": (-3, -2), "y_axis": -1}),
        ((3, 1, 0, 2), {"x_axis": (1, 3), "y_axis": 0}),
        ((1, 3, 2, 0), {"x_axis": (-4, 2), "y_axis": -3}),
    ],
    ids=str,
)
def test_axes_of_two_variables(backend, function, order, axes):
    expected = backend.call(function, P.reshape(2, 6, 2))
    same(backend.call(function, P.transpose(order), **axes), expected)


def test_axes_of_total_correlation(backend):
    expected = backend.call(infoq.total_correlation, P, axis=(1, 2, 3))
    moved = P.transpose(2, 0, 3, 1)
    same(backend.call(infoq.total_correlation, moved, axis=(0, 2, -1)), expected)
    # One variable alone shares nothing; so does each of many.
    single = backend.call(infoq.total_correlation, flat(P), axis=(1,))
    assert single.tolist() == [0] * 2


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("p_shape", "q_shape"),
    [((2, 6), (6,)), ((6,), (2, 6)), ((3, 1, 6), (2, 6))],
    ids=str,
)
def test_the_other_axes_broadcast(backend, function, p_shape, q_shape):
    source = np.random.default_rng(1)
    p = source.dirichlet(np.ones(6), size=p_shape[:-1])
    q = source.dirichlet(np.ones(6), size=q_shape[:-1])
    whole = [np.array(x) for x in np.broadcast_arrays(p, q)]
    expected = backend.call(function, *whole)
    assert expected.shape == whole[0].shape[:-1]
    same(backend.call(function, p, q), expected)


def test_every_distribution_is_alone(backend, measure):
    p, q = P.sum(3), Q.sum(3)
    together = backend.call(measure, p, q)
    same(together, np.stack([backend.call(measure, p[i], q[i]) for i in range(2)]))


@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_kinds_agree(backend, measure, shift):
    p, q = (x.sum(3) for x in (P, Q))
    expected = backend.call(measure, p, q)
    logs = [np.log(x) for x in (p, q)]
    same(backend.call(measure, *logs, kind="log_probs"), expected)
    shifted = backend.call(measure, *(x + shift for x in logs), kind="logits")
    np.testing.assert_allclose(shifted, expected, rtol=1e-10)


def test_kinds_agree_on_impossible_outcomes(backend, measure):
    p, q = (x.sum(3) for x in (P, Q))
    p, q = (np.where(np.arange(3) == 2, 0, x) for x in (p, q))
    p, q = (x / x.sum((-2, -1), keepdims=True) for x in (p, q))
    expected = backend.call(measure, p, q)
    with np.errstate(divide="ignore"):
        logs = [np.log(x) for x in (p, q)]
    for kind in ("log_probs", "logits"):
        same(backend.call(measure, *logs, kind=kind), expected)

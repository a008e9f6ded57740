"""Who may be picked: masks and indices, read once, and nobody else evaluated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from infoq.backends import ops_for
from tests.selection.cases import Few, Removable, coverage, log_det

COUNT = 9
seeds = st.integers(0, 2**16)


class Everything(Few, Removable):
    """A set function with all methods that selections look for."""


def every(backend, seed=0):
    """Every selection as a function of its keywords, and the set function of the greedy ones."""
    rng = np.random.default_rng(seed)
    points, scores = rng.standard_normal((COUNT, 4)), rng.random(COUNT)
    f = Everything(backend, log_det(points), COUNT)
    x, s = backend.array(points), backend.array(scores)
    return f, {
        "top_k": lambda **kw: infoq.top_k(s, 3, **kw),
        "sample": lambda **kw: infoq.sample(s, 3, **kw),
        "softrank": lambda **kw: infoq.sample(s, 3, method="softrank", **kw),
        "greedy": lambda **kw: infoq.greedy(f, 3, **kw),
        "lazy_greedy": lambda **kw: infoq.lazy_greedy(f, 3, **kw),
        "stochastic_greedy": lambda **kw: infoq.stochastic_greedy(f, 3, **kw),
        "forward_backward": lambda **kw: infoq.forward_backward(f, 2, **kw),
        "kmeans_plusplus": lambda **kw: infoq.kmeans_plusplus(x, 3, **kw),
        "farthest_first": lambda **kw: infoq.farthest_first(x, 3, **kw),
        "kdpp": lambda **kw: infoq.kdpp(x, 3, **kw),
        "method": lambda **kw: infoq.methods.logdet(x, 3, **kw),
        "method of queries": lambda **kw: infoq.methods.logdet_mi(x, x[:2, :], 3, **kw),
    }


NAMES = [
    "top_k",
    "sample",
    "softrank",
    "greedy",
    "lazy_greedy",
    "stochastic_greedy",
    "forward_backward",
    "kmeans_plusplus",
    "farthest_first",
    "kdpp",
    "method",
    "method of queries",
]
GREEDY = ["greedy", "lazy_greedy", "stochastic_greedy", "forward_backward"]


def equal(backend, one, other):
    np.testing.assert_array_equal(backend.numpy(one.indices), backend.numpy(other.indices))
    np.testing.assert_array_equal(backend.numpy(one.gains), backend.numpy(other.gains))
    assert one.reason == other.reason


@pytest.mark.parametrize("name", NAMES)
def test_indices_are_the_mask_of_them(backend, name):
    run = every(backend)[1][name]
    places = [7, 0, 2, 5, 8]
    expected = run(candidates=backend.array(np.isin(np.arange(COUNT), places)), given=[0])
    assert set(backend.numpy(expected.indices).tolist()) <= {2, 5, 7, 8}
    ways = [
        places,
        tuple(places),
        iter(places),
        np.array(places),
        np.array(places, "uint8"),
        backend.array(np.array(places)),
        backend.array(np.array(places, "int32")),
        [i in places for i in range(COUNT)],
    ]
    for candidates in ways:
        equal(backend, run(candidates=candidates, given=[0]), expected)
    everybody = run(candidates=range(COUNT), given=[0])
    equal(backend, everybody, run(given=[0]))
    nobody = run(candidates=[])
    assert (nobody.indices.shape[0], nobody.reason) == (0, "pool")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_given_is_read_once(backend, name):
    run = every(backend)[1][name]
    equal(backend, run(given=iter([0, 1])), run(given=[0, 1]))
    equal(backend, run(given=(i for i in [3])), run(given=[3]))
    both = run(given=iter([4, 1]), candidates=iter([1, 2, 3, 5, 8]))
    equal(backend, both, run(given=[4, 1], candidates=[1, 2, 3, 5, 8]))
    assert not {1, 4} & set(backend.numpy(both.indices).tolist())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("candidates", "error", "message"),
    [
        ([0, 3, 0], ValueError, "candidates: 0 comes twice"),
        (np.array([1, 1]), ValueError, "candidates: 1 comes twice"),
        ([COUNT], ValueError, "candidates: expected indices from 0 to 8, got 9"),
        ([-1], ValueError, "candidates: expected indices from 0 to 8, got -1"),
        (np.ones(COUNT, int), ValueError, "candidates: 1 comes twice; a mask must be an array of"),
        ([0.5], TypeError, "candidates: expected integers, got float"),
        ([True, 3], TypeError, "candidates: expected integers, got bool"),
        ([True, False], ValueError, "candidates: expected a boolean mask .* got 2 booleans"),
        ("all", TypeError, "candidates: expected integers, got str"),
        (3, TypeError, r"candidates: expected integers such as \[0, 3\], got 3"),
        (
            np.ones(3),
            ValueError,
            "candidates: expected a boolean mask .* or integers, got .*float64",
        ),
        (np.ones((3, 3), bool), ValueError, r"candidates: expected .* of shape \(3, 3\)"),
    ],
)
def test_refusals(backend, name, candidates, error, message):
    if isinstance(candidates, np.ndarray):
        candidates = backend.array(candidates)
    with pytest.raises(error, match=message):
        every(backend)[1][name](candidates=candidates)


@pytest.mark.parametrize("name", GREEDY)
@given(seed=seeds)
def test_only_who_may_be_picked_is_evaluated(backend, name, seed):
    places = sorted(np.random.default_rng(seed).choice(COUNT, 4, replace=False).tolist())
    f, runs = every(backend, seed)
    asked = set()
    own = f.some

    def some(state, indices):
        asked.update(indices)
        return own(state, indices)

    f.some = some
    for candidates in (places, backend.array(np.isin(np.arange(COUNT), places))):
        asked.clear()
        runs[name](candidates=candidates)
        assert asked == set(places)
        asked.clear()
        runs[name](candidates=candidates, given=places[:1])
        assert asked <= set(places)


class WithoutFew(Removable):
    """The same set function, of which all gains are evaluated at once."""


@pytest.mark.parametrize("name", GREEDY)
@given(seed=seeds)
def test_picks_are_those_of_all_gains_ties_too(backend, name, seed):
    rng = np.random.default_rng(seed)
    value = coverage(rng.random((COUNT, 4)) < 0.4, rng.integers(1, 3, 4).astype(float))
    mask = rng.random(COUNT) < 0.6
    who = {"candidates": backend.array(mask), "given": [int(rng.integers(COUNT))]}
    select = getattr(infoq, name)
    few = select(Everything(backend, value, COUNT), 3, **who)
    equal(backend, few, select(WithoutFew(backend, value, COUNT), 3, **who))


QUANTITIES = {
    "draws": lambda x, p: infoq.EIG(p),
    "draws about targets": lambda x, p: infoq.EPIG(p, p[:2, ...]),
    "weights": lambda x, p: infoq.EIG(infoq.Gaussian(x, 1.0)),
    "weights about targets": lambda x, p: infoq.EPIG(
        infoq.Gaussian(x, 1.0), infoq.DenseEmbedding(x[:2, :])
    ),
    "log-det": lambda x, p: infoq.LogDet(x, ridge=1.0),
    "coverage": lambda x, p: infoq.FacilityLocation(x),
    "cut": lambda x, p: infoq.GraphCut(x),
    "mutual": lambda x, p: infoq.mutual(infoq.LogDet(x, ridge=1.0), [0, 1]),
}


@pytest.mark.filterwarnings("ignore:.*heuristic")
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_set_function_picks_among_few_as_among_all(backend, quantity):
    rng = np.random.default_rng(3)
    x = backend.array(rng.standard_normal((COUNT, 3)))
    p = backend.array(rng.dirichlet(np.ones(3), (COUNT, 5)))
    f = QUANTITIES[quantity](x, p)
    places = [2, 3, 5, 6, 8]
    state, expected = f.start(), []
    for _ in range(3):  # by all gains
        gains = backend.numpy(f.gains(state))
        left = [i for i in places if i not in expected]
        expected.append(max(left, key=lambda i: (gains[i], -i)))
        state = f.add(state, expected[-1])
    for select in (infoq.greedy, infoq.lazy_greedy):
        for candidates in (places, backend.array(np.isin(np.arange(COUNT), places))):
            batch = select(f, 3, candidates=candidates)
            assert backend.numpy(batch.indices).tolist() == expected


@pytest.mark.of_libraries("jax")
def test_indices_inside_jit(backend):
    import jax
    import jax.numpy as jnp

    scores = jnp.asarray([5.0, 4.0, 3.0, 2.0])
    draws = jnp.asarray(np.random.default_rng(0).dirichlet(np.ones(3), (4, 5)))

    def run(x, candidates):
        return infoq.top_k(scores, 2, candidates=candidates), infoq.greedy(
            infoq.EIG(x), 2, candidates=candidates
        )

    for candidates in ([3, 1], [0, 2]):
        inside = jax.jit(run)(draws, jnp.asarray(candidates))
        for one, other in zip(inside, run(draws, candidates), strict=True):
            np.testing.assert_array_equal(np.array(one.indices), np.array(other.indices))
    assert ops_for(scores).name == "jax"

"""Batches past what K draws can tell, and what a selection says beside its tuple."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import infoq
from tests import oracles
from tests.selection.cases import Few, log_det

GREEDY = ["greedy", "lazy_greedy", "stochastic_greedy", "forward_backward"]


def draws(seed, count, number, classes, scale):
    rng = np.random.default_rng(seed)
    return oracles.softmax(scale * rng.standard_normal((count, number, classes)))


def sums(backend, batch):
    """What was picked, the gains, their exact sum, and the value."""
    gains = backend.numpy(batch.gains).astype(float).tolist()
    return backend.numpy(batch.indices).tolist(), gains, math.fsum(gains), float(batch.value)


def left(batch):
    """H[Theta | Y_B] by all joint outcomes [B, K, C], which is exact where it is small, too."""
    logs = np.zeros((1, batch.shape[1])) if len(batch) == 0 else None
    for probs in batch.astype(np.longdouble):
        each = np.log(np.maximum(probs, np.finfo(float).tiny)).T
        logs = each if logs is None else (logs[:, None, :] + each).reshape(-1, probs.shape[0])
    top = logs.max(-1, keepdims=True)
    weights = np.exp(logs - top)
    total = weights.sum(-1, keepdims=True)
    entropies = (weights / total * (np.log(total) - (logs - top))).sum(-1)
    return float((entropies * (total * np.exp(top))[:, 0]).sum() / logs.shape[1])


def state_of(f, indices):
    state = f.start()
    for index in indices:
        state = f.add(state, index)
    return state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("seed", "number", "scale"), [(0, 4, 30.0), (1, 3, 60.0), (2, 6, 100.0)])
def test_what_is_informative_is_what_exact_gains_say(backend, seed, number, scale, dtype):
    probs = draws(seed, 30, number, 3, scale).astype(dtype)
    f = infoq.EIG(backend.array(probs))
    batch = infoq.greedy(f, 8)
    picked, gains, total, value = sums(backend, batch)
    exact = -np.diff([left(probs[picked[:b]]) for b in range(9)])
    floor = (1e-6 if dtype == "float32" else 1e-13) * math.log(number)
    clear = sum(gain > 3 * floor for gain in exact)
    assert clear <= batch.informative <= sum(gain > floor / 3 for gain in exact) < 8
    assert batch.reason == "saturated"
    np.testing.assert_allclose(gains, exact, atol=6 * floor)
    bound = math.log(number)
    assert max(total, value, float(f.value(state_of(f, picked)))) <= bound
    fewer = infoq.greedy(f, clear)
    assert (fewer.reason, fewer.informative) == ("size", clear)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("samples", [100, 2000])
@pytest.mark.parametrize("weights", [None, "unequal"])
def test_samples_do_not_tell_more_than_there_is(backend, dtype, samples, weights):
    number = 12
    probs = draws(3, 40, number, 4, 3.0).astype(dtype)
    shares = np.random.default_rng(0).dirichlet(np.ones(number)).astype(dtype)
    pool = infoq.Categorical(
        backend.array(probs), weights=None if weights is None else backend.array(shares)
    )
    shares = np.full(number, 1 / number) if weights is None else shares / shares.sum(dtype=float)
    bound = float(-np.sum(shares * np.log(shares, dtype=float)))
    f = infoq.EIG(pool, samples=samples)
    batch = infoq.greedy(f, 16)
    picked, _, total, value = sums(backend, batch)
    values = [float(f.value(state_of(f, picked[:b]))) for b in (4, 8, 16)]
    assert max(total, value, *values) <= bound * (1 + 1e-7)
    assert (batch.reason, batch.informative < 16) == ("saturated", True)
    assert batch.informative >= 3
    # Who is picked does not depend on it.
    state, expected = f.start(), []
    for _ in range(16):
        gains = backend.numpy(f.gains(state))
        gains[expected] = -np.inf
        expected.append(int(np.argmax(gains)))
        state = f.add(state, expected[-1])
    assert picked == expected


def test_the_noise_of_samples_is_their_spread_over_seeds(backend):
    probs = draws(4, 5, 10, 3, 1.0)
    pool = infoq.Categorical(backend.array(probs))
    gains, noises = [], []
    for seed in range(40 if backend.name == "numpy" else 12):
        f = infoq.EIG(pool, samples=200, seed=seed)
        state = state_of(f, [0, 1, 2, 3, 0, 1])
        index = backend.ops.fetch(backend.array(np.array([4])))
        gains.append(backend.numpy(f.gains(state))[4])
        noises.append(float(f.noise(state, index)[0]))
    spread = 2 * np.std(gains, ddof=1)
    assert spread / 3 < np.mean(noises) < 5 * spread


@pytest.mark.filterwarnings("ignore:.*heuristic")
@pytest.mark.parametrize("samples", [50, 10_000])
@pytest.mark.parametrize("name", GREEDY)
def test_every_greedy_selection_says_so(backend, name, samples):
    pool = backend.array(draws(5, 25, 5, 3, 60.0))
    select = getattr(infoq, name)
    batch = select(infoq.EIG(pool, samples=samples), 7)
    _, gains, total, value = sums(backend, batch)
    if name != "forward_backward":  # of which any may stay of those that say the same
        assert batch.reason == "saturated"
        assert 1 <= batch.informative < 7
    elif samples == 10_000:  # all joint outcomes
        told = [gain > 1e-13 * math.log(5) for gain in gains]
        assert batch.informative == sum(told)
        assert batch.reason == ("size" if told[-1] else "saturated")
    assert max(total, value) <= math.log(5)


@pytest.mark.parametrize("samples", [60, 10_000])
@pytest.mark.parametrize("quantity", [infoq.EPIG, infoq.JEPIG])
def test_about_targets_too(backend, quantity, samples):
    probs = draws(6, 14, 4, 2, 60.0)
    targets = backend.array(probs[:2])
    f = quantity(backend.array(probs[2:]), targets, samples=samples)
    batch = infoq.greedy(f, 8)
    picked, _, total, value = sums(backend, batch)
    assert max(total, value, float(f.value(state_of(f, picked)))) <= math.log(4)
    assert batch.reason == "saturated"
    assert 1 <= batch.informative < 8


@pytest.mark.of_libraries("numpy", "torch", "jax")
def test_half_precision_does_not_round_beyond(backend):
    for number in (3, 5, 6, 7, 11, 20):
        probs = draws(number, 30, number, 4, 60.0).astype("float16")
        batch = infoq.greedy(infoq.EIG(backend.array(probs)), 6)
        _, _, total, value = sums(backend, batch)
        assert batch.gains.dtype == backend.array(probs).dtype
        assert max(total, value) <= math.log(number)
        assert value > 0.99 * math.log(number)


def test_what_is_given_leaves_less(backend):
    probs = draws(7, 20, 6, 3, 60.0)
    f = infoq.EIG(backend.array(probs), samples=80)
    batch = infoq.greedy(f, 8, given=[3, 5])
    _, _, total, value = sums(backend, batch)
    assert max(total, value) <= math.log(6) - float(f.value(state_of(f, [3, 5]))) + 1e-6
    assert batch.reason == "saturated"


def test_one_draw_tells_nothing(backend):
    batch = infoq.greedy(infoq.EIG(backend.array(draws(8, 4, 1, 3, 1.0))), 2)
    assert (batch.reason, batch.informative, float(batch.value)) == ("saturated", 0, 0.0)
    nobody = infoq.greedy(infoq.EIG(backend.array(draws(8, 4, 2, 3, 1.0))), 0)
    assert (nobody.reason, nobody.informative) == ("size", 0)


def test_why_there_are_fewer_goes_before(backend):
    probs = backend.array(draws(9, 6, 2, 3, 30.0))
    batch = infoq.greedy(infoq.EIG(probs), 9)
    assert batch.reason == "pool"
    assert batch.informative < 6
    costs = backend.array(np.ones(6))
    batch = infoq.greedy(infoq.EIG(probs), costs=costs, budget=4.0)
    assert batch.reason == "budget"
    assert batch.informative < 4


def test_what_is_not_known_is_not_said(backend):
    points = np.random.default_rng(0).standard_normal((6, 3))
    x = backend.array(points)
    labels = backend.array(np.zeros(4, int))
    batches = [
        infoq.top_k(backend.array(points[:, 0]), 2),
        infoq.greedy(infoq.EIG(infoq.Gaussian(x, 1.0)), 2),
        infoq.greedy(infoq.LogDet(x, ridge=1.0), 2),
        infoq.greedy(Few(backend, log_det(points), 6), 2),
        infoq.greedy(infoq.IG(backend.array(draws(1, 4, 3, 2, 1.0)), labels), 2),
        infoq.kmeans_plusplus(x, 2),
    ]
    assert {(batch.reason, batch.informative) for batch in batches} == {("size", None)}


class Bounded(Few):
    """A set function of one's own that knows what it can tell, and its noise."""

    def most(self, state):
        return self.ops.fetch(self.backend.array(np.array(2.0)))

    def noise(self, state, index):
        return self.ops.fetch(self.backend.array(np.array([0.3])))


def test_a_set_function_of_ones_own_says_what_it_knows(backend):
    worth = [1.0, 0.75, 0.5, 0.25]
    f = Bounded(backend, lambda batch: math.fsum(worth[i] for i in batch), 4)
    batch = infoq.greedy(f, 4)
    assert backend.numpy(batch.gains).tolist() == [1.0, 0.75, 0.25, 0.0]
    assert (float(batch.value), batch.reason, batch.informative) == (2.0, "saturated", 2)


# --- beside the tuple -------------------------------------------------------------------------


def kept(batch, again):
    assert type(again) is infoq.Selection
    assert again._fields == ("indices", "gains", "value")
    assert (again.reason, again.informative) == (batch.reason, batch.informative)


def test_attributes_stay_with_the_tuple(backend):
    batch = infoq.greedy(infoq.EIG(backend.array(draws(5, 25, 5, 3, 60.0))), 7)
    assert (batch.reason, batch.informative is not None) == ("saturated", True)
    kept(batch, batch._replace(value=0.0))
    assert batch._replace(value=0.0).value == 0.0
    changed = batch._replace(reason="size", gains=None)
    assert (changed.reason, changed.gains, changed.informative) == ("size", None, batch.informative)
    with pytest.raises((TypeError, ValueError), match="unexpected field names"):
        batch._replace(scores=1)
    kept(batch, copy.copy(batch))
    kept(batch, copy.deepcopy(batch))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        kept(batch, pickle.loads(pickle.dumps(batch, protocol)))
    batch.more = 3  # what is yet to come
    assert batch._replace(value=0.0).more == copy.copy(batch).more == 3
    assert len(batch) == 3
    assert infoq.Selection(1, 2, 3) == (1, 2, 3)
    assert batch._asdict().keys() == {"indices", "gains", "value"}


@pytest.mark.of_libraries("jax")
def test_jit_gives_the_attributes_back(backend):
    import jax

    batch = infoq.greedy(infoq.EIG(backend.array(draws(5, 25, 5, 3, 60.0))), 7)
    kept(batch, jax.jit(lambda x: x)(batch))
    kept(batch, jax.tree.map(lambda x: x, batch))
    assert jax.jit(lambda x: x._replace(value=0.0))(batch).reason == "saturated"
    scores = backend.array(np.arange(4.0))
    assert jax.jit(lambda x: infoq.top_k(x, 9))(scores).reason == "pool"
    stack = jax.vmap(lambda x: infoq.top_k(x, 9))(scores[None, :])
    assert (type(stack), stack.reason) == (infoq.Selection, "pool")
    traced = jax.jit(lambda x: infoq.greedy(infoq.EIG(x), 7))(
        backend.array(draws(5, 25, 5, 3, 60.0))
    )
    assert (traced.reason, traced.informative) == ("size", None)
    assert float(traced.value) <= math.log(5)


@pytest.mark.of_libraries("torch")
def test_torch_gives_the_attributes_back(backend):
    torch = backend.module
    from torch.utils import _pytree

    batch = infoq.greedy(infoq.EIG(backend.array(draws(5, 25, 5, 3, 60.0))), 7)
    kept(batch, _pytree.tree_map(lambda x: x, batch))
    scores = backend.array(np.arange(4.0))
    stack = torch.func.vmap(lambda x: infoq.top_k(x, 9))(scores[None, :])
    assert (type(stack), stack.reason) == (infoq.Selection, "pool")
    run = torch.compile(lambda x: infoq.top_k(x, 9), fullgraph=True, backend="eager")
    assert run(scores).reason == "pool"

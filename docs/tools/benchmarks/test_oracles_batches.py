"""The oracles of batches by the definitions, on inputs small enough to write these out."""

import dataclasses
import itertools

import numpy as np
import pytest

from . import laws, oracles, oracles_batches, oracles_similarity
from . import oracles_weight_space as weight_space
from .jobs import JOBS


def inputs_of(name, **size):
    job = JOBS[name]
    return job.make({**job.small, **size}, np.random.default_rng(3))


def logdet(phi):
    return np.linalg.slogdet(np.eye(len(phi)) + phi @ phi.T)[1]


def by_definition(name):
    """What a batch is worth, by sets: of the features of the batch, the queries and the pool."""

    def reached(pool, batch):
        return np.max(pool @ batch.T, axis=1, initial=0.0)

    def variance(targets, batch):
        kept = np.linalg.inv(np.eye(targets.shape[1]) + batch.T @ batch)
        return np.trace(targets @ kept @ targets.T)

    def mutual(f):
        return lambda a, q, v: f(a, v) + f(q, v) - f(np.concatenate([a, q]), v)

    def cut(a, v):
        return 2 * (v @ a.T).sum() - (a @ a.T).sum()

    def information(a, q, v):
        return logdet(a) + logdet(q) - logdet(np.concatenate([a, q]))

    return {
        "logdet": lambda a, q, v: logdet(a),
        "logdet-mi": information,
        "itl": lambda a, q, v: information(a, q, v) / 2,
        "vtl": lambda a, q, v: (variance(q, a[:0]) - variance(q, a)) / len(q) / 2,
        "facility-location": lambda a, q, v: reached(v, a).sum(),
        "flvmi": mutual(lambda a, v: reached(v, a).sum()),
        "flqmi": lambda a, q, v: reached(q, a).sum() + reached(a, q).sum(),
        "gcmi": mutual(cut),
    }[name]


SETS = ["logdet", "logdet-mi", "itl", "vtl", "facility-location", "flvmi", "flqmi", "gcmi"]


@pytest.mark.parametrize("name", SETS)
def test_greedy_oracles_by_sets(name):
    inputs = inputs_of(name)
    pool, value = inputs["pool"].astype(np.float64), by_definition(name)
    queries = inputs.get("queries", pool[:0]).astype(np.float64)
    picks = []
    for _ in range(int(inputs["B"])):
        worth = {
            i: value(pool[[*picks, i]], queries, pool) for i in range(len(pool)) if i not in picks
        }
        picks.append(max(worth, key=worth.get))
    batch = JOBS[name].oracle(inputs)
    assert batch.indices.tolist() == picks
    assert batch.value == pytest.approx(value(pool[picks], queries, pool))


def test_batches_are_compared_by_their_picks():
    inputs = inputs_of("logdet", B=2)
    truth = oracles_similarity.logdet(inputs)
    first = int(truth.indices[0])
    other = next(i for i in range(40) if i not in truth.indices)
    worse = oracles.Batch(np.asarray([first, other]), 1e9)
    compare = oracles_similarity.batch_differences(oracles_similarity.logdet_value)
    differences = compare(inputs, truth, worse)
    worth = logdet(inputs["pool"][[first, other]].astype(np.float64))
    assert differences["value of the picks"] == pytest.approx(worth)
    assert differences["below the oracle's (share)"] > 0
    assert differences["picks that the oracle lacks"] == 1
    assert differences["claimed minus true (share)"] == pytest.approx(1e9 / worth - 1)
    silent = dataclasses.replace(worse, value=float("nan"))
    assert "claimed minus true (share)" not in compare(inputs, truth, silent)
    with pytest.raises(ValueError, match="different picks"):
        compare(inputs, truth, oracles.Batch(np.asarray([first, first]), 1.0))


def test_bait_by_the_objective_as_written():
    inputs = inputs_of("bait")
    phi = weight_space.features(inputs, "pool", False)
    curvature = weight_space.curvatures(inputs, "pool")
    each = [np.kron(c, np.outer(x, x)) for c, x in zip(curvature, phi, strict=True)]
    mean, prior = sum(each) / len(each), inputs["posterior"].astype(np.float64)

    def objective(picks):
        return np.trace(mean @ np.linalg.inv(prior + sum(each[i] for i in picks))) / 2

    picks = []
    for _ in range(4):
        left = [i for i in range(len(each)) if i not in picks]
        picks.append(min(left, key=lambda i: objective([*picks, i])))
    for _ in range(2):
        picks.remove(min(picks, key=lambda i: objective([j for j in picks if j != i])))
    batch = oracles_batches.bait(inputs)
    assert batch.indices.tolist() == picks
    taken = np.trace(mean @ np.linalg.inv(prior)) / 2 - objective(picks)
    assert batch.value == pytest.approx(taken)
    claimed = oracles_batches.claimed_differences(
        inputs, None, oracles.Batch(batch.indices, 2 * taken)
    )
    assert claimed["claimed minus true (share)"] == pytest.approx(1.0)


def shares(batches):
    sets, counts = np.unique(np.sort(batches, axis=1), axis=0, return_counts=True)
    return {tuple(s): c / len(batches) for s, c in zip(sets.tolist(), counts.tolist(), strict=True)}


def test_kdpp_draws_by_squared_volume():
    inputs = {**inputs_of("kdpp", N=5, D=3, B=2), "draws": np.asarray(4000)}
    pool = inputs["pool"].astype(np.float64)
    volumes = {
        pair: np.linalg.det(pool[list(pair)] @ pool[list(pair)].T)
        for pair in itertools.combinations(range(5), 2)
    }
    found = shares(oracles_batches.kdpp(inputs))
    for pair, volume in volumes.items():
        law = volume / sum(volumes.values())
        assert found.get(pair, 0.0) == pytest.approx(law, abs=5 * np.sqrt(law / 4000) + 1e-3)


def test_badge_draws_by_squared_distances():
    inputs = {**inputs_of("badge", N=6, B=2), "draws": np.asarray(2000)}
    residual, phi = oracles_batches.gradients(inputs)
    full = (residual[:, :, None] * phi[:, None, :]).reshape(6, -1)
    picks = oracles_batches.badge(inputs)
    first = int((full**2).sum(axis=1).argmax())
    assert set(picks[:, 0].tolist()) == {first}
    squares = ((full - full[first]) ** 2).sum(axis=1)
    law = squares / squares.sum()
    found = np.bincount(picks[:, 1], minlength=6) / 2000
    np.testing.assert_allclose(found, law, atol=5 * np.sqrt(0.25 / 2000))
    nearest = ((full[:, None] - full[picks[0]]) ** 2).sum(axis=2).min(axis=1).mean()
    assert oracles_batches.mean_distance(inputs, picks[0]) == pytest.approx(nearest)


@pytest.mark.parametrize("method", ["power", "softmax", "softrank"])
def test_first_draws_by_score(method):
    inputs = {"scores": np.asarray([0.5, 2.0, 1.0]), "B": np.asarray(1), "draws": np.asarray(2000)}
    weights = {"power": [0.5, 2.0, 1.0], "softmax": np.exp([0.5, 2.0, 1.0]), "softrank": [2, 6, 3]}
    law = np.asarray(weights[method]) / np.sum(weights[method])
    picks = oracles_batches.stochastic(inputs, method)
    found = np.bincount(picks[:, 0], minlength=3) / 2000
    np.testing.assert_allclose(found, law, atol=5 * np.sqrt(0.25 / 2000))


def test_another_law_is_seen():
    inputs = {**inputs_of("stochastic-power"), "draws": np.asarray(50)}
    compare = JOBS["stochastic-power"].compare
    truth = oracles_batches.stochastic(inputs, "power")
    own = laws.draws(inputs, lambda rng: rng.permutation(50)[:5])
    same = oracles_batches.stochastic({**inputs, "draws": np.asarray(100)}, "power")[50:]
    assert abs(compare(inputs, truth, same)["off the oracle's (standard errors)"]) < 5
    assert compare(inputs, truth, own)["off the oracle's (standard errors)"] < -5
    with pytest.raises(ValueError, match="different picks"):
        compare(inputs, truth, np.zeros_like(truth))
    with pytest.raises(ValueError, match="draws and picks"):
        compare(inputs, truth, truth[1:])

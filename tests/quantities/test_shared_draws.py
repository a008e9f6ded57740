"""Whether draws are shared: against all permutations, ensembles, dropout and irrelevant targets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import infoq
from tests import oracles

N, M, D, C = 24, 10, 4, 3


def ensemble(seed, number, scale=1.0):
    """Predictions of the same linear models for candidates and for targets."""
    rng = np.random.default_rng(seed)
    models = scale * rng.standard_normal((number, D, C))
    features = rng.standard_normal((N + M, D))
    probs = oracles.softmax(np.einsum("nd,kdc->nkc", features, models))
    return probs[:N], probs[N:], rng


def each_by_itself(rng, probs):
    """A new order of the draws for each row."""
    return np.stack([row[rng.permutation(len(row))] for row in probs])


def found(backend, pool, targets, **words):
    return infoq.shared_draws(backend.array(pool), backend.array(targets), **words)


@pytest.mark.parametrize(("number", "scale"), [(10, 1.0), (30, 0.3), (60, 0.1)])
def test_draws_of_an_ensemble_are_shared_and_no_other(backend, number, scale):
    seen = {"shared": [], "by call": [], "by row": [], "other models": []}
    for seed in range(3 if backend.name in ("jax", "dask") else 8):
        pool, targets, rng = ensemble(seed, number, scale)
        seen["shared"].append(found(backend, pool, targets, seed=seed))
        turned = targets[:, rng.permutation(number)]
        seen["by call"].append(found(backend, pool, turned, seed=seed))
        rows = each_by_itself(rng, pool), each_by_itself(rng, targets)
        seen["by row"].append(found(backend, *rows, seed=seed))
        _, others, _ = ensemble(seed + 1000, number, scale)
        seen["other models"].append(found(backend, pool, others, seed=seed))
    for name, results in seen.items():
        assert all(each.shared in (True, None) for each in results)
        number_shared = sum(each.shared is True for each in results)
        if name == "shared":
            assert number_shared == len(results)
            assert all(each.epig > each.null + 2 * each.error for each in results)
        else:
            assert number_shared <= 2  # each by chance in 1 of 21


@pytest.mark.parametrize("weights", [None, np.array([0.4, 0.3, 0.2, 0.1])])
def test_the_null_is_that_of_all_permutations(backend, weights):
    pool, targets, _ = ensemble(1, 4)
    words = {} if weights is None else {"weights": weights}
    exact = [
        infoq.epig(
            infoq.Categorical(pool, **words),
            infoq.Categorical(targets[:, list(order)], **words),
        ).mean()
        for order in itertools.permutations(range(4))
    ]
    here = {} if weights is None else {"weights": backend.array(weights)}
    permutations = 60 if backend.name == "numpy" else 12
    result = infoq.shared_draws(
        infoq.Categorical(backend.array(pool), **here),
        infoq.Categorical(backend.array(targets), **here),
        permutations,
        seed=3,
    )
    assert result.epig == pytest.approx(exact[0], rel=1e-9)
    assert abs(result.null - np.mean(exact)) < 5 * np.std(exact) / permutations**0.5
    assert 0.4 < result.error / np.std(exact) < 2


def test_the_same_inputs_twice_decide(backend):
    pool, _, rng = ensemble(2, 20, 0.3)
    assert found(backend, pool, pool).shared is True
    again = each_by_itself(rng, pool), each_by_itself(rng, pool)
    result = found(backend, *again)
    assert result.shared is None
    assert abs(result.epig - result.null) <= 5 * result.error


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_seeds_are_kept_and_results_are_numbers(backend, dtype):
    pool, targets, _ = ensemble(3, 8)
    pool, targets = pool.astype(dtype), targets.astype(dtype)
    first, again, other = (found(backend, pool, targets, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first.epig == other.epig
    assert first.null != other.null
    assert [type(x) for x in first] == [bool, float, float, float]
    assert first._fields == ("shared", "epig", "null", "error")
    expected = backend.numpy(infoq.epig(backend.array(pool), backend.array(targets))).mean()
    assert first.epig == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["one draw", "certain", "the same draws"])
def test_where_nothing_differs_nothing_is_known(backend, name):
    rng = np.random.default_rng(4)
    rows = rng.dirichlet(np.ones(3), 9)
    probs = {
        "one draw": rows[:, None, :],
        "certain": np.tile(np.eye(3)[rng.integers(0, 3, 9)][:, None, :], (1, 6, 1)),
        "the same draws": np.tile(rows[:, None, :], (1, 6, 1)),
    }[name]
    for dtype in ("float32", "float64"):
        result = found(backend, probs[:6].astype(dtype), probs[6:].astype(dtype))
        assert result.shared is None
        assert result.epig < 1e-12


def test_refusals(backend):
    pool, targets, _ = ensemble(5, 4)
    x, t = backend.array(pool), backend.array(targets)
    with pytest.raises(ValueError, match="permutations: expected at least 2, got 1"):
        infoq.shared_draws(x, t, 1)
    for wrong in (2.5, True, None):
        with pytest.raises(TypeError, match="permutations: expected an integer, got"):
            infoq.shared_draws(x, t, wrong)
    rows = infoq.Gaussian(backend.array(pool[:, :, 0]), 1.0)
    with pytest.raises(TypeError, match=r"pool: expected a Categorical .* Gaussian has no draws"):
        infoq.shared_draws(rows, rows)
    with pytest.raises(TypeError, match="targets: expected a Categorical"):
        infoq.shared_draws(x, rows.embedding)
    with pytest.raises(ValueError, match="targets: expected the K=4 posterior draws"):
        infoq.shared_draws(x, backend.array(targets[:, :3]))
    with pytest.raises(TypeError, match="seed: expected an integer"):
        infoq.shared_draws(x, t, seed="1")


@pytest.mark.of_libraries("jax")
def test_values_must_be_read(backend):
    import jax

    pool, targets, _ = ensemble(6, 4)
    with pytest.raises(TypeError, match="shared_draws: needs values that can be read"):
        jax.jit(infoq.shared_draws)(backend.array(pool), backend.array(targets))


@pytest.mark.of_libraries("torch")
def test_dropout_draws_new_models_for_every_row_and_call(backend):
    torch = backend.module
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(D, 64), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(64, C)
    ).double()
    inputs = torch.randn(N, D, dtype=torch.float64)

    def predictions(masks=None):
        hidden = torch.relu(model[0](inputs))
        draws = [
            model[3](model[2](hidden)) if masks is None else model[3](2 * hidden * masks[k])
            for k in range(30)
        ]
        return infoq.Categorical(logits=torch.stack(draws, dim=1))

    with torch.no_grad():
        masks = torch.rand(30, 64) < 0.5
        together = infoq.shared_draws(predictions(masks), predictions(masks))
        apart = infoq.shared_draws(predictions(), predictions())
    assert together.shared is True
    assert apart.shared is None
    assert together.epig > 3 * apart.epig

"""Errors name the argument that was passed, what was wrong with it, and a fix that there is."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods, methods

RNG = np.random.default_rng(0)
PROBS = RNG.dirichlet(np.ones(3), (6, 4))
POINTS = RNG.standard_normal((6, 3))
KERNEL = np.exp(-2 * (np.linspace(0, 1, 12)[:, None] - np.linspace(0, 1, 12)) ** 2)
NORMAL = likelihoods.Normal(1.0)


def gaussian(a):
    return infoq.Gaussian(a(POINTS), 1.0)


def categorical(a):
    return infoq.Categorical(a(PROBS))


@pytest.mark.parametrize("pick", [methods.badge, methods.bait_top])
@pytest.mark.parametrize("name", ["Normal", "Poisson", "Curvature"])
def test_labels_that_a_method_does_not_take_are_not_asked_for(backend, pick, name):
    arguments = {"Normal": 1.0, "Poisson": backend.array(np.ones((6, 1)))}
    argument = arguments.get(name, backend.array(np.ones((6, 1, 1))))
    found = f"likelihood: the label is the most probable class, and {name} has none; pass Softmax"
    with pytest.raises(TypeError, match=found) as error:
        pick(backend.array(POINTS), getattr(likelihoods, name)(argument), 3)
    assert "pass labels=" not in str(error.value)


def test_a_likelihood_without_predictions_has_no_residuals(backend):
    with pytest.raises(TypeError, match=r"likelihood: Normal.* pass .*Normal\(variance, mean=\)"):
        methods.el2n(NORMAL, backend.array(POINTS[:, 0]), 2)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x, p: infoq.laplace(x, p), "prior_precision"),
        (lambda x, p: infoq.Gaussian(x, p), "precision"),
        (lambda x, p: infoq.similarity_matrix(x, precision=p), "precision"),
        (lambda x, p: infoq.LowRankPrecision(p, x.dense()[:, 0, :]), "base"),
    ],
    ids=["laplace", "Gaussian", "similarity_matrix", "LowRankPrecision"],
)
def test_precisions_are_called_what_they_were_passed_as(backend, call, name):
    embedding = infoq.DenseEmbedding(backend.array(POINTS))
    bad = {
        "a positive precision, got 0.0": 0.0,
        "a positive precision, got nan": float("nan"),
        r"shape \(P, P\), got \(3, 2\)": backend.array(np.ones((3, 2))),
        "a real floating dtype": backend.array(np.ones(3, int)),
    }
    if backend.reads_values:
        bad["positive precisions, got -1.0 at 2"] = backend.array(np.array([1.0, 2.0, -1.0]))
    for words, precision in bad.items():
        with pytest.raises((TypeError, ValueError), match=f"^{name}: expected {words}"):
            call(embedding, precision)
    with pytest.raises(TypeError, match=f"^{name}: expected a Precision, a number, or an array"):
        infoq.Gaussian(embedding, None) if name == "precision" else call(embedding, None)


@pytest.mark.parametrize("value", [0.0, -1, float("nan")])
def test_the_prior_precision_of_a_method(backend, value):
    embedding = infoq.DenseEmbedding(backend.array(POINTS))
    found = f"prior_precision: expected a positive precision, got {float(value)}"
    with pytest.raises(ValueError, match=found):
        methods.bait(embedding, 2, prior_precision=value)


@pytest.mark.parametrize("name", ["logdett", "LogDet", None, 3])
def test_unknown_approximations_are_answered_by_those_that_there_are(backend, name):
    a = backend.array
    labels = a(np.zeros(6, int))
    of_draws = (
        rf"expected 'logdet' for a Categorical.*'jensen', 'trace', 'kronecker'.* got {name!r}"
    )
    for quantity in (infoq.eig, infoq.EIG, lambda x, **how: infoq.epig(x, x, **how)):
        with pytest.raises(ValueError, match=of_draws):
            quantity(categorical(a), approximation=name)
    for quantity in (infoq.ig, infoq.IG):
        with pytest.raises(ValueError, match=of_draws):
            quantity(categorical(a), labels, approximation=name)
    for quantity in (infoq.eig, infoq.EIG):
        with pytest.raises(ValueError, match=f"expected one of 'logdet', 'trace', got {name!r}"):
            quantity(gaussian(a), approximation=name)


@pytest.mark.parametrize("budget", [-1, -0.5, float("nan"), float("inf")])
def test_a_budget_is_said_as_it_was_passed(backend, budget):
    costs = backend.array(np.ones(6))
    for pick in (infoq.forward_backward, infoq.greedy, infoq.lazy_greedy):
        with pytest.raises(ValueError, match=f"budget: .* at least 0, got {budget}$"):
            pick(infoq.EIG(categorical(backend.array)), 2, costs=costs, budget=budget)
    with pytest.raises(TypeError, match="budget: expected a number of at least 0, got 'much'"):
        infoq.top_k(costs, 2, costs=costs, budget="much")


@pytest.mark.of_libraries("numpy", "torch", "jax", "array_api_strict", "cupy")
@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_rows_without_a_possible_outcome(backend, kind):
    values = PROBS.copy() if kind == "probs" else np.log(PROBS)
    values[2, 1] = nothing = 0.0 if kind == "probs" else -np.inf
    with pytest.raises(ValueError, match=rf"{kind}: candidate 2, draw 1: all .* are {nothing:g};"):
        infoq.Categorical(**{kind: backend.array(values)})
    found = rf"p: distribution \(2, 1\) of shape .* no possible outcome: all values are {nothing:g}"
    with pytest.raises(ValueError, match=found):
        infoq.entropy(backend.array(values), kind=kind)


@pytest.mark.of_libraries("numpy", "torch", "jax", "array_api_strict", "cupy")
@pytest.mark.parametrize(
    ("axis", "shape", "place"),
    [
        (-1, (2, 3, 4, 5), "distribution (1, 2, 3)"),
        ((1, 3), (2, 3, 4, 5), "distribution (1, 3)"),
        (0, (5, 7), "distribution 6"),
        ((0, 1), (5, 7), "distribution 0"),
    ],
)
def test_a_distribution_is_named_by_its_place_on_each_axis(backend, axis, shape, place):
    axes = axis if isinstance(axis, tuple) else (axis,)
    size = np.prod([shape[one] for one in axes])
    values = np.full(shape, 1 / size)
    values[tuple(n - 1 for n in shape)] += 1
    with pytest.raises(ValueError) as error:
        infoq.entropy(backend.array(values), axis=axis)
    assert f"p: {place} of shape {shape} along axis {axis}, read as probs" in str(error.value)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"samples": -5}, ValueError, "samples: expected at least 1, got -5"),
        ({"samples": 0}, ValueError, "samples: expected at least 1, got 0"),
        ({"samples": 2.5}, TypeError, "samples: expected an integer, got 2.5"),
        ({"samples": True}, TypeError, "samples: expected an integer, got True"),
        ({"seed": "x"}, TypeError, "seed: expected an integer or .* got str"),
        ({"seed": 1.5}, TypeError, "seed: expected an integer or .* got float"),
    ],
)
def test_samples_and_seeds_are_checked_where_they_are_not_used_too(backend, settings, error, words):
    for pool in (gaussian(backend.array), categorical(backend.array)):
        targets = pool.embedding if isinstance(pool, infoq.Gaussian) else pool
        for call in (
            pool.context,
            lambda pool=pool, **how: infoq.EIG(pool, **how),
            lambda pool=pool, about=targets, **how: infoq.JEPIG(pool, about, **how),
            lambda pool=pool, about=targets, **how: infoq.jepig(pool, about, **how),
        ):
            with pytest.raises(error, match=words):
                call(**settings)


@pytest.mark.of_libraries("numpy", "torch", "array_api_strict", "cupy")
def test_a_covariance_is_told_about_its_noise(backend):
    pool = infoq.Gaussian.from_covariance(backend.array(KERNEL.astype("float32")), 1e-12)
    with pytest.raises(ValueError, match=r"raise noise_variance, or add a multiple") as error:
        pool.precision.matrix(12, pool.like)
    assert "prior" not in str(error.value)

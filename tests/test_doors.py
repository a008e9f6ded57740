"""What is refused at the door, whichever door it is."""

from __future__ import annotations

import numpy as np
import pytest

import infoq


def draws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(3), (count, 4))


def value_of(f):
    """The value of one candidate, whose gain nobody asked for."""
    return f.value(f.add(f.start(), 2))


def computed(backend, found):
    """Scores, or the gains of a selection, as NumPy has them."""
    return backend.numpy(getattr(found, "gains", found))


BAD = {
    "logits": lambda x: np.log(x),
    "NaN": lambda x: np.where(np.arange(3) == 1, np.nan, x),
    "twice": lambda x: 2 * x,
    "minus one": lambda x: -np.ones_like(x),
    "huge": lambda x: np.full_like(x, 1e200),
    "the last alone": lambda x: np.where(np.arange(len(x))[:, None, None] == len(x) - 1, 2 * x, x),
}
ABOUT = {
    "jepig": infoq.jepig,
    "sampled": lambda pool, targets: infoq.jepig(pool, targets, samples=5),
    "given": lambda pool, targets: infoq.jepig(
        pool, targets, given=infoq.Categorical(pool).observe(infoq.Categorical(pool).context(), 0)
    ),
    "epig given": lambda pool, targets: infoq.epig(
        pool, targets, given=infoq.Categorical(pool).observe(infoq.Categorical(pool).context(), 0)
    ),
    "JEPIG": lambda pool, targets: infoq.greedy(infoq.JEPIG(pool, targets), 2),
    "EPIG": lambda pool, targets: infoq.greedy(infoq.EPIG(pool, targets), 2),
    "value of JEPIG": lambda pool, targets: value_of(infoq.JEPIG(pool, targets)),
    "value of EPIG": lambda pool, targets: value_of(infoq.EPIG(pool, targets)),
    "methods.jepig": lambda pool, targets: infoq.methods.jepig(pool, targets, 2),
    "methods.batch_jepig": lambda pool, targets: infoq.methods.batch_jepig(pool, targets, 2),
}


@pytest.mark.parametrize("name", ABOUT)
@pytest.mark.parametrize("bad", BAD)
def test_bare_targets_that_are_no_probabilities(backend, name, bad):
    pool, targets = backend.array(draws(5)), backend.array(BAD[bad](draws(3, 1)))
    said = r"^targets: candidate [02], "
    if not backend.ops.concrete(targets):  # known as a block is computed
        said += "|^probs: NaN, negative, or rows that do not sum to one"
    with pytest.raises(ValueError, match=said):
        computed(backend, ABOUT[name](pool, targets))


@pytest.mark.parametrize("bad", BAD)
def test_the_value_of_a_bare_pool_that_is_no_probabilities(backend, bad):
    pool = backend.array(BAD[bad](draws(3)))
    with pytest.raises(ValueError, match=r"^probs: candidate [02], "):
        value_of(infoq.EIG(pool))


WHO = {
    "list": lambda backend: [0, 2],
    "range": lambda backend: range(0, 3, 2),
    "tuple": lambda backend: (0, 2),
    "set": lambda backend: {0, 2},
    "iterator": lambda backend: iter([0, 2]),
    "booleans": lambda backend: [True, False, True],
    "NumPy's": lambda backend: np.array([0, 2]),
    "indices": lambda backend: backend.array(np.array([0, 2])),
    "mask": lambda backend: backend.array(np.array([True, False, True])),
}


@pytest.mark.parametrize("who", WHO)
def test_candidates_of_any_kind_beside_costs(backend, who):
    scores = backend.array(np.array([1.0, 5.0, 4.0]))
    costs = backend.array(np.array([1.0, 1.0, 2.0]))
    batch = infoq.top_k(scores, 2, candidates=WHO[who](backend), costs=costs)
    assert backend.numpy(batch.indices).tolist() == [2, 0]


PURSES = {
    "top_k": lambda scores, **words: infoq.top_k(scores, 1, **words),
    "sample": lambda scores, **words: infoq.sample(scores, 1, **words),
    "greedy": lambda scores, **words: infoq.greedy(infoq.EIG(np.full((3, 1, 2), 0.5)), 1, **words),
    "kmeans": lambda scores, **words: infoq.kmeans_plusplus(np.eye(3), 1, **words),
}


@pytest.mark.parametrize("name", PURSES)
@pytest.mark.parametrize(
    "costs", [np.ones(3) * 1j, np.ones(3, object), np.array(["1"] * 3), np.ones(3, bool)]
)
def test_costs_are_real_numbers(name, costs):
    with pytest.raises(TypeError, match="costs: "):
        PURSES[name](np.ones(3), costs=costs, budget=2.0)


@pytest.mark.parametrize("name", PURSES)
@pytest.mark.parametrize("budget", [True, "2", 2j, np.ones(1), np.array("2"), np.array(2j), [2]])
def test_a_budget_is_a_real_number(name, budget):
    with pytest.raises(TypeError, match="budget: expected a number"):
        PURSES[name](np.ones(3), costs=np.ones(3), budget=budget)


def test_integer_costs_and_a_budget_of_the_library(backend):
    costs = backend.array(np.array([2, 1, 1]))
    budget = backend.ops.fetch(backend.array(np.array(2.0)))
    batch = infoq.top_k(backend.array(np.ones(3)), costs=costs, budget=budget)
    assert backend.numpy(batch.indices).tolist() == [1, 2]


NOISES = {
    "masked": (np.ma.masked_array(np.ones(2), [0, 1]), TypeError),
    "boolean": (True, TypeError),
    "booleans": (np.ones(2, bool), TypeError),
    "complex": (np.ones(2) * 1j, TypeError),
    "text": ("1", TypeError),
    "None": (None, TypeError),
    "list": ([1.0, 1.0], TypeError),
    "narrower": (np.ones(2, np.float32), TypeError),
    "infinite": (float("inf"), ValueError),
    "one infinite": (np.array([1.0, np.inf]), ValueError),
    "NaN": (float("nan"), ValueError),
    "three": (np.ones(3), ValueError),
}


@pytest.mark.parametrize("name", NOISES)
def test_noise_goes_through_the_door(name):
    noise, error = NOISES[name]
    with pytest.raises(error, match=r"^noise_variance: "):
        infoq.Gaussian.from_covariance(np.eye(2), noise)


@pytest.mark.parametrize("noise", [2, np.array([2, 2]), np.array(2.0), np.full(2, 2.0, ">f8")])
def test_noise_in_other_words(noise):
    scores = infoq.eig(infoq.Gaussian.from_covariance(np.eye(2), noise))
    np.testing.assert_allclose(scores, np.log(1.5) / 2, rtol=1e-12)
    assert scores.dtype == np.dtype("float64")
    assert scores.dtype.isnative


@pytest.mark.of_libraries("torch")
def test_noise_of_another_library():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="covariance is torch, noise_variance is numpy"):
        infoq.Gaussian.from_covariance(torch.eye(2), np.ones(2))


@pytest.mark.parametrize("log_likelihood", [None, 1j, "1", True, np.array(1j), [1.0]])
def test_the_evidence_of_what_is_no_number(log_likelihood):
    prior = infoq.ScalarPrecision(1.0)
    posterior = infoq.laplace(infoq.DenseEmbedding(np.eye(2)), prior)
    with pytest.raises(TypeError, match=r"^log_likelihood: expected"):
        infoq.marginal_likelihood(log_likelihood, np.ones(2), prior, posterior)


def test_the_best_prior_is_of_an_embedding(backend):
    rows = backend.array(np.eye(2))
    with pytest.raises(TypeError, match=r"^embedding: expected an Embedding"):
        infoq.optimise_prior_precision(rows, rows[0, :])


@pytest.mark.parametrize("shift", [1j, "1", None, True, np.array(1j), np.ones(1), [1.0]])
def test_a_shift_is_a_real_number(shift):
    with pytest.raises((TypeError, ValueError), match=r"^shift: expected"):
        infoq.KroneckerPrecision(np.eye(2), np.eye(3), shift)


@pytest.mark.parametrize("shift", [2, 2.0, np.array(2.0), np.array(2.0, ">f8"), np.float32(2)])
def test_a_shift_in_other_words(shift):
    precision = infoq.KroneckerPrecision(np.eye(2), np.eye(3), shift)
    assert all(part.dtype == np.float64 and part.dtype.isnative for part in precision.parts)
    np.testing.assert_allclose(precision.logdet(), 6 * np.log(3.0), rtol=1e-12)


def test_a_shift_of_another_precision():
    with pytest.raises(TypeError, match=r"^shift: expected the dtype of the factors"):
        infoq.KroneckerPrecision(np.eye(2, dtype=np.float32), np.eye(3, dtype=np.float32), ONE)


ONE = np.array(1.0)
PAIR = np.full((2, 1, 2), 0.5)
NOTHING = {
    "p": lambda x: infoq.measures.kl_divergence(None, x),
    "q": lambda x: infoq.measures.kl_divergence(x, None),
    "left": lambda x: infoq.KroneckerPrecision(None, x),
    "right": lambda x: infoq.KroneckerPrecision(x, None),
    "scores": lambda x: infoq.top_k(None, 2),
    "rows": lambda x: infoq.DenseEmbedding(None),
    "indices": lambda x: infoq.Neighbours(None, x),
    "similarities": lambda x: infoq.Neighbours(x, None),
    "mean": lambda x: infoq.optimise_prior_precision(infoq.DenseEmbedding(x), None),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_in_place_of_an_array(backend, name):
    with pytest.raises(TypeError, match=f"^{name}: expected an array, got None"):
        NOTHING[name](backend.array(np.eye(2)))


def test_nothing_in_place_of_a_matrix(backend):
    with pytest.raises(TypeError, match=r"^\w+: expected an array, got None"):
        infoq.measures.logdet_mi(None, backend.array(np.eye(2)), backend.array(np.eye(2)))


GAUSSIAN = infoq.Gaussian(np.eye(2))
WORDS = {
    "a class": (lambda: infoq.greedy(infoq.EIG, 3), "f: .* the class EIG; make an instance"),
    "targets": (lambda: infoq.epig(PAIR, GAUSSIAN), r"targets: .*no draws; use .sample\(draws\)"),
    "margin": (lambda: infoq.margin(GAUSSIAN), r"x: .*no draws; use .sample\(draws\)"),
    "coldness": (lambda: infoq.sample(np.ones(3), 1, coldness="a"), "coldness: expected a finite"),
    "epsilon": (
        lambda: infoq.stochastic_greedy(infoq.EIG(PAIR), 1, epsilon="a"),
        "epsilon: expected a number between 0 and 1, got 'a'",
    ),
    "kdpp": (lambda: infoq.kdpp(), "points, kernel: expected one of the two, got neither"),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_to_pass_instead(name):
    call, words = WORDS[name]
    with pytest.raises(TypeError, match=f"^{words}"):
        call()


def test_draws_are_shared_by_somebody(backend):
    x = infoq.Categorical(backend.array(draws(4)))
    with pytest.raises(ValueError, match="pool: expected at least one candidate, got none"):
        infoq.shared_draws(x[:0], x)

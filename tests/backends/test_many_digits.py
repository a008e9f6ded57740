"""The same code at 50 digits: mparray, whose numbers are those of mpmath, against plain sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

import infoq

mparray = pytest.importorskip("mparray", reason="nox -s strangers installs it")
mpmath = pytest.importorskip("mpmath")

DIGITS = 50
CLASSES = 3


@pytest.fixture(autouse=True)
def fifty_digits() -> Iterator[None]:
    with mpmath.workdps(DIGITS):
        yield


def drawn(count, draws, seed):
    """Probabilities [count, draws, C] as numbers of mpmath."""
    logits = np.random.default_rng(seed).normal(size=(count, draws, CLASSES))
    return [[normalised([mpmath.exp(z) for z in row]) for row in one] for one in logits.tolist()]


def normalised(numbers):
    total = mpmath.fsum(numbers)
    return [mpmath.mpf(x) / total for x in numbers]


def array(nested):
    return mparray.asarray(nested, dtype=mparray.float64)


def entropy(probs):
    return -mpmath.fsum(p * mpmath.log(p) for p in probs)


def joint(weights, *candidates):
    """The probabilities of all joint outcomes, one number each."""
    outcomes = itertools.product(range(CLASSES), repeat=len(candidates))
    return [
        mpmath.fsum(
            w * mpmath.fprod(one[k][y] for one, y in zip(candidates, each, strict=True))
            for k, w in enumerate(weights)
        )
        for each in outcomes
    ]


def information(weights, one, *others):
    """I[Y; Y_1, Y_2, ...] as a sum of entropies."""
    alone = entropy(joint(weights, one)) + entropy(joint(weights, *others))
    return alone - entropy(joint(weights, one, *others))


def about_parameters(weights, one):
    return entropy(joint(weights, one)) - mpmath.fsum(
        w * entropy(p) for w, p in zip(weights, one, strict=True)
    )


def agree(found, expected, digits=DIGITS - 6):
    assert found.shape == (len(expected),)
    off = mparray.abs(found - array(expected)) / array(expected)
    # Above what is lost where entropies cancel in the sums that it is compared with.
    assert float(mparray.max(off)) < 10.0**-digits


@pytest.fixture(params=[(6, False), (7, False), (3, True)], ids=["K=6", "K=7", "weights"])
def draws(request):
    """Candidates and targets, and the weights of their draws: as numbers, and as an argument."""
    number, weighted = request.param
    parts = list(range(1, number + 1)) if weighted else [1] * number
    weights = normalised([mpmath.mpf(x) for x in parts])
    pool, targets = drawn(4, number, 0), drawn(3, number, 1)
    return pool, targets, weights, {"weights": array(parts)} if weighted else {}


def test_eig(draws):
    pool, _, weights, known = draws
    expected = [about_parameters(weights, one) for one in pool]
    agree(infoq.eig(infoq.Categorical(array(pool), **known)), expected)
    logits = [[[mpmath.log(p) + 2 for p in row] for row in one] for one in pool]
    agree(infoq.eig(infoq.Categorical(logits=array(logits), **known)), expected)


def test_epig(draws):
    pool, targets, weights, known = draws
    pairs = [[information(weights, one, each) for each in targets] for one in pool]
    x, about = (infoq.Categorical(array(each), **known) for each in (pool, targets))
    agree(infoq.epig(x, about), [mpmath.fsum(row) / 3 for row in pairs])
    expected = [(row[0] + 2 * row[1] + 4 * row[2]) / 7 for row in pairs]
    agree(infoq.epig(x, about, target_weights=array([1, 2, 4])), expected)


def test_jepig(draws):
    pool, targets, weights, known = draws
    x, about = (infoq.Categorical(array(each), **known) for each in (pool, targets))
    agree(infoq.jepig(x, about), [information(weights, one, *targets) for one in pool])


def test_entropy(draws):
    pool, _, weights, known = draws
    x = infoq.Categorical(array(pool), **known)
    agree(x.entropy(), [entropy(joint(weights, one)) for one in pool])
    agree(infoq.entropy(array(pool[0])), [entropy(row) for row in pool[0]])


def test_batches(draws):
    pool, _, weights, known = draws
    batch = infoq.greedy(infoq.EIG(infoq.Categorical(array(pool), **known)), 2)
    first, second = (int(batch.indices[place]) for place in range(2))
    both = entropy(joint(weights, pool[first], pool[second]))
    each = mpmath.fsum(
        w * (entropy(pool[first][k]) + entropy(pool[second][k])) for k, w in enumerate(weights)
    )
    agree(mparray.reshape(batch.value, (1,)), [both - each])


def test_information_of_two_distributions():
    (one,), (two,) = drawn(1, 1, 2)[0], drawn(1, 1, 3)[0]
    divergence = mpmath.fsum(p * mpmath.log(p / q) for p, q in zip(one, two, strict=True))
    agree(mparray.reshape(infoq.kl_divergence(array(one), array(two)), (1,)), [divergence])
    middle = [(p + q) / 2 for p, q in zip(one, two, strict=True)]
    apart = entropy(middle) - (entropy(one) + entropy(two)) / 2
    agree(mparray.reshape(infoq.js_divergence(array(one), array(two)), (1,)), [apart])

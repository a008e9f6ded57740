"""What predictives hand out: the set functions of their candidates' outcomes and labels."""

import numpy as np
import pytest

import infoq
from infoq.predictives import PARAMETERS, AllTargets, EachTarget

N, M, P = 8, 3, 4
RNG = np.random.default_rng(5)
ROWS, TARGETS = RNG.standard_normal((N, 2, P)), RNG.standard_normal((M, 2, P))
LOGITS = RNG.standard_normal((N + M, 6, 3))
FEATURES, MEAN, LABELS = RNG.standard_normal((N, P)), RNG.standard_normal(N), np.arange(N) / 4.0


def outcomes(kind, backend):
    """A predictive and its targets."""
    if kind == "categorical":
        draws = infoq.Categorical(logits=backend.array(LOGITS))
        return draws[:N], draws[N:]
    both = (infoq.DenseEmbedding(backend.array(x)) for x in (ROWS, TARGETS))
    pool, targets = (infoq.Gaussian(x, 1.5) for x in both)
    return pool, targets


@pytest.mark.parametrize("kind", ["categorical", "gaussian"])
def test_what_a_predictive_hands_out_is_the_quantity(backend, kind):
    pool, targets = outcomes(kind, backend)
    pairs = [
        (pool.batch(PARAMETERS), infoq.EIG(pool)),
        (pool.batch(EachTarget(targets), samples=50), infoq.EPIG(pool, targets, samples=50)),
        (pool.batch(AllTargets(targets)), infoq.JEPIG(pool, targets)),
    ]
    for handed, quantity in pairs:
        assert isinstance(handed, infoq.SetFunction)
        assert handed.submodular == quantity.submodular
        assert len(handed) == handed.num_candidates == len(quantity) == N
        one, other = (infoq.greedy(f, 3) for f in (handed, quantity))
        for field in ("indices", "gains", "value"):
            each = (backend.numpy(getattr(batch, field)) for batch in (one, other))
            np.testing.assert_array_equal(*each)


def test_labels_are_handed_out_as_well(backend):
    normal = infoq.likelihoods.Normal(0.5, mean=backend.array(MEAN))
    pool = infoq.Gaussian(infoq.LastLayerEmbedding(backend.array(FEATURES), normal), 2.0)
    labels = backend.array(LABELS)
    handed, quantity = pool.labelled_batch(PARAMETERS, labels), infoq.IG(pool, labels)
    one, other = (infoq.greedy(f, 3) for f in (handed, quantity))
    np.testing.assert_array_equal(backend.numpy(one.gains), backend.numpy(other.gains))
    assert handed.submodular is False


@pytest.mark.parametrize("approximation", ["logdet", "jensen", "trace"])
def test_the_value_about_a_gaussian_once_something_is_known(backend, approximation):
    """Targets under the posterior of the candidates, before what is given to both."""
    pool, targets = outcomes("gaussian", backend)
    values = []
    for them in (targets, targets.embedding):
        f = infoq.EPIG(pool, them, given=pool.embedding[:2], approximation=approximation)
        state, total = f.start(), 0.0
        for index in (3, 5):
            total += float(backend.numpy(f.gains(state))[index])
            state = f.add(state, index)
        values.append(float(backend.numpy(f.value(state))))
        if approximation == "logdet":  # a chain rule holds for it alone, target by target
            np.testing.assert_allclose(values[-1], total, rtol=1e-9)
    assert values[0] == values[1]


def test_a_method_that_is_lacking_is_lacking_of_the_quantity(backend):
    pool, _ = outcomes("gaussian", backend)
    with pytest.raises(TypeError, match="EIG has no method magnified"):
        infoq.EIG(pool).magnified([0], 2.0)

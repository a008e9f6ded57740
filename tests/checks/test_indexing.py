"""Some of the candidates: slices, integers and masks of pools and of embeddings."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.draws.categorical import as_categorical

N, K, C, D = 7, 4, 3, 2
RNG = np.random.default_rng(5)
PROBS, FEATURES = RNG.dirichlet(np.ones(C), (N, K)), RNG.standard_normal((N, D))
ROWS, WEIGHTS = RNG.standard_normal((N, 2, 3)), np.array([0.4, 0.3, 0.2, 0.1])
ROOT = RNG.standard_normal((N, N))


def layer(b):
    return infoq.LastLayerEmbedding(b.array(FEATURES), likelihoods.Softmax(b.array(PROBS[:, 0])))


def model(b):
    """A model that is differentiated block by block: outputs x w, at w = 1."""

    def linearise(x):
        return b.ops.xp.sum(x, axis=1, keepdims=True), x[:, None, :]

    return infoq.JacobianEmbedding(
        b.array(FEATURES), linearise, lambda z: likelihoods.Bernoulli(logits=z)
    )


POOLS = {
    "probs": lambda b: infoq.Categorical(b.array(PROBS)),
    "logits": lambda b: infoq.Categorical(logits=b.array(3 * PROBS)),
    "weighted": lambda b: infoq.Categorical(
        log_probs=b.array(np.log(PROBS)), weights=b.array(WEIGHTS)
    ),
    "turned": lambda b: infoq.Categorical(b.array(PROBS.transpose(1, 2, 0)), axes="KCN"),
    "rows": lambda b: infoq.Gaussian(b.array(ROWS), 2.0),
    "row": lambda b: infoq.Gaussian(b.array(ROWS[:, 0]), 2.0),
    "diagonal": lambda b: infoq.Gaussian(infoq.DiagonalEmbedding(b.array(ROWS[:, 0] ** 2)), 2.0),
    "last layer": lambda b: infoq.Gaussian(layer(b), infoq.laplace(layer(b), 1.0)),
    "fisher": lambda b: infoq.Gaussian(
        infoq.fisher_embedding(b.array(ROWS), likelihoods.Bernoulli(logits=b.array(ROWS[:, :, 0]))),
        1.0,
    ),
    "gradients": lambda b: infoq.Gaussian(
        infoq.gradient_embedding(b.array(FEATURES), likelihoods.Softmax(b.array(PROBS[:, 0]))), 1.0
    ),
    "model": lambda b: infoq.Gaussian(model(b), 1.0),
    "process": lambda b: infoq.Gaussian.from_covariance(b.array(ROOT @ ROOT.T)),
}
MASK = np.array([True, False, False, True, True, False, True])
WAYS = {
    "slice": (slice(1, 20, 2), [1, 3, 5]),
    "integers": (np.array([4, 0, -1, 4]), [4, 0, 6, 4]),
    "small integers": (np.array([2, 5], "int32"), [2, 5]),
    "unsigned": (np.array([2, 5], "uint8"), [2, 5]),
    "list": ([3, -7, 1], [3, 0, 1]),
    "range": (range(2, 5), [2, 3, 4]),
    "mask": (MASK, [0, 3, 4, 6]),
    "list of truths": (MASK.tolist(), [0, 3, 4, 6]),
    "NumPy's integers": ([np.int64(2), np.int32(0)], [2, 0]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", POOLS)
def test_scores_of_some_are_some_of_the_scores(backend, name, way):
    index, places = WAYS[way]
    pool = POOLS[name](backend)
    scores = backend.numpy(infoq.eig(pool))
    indices = [index]
    if isinstance(index, np.ndarray):
        indices += [backend.array(index)]
    for each in indices:
        some = pool[each]
        assert type(some) is type(pool)
        assert len(some) == len(places)
        np.testing.assert_allclose(backend.numpy(infoq.eig(some)), scores[places], rtol=1e-9)
        if isinstance(pool, infoq.Gaussian):
            one = pool.embedding[each]
            assert type(one) is type(pool.embedding)
            np.testing.assert_allclose(
                backend.numpy(infoq.eig(infoq.Gaussian(one, pool.precision))),
                scores[places],
                rtol=1e-9,
            )


@pytest.mark.parametrize("name", ["probs", "logits", "weighted", "turned"])
def test_kind_and_weights_stay(backend, name):
    pool = POOLS[name](backend)
    some = pool[[5, 2]]
    assert repr(some) == repr(pool).replace(f"N={N}", "N=2")
    to_host = backend.ops.to_host
    np.testing.assert_array_equal(to_host(some.weights), to_host(pool.weights))
    np.testing.assert_allclose(
        backend.numpy(some.probs), backend.numpy(pool.probs)[[5, 2]], rtol=1e-12
    )
    about = backend.numpy(infoq.epig(pool[:3], pool[3:]))
    expected = infoq.epig(POOLS[name](NUMPY)[:3], POOLS[name](NUMPY)[3:])
    np.testing.assert_allclose(about, expected, rtol=1e-9)


class _Numpy:
    """NumPy, as the pools above want a library."""

    ops = infoq.backends.ops_for(PROBS)
    array = staticmethod(np.asarray)


NUMPY = _Numpy()


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (0, TypeError, r"got the single index 0; a pool of one candidate is \[i : i \+ 1\]"),
        (np.int64(3), TypeError, "got the single index"),
        (np.array(3), TypeError, "got the single index"),
        (True, TypeError, "got the single index True"),
        ((1, 2), TypeError, "expected a slice of candidates such as"),
        (None, TypeError, "expected a slice of candidates such as"),
        (Ellipsis, TypeError, "expected a slice of candidates such as"),
        ("ab", TypeError, "expected a slice of candidates such as"),
        ([0.5], TypeError, "index: expected integers or a boolean mask, got float"),
        ([True, 1], TypeError, "index: expected integers or a boolean mask, got bool"),
        (np.ones(2), TypeError, r"expected integers \[m\] or a boolean mask \[7\]"),
        (np.ones((7, 1), bool), TypeError, r"got .*bool.* of shape \(7, 1\)"),
        (np.ones(6, bool), ValueError, "index: expected a boolean mask of N=7 candidates, got 6"),
        ([False, True], ValueError, "index: expected a boolean mask of N=7 candidates, got 2"),
        ([0, 7], IndexError, "index: expected one of 7 candidates, got 7 at 1"),
        (np.array([-8]), IndexError, "index: expected one of 7 candidates, got -8 at 0"),
        (slice(None, None, -1), ValueError, "expected a slice with a step of at least 1"),
    ],
)
def test_refusals(backend, name, index, error, message):
    pool = POOLS[name](backend)
    cases = [index]
    if isinstance(index, np.ndarray):
        cases.append(backend.array(index))
    for each in cases:
        with pytest.raises(error, match=message):
            pool[each]


def test_nobody_is_a_pool_and_no_targets(backend):
    pool = POOLS["probs"](backend)
    for none in ([], np.zeros(N, bool), slice(3, 3)):
        assert len(pool[none]) == 0
    with pytest.raises(ValueError, match="targets: expected at least one target, got none"):
        infoq.epig(pool, pool[:0])


def test_what_is_not_checked_yet_is_checked(backend):
    bad = PROBS.copy()
    bad[5, 1, 2] = np.nan
    if not backend.reads_values:
        with pytest.raises(ValueError, match="probs: NaN, negative, or rows"):
            backend.numpy(infoq.eig(infoq.Categorical(backend.array(bad))[[0, 5]]))
        return
    with pytest.raises(ValueError, match="candidate 5, draw 1"):
        infoq.eig(as_categorical(backend.array(bad))[[0, 1]])


@pytest.mark.of_libraries("jax")
@pytest.mark.parametrize("name", ["weighted", "last layer"])
def test_integers_inside_jit(backend, name):
    import jax
    import jax.numpy as jnp

    pool = POOLS[name](backend)
    run = jax.jit(lambda pool, index: infoq.eig(pool[index]))
    scores = np.array(infoq.eig(pool))
    for places in ([4, -1, 0], [2, 2, 5]):
        np.testing.assert_allclose(
            np.array(run(pool, jnp.asarray(places))), scores[places], rtol=1e-6
        )
    with pytest.raises(TypeError, match="index: a mask must be readable"):
        run(pool, jnp.asarray(MASK))


@pytest.mark.of_libraries("dask")
def test_nothing_is_computed(backend):
    computed = []

    def noted(block):
        computed.append(block.shape)
        return block

    pool = infoq.Categorical(backend.array(PROBS).map_blocks(noted, meta=PROBS[:0]))
    some = pool[[4, 1]], pool[:3], pool[MASK]
    scores = [infoq.eig(each) for each in some]
    assert computed == []
    np.testing.assert_allclose(backend.numpy(scores[0]), infoq.eig(PROBS)[[4, 1]], rtol=1e-9)


def test_bald_of_a_gaussian_is_its_information(backend):
    for name in ("row", "last layer", "weighted"):
        pool = POOLS[name](backend)
        np.testing.assert_array_equal(
            backend.numpy(infoq.bald(pool)), backend.numpy(infoq.eig(pool))
        )
        best = infoq.methods.bald(pool, 2)
        np.testing.assert_array_equal(
            backend.numpy(best.indices), backend.numpy(infoq.top_k(infoq.bald(pool), 2).indices)
        )
    with pytest.raises(TypeError, match="got an embedding without a precision"):
        infoq.bald(layer(backend))

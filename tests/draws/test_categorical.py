"""`Categorical`: layouts, kinds, weights, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoq
from tests import oracles

POOL = oracles.softmax(np.random.default_rng(0).normal(size=(6, 4, 3)))


@pytest.mark.parametrize("axes", ["NKC", "NCK", "KNC", "KCN", "CNK", "CKN"])
def test_any_order_of_axes(backend, axes):
    order = tuple("NKC".index(axis) for axis in axes)
    pool = infoq.Categorical(backend.array(POOL.transpose(order)), axes=axes)
    assert (pool.num_candidates, pool.num_draws, pool.num_classes) == (6, 4, 3)
    assert len(pool) == 6
    np.testing.assert_array_equal(backend.numpy(pool.probs), POOL)
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), oracles.bald(POOL), rtol=1e-12)


@given(data=st.data(), shift=st.sampled_from([0.0, 30.0, -30.0]))
def test_probabilities_their_logarithms_and_logits_agree(backend, data, shift):
    probs = data.draw(oracles.probabilities(4, 3, 4))
    targets = data.draw(oracles.probabilities(2, 3, 4))
    with np.errstate(divide="ignore"):
        logs, target_logs = np.log(probs), np.log(targets)
    scores = []
    for kind, pool, target in (
        ("probs", probs, targets),
        ("log_probs", logs, target_logs),
        ("logits", logs + shift, target_logs - shift),
    ):
        x = infoq.Categorical(**{kind: backend.array(pool)})
        y = infoq.Categorical(**{kind: backend.array(target)})
        batch = infoq.greedy(infoq.EIG(x), 2)
        parts = [infoq.eig(x), infoq.epig(x, y), x.entropy(), batch.gains]
        scores.append(np.concatenate([backend.numpy(part) for part in parts]))
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-12)
    np.testing.assert_allclose(scores[2], scores[0], atol=1e-12)


def test_huge_logits(backend):
    logits = np.array([[[1e4, 0.0], [0.0, 1e4]], [[-1e4, -1e4], [-1e4, -1e4]]])
    pool = infoq.Categorical(logits=backend.array(logits))
    np.testing.assert_allclose(backend.numpy(infoq.eig(pool)), [np.log(2), 0], atol=1e-15)


@given(probs=oracles.pools(), seed=st.integers(0, 20))
def test_entropy_of_the_mean_prediction(backend, probs, seed):
    weights = oracles.draw_weights(probs.shape[1], seed)
    pool = infoq.Categorical(backend.array(probs), weights=backend.array(weights))
    mean = np.einsum("k,nkc->nc", weights, probs)
    np.testing.assert_allclose(backend.numpy(pool.entropy()), oracles.entropy(mean), atol=1e-14)
    np.testing.assert_allclose(np.array(backend.ops.to_host(pool.weights)), weights)


def test_says_what_it_is(backend):
    text = repr(infoq.Categorical(logits=backend.array(POOL, "float32")))
    assert text == f"Categorical(N=6, K=4, C=3, logits, {backend.name} float32)"


def test_inputs_are_never_written_to_and_may_be_read_only():
    pool, weights = POOL.copy(), np.full(4, 2.0)
    pool.flags.writeable = weights.flags.writeable = False
    x = infoq.Categorical(pool, weights=weights)
    infoq.eig(x), infoq.epig(x, x), infoq.greedy(infoq.EIG(x), 3), x.entropy()
    infoq.eig(pool), infoq.epig(pool, pool)
    np.testing.assert_array_equal(pool, POOL)
    np.testing.assert_array_equal(weights, 2.0)


def test_inputs_stay_as_they_were(backend):
    pool = backend.array(POOL)
    x = infoq.Categorical(pool)
    infoq.eig(x), infoq.epig(x, x), infoq.greedy(infoq.EIG(x), 3)
    np.testing.assert_array_equal(backend.numpy(pool), POOL)


def test_strided_views(backend):
    wide = np.repeat(np.repeat(POOL, 2, axis=0), 2, axis=1)
    view = backend.array(wide)[::2, ::2, :]
    np.testing.assert_allclose(backend.numpy(infoq.eig(view)), oracles.bald(POOL), rtol=1e-12)


def test_memory_mapped_file(tmp_path):
    np.save(tmp_path / "probs.npy", POOL)
    mapped = np.load(tmp_path / "probs.npy", mmap_mode="r")
    np.testing.assert_allclose(infoq.eig(mapped), oracles.bald(POOL), rtol=1e-12)


def test_half_precision_is_computed_in_single_and_returned_as_it_came(backend):
    if backend.name == "array_api_strict":
        with pytest.raises(TypeError):
            backend.array(POOL, "float16")  # the standard has no float16
        return
    half = POOL.astype(np.float16)
    exact = oracles.bald(half.astype(np.float64))
    score = backend.call(infoq.eig, half)
    assert score.dtype == np.float16
    np.testing.assert_allclose(score, exact, rtol=2e-3)
    score = backend.call(infoq.epig, half, half)
    assert score.dtype == np.float16
    np.testing.assert_allclose(score, oracles.pair_information(half, half).mean(1), rtol=1e-2)
    gains = infoq.greedy(infoq.EIG(backend.array(half)), 2).gains
    assert backend.numpy(gains).dtype == np.float16


@pytest.mark.of_libraries("numpy", "torch", "jax", "dask", "cupy")  # the standard has no float16
def test_probabilities_in_half_precision_may_sum_to_one_less_exactly(backend):
    half = np.tile(np.float16(1.01 / 4), (2, 3, 4))
    assert np.all(backend.call(infoq.eig, half) == 0)
    with pytest.raises(ValueError, match=r"sum to (1|one)"):
        backend.numpy(infoq.eig(backend.array(half.astype(np.float32))))


def bad(index: tuple[int, int, int], value: float) -> np.ndarray:
    """The pool with one wrong value."""
    pool = POOL.copy()
    pool[index] = value
    return pool


STRUCTURE = [
    (
        {"probs": POOL[0]},
        ValueError,
        r"probs: expected 3 axes NKC .* got shape \(4, 3\); for a sing",
    ),
    ({"probs": POOL[..., None]}, ValueError, r"got shape \(6, 4, 3, 1\)"),
    ({"probs": POOL[:0]}, ValueError, r"probs: axis N is empty in shape \(0, 4, 3\)"),
    ({"probs": POOL[:, :0]}, ValueError, "probs: axis K is empty"),
    ({"logits": POOL[:, :, :0]}, ValueError, "logits: axis C is empty"),
    (
        {"probs": np.ones((2, 2, 1), np.int64)},
        TypeError,
        "probs: expected a real floating dtype, got",
    ),
    ({"probs": np.ones((2, 2, 1), bool)}, TypeError, "probs: expected a real floating dtype"),
    ({"probs": POOL.astype(complex)}, TypeError, "probs: expected a real floating dtype"),
    ({"probs": POOL, "axes": "NKD"}, ValueError, "axes: expected a permutation of 'NKC' .*'NKD'"),
    ({"probs": POOL, "logits": POOL}, TypeError, "exactly one of .* got probs, logits"),
    ({}, TypeError, "expected exactly one of probs, log_probs or logits, got none"),
    (
        {"probs": POOL, "weights": np.ones(5)},
        ValueError,
        r"weights: expected shape \(4,\), one per dr",
    ),
    (
        {"probs": POOL, "weights": np.ones(4, np.int64)},
        TypeError,
        "weights: expected a real floati",
    ),
]

VALUES = [
    ({"probs": bad((2, 1, 0), np.nan)}, "probs: candidate 2, draw 1, class 0: NaN value"),
    ({"probs": bad((3, 0, 2), -0.1)}, "candidate 3, draw 0, class 2: negative .*pass logits="),
    ({"probs": bad((4, 3, 1), np.inf)}, "candidate 4, draw 3, class 1: infinite value"),
    ({"probs": 2 * POOL}, "candidate 0, draw 0: probabilities sum to 2, not 1; divide"),
    ({"probs": POOL, "axes": "NCK"}, "probs: candidate 0, .* sum to .* check axes="),
    ({"log_probs": POOL}, "log_probs: candidate 0, draw .: log-probabilities sum to"),
    ({"log_probs": np.log(bad((1, 1, 1), np.nan))}, "candidate 1, draw 1, class 1: NaN value"),
    (
        {"logits": bad((5, 2, 1), np.nan)},
        "logits: candidate 5, draw 2, class 1: NaN value among logi",
    ),
    (
        {"logits": bad((5, 2, 1), np.inf)},
        "candidate 5, draw 2, class 1: infinite value among logits",
    ),
    (
        {"logits": np.where(np.arange(6)[:, None, None] == 3, -np.inf, POOL)},
        "candidate 3, draw 0: al",
    ),
    ({"probs": POOL, "weights": np.array([1.0, -1.0, 1.0, 1.0])}, "weights: .* got -1.0 at 1"),
    ({"probs": POOL, "weights": np.array([1.0, np.nan, 1.0, 1.0])}, "weights: .* got nan at 1"),
    ({"probs": POOL, "weights": np.zeros(4)}, "weights: the weights sum to 0.0"),
]


def cast(backend, given_arrays):
    """NumPy arrays in the library under test."""
    return {
        k: backend.array(x) if isinstance(x, np.ndarray) else x for k, x in given_arrays.items()
    }


@pytest.mark.parametrize(("arguments", "error", "message"), STRUCTURE)
def test_wrong_structure(backend, arguments, error, message):
    if any(isinstance(x, np.ndarray) and 0 in x.shape for x in arguments.values()):
        backend = type(backend)("numpy") if backend.name == "dask" else backend
    with pytest.raises(error, match=message):
        infoq.Categorical(**cast(backend, arguments))


@pytest.mark.parametrize(("arguments", "message"), VALUES)
def test_wrong_values(backend, arguments, message):
    if backend.reads_values:
        with pytest.raises(ValueError, match=message.replace("got -1.0", "got .*-1.*")):
            infoq.Categorical(**cast(backend, arguments))
    else:
        infoq.Categorical(**cast(backend, arguments))  # lazy values are not read at the door


@pytest.mark.parametrize("place", [0, 299])
def test_a_bare_array_is_checked_wherever_the_fault_is(backend, place):
    pool = oracles.softmax(np.random.default_rng(1).normal(size=(300, 3, 2)))
    pool[place, 1] = [0.7, 0.7]
    message = f"candidate {place}, draw 1: probabilities sum to 1.4"
    with infoq.options(memory=2000):
        if not backend.reads_values:
            message = "rows that do not sum to one"
        with pytest.raises(ValueError, match=message):
            backend.call(infoq.eig, pool)
        with pytest.raises(ValueError, match=message):
            backend.call(infoq.epig, np.full((2, 3, 2), 0.5), pool)
        with pytest.raises(ValueError, match=message):
            backend.call(infoq.epig, pool, np.full((2, 3, 2), 0.5))


def test_targets_must_be_of_the_same_posterior(backend):
    pool = backend.array(POOL)
    with pytest.raises(ValueError, match=r"targets: expected the K=4 .* got K=3; draw k must be"):
        infoq.epig(pool, backend.array(POOL[:, :3] / POOL[:, :3].sum(-1, keepdims=True)))
    with pytest.raises(TypeError, match="targets: expected the dtype of the candidates"):
        infoq.epig(pool, backend.array(POOL, "float32"))
    with pytest.raises(
        ValueError, match=r"target_weights: expected shape \(6,\), one per target, got"
    ):
        infoq.epig(pool, pool, target_weights=backend.array(np.ones(5)))
    weighted = infoq.Categorical(pool, weights=backend.array(np.arange(1.0, 5.0)))
    if backend.reads_values:
        with pytest.raises(
            ValueError, match="targets: expected the draw weights of the candidates"
        ):
            infoq.epig(weighted, pool)


def test_arrays_of_two_libraries(backend):
    if backend.name == "numpy":
        pytest.importorskip("array_api_strict")
        other = type(backend)("array_api_strict")
    else:
        other = type(backend)("numpy")
    with pytest.raises(TypeError, match=r"arrays of several libraries: candidates is .*targets is"):
        infoq.epig(backend.array(POOL), other.array(POOL))
    with pytest.raises(TypeError, match=r"arrays of several libraries: probs is .*, weights is"):
        infoq.Categorical(backend.array(POOL), weights=other.array(np.ones(4)))


@pytest.mark.parametrize("junk", [[[[0.5, 0.5]]], 0.5, "probs", None])
def test_what_is_no_array(junk):
    with pytest.raises(TypeError, match=r"probs: expected an array|exactly one"):
        infoq.eig(junk)


def test_rows_within_the_tolerance_are_scored_without_a_bias(backend):
    sloppy = (POOL * (1 + 2e-4)).astype(np.float32)
    np.testing.assert_allclose(backend.call(infoq.eig, sloppy), oracles.bald(POOL), rtol=5e-3)
    assert np.all(backend.call(infoq.epig, sloppy, sloppy) >= 0)


@pytest.mark.parametrize("kind", [int, np.int64, np.asarray])
def test_no_candidate_beyond_the_last_is_observed(backend, kind):
    pool = infoq.Categorical(backend.array(np.full((3, 2, 2), 0.5)))
    index = kind(3) if kind is not np.asarray else backend.array(3)
    if kind is np.asarray and not backend.reads_values:
        pytest.skip("of a library whose values are read later")
    with pytest.raises(IndexError, match="index"):
        pool.observe(pool.context(), index)


@pytest.mark.parametrize("draws", [1, 3])
def test_contexts_of_other_draws_are_refused(backend, draws):
    pool, other = (infoq.Categorical(backend.array(np.full((3, k, 2), 0.5))) for k in (2, draws))
    known = other.observe(other.context(), 0)
    for use in (
        lambda: infoq.eig(pool, given=known),
        lambda: infoq.epig(pool, pool, given=known),
        lambda: pool.entropy(known),
        lambda: pool.observe(known, 1),
    ):
        with pytest.raises(ValueError, match=rf"given: expected K=2 draws.*got K={draws}"):
            use()


def test_contexts_of_other_libraries_are_refused():
    strict = pytest.importorskip("array_api_strict")
    probs = np.full((3, 2, 2), 0.5)
    other = infoq.Categorical(strict.asarray(probs))
    with pytest.raises(TypeError, match="candidates is numpy, given is array_api_strict"):
        infoq.eig(probs, given=other.observe(other.context(), 0))


@pytest.mark.of_libraries("dask")
def test_unknown_numbers_of_candidates_are_said_to_be_that():
    da = pytest.importorskip("dask.array")
    probs = da.from_array(np.full((4, 2, 2), 0.5), chunks=(2, 2, 2))
    some = probs[da.from_array(np.array([True, False, True, True]), chunks=2)]
    with pytest.raises(ValueError, match=r"number .* is not known.*compute_chunk_sizes"):
        len(infoq.Categorical(some))
    with pytest.raises(ValueError, match="number of candidates is not known"):
        len(infoq.DenseEmbedding(some[:, 0, :]))
    assert infoq.bald(some).compute().shape == (3,)


ONE_CLASS = r"expected C >= 2 classes, got shape .*; one logit is a Bernoulli: pass \[0, z\]"


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("axes", ["NKC", "CKN"])
def test_one_class_is_no_outcome(backend, kind, axes):
    shape = tuple({"N": 5, "K": 3, "C": 1}[axis] for axis in axes)
    values = np.ones(shape) if kind == "probs" else np.zeros(shape)
    with pytest.raises(ValueError, match=f"{kind}: {ONE_CLASS}"):
        infoq.Categorical(**{kind: backend.array(values)}, axes=axes)


def test_one_class_of_a_bare_array_or_of_targets(backend):
    one, two = backend.array(np.ones((5, 3, 1))), backend.array(np.full((5, 3, 2), 0.5))
    for score in (infoq.eig, infoq.bald, infoq.margin, lambda p: infoq.EIG(p), infoq.mean_std):
        with pytest.raises(ValueError, match=f"probs: {ONE_CLASS}|x: {ONE_CLASS}"):
            score(one)
    for about in (infoq.epig, infoq.jepig, infoq.EPIG, infoq.JEPIG):
        with pytest.raises(ValueError, match=f"targets: {ONE_CLASS}"):
            about(two, one)

"""What is left of candidates that are labelled already, in float32, which differences lose.

Right to 1e-5 up to a prior variance of 10^6 times the noise, and to 1e-3 at 10^8.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import infoq
from infoq import likelihoods

F32 = np.float32


def products(rows, known, covariance):
    """`E W E^T` of rows [m, P], W a covariance (or its diagonal) given outcomes of `known`."""
    with mpmath.workdps(50):
        e, f = (mpmath.matrix(x.astype(np.float64).tolist()) for x in (rows, known))
        if covariance.ndim == 1:
            ew, fw = (x.copy() for x in (e, f))
            for x in (ew, fw):
                for i in range(x.rows):
                    for j in range(x.cols):
                        x[i, j] *= float(covariance[j])
        else:
            w = mpmath.matrix(covariance.tolist())
            ew, fw = e * w, f * w
        across = fw * e.T
        inner = mpmath.eye(f.rows) + fw * f.T
        return ew * e.T - across.T * (mpmath.inverse(inner) * across)


def information(rows, known, covariance, size=1):
    """The EIG of candidates of `size` rows each: [N]."""
    left = products(rows, known, covariance)
    with mpmath.workdps(50):
        blocks = [left[i : i + size, i : i + size] for i in range(0, left.rows, size)]
        logs = [mpmath.log(mpmath.det(mpmath.eye(size) + block)) / 2 for block in blocks]
        return np.array([float(x) for x in logs])


def tolerance(ratio):
    return 1e-5 if ratio <= 1e6 else 1e-3


def spread(size, ratio):
    """The variances under a scalar precision of 1 / ratio in float32."""
    return np.full(size, 1 / np.float64(F32(1 / ratio)))


def labelled(kind, count, size, seed):
    """Rows that are labelled [count, size]."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, size))
    if kind == "duplicates":
        rows[count // 2 :] = rows[: count - count // 2]
    if kind == "orthogonal":
        rows = np.linalg.qr(rows.T)[0].T
    if kind == "scaled":
        rows *= 10.0 ** rng.uniform(-1, 1, size=(count, 1))
    return rows.astype(F32)


CASES = [
    (8, 2, "random"),
    (8, 7, "duplicates"),
    (16, 9, "scaled"),
    (64, 20, "random"),
    (64, 20, "duplicates"),
    (64, 33, "orthogonal"),
    (128, 6, "random"),
    (512, 4, "duplicates"),
]


@pytest.mark.parametrize(("size", "count", "kind"), CASES)
def test_labelled_candidates(backend, size, count, kind):
    known = labelled(kind, count, size, size + count)
    pool = np.concatenate([known[:3], np.random.default_rng(1).normal(size=(2, size)).astype(F32)])
    for ratio in (1e2, 1e5, 1e6, 1e8):
        prior = backend.array(np.array(1 / ratio, F32))
        precision = infoq.LowRankPrecision(prior, backend.array(known))
        score = backend.numpy(infoq.eig(infoq.Gaussian(backend.array(pool), precision)))
        assert score.dtype == F32
        expected = information(pool, known, spread(size, ratio))
        np.testing.assert_allclose(score, expected, rtol=tolerance(ratio), err_msg=f"{ratio}")


def test_one_label_is_worth_half_the_logarithm_of_two(backend):
    rows = labelled("random", 5, 64, 3)
    pool = infoq.Gaussian(backend.array(rows), 1e-6)
    for given in (pool.embedding, infoq.laplace(pool.embedding, 1e-6), observed(pool, range(5))):
        left = backend.numpy(infoq.eig(pool, given=given))
        np.testing.assert_allclose(left, np.log(2) / 2, rtol=1e-5)


def observed(pool, indices):
    known = pool.context()
    for index in indices:
        known = pool.observe(known, index)
    return known


@pytest.mark.parametrize("ratio", [1e4, 1e6, 1e8])
def test_several_rows(backend, ratio):
    rows = labelled("random", 12, 40, 5).reshape(4, 3, 40)
    pool = np.concatenate([rows[:2], labelled("random", 3, 40, 6)[None]])
    known = infoq.laplace(infoq.DenseEmbedding(backend.array(rows)), 1 / ratio)
    assert type(known) is infoq.LowRankPrecision
    score = backend.numpy(infoq.eig(infoq.Gaussian(backend.array(pool), known)))
    covariance = spread(40, ratio)
    expected = information(pool.reshape(-1, 40), rows.reshape(-1, 40), covariance, 3)
    np.testing.assert_allclose(score, expected, rtol=tolerance(ratio))


CLASSES, FEATURES = 3, 7
SIZE = CLASSES * FEATURES


def inverse(matrix):
    with mpmath.workdps(50):
        found = mpmath.inverse(mpmath.matrix(matrix.astype(np.float64).tolist()))
        return np.array([[found[i, j] for j in range(found.cols)] for i in range(found.rows)])


def bases(ratio):
    """Precisions of 21 parameters in float32 with variances of about `ratio`, and the variances."""
    rng = np.random.default_rng(11)
    square = rng.normal(size=(SIZE, SIZE))
    full = square @ square.T / SIZE + np.eye(SIZE)
    left, right = (x @ x.T for x in (rng.normal(size=(k, k)) for k in (CLASSES, FEATURES)))
    values = (rng.uniform(0.5, 2, SIZE) / ratio).astype(F32)
    matrix, left = ((x / ratio).astype(F32) for x in (full, left))
    right, covariance = right.astype(F32), (full * ratio).astype(F32)
    full = np.kron(left.astype(np.float64), right) + np.eye(SIZE) * 0.5 / ratio
    return {
        "diagonal": (infoq.DiagonalPrecision, (values,), 1 / values.astype(np.float64)),
        "dense": (infoq.DensePrecision, (matrix,), inverse(matrix)),
        "kronecker": (infoq.KroneckerPrecision, (left, right, 0.5 / ratio), inverse(full)),
        "covariance": (infoq.CovariancePrecision, (covariance,), covariance.astype(np.float64)),
    }


@pytest.mark.parametrize("ratio", [1e3, 1e6])
@pytest.mark.parametrize("name", ["diagonal", "dense", "kronecker", "covariance"])
def test_every_base(backend, name, ratio):
    kind, parts, covariance = bases(ratio)[name]
    known = labelled("random", 6, SIZE, 12)
    base = kind(*(backend.array(x) if isinstance(x, np.ndarray) else x for x in parts))
    precision = infoq.LowRankPrecision(base, backend.array(known))
    score = backend.numpy(infoq.eig(infoq.Gaussian(backend.array(known), precision)))
    expected = information(known, known, covariance)
    np.testing.assert_allclose(score, expected, rtol=1e-5)


@pytest.mark.parametrize("ratio", [1e2, 1e6])
def test_a_last_layer(backend, ratio):
    rng = np.random.default_rng(13)
    phi, z = rng.normal(size=(5, FEATURES)).astype(F32), rng.normal(size=(5, CLASSES)).astype(F32)
    softmax = likelihoods.Softmax(logits=backend.array(z))
    embedding = infoq.LastLayerEmbedding(backend.array(phi), softmax)
    known = infoq.laplace(embedding[:3], 1 / ratio)
    assert type(known) is infoq.LowRankPrecision
    score = backend.numpy(infoq.eig(infoq.Gaussian(embedding, known)))
    rows = backend.numpy(embedding.dense())
    covariance = spread(SIZE, ratio)
    flat = rows.reshape(-1, SIZE)
    expected = information(flat, rows[:3].reshape(-1, SIZE), covariance, rows.shape[1])
    np.testing.assert_allclose(score, expected, rtol=1e-5)


@pytest.mark.parametrize("many", [3, 40])
def test_targets(backend, many):
    """Whether their own rows or the parameters are fewer; labelled ones among both."""
    size, ratio = 24, 1e5
    rng = np.random.default_rng(14)
    known = labelled("random", 8, size, 15)
    pool = np.concatenate([known[:3], known[:3] + known[3:6], rng.normal(size=(2, size))])
    targets = np.concatenate([known[1:3], known[3:5] - known[:2], known[rng.integers(0, 8, many)]])
    pool, targets = pool.astype(F32), targets.astype(F32)
    prior = backend.array(np.full(size, 1 / ratio, F32))
    both = infoq.Gaussian(backend.array(pool), infoq.LowRankPrecision(prior, backend.array(known)))
    about = infoq.DenseEmbedding(backend.array(targets))
    covariance = spread(size, ratio)
    left = products(np.concatenate([pool, targets]), known, covariance)
    count = len(pool)
    with mpmath.workdps(50):
        one = mpmath.eye(len(targets)) + left[count:, count:]
        inside = mpmath.inverse(one)
        epig, jepig, trace = [], [], []
        for i in range(count):
            own, across = 1 + left[i, i], left[count:, i]
            pairs = [across[e] ** 2 / own / one[e, e] for e in range(len(targets))]
            epig.append(float(-sum(map(mpmath.log1p, (-x for x in pairs))) / 2 / len(targets)))
            jepig.append(float(-mpmath.log1p(-(across.T * inside * across)[0] / own) / 2))
            trace.append(float(sum(x**2 for x in across) / own / 2))
    found = {
        "epig": infoq.epig(both, about),
        "jepig": infoq.jepig(both, about),
        "trace": infoq.jepig(both, about, approximation="trace"),
    }
    for name, wanted in {"epig": epig, "jepig": jepig, "trace": trace}.items():
        score = backend.numpy(found[name])
        np.testing.assert_allclose(score[:6], wanted[:6], rtol=2e-4, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(score, wanted, rtol=1e-3, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precisions_are_computed_in_single(backend, dtype):
    module = backend.module
    if not hasattr(module, dtype) or backend.name in ("dask", "array_api_strict"):
        return  # the library has none
    rows = labelled("random", 4, 32, 16)
    half = backend.ops.xp.astype(backend.array(rows), getattr(module, dtype))
    known = infoq.laplace(infoq.DenseEmbedding(half), 1e-5)
    score = infoq.eig(infoq.Gaussian(half, known))
    assert score.dtype == half.dtype
    single = backend.numpy(backend.ops.xp.astype(score, module.float32))
    np.testing.assert_allclose(single, np.log(2) / 2, rtol=4e-3)


def test_rows_that_are_not_finite_are_refused(backend):
    if backend.reads_values:
        rows = backend.array(np.array([[1.0, np.nan]], F32))
        with pytest.raises(ValueError, match="NaN or infinite"):
            infoq.LowRankPrecision(1e-6, rows)


BATCHES = {
    "eig": lambda pool, about: infoq.EIG(pool),
    "jepig": infoq.JEPIG,
    "epig": infoq.EPIG,
    "jensen": lambda pool, about: infoq.EPIG(pool, about, approximation="jensen"),
    "trace": lambda pool, about: infoq.JEPIG(pool, about, approximation="trace"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_batches(backend, name):
    """As under the same precision as a matrix, in float64."""
    rng = np.random.default_rng(17)
    known, pool, targets = (rng.normal(size=(k, 2, 12)) for k in (3, 6, 4))
    pool[0] = known[0]
    low = infoq.laplace(infoq.DenseEmbedding(backend.array(known)), 1e-2)
    assert type(low) is infoq.LowRankPrecision
    matrix = infoq.DensePrecision(1e-2 * np.eye(12) + sum(e.T @ e for e in known))
    found, expected = [], []
    for array, precision, gains in (
        (backend.array, low, found),
        (np.asarray, matrix, expected),
    ):
        about = infoq.DenseEmbedding(array(targets))
        f = BATCHES[name](infoq.Gaussian(array(pool), precision), about)
        state = f.add(f.add(f.start(), 1), 4)
        more = f.add(f.add(state, 3), 2)
        less = f.remove(more, 3)
        gains += [f.gains(x) for x in (f.start(), state, more, less)]
        kept = infoq.forward_backward(f, 2)
        gains += [kept.gains, kept.indices]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(backend.numpy(one), other, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("size", "ratio"), [(32, 1e6), (6, 1e6), (32, 1e8)])
def test_gains_of_what_a_batch_knows(backend, size, ratio):
    """Of picks, of others that are the same, and where a batch knows every direction."""
    rows = labelled("random", 12, size, 18)
    rows[8:11] = rows[:3]
    f = infoq.EIG(infoq.Gaussian(backend.array(rows), 1 / ratio))
    state = f.start()
    for index in range(8):
        state = f.add(state, index)
    expected = information(rows, rows[:8], spread(size, ratio))
    gains = backend.numpy(f.gains(state))
    assert gains.dtype == F32
    np.testing.assert_allclose(gains, expected, rtol=tolerance(ratio))
    some = np.array([9, 0, 11])
    few = backend.numpy(f.gains_of(state, backend.array(some)))
    np.testing.assert_allclose(few, expected[some], rtol=tolerance(ratio))


def test_gains_of_several_rows(backend):
    rows = labelled("random", 30, 40, 19).reshape(10, 3, 40)
    rows[5] = rows[0]
    rows[6, :2] = rows[1, :2]
    f = infoq.EIG(infoq.Gaussian(backend.array(rows), infoq.ScalarPrecision(1e-6)))
    state = f.add(f.add(f.add(f.start(), 0), 1), 2)
    flat = rows.reshape(-1, 40)
    expected = information(flat, flat[:9], np.full(40, 1 / np.float64(F32(1e-6))), 3)
    np.testing.assert_allclose(backend.numpy(f.gains(state)), expected, rtol=1e-5)
    state = f.remove(state, 1)
    expected = information(flat, np.concatenate([flat[:3], flat[6:9]]), spread(40, 1e6), 3)
    np.testing.assert_allclose(backend.numpy(f.gains(state)), expected, rtol=1e-5)

"""Log-determinants of kernels with negative eigenvalues, and a ridge beyond them."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import infoq
from infoq.quantities.submodular import LogDet, Neighbours, conditional, mutual

TOLERANCE = {"float64": 1e-11, "float32": 2e-4}
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


@mpmath.workdps(40)
def exact(kernel, batch, ridge):
    """The log-determinant of a batch in 40 digits; None where there is none."""
    if not batch:
        return mpmath.mpf(0)
    part = [[mpmath.mpf(float(kernel[i, j])) for j in batch] for i in batch]
    det = mpmath.det(mpmath.matrix(part) + mpmath.mpf(ridge) * mpmath.eye(len(batch)))
    return mpmath.log(det)


def indefinite(size, seed, rank=3):
    """A kernel whose smallest eigenvalue is -0.9, and -1 is its ridge's."""
    rng = np.random.default_rng(seed)
    points, noise = rng.normal(size=(size, rank)), rng.normal(size=(size, size))
    kernel = points @ points.T / rank + (noise + noise.T) / 2
    return kernel * 0.9 / -np.linalg.eigvalsh(kernel).min()


def magnified(eta, seed=0, candidates=5, queries=2):
    """Cosine similarities, those of candidates and queries times eta."""
    points = np.random.default_rng(seed).normal(size=(candidates + queries, 4))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    kernel = points @ points.T
    kernel[:candidates, candidates:] *= eta
    kernel[candidates:, :candidates] *= eta
    return kernel


def check(backend, f, value, candidates, dtype, count=4):
    """Gains and values along what greedy picks, against differences in 40 digits."""
    state, batch, tolerance = f.start(), [], TOLERANCE[dtype]
    for _ in range(count):
        free = [i for i in candidates if i not in batch]
        gains = backend.numpy(f.gains(state))
        expected = [float(value((*batch, i)) - value(tuple(batch))) for i in free]
        np.testing.assert_allclose(gains[free], expected, rtol=tolerance, atol=tolerance)
        some = f.gains_of(state, f.ops.fetch(backend.array(np.array(free))))
        np.testing.assert_array_equal(backend.numpy(some), gains[free])
        batch.append(max(free, key=lambda i: gains[i]))
        state = f.add(state, batch[-1])
        expected = float(value(tuple(batch)))
        assert float(f.value(state)) == pytest.approx(expected, rel=tolerance, abs=10 * tolerance)


def test_what_is_left_may_be_negative(backend):
    kernel = np.array([[1.0, 1.5], [1.5, 1.0]])
    f = LogDet(kernel=backend.array(kernel), ridge=1.0)
    state = f.add(f.start(), 0)
    expected = math.log(1.75) - math.log(2)
    assert float(backend.numpy(f.gains(state))[1]) == pytest.approx(expected, rel=1e-12)
    assert float(f.value(f.add(state, 1))) == pytest.approx(math.log(1.75), rel=1e-12)
    assert float(infoq.logdet(backend.array(kernel), ridge=1.0)) == pytest.approx(math.log(1.75))


@dtypes
@pytest.mark.parametrize(("size", "seed"), [(6, 0), (9, 1), (20, 2)])
def test_gains_and_values_of_indefinite_kernels(backend, dtype, size, seed):
    kernel = indefinite(size, seed).astype(dtype)
    f = LogDet(kernel=backend.array(kernel), ridge=1.0)
    check(backend, f, lambda batch: exact(kernel, batch, 1.0), range(size), dtype)


@dtypes
@pytest.mark.parametrize("eta", [1.0, 1.4, 1.8, 2.2])
def test_mutual_information_with_magnified_queries(backend, dtype, eta):
    kernel = magnified(eta).astype(dtype)
    queries, ridge = (5, 6), 1.2 * max(0.5, -float(np.linalg.eigvalsh(magnified(eta)).min()))

    def value(batch):
        f = lambda some: exact(kernel, some, ridge)  # noqa: E731
        return f(batch) + f(queries) - f((*batch, *queries))

    f = mutual(LogDet(kernel=backend.array(kernel), ridge=ridge), queries)
    check(backend, f, value, range(5), dtype)
    a, q = slice(0, 3), slice(5, 7)
    blocks = [backend.array(kernel[rows, columns]) for rows, columns in ((a, a), (a, q), (q, q))]
    plain = float(infoq.logdet_mi(*blocks, ridge=ridge))
    assert plain == pytest.approx(float(value((0, 1, 2))), rel=TOLERANCE[dtype])


@dtypes
def test_beyond_a_private_set(backend, dtype):
    kernel = indefinite(9, 5).astype(dtype)
    private, queries = (6, 7), (8,)

    def f(*batch):
        return exact(kernel, batch, 1.0)

    logs = LogDet(kernel=backend.array(kernel), ridge=1.0)
    beyond = conditional(logs, private)
    check(backend, beyond, lambda b: f(*b, *private) - f(*private), range(6), dtype)

    def shared(batch):
        both = (*queries, *private)
        return f(*batch, *private) + f(*both) - f(*batch, *both) - f(*private)

    check(backend, mutual(beyond, queries), shared, range(6), dtype)


@dtypes
def test_symmetric_lists_of_neighbours(backend, dtype):
    """Such as `S.maximum(S.T)` of k nearest neighbours: indefinite, as a rule."""
    points = np.random.default_rng(1).normal(size=(14, 2))
    similar = np.exp(-np.sum((points[:, None] - points[None]) ** 2, axis=2) / 4)
    near = np.argsort(-similar, axis=1)[:, :5]
    listed = np.zeros(similar.shape, bool)
    np.put_along_axis(listed, near, values=True, axis=1)
    kernel = np.where(listed | listed.T, similar, 0).astype(dtype)
    least = float(np.linalg.eigvalsh(kernel.astype("float64")).min())
    assert least < -0.05
    order = np.argsort(kernel == 0, axis=1, kind="stable")[:, : int((kernel > 0).sum(1).max())]
    values = np.take_along_axis(kernel, order, axis=1)
    lists = Neighbours(
        backend.array(np.where(values == 0, -1, order)), backend.array(values, dtype)
    )
    ridge = -1.2 * least
    f = LogDet(kernel=lists, ridge=ridge)
    check(backend, f, lambda batch: exact(kernel, batch, ridge), range(14), dtype, 8)


@pytest.mark.parametrize("ridge", [0.0, 0.5, 1.0])
def test_below_the_ridge_is_refused_alike(backend, ridge):
    kernel = np.array([[1.0, 2.2], [2.2, 1.0]])
    f = LogDet(kernel=backend.array(kernel), ridge=ridge)
    state = f.add(f.start(), 0)
    both, found = f.add(state, 1), set()
    for refusal in (lambda: f.gains(state), lambda: f.value(both), lambda: f.gains(both)):
        with pytest.raises(ValueError, match=r"kernel of candidates \[0, 1\]: ") as error:
            refusal()
        found.add(str(error.value))
    (text,) = found
    assert f"smallest eigenvalue {1 + ridge - 2.2:.3g})" in text


@pytest.mark.parametrize("ridge", [0.0, 0.5, 1.0])
def test_others_are_picked_in_place_of_who_is_refused(backend, ridge):
    kernel = np.eye(4)
    kernel[1, 3] = kernel[3, 1] = 2.2
    f = LogDet(kernel=backend.array(kernel), ridge=ridge)
    state = f.add(f.start(), 1)
    gains = backend.numpy(f.gains(state))
    np.testing.assert_allclose(gains[[0, 2]], [math.log(1 + ridge)] * 2, rtol=1e-12)
    assert gains[3] == -math.inf
    few = f.ops.fetch(backend.array(np.array([3, 0])))
    np.testing.assert_array_equal(backend.numpy(f.gains_of(state, few)), gains[[3, 0]])
    with pytest.raises(ValueError, match=r"kernel of candidates \[1, 3\]: .*smallest eigenvalue -"):
        f.value(f.add(state, 3))
    batch = infoq.greedy(f, 4, given=[1], candidates=backend.array([True, False, True, True]))
    assert backend.numpy(batch.indices).tolist() == [0, 2]
    assert batch.reason == "rank"
    # Of no mutual information either.
    shared = mutual(f, [1])
    assert backend.numpy(shared.gains(shared.start()))[3] == -math.inf


def test_nothing_in_itself_and_something_in_common(backend):
    f = LogDet(kernel=backend.array(np.array([[-1.0, 0.5], [0.5, 3.0]])), ridge=1.0)
    assert float(backend.numpy(f.gains(f.start()))[0]) == -math.inf
    state = f.add(f.start(), 0)
    assert float(f.value(state)) == -math.inf
    for refusal in (lambda: f.gains(state), lambda: f.value(f.add(state, 1))):
        with pytest.raises(ValueError, match=r"kernel of candidates \[0, 1\]"):
            refusal()


def test_singular_with_the_ridge(backend):
    f = LogDet(kernel=backend.array(np.array([[1.0, 2.0], [2.0, 1.0]])), ridge=1.0)
    batch = infoq.greedy(f, 2)
    assert batch.reason == "rank"
    assert backend.numpy(batch.indices).tolist() == [0]
    assert float(f.value(f.add(f.add(f.start(), 0), 1))) == -math.inf


@pytest.mark.parametrize("ridge", [1e-8, 1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("rank", [2, 7])
def test_rounding_is_not_refused(backend, rank, ridge):
    points = np.random.default_rng(3).normal(size=(24, rank)) * 10.0 ** -np.arange(rank)
    points = points.astype("float32")
    kernel = points @ points.T
    assert np.linalg.eigvalsh(kernel.astype("float64")).min() < 0
    f = LogDet(kernel=backend.array(kernel), ridge=ridge)
    batch = infoq.greedy(f, 18)
    assert batch.reason == "size"
    gains = backend.numpy(batch.gains)
    assert np.all(gains >= math.log(ridge) - 1e-3)
    by_features = backend.numpy(infoq.greedy(LogDet(backend.array(points), ridge=ridge), 18).gains)
    np.testing.assert_allclose(gains[:2], by_features[:2], rtol=1e-3)
    state = f.start()
    for index in backend.numpy(batch.indices):
        state = f.add(state, int(index))
    assert float(f.value(state)) == pytest.approx(float(batch.value), rel=1e-2)


@pytest.mark.of_libraries("jax")
def test_where_values_cannot_be_read():
    jax = pytest.importorskip("jax")

    def gains(kernel):
        f = LogDet(kernel=kernel, ridge=1.0)
        return f.gains(f.add(f.start(), 0))

    kernel = indefinite(5, 0).astype("float32")
    expected = [float(exact(kernel, (0, i), 1.0) - exact(kernel, (0,), 1.0)) for i in range(1, 5)]
    traced = np.array(jax.jit(gains)(kernel))
    np.testing.assert_allclose(traced[1:], expected, rtol=1e-4, atol=1e-5)
    kernel[0, 3] = kernel[3, 0] = 5.0
    traced = np.array(jax.jit(gains)(kernel))
    assert np.isinf(traced).tolist() == [False, False, False, True, False]

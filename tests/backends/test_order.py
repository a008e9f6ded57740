"""Order and places: top_k, take_along_axis and row against plain Python."""

import math

import array_api_compat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from infoq.backends import Ops, ops_for

SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, math.inf, -math.inf, math.nan])
SCORES = hnp.arrays(np.float64, 9, elements=st.one_of(SPECIAL, st.floats(-10, 10, width=32)))


def first_k(x, k):
    """Indices of the k largest: ties by index, NaN as -inf."""
    keys = [-math.inf if math.isnan(v) else v for v in x.tolist()]
    return sorted(range(len(keys)), key=lambda i: (-keys[i], i))[:k]


def check_top_k(backend, x, k):
    values, indices = backend.ops.top_k(backend.array(x), k)
    values, indices = backend.numpy(values), backend.numpy(indices)
    expected = first_k(x, k)
    assert indices.dtype.kind == "i"
    assert indices.tolist() == expected
    assert values.dtype == x.dtype
    np.testing.assert_array_equal(values, x[expected])


@given(x=SCORES, k=st.integers(0, 11))
def test_top_k_is_a_stable_descending_sort(backend, x, k):
    check_top_k(backend, x, k)


@given(x=hnp.arrays(np.float32, 40, elements=st.sampled_from([0, 1, 2, math.nan, -math.inf])))
def test_top_k_among_many_ties(backend, x):
    check_top_k(backend, x, 17)


@pytest.mark.parametrize("k", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize(
    "x",
    [
        [3.0] * 6,
        [np.nan] * 6,
        [-np.inf] * 6,
        [np.inf] * 6,
        [np.nan, 1.0, -np.inf, np.inf, np.nan, 1.0],
        [-np.inf, np.nan, -np.inf, np.nan, 5.0, -np.inf],
        [1.0],
        [np.nan],
    ],
    ids=str,
)
def test_top_k_at_its_edges(backend, x, k):
    check_top_k(backend, np.array(x), k)


def test_top_k_of_many(backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000).astype(np.float32)
    x[rng.integers(0, 5000, 500)] = np.nan
    x[rng.integers(0, 5000, 1000)] = 1.5
    for k in (1, 100, 4990):
        check_top_k(backend, x, k)


def test_top_k_leaves_its_input_as_it_was(backend):
    x = backend.array([1.0, np.nan, 3.0])
    backend.ops.top_k(x, 2)
    np.testing.assert_array_equal(backend.numpy(x), [1.0, np.nan, 3.0])


@pytest.mark.of_libraries("torch")
def test_top_k_of_torch_has_gradients_and_can_be_mapped():
    torch = pytest.importorskip("torch")
    ops = ops_for(torch.ones(1))
    x = torch.tensor([1.0, 3.0, math.nan, 3.0, 2.0], requires_grad=True)
    ops.top_k(x, 3)[0].sum().backward()
    assert x.grad.tolist() == [0, 1, 0, 1, 1]
    rows = torch.stack([x.detach(), torch.tensor([2.0, 2.0, 2.0, -1.0, 5.0])])
    values, indices = torch.func.vmap(lambda row: ops.top_k(row, 3))(rows)
    assert indices.tolist() == [[1, 3, 4], [4, 0, 1]]
    assert values.tolist() == [[3, 3, 2], [5, 2, 2]]
    for dtype in (torch.float16, torch.bfloat16):
        values, indices = ops.top_k(x.detach().to(dtype), 4)
        assert (values.dtype, indices.tolist()) == (dtype, [1, 3, 4, 0])


class WithoutTakeAlongAxis:
    """A namespace of before 2024.12, which lacks `take_along_axis`."""

    def __init__(self, xp):
        self._xp, self.__name__ = xp, xp.__name__

    def __getattr__(self, name):
        if name == "take_along_axis":
            raise AttributeError(name)
        return getattr(self._xp, name)


@pytest.fixture(params=["native", "spelled out"])
def take_along_axis(request, backend):
    if request.param == "native":
        return backend.ops.take_along_axis
    return Ops(WithoutTakeAlongAxis(backend.xp)).take_along_axis


@pytest.mark.parametrize(("axis", "count"), [(0, 3), (1, 3), (2, 1), (-1, 3), (-2, 1), (-3, 3)])
def test_take_along_axis(backend, take_along_axis, axis, count):
    rng = np.random.default_rng(3 + axis)
    x = rng.normal(size=(2, 3, 4))
    shape = list(x.shape)
    shape[axis] = count
    indices = rng.integers(0, x.shape[axis], size=shape)
    taken = backend.call(take_along_axis, x, indices, axis=axis)
    np.testing.assert_array_equal(taken, np.take_along_axis(x, indices, axis))


def test_take_along_axis_stays_on_its_device(backend, take_along_axis):
    x = backend.array([[1.0, 2.0], [3.0, 4.0]])
    if backend.name == "array_api_strict":
        x = backend.module.asarray(x, device=backend.module.Device("device1"))
    taken = take_along_axis(x, backend.xp.argsort(x, descending=True))
    assert array_api_compat.device(taken) == array_api_compat.device(x)
    assert backend.numpy(taken).tolist() == [[2, 1], [4, 3]]


def test_take_along_axis_of_one_row(backend, take_along_axis):
    taken = backend.call(take_along_axis, np.array([5.0, 6.0, 7.0]), np.array([2, 2, 0]))
    assert taken.tolist() == [7, 7, 5]


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 2, 3)], ids=str)
@pytest.mark.parametrize("index", [0, 3])
def test_row_takes_numbers_and_arrays_without_axes(backend, shape, index):
    x = np.random.default_rng(0).normal(size=shape)
    by_number = backend.numpy(backend.ops.row(backend.array(x), index))
    by_array = backend.numpy(backend.ops.row(backend.array(x), backend.array(index)))
    of_numpy = backend.numpy(backend.ops.row(backend.array(x), np.int64(index)))
    np.testing.assert_array_equal(by_number, x[index])
    np.testing.assert_array_equal(by_array, x[index])
    np.testing.assert_array_equal(of_numpy, x[index])

"""Forward-backward selection."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.selection import forward_backward
from tests.selection.cases import Removable, coverage, log_det

THINGS = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 1]], dtype=bool)


def test_a_greedy_start_is_taken_back(backend):
    f = Removable(backend, coverage(THINGS, np.ones(6)), 3)
    assert float(infoq.greedy(f, 2).value) == 5
    batch = forward_backward(f, 2)
    assert backend.numpy(batch.indices).tolist() == [1, 2]
    assert backend.numpy(batch.gains).tolist() == [3.0, 3.0]
    assert (float(batch.value), batch.reason) == (6.0, "size")


def reference(value, count, k, oversample):
    """By sorted lists and nothing else."""
    batch = []
    for _ in range(min(count, oversample * k)):
        rest = [i for i in range(count) if i not in batch]
        batch.append(max(rest, key=lambda i: (value((*batch, i)), -i)))
    while len(batch) > k:
        without = {i: value(tuple(j for j in batch if j != i)) for i in batch}
        batch.remove(max(batch, key=lambda i: (without[i], i)))
    return batch


class Losses(Removable):
    """With the losses of members."""

    def losses_of(self, state, indices):
        rest = [self.remove(state, int(i)) for i in self.ops.to_host(indices)]
        return self.backend.array([self.value(state) - self.value(x) for x in rest])


@pytest.mark.parametrize("kind", [Removable, Losses])
def test_against_plain_lists(backend, kind):
    value = log_det(np.random.default_rng(8).standard_normal((10, 4)))
    batch = forward_backward(kind(backend, value, 10), 3)
    picked = backend.numpy(batch.indices).tolist()
    assert picked == reference(value, 10, 3, 2)
    steps = [value(tuple(picked[: i + 1])) - value(tuple(picked[:i])) for i in range(3)]
    np.testing.assert_allclose(backend.numpy(batch.gains), steps)
    assert float(batch.value) == pytest.approx(value(tuple(picked)))


def test_once_is_greedy_and_equals_keep_the_lowest(backend):
    f = Removable(backend, log_det(np.random.default_rng(9).standard_normal((8, 4))), 8)
    batch, eager = forward_backward(f, 3, oversample=1), infoq.greedy(f, 3)
    assert backend.numpy(batch.indices).tolist() == backend.numpy(eager.indices).tolist()
    alike = Removable(backend, lambda batch: float(len(batch)), 5)
    assert backend.numpy(forward_backward(alike, 2).indices).tolist() == [0, 1]


def test_masks_given_small_pools_and_the_rank(backend):
    value = log_det(np.random.default_rng(10).standard_normal((6, 4)))
    mask = backend.array([True, False, True, True, True, False])
    batch = forward_backward(Removable(backend, value, 6), 2, candidates=mask, given=[3])
    picked = tuple(backend.numpy(batch.indices).tolist())
    assert set(picked) < {0, 2, 4}
    assert float(batch.value) == pytest.approx(value((3, *picked)) - value((3,)))
    batch = forward_backward(Removable(backend, value, 6), 9)
    assert (batch.indices.shape[0], batch.reason) == (6, "pool")
    assert forward_backward(Removable(backend, value, 6), 0).indices.shape[0] == 0
    f = Removable(backend, log_det(np.eye(2)[[0, 1, 0, 1]], 0.0), 4)
    batch = forward_backward(f, 3)
    assert (batch.indices.shape[0], batch.reason) == (2, "rank")


def test_refusals(backend):
    with pytest.raises(ValueError, match=r"oversample: expected a number of at least 1, got 0\.5"):
        forward_backward(Removable(backend, len, 3), 2, oversample=0.5)


@pytest.mark.parametrize("oversample", [0.5, float("inf"), float("nan"), "2"])
def test_how_many_more_is_a_number_of_at_least_1(backend, oversample):
    f = Removable(backend, log_det(np.eye(4)), 4)
    with pytest.raises(ValueError, match="oversample: expected a number of at least 1"):
        forward_backward(f, 2, oversample=oversample)


@pytest.mark.parametrize("given", [0, None])
def test_who_is_given_is_a_list(backend, given):
    f = Removable(backend, log_det(np.eye(4)), 4)
    with pytest.raises(TypeError, match="given: expected integers such as"):
        forward_backward(f, 2, given=given)

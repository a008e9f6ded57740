"""Formulas of stacks of vectors and matrices, each of them whole."""

from __future__ import annotations

import numpy as np
import pytest

RNG = np.random.default_rng(0)
A, B, V = RNG.normal(size=(3, 1, 4, 4)), RNG.normal(size=(2, 4, 5)), RNG.normal(size=4)
SIGNATURE = "(i,i),(i,j),(i)->(i,j),(i)"


def product(ops, a, b, v, *, power=1):
    """The products `a^power b`, and the means of their rows beside `v`."""
    xp = ops.xp
    for _ in range(power):
        b = xp.matmul(a, b)
    return b, xp.mean(b, axis=-1) + v


def test_leading_axes_broadcast_and_there_may_be_several_results(backend):
    arrays = (backend.array(x) for x in (A, B, V))
    one, two = backend.ops.over_stacks(product, SIGNATURE, *arrays)
    np.testing.assert_allclose(backend.numpy(one), A @ B, rtol=1e-12)
    np.testing.assert_allclose(backend.numpy(two), (A @ B).mean(-1) + V, rtol=1e-12)


def test_settings_tell_programs_apart(backend):
    for power, expected in ((1, A @ B), (2, A @ A @ B)):
        arrays = (backend.array(x) for x in (A, B, V))
        found = backend.ops.over_stacks(product, SIGNATURE, *arrays, power=power)[0]
        np.testing.assert_allclose(backend.numpy(found), expected, rtol=1e-12)


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_what_is_whole_has_the_same_values(backend, axes):
    whole = backend.ops.whole(backend.array(B), axes)
    np.testing.assert_array_equal(backend.numpy(whole), B)
    if backend.name == "dask":
        assert whole.numblocks == (2, 2, 2)[: 3 - axes] + (1,) * axes


def test_what_has_fewer_axes_is_left_to_those_who_check_it(backend):
    np.testing.assert_array_equal(backend.numpy(backend.ops.whole(backend.array(V), 2)), V)

"""No function lets `torch.autocast` round what it computes: it refuses, or nothing is rounded."""

from __future__ import annotations

import re

import numpy as np
import pytest

import infoq
from tests.capabilities.checking import agree, arrays, cases

pytestmark = pytest.mark.of_libraries("torch")

REFUSAL = (
    r"torch\.autocast: would round results computed from torch\.(float32|bfloat16) on '\w+' to "
    r"torch\.bfloat16; call infoq outside it, or inside `with torch\.autocast\('\w+', enabled=False"
)


def autocast(backend, **keywords):
    where = backend.array(np.zeros(1)).device.type
    return backend.module.autocast(where, backend.module.bfloat16, **keywords)


@cases("torch")
def test_single_precision_is_refused_or_as_exact(backend, case):
    values = case.arguments()
    expected = [backend.numpy(x) for x in case.run(*arrays(backend, values, "float32"))]
    inputs = tuple(arrays(backend, values, "float32"))
    results, refusal = None, ""
    with autocast(backend):
        try:
            results = case.run(*inputs)
        except RuntimeError as error:
            refusal = str(error)
    if results is None:
        assert re.match(REFUSAL, refusal)
    else:
        agree(backend, results, expected, rtol=1e-5, atol=1e-6)


@cases("torch")
def test_double_precision_is_never_rounded(backend, case):
    values = case.arguments()
    expected = [backend.numpy(x) for x in case.run(*arrays(backend, values))]
    inputs = tuple(arrays(backend, values))
    with autocast(backend):
        results = case.run(*inputs)
    agree(backend, results, expected)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_a_model_rounds_is_scored_where_rounding_is_off(backend, compiled):
    logits = backend.array(np.random.default_rng(0).standard_normal((8, 4, 3)), "float32")

    def scores(logits):
        with autocast(backend):
            logits = backend.xp.matmul(logits, backend.xp.ones_like(logits[0, :3, :]))
            assert logits.dtype == backend.module.bfloat16
            with autocast(backend, enabled=False):
                inside = infoq.eig(infoq.Categorical(logits=logits))
        return inside, infoq.eig(infoq.Categorical(logits=logits))

    if compiled:
        scores = backend.module.compile(scores, fullgraph=True, backend="eager")
    inside, outside = scores(logits)
    assert inside.dtype == outside.dtype == backend.module.bfloat16
    np.testing.assert_array_equal(*map(backend.numpy, (inside, outside)))


def test_half_precision_is_refused(backend):
    probs = backend.array(np.full((2, 2, 2), 0.5), "float32").bfloat16()
    with autocast(backend), pytest.raises(RuntimeError, match=REFUSAL):
        infoq.eig(probs)

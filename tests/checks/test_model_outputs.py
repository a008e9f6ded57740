"""Outputs of a model and labels, as likelihoods take them."""

from __future__ import annotations

import numpy as np
import pytest

from infoq.checks.model_outputs import (
    Problem,
    check_integers,
    check_label_shape,
    check_outputs,
    check_problems,
    exactly_one,
    independent_outputs,
    not_finite,
)


def test_one_output_gets_an_axis(backend):
    x = np.array([1.0, 2.0])
    for given in (x, x[:, None]):
        ops, outputs = independent_outputs("mean", backend.array(given))
        assert ops is backend.ops
        np.testing.assert_array_equal(backend.numpy(outputs), x[:, None])


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((), r"expected \[N\] or \[N, C\] .*, got shape \(\)$"),
        ((2, 3, 4), r"expected .* got shape \(2, 3, 4\); a likelihood is of one model"),
        ((0, 3), r"axis N is empty in shape \(0, 3\)"),
        ((2, 0), r"axis C is empty in shape \(2, 0\)"),
    ],
    ids=str,
)
def test_shapes_that_are_refused(backend, shape, problem):
    x = backend.array(np.zeros(shape))
    with pytest.raises(ValueError, match=f"^mean: {problem}"):
        check_outputs(backend.ops, x, "mean", "[N] or [N, C]", (1, 2))


def test_the_first_candidate_with_a_problem(backend):
    if not backend.reads_values:
        return
    values = np.array([[1.0, 2.0], [3.0, -4.0], [np.nan, np.inf]])
    x = backend.array(values)
    negative = Problem("negative", x < 0, "take the absolute value")
    problems = (*not_finite(backend.ops, x, "clip it"), negative)
    expected = r"^rate: candidate 1, output 1: negative value \(-4\); take the absolute value$"
    with pytest.raises(ValueError, match=expected):
        check_problems(backend.ops, x, "rate", *problems)
    with pytest.raises(ValueError, match=r"candidate 2, output 0: NaN value \(nan\); the model's"):
        check_problems(backend.ops, x, "rate", *problems[:2])
    with pytest.raises(ValueError, match=r"candidate 2, output 1: infinite value \(inf\); clip it"):
        check_problems(backend.ops, x, "rate", problems[1])
    fine = backend.array(values[:1])
    check_problems(backend.ops, fine, "rate", *not_finite(backend.ops, fine, ""))


def test_shapes_of_labels(backend):
    check_label_shape(backend.array(np.zeros((3, 2))), ((3,), (3, None)))
    with pytest.raises(ValueError, match=r"shape \(3,\) or \(3, C\), .*, got \(4, 2\)$"):
        check_label_shape(backend.array(np.zeros((4, 2))), ((3,), (3, None)))


def test_labels_are_integers(backend):
    check_integers(backend.ops, backend.array([0, 2]))
    for dtype in ("float64", "bool"):
        with pytest.raises(TypeError, match=rf"^labels: expected an integer dtype, got .*{dtype}"):
            check_integers(backend.ops, backend.array([0, 1], dtype))


def test_exactly_one_argument():
    assert exactly_one(probs=None, logits=3) == ("logits", 3)
    with pytest.raises(TypeError, match="exactly one of probs or logits, got none"):
        exactly_one(probs=None, logits=None)
    with pytest.raises(TypeError, match="exactly one of probs or logits, got probs, logits"):
        exactly_one(probs=1, logits=2)

"""What is refused at the door, with the argument's name and what was found."""

import types

import numpy as np
import pytest

import infoq

FAIR = np.full((2, 2, 3), 1 / 6)
ONE = [infoq.entropy, infoq.information_content]
TWO = [infoq.cross_entropy, infoq.kl_divergence, infoq.js_divergence]


def total_correlation(joint, **keywords):
    return infoq.total_correlation(joint, axis=(-2, -1), **keywords)


JOINT = [infoq.mutual_information, infoq.conditional_entropy, total_correlation]
# Each function with its arguments' names.
SIGNATURES = [
    *[(f, ["p"]) for f in ONE],
    *[(f, ["p", "q"]) for f in TWO],
    *[(f, ["joint"]) for f in JOINT],
]
ARGUMENTS = [
    pytest.param(function, names, place, id=f"{name}-of-{function.__name__}")
    for function, names in SIGNATURES
    for place, name in enumerate(names)
]
arguments = pytest.mark.parametrize(("function", "names", "place"), ARGUMENTS)


def spoiled(value):
    x = FAIR.copy()
    x[1, 1, 2] = value
    return x


def given(backend, x, names, place):
    """`x` for one argument, and fair distributions for the other."""
    # Where outcomes are along the last axis alone, each row of three is a distribution.
    scale = 1 if "joint" in names else 2
    return [backend.array(scale * (x if i == place else FAIR)) for i in range(len(names))]


@arguments
@pytest.mark.parametrize(
    ("value", "found"),
    [(np.nan, "nan"), (-0.25, "least probability -0"), (0.9, "sum 1|sum 2"), (np.inf, "sum inf")],
    ids=str,
)
def test_what_is_no_probability(backend, function, names, place, value, found):
    arrays = given(backend, spoiled(value), names, place)
    if not backend.reads_values:
        assert function(*arrays).dtype == arrays[0].dtype
        return
    # The last distribution of two, or of four rows.
    number = "1" if "joint" in names else r"\(1, 1\)"
    with pytest.raises(ValueError, match=rf"{names[place]}: distribution {number} of") as error:
        function(*arrays)
    assert any(part in str(error.value) for part in found.split("|"))
    assert str(FAIR.shape) in str(error.value)
    assert "kind=" in str(error.value)


@arguments
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("log_probs", np.full((2, 2, 3), 1.0)),
        ("log_probs", np.full((2, 2, 3), 1e4)),
        ("log_probs", np.full((2, 2, 3), np.nan)),
        ("logits", np.full((2, 2, 3), -np.inf)),
        ("logits", np.full((2, 2, 3), np.nan)),
        ("logits", np.where(FAIR * [1, 0, 0] > 0, np.nan, 1e4)),
        ("logits", np.full((2, 2, 3), np.inf)),
    ],
    ids=["log 1", "log huge", "log nan", "-inf", "nan", "some nan", "inf"],
)
def test_logarithms_of_no_probability(backend, function, names, place, kind, value):
    size = 6 if "joint" in names else 3
    fair = backend.array(np.full((2, 2, 3), -np.log(size)))
    arrays = [backend.array(value) if i == place else fair for i in range(len(names))]
    if not backend.reads_values:
        assert function(*arrays, kind=kind).dtype == fair.dtype
        return
    with pytest.raises(ValueError, match=rf"{names[place]}: distribution \(?0.* read as {kind}"):
        function(*arrays, kind=kind)


@arguments
@pytest.mark.parametrize("dtype", ["int64", "bool", "complex128"])
def test_dtypes_that_are_not_real_floating(backend, function, names, place, dtype):
    arrays = given(backend, FAIR, names, place)
    arrays[place] = backend.array(np.ones((2, 2, 3)), dtype)
    if len(names) == 2:
        # Both, or it would be the difference that is refused.
        arrays = [arrays[place]] * 2
    with pytest.raises(
        TypeError, match=rf"{names[0]}: expected a real floating dtype, got"
    ) as error:
        function(*arrays)
    assert dtype in str(error.value)
    assert "(2, 2, 3)" in str(error.value)


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
def test_two_dtypes(backend, function):
    p, q = backend.array(FAIR, "float32"), backend.array(FAIR, "float64")
    with pytest.raises(TypeError, match=r"p and q: .* one dtype, got .*float32 and .*float64"):
        function(p, q, axis=(-2, -1))


class Foreign:
    """An array of a library that no one has heard of."""

    def __array_namespace__(self, api_version=None):
        return types.ModuleType("foreign")


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
def test_two_libraries(backend, function):
    with pytest.raises(TypeError, match=rf"p is {backend.name}, q is foreign; convert"):
        function(backend.array(FAIR), Foreign())


@pytest.mark.parametrize("junk", [[0.5, 0.5], 0.5, "0.5", (0.5,)], ids=str)
@arguments
def test_what_is_no_array(backend, function, names, place, junk):
    arrays = given(backend, FAIR, names, place)
    arrays[place] = junk
    found = rf"{names[place]}: expected an array .* got {type(junk).__name__}; convert"
    with pytest.raises(TypeError, match=found):
        function(*arrays)


@arguments
@pytest.mark.parametrize("kind", ["softmax", "Probs", "", None, 3])
def test_unknown_kinds(backend, function, names, place, kind):
    arrays = given(backend, FAIR, names, place)
    with pytest.raises(
        ValueError, match="kind: expected one of 'probs', 'log_probs', 'logits', got"
    ) as e:
        function(*arrays, kind=kind)
    assert repr(kind) in str(e.value)


@pytest.mark.parametrize(
    ("axis", "found"),
    [
        (3, "axis 3 does not fit an array of 3 axes"),
        (-4, "axis -4 does not fit an array of 3 axes"),
        ((0, 5), r"axis \(0, 5\) does not fit an array of 3 axes"),
        ((), r"axis \(\) does not fit"),
        ((1, 1), r"axis \(1, 1\) names one axis twice"),
        ((2, -1), r"axis \(2, -1\) names one axis twice"),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", [*ONE, *TWO, infoq.total_correlation])
def test_axes_that_are_not_there(backend, function, axis, found):
    joint = function is infoq.total_correlation
    arrays = [backend.array(FAIR)] * (2 if function in TWO else 1)
    with pytest.raises(ValueError, match=f"{'joint' if joint else 'p'}: {found}"):
        function(*arrays, axis=axis)


@pytest.mark.parametrize("axis", [None, 1.0, "0", (0.0, 1.0)], ids=str)
@pytest.mark.parametrize("function", [infoq.entropy, infoq.kl_divergence, infoq.total_correlation])
def test_axes_that_are_no_integers(backend, function, axis):
    arrays = [backend.array(FAIR)] * (2 if function in TWO else 1)
    with pytest.raises(TypeError, match="axis") as error:
        function(*arrays, axis=axis)
    assert repr(axis) in str(error.value) or type(axis).__name__ in str(error.value)


def test_axes_may_be_numpy_integers(backend):
    p = np.array([[0.25, 0.5], [0.75, 0.5]])
    value = backend.call(infoq.entropy, p, axis=np.int64(0))
    np.testing.assert_array_equal(value, backend.call(infoq.entropy, p, axis=0))


@pytest.mark.parametrize("function", JOINT[:2], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("axes", "found"),
    [
        ({"x_axis": 1, "y_axis": 1}, "x_axis=1 and y_axis=1 share an axis"),
        ({"x_axis": (0, 1), "y_axis": -2}, r"x_axis=\(0, 1\) and y_axis=-2 share an axis"),
        ({"x_axis": 7}, "axis 7 does not fit an array of 3 axes"),
        ({"y_axis": (1, 1)}, r"axis \(1, 1\) names one axis twice"),
    ],
    ids=str,
)
def test_axes_of_two_variables(backend, function, axes, found):
    with pytest.raises(ValueError, match=f"joint: {found}"):
        function(backend.array(FAIR), **axes)


def test_too_few_axes(backend):
    one, none = backend.array([0.5, 0.5]), backend.array(1.0)
    with pytest.raises(ValueError, match="joint: axis -2 does not fit an array of 1 axes"):
        infoq.mutual_information(one)
    with pytest.raises(ValueError, match="p: axis -1 does not fit an array of 0 axes"):
        infoq.entropy(none)


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("p_shape", "q_shape", "axis"),
    [
        ((4, 2), (4, 3), -1),
        ((4, 3), (4, 1), -1),
        # As many outcomes, but not the same ones.
        ((2, 3), (3, 2), (0, 1)),
        ((4, 2, 3), (4, 6, 1), (1, 2)),
        ((2, 3, 2), (3, 2, 2), (0, 1, 2)),
    ],
    ids=str,
)
def test_other_outcomes(backend, function, p_shape, q_shape, axis):
    p, q = (np.ones(shape) for shape in (p_shape, q_shape))
    p, q = (x / x.sum(axis, keepdims=True) for x in (p, q))
    with pytest.raises(ValueError, match="p and q: expected the same outcomes") as error:
        function(backend.array(p), backend.array(q), axis=axis)
    assert str(p_shape) in str(error.value)
    assert str(q_shape) in str(error.value)


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
def test_axes_that_do_not_broadcast(backend, function):
    p, q = np.full((3, 2), 0.5), np.full((4, 2), 0.5)
    with pytest.raises(ValueError, match="p and q") as error:
        function(backend.array(p), backend.array(q))
    assert "(3, 2)" in str(error.value)
    assert "(4, 2)" in str(error.value)


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("function", [*ONE, infoq.mutual_information], ids=lambda f: f.__name__)
def test_no_outcomes(backend, function, kind):
    name = "joint" if function is infoq.mutual_information else "p"
    with pytest.raises(ValueError, match=rf"{name}: no outcomes in shape \(3, 2, 0\)"):
        function(backend.array(np.zeros((3, 2, 0))), kind=kind)


NARROW = pytest.param("float16", 2e-2, marks=pytest.mark.of_libraries("numpy", "torch", "jax"))


@pytest.mark.parametrize(("dtype", "slack"), [NARROW, ("float32", 1e-3), ("float64", 1e-3)])
def test_sums_may_be_off_by_rounding(backend, dtype, slack):
    near = np.array([0.5, 0.5 + slack / 2], dtype)
    assert np.isfinite(backend.call(infoq.entropy, near))
    if backend.reads_values:
        with pytest.raises(ValueError, match="p: distribution 0"):
            backend.call(infoq.entropy, np.array([0.5, 0.5 + 2 * slack], dtype))


@pytest.mark.parametrize("shape", [(1, 2), (1, 1, 2), (3, 1), (1, 1), (1,)], ids=str)
def test_one_distribution_or_one_outcome_is_checked_too(backend, shape):
    whole = np.full(shape, 1 / shape[-1])
    np.testing.assert_allclose(backend.call(infoq.entropy, whole), np.log(shape[-1]), atol=1e-12)
    if backend.reads_values:
        with pytest.raises(ValueError, match="p: distribution "):
            backend.call(infoq.entropy, 0.9 * whole)

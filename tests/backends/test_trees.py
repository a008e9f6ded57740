"""Predictives, embeddings, precisions, likelihoods and contexts as trees of arrays."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.backends import fields, trees
from infoq.backends.trees import Tree

N, K, C, D = 5, 4, 3, 2
RNG = np.random.default_rng(0)
PROBS, FEATURES = RNG.dirichlet(np.ones(C), (N, K)), RNG.standard_normal((N, D))
ROWS = RNG.standard_normal((N, 2, C * D))
ROOT = RNG.standard_normal((C * D, C * D))


def layer(b):
    return infoq.LastLayerEmbedding(b.array(FEATURES), likelihoods.Softmax(b.array(PROBS[:, 0])))


TREES = {
    "draws": lambda b: infoq.Categorical(b.array(PROBS)),
    "weighted logits": lambda b: infoq.Categorical(
        logits=b.array(np.log(PROBS)), weights=b.array(np.array([0.4, 0.3, 0.2, 0.1]))
    ),
    "outcomes": lambda b: outcomes(TREES["draws"](b)),
    "labels": lambda b: outcomes(TREES["draws"](b), 1),
    "rows": lambda b: infoq.DenseEmbedding(b.array(ROWS)),
    "diagonal rows": lambda b: infoq.DiagonalEmbedding(b.array(ROWS[:, 0] ** 2)),
    "last layer": layer,
    "fisher": lambda b: infoq.fisher_embedding(
        b.array(ROWS), likelihoods.Bernoulli(logits=b.array(ROWS[:, :, 0]))
    ),
    "number": lambda _: infoq.ScalarPrecision(2.0),
    "scalar": lambda b: infoq.ScalarPrecision(b.array(np.array(2.0))),
    "diagonal": lambda b: infoq.DiagonalPrecision(b.array(np.arange(1.0, 7.0))),
    "dense": lambda b: infoq.DensePrecision(b.array(ROOT @ ROOT.T + np.eye(C * D))),
    "low rank": lambda b: infoq.LowRankPrecision(2.0, b.array(ROWS[0])),
    "kronecker": lambda b: infoq.laplace(layer(b), 1.0, structure="kronecker"),
    "process": lambda b: infoq.Gaussian.from_covariance(b.array(ROOT @ ROOT.T)),
    "posterior": lambda b: infoq.Gaussian(layer(b), infoq.laplace(layer(b), 0.5)),
    "noise": lambda b: likelihoods.Normal(
        b.array(np.array([0.5, 1.0])), mean=b.array(ROWS[0, :, 0])
    ),
    "counts": lambda b: likelihoods.Poisson(b.array(np.array([1.0, 2.0]))),
}
every_tree = pytest.mark.parametrize("name", TREES)


def outcomes(pool, label=None):
    known = pool.observe(pool.context(), 2, label)
    return pool.observe(known, 0, label)


def flatten(backend, tree):
    """The leaves of a tree, and what makes a tree of others."""
    if backend.name == "jax":
        from jax import tree_util

        leaves, shape = tree_util.tree_flatten(tree)
        return leaves, lambda leaves: tree_util.tree_unflatten(shape, leaves), shape
    from torch.utils import _pytree

    leaves, shape = _pytree.tree_flatten(tree)
    return leaves, lambda leaves: _pytree.tree_unflatten(leaves, shape), shape


@every_tree
@pytest.mark.of_libraries("torch", "jax")
def test_leaves_are_all_arrays_and_make_the_same_again(backend, name):
    tree = TREES[name](backend)
    leaves, rebuild, shape = flatten(backend, tree)
    assert bool(leaves) == (name != "number")
    assert all(hasattr(leaf, "dtype") for leaf in leaves)
    again = rebuild(leaves)
    assert type(again) is type(tree)
    assert repr(again) == repr(tree)
    others, _, same = flatten(backend, again)
    assert same == shape
    assert all(x is y for x, y in zip(leaves, others, strict=True))


@every_tree
@pytest.mark.of_libraries("torch", "jax")
def test_leaves_may_be_anything(backend, name):
    leaves, rebuild, _ = flatten(backend, TREES[name](backend))
    marks = [object() for _ in leaves]
    assert flatten(backend, rebuild(marks))[0] == marks


@every_tree
@pytest.mark.parametrize("leaf", [None, 0, object(), (3, 4), np.zeros((2, 1, 2, 3, 4))])
@pytest.mark.of_libraries("torch", "jax")
def test_trees_of_anything_can_be_printed(backend, name, leaf):
    leaves, rebuild, _ = flatten(backend, TREES[name](backend))
    tree = rebuild([leaf for _ in leaves])
    assert repr(tree).startswith(f"{type(tree).__name__}(")


@pytest.mark.of_libraries("jax")
def test_trees_of_shapes_can_be_printed(backend):
    import jax

    shapes = jax.eval_shape(lambda x: x, TREES["draws"](backend))
    assert repr(shapes) == "Categorical(ShapeDtypeStruct(5, 4, 3))"


@pytest.mark.parametrize("name", ["draws", "posterior", "outcomes"])
@pytest.mark.of_libraries("torch")
def test_exported_programs_take_them(backend, name):
    torch = backend.module

    class Score(torch.nn.Module):
        """As a module, which is what is exported."""

        def forward(self, tree):
            return tree.probabilities if name == "outcomes" else infoq.eig(tree)

    tree = TREES[name](backend)
    program = torch.export.export(Score(), (tree,)).module()
    torch.testing.assert_close(program(tree), Score()(tree))


@every_tree
@pytest.mark.of_libraries("torch", "jax")
def test_equal_trees_are_one_program(backend, name):
    one, two = (flatten(backend, TREES[name](backend))[2] for _ in range(2))
    assert one == two
    if backend.name == "jax":
        assert hash(one) == hash(two)


ARGUMENTS = {
    "draws": (infoq.bald, "draws"),
    "draws given outcomes": (lambda x, known: infoq.eig(x, given=known), "draws", "outcomes"),
    "weighted draws": (infoq.bald, "weighted logits"),
    "posterior about a layer": (infoq.epig, "posterior", "last layer"),
    "given a precision": (lambda x, known: infoq.eig(x, given=known), "posterior", "kronecker"),
    "process": (infoq.eig, "process"),
}
arguments = pytest.mark.parametrize("name", ARGUMENTS)


@arguments
@pytest.mark.of_libraries("jax")
def test_jit_takes_them_and_traces_once(backend, name):
    import jax

    function, *names = ARGUMENTS[name]
    traces = []

    def traced(*trees):
        traces.append(trees)
        return function(*trees)

    run = jax.jit(traced)
    for _ in range(2):
        trees = [TREES[each](backend) for each in names]
        np.testing.assert_allclose(np.array(run(*trees)), np.array(function(*trees)), rtol=1e-9)
    assert len(traces) == 1


@arguments
@pytest.mark.of_libraries("torch")
def test_torch_compile_takes_them_and_compiles_once(backend, name):
    torch = backend.module
    from torch._dynamo.testing import CompileCounter

    function, *names = ARGUMENTS[name]
    counter = CompileCounter()
    torch._dynamo.reset()
    run = torch.compile(function, fullgraph=True, backend=counter)
    for _ in range(3):
        trees = [TREES[each](backend) for each in names]
        torch.testing.assert_close(run(*trees), function(*trees), rtol=1e-10, atol=1e-14)
    assert counter.frame_count == 1


@pytest.mark.of_libraries("jax")
def test_trees_come_back_from_transformations(backend):
    import jax

    pool = TREES["posterior"](backend)
    again = jax.jit(lambda pool: infoq.Gaussian(pool.embedding, 2.0))(pool)
    assert repr(again) == repr(infoq.Gaussian(pool.embedding, 2.0))
    slope = jax.grad(lambda pool: infoq.eig(pool).sum())(infoq.Gaussian(layer(backend), 2.0))
    assert isinstance(slope.embedding, infoq.LastLayerEmbedding)
    assert slope.embedding.parts[0].shape == FEATURES.shape


@pytest.mark.parametrize("label", [None, 1])
@pytest.mark.of_libraries("jax")
def test_contexts_come_back_from_jit_with_the_candidates_that_they_are_of(backend, label):
    import jax

    pool, traces = TREES["draws"](backend), []

    def traced(known, index):
        traces.append(index)
        return pool.observe(known, index, label)

    observe = jax.jit(traced)
    for last in (3, 4):
        known = observe(observe(pool.context(), 2), last)
        assert [int(index) for index in known.indices] == [2, last]
        one = pool.forget(known, 2)
        expected = pool.observe(pool.context(), last, label)
        np.testing.assert_allclose(
            np.array(one.log_posteriors), np.array(expected.log_posteriors), rtol=1e-9
        )
    assert len(traces) == 2


@pytest.mark.of_libraries("torch")
def test_contexts_come_back_from_torch_vmap_with_their_candidates(backend):
    torch = backend.module
    pool = TREES["draws"](backend)
    known = torch.func.vmap(lambda index: pool.observe(pool.context(), index))(torch.arange(N))
    assert known.indices[0].tolist() == list(range(N))
    assert known.log_posteriors.shape[0] == N


@pytest.mark.of_libraries("torch", "jax")
def test_stacks_of_trees_map(backend):
    module = importlib.import_module(backend.name)
    stack = backend.array(np.stack([PROBS, PROBS[::-1]]))
    vmap = module.vmap if backend.name == "jax" else module.func.vmap
    scores = vmap(infoq.bald)(infoq.Categorical.from_parts((stack,), ("probs", "probs")))
    expected = infoq.bald(PROBS)
    np.testing.assert_allclose(
        backend.numpy(scores), np.stack([expected, expected[::-1]]), atol=1e-14
    )


@pytest.mark.of_libraries("torch", "jax")
def test_a_class_of_ones_own_is_a_tree_at_once(backend):
    TREES["draws"](backend)

    class Mine(infoq.DenseEmbedding):
        """Rows of one's own."""

    leaves, rebuild, _ = flatten(backend, Mine(backend.array(ROWS)))
    assert len(leaves) == 1
    assert isinstance(rebuild(leaves), Mine)


@pytest.mark.of_libraries("jax")
@pytest.mark.parametrize("first", ["infoq", "jax"])
def test_it_does_not_matter_what_is_imported_first(first):
    pytest.importorskip("jax")
    second = "jax" if first == "infoq" else "infoq"
    code = f"""
import numpy as np, {first}, {second}
import infoq, jax
pool = infoq.Gaussian(np.ones((2, 3)), 1.0)
print(jax.jit(infoq.eig)(pool).shape, len(jax.tree_util.tree_leaves(infoq.ScalarPrecision(2.0))))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["(2,)", "0"]


def test_a_thread_goes_on_when_all_classes_are_told_and_none_twice(monkeypatch):
    told = []

    class SlowOps:
        @staticmethod
        def register_tree(cls):
            time.sleep(1e-3)
            told.append(cls)

    monkeypatch.setitem(sys.modules, "slow_library", object())
    monkeypatch.setattr(trees, "_WAITING", ["slow_library"])
    monkeypatch.setattr(trees, "_TOLD", set())
    monkeypatch.setattr(trees, "ops_class", lambda name: SlowOps)

    def count(_):
        trees.tell()
        return len(told)

    with ThreadPoolExecutor(8) as threads:
        counts = set(threads.map(count, range(8)))
    assert len(told) == len(set(told))
    assert counts == {len(trees._CLASSES)}


@pytest.mark.of_libraries("torch")
@pytest.mark.parametrize("first", ["infoq", "torch"])
@pytest.mark.parametrize(
    "call", ["infoq.eig(x)", "infoq.entropy(x)", "infoq.eig(infoq.Gaussian(x, 1.0))"]
)
def test_the_first_call_of_a_process_compiles_once_and_does_not_warn(first, call):
    pytest.importorskip("torch")
    second = "torch" if first == "infoq" else "infoq"
    code = f"""
import {first}, {second}
import infoq, torch
from torch._dynamo.testing import CompileCounter
counter = CompileCounter()
run = torch.compile(lambda x: {call}, fullgraph=True, backend=counter)
for _ in range(2):
    run(torch.softmax(torch.ones(2, 3, 4), -1))
print(counter.frame_count)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1"]


def test_a_tree_is_its_type_its_parts_and_its_settings():
    tree = infoq.DiagonalPrecision(np.ones(3))
    assert isinstance(tree, Tree)
    assert type(tree).from_parts(tree.parts, tree.settings).parts == tree.parts


# --- classes that name their fields -----------------------------------------------------------


class Noise(Tree):
    """A part of others; it may have no arrays at all."""

    _arrays = ("variance",)
    _static = ("number",)
    variance: Any = None
    number: float | None = None

    def __init__(self, variance):
        if isinstance(variance, float):
            self.number = variance
        else:
            self.variance = variance


class Pair(NamedTuple):
    """A tuple with names, of arrays."""

    one: Any
    two: Any


class Points(Tree):
    """Arrays, one that may be absent, a nested tree, a tuple of trees, and what is static."""

    _arrays = ("values", "weights", "noise", "others")
    _static = ("scale", "function")
    values: Any
    weights: Any = None
    noise: Noise
    others: tuple[Any, ...] = ()
    scale: float
    function: Callable[[Any], Any] | None = None

    def __init__(self, values, weights=None, noise=1.0, others=(), scale=1.0):
        self.values, self.weights, self.scale = values, weights, scale
        self.noise, self.others = Noise(noise), others

    def total(self):
        """A number of all that it is made of."""
        total = self.values.sum() * self.scale
        if self.weights is not None:
            total = total + self.weights.sum()
        if self.noise.variance is not None:
            total = total + self.noise.variance.sum()
        for pair in self.others:
            total = total + (pair.one - pair.two).sum()
        return total


class Marked(Points):
    """With a field more than its base."""

    _arrays = ("marks",)
    _static = ("name",)
    marks: Any
    name: str = "none"


class Older(Tree):
    """What sets its parts itself."""

    def __init__(self, values, scale):
        self._parts = (values, Noise(values))
        self._settings = scale


VALUES, WEIGHTS = RNG.random((4, 2)), RNG.random(4)


def named(b):
    """Objects of all kinds, by name."""
    values, weights = b.array(VALUES), b.array(WEIGHTS)
    pair = Pair(weights, b.array(2 * WEIGHTS))
    return {
        "bare": Points(values),
        "weighed": Points(values, weights, scale=2.0),
        "nested": Points(values, weights, noise=weights),
        "tuples": Points(values, others=(pair, pair)),
        "more fields": Marked.of(values=values, noise=Noise(1.0), marks=weights, scale=3.0),
        "older": Older(values, 2.0),
        "none": Noise(1.0),
    }


# How many arrays each is made of.
SIZES = {
    "bare": 1,
    "weighed": 2,
    "nested": 3,
    "tuples": 5,
    "more fields": 2,
    "older": 2,
    "none": 0,
}
every_named = pytest.mark.parametrize("name", SIZES)


def test_parts_and_settings_are_those_of_the_fields():
    values, weights = VALUES, WEIGHTS
    bare, full = Points(values), Points(values, weights, noise=weights, scale=2.0)
    assert bare.parts == (values, bare.noise)
    assert bare.settings == (1.0, None)
    assert full.parts == (values, weights, full.noise)
    assert full.settings == (2.0, None, "weights")
    assert bare.weights is None
    assert bare.noise.parts == ()
    assert bare.noise.settings == (1.0,)
    assert full.noise.settings == (None, "variance")


@every_named
def test_named_fields_make_it_again(backend, name):
    tree = named(backend)[name]
    again = type(tree).from_parts(tree.parts, tree.settings)
    assert again.parts == tree.parts
    assert again.settings == tree.settings
    leaves = tree.leaves()
    assert len(leaves) == SIZES[name]
    assert all(x is y for x, y in zip(again.leaves(), leaves, strict=True))
    for copied in (pickle.loads(pickle.dumps(tree)), copy.deepcopy(tree)):
        assert type(copied) is type(tree)
        assert copied.settings == tree.settings
        for x, y in zip(copied.leaves(), leaves, strict=True):
            np.testing.assert_array_equal(backend.numpy(x), backend.numpy(y))


@every_named
def test_a_function_of_each_array(backend, name):
    tree = named(backend)[name]
    doubled = tree.map(lambda x: 2 * x)
    assert type(doubled) is type(tree)
    assert doubled.settings == tree.settings
    for x, y in zip(doubled.leaves(), tree.leaves(), strict=True):
        np.testing.assert_array_equal(backend.numpy(x), 2 * backend.numpy(y))
    if name == "tuples":
        assert type(doubled.others[0]) is Pair


@every_named
@pytest.mark.of_libraries("torch", "jax")
def test_libraries_take_named_fields_apart(backend, name):
    tree = named(backend)[name]
    leaves, rebuild, shape = flatten(backend, tree)
    assert all(x is y for x, y in zip(leaves, tree.leaves(), strict=True))
    again = rebuild(leaves)
    assert type(again) is type(tree)
    assert flatten(backend, again)[2] == shape
    assert flatten(backend, named(backend)[name])[2] == shape
    if backend.name == "jax":
        assert hash(shape) == hash(flatten(backend, again)[2])
    for leaf in (None, 0, object()):
        assert repr(rebuild([leaf for _ in leaves])).startswith(f"{type(tree).__name__}(")


def test_what_is_static_or_absent_is_another_structure(backend):
    trees = named(backend)
    outlines = [
        fields.flatten(tree, [])
        for tree in (*trees.values(), Points(trees["bare"].values, scale=5.0))
    ]
    assert len(set(outlines)) == len(outlines)
    assert fields.flatten(named(backend)["nested"], []) in outlines


def test_an_outline_and_leaves_make_it_again(backend):
    everything = (named(backend)["tuples"], (named(backend)["nested"], 3, None), ())
    leaves = []
    outline = fields.flatten(everything, leaves)
    again = fields.rebuilt(outline, iter(leaves))
    assert fields.flatten(again, []) == outline
    assert again[1][1:] == (3, None)
    assert type(again[0].others[0]) is Pair
    assert again[0].others[1].two is leaves[4]


@pytest.mark.of_libraries("jax")
def test_jax_transforms_named_fields(backend):
    import jax

    tree = named(backend)["nested"]
    expected = float(tree.total())
    assert float(jax.jit(Points.total)(tree)) == pytest.approx(expected)
    assert float(jax.jit(lambda x: x.map(lambda y: 2 * y))(tree).total()) == pytest.approx(
        2 * expected
    )
    slope = jax.grad(Points.total)(tree)
    assert slope.noise.variance.tolist() == [1.0] * 4
    bare = named(backend)["bare"]
    assert jax.vmap(Points.total)(bare.map(lambda x: jax.numpy.stack([x, 2 * x]))).shape == (2,)
    assert jax.jit(lambda x: x.replace(weights=x.values[:, 0]))(bare).weights.shape == (4,)


@pytest.mark.parametrize("name", ["bare", "weighed", "nested", "tuples"])
@pytest.mark.of_libraries("torch")
def test_torch_compiles_named_fields_once(backend, name):
    torch = backend.module
    from torch._dynamo.testing import CompileCounter

    def total(values, tree):
        some = Points.of(values=values, noise=Noise(values), scale=1.0)
        more = some.replace(weights=values[:, 0]).map(lambda x: x + 1)
        again = type(tree).from_parts(tree.parts, tree.settings)
        return more.total() + Points(values, scale=3.0).total() + again.total() + len(more.leaves())

    torch._dynamo.reset()
    counter = CompileCounter()
    run = torch.compile(total, fullgraph=True, backend=counter)
    for _ in range(2):
        tree = named(backend)[name]
        torch.testing.assert_close(run(tree.values, tree), total(tree.values, tree))
    torch.testing.assert_close(run(tree.values, tree), total(tree.values, tree))
    assert counter.frame_count == 1


@pytest.mark.of_libraries("torch")
def test_torch_transforms_named_fields(backend):
    torch = backend.module
    tree = named(backend)["nested"]
    slope = torch.func.grad(Points.total)(tree)
    assert slope.noise.variance.tolist() == [1.0] * 4
    stack = tree.map(lambda x: torch.stack([x, 2 * x, 3 * x]))
    assert torch.func.vmap(Points.total)(stack).shape == (3,)

    class Total(torch.nn.Module):
        """As a module, which is what is exported."""

        def forward(self, tree):
            return tree.total()

    program = torch.export.export(Total(), (tree,)).module()
    torch.testing.assert_close(program(tree), tree.total())


def test_some_fields_are_replaced():
    tree = Points(VALUES, WEIGHTS, scale=2.0)
    other = tree.replace(scale=3.0, weights=None)
    assert (other.scale, other.weights, other.values is tree.values) == (3.0, None, True)
    assert (tree.scale, tree.weights is WEIGHTS) == (2.0, True)
    assert other.settings == (3.0, None)


def test_a_subclass_has_the_fields_of_its_base_and_its_own():
    assert Marked._arrays == ("values", "weights", "noise", "others", "marks")
    assert Marked._static == ("scale", "function", "name")
    tree = Marked.of(values=VALUES, noise=Noise(1.0), marks=WEIGHTS, scale=1.0)
    assert tree.name == "none"
    assert tree.settings == (1.0, None, "none")

    class Both(Marked, Noise):
        """With the fields of two bases, each once."""

    assert Both._arrays == ("variance", "values", "weights", "noise", "others", "marks")


def test_fields_are_named_right():
    with pytest.raises(TypeError, match=r"Points.of: expected the fields values, .*, got value"):
        Points.of(value=VALUES, noise=Noise(1.0), scale=1.0)
    with pytest.raises(TypeError, match=r"Points.of: expected the fields .*, got values, noise"):
        Points.of(values=VALUES, noise=Noise(1.0))
    with pytest.raises(ValueError, match=r"Points.from_parts: expected 2 parts .values, noise.*1"):
        Points.from_parts((VALUES,), (1.0, None))
    for field, kinds in {"map": "_arrays", "parts": "_static", "leaves": "_arrays"}.items():
        with pytest.raises(TypeError, match=f"Bad: the field '{field}' has the name of a method"):
            type("Bad", (Tree,), {kinds: (field,)})
    with pytest.raises(TypeError, match="Bad: the field 'rows' has the name of a method"):
        type("Bad", (infoq.DenseEmbedding,), {"_arrays": ("rows",)})
    with pytest.raises(TypeError, match="Bad: the field 'values' has the name of a method"):
        type("Bad", (infoq.DenseEmbedding,), {"values": property(lambda self: 3)})
    with pytest.raises(TypeError, match="Bad: the field 'x' is in _arrays and in _static"):
        type("Bad", (Tree,), {"_arrays": ("x",), "_static": ("x",)})
    with pytest.raises(TypeError, match=r"Bad._arrays: expected a tuple of names, got 'values'"):
        type("Bad", (Tree,), {"_arrays": "values"})


def test_parts_of_a_class_that_names_its_fields_are_not_set():
    class Mine(infoq.DenseEmbedding):
        """In the old way, of a base that names its fields."""

        def __init__(self, rows):
            self._parts = (rows,)

    with pytest.raises(AttributeError, match=r"Mine names its fields: set those .values."):
        Mine(VALUES)


def classes(cls):
    """All subclasses of infoq's own."""
    for each in cls.__subclasses__():
        if each.__module__.startswith("infoq."):
            yield each
        yield from classes(each)


def test_all_fields_are_annotated():
    found = list(classes(Tree))
    assert infoq.DenseEmbedding in found
    for cls in found:
        annotated = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", ())}
        assert {*cls._arrays, *cls._static} <= annotated, cls
        for method in ("of", "map", "leaves", "replace", "to", "from_parts"):
            assert getattr(cls, method).__qualname__.partition(".")[0] in ("Fields", "Tree"), cls


def test_a_class_of_anothers_may_have_a_method_of_the_name_map(backend):
    class Mapped(infoq.DenseEmbedding):
        def map(self):
            raise AssertionError("it is none of infoq's")

    own = Mapped(backend.array(VALUES))
    assert isinstance(own[:2], Mapped)
    assert infoq.eig(infoq.Gaussian(own, 1.0)).shape == (4,)

"""Every public object pickles, copies, and travels to another process and to another device."""

from __future__ import annotations

import concurrent.futures
import copy
import io
import multiprocessing
import pickle
import types
from collections.abc import Mapping

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.backends import Ops, ops_for
from infoq.backends.trees import Tree
from tests import examples

N, K, C, P, Q = 5, 4, 3, 6, 2
RNG = np.random.default_rng(0)
PROBS, FEATURES = RNG.dirichlet(np.ones(C), (N, K)), RNG.normal(size=(N, P // C))
ROWS, ROOT = RNG.normal(size=(N, Q, P)), RNG.normal(size=(P, P))
SQUARE, POINTS = ROOT @ ROOT.T + np.eye(P), np.abs(RNG.normal(size=(P, 3)))
LISTS = np.array([[i, (i + 1) % P] for i in range(P)])
LABELS = np.arange(N) % C


def of(array):
    return lambda b: b.array(array)


def softmax(b):
    return likelihoods.Softmax(b.array(PROBS[:, 0]))


def layer(b):
    return infoq.LastLayerEmbedding(b.array(FEATURES), softmax(b))


def draws(b):
    return infoq.Categorical(b.array(PROBS))


def squares(x):
    """Outputs of a model with one parameter an input, and their Jacobian: no lambda."""
    xp = ops_for(x).xp
    return 0 * x, x[:, :, None] * xp.eye(x.shape[1], dtype=x.dtype)[None, :, :]


def posterior(b):
    return infoq.Gaussian(layer(b), 0.5)


def log_det(b):
    return infoq.LogDet(b.array(POINTS), ridge=1.0)


# Of every public class at least one example, by the class; what functions make, by their names.
# Those of structures and likelihoods are those of `tests/examples.py`.
EXAMPLES = {
    **{name: one.on for name, one in examples.EXAMPLES.items()},
    "Categorical": draws,
    "Dirichlet": lambda b: infoq.Dirichlet(b.array(8 * PROBS[:, 0])),
    "Gaussian": posterior,
    "EIG": lambda b: infoq.EIG(draws(b)),
    "EPIG": lambda b: infoq.EPIG(draws(b), draws(b)),
    "JEPIG": lambda b: infoq.JEPIG(draws(b), draws(b)),
    "IG": lambda b: infoq.IG(draws(b), b.array(LABELS)),
    "PIG": lambda b: infoq.PIG(draws(b), draws(b), b.array(LABELS), b.array(LABELS)),
    "JPIG": lambda b: infoq.JPIG(draws(b), draws(b), b.array(LABELS), b.array(LABELS)),
    "LogDet": log_det,
    "FacilityLocation": lambda b: infoq.FacilityLocation(kernel=b.array(SQUARE)),
    "FacilityLocationQuery": lambda b: infoq.FacilityLocationQuery(kernel=b.array(SQUARE)),
    "GraphCut": lambda b: infoq.GraphCut(b.array(POINTS)),
    "ConcaveOverModular": lambda b: infoq.ConcaveOverModular(kernel=b.array(np.abs(SQUARE))),
    "Neighbours": lambda b: infoq.Neighbours(b.array(LISTS), b.array(np.ones((P, 2)))),
    "Selection": lambda b: infoq.greedy(log_det(b), 2),
    "SharedDraws": lambda b: infoq.shared_draws(draws(b), draws(b), permutations=2),
    "backends.Ops": lambda b: b.ops,
    "backends.Capabilities": lambda _: infoq.backends.CAPABILITIES["greedy"],
    "backends.Capability": lambda _: infoq.backends.CAPABILITIES["greedy"].jit,
    "methods.Method": lambda _: infoq.methods.TAXONOMY["badge"],
}
MORE = {
    "a precision that is a number": lambda _: infoq.ScalarPrecision(2.0),
    "low rank above a number": lambda b: infoq.LowRankPrecision(2.0, b.array(ROWS[0])),
    "a Kronecker posterior": lambda b: infoq.laplace(layer(b), 1.0, structure="kronecker"),
    "a model and its outcomes": lambda b: infoq.JacobianEmbedding(
        b.array(FEATURES), squares, likelihoods.Poisson
    ),
    "logits": lambda b: likelihoods.Bernoulli(logits=b.array(FEATURES)),
    "one variance an output": lambda b: likelihoods.Normal(b.array(np.array([0.5, 1.0]))),
    "weights of draws": lambda b: infoq.Categorical(
        logits=b.array(np.log(PROBS)), weights=b.array(np.array([0.4, 0.3, 0.2, 0.1]))
    ),
    "votes": lambda b: infoq.Categorical.from_votes(b.array(LABELS[:, None]), C),
    "outcomes": lambda b: draws(b).observe(draws(b).context(), 2),
    "labelled outcomes": lambda b: draws(b).observe(draws(b).context(), 2, 1),
    "an observed posterior": lambda b: posterior(b).observe(posterior(b).context(), 2),
    "a process": lambda b: infoq.Gaussian.from_covariance(b.array(SQUARE)),
    "gradients": lambda b: infoq.gradient_embedding(b.array(FEATURES), softmax(b), b.array(LABELS)),
    "a state": lambda b: infoq.EIG(draws(b)).add(infoq.EIG(draws(b)).start(), 1),
    "a state in weight space": lambda b: infoq.EIG(posterior(b)).add(
        infoq.EIG(posterior(b)).start(), 1
    ),
    "a state of a log-determinant": lambda b: log_det(b).add(log_det(b).start(), 1),
    "EPIG in weight space": lambda b: infoq.EPIG(posterior(b), layer(b)),
    "IG in weight space": lambda b: infoq.IG(posterior(b), b.array(LABELS)),
    "PIG in weight space": lambda b: infoq.PIG(
        posterior(b), layer(b), b.array(LABELS), b.array(LABELS)
    ),
    "JPIG in weight space": lambda b: infoq.JPIG(
        posterior(b), layer(b), b.array(LABELS), b.array(LABELS)
    ),
    "LogDet of a kernel": lambda b: infoq.LogDet(kernel=b.array(SQUARE), ridge=1.0),
    "LogDet of lists": lambda b: infoq.LogDet(
        kernel=infoq.Neighbours(b.array(np.arange(P)[:, None]), b.array(np.ones((P, 1)))),
        ridge=1.0,
    ),
    "LogDet of an embedding": lambda b: infoq.LogDet(
        infoq.LastLayerEmbedding(b.array(FEATURES), likelihoods.Normal(1.0)), ridge=1.0
    ),
    "FacilityLocation of points": lambda b: infoq.FacilityLocation(b.array(POINTS)),
    "FacilityLocationQuery of points": lambda b: infoq.FacilityLocationQuery(
        b.array(POINTS), b.array(POINTS[:2])
    ),
    "GraphCut of a kernel": lambda b: infoq.GraphCut(kernel=b.array(SQUARE)),
    "mutual": lambda b: infoq.mutual(log_det(b), [4, 5]),
    "conditional": lambda b: infoq.conditional(log_det(b), [5]),
    "mutual beyond": lambda b: infoq.mutual(infoq.conditional(log_det(b), [5]), [4]),
    "options": lambda _: infoq.settings.current_options(),
}
every_example = pytest.mark.parametrize("name", {**EXAMPLES, **MORE})


def public():
    """Every public name with what it is, below `infoq`."""
    for name in infoq.__all__:
        found = getattr(infoq, name)
        if isinstance(found, types.ModuleType):
            for inner in found.__all__:
                yield f"{name}.{inner}", getattr(found, inner)
        else:
            yield name, found


def is_class(found):
    """Whether instances are made of it by those who use infoq."""
    return isinstance(found, type) and not getattr(found, "__abstractmethods__", None)


ALIASES = {"backends.Array", "backends.Seed", "methods.Who"}  # of types, and no objects


def test_every_public_class_has_an_example():
    classes = {name for name, found in public() if is_class(found)} - ALIASES
    assert sorted(classes ^ set(EXAMPLES)) == [], "each has one entry in tests/examples.py"


@pytest.mark.parametrize("name", [name for name, _ in public() if name not in ALIASES])
def test_public_names_are_pickled_as_names(name):
    found = dict(public())[name]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(found, protocol)) is found
    assert copy.deepcopy(found) is found


def example(backend, name):
    return {**EXAMPLES, **MORE}[name](backend)


def same(backend, one, two):
    """Whether two objects are of one type and made of the same numbers, throughout."""
    if type(one) is not type(two):
        return False
    if hasattr(one, "dtype") and hasattr(one, "shape"):
        first, second = (backend.ops.to_host(x) for x in (one, two))
        return one.dtype == two.dtype and np.array_equal(first, second)
    if isinstance(one, Tree):
        return same_all(backend, one.parts, two.parts) and repr(one) == repr(two)
    if isinstance(one, (tuple, list)) and not same_all(backend, one, two):
        return False
    if isinstance(one, Mapping):
        return one.keys() == two.keys() and all(same(backend, one[k], two[k]) for k in one)
    if isinstance(one, Ops):
        return one is two
    state = getattr(one, "__dict__", None)
    if state and not callable(one):
        return same(backend, state, two.__dict__)
    return isinstance(one, (tuple, list)) or callable(one) or one == two or state is not None


def same_all(backend, one, two):
    return len(one) == len(two) and all(same(backend, x, y) for x, y in zip(one, two, strict=True))


@every_example
def test_it_pickles(backend, name):
    one = example(backend, name)
    assert name in MORE or isinstance(one, dict(public())[name])
    again = pickle.loads(pickle.dumps(one))
    assert same(backend, one, again)
    assert repr(again) == repr(one) or "object at" in repr(one)


@every_example
def test_it_copies(backend, name):
    one = example(backend, name)
    assert same(backend, one, copy.deepcopy(one))
    assert same(backend, one, copy.copy(one))


SET_FUNCTIONS = [
    *("EIG", "EPIG", "JEPIG", "IG", "PIG", "JPIG", "LogDet", "FacilityLocation"),
    *("FacilityLocationQuery", "GraphCut", "ConcaveOverModular", "mutual", "conditional"),
    *("mutual beyond", "LogDet of lists", "LogDet of an embedding", "EPIG in weight space"),
    *("FacilityLocation of points", "FacilityLocationQuery of points", "GraphCut of a kernel"),
]


@pytest.mark.parametrize("name", SET_FUNCTIONS)
def test_batches_go_on_with_what_was_pickled(backend, name):
    f = example(backend, name)
    state = f.add(f.start(), 1)
    other, there = pickle.loads(pickle.dumps((f, state)))
    expected = backend.numpy(f.gains(state))
    np.testing.assert_array_equal(backend.numpy(other.gains(there)), expected)


def gains(pickled):
    """What a worker does: the gains of a set function, and its picks, as NumPy arrays."""
    import infoq

    f = pickle.loads(pickled)
    batch = infoq.greedy(f, 2)
    host = ops_for(f.ops.fetch(batch.gains)).to_host
    return np.array(host(f.ops.fetch(batch.indices))), np.array(host(f.ops.fetch(batch.gains)))


def test_workers_take_them(backend, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")  # a setting of this process, which workers lack
    names = ("LogDet", "mutual", "FacilityLocation", "EIG", "EPIG in weight space")
    fs = [example(backend, name) for name in names]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        found = list(pool.map(gains, [pickle.dumps(f) for f in fs]))
    for f, (indices, there) in zip(fs, found, strict=True):
        here = infoq.greedy(f, 2)
        np.testing.assert_array_equal(indices, backend.numpy(here.indices))
        np.testing.assert_allclose(there, backend.numpy(here.gains), rtol=1e-12)


def test_a_registered_library_is_looked_up_where_it_is_unpickled():
    # The class that a process has registered is what it gets.
    text = pickle.dumps(ops_for(np.ones(1)))
    assert b"array_api_compat.numpy" in text
    assert pickle.loads(text) is ops_for(np.ones(1))


def test_a_namespace_that_is_no_module_cannot_travel():
    ops = Ops(types.ModuleType("made_up"))
    with pytest.raises(TypeError, match=r"cannot pickle Ops.'made_up'.*could import"):
        pickle.dumps(ops)
    assert copy.deepcopy(ops) is ops


TREES = [name for name in (*EXAMPLES, *MORE) if name not in SET_FUNCTIONS]


def trees(backend):
    found = {name: example(backend, name) for name in TREES}
    return {name: tree for name, tree in found.items() if isinstance(tree, Tree)}


def arrays(part):
    """All arrays of a tree."""
    if isinstance(part, Tree):
        part = part.parts
    if isinstance(part, tuple):
        return [x for one in part for x in arrays(one)]
    return [part] if hasattr(part, "shape") else []


def test_parts_and_settings_make_it_again(backend):
    for tree in trees(backend).values():
        again = type(tree).from_parts(tree.parts, tree.settings)
        assert same(backend, tree, again)


@pytest.mark.of_libraries("array_api_strict", "torch")
def test_to_a_device(backend):
    module = backend.module
    device = module.device("meta") if backend.name == "torch" else module.Device("device1")
    for name, tree in trees(backend).items():
        moved = tree.to(device)
        assert type(moved) is type(tree), name
        assert moved.settings == tree.settings
        assert [x.shape for x in arrays(moved)] == [x.shape for x in arrays(tree)]
        assert all(x.device == device for x in arrays(moved))
        assert all(x.device != device for x in arrays(tree))
    if backend.name == "array_api_strict":
        score = infoq.eig(posterior(backend).to(device))
        assert score.device == device
        back = score.to_device(module.Device("CPU_DEVICE"))
        np.testing.assert_array_equal(
            backend.numpy(back), backend.numpy(infoq.eig(posterior(backend)))
        )


def test_to_the_device_where_it_is(backend):
    tree = draws(backend)
    where = backend.ops.device(backend.array(np.ones(1)))
    assert same(backend, tree.to("cpu" if backend.name == "dask" else where), tree)


@pytest.mark.of_libraries("torch")
def test_a_file_that_torch_loads_without_running_code(backend):
    torch = backend.module
    pool = infoq.Categorical(backend.array(PROBS))
    file = io.BytesIO()
    torch.save({"parts": pool.parts, "settings": pool.settings}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again = infoq.Categorical.from_parts(saved["parts"], saved["settings"])
    assert same(backend, pool, again)
    file = io.BytesIO()
    posterior = infoq.DensePrecision(backend.array(SQUARE))
    torch.save(posterior.parts, file)
    file.seek(0)
    parts = torch.load(file, weights_only=True)
    assert same(backend, infoq.DensePrecision.from_parts(parts, posterior.settings), posterior)


def apart(x):
    """Trees within trees as tuples of what they are made of; arrays stay."""
    if isinstance(x, Tree):
        return tuple(apart(part) for part in x.parts), x.settings
    return tuple(map(apart, x)) if isinstance(x, tuple) else x


def anew(like, saved):
    """A tree like another, of what `apart` made."""
    if isinstance(like, Tree):
        parts, settings = saved
        again = tuple(anew(*pair) for pair in zip(like.parts, parts, strict=True))
        return type(like).from_parts(again, settings)
    if isinstance(like, tuple):
        return tuple(anew(*pair) for pair in zip(like, saved, strict=True))
    return saved


@pytest.mark.of_libraries("torch")
def test_all_but_functions_is_loaded_without_running_code(backend):
    torch = backend.module
    plain = {
        name: tree for name, tree in trees(backend).items() if "JacobianEmbedding" not in repr(tree)
    }
    assert {"LastLayerEmbedding", "Normal", "Gaussian"} <= {
        type(x).__name__ for x in plain.values()
    }
    for name, tree in plain.items():
        file = io.BytesIO()
        torch.save(apart(tree), file)
        file.seek(0)
        assert same(backend, anew(tree, torch.load(file, weights_only=True)), tree), name

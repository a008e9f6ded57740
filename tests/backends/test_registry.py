"""Which library an array belongs to, who speaks to it, and what is refused."""

import subprocess
import sys
import types

import array_api_compat
import numpy as np
import pytest

import infoq
from infoq.backends import Ops, available, ops_for, ops_of, register, registered

BUILT_IN = {"numpy", "torch", "cupy", "jax", "dask"}


class Foreign:
    """An array of a library that infoq has no code for."""

    def __array_namespace__(self, api_version=None):
        return types.ModuleType("foreign.array_api")


class ForeignOps(Ops):
    """What a third party writes."""


def test_an_array_has_one_ops(backend):
    one, two = backend.array([1.0]), backend.array([[1, 2]])
    assert ops_for(one) is ops_for(two, one) is ops_for(p=two) is backend.ops
    assert ops_of(array_api_compat.array_namespace(one)) is backend.ops


def test_none_is_passed_over(backend):
    x = backend.array([1.0])
    assert ops_for(None, x, weights=None) is backend.ops
    with pytest.raises(TypeError, match="weights: expected an array, got None"):
        ops_for(None, weights=None)
    with pytest.raises(TypeError, match="at least one array, got none"):
        ops_for(None)


def test_arrays_of_two_libraries_are_named(backend, fresh_registry):
    x = backend.array([1.0])
    found = rf"p is {backend.name}, weights is foreign; convert them to one library"
    with pytest.raises(TypeError, match=found):
        ops_for(p=x, weights=Foreign())
    with pytest.raises(TypeError, match=rf"argument 0 is foreign, argument 1 is {backend.name}"):
        ops_for(Foreign(), x)


def test_numpy_is_another_library(backend, fresh_registry):
    pair = {"x": backend.array([[[0.5, 0.5]]]), "targets": np.array([[[0.5, 0.5]]])}
    if backend.name == "numpy":
        assert infoq.epig(**pair).shape == (1,)
    else:
        with pytest.raises(TypeError, match=f"candidates is {backend.name}, targets is numpy"):
            infoq.epig(**pair)


@pytest.mark.parametrize("junk", [[0.5, 0.5], (1.0,), 0.5, 1, "text", {"a": 1}], ids=repr)
def test_what_is_no_array_is_refused_with_the_way_out(backend, junk):
    x = backend.array([1.0])
    kind = type(junk).__name__
    found = rf"weights: expected an array .* got {kind}; convert .* numpy.asarray"
    with pytest.raises(TypeError, match=found):
        ops_for(p=x, weights=junk)
    with pytest.raises(TypeError, match=f"argument 1: expected an array .* got {kind}"):
        ops_for(x, junk)


def test_a_library_without_code_of_its_own_gets_the_defaults(fresh_registry):
    ops = ops_for(Foreign())
    assert type(ops) is Ops
    assert repr(ops) == "Ops('foreign')"
    assert ops is ops_for(Foreign())


def test_registering_a_class(fresh_registry):
    before = ops_for(Foreign())
    register("foreign", ForeignOps)
    assert type(ops_for(Foreign())) is ForeignOps
    assert ops_for(Foreign()) is not before
    assert "foreign" in registered()


def test_registering_a_path_imports_when_the_first_array_arrives(fresh_registry, monkeypatch):
    register("foreign", "plugin_of_a_third_party:ForeignOps")
    assert "foreign" in registered()
    with pytest.raises(ModuleNotFoundError, match="plugin_of_a_third_party"):
        ops_for(Foreign())
    plugin = types.ModuleType("plugin_of_a_third_party")
    plugin.ForeignOps = ForeignOps
    monkeypatch.setitem(sys.modules, "plugin_of_a_third_party", plugin)
    assert type(ops_for(Foreign())) is ForeignOps


@pytest.mark.parametrize(
    "junk",
    ["module", "a:b:c", "", 3, None, int, object(), ForeignOps(np)],
    ids=lambda x: str(x)[:9],
)
def test_registering_junk(fresh_registry, junk):
    with pytest.raises(TypeError, match="ops: expected a subclass of Ops or 'module:Class', got"):
        register("foreign", junk)
    assert "foreign" not in registered()


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("kl_term", lambda p: infoq.js_divergence(p, p)),
        ("softmax", lambda p: infoq.entropy(p, kind="logits")),
    ],
)
# In a Dask chunk, the library that holds the chunk computes: as of blocks, below.
@pytest.mark.of_libraries("numpy", "torch", "jax", "array_api_strict", "cupy")
def test_an_override_is_really_used(backend, fresh_registry, name, measure):
    calls = []
    inherited = type(backend.ops)

    def counting(self, x, *args, **keywords):
        calls.append(tuple(x.shape))
        return getattr(inherited, name)(self, x, *args, **keywords)

    probs = np.full((2, 3), 1 / 3)
    before = backend.call(measure, probs)
    register(backend.name, type("CountingOps", (inherited,), {name: counting}))
    after = measure(backend.array(probs))
    assert type(ops_for(after)).__name__ == "CountingOps"
    assert calls
    assert set(calls) == {(2, 3)}
    np.testing.assert_array_equal(backend.ops.to_host(after), before)


def test_an_override_is_used_inside_blocks_too(backend, fresh_registry):
    x = np.full((2, 2, 3), 1 / 3)
    assert backend.call(infoq.bald, x).tolist() == [0, 0]
    # In a Dask chunk, the library that holds the chunk computes.
    ops = ops_for(backend.ops.fetch(backend.array(x)))

    def ours(self, r):
        raise NotImplementedError("kl_term of a third party")

    register(ops.name, type("OurOps", (type(ops),), {"kl_term": ours}))
    with pytest.raises(NotImplementedError, match="kl_term of a third party"):
        backend.ops.to_host(infoq.bald(backend.array(x)))


def test_the_registry_was_put_back(backend):
    assert ops_for(backend.array([1.0])) is backend.ops
    assert type(backend.ops).__name__ != "CountingOps"


def test_registered_and_available(backend):
    assert set(registered()) >= BUILT_IN
    assert "numpy" in available()
    assert set(available()) <= set(registered())
    if backend.name in BUILT_IN:
        assert backend.name in available()


def test_a_registered_library_that_is_not_installed_is_not_available(fresh_registry):
    register("a_library_that_is_not_installed", ForeignOps)
    assert "a_library_that_is_not_installed" in registered()
    assert "a_library_that_is_not_installed" not in available()


@pytest.mark.parametrize("blocked", ["torch", "jax", "dask"])
def test_a_library_whose_import_is_blocked_is_not_installed(blocked):
    code = f"""
import sys
sys.modules[{blocked!r}] = None
import infoq, numpy as np
probs = np.random.default_rng(0).dirichlet(np.ones(3), (4, 2))
with infoq.options(memory="1KB"):
    print(infoq.greedy(infoq.EIG(probs), 2).reason)
print({blocked!r} in infoq.backends.available())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["size", "False"], run.stderr

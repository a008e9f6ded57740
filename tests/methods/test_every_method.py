"""Every method on every backend: what it returns, whom it may pick, and what the table says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import infoq
from infoq import methods
from infoq.backends import ops_for
from infoq.methods import TAXONOMY
from tests.capabilities.inputs import N as FEW
from tests.capabilities.inputs import P
from tests.methods.arguments import ARGUMENTS

N, B = 8, 3
WIDE = 5  # as many points as are picked and given are independent


class Case:
    """The arguments of a method by name, in an array library and a dtype."""

    def __init__(self, backend, dtype):
        self.backend, self.dtype = backend, dtype

    def arguments(self, name):
        """What comes before k, of N candidates."""
        inputs, made = ARGUMENTS[name]
        return made(*(self.array(one, seed) for seed, one in enumerate(inputs)))

    def array(self, one, seed):
        first, *others = one.shape
        wide = (WIDE if size == P else size for size in others)
        one = one._replace(shape=(N if first == FEW else first, *wide))
        numbers = one.numbers(seed)
        exact = one.made(ops_for(numbers), numbers)
        return self.backend.array(exact, None if one.below else self.dtype)


every_method = pytest.mark.parametrize("name", TAXONOMY)


@pytest.fixture(scope="module")
def case(backend):
    return Case(backend, "float64")


@pytest.fixture(scope="module")
def narrow_case(backend):
    return Case(backend, "float32")


@every_method
def test_a_batch_of_the_library_device_and_dtype(narrow_case, name):
    chosen = getattr(methods, name)(*narrow_case.arguments(name), B)
    check_batch(narrow_case, chosen)


def check_batch(case, chosen):
    """The batch is of the right size, and its gains are finite, of the dtype, and add up."""
    indices, gains = case.backend.numpy(chosen.indices), case.backend.numpy(chosen.gains)
    assert isinstance(chosen, infoq.Selection)
    assert chosen.reason == "size"
    assert len(set(indices.tolist())) == B
    assert set(indices.tolist()) <= set(range(N))
    assert gains.dtype == np.dtype(case.dtype)
    assert np.isfinite(gains).all()
    np.testing.assert_allclose(float(chosen.value), gains.sum(), rtol=1e-5, atol=1e-6)


@every_method
def test_equal_calls_give_equal_batches(case, name):
    once, twice = (getattr(methods, name)(*case.arguments(name), B) for _ in range(2))
    np.testing.assert_array_equal(*(case.backend.numpy(x.indices) for x in (once, twice)))
    check_batch(case, once)


@every_method
def test_only_candidates_and_nobody_who_is_given(case, name):
    mask = np.array([True, True, False, True, False, True, True, True])
    chosen = getattr(methods, name)(
        *case.arguments(name), B, candidates=case.backend.array(mask), given=[1, 5]
    )
    assert set(case.backend.numpy(chosen.indices).tolist()) <= {0, 3, 6, 7}
    assert case.backend.numpy(chosen.indices).shape == (B,)


@every_method
def test_an_empty_batch(case, name):
    chosen = getattr(methods, name)(*case.arguments(name), 0)
    assert case.backend.numpy(chosen.indices).shape == (0,)
    assert float(chosen.value) == 0


@every_method
def test_a_batch_size_that_is_none_is_refused(case, name):
    with pytest.raises(TypeError, match="k: expected an integer, got float"):
        getattr(methods, name)(*case.arguments(name), 1.5)


def test_the_taxonomy_is_of_all_functions_and_says_everything():
    functions = {name for name in methods.__all__ if name.islower()}
    assert set(TAXONOMY) == functions
    for name, row in TAXONOMY.items():
        assert row.name == name
        assert all(isinstance(entry, str) and entry.strip() for entry in row)
        assert row.selection.partition(",")[0] in infoq.__all__
        assert any(character.isdigit() for character in row.source), f"{name}: no year"


def test_the_docstring_names_the_source():
    for name, row in TAXONOMY.items():
        document = getattr(methods, name).__doc__
        references = document.partition("References\n")[2]
        missing = [year for year in re.findall(r"\d{4}", row.source) if year not in references]
        assert missing == [], f"{name}: the References lack {missing} of {row.source!r}"


def test_the_taxonomy_cannot_be_changed():
    with pytest.raises(TypeError):
        TAXONOMY["mine"] = TAXONOMY["bald"]


def test_the_taxonomy_is_json():
    assert json.loads(json.dumps({name: row._asdict() for name, row in TAXONOMY.items()}))

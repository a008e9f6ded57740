"""Every method on every backend: what it returns, whom it may pick, and what the table says."""

from __future__ import annotations

import json

import numpy as np
import pytest

import infoq
from infoq import methods
from infoq.methods import TAXONOMY

N, K, C, D, B = 8, 4, 3, 5, 3


class Case:
    """The inputs of a method by name, in an array library and a dtype."""

    def __init__(self, backend, dtype):
        rng = np.random.default_rng(0)
        self.backend, self.dtype = backend, dtype
        self.draws = self.array(rng.dirichlet(np.ones(C), size=(N, K)))
        self.target_draws = self.array(rng.dirichlet(np.ones(C), size=(2, K)))
        self.points = self.array(rng.standard_normal((N, D)))
        self.probs = self.array(rng.dirichlet(np.ones(C), size=N))
        self.other_probs = self.array(rng.dirichlet(np.ones(C), size=N))
        self.labels = backend.array(rng.integers(C, size=N))
        self.queries = self.array(rng.standard_normal((2, D)))
        self.private = self.array(rng.standard_normal((2, D)))
        self.layer = infoq.LastLayerEmbedding(self.points, infoq.likelihoods.Softmax(self.probs))
        self.gaussian = infoq.Gaussian(self.points, 1.0)
        self.targets = infoq.DenseEmbedding(self.queries)

    def array(self, x):
        return self.backend.array(x, self.dtype)

    def arguments(self, name):
        """What comes before k."""
        return {
            **dict.fromkeys(ON_DRAWS, (self.draws,)),
            **dict.fromkeys(ABOUT_TARGETS, (self.draws, self.target_draws)),
            **dict.fromkeys(("itl", "vtl"), (self.gaussian, self.targets)),
            **dict.fromkeys(("bait", "egl"), (self.layer,)),
            **dict.fromkeys(("badge", "bait_top", "bait_binary"), (self.points, self.probs)),
            "grand": (self.points, self.probs, self.labels),
            "el2n": (self.probs, self.labels),
            "rho_loss": (self.probs, self.other_probs, self.labels),
            **dict.fromkeys(ON_POINTS, (self.points,)),
            **dict.fromkeys(ABOUT_QUERIES, (self.points, self.queries)),
            "com": tuple(self.backend.ops.xp.abs(x) for x in (self.points, self.queries)),
            **dict.fromkeys(BEYOND_PRIVATE, (self.points, self.private)),
            **dict.fromkeys(("logdet_cmi", "flcmi"), (self.points, self.queries, self.private)),
        }[name]


ON_DRAWS = ("entropy", "least_confidence", "margin", "variation_ratio", "mean_std", "bald")
ON_DRAWS += ("batch_bald", "power_bald", "softmax_bald", "softrank_bald")
ABOUT_TARGETS = ("epig", "batch_epig", "jepig", "batch_jepig")
ON_POINTS = ("logdet", "facility_location", "graph_cut", "coreset", "dpp")
ABOUT_QUERIES = ("logdet_mi", "flvmi", "flqmi", "gcmi")
BEYOND_PRIVATE = ("logdet_cg", "flcg", "gccg")

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


def test_the_taxonomy_cannot_be_changed():
    with pytest.raises(TypeError):
        TAXONOMY["mine"] = TAXONOMY["bald"]


def test_the_taxonomy_is_json():
    assert json.loads(json.dumps({name: row._asdict() for name, row in TAXONOMY.items()}))

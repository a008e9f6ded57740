"""Embeddings by their fields: made of them, changed in one, and moved with their likelihood."""

from __future__ import annotations

import numpy as np
import pytest

import infoq
from infoq.likelihoods import Normal, Softmax
from tests.structures.cases import EMBEDDINGS, JACOBIAN, PHI, PROBS, N, P

every = pytest.mark.parametrize("name", EMBEDDINGS)


@every
def test_its_fields_make_it_again(backend, name):
    one = EMBEDDINGS[name].make(backend)
    kind = type(one)
    fields = {field: getattr(one, field) for field in (*kind._arrays, *kind._static)}
    again = kind.of(**fields)
    assert repr(again) == repr(one)
    assert again.settings == one.settings
    assert all(x is y for x, y in zip(again.leaves(), one.leaves(), strict=True))
    np.testing.assert_array_equal(backend.numpy(again.dense()), backend.numpy(one.dense()))


@every
def test_all_its_arrays_are_of_candidates(backend, name):
    one = EMBEDDINGS[name].make(backend)
    assert {x.shape[0] for x in one.leaves()} == {N}
    few = one[1:3]
    assert type(few) is type(one)
    assert few.settings == one.settings
    assert {x.shape[0] for x in few.leaves()} == {2}
    expected = backend.numpy(one.dense())[1:3]
    np.testing.assert_allclose(backend.numpy(few.dense()), expected, rtol=1e-12, atol=1e-14)


def test_the_embedding_of_a_jacobian_is_one_of_its_own(backend):
    jacobian, softmax = backend.array(JACOBIAN), Softmax(backend.array(PROBS))
    one = infoq.fisher_embedding(jacobian, softmax)
    assert isinstance(one, infoq.Embedding)
    assert not isinstance(one, infoq.DenseEmbedding)
    assert one.parts == (jacobian, softmax)
    assert one.settings == ()


def test_a_likelihood_is_handed_on_as_it_is(backend):
    phi, softmax = backend.array(PHI), Softmax(backend.array(PROBS))
    one = infoq.LastLayerEmbedding(phi, softmax, bias=True)
    assert one.parts == (phi, softmax)
    assert (one.num_outputs, one.bias) == (3, True)
    assert one.likelihood is softmax
    other = one.replace(likelihood=Normal(0.5), bias=False)
    assert (other.num_rows, other.num_parameters) == (3, P)
    assert other.features is phi
    assert one.likelihood is softmax
    outputs = other.dense()  # three, independent, of the same features
    expected = np.sqrt(2) * np.einsum("cd,ne->ncde", np.eye(3), PHI).reshape(N, 3, P)
    np.testing.assert_allclose(backend.numpy(outputs), expected, rtol=1e-12)

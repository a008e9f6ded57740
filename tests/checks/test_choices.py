"""Choices are types, and what is checked where the program runs is what the types say."""

from __future__ import annotations

import inspect
import re
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

import infoq
from infoq.checks import choices

PROBS = np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 5))
LABELS = np.array([0, 1, 2, 0])

# Where each public choice stands.
CHOICES = {
    "OfParameters": ["eig", "ig", "EIG", "IG", "methods.bald"],
    "OfAllTargets": ["jepig", "jpig", "JEPIG", "JPIG"],
    "OfEachTarget": ["epig", "pig", "EPIG", "PIG", "methods.epig", "methods.batch_epig"],
    "Measure": ["ig", "IG"],
    "Kind": [
        *("information_content", "entropy", "cross_entropy", "kl_divergence", "js_divergence"),
        *("mutual_information", "conditional_entropy", "total_correlation"),
    ],
    "Information": [
        *("likelihoods.Gamma", "likelihoods.NegativeBinomial"),
        *("likelihoods.Ordinal", "likelihoods.PlackettLuce"),
    ],
    "Structure": ["laplace", "optimise_prior_precision"],
    "Law": ["sample"],
    "Start": ["kmeans_plusplus", "methods.badge"],
}
PLACES = [(choice, place) for choice, places in CHOICES.items() for place in places]


def thing(place):
    found = infoq
    for name in place.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(("choice", "place"), PLACES)
def test_the_names_in_docstrings_are_those_of_the_type(choice, place):
    function = thing(place)
    (name,) = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if re.fullmatch(rf"{choice}( \| None)?", str(parameter.annotation))
    ]
    found = re.search(rf"^\s*{name} : \{{(.*?)\}}", function.__doc__, re.MULTILINE)
    if found is not None:  # elsewhere it is "as of" another
        assert re.findall(r'"(\w+)"', found[1]) == list(get_args(getattr(choices, choice)))
    else:
        assert re.search(rf"^\s*[\w, ]*\b{name}\b", function.__doc__, re.MULTILINE)


def test_no_public_choice_is_left_out():
    stated = {(choice, place) for choice, place in PLACES}
    types = {name for name, kind in vars(choices).items() if get_origin(kind) is Literal}
    assert types == CHOICES.keys()
    found = set()
    rooms = {"": infoq, "likelihoods.": infoq.likelihoods, "methods.": infoq.methods}
    for prefix, room in rooms.items():
        for name in room.__all__:
            public = getattr(room, name)
            made = inspect.isclass(public) and "__init__" in vars(public)
            if inspect.isfunction(public) or made:
                for parameter in inspect.signature(public).parameters.values():
                    kind = str(parameter.annotation).removesuffix(" | None")
                    if kind in types:
                        found.add((kind, prefix + name))
    assert found == stated


@pytest.mark.parametrize("value", ["logdett", "", None, 3, np.zeros(2), ("logdet",)])
@pytest.mark.parametrize("names", ["OF_PARAMETERS", "LAWS", "MEASURES"])
def test_what_is_no_name(names, value):
    names = getattr(choices, names)
    expected = ", ".join(map(repr, names))
    with pytest.raises(ValueError, match=f"mine: expected one of {expected}, got "):
        choices.one_of(names, value, "mine")
    for name in names:
        assert choices.one_of(names, name, "mine") == name


def gaussians(backend):
    """Candidates and targets in a dense and in a diagonal structure, and with labels."""
    a = backend.array
    rows = a(np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]]))
    normal = infoq.likelihoods.Normal(1.0, mean=a(np.zeros((3, 1))))
    known = infoq.LastLayerEmbedding(rows, normal)
    diagonal = infoq.DiagonalEmbedding(a(np.array([[1.0, 2.0], [3.0, 1.0]])))
    return {
        "dense": infoq.Gaussian(infoq.DenseEmbedding(rows), 1.0),
        "diagonal": infoq.Gaussian(diagonal, 1.0),
        "labelled": infoq.Gaussian(known, 1.0),
    }


@pytest.mark.parametrize("name", ["dense", "diagonal", "labelled"])
def test_an_unknown_approximation_at_every_door(backend, name):
    x, labels = gaussians(backend)[name], backend.array(np.zeros((3, 1)))
    of_parameters = "approximation: expected one of 'logdet', 'trace', got 'traces'"
    of_all = "approximation: expected one of 'logdet', 'trace', 'kronecker', got 'traces'"
    of_each = "approximation: expected one of 'logdet', 'jensen', 'trace', 'kronecker', got 'tra"
    targets = x.embedding
    doors = [
        *((of_parameters, door, (x,)) for door in (infoq.eig, infoq.EIG)),
        *((of_all, door, (x, targets)) for door in (infoq.jepig, infoq.JEPIG)),
        *((of_each, door, (x, targets)) for door in (infoq.epig, infoq.EPIG)),
        *((of_all, door, (x, targets)) for door in (infoq.jpig, infoq.JPIG)),
        *((of_each, door, (x, targets)) for door in (infoq.pig, infoq.PIG)),
    ]
    if name == "labelled":
        both = (x, targets, labels, labels)
        doors += [
            *((of_parameters, door, (x, labels)) for door in (infoq.ig, infoq.IG)),
            *((of_all, door, both) for door in (infoq.jpig, infoq.JPIG)),
            *((of_each, door, both) for door in (infoq.pig, infoq.PIG)),
        ]
    for message, door, arguments in doors:
        with pytest.raises(ValueError, match=f"^{message}"):
            door(*arguments, approximation="traces")


def test_other_choices_at_their_doors(backend):
    a = backend.array
    scores, points = a(np.array([1.0, 2.0])), a(np.eye(2))
    named = {
        "method: expected one of 'power', 'softmax', 'softrank', got 'soft'": lambda: [
            infoq.sample(scores, 1, method="soft")
        ],
        "method: expected one of .*, got None": lambda: infoq.sample(
            scores, costs=scores, budget=1.0, method=None
        ),
        "first: expected one of 'uniform', 'norm', got 0": lambda: infoq.kmeans_plusplus(
            points, 1, first=0
        ),
        "measure: expected one of 'divergence', 'entropy', got 'kl'": lambda: infoq.ig(
            a(PROBS), a(LABELS), measure="kl"
        ),
        "kind: expected one of 'probs', 'log_probs', 'logits', got 'p'": lambda: infoq.entropy(
            a(PROBS), kind="p"
        ),
        "structure: expected one of 'dense', 'low_rank', .*, got 'full'": lambda: infoq.laplace(
            infoq.DenseEmbedding(points), 1.0, structure="full"
        ),
    }
    for message, call in named.items():
        with pytest.raises(ValueError, match=f"^{message}$"):
            call()

"""The digits, split for active learning, and an ensemble of small neural networks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

__all__ = ["CLASSES", "Digits", "Predictions", "split_digits", "train_and_predict"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

CLASSES = 10
TARGETS = 200
TEST = 500
HIDDEN_UNITS = 64
WEIGHT_DECAY = 0.01
MAX_ITERATIONS = 500


@dataclass(frozen=True)
class Digits:
    """The 1797 digits, cut into three parts that share no image.

    Attributes
    ----------
    images : ndarray
        Pixels between 0 and 16, ``[1797, 64]``.
    labels : ndarray
        The digit that each image shows, ``[1797]``.
    pool, targets, test : ndarray
        Indices: the images that may be labelled, the targets of EPIG (their labels are never
        read), and the images on which accuracy is measured.
    """

    images: Floats
    labels: Integers
    pool: Integers
    targets: Integers
    test: Integers


class Predictions(NamedTuple):
    """The predictions of an ensemble, and how many members did not finish training.

    Attributes
    ----------
    probs : ndarray
        Class probabilities of every image, ``[1797, K, 10]``.
    unconverged : int
        Members that stopped at the limit of iterations.
    """

    probs: Floats
    unconverged: int


def split_digits(rng: np.random.Generator) -> Digits:
    """Load the digits that come with scikit-learn and split them at random."""
    bunch = load_digits()
    order = rng.permutation(len(bunch.target))
    return Digits(
        images=np.asarray(bunch.data, dtype=np.float64),
        labels=np.asarray(bunch.target, dtype=np.int64),
        pool=order[TARGETS + TEST :],
        targets=order[:TARGETS],
        test=order[TARGETS : TARGETS + TEST],
    )


def train_and_predict(
    digits: Digits, labelled: Integers, members: int, ensemble: str, seed: tuple[int, ...]
) -> Predictions:
    """Train an ensemble on labelled images and predict all images.

    Members agree where the labels decide and differ where they do not: each starts from its own
    weights, and with bootstraps each also sees its own sample of the labelled images.

    Parameters
    ----------
    digits : Digits
        The images.
    labelled : ndarray
        Indices of the images whose labels may be read.
    members : int
        How many networks, K.
    ensemble : {"restarts", "bootstraps"}
        Whether all members see all labelled images, or each its own bootstrap of them. A
        bootstrap of few labels misses whole classes, and its member is then sure of another class.
    seed : tuple of int
        The seed of all random numbers.

    Returns
    -------
    Predictions
        Probabilities of all images, ``[1797, K, 10]``.

    Raises
    ------
    ValueError
        If all labels are of one class.
    """
    if len(np.unique(digits.labels[labelled])) < 2:
        raise ValueError("an ensemble needs labels of at least two classes")
    rng = np.random.default_rng(seed)
    probs = np.zeros((len(digits.images), members, CLASSES))
    unconverged = 0
    with threadpool_limits(limits=1):
        for member in range(members):
            sample = labelled
            if ensemble == "bootstraps":
                sample = _bootstrap(digits.labels, labelled, rng)
            network, converged = _train(digits.images[sample], digits.labels[sample], rng)
            # a class that is not in the sample keeps probability zero
            probs[:, member, network.classes_] = network.predict_proba(digits.images)
            unconverged += not converged
    return Predictions(probs, unconverged)


def _bootstrap(labels: Integers, labelled: Integers, rng: np.random.Generator) -> Integers:
    """As many labelled images, drawn with replacement until there are two classes."""
    while True:
        sample = rng.choice(labelled, size=len(labelled))
        if len(np.unique(labels[sample])) >= 2:
            return sample


def _train(
    images: Floats, labels: Integers, rng: np.random.Generator
) -> tuple[MLPClassifier, bool]:
    """A trained network, and whether it converged (counted in the report, not printed)."""
    network = MLPClassifier(
        hidden_layer_sizes=(HIDDEN_UNITS,),
        alpha=WEIGHT_DECAY,
        solver="lbfgs",
        max_iter=MAX_ITERATIONS,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        network.fit(images, labels)
    return network, not any(issubclass(w.category, ConvergenceWarning) for w in caught)

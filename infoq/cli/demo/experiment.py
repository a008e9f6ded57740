"""Records of the demo: its settings and its measurements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from infoq.cli.demo.ensemble import Digits, Floats, Integers

__all__ = ["METHODS", "QUANTITIES", "Results", "Run", "Settings", "Snapshot"]

QUANTITIES = ("entropy", "BALD", "EPIG")
METHODS = ("uniform", *QUANTITIES)


@dataclass(frozen=True)
class Settings:
    """The settings of the demo.

    Attributes
    ----------
    seeds : int
        The number of repetitions.
    seed : int
        The seed of all random numbers.
    members : int
        Networks per ensemble, K.
    start : int
        Images labelled at random before the first choice.
    rounds, batch : int
        The number of rounds, and of labels bought in each.
    ensemble : {"restarts", "bootstraps"}
        Whether networks differ by their initial weights, or also by a bootstrap of the labels.
    jobs : int
        Processes. They change the time, not the result.
    """

    seeds: int = 3
    seed: int = 0
    members: int = 20
    start: int = 40
    rounds: int = 8
    batch: int = 10
    ensemble: str = "restarts"
    jobs: int = 2

    @classmethod
    def quick(cls) -> Self:
        """Settings that run in a few seconds."""
        return cls(seeds=2, members=6, rounds=3)

    @property
    def ensembles(self) -> int:
        """The number of ensembles to train; all methods of a seed share the first."""
        return self.seeds * (1 + len(METHODS) * self.rounds)

    @property
    def labels(self) -> list[int]:
        """The number of labels at each measurement."""
        return [self.start + self.batch * round_ for round_ in range(self.rounds + 1)]


@dataclass
class Run:
    """One method under one seed.

    Attributes
    ----------
    method : str
        One of `METHODS`.
    repeat : int
        Which repetition this is; runs of one repetition share split and start.
    digits : Digits
        The images and how they are split.
    labelled : ndarray
        Indices of the images labelled so far.
    accuracy : list of float
        Accuracy on the test images, at each number of labels.
    scoring_seconds : float
        Time spent in infoq.
    unconverged : int
        Networks that stopped at the limit of iterations.
    """

    method: str
    repeat: int
    digits: Digits
    labelled: Integers
    accuracy: list[float] = field(default_factory=list)
    scoring_seconds: float = 0.0
    unconverged: int = 0


@dataclass(frozen=True)
class Snapshot:
    """All quantities of one pool under one ensemble, for a comparison.

    Attributes
    ----------
    digits : Digits
        The images.
    candidates : ndarray
        Indices of the unlabelled pool images.
    labels : int
        The number of labels, chosen at random, that the ensemble was trained on.
    scores : dict of str to ndarray
        Scores of the candidates by each of `QUANTITIES`.
    votes : ndarray
        The class that each member gives each candidate, ``[N, K]``.
    """

    digits: Digits
    candidates: Integers
    labels: int
    scores: dict[str, Floats]
    votes: Integers


@dataclass(frozen=True)
class Results:
    """All measurements.

    Attributes
    ----------
    settings : Settings
        The settings of the experiment.
    runs : list of Run
        Every method under every seed.
    snapshots : list of Snapshot
        One per seed.
    seconds : float
        Wall time of the whole experiment.
    """

    settings: Settings
    runs: list[Run]
    snapshots: list[Snapshot]
    seconds: float

    def accuracy(self, method: str) -> Floats:
        """A method's accuracies, ``[seeds, rounds + 1]``."""
        return np.array([run.accuracy for run in self.runs if run.method == method])

    def area(self, method: str) -> Floats:
        """The area under each learning curve divided by its width, ``[seeds]``."""
        curves = self.accuracy(method)
        return np.asarray((curves[:, 1:] + curves[:, :-1]).mean(axis=1) / 2)

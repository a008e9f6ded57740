"""Agreement of two scores: over the whole pool, and on the candidates they would pick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

import infoq
from infoq.cli.demo.ensemble import Floats
from infoq.cli.demo.experiment import Snapshot

__all__ = ["PAIRS", "TOPS", "Agreement", "agree", "best"]

PAIRS = (("BALD", "EPIG"), ("BALD", "entropy"), ("EPIG", "entropy"))
TOPS = (10, 50)


@dataclass(frozen=True)
class Agreement:
    """Agreement of two quantities, one entry per seed.

    Attributes
    ----------
    first, second : str
        The quantities.
    spearman : ndarray
        Rank correlation over the whole pool, ``[seeds]``.
    overlap : dict of int to ndarray
        For each k of `TOPS`, the share of one's k best that are among the other's.
    chance : dict of int to float
        The share that two random choices of k would have in common on average.
    """

    first: str
    second: str
    spearman: Floats
    overlap: dict[int, Floats]
    chance: dict[int, float]


def best(scores: Floats, count: int) -> list[int]:
    """Return the positions of the highest scores, best first."""
    return [int(index) for index in np.asarray(infoq.top_k(scores, count).indices)]


def _overlap(first: Floats, second: Floats, count: int) -> float:
    """Return the share of the k best of one score that are among the k best of the other."""
    return len(set(best(first, count)) & set(best(second, count))) / count


def agree(snapshots: list[Snapshot], first: str, second: str) -> Agreement:
    """Compare two quantities on the pool of every seed.

    Parameters
    ----------
    snapshots : list of Snapshot
        One per seed.
    first, second : str
        Names of quantities.

    Returns
    -------
    Agreement
        Rank correlation and overlaps.
    """
    pairs = [(s.scores[first], s.scores[second]) for s in snapshots]
    size = float(np.mean([len(snapshot.candidates) for snapshot in snapshots]))
    return Agreement(
        first=first,
        second=second,
        spearman=np.array([float(spearmanr(a, b).statistic) for a, b in pairs]),
        overlap={k: np.array([_overlap(a, b, k) for a, b in pairs]) for k in TOPS},
        chance={k: k / size for k in TOPS},
    )

"""Random batches, compared by their law: a statistic's mean over several draws."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .oracles import Differences, Inputs

Draw = Callable[[int], Any]  # of a seed
Statistic = Callable[[Inputs, NDArray[Any]], float]


class Drawn(NamedTuple):
    """The draw that is timed, and how to draw those that are not."""

    first: Any
    more: Callable[[], list[Any]]


def several(draw: Draw, inputs: Any) -> Callable[[], list[Any]]:
    """All draws but the first, as many as the inputs say."""
    return lambda: [draw(seed) for seed in range(1, int(inputs["draws"]))]


def picks_of(drawn: Drawn, picks: Callable[[Any], Any]) -> NDArray[Any]:
    """The picks of every draw: [draws, B]."""
    return np.stack([np.asarray(picks(x)) for x in (drawn.first, *drawn.more())])


def draws(inputs: Inputs, draw: Callable[[np.random.Generator], Any]) -> NDArray[Any]:
    """As many draws of an oracle's."""
    rngs = np.random.default_rng(1).spawn(int(inputs["draws"]))
    return np.stack([np.asarray(draw(rng)) for rng in rngs])


def law_differences(
    name: str, statistic: Statistic
) -> Callable[[Inputs, NDArray[Any], NDArray[Any]], Differences]:
    """Compare the mean of a statistic with the oracle's, in standard errors of the difference."""

    def compare(inputs: Inputs, truth: NDArray[Any], picks: NDArray[Any]) -> Differences:
        if picks.shape != truth.shape:
            raise ValueError(f"expected {truth.shape} draws and picks, got {picks.shape}")
        for batch in picks.tolist():
            if len(set(batch)) != len(batch):
                raise ValueError(f"expected different picks, got {batch}")
        ours, theirs = (np.asarray([statistic(inputs, x) for x in y]) for y in (picks, truth))
        variance = (ours.var(ddof=1) + theirs.var(ddof=1)) / len(truth)
        off = (ours.mean() - theirs.mean()) / np.sqrt(max(variance, 1e-300))
        return {name: float(ours.mean()), "off the oracle's (standard errors)": float(off)}

    return compare

"""What a type checker says of a user's own set function: read by mypy, never run."""

from typing import assert_type

import numpy as np
import numpy.typing as npt

import infoq
from infoq.backends import Array


class Coverage(infoq.SetFunction):
    """How many items a batch covers."""

    def __init__(self, covers: npt.NDArray[np.float64]) -> None:
        self.covers = covers

    @property
    def num_candidates(self) -> int:
        """N."""
        return len(self.covers)

    def start(self) -> npt.NDArray[np.float64]:
        """Nothing is covered."""
        return np.zeros(self.covers.shape[1])

    def gains(self, state: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What each covers that is not covered yet."""
        more: npt.NDArray[np.float64] = self.covers @ (1 - state)
        return more

    def add(self, state: npt.NDArray[np.float64], index: Array | int) -> npt.NDArray[np.float64]:
        """What is covered then."""
        covered: npt.NDArray[np.float64] = np.maximum(state, self.covers[int(index)])
        return covered


def batch(covers: npt.NDArray[np.float64]) -> None:
    """It goes wherever the package's own go."""
    f = Coverage(covers)
    assert_type(infoq.lazy_greedy(f, 3), infoq.Selection)
    infoq.greedy(infoq.conditional(f, [0]), 3)

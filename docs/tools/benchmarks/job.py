"""What a comparison is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .contenders import Contender
from .limits import Limit
from .oracles import Differences, Inputs

Size = Mapping[str, int]


@dataclass(frozen=True)
class Target:
    """How many times better than the best peer a contender is to be, or how small."""

    contender: str
    measure: Literal["time", "memory", "megabytes"]
    factor: float  # of time and memory at least; of megabytes, the most that it may take
    library: str | None = None  # the best peer that runs on this library, not of all
    peer: str | None = None  # this one


@dataclass(frozen=True)
class Job:
    """One comparison: inputs, who competes, what is true, and what infoq is to reach."""

    name: str
    title: str
    about: str
    size: Size
    small: Size  # for the tests of the harness, and to warm up where a full call is slow
    make: Callable[[Size, np.random.Generator], Inputs]
    contenders: tuple[Contender, ...]
    oracle: Callable[[Inputs], Any]
    compare: Callable[[Inputs, Any, Any], Differences]
    tolerance: Mapping[str, float]  # of every contender; one beyond it isn't timed
    own_tolerance: Mapping[str, float] = field(default_factory=dict)  # of infoq, stricter
    targets: tuple[Target, ...] = ()
    limits: tuple[Limit, ...] = ()
    rounds: int = 15
    seconds: float = 5.0  # of timing per contender
    slow: bool = False  # warm up the memory measurement on the small size
    seed: int = 0

    def inputs(self, size: Size | None = None) -> Inputs:
        """Make the inputs, the same at every call."""
        return self.make(self.size if size is None else size, np.random.default_rng(self.seed))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities along the last axis, computed in float64 and rounded to float32."""
    probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs /= probs.sum(axis=-1, keepdims=True)
    return np.asarray(probs, dtype=np.float32)

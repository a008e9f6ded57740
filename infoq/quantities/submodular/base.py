"""Base class of the set functions of similarities."""

from __future__ import annotations

from typing import Any

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import first_array
from infoq.checks.values import check_sums
from infoq.draws.outcomes import place_of
from infoq.quantities.submodular.magnified import MagnifiedSimilarities
from infoq.quantities.submodular.reading import taken
from infoq.quantities.submodular.similarities import Similarities
from infoq.set_function import SetFunction


class SimilarityFunction(SetFunction):
    """Set function of similarities: holds the candidates, and moves arrays in and out of memory.

    Its states are named tuples with a field `indices`, the picks.
    """

    submodular = True

    _finite: bool = True
    """Whether an infinite result is an overflow."""

    def __init__(self, pool: Similarities | MagnifiedSimilarities) -> None:
        self._pool: Any = pool

    @property
    def ops(self) -> Ops:
        """The operations of the library that the gains are arrays of."""
        ops: Ops = self._pool.ops
        return ops

    @property
    def device(self) -> Any:
        """The device of the gains in memory; None if not known."""
        like = self._full(1)
        return ops_for(like).device(like)

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return int(first_array(self._pool.rows).shape[0])

    def remove(self, state: Any, index: Array | int) -> Any:
        """The state of the batch without one of its candidates, built anew from the others."""
        place = place_of(state.indices, index)
        rest = self.start()
        for other in state.indices[:place] + state.indices[place + 1 :]:
            rest = self.add(rest, other)
        return rest

    def _finish(self, x: Array) -> Array:
        """A result in memory as an array like the input; raises where it overflows."""
        ops = ops_for(x)
        result = ops.xp.astype(x, self._pool.like.dtype)
        return self.ops.adopt(check_sums(ops, result, "similarities") if self._finite else result)

    def _full(self, size: int) -> Array:
        """Zeros [size], in memory."""
        return self.ops.constant((size,), 0.0, self._pool.like)

    def _taken(self, indices: Array) -> tuple[Array, ...]:
        """The rows of some candidates [m], in memory."""
        return taken(self._pool.rows, indices)

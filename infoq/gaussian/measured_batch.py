"""What a set function asks of a `Gaussian`: the state of a batch, its gains, and its value."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from infoq.backends import Array, Ops, ops_for
from infoq.backends.fields import arrays_of, first_array, mapped
from infoq.checks.numbers import check_index
from infoq.draws.outcomes import place_of
from infoq.gaussian import forward
from infoq.gaussian.backward import all_known, losses, prune, without
from infoq.gaussian.block_scores import Score
from infoq.linear_algebra.small_matrices import symmetric
from infoq.settings import current_options
from infoq.structures.diagonal import DiagonalEmbedding
from infoq.structures.embedding import DenseEmbedding, Embedding, picked
from infoq.structures.forms import Form
from infoq.structures.precision import Precision


class Picked(NamedTuple):
    """A batch so far.

    Attributes
    ----------
    known : Grown, Precision or array [N]
        What each candidate still measures, the precision after the batch, or what each adds.
    indices : tuple of int or array []
        The picks.
    """

    known: Any
    indices: tuple[Any, ...]


class MeasuredBatch:
    """A batch by the quadratic forms of every candidate, which each pick updates.

    Parameters
    ----------
    embedding : Embedding
        The candidates.
    forms : tuple of Form
        The covariance and, about targets, what they explain of it; in memory.
    score : callable
        Of the quadratic forms of both.
    trace : bool
        Whether what is explained is of the trace.
    """

    def __init__(
        self,
        embedding: Embedding,
        forms: tuple[Form, ...],
        score: Score,
        *,
        trace: bool = False,
    ) -> None:
        self._embedding = embedding.factored()
        self._forms = forms
        self._score = score
        self._trace = trace

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(forward.begin(self._embedding, self._forms), ())

    def gains(self, state: Picked) -> Array:
        """The score of every candidate, once the batch is known."""
        return forward.scores(state.known, self._score)

    def gains_of(self, state: Picked, indices: Array) -> Array:
        """The score of some candidates [m]."""
        few = tuple(ops_for(x).xp.take(x, indices, axis=0) for x in state.known.forms)
        return forward.scores(state.known._replace(forms=few), self._score)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        return Picked(self._changed(state, index, remove=False), (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its candidates."""
        place = place_of(state.indices, index)
        rest = state.indices[:place] + state.indices[place + 1 :]
        rows = rows_of(self._embedding, (index,))
        if self._removable(state, index, rows):
            return Picked(self._changed(state, index, remove=True), rest)
        anew = self.start()
        for other in rest:
            anew = self.add(anew, other)
        return anew

    def pruned(
        self, members: Sequence[int], size: int, given: Sequence[int]
    ) -> tuple[list[int], Array] | None:
        """The members that stay where the least missed is given back until `size` are left.

        Parameters
        ----------
        members : sequence of int
            Who may be given back, in the order of picking.
        size : int
            How many are to stay.
        given : sequence of int
            Who is in the batch before them, and stays.

        Returns
        -------
        list of int and array, or None
            Who stays, in the same order, and what each adds in it; None where another way is
            better: where the matrices of all members are too large, or lose their digits.
        """
        everyone = tuple(given) + tuple(members)
        rows = len(everyone) * self._embedding.num_rows
        item = self._embedding.ops.item_bytes(first_array(self._embedding))
        if 8 * rows**2 * item > current_options().memory:
            return None
        full = rows_of(self._embedding, everyone)
        ops = ops_for(full)
        seen, full = forward.unfolded_rows(ops, self._forms, full)
        forms = tuple(symmetric(ops, form.apply(ops, full) @ full.T) for form in seen)
        if says_much(ops, forms[0]):
            return None
        state = all_known(ops, forms, self._embedding.num_rows, trace=self._trace)
        return prune(
            ops,
            full,
            state,
            lambda state, there: losses(ops, state, there, self._score),
            lambda state, place: without(ops, state, place),
            list(members),
            size,
            len(given),
        )

    def _removable(self, state: Picked, index: Array | int, rows: Array) -> bool:
        return forward.removable(self._forms, state.known, rows)

    def _changed(self, state: Picked, index: Array | int, *, remove: bool) -> forward.Grown:
        known: forward.Grown = state.known
        rows = rows_of(self._embedding, (index,))
        return forward.change(
            self._embedding, self._forms, known, rows, trace=self._trace, remove=remove
        )


class AddedBatch:
    """A batch whose gains add up, whatever its candidates share: traces about the parameters.

    Parameters
    ----------
    gains : callable
        What each candidate adds: [N].
    """

    def __init__(self, gains: Callable[[], Array]) -> None:
        self._gains = gains

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(self._gains(), ())

    def gains(self, state: Picked) -> Array:
        """What every candidate adds to any batch."""
        gains: Array = state.known
        return gains

    def gains_of(self, state: Picked, indices: Array) -> Array:
        """What some candidates [m] add."""
        return ops_for(state.known).xp.take(state.known, indices, axis=0)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        check_index(index, int(state.known.shape[0]))
        return Picked(state.known, (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its candidates."""
        place = place_of(state.indices, index)
        return Picked(state.known, state.indices[:place] + state.indices[place + 1 :])

    def value(self, state: Picked) -> Array:
        """The sum of what the batch's candidates add."""
        ops = ops_for(state.known)
        picked = [ops.row(state.known, index) for index in state.indices]
        return ops.xp.sum(ops.xp.stack(picked))


class KnownBatch:
    """A batch by the precision after it: for what is no function of two quadratic forms.

    Parameters
    ----------
    embedding : Embedding
        The candidates.
    precision : Precision
        Of the empty batch.
    gains : callable
        Of all candidates of an embedding, given a precision.
    observe, forget : callable
        The precision with the outcome of one more candidate, or without it.
    """

    def __init__(
        self,
        embedding: Embedding,
        precision: Precision,
        gains: Callable[[Embedding, Precision], Array],
        observe: Callable[[Precision, Any], Precision],
        forget: Callable[[Precision, Any], Precision],
    ) -> None:
        self._embedding = embedding
        self._precision = precision
        self._gains = gains
        self._observe = observe
        self._forget = forget

    def start(self) -> Picked:
        """The empty batch."""
        return Picked(self._precision, ())

    def gains(self, state: Picked) -> Array:
        """What every candidate tells, once the batch is known."""
        return self._gains(self._embedding, state.known)

    def gains_of(self, state: Picked, indices: Array) -> Array:
        """What some candidates [m] tell."""
        xp, embedding = self._embedding.ops.xp, self._embedding
        few = mapped(lambda x: xp.take(x, indices, axis=0), embedding)
        return self._gains(few, state.known)

    def add(self, state: Picked, index: Array | int) -> Picked:
        """The batch with one more candidate."""
        return Picked(self._observe(state.known, index), (*state.indices, index))

    def remove(self, state: Picked, index: Array | int) -> Picked:
        """The batch without one of its candidates."""
        place = place_of(state.indices, index)
        rest = state.indices[:place] + state.indices[place + 1 :]
        # It may have said so much that nothing is left without it: then the others anew. Of lazy or
        # traced arrays, too, where that would be found out too late.
        if self._removable(state.known, index):
            with contextlib.suppress(ValueError):
                return Picked(self._forget(state.known, index), rest)
        anew = self.start()
        for other in rest:
            anew = self.add(anew, other)
        return anew

    def _removable(self, known: Precision, index: Any) -> bool:
        """Whether what is left without a candidate, as a difference, has half of its digits."""
        embedding = self._embedding
        if not embedding.ops.concrete(*arrays_of(embedding)):
            return False
        if isinstance(embedding, DiagonalEmbedding):
            like = embedding.ops.row(embedding.fisher_diagonal, index)
            left = 1 - like / known.diagonal(like)
        else:
            rows = rows_of(embedding, (index,))
            ops = ops_for(rows)
            share = symmetric(ops, rows @ known.solve(rows).T)
            left = 1 - ops.symmetric_eigen(share)[0]
        ops = ops_for(left)
        return bool(ops.xp.min(left) > float(ops.xp.finfo(left.dtype).eps) ** 0.25)


def says_much(ops: Ops, measured: Array) -> bool:
    """Whether a variance [Q, Q] is so large, in units of the noise, that its rest has no digits.

    The rest is a difference of it, which keeps 5 digits in float32 up to 181 times.
    """
    if not ops.concrete(measured):
        return False
    most = float(ops.xp.finfo(measured.dtype).eps) ** -0.5 / 16
    return bool(ops.xp.max(ops.xp.linalg.diagonal(measured)) > most)


def rows_of(embedding: Embedding, indices: tuple[Any, ...]) -> Array:
    """The rows of some candidates, one below the other and in memory: [B R, P]."""
    for index in indices:
        check_index(index, len(embedding))
    few = picked(embedding, indices)
    return few.ops.xp.reshape(few.dense(), (-1, embedding.num_parameters))


def as_one(embedding: Embedding, indices: tuple[Any, ...]) -> Embedding:
    """Some candidates as a single one, whose outcome is all of theirs."""
    if isinstance(embedding, DiagonalEmbedding):
        ops = embedding.ops
        rows = [ops.row(embedding.fisher_diagonal, index) for index in indices]
        return DiagonalEmbedding(ops.xp.sum(ops.xp.stack(rows), axis=0)[None, :])
    return DenseEmbedding(embedding.ops.adopt(rows_of(embedding, indices)[None, ...]))


def in_memory(x: Any) -> Any:
    """An array, tree, form or nested tuple with its arrays in memory."""
    return mapped(lambda array: ops_for(array).fetch(array), x)

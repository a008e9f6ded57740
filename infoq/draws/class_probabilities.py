"""Class probabilities under K posterior draws: their values, checks, labels, and blocks of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from infoq.backends import Array, Ops, ops_for
from infoq.backends.arrays import is_integer
from infoq.backends.registry import admit_all
from infoq.blocks import add_rows, map_rows
from infoq.checks.indexing import some_of
from infoq.checks.numbers import check_index, first_index
from infoq.checks.probabilities import InvalidValuesError, check_structure, check_weights, describe
from infoq.draws.kernels import (
    about_split,
    on_probabilities,
    refused,
)
from infoq.draws.labels import (
    check_labels,
    label_likelihoods,
    on_labels,
)
from infoq.draws.outcomes import Outcomes
from infoq.draws.posterior_draws import PosteriorDraws
from infoq.measures.distribution import to_probabilities

AXES = "NKC"


class ClassProbabilities(PosteriorDraws):
    """Values [N, K, C] that are class probabilities, their logarithms, or logits.

    This class checks the values (once, or block by block while they are read), selects candidates,
    computes the likelihoods of observed labels, and runs kernels over blocks of candidates.

    Attributes
    ----------
    values : array [N, K, C]
        As they were given.
    kind : {"probs", "log_probs", "logits"}
        Of the values.
    name : str
        The name of the argument that held the values, for messages.
    """

    _arrays = ("values", "draw_weights")
    _static = ("name", "kind")
    values: Array
    kind: str
    name: str

    # Not checked again when it is made of parts, or rebuilt by a library's transformation.
    _checked = True

    def setup(
        self, values: Array, kind: str, weights: Array | None, axes: str, *, name: str
    ) -> None:
        """Hold values and weights, in the order N, K, C; only the structure is checked."""
        given = {name: values} if weights is None else {name: values, "weights": weights}
        ops, (values, *weighed) = admit_all(False, **given)
        check_structure(ops, values, axes, name)
        if "K" not in axes:  # a single prediction
            values, axes = values[None, ...], f"K{axes}"
        order = tuple(axes.index(axis) for axis in AXES)
        if order != (0, 1, 2):
            values = ops.xp.permute_dims(values, order)
        self.values, self.name, self.kind = values, name, kind
        self._checked = False
        for own in weighed:
            self.draw_weights = check_weights(ops, own, values, self.num_draws, "weights", "draw")

    # --- properties -------------------------------------------------------------------------

    @property
    def num_draws(self) -> int:
        """The number of posterior draws, K."""
        return int(self.values.shape[1])

    @property
    def num_classes(self) -> int:
        """The number of classes, C."""
        return int(self.values.shape[2])

    def __getitem__(self, candidates: Any) -> Self:
        """Some of the candidates, selected by a slice, integers [m], or a boolean mask [N].

        Follows NumPy's indexing, and keeps draws, weights and kind of values. A single integer
        raises, as there is always an axis of candidates: pass ``pool[i : i + 1]``.
        """
        (values,) = some_of(self.ops, (self.values,), candidates)
        return self._of(values)

    def _of(self, values: Array) -> Self:
        """The same draws with the values of some of the candidates."""
        if not self._checked:  # now, while a message can still name the candidate's index here
            self.check_values_now()
        few = self.replace(values=values)
        few._checked = self._checked
        return few

    def _words(self) -> str:
        dtype = str(self.values.dtype).rpartition(".")[2]
        return (
            f"{type(self).__name__}(N={self.num_candidates}, K={self.num_draws}, "
            f"C={self.num_classes}, {self.kind}, {self.ops.name} {dtype})"
        )

    @property
    def probs(self) -> Array:
        """The class probabilities [N, K, C]; computed in full if logits were given."""
        return to_probabilities(self.ops, self.values, self.kind)

    def some(self, indices: Array) -> Self:
        """The candidates at some indices [m]."""
        ops_for(indices)
        return self._of(self.ops.xp.take(self.values, indices, axis=0))

    def permuted(self, order: Array) -> Self:
        """The same candidates with their draws in another order [K]; weights are not reordered."""
        return self._of(self.ops.xp.take(self.values, order, axis=1))

    def evaluate(self, score: Callable[[Ops, Array, Array], Array], entries: int = 4) -> Array:
        """A custom score of each candidate, [N], computed in blocks of validated probabilities.

        Parameters
        ----------
        score : callable
            ``score(ops, probs, weights)`` returns [n] for a block of probabilities [n, K, C] and
            the draws' weights [K]. Written in ``ops.xp``, it runs on every library.
        entries : int
            The numbers that it keeps per probability; it sets the size of blocks.

        Raises
        ------
        ValueError
            If the score does not return one number per candidate.
        """
        run = partial(_one_each, score)
        return self.cast(self._map(run, entries))

    # --- observed labels --------------------------------------------------------------------

    def check_labels(self, labels: Array | None, name: str = "labels") -> Array:
        """The labels after input validation: integers [N], below C where values can be read."""
        return check_labels(self.ops, labels, self.values, name)

    def label_likelihood(self, index: Array | int, label: Array | int) -> Array:
        """The log-probability of one candidate's label under each draw: [K], in memory.

        The largest of them is subtracted.
        """
        ops, row = self.row(index)
        if is_integer(label):
            labels = ops.xp.full((1,), int(label), dtype=ops.xp.int32, device=ops.device(row))
        else:
            labels = ops.xp.reshape(self.ops.fetch(label), (1,))
        check_labels(ops, labels, row[None, ...], "label")
        return label_likelihoods(self.kind, False, None, ops, row[None, ...], labels)[0, :]

    def map_labels(
        self,
        kernel: Callable[..., Array],
        labels: Array,
        *shared: Array,
        name: str = "labels",
        prepare: Callable[..., Any] | None = None,
        shape: tuple[int, ...] = (),
        add: bool = False,
    ) -> Array:
        """Results of a kernel of the log-likelihoods [n, K] of observed labels, block by block.

        They are joined, ``[N, *shape]``, or added, ``[*shape]``.
        """
        unread = None if self.ops.concrete(labels) else name
        run = partial(on_labels, kernel, self.kind, not self._checked, unread)
        rows = self.values, labels
        # Beside arrays as large as the values, some arrays [n, K].
        each = 4 * self._row_bytes * (self.num_classes + 2) // self.num_classes
        try:
            if add:
                return add_rows(run, rows, shared, shape=shape, bytes_per_row=each)
            return map_rows(run, rows, shared, prepare=prepare, shape=shape, bytes_per_row=each)
        except InvalidValuesError:
            self._check_values()
            raise

    # --- computation in blocks --------------------------------------------------------------

    def row(self, index: Array | int) -> tuple[Ops, Array]:
        """The operations and the values [K, C] of one candidate in memory.

        No kernel validates them, so it is done here: for all values, or in a lazy library for the
        row that is read.
        """
        check_index(index, self.num_candidates)
        if not self._checked:
            self.check_values_now()
        row = self.ops.fetch(self.ops.row(self.values, index))
        ops = ops_for(row)
        seen = not self._checked and ops.concrete(row)
        if seen and bool(refused(self.kind, ops, row[None, ...])[0]):
            self._check_values()
        return ops, row

    def _map(
        self,
        kernel: Callable[..., Array],
        entries: int,
        *shared: Array,
        prepare: Callable[..., Any] | None = None,
    ) -> Array:
        """Results of a kernel over blocks of candidates, which validates values not checked yet.

        `entries` is the number of values that the kernel keeps per probability.
        """
        run = partial(on_probabilities, kernel, self.kind, not self._checked)
        try:
            return map_rows(
                run,
                (self.values,),
                (self.weights, *shared),
                prepare=prepare,
                bytes_per_row=entries * self._row_bytes,
            )
        except InvalidValuesError:
            self._check_values()
            raise

    @property
    def _row_bytes(self) -> int:
        return self.num_draws * self.num_classes * self.ops.item_bytes(self.values)

    def _less_known(self, scores: Array, given: Outcomes | None) -> Array:
        """Scores minus I[Y_i; Y_given], the information of the known outcomes: [N]."""
        if given is None or given.num_observed == 0:
            return scores
        split = given.split(ops_for(given.probabilities), self.ops.fetch(self.weights))
        return scores - self._map(about_split, 32, *split)

    def check_values_now(self) -> None:
        """Refuse values that are no probabilities, if they can be read; blocks check no more."""
        if self.ops.concrete(self.values):
            self._check_values()
            self._checked = True

    def _check_values(self) -> None:
        """Raise an error that names the first bad candidate, if there is one."""
        run = partial(refused, self.kind)
        bad = map_rows(run, (self.values,), bytes_per_row=2 * self._row_bytes)
        index = first_index(self.ops, bad)
        if index is None:
            return
        row = self.values[index, ...]
        problem = describe(self.ops, row, to_probabilities(self.ops, row, self.kind), self.kind)
        raise ValueError(f"{self.name}: candidate {index}, {problem}")


def _one_each(
    score: Callable[[Ops, Array, Array], Array], ops: Ops, probs: Array, weights: Array
) -> Array:
    """Result [n] of a custom score; raises unless it has one number per candidate."""
    result: Array = score(ops, probs, weights)
    if hasattr(result, "shape"):
        ops_for(probs=probs, score=result)
    if tuple(getattr(result, "shape", ())) != tuple(probs.shape[:1]):
        raise ValueError(
            f"score: expected [n], one number per candidate, for probabilities "
            f"{tuple(probs.shape)}, got {tuple(getattr(result, 'shape', ()))}"
        )
    return result

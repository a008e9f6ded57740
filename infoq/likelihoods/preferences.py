"""Likelihoods of preferences: which of two items is preferred, or in which order several are."""

from __future__ import annotations

from collections.abc import Iterator

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.choices import INFORMATION, Information, one_of
from infoq.checks.model_outputs import (
    check_integers,
    check_outputs,
    check_problems,
    independent_outputs,
    not_finite,
)
from infoq.checks.numbers import first_index
from infoq.likelihoods.exponential import Bernoulli
from infoq.likelihoods.likelihood import Likelihood, cast, floor, places, working

MOST = 10
"""Items of a ranking, whose sets are enumerated."""


@capabilities()
class BradleyTerry(Bernoulli):
    r"""Preferences between two items: the first wins with probability :math:`1 / (1 + e^{-z})`.

    A candidate is a pair of items. With a linear score of their features,
    :math:`z = w^T (\phi_1 - \phi_2)`, the features of the pair are the difference of those of the
    items. The outcome is 1 where the first item is preferred, and 0 where the second is.

    Parameters
    ----------
    logits : array [N] or [N, C]
        The score of the first item less that of the second, z; C independent judgements.

    Attributes
    ----------
    values : array [N, C]
        As it was given.
    kind : str
        "logits".

    Raises
    ------
    TypeError
        If the array is not floating.
    ValueError
        If the shape is not [N] or [N, C], or (where values can be read) a logit is not finite.

    Notes
    -----
    It is the `Bernoulli` likelihood of the differences, with its curvature p (1 - p) and its
    residual p - y; the link is canonical. Which item is called the first makes no difference to
    `infoq.eig`, `infoq.epig` and `infoq.jepig`.

    References
    ----------
    Bradley, R. A. and Terry, M. E. (1952). Rank analysis of incomplete block designs: I. The method
    of paired comparisons. Biometrika 39, 324-345.

    Examples
    --------
    Which of three pairs a preference about would be most informative:

    >>> import numpy as np, infoq
    >>> from infoq.likelihoods import BradleyTerry
    >>> items = np.array([[0.0, 1.0], [1.0, 0.0], [4.0, 0.0]])
    >>> pairs, weights = np.array([[0, 1], [0, 2], [1, 2]]), np.array([1.0, 0.5])
    >>> features = items[pairs[:, 0]] - items[pairs[:, 1]]
    >>> layer = infoq.LastLayerEmbedding(features, BradleyTerry(features @ weights))
    >>> infoq.eig(infoq.Gaussian(layer, 1.0)).round(4)
    array([0.1926, 0.1973, 0.1706])
    """

    def __init__(self, logits: Array) -> None:
        ops, z = independent_outputs("logits", logits)
        if ops.concrete(z):
            check_problems(ops, z, "logits", *not_finite(ops, z, "clip the scores of the items"))
        self.values, self.kind = z, "logits"


@capabilities()
class PlackettLuce(Likelihood):
    r"""Rankings of C items, by choices of the best of those that remain.

    Each choice is of an item in proportion to :math:`e^{z}` among those that are left.

    Parameters
    ----------
    logits : array [N, C]
        The scores z of the items of each candidate; C from 2 to 10.
    top : int, optional
        How many places are ranked; by default all. With 1 it is the `Softmax` of z.
    information : {"expected", "observed"}
        The information by which labels count in `infoq.ig`, `infoq.pig` and `infoq.jpig`. The
        curvature is the expected one in either case.

    Attributes
    ----------
    logits : array [N, C]
        As it was given.
    top : int
        How many places are ranked.
    information : str
        As it was given.

    Raises
    ------
    TypeError
        If the array is not floating.
    ValueError
        If the shape is not [N, C] with C from 2 to 10, `top` is not from 1 to C, `information` is
        none of the two, or (where values can be read) a score is not finite.

    Notes
    -----
    Labels are rankings, integers [N, top]: the index of the best item, then that of the second, and
    so on. With :math:`\pi(S)` the softmax of z over the remaining items S, the observed information
    is the sum over places of :math:`\mathrm{diag}(\pi) - \pi \pi^T`. The expected one weighs it by
    the probability that S remain, over all :math:`2^C` sets: exact, at a cost of
    :math:`2^C C (C + \mathrm{top})` multiply-adds and :math:`2^C C` numbers per candidate. Hence
    the limit of 10 items. Both are Laplacians of graphs, of rank C - 1, whose factor is found by
    elimination: sums of numbers that are not negative, so that float32 keeps its digits.

    References
    ----------
    Plackett, R. L. (1975). The analysis of permutations. Journal of the Royal Statistical Society C
    24, 193-202. Luce, R. D. (1959). Individual Choice Behavior.

    Examples
    --------
    >>> import numpy as np
    >>> from infoq.backends import ops_for
    >>> from infoq.likelihoods import PlackettLuce
    >>> z = np.zeros((1, 3))
    >>> PlackettLuce(z).curvature(ops_for(z), (1, 3), z).round(4)
    array([[[ 0.3889, -0.1944, -0.1944],
            [-0.1944,  0.3889, -0.1944],
            [-0.1944, -0.1944,  0.3889]]])
    >>> PlackettLuce(z).residual(ops_for(z), np.array([[2, 0, 1]]), (1, 3), z).round(4)
    array([[-0.1667,  0.8333, -0.6667]])
    """

    _arrays = ("logits",)
    _static = ("top", "information")
    logits: Array
    top: int
    information: str

    def __init__(
        self, logits: Array, top: int | None = None, *, information: Information = "expected"
    ) -> None:
        ops, z = admit(logits=logits)
        check_outputs(ops, z, "logits", "[N, C]", (2,))
        items = int(z.shape[1])
        if not 2 <= items <= MOST:
            raise ValueError(
                f"logits: expected scores of 2 to {MOST} items, got shape {tuple(z.shape)}; the "
                f"expectation is a sum over 2^C sets of items: rank some of them, or take the "
                "first choice alone by Softmax"
            )
        top = items if top is None else top
        if type(top) is not int or not 1 <= top <= items:
            raise ValueError(f"top: expected a number of places from 1 to {items}, got {top!r}")
        if ops.concrete(z):
            check_problems(ops, z, "logits", *not_finite(ops, z, "clip the scores"))
        self.logits, self.top = z, top
        self.information = one_of(INFORMATION, information, "information")

    def num_rows(self, num_outputs: int) -> int:
        """The rank of the curvature, C - 1."""
        return num_outputs - 1

    def extra_numbers(self, num_outputs: int) -> int:
        """The probabilities in each of 2^C sets of items, a few times."""
        return 6 * num_outputs * (1 << num_outputs)

    def factor(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """L [n, C, C - 1], lower triangular, with `L L^T = Lambda`."""
        return laplacian_factor(ops, self._expected(ops, shape, like))

    def curvature(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """The expected information [n, C, C]."""
        return laplacian(ops, self._expected(ops, shape, like))

    def observed(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The second derivative of -log p(y | z) with respect to z, for rankings y: [n, C, C]."""
        return laplacian(ops, self._observed(ops, labels, shape, like))

    def residual(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """The sum over places of probabilities, minus one for the chosen item: [n, C]."""
        xp = ops.xp
        total = xp.zeros_like(working(ops, self.logits, like))
        for probs, hit in self._places(ops, labels, shape, like):
            others = xp.where(hit, ops.scalar(0.0, probs), probs)
            chosen = -xp.sum(others, axis=1, keepdims=True)
            total = total + xp.where(hit, chosen, others)
        return total

    def scores(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> tuple[Array, Array]:
        """The factor L [n, C, C - 1] of the information, and the residuals in its units."""
        if self.information == "expected":
            weights = self._expected(ops, shape, like)
        else:
            weights = self._observed(ops, labels, shape, like)
        least = ops.scalar(floor(ops, weights), weights)
        factor = laplacian_factor(ops, ops.xp.where(weights < least, least, weights))
        residual = self.residual(ops, labels, shape, like)
        # Both sum to zero over the items: the last says nothing of its own.
        units = ops.solve_triangular(factor[:, :-1, :], residual[:, :-1, None])
        return factor, units[:, :, 0]

    def label_axes(self, num_outputs: int) -> int:
        """2: labels are rankings [N, top]."""
        return 2

    def check_labels(self, labels: Array) -> None:
        """Raise an error for labels that are not rankings [N, top] of different items."""
        ops = ops_for(logits=self.logits, labels=labels)
        self._check_rankings(ops, labels, int(self.logits.shape[0]))
        if not ops.concrete(labels):
            return
        items = int(self.logits.shape[1])
        bad = (labels < 0) | (labels >= items)
        same = labels[:, :, None] == labels[:, None, :]
        row, column = places(ops, self.top, self.top, labels)
        bad = bad | ops.xp.any(same & (row > column), axis=2)
        index = first_index(ops, ops.xp.any(bad, axis=1))
        if index is not None:
            row_of = [int(labels[index, place]) for place in range(self.top)]
            raise ValueError(
                f"labels: candidate {index}: expected {self.top} different items from 0 to "
                f"{items - 1}, best first, got {row_of}"
            )

    def _check_rankings(self, ops: Ops, labels: Array, candidates: int) -> None:
        check_integers(ops, labels)
        if tuple(labels.shape) != (candidates, self.top):
            raise ValueError(
                f"labels: expected rankings of shape ({candidates}, {self.top}), the items of each "
                f"candidate from the best on, got {tuple(labels.shape)}"
            )

    def _describe(self) -> str:
        return f"{super()._describe()}, top={self.top}, {self.information} information"

    def _places(
        self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array
    ) -> Iterator[tuple[Array, Array]]:
        """Of each place the probabilities of the items that remain, and which one was chosen."""
        xp = ops.xp
        self._fit(shape)
        self._check_rankings(ops, labels, shape[0])
        z = working(ops, self.logits, like)
        items = xp.arange(shape[1], dtype=xp.int32, device=ops.device(z))[None, :]
        hits = [cast(ops, labels[:, k : k + 1], xp.int32) == items for k in range(self.top)]
        taken = hits[0] & ~hits[0]
        for hit in hits:
            # Items that are none, or chosen twice, where they could not be read before.
            some = xp.any(hit & ~taken, axis=1, keepdims=True)
            left = xp.where(taken, ops.scalar(-float("inf"), z), z)
            # When only one is left its probability is one, whoever is asked for.
            probs = ops.softmax(left)
            yield xp.where(some, probs, ops.scalar(float("nan"), z)), hit
            taken = taken | hit

    def _observed(self, ops: Ops, labels: Array, shape: tuple[int, int], like: Array) -> Array:
        """What pairs of items weigh in the information of rankings: [n, C, C]."""
        total = ops.scalar(0.0, like)
        for probs, _ in self._places(ops, labels, shape, like):
            total = total + probs[:, :, None] * probs[:, None, :]
        return total

    def _expected(self, ops: Ops, shape: tuple[int, int], like: Array) -> Array:
        """What pairs of items weigh in the expected information: [n, C, C]."""
        xp = ops.xp
        self._fit(shape)
        z, count = working(ops, self.logits, like), shape[1]
        sets, device = 2**count - 1, ops.device(z)
        powers = xp.asarray([2**i for i in range(count)], dtype=xp.int32, device=device)[None, :]
        numbers = xp.arange(1, sets + 1, dtype=xp.int32, device=device)[:, None]
        has = numbers // powers % 2 == 1
        none = ops.scalar(-float("inf"), z)
        probs = ops.softmax(xp.where(has[None, :, :], z[:, None, :], none))
        # Where to find that the set with one item more remained, and that this one was chosen.
        more = xp.where(has, numbers, numbers + powers) - 1
        index = xp.reshape(more * count + xp.arange(count, dtype=xp.int32, device=device), (-1,))
        zero = ops.scalar(0.0, z)
        remain = xp.where(numbers[:, 0] == sets, ops.scalar(1.0, z), zero)[None, :] + 0 * z[:, :1]
        total = remain
        for _ in range(min(self.top, count - 1) - 1):
            chosen = xp.reshape(remain[:, :, None] * probs, (-1, sets * count))
            came = xp.reshape(xp.take(chosen, index, axis=1), (-1, sets, count))
            remain = xp.sum(xp.where(has[None, :, :], zero, came), axis=2)
            total = total + remain
        return xp.matrix_transpose(probs * total[:, :, None]) @ probs


def laplacian(ops: Ops, weights: Array) -> Array:
    """The Laplacian [n, C, C] of graphs with these weights; those of the diagonal don't matter."""
    xp = ops.xp
    row, column = places(ops, weights.shape[1], weights.shape[1], weights)
    others = xp.where(row == column, ops.scalar(0.0, weights), weights)
    return xp.where(row == column, xp.sum(others, axis=2, keepdims=True), -others)


def laplacian_factor(ops: Ops, weights: Array) -> Array:
    """Its Cholesky factor [n, C, C - 1], by elimination of items without a difference."""
    xp = ops.xp
    size, columns = int(weights.shape[1]), []
    one, zero = ops.scalar(1.0, weights), ops.scalar(0.0, weights)
    tiny = float(xp.finfo(weights.dtype).smallest_normal)
    for k in range(size - 1):
        row = weights[:, 0, 1:]
        total = xp.sum(row, axis=1, keepdims=True)
        none = total < tiny
        half = xp.sqrt(xp.where(none, one, total))
        below = xp.where(none, zero, row / half)
        first = xp.where(none, zero, half)
        columns.append(xp.concat([xp.zeros_like(weights[:, 0, :1])] * k + [first, -below], axis=1))
        # What two items share through the one that goes.
        weights = weights[:, 1:, 1:] + below[:, :, None] * below[:, None, :]
    return xp.stack(columns, axis=2)

"""Evidential outputs: a Dirichlet distribution over the class probabilities of each candidate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NoReturn

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit_all
from infoq.backends.trees import Tree
from infoq.blocks import map_rows
from infoq.checks.choices import OfEachTarget, check_exact
from infoq.checks.dtypes import check_floating
from infoq.checks.indexing import some_of
from infoq.checks.numbers import first_index, num_candidates, number
from infoq.unknowns import AllTargets, EachTarget, Parameters

Score = Callable[[Ops, Array], Array]


@capabilities()
class Dirichlet(Tree):
    r"""A Dirichlet distribution over the class probabilities of each of N candidates.

    The output of an evidential network (prior network, posterior network), or the posterior of
    counts: :math:`\pi_i \sim Dir(\alpha_i)`, and the outcome is of class c with probability
    :math:`\pi_{ic}`.

    Parameters
    ----------
    concentration : array [N, C]
        The concentrations alpha, above 0: N candidates, C classes. Networks whose output is
        evidence (0 or more) have ``concentration = evidence + 1``.

    Raises
    ------
    TypeError
        If it is no array of a real floating dtype.
    ValueError
        If it has other than two axes, an axis is empty, there is one class, or (where values can
        be read) a concentration is NaN, infinite, not above 0, or so large that sums overflow.
        The message names the first such candidate.

    Notes
    -----
    `infoq.eig` (`infoq.bald`) is the mutual information between the outcome and the candidate's
    class probabilities, in closed form. `entropy` is the entropy of the mean prediction, and
    `expected_entropy` the rest: what is left where the class probabilities are known.
    `infoq.least_confidence`, `infoq.margin` and `infoq.methods.entropy` take the mean prediction.

    Each candidate has class probabilities of its own and nothing says how those of two candidates
    vary together, so no outcome is informative about another. `infoq.epig`, `infoq.jepig`,
    contexts and batches raise a TypeError. ``pool[:10]``, ``pool[indices]`` and ``pool[mask]`` are
    some of the candidates.

    References
    ----------
    Malinin, A. and Gales, M. (2018). Predictive uncertainty estimation via prior networks. NeurIPS,
    arXiv:1802.10501, section 3 and appendix C. Sensoy, M., Kaplan, L. and Kandemir, M. (2018).
    Evidential deep learning to quantify classification uncertainty. NeurIPS, arXiv:1806.01768.

    Examples
    --------
    Little evidence, and much evidence for a coin that is fair:

    >>> import numpy as np, infoq
    >>> pool = infoq.Dirichlet(np.array([[1.0, 1.0], [1000.0, 1000.0]]))
    >>> pool
    Dirichlet(N=2, C=2, numpy float64)
    >>> infoq.eig(pool).round(6), pool.entropy().round(6)
    (array([0.193147, 0.00025 ]), array([0.693147, 0.693147]))
    """

    _arrays = ("concentration",)
    concentration: Array

    # Not checked again when it is made of parts, or rebuilt by a library's transformation.
    _checked = True

    def __init__(self, concentration: Array) -> None:
        ops, (x,) = admit_all(False, concentration=concentration)
        _check_structure(ops, x)
        self.concentration = x
        self._checked = ops.concrete(x)
        if self._checked:
            self._check_values()

    # --- properties -------------------------------------------------------------------------

    @property
    def ops(self) -> Ops:
        """The operations of its library."""
        return ops_for(self.concentration)

    @property
    def num_candidates(self) -> int:
        """The number of candidates, N."""
        return num_candidates(self.concentration)

    @property
    def num_classes(self) -> int:
        """The number of classes, C."""
        return int(self.concentration.shape[1])

    def __len__(self) -> int:
        """The number of candidates, N."""
        return self.num_candidates

    def __getitem__(self, candidates: Any) -> Dirichlet:
        """Some of the candidates, selected by a slice, integers [m], or a boolean mask [N].

        A single integer is refused: one candidate alone is ``pool[i : i + 1]``.
        """
        few = some_of(self.ops, self, candidates)
        few._checked = self._checked
        return few

    def _words(self) -> str:
        dtype = str(self.concentration.dtype).rpartition(".")[2]
        return f"Dirichlet(N={self.num_candidates}, C={self.num_classes}, {self.ops.name} {dtype})"

    @property
    def probs(self) -> Array:
        """The mean prediction, concentrations divided by their sum: [N, C]."""
        return self._map(_mean, shape=(self.num_classes,))

    # --- information and entropy ------------------------------------------------------------

    def as_targets(self, _targets: Any) -> NoReturn:
        """Raise a TypeError: no outcome is informative about that of a target."""
        refuse("x")

    def information(
        self,
        about: Parameters | EachTarget | AllTargets,
        given: object = None,
        approximation: OfEachTarget = "logdet",
    ) -> Array:
        r"""The mutual information of each outcome and its class probabilities: [N] nats.

        .. math:: \sum_c \frac{\alpha_c}{\alpha_0} \big(f(\alpha_c) - f(\alpha_0)\big), \quad
                  f(x) = \psi(x + 1) - \log x, \quad \alpha_0 = \sum_c \alpha_c

        Parameters
        ----------
        about : PARAMETERS
            What the outcome is to be informative about; targets are refused.
        given : None
            No outcome is informative about another, so none can count as known.
        approximation : {"logdet"}
            There is nothing to approximate.

        Returns
        -------
        array [N]
            Nats, at least 0, in the namespace, device and dtype of the concentrations.

        Raises
        ------
        TypeError
            If it is to be about targets, or something is given.
        ValueError
            If another approximation is named.

        Notes
        -----
        Exact. f falls, so every term is at least 0, and each difference is computed without
        cancellation: to 1e-14 of itself in float64 and 2e-6 in float32, from concentrations of
        1e-3 to 1e6 and of one dominant class, too. Costs about 50 multiply-adds for each of N C
        concentrations, and twice that where one is below 8.
        """
        check_exact(approximation, "Dirichlet")
        if not isinstance(about, Parameters):
            refuse("targets")
        if given is not None:
            refuse("given")
        return self._map(_information)

    def entropy(self) -> Array:
        r"""The entropy of each candidate's mean prediction: [N] nats, exact.

        .. math:: H[\alpha / \alpha_0]

        It is `infoq.eig` plus `expected_entropy`. A class that is all but certain costs no digits.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> infoq.Dirichlet(np.array([[3.0, 1.0]])).entropy().round(4)
        array([0.5623])
        """
        return self._map(_entropy)

    def expected_entropy(self) -> Array:
        r"""The expected entropy of each outcome if its class probabilities were known: [N] nats.

        .. math:: \sum_c \frac{\alpha_c}{\alpha_0} \big(\psi(\alpha_0 + 1) - \psi(\alpha_c + 1)\big)

        The aleatoric part of `entropy`; `infoq.eig` is the epistemic part. Exact, with the digits
        of `infoq.eig`, and as costly.

        Examples
        --------
        >>> import numpy as np, infoq
        >>> infoq.Dirichlet(np.array([[1.0, 1.0]])).expected_entropy()
        array([0.5])
        """
        return self._map(_expected_entropy)

    def evaluate(self, score: Callable[[Ops, Array, Array], Array], entries: int = 4) -> Array:
        """A score of the mean prediction of each candidate, in blocks: [N].

        Parameters
        ----------
        score : callable
            ``score(ops, probs, weights)`` of a block of mean predictions [n, 1, C], with one weight
            [1], as for `Categorical.evaluate`: [n].
        entries : int
            The numbers that it keeps per probability; it sets the size of blocks.
        """
        return self._map(partial(_of_mean, score), entries)

    # --- computation in blocks --------------------------------------------------------------

    def _map(self, score: Score, entries: int = 12, shape: tuple[int, ...] = ()) -> Array:
        """A score over blocks of candidates, in the dtype that came in: [N, *shape]."""
        run = partial(_checked, score, not self._checked)
        each = entries * self.num_classes * self.ops.item_bytes(self.concentration)
        scores = map_rows(run, (self.concentration,), bytes_per_row=each, shape=shape)
        return self.ops.xp.astype(scores, self.concentration.dtype)

    def _check_values(self) -> None:
        """Raise with the first offending candidate, if there is one."""
        each = 4 * self.num_classes * self.ops.item_bytes(self.concentration)
        bad = map_rows(_refused, (self.concentration,), bytes_per_row=each)
        index = first_index(self.ops, bad)
        if index is not None:
            problem = _describe(self.ops, self.concentration[index, ...])
            raise ValueError(f"concentration: candidate {index}, {problem}")


def refuse(name: str) -> NoReturn:
    """Raise a TypeError for what needs candidates, or targets, that share parameters.

    Parameters
    ----------
    name : str
        The argument to name.
    """
    raise TypeError(
        f"{name}: the candidates of a Dirichlet share nothing, so no outcome is informative about "
        "another's, and there are no targets, batches or contexts; rank them one by one, as by "
        "infoq.top_k(infoq.eig(pool), k), or pass draws of one model for all candidates as a "
        "Categorical, such as the predictions of an ensemble"
    )


class _Parts(NamedTuple):
    """Concentrations [n, C], their total [n, 1], and for each class the sum of the others [n, C].

    Exact also where one class has nearly all: there the total less it would be rounding.
    `minor` is the concentrations with 0 for the largest, and `top` is where that is.
    """

    each: Array
    total: Array
    others: Array
    minor: Array
    top: Array


def _parts(ops: Ops, concentration: Array) -> _Parts:
    xp, x = ops.xp, ops.upcast(concentration)
    places = xp.arange(x.shape[-1], device=ops.device(x))
    top = places == xp.argmax(x, axis=-1, keepdims=True)
    minor = xp.where(top, ops.scalar(0.0, x), x)
    rest = xp.sum(minor, axis=-1, keepdims=True)
    total = xp.sum(x - minor, axis=-1, keepdims=True) + rest
    return _Parts(x, total, xp.where(top, rest, total - x), minor, top)


def _mean(ops: Ops, concentration: Array) -> Array:
    x = _parts(ops, concentration)
    return x.each / x.total


def _of_mean(score: Callable[[Ops, Array, Array], Array], ops: Ops, concentration: Array) -> Array:
    mean = _mean(ops, concentration)[:, None, :]
    return score(ops, mean, ops.xp.ones_like(mean[0, :, 0]))


def _information(ops: Ops, concentration: Array) -> Array:
    x = _parts(ops, concentration)
    return ops.xp.sum(x.each / x.total * ops.digamma_lag(x.each, x.others), axis=-1)


def _expected_entropy(ops: Ops, concentration: Array) -> Array:
    x = _parts(ops, concentration)
    return ops.xp.sum(x.each / x.total * ops.digamma_gain(x.each, x.others), axis=-1)


def _entropy(ops: Ops, concentration: Array) -> Array:
    xp, x = ops.xp, _parts(ops, concentration)
    # The logarithm of the largest probability by what it lacks to 1, which may be below rounding.
    zero = ops.scalar(0.0, x.each)
    largest = x.each / x.total * xp.log1p(xp.where(x.top, x.others, zero) / x.each)
    return xp.sum(largest - ops.xlogx(x.minor / x.total), axis=-1)


# --- validation ---------------------------------------------------------------------------------


def _checked(score: Score, check: bool, ops: Ops, concentration: Array) -> Array:
    """A score of a block of concentrations, which are checked first if they were not before."""
    if check and ops.concrete(concentration):
        index = first_index(ops, _refused(ops, concentration))
        if index is not None:
            raise ValueError(f"concentration: {_describe(ops, concentration[index, ...])}")
    return score(ops, concentration)


def _check_structure(ops: Ops, x: Array) -> None:
    check_floating(ops, x, "concentration")
    shape = tuple(x.shape)
    if len(shape) != 2:
        hint = ""
        if len(shape) == 3:
            hint = "; probabilities of K draws are a Categorical"
        raise ValueError(
            f"concentration: expected [N, C] (candidates N, classes C), got shape {shape}{hint}"
        )
    if 0 in shape:
        raise ValueError(f"concentration: axis {'NC'[shape.index(0)]} is empty in shape {shape}")
    if shape[1] == 1:
        raise ValueError(
            f"concentration: expected C >= 2 classes, got shape {shape}, whose one outcome is "
            "certain; of a Beta distribution pass both of its parameters"
        )


def _limit(ops: Ops, x: Array) -> float:
    """The largest concentration whose sum over classes is finite in the dtype of computation."""
    return float(ops.xp.finfo(ops.working_dtype(x)).max) / (2 * x.shape[-1])


def _refused(ops: Ops, x: Array) -> Array:
    """Which candidates of x [n, C] have a concentration that is refused: [n] booleans."""
    wide = ops.upcast(x)
    # A NaN makes either comparison false.
    return ~ops.xp.all((wide > 0) & (wide <= _limit(ops, x)), axis=-1)


def _describe(ops: Ops, row: Array) -> str:
    """What is wrong with one candidate, [C], and what to do about it."""
    xp, wide = ops.xp, ops.upcast(row)
    problems = (
        ("NaN", xp.isnan(wide), "the model's outputs must be numbers"),
        ("infinite", xp.isinf(wide), "concentrations are finite"),
        ("not above 0", ~(wide > 0), "of evidence (0 or more) pass evidence + 1"),
        ("too large", ~(wide <= _limit(ops, row)), "sums overflow; use float64 or scale it"),
    )
    for name, where, fix in problems:
        label = first_index(ops, where)
        if label is not None:
            value = number(row[label])
            return f"class {label}: the concentration is {name} ({value:.6g}); {fix}"
    raise AssertionError("unreachable: there is no problem")

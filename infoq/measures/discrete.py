"""Entropies, divergences and information of discrete distributions, over any axes, in nats.

Every function takes probabilities, log-probabilities or logits (``kind=``), reduces the axes that
hold the outcomes, and returns an array in the namespace, device and dtype of its input. Divergences
are sums of non-negative terms, so nothing cancels where distributions nearly agree.

The computation runs in blocks of distributions, or of the outcomes of a long one. Beside the
result, temporary arrays take the memory that `options` allows. For logits, a block holds whole
distributions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.checks.choices import Kind
from infoq.measures import integrands
from infoq.measures.cuts import map_outcomes, sum_outcomes
from infoq.measures.distribution import Axis, normal_axes, read, read_two
from infoq.measures.joint import finished, of_joint


@capabilities()
def information_content(p: Array, *, axis: Axis = -1, kind: Kind = "probs") -> Array:
    r"""Information content (surprisal) of each outcome, :math:`-\log p(y)`.

    Parameters
    ----------
    p : array
        Probabilities, log-probabilities or logits, along `axis`.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        Whether `p` holds probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, at least 0; infinite for an impossible outcome. The other axes of `p` come first, and
        one axis of all outcomes last.

    Raises
    ------
    TypeError, ValueError
        If `p` is not floating, if `axis` or `kind` is not valid, or if (where values can be read)
        `p` is not a distribution.

    Notes
    -----
    Exact; at most one logarithm per outcome.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.information_content(np.array([0.5, 0.25, 0.25])).round(4)
    array([0.6931, 1.3863, 1.3863])
    """
    ops, p = admit(False, p=p)
    view, count = read(ops, p, axis, kind, "p")
    run = partial(integrands.content, kind=kind)
    return map_outcomes(ops, run, view, count, whole=kind == "logits")


@capabilities()
def entropy(p: Array, *, axis: Axis = -1, kind: Kind = "probs") -> Array:
    r"""Shannon entropy :math:`H = -\sum_y p(y) \log p(y)`.

    Parameters
    ----------
    p : array
        Probabilities, log-probabilities or logits, along `axis`.
    axis : int or tuple of int
        The axes that hold the outcomes; several axes hold one joint outcome.
    kind : {"probs", "log_probs", "logits"}
        Whether `p` holds probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, between 0 and the log of the number of outcomes; it has the axes of `p` other than
        `axis`.

    Raises
    ------
    TypeError, ValueError
        If `p` is not floating, if `axis` or `kind` is not valid, or if (where values can be read)
        `p` is not a distribution.

    See Also
    --------
    infoq.methods.entropy : The acquisition method, which ranks by the entropy of mean predictions.

    Notes
    -----
    Exact; one logarithm per outcome. The gradient at a zero probability is taken as 0.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.entropy(np.array([[0.2, 0.5, 0.3], [0.1, 0.7, 0.2]])).round(6)
    array([1.029653, 0.801819])
    """
    ops, p = admit(p=p)
    view, count = read(ops, p, axis, kind, "p")
    return _sum(ops, integrands.entropy, (view,), count, kind, p)


@capabilities()
def cross_entropy(p: Array, q: Array, *, axis: Axis = -1, kind: Kind = "probs") -> Array:
    r"""Cross-entropy :math:`-\sum_y p(y) \log q(y)` of q under p.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        Whether `p` and `q` hold probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, at least the entropy of p; infinite where q is 0 and p is not.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or have different outcomes or
        axes that do not broadcast; if (where values can be read) one is not a distribution.

    Notes
    -----
    Exact. An outcome with p = 0 adds 0, also where q is 0.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.cross_entropy(np.array([0.5, 0.5]), np.array([0.25, 0.75])).round(4)
    np.float64(0.837)
    """
    ops, pair, count = read_two(p, q, axis, kind)
    return _sum(ops, integrands.cross_entropy, pair, count, kind, p)


@capabilities()
def kl_divergence(p: Array, q: Array, *, axis: Axis = -1, kind: Kind = "probs") -> Array:
    r"""Kullback-Leibler divergence :math:`KL(p \| q) = \sum_y p(y) \log \frac{p(y)}{q(y)}`.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        Whether `p` and `q` hold probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, at least 0; infinite where q is 0 and p is not.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or have different outcomes or
        axes that do not broadcast; if (where values can be read) one is not a distribution.

    Notes
    -----
    Exact. With r = p/q - 1 the terms are q [(1 + r) log1p(r) - r], none below 0: the result keeps
    its relative accuracy where the distributions nearly agree.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On information and sufficiency. The Annals of
    Mathematical Statistics 22, 79-86.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.kl_divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75])).round(4)
    np.float64(0.1438)
    """
    ops, pair, count = read_two(p, q, axis, kind)
    return _sum(ops, integrands.kl_divergence, pair, count, kind, p)


@capabilities()
def js_divergence(p: Array, q: Array, *, axis: Axis = -1, kind: Kind = "probs") -> Array:
    r"""Jensen-Shannon divergence :math:`\frac12 KL(p \| m) + \frac12 KL(q \| m)`, m the mean.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        Whether `p` and `q` hold probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, between 0 and log 2, and symmetric in p and q. It equals the BALD score of two draws.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or have different outcomes or
        axes that do not broadcast; if (where values can be read) one is not a distribution.

    Notes
    -----
    Exact, and a sum of non-negative terms: the result keeps its relative accuracy where the
    distributions nearly agree.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on
    Information Theory 37, 145-151.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])).round(4)
    np.float64(0.6931)
    """
    ops, pair, count = read_two(p, q, axis, kind)
    return _sum(ops, integrands.js_divergence, pair, count, kind, p)


@capabilities()
def mutual_information(
    joint: Array, *, x_axis: Axis = -2, y_axis: Axis = -1, kind: Kind = "probs"
) -> Array:
    r"""Mutual information :math:`I[X; Y] = KL(p(x, y) \| p(x) p(y))` of a joint distribution.

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of pairs of outcomes.
    x_axis, y_axis : int or tuple of int
        The axes that hold the outcomes of X and of Y; no axis is in both.
    kind : {"probs", "log_probs", "logits"}
        Whether `joint` holds probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, between 0 and the smaller of the two entropies; it has the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, if X and Y share an axis, or if (where values can be read)
        `joint` is not a distribution.

    Notes
    -----
    Exact. It is computed from the deviation of the joint from the product of its marginals, not as
    a difference of entropies. Each pair of outcomes costs one logarithm where X and Y are strongly
    dependent, and up to three where they are nearly independent.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of information theory, section 2.3. Wiley.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.mutual_information(np.array([[0.4, 0.1], [0.1, 0.4]])).round(4)
    np.float64(0.1927)
    """
    groups = _pairs(joint, x_axis, y_axis)
    return of_joint(joint, groups, (0, 1), integrands.dependence, kind)


@capabilities()
def conditional_entropy(
    joint: Array, *, x_axis: Axis = -2, y_axis: Axis = -1, kind: Kind = "probs"
) -> Array:
    r"""Conditional entropy :math:`H[X \mid Y]` of a joint distribution.

    .. math:: H[X \mid Y] = -\sum_{x, y} p(x, y) \log \frac{p(x, y)}{p(y)}

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of pairs of outcomes.
    x_axis, y_axis : int or tuple of int
        The axes that hold the outcomes of X and of Y; no axis is in both.
    kind : {"probs", "log_probs", "logits"}
        Whether `joint` holds probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, between 0 and the entropy of X; it has the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, if X and Y share an axis, or if (where values can be read)
        `joint` is not a distribution.

    Notes
    -----
    Exact, and not a difference of entropies; one logarithm per pair of outcomes. The surprise of an
    x that is nearly certain given y comes from the sum of the others, so that no digits are lost.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of information theory, section 2.2. Wiley.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.conditional_entropy(np.array([[0.4, 0.1], [0.1, 0.4]])).round(4)
    np.float64(0.5004)
    """
    groups = _pairs(joint, x_axis, y_axis)
    terms, correction = integrands.conditional_entropy, integrands.likely_surprise
    return of_joint(joint, groups, (1,), terms, kind, correction=correction)


@capabilities()
def total_correlation(joint: Array, *, axis: tuple[int, ...], kind: Kind = "probs") -> Array:
    r"""Total correlation :math:`KL(p(x_1, ..., x_n) \| p(x_1) \cdots p(x_n))`.

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of joint outcomes.
    axis : tuple of int
        One axis per variable.
    kind : {"probs", "log_probs", "logits"}
        Whether `joint` holds probabilities, log-probabilities or logits.

    Returns
    -------
    array
        Nats, at least 0, and 0 for a single variable; it has the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, if `axis` is not valid, or if (where values can be read) `joint`
        is not a distribution.

    Notes
    -----
    Exact. Like `mutual_information`, it is not a difference of entropies.

    References
    ----------
    Watanabe, S. (1960). Information theoretical analysis of multivariate correlation. IBM Journal
    of Research and Development 4, 66-82.

    Examples
    --------
    Three copies of one fair coin:

    >>> import numpy as np, infoq
    >>> joint = np.zeros((2, 2, 2))
    >>> joint[0, 0, 0] = joint[1, 1, 1] = 0.5
    >>> infoq.total_correlation(joint, axis=(0, 1, 2)).round(4)
    np.float64(1.3863)
    """
    ops_for(joint=joint)
    groups = tuple((one,) for one in normal_axes(joint.ndim, axis, "joint"))
    return of_joint(joint, groups, tuple(range(len(groups))), integrands.dependence, kind)


def _sum(
    ops: Ops,
    terms: Callable[..., Array],
    views: tuple[Array, ...],
    count: int,
    kind: str,
    like: Array,
) -> Array:
    """A measure as a sum over the last `count` axes; for logits, over whole distributions."""
    run, finish = partial(terms, kind=kind), partial(finished, ops, like=like)
    return sum_outcomes(ops, run, views, count, whole=kind == "logits", finish=finish)


def _pairs(joint: Array, x_axis: Axis, y_axis: Axis) -> tuple[tuple[int, ...], ...]:
    """The axes of X and those of Y, counted from 0."""
    ops_for(joint=joint)
    xs = normal_axes(joint.ndim, x_axis, "joint")
    ys = normal_axes(joint.ndim, y_axis, "joint")
    if set(xs) & set(ys):
        raise ValueError(f"joint: x_axis={x_axis} and y_axis={y_axis} share an axis")
    return xs, ys

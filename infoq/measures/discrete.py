"""Information of discrete distributions, over any axes, in nats.

Every function takes probabilities, log-probabilities or logits (``kind=``), reduces the axes that
hold the outcomes, and returns an array in the namespace, device and dtype of its input. Divergences
are sums of terms that are not negative, so they do not cancel where distributions nearly agree.
"""

from __future__ import annotations

from infoq.backends import Array, Ops, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.registry import admit
from infoq.measures.distribution import Axis, normal_axes, read, read_two


@capabilities()
def information_content(p: Array, *, axis: Axis = -1, kind: str = "probs") -> Array:
    r"""Information content (surprisal) of each outcome, :math:`-\log p(y)`.

    Parameters
    ----------
    p : array
        Probabilities, log-probabilities or logits, along `axis`.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        What `p` is.

    Returns
    -------
    array
        Nats, with the axes of `p` but the outcomes joined at the end; infinite for an impossible
        outcome.

    Raises
    ------
    TypeError, ValueError
        If `p` is not floating, or no distribution (where values can be read).

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.information_content(np.array([0.5, 0.25, 0.25])).round(4)
    array([0.6931, 1.3863, 1.3863])
    """
    ops, p = admit(False, p=p)
    log = read(ops, p, axis, kind, "p").log_probs
    # 0 rather than -0 for a certain outcome.
    return ops.cast_like(0.0 - log, p)


@capabilities()
def entropy(p: Array, *, axis: Axis = -1, kind: str = "probs") -> Array:
    r"""Shannon entropy :math:`H = -\sum_y p(y) \log p(y)`.

    Parameters
    ----------
    p : array
        Probabilities, log-probabilities or logits, along `axis`.
    axis : int or tuple of int
        The axes that hold the outcomes; several are one joint outcome.
    kind : {"probs", "log_probs", "logits"}
        What `p` is.

    Returns
    -------
    array
        Nats, between 0 and the log of the number of outcomes; the axes of `p` without `axis`.

    Raises
    ------
    TypeError, ValueError
        If `p` is not floating, or no distribution (where values can be read).

    Notes
    -----
    Exact; one logarithm an outcome. The gradient at a zero probability is taken as 0.

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
    probs, log_probs = read(ops, p, axis, kind, "p")
    return _finish(ops, _surprise(ops, probs, log_probs), p)


@capabilities()
def cross_entropy(p: Array, q: Array, *, axis: Axis = -1, kind: str = "probs") -> Array:
    r"""Cross-entropy :math:`-\sum_y p(y) \log q(y)` of q under p.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        What `p` and `q` are.

    Returns
    -------
    array
        Nats, at least the entropy of p; infinite where q excludes what p allows.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or are no distributions.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.cross_entropy(np.array([0.5, 0.5]), np.array([0.25, 0.75])).round(4)
    np.float64(0.837)
    """
    ops, one, two = read_two(p, q, axis, kind)
    return _finish(ops, _surprise(ops, one.probs, two.log_probs), p)


@capabilities()
def kl_divergence(p: Array, q: Array, *, axis: Axis = -1, kind: str = "probs") -> Array:
    r"""Kullback-Leibler divergence :math:`KL(p \| q) = \sum_y p(y) \log \frac{p(y)}{q(y)}`.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        What `p` and `q` are.

    Returns
    -------
    array
        Nats, at least 0; infinite where q excludes what p allows.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or are no distributions.

    Notes
    -----
    Exact. With r = p/q - 1 the terms are q [(1 + r) log1p(r) - r], none below 0: distributions that
    nearly agree keep their relative accuracy.

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
    ops, one, two = read_two(p, q, axis, kind)
    both = one.probs, two.probs, one.log_probs, two.log_probs
    return _finish(ops, ops.over_stacks(_divergence, "(c),(c),(c),(c)->()", *both), p)


@capabilities()
def js_divergence(p: Array, q: Array, *, axis: Axis = -1, kind: str = "probs") -> Array:
    r"""Jensen-Shannon divergence :math:`\frac12 KL(p \| m) + \frac12 KL(q \| m)`, m the mean.

    Parameters
    ----------
    p, q : array
        Two distributions over the same outcomes; their other axes broadcast.
    axis : int or tuple of int
        The axes that hold the outcomes.
    kind : {"probs", "log_probs", "logits"}
        What `p` and `q` are.

    Returns
    -------
    array
        Nats, symmetric, between 0 and log 2: the BALD of two draws.

    Raises
    ------
    TypeError, ValueError
        If the arrays differ in library or dtype, are not floating, or are no distributions.

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
    ops, one, two = read_two(p, q, axis, kind)
    return _finish(ops, ops.over_stacks(_from_mean, "(c),(c)->()", one.probs, two.probs), p)


@capabilities()
def mutual_information(
    joint: Array, *, x_axis: Axis = -2, y_axis: Axis = -1, kind: str = "probs"
) -> Array:
    r"""Mutual information :math:`I[X; Y] = KL(p(x, y) \| p(x) p(y))` of a joint distribution.

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of pairs of outcomes.
    x_axis, y_axis : int or tuple of int
        The axes that hold the outcomes of X and of Y; they share none.
    kind : {"probs", "log_probs", "logits"}
        What `joint` is.

    Returns
    -------
    array
        Nats, between 0 and the smaller of the two entropies; the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, or no distribution, or X and Y share an axis.

    Notes
    -----
    Exact, from the deviation of the joint from the product of its marginals, and no difference of
    entropies. One logarithm a pair.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.mutual_information(np.array([[0.4, 0.1], [0.1, 0.4]])).round(4)
    np.float64(0.1927)
    """
    ops, pairs = _read_pairs(joint, x_axis, y_axis, kind)
    return _finish(ops, ops.over_stacks(_dependence, "(x,y)->()", pairs, variables=2), joint)


@capabilities()
def conditional_entropy(
    joint: Array, *, x_axis: Axis = -2, y_axis: Axis = -1, kind: str = "probs"
) -> Array:
    r"""Conditional entropy :math:`H[X \mid Y]` of a joint distribution.

    .. math:: H[X \mid Y] = -\sum_{x, y} p(x, y) \log \frac{p(x, y)}{p(y)}

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of pairs of outcomes.
    x_axis, y_axis : int or tuple of int
        The axes that hold the outcomes of X and of Y; they share none.
    kind : {"probs", "log_probs", "logits"}
        What `joint` is.

    Returns
    -------
    array
        Nats, between 0 and the entropy of X; the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, or no distribution, or X and Y share an axis.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.conditional_entropy(np.array([[0.4, 0.1], [0.1, 0.4]])).round(4)
    np.float64(0.5004)
    """
    ops, pairs = _read_pairs(joint, x_axis, y_axis, kind)
    return _finish(ops, ops.over_stacks(_unexplained, "(x,y)->()", pairs), joint)


@capabilities()
def total_correlation(joint: Array, *, axis: tuple[int, ...], kind: str = "probs") -> Array:
    r"""Total correlation :math:`KL(p(x_1, ..., x_n) \| p(x_1) \cdots p(x_n))`.

    Parameters
    ----------
    joint : array
        Probabilities, log-probabilities or logits of joint outcomes.
    axis : tuple of int
        One axis for each variable.
    kind : {"probs", "log_probs", "logits"}
        What `joint` is.

    Returns
    -------
    array
        Nats, at least 0, and 0 for a single variable; the other axes of `joint`.

    Raises
    ------
    TypeError, ValueError
        If `joint` is not floating, or no distribution.

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
    ops, joint = admit(joint=joint)
    xp = ops.xp
    axes = normal_axes(joint.ndim, axis, "joint")
    rest = tuple(i for i in range(joint.ndim) if i not in axes)
    sizes = tuple(joint.shape[i] for i in axes)
    flat = read(ops, joint, axes, kind, "joint").probs
    lead = tuple(joint.shape[i] for i in rest)
    probs = xp.reshape(flat, (*lead, *sizes))
    signature = f"({','.join(f'x{i}' for i in range(len(sizes)))})->()"
    value = ops.over_stacks(_dependence, signature, probs, variables=len(sizes))
    return _finish(ops, value, joint)


def _read_pairs(joint: Array, x_axis: Axis, y_axis: Axis, kind: str) -> tuple[Ops, Array]:
    """The joint probabilities as [..., X, Y]."""
    ops = ops_for(joint=joint)
    xs = normal_axes(joint.ndim, x_axis, "joint")
    ys = normal_axes(joint.ndim, y_axis, "joint")
    if set(xs) & set(ys):
        raise ValueError(f"joint: x_axis={x_axis} and y_axis={y_axis} share an axis")
    flat = read(ops, joint, (*xs, *ys), kind, "joint").probs
    size = 1
    for i in ys:
        size *= joint.shape[i]
    return ops, ops.xp.reshape(flat, (*flat.shape[:-1], flat.shape[-1] // size, size))


def _unexplained(ops: Ops, joint: Array) -> Array:
    """The entropy of X given Y, of probabilities [..., X, Y]."""
    xp = ops.xp
    given_y = _over(ops, joint, xp.sum(joint, axis=-2, keepdims=True))
    surprise = 0.0 - xp.log(xp.where(given_y > 0, given_y, ops.scalar(1.0, joint)))
    return xp.sum(joint * surprise, axis=(-2, -1))


def _dependence(ops: Ops, joint: Array, *, variables: int) -> Array:
    """KL of a joint distribution, over its last axes, from the product of its marginals."""
    marginals = []
    for i in range(-variables, 0):
        others = tuple(j for j in range(-variables, 0) if j != i)
        marginals.append(ops.xp.sum(joint, axis=others, keepdims=True) if others else joint)
    product, log = marginals[0], _log(ops, marginals[0])
    for marginal in marginals[1:]:
        product, log = product * marginal, log + _log(ops, marginal)
    terms = _divergence_terms(ops, joint, product, _log(ops, joint), log)
    return ops.xp.sum(terms, axis=tuple(range(-variables, 0)))


def _from_mean(ops: Ops, p: Array, q: Array) -> Array:
    """The mean divergence of p and q from their mean."""
    both = p + q
    # The deviations from the mean are r and -r, by a difference that is exact.
    r = _over(ops, p - q, both)
    return ops.xp.sum(both / 4 * (ops.kl_term(r) + ops.kl_term(-r)), axis=-1)


def _divergence(ops: Ops, p: Array, q: Array, log_p: Array, log_q: Array) -> Array:
    """KL(p || q) along the last axis."""
    return ops.xp.sum(_divergence_terms(ops, p, q, log_p, log_q), axis=-1)


def _divergence_terms(ops: Ops, p: Array, q: Array, log_p: Array, log_q: Array) -> Array:
    """What each outcome adds to KL(p || q): from logarithms where the ratio is far from one."""
    xp = ops.xp
    zero = xp.zeros_like(p + q)
    near = xp.abs(p - q) <= q / 2
    ratio = _over(ops, xp.where(near, p - q, zero), q)
    # log p - log q is exact enough here; q below the smallest float still has a logarithm.
    both = (p > 0) & ~near
    log_ratio = xp.where(both, log_p, zero) - xp.where(both, log_q, zero)
    return xp.where(near, q * ops.kl_term(ratio), xp.where(both, p * log_ratio, zero) - p + q)


def _surprise(ops: Ops, p: Array, log_q: Array) -> Array:
    """The mean of -log q under p, in which an impossible outcome does not count: [...]."""
    return ops.over_stacks(_mean_surprise, "(c),(c)->()", p, log_q)


def _mean_surprise(ops: Ops, p: Array, log_q: Array) -> Array:
    xp = ops.xp
    zero = xp.zeros_like(p)
    possible = p > 0
    return xp.sum(xp.where(possible, p, zero) * xp.where(possible, 0.0 - log_q, zero), axis=-1)


def _log(ops: Ops, p: Array) -> Array:
    """The logarithm, and 0 for an impossible outcome."""
    return ops.xp.log(ops.xp.where(p > 0, p, ops.scalar(1.0, p)))


def _over(ops: Ops, x: Array, q: Array) -> Array:
    """`x / q` where q is at least the smallest normal number, else x, which is as good as zero."""
    xp = ops.xp
    some = q >= float(xp.finfo(q.dtype).smallest_normal)
    return x / xp.where(some, q, ops.scalar(1.0, q))


def _finish(ops: Ops, x: Array, like: Array) -> Array:
    """Rounding below zero taken off, in the dtype that came in."""
    return ops.cast_like(ops.xp.maximum(x, ops.xp.zeros_like(x)), like)

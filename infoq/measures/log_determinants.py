"""Log-determinants of similarity matrices, and the information that they measure.

As published, without the factor 1/2 of an entropy. With `ridge=1` and S = G P^-1 G^T, for gradients
G and a posterior precision P, they are twice the expected information gain of the weights, the
joint expected predictive information gain, and both given a private set; `ridge=0` is the limit
of a vanishing prior precision (Kirsch and Gal, 2022).
"""

from __future__ import annotations

import math
import numbers
from functools import partial
from typing import Any

from infoq.backends import Array, Ops
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import (
    check_square,
    factor_or_say,
    not_definite,
    pivot_rounding,
    read_stacks,
    stack_factor,
)
from infoq.linear_algebra.elimination import eliminate_semidefinite, log1p_det
from infoq.linear_algebra.small_matrices import (
    broadcast_batch,
    equilibrate,
    identity,
    small_gram,
    whiten,
)

_REMEDY = "pass a larger ridge=, for example ridge=1.0, or leave out duplicates"

_INDEFINITE = "similarities are inner products, and have no negative eigenvalue"


@capabilities()
def logdet(s_a: Array, *, ridge: float = 0.0) -> Array:
    r"""LogDet, :math:`\log\det(S_A + \lambda I)`: how much a batch A tells about the weights.

    Parameters
    ----------
    s_a : array [..., B, B]
        Similarities of the batch, symmetric; with the ridge positive semi-definite.
    ridge : float
        What is added to the diagonal, :math:`\lambda`.

    Returns
    -------
    array [...]
        Nats; with `ridge=1` at least 0. Without a ridge a duplicate (or whatever else makes the
        matrix singular) sends it to -infinity; of an empty batch it is 0.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is negative or no number, or `s_a` is not floating, not square, or (where values
        can be read, else the result is NaN) not finite, not symmetric, or has an eigenvalue that is
        clearly below -ridge.

    Notes
    -----
    Exact. A pivot counts as zero at 10 B eps of the diagonal, whatever the scale. With a ridge it
    is B log ridge + log det(I + S / ridge), so that small similarities keep their relative
    accuracy, and S may have negative eigenvalues; where the ridge is itself rounding, at 1000 B eps
    of the diagonal, S counts as positive semi-definite. B^3 multiply-adds and three matrices in
    memory for each batch.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities. TMLR, arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np
    >>> logdet(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4)
    np.float64(-0.4463)
    >>> float(logdet(np.ones((2, 2))))
    -inf
    """
    ridge = _at_least_zero(ridge, "ridge")
    ops, (a,) = read_stacks(s_a=s_a)
    check_square(ops, a, s_a, "s_a", empty=True)
    return ops.cast_like(log_det(ops, a, ops.xp.linalg.diagonal(a), ridge, "s_a"), s_a)


@capabilities()
def logdet_mi(
    s_a: Array, s_ae: Array, s_e: Array, *, ridge: float = 0.0, eta: float = 1.0
) -> Array:
    r"""LogDetMI, :math:`\log\det S_A - \log\det(S_A - S_{AE} S_E^{-1} S_{EA})`.

    What a batch A and the evaluation set E tell about each other.

    Parameters
    ----------
    s_a, s_ae, s_e : array [..., B, B], [..., B, Q], [..., Q, Q]
        Similarities of the batch, of batch and evaluation set, and of the evaluation set: blocks of
        a matrix that is, with the ridge, positive semi-definite. Their leading axes broadcast.
    ridge : float
        What is added to the diagonals of `s_a` and of `s_e`.
    eta : float
        What `s_ae` is multiplied by, SIMILAR's and PRISM's :math:`\eta`.

    Returns
    -------
    array [...]
        Nats, at least 0; 0 where A or E is empty. Without a ridge it is infinite where E determines
        part of A.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is negative or no number, the arrays differ in library or dtype, are not floating
        or do not fit together, or (where values can be read, else the result is NaN) one is not
        finite, not symmetric, or singular with the ridge, or they are no blocks of such a matrix.

    Notes
    -----
    Exact: -log det(I - K K^T) with K the whitened `s_ae`, and no difference of log-determinants, so
    that what is nearly independent keeps its relative accuracy. It is JEPIG, and not EPIG. About
    (B + Q)^3 multiply-adds; memory for a few copies of the input.

    References
    ----------
    Kothawade, S. et al. (2021). SIMILAR: submodular information measures based active learning in
    realistic scenarios. NeurIPS, arXiv:2107.00717.
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities. TMLR, arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([[1.0]])
    >>> logdet_mi(one, 0.6 * one, one).round(4)
    np.float64(0.4463)
    """
    ridge, eta = _at_least_zero(ridge, "ridge"), _at_least_zero(eta, "eta")
    ops, (a, ae, e) = read_stacks(s_a=s_a, s_ae=s_ae, s_e=s_e)
    check_square(ops, a, s_a, "s_a", empty=True)
    check_square(ops, e, s_e, "s_e", empty=True)
    _check_cross(s_ae, "s_ae", s_a, s_e)
    # The evaluation set is often the same for every batch, and then has one factor.
    ae = eta * broadcast_batch(ops, a, ae, e)[1]
    value = _shared(
        ops, a, ae, e, (ops.xp.linalg.diagonal(a), ops.xp.linalg.diagonal(e)), ridge, ("s_a", "s_e")
    )
    return ops.cast_like(value, s_a)


@capabilities()
def logdet_cg(s_a: Array, s_ap: Array, s_p: Array, *, ridge: float = 0.0, nu: float = 1.0) -> Array:
    r"""LogDetCG, :math:`\log\det(S_A - S_{AP} S_P^{-1} S_{PA})`: the gain of A given P.

    What a batch A tells about the weights beyond what a private (or labelled) set P does.

    Parameters
    ----------
    s_a, s_ap, s_p : array [..., B, B], [..., B, M], [..., M, M]
        Similarities of the batch, of batch and private set, and of the private set: blocks of a
        matrix that is, with the ridge, positive semi-definite. Their leading axes broadcast.
    ridge : float
        What is added to the diagonals of `s_a` and of `s_p`.
    nu : float
        What `s_ap` is multiplied by, PRISM's :math:`\nu`.

    Returns
    -------
    array [...]
        Nats; with `ridge=1` at least 0. Without a ridge it is -infinity where P and the rest of A
        determine one of A; of an empty batch it is 0.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is negative or no number, the arrays differ in library or dtype, are not floating
        or do not fit together, or (where values can be read, else the result is NaN) one is not
        finite or not symmetric, `s_p` is singular with the ridge, or they are no blocks of a
        positive semi-definite matrix.

    Notes
    -----
    Exact, with `logdet`'s treatment of the ridge and of zero pivots, relative to `s_a`. About
    (B + M)^3 multiply-adds; memory for a few copies of the input.

    References
    ----------
    Kothawade, S., Kaushal, V., Ramakrishnan, G., Bilmes, J. and Iyer, R. (2022). PRISM: a rich
    class of parameterized submodular information measures. AAAI, arXiv:2103.00128.
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities. TMLR, arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([[1.0]])
    >>> logdet_cg(one, 0.6 * one, one).round(4)
    np.float64(-0.4463)
    """
    ridge, nu = _at_least_zero(ridge, "ridge"), _at_least_zero(nu, "nu")
    ops, (a, ap, p) = read_stacks(s_a=s_a, s_ap=s_ap, s_p=s_p)
    check_square(ops, a, s_a, "s_a", empty=True)
    check_square(ops, p, s_p, "s_p", empty=True)
    _check_cross(s_ap, "s_ap", s_a, s_p)
    a, ap, _ = broadcast_batch(ops, a, ap, p)
    (explained,) = _explained(ops, p, ridge, nu * ap)
    rest = _rest(ops, a, explained, explained)
    value = log_det(ops, rest, ops.xp.linalg.diagonal(a), ridge, "s_a given s_p")
    return ops.cast_like(value, s_a)


@capabilities()
def logdet_cmi(
    s_a: Array,
    s_aq: Array,
    s_q: Array,
    s_ap: Array,
    s_qp: Array,
    s_p: Array,
    *,
    ridge: float = 0.0,
    eta: float = 1.0,
    nu: float = 1.0,
) -> Array:
    r"""LogDetCMI, :math:`f(AP) + f(QP) - f(AQP) - f(P)` with f the log-determinant.

    What a batch A and a query set Q tell about each other beyond a private set P.

    Parameters
    ----------
    s_a, s_aq, s_q : array [..., B, B], [..., B, Q], [..., Q, Q]
        Similarities of the batch, of batch and query set, and of the query set.
    s_ap, s_qp, s_p : array [..., B, M], [..., Q, M], [..., M, M]
        Those with and of the private set. All are blocks of one matrix that is, with the ridge,
        positive semi-definite; their leading axes broadcast.
    ridge : float
        What is added to the diagonals of `s_a`, `s_q` and `s_p`.
    eta, nu : float
        What `s_aq` and `s_ap` are multiplied by: PRISM's :math:`\eta` and :math:`\nu`.

    Returns
    -------
    array [...]
        Nats, at least 0; 0 where A or Q is empty. Without a ridge it is infinite where P and Q
        determine part of A that P alone does not.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is negative or no number, the arrays differ in library or dtype, are not floating
        or do not fit together, or (where values can be read, else the result is NaN) one is not
        finite or not symmetric, `s_p`, or `s_a` or `s_q` given P, is singular with the ridge, or
        they are no blocks of a positive semi-definite matrix.

    Notes
    -----
    Exact: `logdet_mi` of what P leaves of A and of Q, and no difference of log-determinants. About
    (B + Q + M)^3 multiply-adds; memory for a few copies of the input.

    References
    ----------
    Kothawade, S. et al. (2021). SIMILAR: submodular information measures based active learning in
    realistic scenarios. NeurIPS, arXiv:2107.00717.
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities. TMLR, arXiv:2208.00549.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([[1.0]])
    >>> logdet_cmi(one, 0.6 * one, one, 0.5 * one, 0.5 * one, one).round(4)
    np.float64(0.2456)
    """
    ridge, eta, nu = (
        _at_least_zero(value, name) for value, name in ((ridge, "ridge"), (eta, "eta"), (nu, "nu"))
    )
    ops, blocks = read_stacks(s_a=s_a, s_aq=s_aq, s_q=s_q, s_ap=s_ap, s_qp=s_qp, s_p=s_p)
    a, aq, q, ap, qp, p = blocks
    for name, wide, given in (("s_a", a, s_a), ("s_q", q, s_q), ("s_p", p, s_p)):
        check_square(ops, wide, given, name, empty=True)
    _check_cross(s_aq, "s_aq", s_a, s_q)
    _check_cross(s_ap, "s_ap", s_a, s_p)
    _check_cross(s_qp, "s_qp", s_q, s_p)
    a, aq, q, ap, qp, _ = broadcast_batch(ops, *blocks)
    scales = ops.xp.linalg.diagonal(a), ops.xp.linalg.diagonal(q)
    ap, qp = _explained(ops, p, ridge, nu * ap, qp)
    rest = _rest(ops, a, ap, ap), _rest(ops, eta * aq, ap, qp), _rest(ops, q, qp, qp)
    value = _shared(ops, *rest, scales, ridge, ("s_a given s_p", "s_q given s_p"))
    return ops.cast_like(value, s_a)


def _at_least_zero(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name}: expected a finite number of at least 0, got {value!r}")
    return number


def _check_cross(cross: Array, name: str, rows: Array, columns: Array) -> None:
    expected = rows.shape[-1], columns.shape[-1]
    if cross.ndim < 2 or tuple(cross.shape[-2:]) != expected:
        raise ValueError(
            f"{name}: expected shape [..., {expected[0]}, {expected[1]}] between square blocks of "
            f"shapes {tuple(rows.shape)} and {tuple(columns.shape)}, got {tuple(cross.shape)}"
        )


def _rest(ops: Ops, a: Array, left: Array, right: Array) -> Array:
    """What is left of similarities a [..., B, E] less those explained, `left right^T`."""
    if 0 in left.shape or 0 in right.shape:
        return a
    return ops.over_stacks(_less_product, "(i,j),(i,k),(j,k)->(i,j)", a, left, right)


def _less_product(ops: Ops, a: Array, left: Array, right: Array) -> Array:
    return a - ops.xp.matmul(left, ops.xp.matrix_transpose(right))


def _explained(ops: Ops, p: Array, ridge: float, *crosses: Array) -> list[Array]:
    """Each of [..., B, M] times the inverse factor of `p + ridge I`: `S_AP L^-T`."""
    lower = _positive_factor(ops, p, ops.xp.linalg.diagonal(p), ridge, "s_p") if p.shape[-1] else p
    return [
        x if 0 in x.shape else ops.over_stacks(_solved, "(i,i),(j,i)->(j,i)", lower, x)
        for x in crosses
    ]


def _solved(ops: Ops, lower: Array, x: Array) -> Array:
    xp = ops.xp
    return xp.matrix_transpose(ops.solve_triangular(_like(ops, lower, x), xp.matrix_transpose(x)))


def _like(ops: Ops, a: Array, other: Array) -> Array:
    """Matrices with the leading axes of others, which are as many or more."""
    return ops.xp.broadcast_to(a, (*other.shape[:-2], *a.shape[-2:]))


def _positive_factor(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """The factor of `a + ridge I`."""
    return stack_factor(ops, with_ridge(ops, a, ridge), name, _REMEDY, ops.xp.abs(scale) + ridge)


def with_ridge(ops: Ops, a: Array, ridge: float) -> Array:
    """`a + ridge I`."""
    return a + ridge * identity(ops, a.shape[-1], a) if ridge > 0 else a


def not_negative(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """Whether no eigenvalue of `a + ridge I` is clearly negative: [...].

    Refused where values can be read.
    """
    xp = ops.xp
    least = clearly(ops, a)
    whole, scale = with_ridge(ops, a, ridge), xp.abs(scale) + ridge
    relative = ops.over_stacks(_relative, "(i,j),(i)->(i,j)", whole, scale, least=least)
    remedy = _INDEFINITE
    if ridge > 0:
        remedy = f"that is with ridge={ridge:g} on its diagonal: pass a larger ridge="
    problem = partial(not_definite, ops, whole, scale, name, remedy)
    pivots = xp.linalg.diagonal(factor_or_say(ops, relative, problem))
    return xp.all(xp.isfinite(pivots), axis=-1)


def _relative(ops: Ops, a: Array, scale: Array, *, least: float) -> Array:
    return equilibrate(ops, a, scale)[0] + least * identity(ops, a.shape[-1], a)


def clearly(ops: Ops, a: Array) -> float:
    """How far below zero an eigenvalue, of a unit diagonal, is no matter of rounding."""
    return max(math.sqrt(ops.xp.finfo(a.dtype).eps), pivot_rounding(ops, a))


def log_det(ops: Ops, a: Array, scale: Array, ridge: float, name: str) -> Array:
    """`log det(a + ridge I)`; -inf where that is singular relative to `scale` [..., D]."""
    xp = ops.xp
    if a.shape[-1] == 0:
        return xp.zeros_like(xp.sum(a, axis=(-2, -1)))
    if _plainly_above(ops, a, scale, ridge):
        return a.shape[-1] * math.log(ridge) + log1p_det(ops, a / ridge)
    fine = not_negative(ops, a, scale, ridge, name)
    if ridge == 0:
        value = ops.over_stacks(_without_ridge, "(i,j),(i)->()", a, scale)
    else:
        value = _with_any_ridge(ops, a, scale, ridge)
    return xp.where(fine, value, ops.scalar(math.nan, a))


def _plainly_above(ops: Ops, a: Array, scale: Array, ridge: float) -> bool:
    """Whether a ridge is seen to be far beyond all negative eigenvalues, as of inner products."""
    if ridge == 0 or not ops.concrete(a):
        return False
    if not bool(ops.xp.all(ridge > 2 * clearly(ops, a) * ops.xp.abs(scale))):
        return False
    try:
        not_negative(ops, a, scale, 0.0, "")
    except NotImplementedError:
        raise
    except ValueError:
        return False
    return True


def resolves(ops: Ops, a: Array, scale: Array, ridge: float) -> Array:
    """Whether a ridge is beyond the rounding of similarities a [..., D, D] of a scale [...].

    If not, a negative eigenvalue above -ridge can't be told from one that is 0.
    """
    return ridge > 100 * pivot_rounding(ops, a) * scale


def _with_any_ridge(ops: Ops, a: Array, scale: Array, ridge: float) -> Array:
    xp = ops.xp
    seen = resolves(ops, a, xp.max(xp.abs(scale), axis=-1), ridge)

    def above(a: Array) -> Array:
        return ops.over_stacks(_with_ridge, "(i,j),(i)->()", a, scale, ridge=ridge)

    def hidden(a: Array) -> Array:
        return ops.over_stacks(_with_hidden_ridge, "(i,j),(i)->()", a, scale, ridge=ridge)

    if ops.concrete(seen):
        if bool(xp.all(seen)):
            return above(a)
        if not bool(xp.any(seen)):
            return hidden(a)
    zero = ops.scalar(0.0, a)
    first, second = (xp.where(where[..., None, None], a, zero) for where in (seen, ~seen))
    return xp.where(seen, above(first), hidden(second))


def _with_ridge(ops: Ops, a: Array, scale: Array, *, ridge: float) -> Array:
    """In units of the ridge, so that small similarities keep their digits."""
    xp = ops.xp
    zero = pivot_rounding(ops, a) * (1 + xp.abs(scale) / ridge)
    total, pivots = eliminate_semidefinite(ops, a / ridge, zero)
    value = total + a.shape[-1] * math.log(ridge)
    return xp.where(xp.any(pivots <= zero, axis=-1), ops.scalar(-math.inf, a), value)


def _with_hidden_ridge(ops: Ops, a: Array, scale: Array, *, ridge: float) -> Array:
    """As of a positive semi-definite matrix, of which nothing leaves a pivot below the ridge."""
    xp = ops.xp
    relative, root = equilibrate(ops, with_ridge(ops, a, ridge), xp.abs(scale) + ridge)
    floor = ridge / root**2
    zero = floor + pivot_rounding(ops, a)
    pivots = eliminate_semidefinite(ops, relative - identity(ops, a.shape[-1], a), zero)[1]
    held = xp.where(pivots > zero, pivots, floor)
    return xp.sum(xp.log(held) + 2 * xp.log(root), axis=-1)


def _without_ridge(ops: Ops, a: Array, scale: Array) -> Array:
    xp = ops.xp
    relative, root = equilibrate(ops, a, scale)
    zero = xp.full_like(root, pivot_rounding(ops, a))
    total, pivots = eliminate_semidefinite(ops, relative - identity(ops, a.shape[-1], a), zero)
    value = total + 2 * xp.sum(xp.log(root), axis=-1)
    return xp.where(xp.any(pivots <= zero, axis=-1), ops.scalar(-math.inf, a), value)


def _shared(
    ops: Ops,
    a: Array,
    cross: Array,
    e: Array,
    scales: tuple[Array, Array],
    ridge: float,
    names: tuple[str, str],
) -> Array:
    """`-log det(I - K K^T)` with K the whitened cross block."""
    xp = ops.xp
    if 0 in cross.shape[-2:]:
        return xp.zeros_like(xp.sum(cross, axis=(-2, -1)))
    left = _positive_factor(ops, a, scales[0], ridge, names[0])
    right = _positive_factor(ops, e, scales[1], ridge, names[1])
    value, least = ops.over_stacks(
        _shared_of, "(i,i),(i,j),(j,j)->(),()", left, cross, right, ridge=ridge
    )
    if ops.concrete(least) and bool(xp.any(least < -clearly(ops, cross))):
        raise ValueError(
            f"{names[0]} and {names[1]}: the block between them, of shape {tuple(cross.shape)}, is "
            "too large for any positive semi-definite matrix to have all three"
        )
    return value


def _shared_of(
    ops: Ops, left: Array, cross: Array, right: Array, *, ridge: float
) -> tuple[Array, Array]:
    """Of two factors and the block between: the value, and the least pivot."""
    xp = ops.xp
    gram = small_gram(ops, whiten(ops, _like(ops, left, cross), cross, _like(ops, right, cross)))
    zero = pivot_rounding(ops, cross) + pivot_rounding(ops, gram)
    total, pivots = eliminate_semidefinite(ops, -gram, xp.full_like(gram[..., 0, :], zero))
    # 0 rather than -0 where nothing is shared; no pivot is above 1.
    value = 0.0 - total
    singular = xp.any(pivots <= zero, axis=-1)
    if ridge > 0:
        # Of a positive semi-definite matrix they are at least the ridge's part of its trace.
        traces = (xp.sum(lower * lower, axis=(-2, -1)) for lower in (left, right))
        singular = singular & (ridge > 2 * zero * xp.maximum(*traces))
    value = xp.where(singular, ops.scalar(math.inf, value), value)
    # A NaN pivot makes the comparison false.
    fine = xp.all(pivots >= -clearly(ops, cross), axis=-1)
    return xp.where(fine, value, ops.scalar(math.nan, value)), xp.min(pivots, axis=-1)

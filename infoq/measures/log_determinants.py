"""LogDet, LogDetMI, LogDetCG and LogDetCMI of similarity matrices.

They are as published, without the factor 1/2 of an entropy. Let S = G P^-1 G^T for gradients G and
a posterior precision P. With `ridge=1`, `logdet` is twice the expected information gain about the
weights, and `logdet_mi` twice the joint expected predictive information gain. `logdet_cg` and
`logdet_cmi` are the same conditional on a private set. `ridge=0` is the limit of a vanishing prior
precision (Kirsch and Gal, 2022).
"""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.capabilities import capabilities
from infoq.checks.matrices import check_square, read_stacks
from infoq.checks.numbers import at_least_zero
from infoq.linear_algebra.small_matrices import broadcast_batch
from infoq.measures.ridge import log_det, residual_similarities, shared_log_det, whitened


@capabilities()
def logdet(s_a: Array, *, ridge: float = 0.0) -> Array:
    r"""LogDet, :math:`\log\det(S_A + \lambda I)`: the information of a batch A about the weights.

    Parameters
    ----------
    s_a : array [..., B, B]
        Similarities of the batch, symmetric; with the ridge positive semi-definite.
    ridge : float
        The number that is added to the diagonal, :math:`\lambda`.

    Returns
    -------
    array [...]
        Nats; at least 0 with `ridge=1`, and 0 for an empty batch. Without a ridge it is -infinity
        where the matrix is singular, as with duplicates.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is negative or not a number, or `s_a` is not floating or not square. Where values
        can be read (else the result is NaN), also if `s_a` is not finite, not symmetric, or has an
        eigenvalue that is clearly below -ridge.

    See Also
    --------
    infoq.methods.logdet : The acquisition method, which selects a batch by this value.

    Notes
    -----
    Exact. A pivot counts as zero below 10 B eps of the diagonal, whatever the scale. With a ridge
    the value is B log ridge + log det(I + S / ridge): small similarities keep their relative
    accuracy, and S may have negative eigenvalues. Where the ridge itself is no more than rounding,
    at 1000 B eps of the diagonal, S counts as positive semi-definite. Each batch costs B^3
    multiply-adds and three matrices in memory.

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
    ridge = at_least_zero(ridge, "ridge")
    ops, (a,) = read_stacks(s_a=s_a)
    check_square(ops, a, s_a, "s_a", empty=True)
    return ops.cast_like(log_det(ops, a, ops.xp.linalg.diagonal(a), ridge, "s_a"), s_a)


@capabilities()
def logdet_mi(
    s_a: Array, s_ae: Array, s_e: Array, *, ridge: float = 0.0, eta: float = 1.0
) -> Array:
    r"""LogDetMI, :math:`\log\det S_A - \log\det(S_A - S_{AE} S_E^{-1} S_{EA})`.

    The mutual information between the outcomes of a batch A and of the evaluation set E.

    Parameters
    ----------
    s_a, s_ae, s_e : array [..., B, B], [..., B, Q], [..., Q, Q]
        Similarities within the batch, between batch and evaluation set, and within the evaluation
        set: blocks of a matrix that is, with the ridge, positive semi-definite. Their leading axes
        broadcast.
    ridge : float
        The number that is added to the diagonals of `s_a` and of `s_e`.
    eta : float
        The factor of `s_ae`, SIMILAR's and PRISM's :math:`\eta`.

    Returns
    -------
    array [...]
        Nats, at least 0, and 0 where A or E is empty. Without a ridge it is infinite where E
        determines part of A.

    Raises
    ------
    TypeError, ValueError
        If `ridge` or `eta` is negative or not a number, or the arrays differ in library or dtype,
        are not floating, or have incompatible shapes. Where values can be read (else the result is
        NaN), also if one is not finite, not symmetric, or singular with the ridge, or if they are
        not blocks of such a matrix.

    See Also
    --------
    infoq.methods.logdet_mi : The acquisition method, which selects a batch by this value.

    Notes
    -----
    Exact: -log det(I - K K^T) with K the whitened `s_ae`. This is not a difference of
    log-determinants, so the value keeps its relative accuracy where A and E are nearly independent.
    It corresponds to JEPIG, not to EPIG. About (B + Q)^3 multiply-adds; memory for a few copies of
    the input.

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
    ridge, eta = at_least_zero(ridge, "ridge"), at_least_zero(eta, "eta")
    ops, (a, ae, e) = read_stacks(s_a=s_a, s_ae=s_ae, s_e=s_e)
    check_square(ops, a, s_a, "s_a", empty=True)
    check_square(ops, e, s_e, "s_e", empty=True)
    _check_cross(s_ae, "s_ae", s_a, s_e)
    # The evaluation set is often the same for every batch; then it is factored once.
    ae = eta * broadcast_batch(ops, a, ae, e)[1]
    value = shared_log_det(
        ops, a, ae, e, (ops.xp.linalg.diagonal(a), ops.xp.linalg.diagonal(e)), ridge, ("s_a", "s_e")
    )
    return ops.cast_like(value, s_a)


@capabilities()
def logdet_cg(s_a: Array, s_ap: Array, s_p: Array, *, ridge: float = 0.0, nu: float = 1.0) -> Array:
    r"""LogDetCG, :math:`\log\det(S_A - S_{AP} S_P^{-1} S_{PA})`: the gain of A given P.

    The information of a batch A about the weights, conditional on a private (or labelled) set P.

    Parameters
    ----------
    s_a, s_ap, s_p : array [..., B, B], [..., B, M], [..., M, M]
        Similarities within the batch, between batch and private set, and within the private set:
        blocks of a matrix that is, with the ridge, positive semi-definite. Their leading axes
        broadcast.
    ridge : float
        The number that is added to the diagonals of `s_a` and of `s_p`.
    nu : float
        The factor of `s_ap`, PRISM's :math:`\nu`.

    Returns
    -------
    array [...]
        Nats; at least 0 with `ridge=1`, and 0 for an empty batch. Without a ridge it is -infinity
        where P and the rest of A determine a member of A.

    Raises
    ------
    TypeError, ValueError
        If `ridge` or `nu` is negative or not a number, or the arrays differ in library or dtype,
        are not floating, or have incompatible shapes. Where values can be read (else the result is
        NaN), also if one is not finite or not symmetric, if `s_p` is singular with the ridge, or if
        they are not blocks of a positive semi-definite matrix.

    See Also
    --------
    infoq.methods.logdet_cg : The acquisition method, which selects a batch by this value.

    Notes
    -----
    Exact. Ridge and zero pivots are treated as in `logdet`, relative to `s_a`. About (B + M)^3
    multiply-adds; memory for a few copies of the input.

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
    ridge, nu = at_least_zero(ridge, "ridge"), at_least_zero(nu, "nu")
    ops, (a, ap, p) = read_stacks(s_a=s_a, s_ap=s_ap, s_p=s_p)
    check_square(ops, a, s_a, "s_a", empty=True)
    check_square(ops, p, s_p, "s_p", empty=True)
    _check_cross(s_ap, "s_ap", s_a, s_p)
    a, ap, _ = broadcast_batch(ops, a, ap, p)
    (known,) = whitened(ops, p, ridge, nu * ap)
    rest = residual_similarities(ops, a, known, known)
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

    The mutual information between the outcomes of a batch A and of a query set Q, conditional on a
    private set P.

    Parameters
    ----------
    s_a, s_aq, s_q : array [..., B, B], [..., B, Q], [..., Q, Q]
        Similarities within the batch, between batch and query set, and within the query set.
    s_ap, s_qp, s_p : array [..., B, M], [..., Q, M], [..., M, M]
        Similarities with the private set, and within it. All are blocks of one matrix that is, with
        the ridge, positive semi-definite; their leading axes broadcast.
    ridge : float
        The number that is added to the diagonals of `s_a`, `s_q` and `s_p`.
    eta, nu : float
        The factors of `s_aq` and of `s_ap`: PRISM's :math:`\eta` and :math:`\nu`.

    Returns
    -------
    array [...]
        Nats, at least 0, and 0 where A or Q is empty. Without a ridge it is infinite where P and Q
        determine part of A that P alone does not.

    Raises
    ------
    TypeError, ValueError
        If `ridge`, `eta` or `nu` is negative or not a number, or the arrays differ in library or
        dtype, are not floating, or have incompatible shapes. Where values can be read (else the
        result is NaN), also if one is not finite or not symmetric, if `s_p`, or `s_a` or `s_q`
        given P, is singular with the ridge, or if they are not blocks of a positive semi-definite
        matrix.

    See Also
    --------
    infoq.methods.logdet_cmi : The acquisition method, which selects a batch by this value.

    Notes
    -----
    Exact: `logdet_mi` of A and Q conditional on P, not a difference of log-determinants. About
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
        at_least_zero(value, name) for value, name in ((ridge, "ridge"), (eta, "eta"), (nu, "nu"))
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
    ap, qp = whitened(ops, p, ridge, nu * ap, qp)
    rest = (
        residual_similarities(ops, a, ap, ap),
        residual_similarities(ops, eta * aq, ap, qp),
        residual_similarities(ops, q, qp, qp),
    )
    value = shared_log_det(ops, *rest, scales, ridge, ("s_a given s_p", "s_q given s_p"))
    return ops.cast_like(value, s_a)


def _check_cross(cross: Array, name: str, rows: Array, columns: Array) -> None:
    """Raise a ValueError unless `cross` has the rows and columns of two square blocks."""
    expected = rows.shape[-1], columns.shape[-1]
    if cross.ndim < 2 or tuple(cross.shape[-2:]) != expected:
        raise ValueError(
            f"{name}: expected shape [..., {expected[0]}, {expected[1]}] between square blocks of "
            f"shapes {tuple(rows.shape)} and {tuple(columns.shape)}, got {tuple(cross.shape)}"
        )

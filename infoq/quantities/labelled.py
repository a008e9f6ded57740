"""The twins of EIG, EPIG and JEPIG for outcomes that have been observed: active sampling."""

from __future__ import annotations

from infoq.backends import Array
from infoq.predictives import Context, Embedding, Gaussian
from infoq.quantities.eig import eig
from infoq.quantities.epig import epig
from infoq.quantities.jepig import jepig


def ig(x: Gaussian, *, given: Context | None = None, approximation: str = "logdet") -> Array:
    r"""Information gain: what each observed outcome tells about the parameters.

    .. math:: \tfrac12 \log\det\big(I + H''[y_i \mid x_i, w^*]\, P^{-1}\big)

    Parameters
    ----------
    x : Gaussian
        The candidates, by an embedding of their observed information
        :math:`E_i^T E_i = H''[y_i \mid x_i, w^*]`.
    given, approximation
        As of `eig`.

    Returns
    -------
    array [N]
        Nats.

    Raises
    ------
    TypeError, ValueError
        As of `eig`; and by `infoq.likelihoods.Curvature` where observed information is not positive
        semi-definite, as a network's need not be.

    Notes
    -----
    In a generalised linear model with a canonical link the observed information does not depend on
    the label: it is the Fisher information, at every w. With the generalised Gauss-Newton a network
    is treated as one. For such an embedding this **is** `eig`, to the last digit, and labels give
    no advantage. Holds at fixed w* and to second order.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.1.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> observed = infoq.likelihoods.Curvature(np.array([[[4.0]]]))
    >>> pool = infoq.Gaussian(infoq.fisher_embedding(np.array([[[1.0, 0.0]]]), observed), 1.0)
    >>> infoq.ig(pool).round(4)
    array([0.8047])
    """
    return eig(_gaussian(x, "ig"), given=given, approximation=approximation)


def pig(
    x: Gaussian,
    targets: Gaussian | Embedding,
    *,
    target_weights: Array | None = None,
    given: Context | None = None,
    approximation: str = "logdet",
) -> Array:
    """Predictive information gain: what each observed outcome tells about an observed target's.

    Parameters
    ----------
    x : Gaussian
        The candidates, by an embedding of their observed information.
    targets : Gaussian or Embedding
        The targets, by an embedding of theirs.
    target_weights, given, approximation
        As of `epig`.

    Returns
    -------
    array [N]
        Nats.

    Raises
    ------
    TypeError, ValueError
        As of `epig`.

    Notes
    -----
    In a generalised linear model, or with the generalised Gauss-Newton, exactly `epig`; see `ig`.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.3.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 1.0]]), 1.0)
    >>> infoq.pig(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]]))).round(4)
    array([0.1551])
    """
    return epig(
        _gaussian(x, "pig"),
        targets,
        target_weights=target_weights,
        given=given,
        approximation=approximation,
    )


def jpig(
    x: Gaussian,
    targets: Gaussian | Embedding,
    *,
    given: Context | None = None,
    approximation: str = "logdet",
) -> Array:
    """Joint predictive information gain: what each observed outcome tells about all targets'.

    Parameters
    ----------
    x : Gaussian
        The candidates, by an embedding of their observed information.
    targets : Gaussian or Embedding
        The targets, by an embedding of theirs.
    given, approximation
        As of `jepig`.

    Returns
    -------
    array [N]
        Nats.

    Raises
    ------
    TypeError, ValueError
        As of `jepig`.

    Notes
    -----
    In a generalised linear model, or with the generalised Gauss-Newton, exactly `jepig`; see `ig`.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022), arXiv:2208.00549, section 5.4.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> pool = infoq.Gaussian(np.array([[1.0, 1.0]]), 1.0)
    >>> infoq.jpig(pool, infoq.DenseEmbedding(np.array([[0.0, 2.0]]))).round(4)
    array([0.1551])
    """
    return jepig(_gaussian(x, "jpig"), targets, given=given, approximation=approximation)


def _gaussian(x: Gaussian, name: str) -> Gaussian:
    if not isinstance(x, Gaussian):
        raise TypeError(
            f"{name}: expected a Gaussian of observed information, got {type(x).__name__}"
        )
    return x

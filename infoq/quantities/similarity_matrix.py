"""Similarity matrices: inner products of the rows of candidates under a precision."""

from __future__ import annotations

from infoq.backends import Array, ops_for
from infoq.backends.capabilities import capabilities
from infoq.backends.fields import first_array
from infoq.backends.registry import check_sized
from infoq.checks.compatibility import check_alike
from infoq.checks.values import check_sums
from infoq.structures.diagonal_precision import ScalarPrecision, as_precision
from infoq.structures.embedding import DenseEmbedding, Embedding
from infoq.structures.precision import Precision


@capabilities()
def similarity_matrix(
    embedding: Embedding | Array,
    other: Embedding | Array | None = None,
    precision: Precision | float | Array | None = None,
) -> Array:
    r"""Similarity matrix of embeddings, :math:`S_P = E P^{-1} E^T`.

    Parameters
    ----------
    embedding : Embedding or array [N, R, P] or [N, P]
        The rows: gradients at one label (`gradient_embedding`), or rows of the Fisher information.
    other : Embedding or array, optional
        The columns. Default: the same.
    precision : Precision, float, or array [P] or [P, P], optional
        :math:`P`. Default: the identity, for plain inner products :math:`S`.

    Returns
    -------
    array [N R, M R']
        In the namespace, device and dtype of `embedding`; ordered by candidate, then by row.

    Raises
    ------
    TypeError, ValueError
        If the two differ in the number of parameters, library or dtype.

    Notes
    -----
    Exact. With one row per candidate, SIMILAR and PRISM maximise log-determinants of this matrix.
    With `ridge=1`, ``logdet(similarity_matrix(e, precision=p))`` is twice the joint EIG of the
    batch in weight space, and `logdet_mi` twice its JEPIG. Costs N R P numbers in memory and
    N M R R' P multiply-adds.

    References
    ----------
    Kirsch, A. and Gal, Y. (2022). Unifying approaches in active learning and active sampling via
    Fisher information and information-theoretic quantities, TMLR, arXiv:2208.00549, section 6.

    Examples
    --------
    >>> import numpy as np, infoq
    >>> infoq.similarity_matrix(np.array([[1.0, 0.0], [1.0, 2.0]]), precision=2.0)
    array([[0.5, 0.5],
           [0.5, 2.5]])
    """
    rows, like = _flat(embedding)
    columns = rows if other is None else _flat(other)[0]
    ops = ops_for(embedding=rows, other=columns)
    check_alike(ops, "other", columns, rows)
    if rows.shape[1] != columns.shape[1]:
        raise ValueError(
            f"other: expected P={rows.shape[1]} parameters like embedding, got {columns.shape[1]}"
        )
    known = ScalarPrecision(1.0) if precision is None else as_precision(precision)
    if known.num_parameters not in (None, rows.shape[1]):
        raise ValueError(
            f"precision: expected P={rows.shape[1]} parameters, got {known.num_parameters}"
        )
    if (array := first_array(known)) is not None:
        check_alike(ops, "precision", array, rows)
    result = ops.xp.astype(rows @ known.solve(columns).T, like.dtype)
    return check_sums(ops, result, "embedding", rows.shape[0] // like.shape[0])


def _flat(embedding: Embedding | Array) -> tuple[Array, Array]:
    """All rows of an embedding, [N R, P], and an array with the input dtype."""
    if not isinstance(embedding, Embedding):
        embedding = DenseEmbedding(embedding)
    check_sized(embedding.ops, first_array(embedding), "embedding")
    ops = embedding.ops
    flat = ops.xp.reshape(embedding.dense(), (-1, embedding.num_parameters))
    return flat, first_array(embedding)

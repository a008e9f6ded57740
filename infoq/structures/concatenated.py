"""Concatenation of embeddings along the candidates."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.fields import flatten, rebuilt
from infoq.checks.compatibility import check_alike
from infoq.structures.embedding import DenseEmbedding, Embedding


def joined(first: Embedding, *rest: Embedding) -> Embedding:
    """One embedding of the candidates of all embeddings, in their order.

    Raises
    ------
    TypeError, ValueError
        If the embeddings differ in kind, sizes, library, dtype or device.
    """
    ops = first.ops
    embeddings = [first, *rest]
    dense = [each for each in embeddings if type(each) is DenseEmbedding]
    first, *others = embeddings if len(dense) < len(embeddings) else [_with_axis(x) for x in dense]
    own: list[Array] = []
    outline = flatten(first, own)
    columns = [own]
    for other in others:
        theirs: list[Array] = []
        if flatten(other, theirs) != outline or any(
            x.ndim != y.ndim or x.shape[1:] != y.shape[1:] for x, y in zip(own, theirs, strict=True)
        ):
            raise ValueError(
                f"embeddings: expected the same kind and sizes for all, got {first!r} and "
                f"{other!r}; make both in the same way"
            )
        check_alike(ops, "embeddings", theirs[0], own[0])
        columns.append(theirs)
    union: Embedding = rebuilt(outline, iter([ops.join(x) for x in zip(*columns, strict=True)]))
    return union


def _with_axis(embedding: DenseEmbedding) -> DenseEmbedding:
    """The embedding with rows [N, R, P]; R = 1 where they are [N, P]."""
    rows = embedding.values
    return embedding if rows.ndim == 3 else DenseEmbedding.of(values=rows[:, None, :])

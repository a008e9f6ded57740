"""Candidates of several embeddings as those of one."""

from __future__ import annotations

from infoq.backends import Array
from infoq.backends.fields import flatten, rebuilt
from infoq.checks.compatibility import check_alike
from infoq.structures.embedding import DenseEmbedding, Embedding


def joined(first: Embedding, *rest: Embedding) -> Embedding:
    """The candidates of all embeddings, one after the other.

    Raises
    ------
    TypeError, ValueError
        If one is of another kind or size, or of another library, dtype or device.
    """
    ops = first.ops
    everyone = [first, *rest]
    dense = [each for each in everyone if type(each) is DenseEmbedding]
    first, *others = everyone if len(dense) < len(everyone) else [_with_axis(x) for x in dense]
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
    """Rows [N, R, P] from [N, P] or themselves."""
    rows = embedding.values
    return embedding if rows.ndim == 3 else DenseEmbedding.of(values=rows[:, None, :])

"""Candidates of several embeddings as those of one."""

from __future__ import annotations

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
    for other in others:
        same = type(other) is type(first) and other.settings == first.settings
        fitting = len(other.parts) == len(first.parts) and all(
            x.ndim == y.ndim and x.shape[1:] == y.shape[1:]
            for x, y in zip(first.parts, other.parts, strict=True)
        )
        if not (same and fitting):
            raise ValueError(
                f"embeddings: expected the same kind and sizes for all, got {first!r} and "
                f"{other!r}; make both in the same way"
            )
        check_alike(ops, "embeddings", other.parts[0], first.parts[0])
    parts = zip(*(each.parts for each in (first, *others)), strict=True)
    return first.from_parts(tuple(ops.join(part) for part in parts), first.settings)


def _with_axis(embedding: DenseEmbedding) -> DenseEmbedding:
    """Rows [N, R, P] from [N, P] or themselves."""
    rows = embedding.values
    return embedding if rows.ndim == 3 else DenseEmbedding.of(values=rows[:, None, :])

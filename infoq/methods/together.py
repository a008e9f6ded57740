"""Candidates, queries and a private set, joined as the ground set of one set function."""

from __future__ import annotations

from typing import TypeAlias

from infoq.backends import Array, ops_for
from infoq.backends.fields import first_array
from infoq.methods.taxonomy import Who
from infoq.quantities.submodular.features import features
from infoq.selection.candidates import candidate_mask, given_indices
from infoq.structures.concatenated import joined
from infoq.structures.embedding import Embedding

Points: TypeAlias = Array | Embedding
"""Features [N, P], or an embedding with one row per candidate."""


def together(points: Points, who: Who, **others: Points) -> tuple[Embedding, list[range], Who]:
    """The union as one embedding, the range of each other set in it, and the keywords for it.

    The mask in the keywords leaves the other sets out, so that none of them is picked.
    """
    embeddings = [features(points, "points")]
    embeddings += [features(more, name) for name, more in others.items()]
    union = joined(*embeddings)
    ranges: list[range] = []
    start = len(embeddings[0])
    for more in embeddings[1:]:
        ranges.append(range(start, start + len(more)))
        start += len(more)
    given = given_indices(who.get("given", ()), len(embeddings[0]))
    mask = _mask(embeddings[0], who, start)
    return union, ranges, {**who, "candidates": mask, "given": given}


def _mask(points: Embedding, who: Who, count: int) -> Array:
    """The mask of candidates that may be picked, False for the other sets: [N + ...]."""
    like = points.ops.fetch(first_array(points)[:1, ...])
    ops = ops_for(like)
    places = ops.xp.arange(count, device=ops.device(like))
    own = places < len(points)
    candidates = who.get("candidates")
    if candidates is None:
        return own
    mask = candidate_mask(ops, places[: len(points)], candidates)
    return ops.xp.concat([mask, own[len(points) :] & False])

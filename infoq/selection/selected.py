"""What a selection returns."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from infoq.backends import Array, trees
from infoq.backends.arrays import OwnArray


class _Name(str):
    """The name of a field. PyTorch takes tuples with fields of plain `str` for its own business."""

    __slots__ = ()


class _Batch(NamedTuple):
    indices: OwnArray
    gains: OwnArray
    value: OwnArray


class Selection(_Batch):
    """The candidates that were picked, in the order in which they were.

    A tuple of three; beside them `reason` says why no more were picked, and `informative` how many
    of those told anything.

    Attributes
    ----------
    indices : array [B]
        Indices of the candidates, none of them twice.
    gains : array [B]
        What each added when it was picked.
    value : array []
        The value of the batch: the sum of the gains.

    Notes
    -----
    `reason` is ``"size"`` where as many were picked as were asked for, ``"pool"`` where no
    candidate was left, ``"budget"`` where none of those left fits what is left of the budget, and
    ``"rank"`` where none of those left can be added: log-determinants of exhausted rank, or copies
    of points that were picked. ``"saturated"`` are as many as were asked for, the last of which
    were picked by rounding or by chance: K draws can tell log K nats, and no more.

    `informative` is the number of picks whose gain is above what rounding, or the chance of
    samples, may have made of nothing. It is known of `EIG`, `EPIG` and `JEPIG` of a `Categorical`
    (1e-6 log K nats in float32 and 1e-13 log K in float64, or where outcomes are sampled two
    standard errors); else it is None, and so it is inside `jax.jit`, where `reason` is ``"size"``
    or ``"pool"``.

    Neither is part of the tuple, but they stay with it: `_replace`, copies, pickles, and what
    `jax.jit` and `torch.func` take apart and put together again keep them.

    Examples
    --------
    Two draws can tell log 2, which the first pick does:

    >>> import numpy as np, infoq
    >>> batch = infoq.greedy(infoq.EIG(np.array([[[1.0, 0.0], [0.0, 1.0]]] * 2)), 2)
    >>> batch.indices, batch.gains.round(4)
    (array([0, 1]), array([0.6931, 0.    ]))
    >>> batch.reason, batch.informative
    ('saturated', 1)
    """

    _fields = (_Name("indices"), _Name("gains"), _Name("value"))

    reason: str = "size"
    informative: int | None = None

    def __new__(
        cls,
        indices: Array,
        gains: Array,
        value: Array,
        reason: str = "size",
        informative: int | None = None,
    ) -> Self:
        """A batch, why it is no larger, and how many of it told anything."""
        trees.tell()
        self = super().__new__(cls, indices, gains, value)
        self.reason = reason
        self.informative = informative
        return self

    def _replace(self, **changes: Any) -> Self:
        """The same with other fields or attributes, and all the rest as it was."""
        said = {name: changes.pop(name, value) for name, value in self.__dict__.items()}
        return self.from_parts(tuple(super()._replace(**changes)), tuple(sorted(said.items())))

    # --- as a tree of arrays, see `infoq.backends.trees` ------------------------------------

    @classmethod
    def from_parts(cls, parts: tuple[Any, ...], settings: Any) -> Self:
        """The batch of these fields, with attributes by name."""
        self = cls(*parts)
        self.__dict__.update(settings)
        return self

    @property
    def parts(self) -> tuple[Any, ...]:
        """The fields."""
        return tuple(self)

    @property
    def settings(self) -> Any:
        """The attributes, by name."""
        return tuple(sorted(self.__dict__.items()))


trees.enter(Selection)


def check_batch_size(k: Any) -> int:
    """The batch size as an integer, refused where it is none or is negative."""
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise TypeError(f"k: expected an integer, got {type(k).__name__}")
    size = int(k.__index__())
    if size < 0:
        raise ValueError(f"k: expected a batch size of at least 0, got {size}")
    return size


def reason_for(picked: int, size: int) -> str:
    """Why no more were picked, where nothing but the pool was in the way."""
    return "size" if picked >= size else "pool"

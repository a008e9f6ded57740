"""The result of a selection."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from infoq.backends import Array, trees
from infoq.backends.arrays import OwnArray


class _Name(str):
    """Name of a field; PyTorch takes a tuple whose field names are plain `str` for its own kind."""

    __slots__ = ()


class _Batch(NamedTuple):
    indices: OwnArray
    gains: OwnArray
    value: OwnArray


class Selection(_Batch):
    """The picked candidates, in the order of picking.

    A named tuple of three. Its attribute `reason` says why no more were picked, and `informative`
    how many of the picks were informative.

    Attributes
    ----------
    indices : array [B]
        Indices of the candidates, without repetition.
    gains : array [B]
        The gain of each candidate when it was picked.
    value : array []
        The value of the batch: the sum of the gains.

    Notes
    -----
    `reason` is one of:

    - ``"size"``: as many candidates were picked as requested.
    - ``"pool"``: no candidate was left.
    - ``"budget"``: none of the candidates left fits what is left of the budget.
    - ``"rank"``: none of the candidates left can be added, as in a log-determinant of exhausted
      rank, or they are copies of points that were picked.
    - ``"saturated"``: as many as requested, but the last of them were picked by rounding or by
      chance. K draws hold at most log K nats of information.

    `informative` is the number of picks with a gain larger than rounding error or sampling error.
    It is known for `EIG`, `EPIG` and `JEPIG` of a `Categorical`: 1e-6 log K nats in float32 and
    1e-13 log K in float64, or two standard errors if outcomes are sampled. Otherwise it is None,
    as it is inside `jax.jit`, where `reason` is ``"size"`` or ``"pool"``.

    Neither is part of the tuple, but both stay with it: `_replace`, copies, pickles, `jax.jit` and
    `torch.func` keep them.

    Examples
    --------
    Two draws hold log 2 nats of information, which the first pick provides:

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
        """A batch, the reason it is no larger, and the number of informative picks."""
        trees.tell()
        self = super().__new__(cls, indices, gains, value)
        self.reason = reason
        self.informative = informative
        return self

    def _replace(self, **changes: Any) -> Self:
        """A copy with some fields or attributes replaced."""
        kept = {name: changes.pop(name, value) for name, value in self.__dict__.items()}
        return self.from_parts(tuple(super()._replace(**changes)), tuple(sorted(kept.items())))

    # --- as a tree of arrays, see `infoq.backends.trees` ------------------------------------

    @classmethod
    def from_parts(cls, parts: tuple[Any, ...], settings: Any) -> Self:
        """A batch with these fields and attributes."""
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
    """The batch size as an integer; raises if it is not one, or is negative."""
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise TypeError(f"k: expected an integer, got {type(k).__name__}")
    size = int(k.__index__())
    if size < 0:
        raise ValueError(f"k: expected a batch size of at least 0, got {size}")
    return size


def reason_for(picked: int, size: int) -> str:
    """The reason that no more were picked, if only the size and the pool limit the batch."""
    return "size" if picked >= size else "pool"

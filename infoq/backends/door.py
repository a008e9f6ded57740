"""What is asked of arrays as they come in, beside what the registry asks."""

from __future__ import annotations

from infoq.backends.ops import Array, Ops


def check_floating(ops: Ops, x: Array, name: str) -> None:
    """Refuse what is not real floating, or has too few digits to be ranked by: float8.

    Raises
    ------
    TypeError
        With the name, the dtype and the shape.
    """
    try:
        fine = bool(ops.xp.isdtype(x.dtype, "real floating"))
    except TypeError:  # a dtype that was added to NumPy, as of ml_dtypes
        fine = False
    if fine and ops.xp.finfo(x.dtype).bits >= 16:
        return
    raise TypeError(
        f"{name}: expected a real floating dtype{' of 16 bits or more' if fine else ''}, got "
        f"{x.dtype} of shape {tuple(x.shape)}; convert it first, for example to float32"
    )

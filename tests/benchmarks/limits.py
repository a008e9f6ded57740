"""What the machine allows: bare passes over the same data, without any of the quantity's logic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .contenders import torch_one_thread
from .measure import Call
from .oracles import Inputs

BLOCK = 1 << 15  # numbers per block of a pass whose result stays in the cache
ROWS = 64  # rows per block of a product whose result stays in the cache


@dataclass(frozen=True)
class Limit:
    """A bare piece of work, and the contenders (by name) that are measured against it."""

    name: str
    bind: Callable[[Inputs], Call]
    applies_to: tuple[str, ...]
    work: Callable[[Mapping[str, int]], float] | None = None  # floating-point operations of a size
    module: str = "numpy"


def _log_numpy(inputs: Inputs) -> Call:
    flat = inputs["probs"].reshape(-1)
    out = np.empty(BLOCK, dtype=flat.dtype)

    def call() -> float:
        for start in range(0, flat.size, BLOCK):
            part = flat[start : start + BLOCK]
            np.log(part, out=out[: part.size])
        return float(flat.max())

    return call


def _log_torch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    flat = torch.from_numpy(inputs["probs"].reshape(-1).copy())
    out = torch.empty(BLOCK, dtype=flat.dtype)

    def call() -> float:
        for start in range(0, flat.numel(), BLOCK):
            part = flat[start : start + BLOCK]
            torch.log(part, out=out[: part.numel()])
        return float(flat.max())

    return call


def _product_numpy(inputs: Inputs, *, log: bool = False) -> Call:
    pool, targets = inputs["pool"], inputs["targets"]
    rows = np.ascontiguousarray(pool.transpose(0, 2, 1)).reshape(-1, pool.shape[1])
    columns = np.ascontiguousarray(targets.transpose(1, 0, 2)).reshape(targets.shape[1], -1)
    out = np.empty((ROWS, columns.shape[1]), dtype=pool.dtype)

    def call() -> None:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            joint = np.matmul(part, columns, out=out[: len(part)])
            if log:
                np.log(joint, out=joint)

    return call


def _product_torch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    pool, targets = (torch.from_numpy(inputs[key].copy()) for key in ("pool", "targets"))
    rows = pool.permute(0, 2, 1).reshape(-1, pool.shape[1])
    columns = targets.permute(1, 0, 2).reshape(targets.shape[1], -1)
    out = torch.empty((ROWS, columns.shape[1]), dtype=pool.dtype)

    def call() -> None:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            torch.matmul(part, columns, out=out[: len(part)])

    return call


def _product_work(size: Mapping[str, int]) -> float:
    return 2.0 * size["N"] * size["C"] * size["K"] * size["M"] * size["C"]


BALD_LIMITS = (
    Limit("one log pass and one read, NumPy", _log_numpy, ("infoq on NumPy", "infoq on JAX")),
    Limit("one log pass and one read, torch", _log_torch, ("infoq on torch",), module="torch"),
)
EPIG_LIMITS = (
    Limit(
        "the bare product, NumPy",
        _product_numpy,
        ("infoq on NumPy", "infoq on JAX"),
        _product_work,
    ),
    Limit("the bare product, torch", _product_torch, ("infoq on torch",), _product_work, "torch"),
    Limit(
        "the product and one log of each of its entries, NumPy",
        lambda inputs: _product_numpy(inputs, log=True),
        ("infoq on NumPy", "infoq on JAX"),
    ),
)

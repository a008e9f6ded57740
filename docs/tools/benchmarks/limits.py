"""What the machine allows: bare passes over the same data, without any of the quantity's logic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .contenders import torch_one_thread
from .measure import Call
from .oracles import Inputs

BLOCK = 1 << 15  # numbers per block of a pass whose result stays in the cache
SIDE = 512  # rows and columns of a block of a product of large matrices
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


def _targets_by_features(inputs: Inputs) -> tuple[int, int]:
    """The shape [D + 1, M (C - 1) C] of what pairs of candidates and targets are multiplied by."""
    count, classes = inputs["targets probs"].shape
    return inputs["pool"].shape[1] + 1, count * (classes - 1) * classes


def _pairs_numpy(inputs: Inputs) -> Call:
    shape = _targets_by_features(inputs)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((len(inputs["pool"]), shape[0]), dtype=np.float32)
    columns = rng.standard_normal(shape[::-1], dtype=np.float32).T
    out = np.empty(SIDE * SIDE, dtype=np.float32)

    def call() -> None:
        for start in range(0, shape[1], SIDE):
            part = columns[:, start : start + SIDE]
            for row in range(0, len(rows), SIDE):
                block = rows[row : row + SIDE]
                size = len(block), part.shape[1]
                np.matmul(block, part, out=out[: size[0] * size[1]].reshape(size))

    return call


def _pairs_torch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    shape = _targets_by_features(inputs)
    rows = torch.randn(len(inputs["pool"]), shape[0])
    columns = torch.randn(*shape[::-1]).T
    out = torch.empty(SIDE * SIDE)

    def call() -> None:
        for start in range(0, shape[1], SIDE):
            part = columns[:, start : start + SIDE]
            for row in range(0, len(rows), SIDE):
                block = rows[row : row + SIDE]
                size = len(block), part.shape[1]
                torch.matmul(block, part, out=out[: size[0] * size[1]].reshape(size))

    return call


def _pairs_work(size: Mapping[str, int]) -> float:
    return 2.0 * size["N"] * (size["D"] + 1) * size["M"] * (size["C"] - 1) * size["C"]


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
PAIRWISE_LIMITS = (
    Limit("the bare product, NumPy", _pairs_numpy, ("infoq on NumPy", "infoq on JAX"), _pairs_work),
    Limit("the bare product, torch", _pairs_torch, ("infoq on torch",), _pairs_work, "torch"),
)

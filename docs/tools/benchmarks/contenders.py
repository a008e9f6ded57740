"""What a contender is, and infoq as one; imports happen only when bound.

`bind(inputs)` imports the package, lays the inputs out for it (a copy of its own where the package
writes into its input) and returns the call that is timed. `answer` turns what that call returned
into what the oracle's answer is compared with; it is not timed. A contender too slow for all of a
job's candidates does a few of them, and says by `scale` what its time is to be multiplied with.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .measure import Call
from .oracles import Batch, Inputs


@dataclass(frozen=True)
class Contender:
    """One way to compute what a job asks for."""

    name: str
    distribution: str
    library: str
    bind: Callable[[Inputs], Call]
    answer: Callable[[Any], Any] = np.asarray
    modules: tuple[str, ...] = ()
    scale: Callable[[Mapping[str, int]], float] | None = None  # of its time, by the size

    @property
    def own(self) -> bool:
        return self.distribution == "infoq"

    @property
    def missing(self) -> str:
        """Name the modules that aren't installed, without importing any."""
        return ", ".join(m for m in self.modules if importlib.util.find_spec(m) is None)


def torch_one_thread() -> Any:
    """Import torch, on one thread."""
    import torch

    torch.set_num_threads(1)
    return torch


# infoq, the public way: arrays of a library in, validation included

Compute = Callable[[Any, Mapping[str, Any]], Any]  # of infoq and the arrays


def _on_numpy(compute: Compute) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        import infoq

        return lambda: compute(infoq, inputs)

    return bind


def _on_torch(compute: Compute) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        torch = torch_one_thread()
        import infoq

        arrays = {key: torch.from_numpy(x.copy()) for key, x in inputs.items()}
        return lambda: compute(infoq, arrays)

    return bind


def _on_jax(compute: Compute) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        import jax
        import jax.numpy as jnp

        import infoq

        arrays = {key: jnp.asarray(x) for key, x in inputs.items()}
        return lambda: jax.block_until_ready(compute(infoq, arrays))

    return bind


def infoq_on_each(
    compute: Compute, answer: Callable[[Any], Any] = np.asarray, how: str = ""
) -> tuple[Contender, ...]:
    """Compute with infoq on every library that the benchmarks know."""
    named = (
        ("NumPy", "NumPy", _on_numpy, "numpy"),
        ("torch", "torch", _on_torch, "torch"),
        ("JAX", "JAX, no jit", _on_jax, "jax"),
    )
    return tuple(
        Contender(f"infoq on {name}{how}", "infoq", library, on(compute), answer, ("infoq", module))
        for name, library, on, module in named
    )


def infoq_everywhere(function: str, *keys: str) -> tuple[Contender, ...]:
    """Call ``infoq.<function>(*inputs)`` on every library that the benchmarks know."""
    return infoq_on_each(lambda infoq, x: getattr(infoq, function)(*(x[key] for key in keys)))


def _infoq_batch(to_library: Callable[[Any], Any]) -> Callable[[Inputs], Call]:
    def bind(inputs: Inputs) -> Call:
        import infoq

        pool = to_library(inputs["probs"])
        return lambda: infoq.greedy(infoq.EIG(pool, samples=10_000, seed=0), 10)

    return bind


def infoq_picks(selection: Any) -> Batch:
    return Batch(np.asarray(selection.indices), float(selection.value))


INFOQ_BATCH = (
    Contender(
        "infoq on NumPy",
        "infoq",
        "NumPy",
        _infoq_batch(lambda probs: probs),
        infoq_picks,
        ("infoq", "numpy"),
    ),
    Contender(
        "infoq on torch",
        "infoq",
        "torch",
        _infoq_batch(lambda probs: torch_one_thread().from_numpy(probs.copy())),
        infoq_picks,
        ("infoq", "torch"),
    ),
)

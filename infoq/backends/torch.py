"""PyTorch: native reductions, with correct gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.utils._pytree as pytree

from infoq.backends.arrays import Device
from infoq.backends.arrays import OwnArray as Array
from infoq.backends.fields import mapped
from infoq.backends.ops import Ops, Seed, stream
from infoq.backends.terms import next_to_minus_one

# A constant in compiled programs, as a `Random` cannot be traced.
torch.compiler.assume_constant_result(stream)


@torch.library.custom_op("infoq::uniform", mutates_args=())  # type: ignore[untyped-decorator]
def _uniform(shape: list[int], seed: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Uniform numbers from a generator; a custom op, as compiled programs can't create one."""
    if device.type == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    generator = torch.Generator(device=device)
    generator.manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=dtype, device=device)


@_uniform.register_fake  # type: ignore[untyped-decorator]
def _(shape: list[int], _seed: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device=device)


class TorchOps(Ops):
    """`Ops` for PyTorch tensors on any device."""

    def concrete(self, *arrays: Array) -> bool:
        """Whether values can be read; not while compiling, under `torch.func`, or on `meta`."""
        if torch.compiler.is_compiling():
            return False
        return not any(
            x.device.type == "meta" or torch._C._functorch.is_functorch_wrapped_tensor(x)
            for x in arrays
        )

    def may_branch(self, *arrays: Array) -> bool:
        """Whether values can be read and no gradient is recorded."""
        if torch.is_grad_enabled() and any(x.requires_grad for x in arrays):
            return False
        return self.concrete(*arrays)

    def derives(self, *arrays: Array) -> bool:
        """Whether a gradient is recorded, or may be where values can't be read."""
        return not self.may_branch(*arrays)

    def valued(
        self, value: Callable[..., Array], smooth: Callable[..., Array], *arguments: Any
    ) -> Array:
        """`value(*arguments)` plus a term that is zero and has the derivatives of `smooth`."""
        gradient = smooth(*arguments)
        return value(*mapped(_detached, arguments)) + (gradient - gradient.detach())

    def records(self, x: Array) -> tuple[bool, bool]:
        """Whether a gradient is recorded for `x`, and whether it never can be."""
        return x.requires_grad, x.is_inference()

    def cache_bytes(self, x: Array) -> int | None:
        """Three MiB on a CPU, where a call costs more than in NumPy; no limit elsewhere.

        There is no limit while compiling either, as each block would add to the program: 17 blocks
        took 99 s to compile, not 18 s.
        """
        return 3 << 20 if x.device.type == "cpu" and not torch.compiler.is_compiling() else None

    def upcast(self, x: Array) -> Array:
        """`x` in its working dtype; an error inside `torch.autocast`, which narrows products."""
        device = x.device.type
        known = x.dtype != torch.float64 and torch.amp.is_autocast_available(device)
        if known and torch.is_autocast_enabled(device):
            raise RuntimeError(
                f"torch.autocast: would round results computed from {x.dtype} on {device!r} to "
                f"{torch.get_autocast_dtype(device)}; call infoq outside it, or inside "
                f"`with torch.autocast({device!r}, enabled=False):`"
            )
        return super().upcast(x)

    def unreadable(self, x: Array) -> str | None:
        """What `x` is and what to pass instead, if it is nested, sparse or quantised; else None."""
        if x.is_nested:
            return (
                "a nested tensor; pass one of one shape, such as by torch.nested.to_padded_tensor"
            )
        if x.layout != torch.strided:
            return (
                f"a tensor of layout {x.layout}; pass x.to_dense(), or infoq.Neighbours of the "
                "largest similarities of each candidate"
            )
        return None

    def native(self, x: Array) -> Array:
        """`x`, as tensors always have the byte order of the machine."""
        return x

    def device(self, x: Array) -> Device:
        """The device of `x`, without a call of array-api-compat."""
        device: Device = x.device
        return device

    def packed(self, x: Array) -> Array:
        """`x`, copied unless contiguous."""
        return x.contiguous()

    def rough_kl_term(self, r: Array) -> Array:
        """`kl_term` by the logarithm alone; testing for the series would take half its time."""
        if not self.may_branch(r):
            return self.kl_term(r)
        log = torch.clamp_min(r, next_to_minus_one(self.xp, r)).log1p_()
        return (log - r).addcmul_(r, log)

    def xlogx(self, x: Array) -> Array:
        """`x log x`, computed in place: `torch.xlogy` takes 4 times as long."""
        if not self.may_branch(x):
            return super().xlogx(x)
        return x.clamp_min(torch.finfo(x.dtype).smallest_normal).log_().mul_(x)

    def digamma(self, x: Array) -> Array:
        """`torch.digamma`, one call in place of fifty."""
        return torch.digamma(x)

    def cumulative_sum(self, x: Array, axis: int = -1) -> Array:
        """The cumulative sums, by `torch.cumsum`; that of array-api-compat can't be compiled."""
        return torch.cumsum(x, dim=axis)

    def take_along_axis(self, x: Array, indices: Array, axis: int = -1) -> Array:
        """The entries, by `torch.gather`; `take_along_dim` fixes compiled programs to one size."""
        return torch.gather(x, axis, indices)

    def logsumexp(self, x: Array, axis: int = -1, *, keepdims: bool = False) -> Array:
        """`log(sum(exp(x)))`, by `torch.logsumexp` except for gradients, which it may make NaN."""
        if x.requires_grad or not self.concrete(x):
            return super().logsumexp(x, axis, keepdims=keepdims)
        return torch.logsumexp(x, dim=axis, keepdim=keepdims)

    def solve_triangular(self, a: Array, b: Array, *, lower: bool = True) -> Array:
        """The solution, by `torch.linalg`: at R = 1024 about 9 times faster than a full solve."""
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The k largest, by `torch.topk`: for N = 10^6, k = 1000 in 3 ms; a full sort takes 100."""
        if not (0 < k < x.shape[0] and self.concrete(x)):
            return super().top_k(x, k)
        key = torch.nan_to_num(x.detach(), nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
        threshold = torch.topk(key, k, sorted=False)[0].min()
        # `topk` picks any of equal values. So take all above its last, then the first equal ones.
        above = torch.nonzero(key > threshold)[:, 0]
        level = torch.nonzero(key == threshold)[: k - above.shape[0], 0]
        indices = torch.sort(torch.cat([above, level]))[0]
        indices = indices[torch.argsort(key[indices], descending=True, stable=True)]
        return x[indices], indices

    @staticmethod
    def register_tree(cls: type[Any]) -> None:
        """Register a class as a pytree: `parts` are children, `settings` are constants."""
        pytree.register_pytree_node(
            cls,
            lambda tree: (list(tree.parts), tree.settings),
            lambda parts, settings: cls.from_parts(tuple(parts), settings),
            flatten_with_keys_fn=lambda tree: (
                [(pytree.SequenceKey(place), part) for place, part in enumerate(tree.parts)],
                tree.settings,
            ),
        )

    def seed(self, seed: Any) -> int:
        """An integer from an integer or a `torch.Generator`, which it advances."""
        if isinstance(seed, torch.Generator):
            return int(torch.randint(2**63 - 1, (), generator=seed, device=seed.device))
        return super().seed(seed)

    def uniform(self, shape: tuple[int, ...], seed: Seed, like: Array) -> Array:
        """Random numbers from a `torch.Generator`, on the device of `like`."""
        return _uniform(list(shape), stream(seed), like.dtype, like.device)

    def to_host(self, x: Array) -> Array:
        """`x` as a NumPy array; bfloat16, which NumPy lacks, becomes float32."""
        x = x.detach().cpu()
        return (x.float() if x.dtype == torch.bfloat16 else x).numpy()


def _detached(x: Array) -> Array:
    """The array without its gradient."""
    return x.detach()

"""Conformance checks: whether a library and its `Ops` meet the requirements of infoq."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from types import ModuleType

from infoq.backends.arrays import Array
from infoq.backends.ops import Ops
from infoq.backends.registry import ops_for

# Libraries whose array namespace is not their top-level module.
_NAMESPACES = {"jax": "jax.numpy", "dask": "dask.array"}


class ConformanceError(AssertionError):
    """A library or its `Ops` does not meet a requirement; the message lists every failure."""


def check(namespace: ModuleType | str, *, dtype: str = "float64") -> tuple[str, ...]:
    """Check that an array library, with its registered `Ops`, meets the requirements of infoq.

    Parameters
    ----------
    namespace : module or str
        The library: ``numpy``, ``array_api_strict``, or its name.
    dtype : str
        The floating dtype to check in.

    Returns
    -------
    tuple of str
        The names of the checks, all of which passed.

    Raises
    ------
    ConformanceError
        If any check fails; the message has one line for each.

    Examples
    --------
    >>> import numpy, infoq
    >>> "logsumexp" in infoq.backends.check(numpy)
    True
    """
    if isinstance(namespace, str):
        module = importlib.import_module(_NAMESPACES.get(namespace, namespace))
    else:
        module = namespace
    kit = _Kit(module, dtype)
    failures = []
    for name, test in _CHECKS.items():
        try:
            test(kit)
        except Exception as error:  # a failing library may raise anything
            failures.append(f"{name}: {type(error).__name__}: {error}")
    if failures:
        raise ConformanceError(f"{kit.ops!r} in {dtype} fails:\n" + "\n".join(failures))
    return tuple(_CHECKS)


class _Kit:
    """Arrays of one library in one dtype, and comparisons with Python's floats."""

    def __init__(self, module: ModuleType, dtype: str) -> None:
        self.ops: Ops = ops_for(module.asarray([1.0]))
        self.xp = self.ops.xp
        self.dtype = getattr(self.xp, dtype)
        self.tolerance = 20 * float(self.xp.finfo(self.dtype).eps)

    def array(self, values: object) -> Array:
        return self.xp.asarray(values, dtype=self.dtype)

    def close(self, actual: Array, values: object) -> None:
        expected = self.array(values)
        _equal("shape", tuple(actual.shape), tuple(expected.shape))
        _equal("dtype", actual.dtype, expected.dtype)
        actual, expected = self.ops.fetch(actual), self.ops.fetch(expected)
        xp = ops_for(actual).xp
        same = actual == expected
        zero = xp.zeros_like(expected)
        # Equal values are taken out first: the difference of two infinities is NaN.
        actual, expected = xp.where(same, zero, actual), xp.where(same, zero, expected)
        same = same | (xp.abs(actual - expected) <= self.tolerance * (1 + xp.abs(expected)))
        if not bool(xp.all(same)):
            raise AssertionError(f"expected {expected}, got {actual}, where they differ")


def _equal(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected}, got {actual}")


def _xlogx(kit: _Kit) -> None:
    values = [0.0, 1e-30, 0.25, 1.0, 3.0]
    kit.close(kit.ops.xlogx(kit.array(values)), [v * math.log(v) if v else 0.0 for v in values])


def _kl_term(kit: _Kit) -> None:
    def exact(r: float) -> float:
        if abs(r) > 0.1:
            return (1 + r) * math.log1p(r) - r if r > -1 else 1.0
        return sum((-r) ** n / (n * (n - 1)) for n in range(2, 20))

    for scale in (1.0, 1e-2, 1e-4, 1e-8):
        values = [v * scale for v in (-1.0, -0.5, 0.0, 0.3, 1.0)]
        unit = scale**2
        term = kit.ops.kl_term(kit.array([values])) / unit
        # Where series and logarithm meet, both are off by a few parts in 10^6 or 10^12.
        slack = (10 * float(kit.xp.finfo(kit.dtype).eps)) ** 0.75 / kit.tolerance
        kit.close(term / slack, [[exact(v) / unit / slack for v in values]])


def _digamma(kit: _Kit) -> None:
    euler = 0.5772156649015329
    values = [0.5, 1.0, 2.0, 3.0, 10.0]
    expected = [-euler - 2 * math.log(2), -euler, 1 - euler, 1.5 - euler, 2.251752589066721]
    kit.close(kit.ops.digamma(kit.array(values)), expected)
    x, more = kit.array([1.0, 2.0, 9.0]), kit.array([1.0, 1.0, 2.0])
    gains = [1 / 2, 1 / 3, 1 / 10 + 1 / 11]
    lags = [math.log(2) - 1 / 2, math.log(1.5) - 1 / 3, math.log(11 / 9) - 21 / 110]
    kit.close(kit.ops.digamma_gain(x, more), gains)
    kit.close(kit.ops.digamma_lag(x, more), lags)


def _logsumexp(kit: _Kit) -> None:
    low = -math.inf
    values = [[0.0, 1.0, 2.0], [900.0, 900.0, low], [low, low, low], [-1e4, -1e4, -1e4]]
    expected = [math.log(1 + math.e + math.e**2), 900 + math.log(2), low, -1e4 + math.log(3)]
    kit.close(kit.ops.logsumexp(kit.array(values)), expected)
    kit.close(kit.ops.logsumexp(kit.array(values), keepdims=True), [[v] for v in expected])


def _softmax(kit: _Kit) -> None:
    values = [[0.0, math.log(3.0)], [500.0, 500.0], [-math.inf, 2.0]]
    kit.close(kit.ops.softmax(kit.array(values)), [[0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])
    logs = [[math.log(0.25), math.log(0.75)], [-math.log(2), -math.log(2)], [-math.inf, 0.0]]
    kit.close(kit.ops.log_softmax(kit.array(values)), logs)


def _cumulative_sum(kit: _Kit) -> None:
    x = kit.array([[1.0, 2.0, 4.0], [0.5, 0.0, 0.25]])
    kit.close(kit.ops.cumulative_sum(x), [[1.0, 3.0, 7.0], [0.5, 0.5, 0.75]])
    kit.close(kit.ops.cumulative_sum(x, axis=0), [[1.0, 2.0, 4.0], [1.5, 2.0, 4.25]])


def _mix(kit: _Kit) -> None:
    x = kit.array([[[1.0, 2.0], [3.0, 5.0]], [[0.0, 1.0], [8.0, 1.0]]])
    kit.close(kit.ops.mix(kit.array([0.25, 0.75]), x), [[2.5, 4.25], [6.0, 1.0]])


def _cholesky(kit: _Kit) -> None:
    stack = kit.array([[[4.0, 2.0], [2.0, 5.0]], [[9.0, 0.0], [0.0, 1.0]]])
    kit.close(kit.ops.cholesky(stack), [[[2.0, 0.0], [1.0, 2.0]], [[3.0, 0.0], [0.0, 1.0]]])
    kit.close(kit.ops.cholesky_logdet(stack), [math.log(16), math.log(9)])
    bad = kit.array([[1.0, 2.0], [2.0, 1.0]])
    if not kit.ops.concrete(bad):
        return
    try:
        kit.ops.cholesky(bad)
    except ValueError:
        return
    raise AssertionError("a matrix that is not positive definite must raise ValueError")


def _solve_triangular(kit: _Kit) -> None:
    a, b = kit.array([[2.0, 7.0], [1.0, 4.0]]), kit.array([[2.0], [9.0]])
    kit.close(kit.ops.solve_triangular(a, b), [[1.0], [2.0]])
    kit.close(kit.ops.solve_triangular(a, b, lower=False), [[-6.875], [2.25]])


def _top_k(kit: _Kit) -> None:
    values, indices = kit.ops.top_k(
        kit.ops.fetch(kit.array([1.0, 3.0, math.nan, 3.0, 2.0, 3.0])), 4
    )
    _equal("indices", [int(indices[i]) for i in range(indices.shape[0])], [1, 3, 5, 4])
    _equal("values", [float(values[i]) for i in range(values.shape[0])], [3.0, 3.0, 3.0, 2.0])


def _take_along_axis(kit: _Kit) -> None:
    x = kit.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    kit.close(
        kit.ops.take_along_axis(x, kit.xp.asarray([[2, 0], [1, 1]])), [[3.0, 1.0], [5.0, 5.0]]
    )


def _uniform(kit: _Kit) -> None:
    like = kit.array([0.0])
    one = kit.ops.fetch(kit.ops.uniform((50, 40), (7, 1), like))
    two = kit.ops.fetch(kit.ops.uniform((50, 40), (7, 1), like))
    other = kit.ops.fetch(kit.ops.uniform((50, 40), (7, 2), like))
    xp = ops_for(one).xp
    _equal("shape", tuple(one.shape), (50, 40))
    _equal("dtype", one.dtype, like.dtype)
    _equal("same seed, same numbers", bool(xp.all(one == two)), True)
    _equal("other seed, other numbers", bool(xp.any(one != other)), True)
    _equal("within [0, 1)", bool(xp.all((one >= 0) & (one < 1))), True)
    _equal("mean near 1/2", abs(float(xp.mean(one)) - 0.5) < 0.05, True)


def _to_host(kit: _Kit) -> None:
    host = kit.ops.to_host(kit.array([[1.0, 2.0]]))
    _equal("type", type(host).__module__, "numpy")
    _equal("values", host.tolist(), [[1.0, 2.0]])


def _fetch_and_adopt(kit: _Kit) -> None:
    x = kit.array([1.0, 2.0])
    back = kit.ops.adopt(kit.ops.fetch(x))
    _equal("namespace", ops_for(back).xp, kit.xp)
    kit.close(back, [1.0, 2.0])


def _over_chunks(kit: _Kit) -> None:
    rows, shared = kit.array([[1.0, 2.0], [3.0, 4.0]]), kit.array([10.0, 1.0])

    def run(rows: tuple[Array, ...], shared: tuple[Array, ...]) -> Array:
        ops = ops_for(*rows)
        return ops.xp.matmul(rows[0], shared[0])

    kit.close(kit.ops.over_chunks(run, (rows,), (shared,)), [12.0, 34.0])


_CHECKS: dict[str, Callable[[_Kit], None]] = {
    "xlogx": _xlogx,
    "kl_term": _kl_term,
    "digamma": _digamma,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "cumulative_sum": _cumulative_sum,
    "mix": _mix,
    "cholesky": _cholesky,
    "solve_triangular": _solve_triangular,
    "top_k": _top_k,
    "take_along_axis": _take_along_axis,
    "uniform": _uniform,
    "to_host": _to_host,
    "fetch_and_adopt": _fetch_and_adopt,
    "over_chunks": _over_chunks,
}

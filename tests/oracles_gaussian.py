"""Weight space in float64: each quantity from its definition, with matrices over all parameters.

Also what is drawn (few shapes, as some libraries compile for each anew) and how it becomes infoq's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import infoq

CONTEXTS = ("precision", "embedding", "gaussian")
"""The ways to say what counts as known."""


# --- definitions ------------------------------------------------------------------------------


def gram(rows: np.ndarray) -> np.ndarray:
    """The Fisher information of all rows [..., P] together: [P, P]."""
    flat = rows.reshape(-1, rows.shape[-1])
    return flat.T @ flat


def mean_fisher(targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean Fisher information of targets [M, S, P]: [P, P]."""
    return np.average([gram(rows) for rows in targets], axis=0, weights=weights)


def logdet(matrix: np.ndarray) -> float:
    """The log-determinant of a positive definite matrix."""
    sign, value = np.linalg.slogdet(matrix)
    assert sign > 0
    return float(value)


def whitened(precision: np.ndarray, fisher: np.ndarray) -> np.ndarray:
    """`L^-1 F L^-T` with `L L^T = P`, whose eigenvalues are those of F P^-1."""
    lower = np.linalg.cholesky(precision)
    half = np.linalg.solve(lower, fisher)
    matrix = np.linalg.solve(lower, half.T)
    return (matrix + matrix.T) / 2


def gain(precision: np.ndarray, fisher: np.ndarray) -> float:
    """E_P(F) = 1/2 [log det(P + F) - log det P]."""
    return (logdet(precision + fisher) - logdet(precision)) / 2


def trace(precision: np.ndarray, fisher: np.ndarray) -> float:
    """1/2 tr(F P^-1)."""
    return float(np.trace(fisher @ np.linalg.inv(precision))) / 2


def shared(precision: np.ndarray, one: np.ndarray, two: np.ndarray) -> float:
    """E_P(F_a) - E_{P + F_E}(F_a): JEPIG; EPIG about a single target."""
    return gain(precision, one) - gain(precision + two, one)


def bait(precision: np.ndarray, mean: np.ndarray) -> float:
    """BAIT's objective without its 1/2: tr(Fbar P^-1), to be minimised."""
    return float(np.trace(np.linalg.solve(precision, mean)))


def each(function: Any, rows: np.ndarray) -> np.ndarray:
    """A function of a Fisher information, of each candidate [N, R, P]: [N]."""
    return np.array([function(gram(candidate)) for candidate in rows])


def epig(
    precision: np.ndarray,
    rows: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """The (weighed) mean over targets of what each candidate tells about one: [N]."""
    pairs = [each(lambda f, e=e: shared(precision, f, gram(e)), rows) for e in targets]
    return np.average(pairs, axis=0, weights=weights)


def softmax_fisher(probs: np.ndarray) -> np.ndarray:
    """diag(pi) - pi pi^T of each row: [N, C, C]."""
    return probs[:, :, None] * np.eye(probs.shape[1]) - probs[:, :, None] * probs[:, None, :]


def hessian(function: Any, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The Hessian of a function of a vector, by central differences of the fourth order."""
    size, weights = len(at), {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}

    def moved(i: int, j: int, a: int, b: int) -> float:
        delta = np.zeros(size)
        delta[i] += a * step
        delta[j] += b * step
        return function(at + delta)

    total = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            terms = [
                w * v * moved(i, j, a, b) for a, w in weights.items() for b, v in weights.items()
            ]
            total[i, j] = total[j, i] = sum(terms) / step**2
    return total


# --- what is drawn ----------------------------------------------------------------------------


class Prior(NamedTuple):
    """A precision, as the arrays that a structure is made of."""

    kind: str
    arrays: tuple[np.ndarray, ...]

    @property
    def matrix(self) -> np.ndarray:
        """In full, [P, P]."""
        first = self.arrays[0]
        if self.kind == "scalar" or self.kind == "diagonal":
            return np.diag(first)
        if self.kind == "low rank":
            return np.diag(first) + gram(self.arrays[1])
        return np.linalg.inv(first) if self.kind == "covariance" else first

    def made(self, backend: Any) -> Any:
        """As infoq's."""
        arrays = [backend.array(x) for x in self.arrays]
        if self.kind == "scalar":
            return infoq.ScalarPrecision(float(self.arrays[0][0]))
        if self.kind == "low rank":
            return infoq.LowRankPrecision(*arrays)
        kinds = {
            "diagonal": infoq.DiagonalPrecision,
            "dense": infoq.DensePrecision,
            "covariance": infoq.CovariancePrecision,
        }
        return kinds[self.kind](*arrays)


class Problem(NamedTuple):
    """Candidates [N, R, P], targets [M, S, P] and the precision of their parameters."""

    rows: np.ndarray
    targets: np.ndarray
    prior: Prior

    @property
    def precision(self) -> np.ndarray:
        """In full, [P, P]."""
        return self.prior.matrix

    def pool(self, backend: Any, rows: np.ndarray | None = None) -> infoq.Gaussian:
        """The candidates (or others) under the precision."""
        rows = self.rows if rows is None else rows
        return infoq.Gaussian(backend.array(rows), self.prior.made(backend))

    def about(self, backend: Any) -> infoq.DenseEmbedding:
        """The targets."""
        return infoq.DenseEmbedding(backend.array(self.targets))

    def known(self, backend: Any, rows: np.ndarray, how: str) -> Any:
        """A context in which outcomes with these rows [n, R, P] count as known."""
        if how == "precision":
            return infoq.DensePrecision(backend.array(self.precision + gram(rows)))
        return (
            self.pool(backend, rows)
            if how == "gaussian"
            else infoq.DenseEmbedding(backend.array(rows))
        )


def joint(rows: np.ndarray) -> np.ndarray:
    """All rows [n, R, P] as those of one candidate: [1, n R, P]."""
    return rows.reshape(1, -1, rows.shape[-1])


def spread(rng: np.random.Generator, size: int) -> np.ndarray:
    """A positive definite matrix with a condition number of up to a hundred."""
    basis, _ = np.linalg.qr(rng.normal(size=(size, size)))
    matrix = (basis * 10 ** rng.uniform(-1, 1, size)) @ basis.T
    return (matrix + matrix.T) / 2


# Targets with more rows than parameters, and with fewer: (N, R, M, S, P).
SHAPES = ((3, 2, 2, 2, 3), (3, 1, 2, 1, 3))
KINDS = ("dense", "scalar", "diagonal", "low rank", "covariance")


@st.composite
def priors(draw: st.DrawFn, size: int, kinds: tuple[str, ...] = KINDS) -> Prior:
    """A precision of one of some structures."""
    kind = draw(st.sampled_from(kinds))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = 10 ** rng.uniform(-1, 1, size)
    if kind == "scalar":
        return Prior(kind, (np.full(size, values[0]),))
    if kind == "diagonal":
        return Prior(kind, (values,))
    if kind == "low rank":
        return Prior(kind, (values, rng.normal(size=(2, size))))
    return Prior(kind, (spread(rng, size),))


@st.composite
def problems(
    draw: st.DrawFn,
    shapes: tuple[tuple[int, ...], ...] = SHAPES,
    kinds: tuple[str, ...] = KINDS,
    scales: tuple[float, ...] = (1.0, 0.03, 10.0),
) -> Problem:
    """Candidates that tell little or much, with rows of zero, copies and targets among them."""
    n, r, m, s, p = draw(st.sampled_from(shapes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from(scales)) * rng.normal(size=(n, r, p))
    targets = draw(st.sampled_from(scales)) * rng.normal(size=(m, s, p))
    special = draw(st.sampled_from(["none", "zero", "copy", "target"]))
    if special == "zero":
        rows[0] = 0
    elif special == "copy":
        rows[1] = rows[0]
    elif special == "target":
        rows[0] = targets[0]
    return Problem(rows, targets, draw(priors(p, kinds)))


@st.composite
def class_probabilities(draw: st.DrawFn, n: int = 3, c: int = 3) -> np.ndarray:
    """Class probabilities [N, C], vague to sharp."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = draw(st.sampled_from([0.0, 0.5, 2.0, 5.0])) * rng.normal(size=(n, c))
    power = np.exp(logits - logits.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)

"""The comparisons in weight space: a softmax last layer under a Laplace posterior."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from . import limits, peers_weight_space
from . import oracles_weight_space as oracles
from .contenders import Compute, infoq_on_each
from .job import Job, Size, Target, softmax
from .oracles import Inputs


def last_layer(size: Size, rng: np.random.Generator, **counts: str) -> Inputs:
    """Features, and the probabilities under one model; logits vary by two."""
    classes, width = size["C"], size["D"]
    weights = np.float32(2.0 * rng.standard_normal((classes, width)) / np.sqrt(width))
    inputs: dict[str, Any] = {"weights": weights}
    for name, count in counts.items():
        inputs[name] = rng.standard_normal((size[count], width), dtype=np.float32)
        inputs[f"{name} probs"] = softmax(inputs[name].astype(np.float64) @ weights.T)
    return inputs


_pool_and_targets = partial(last_layer, labelled="L", pool="N", targets="M")
_points = partial(last_layer, labelled="N", points="M")


def _with_posterior(size: Size, rng: np.random.Generator) -> Inputs:
    inputs = _pool_and_targets(size, rng)
    return {**inputs, "posterior": oracles.posterior(inputs).astype(np.float32)}


def _embedded(infoq: Any, x: Mapping[str, Any], of: str, *, bias: bool = True) -> Any:
    likelihood = infoq.likelihoods.Softmax(x[f"{of} probs"])
    return infoq.LastLayerEmbedding(x[of], likelihood, bias=bias)


def _posterior(
    infoq: Any, x: Mapping[str, Any], structure: str = "dense", *, bias: bool = True
) -> Any:
    return infoq.laplace(_embedded(infoq, x, "labelled", bias=bias), 1.0, structure=structure)


def _four(infoq: Any, x: Mapping[str, Any]) -> tuple[Any, ...]:
    pool = infoq.Gaussian(_embedded(infoq, x, "pool"), infoq.DensePrecision(x["posterior"]))
    targets = _embedded(infoq, x, "targets")
    return (
        infoq.eig(pool),
        infoq.eig(pool, approximation="trace"),
        infoq.jepig(pool, targets),
        infoq.epig(pool, targets, approximation="trace"),
    )


def _pairs(infoq: Any, x: Mapping[str, Any]) -> tuple[Any, ...]:
    pool = infoq.Gaussian(_embedded(infoq, x, "pool"), _posterior(infoq, x))
    return (infoq.epig(pool, _embedded(infoq, x, "targets")),)


def _kronecker(infoq: Any, x: Mapping[str, Any]) -> tuple[Any, ...]:
    posterior = _posterior(infoq, x, "kronecker", bias=False)
    pool = infoq.Gaussian(_embedded(infoq, x, "pool", bias=False), posterior)
    targets = _embedded(infoq, x, "targets", bias=False)
    return infoq.eig(pool), infoq.epig(pool, targets, approximation="kronecker")


def _functional_covariance(structure: str) -> Compute:
    def compute(infoq: Any, x: Mapping[str, Any]) -> Any:
        posterior = _posterior(infoq, x, structure, bias=False)
        unit = infoq.likelihoods.Normal(x["points probs"] * 0 + 1)  # its rows are the Jacobians
        points = infoq.LastLayerEmbedding(x["points"], unit)
        return infoq.Gaussian(points, posterior).covariance()

    return compute


def _named(*names: str) -> Callable[[Any], oracles.Scores]:
    def answer(values: Any) -> oracles.Scores:
        scores = [np.asarray(value) for value in values]
        return oracles.Scores(np.arange(len(scores[0])), dict(zip(names, scores, strict=True)))

    return answer


FOUR = ("EIG log-det", "EIG trace", "JEPIG", "EPIG trace")
SHARES = "Differences are the largest relative ones over 50 candidates."

LAST_LAYER = Job(
    name="last-layer",
    title="Last layer: EIG, JEPIG and EPIG",
    about=(
        "A softmax last layer on D features and a bias, P = C (D + 1), and its dense Laplace "
        "posterior after L labelled points. A call scores every candidate by EIG (log-det and "
        "trace), JEPIG and EPIG (trace), given the posterior's precision; the call of infoq "
        "also factors it. The dense formula is not timed on what all candidates share. For each "
        "candidate it takes log-dets of P x P, log det(P + F_i) and log det(P + F_T + F_i), and "
        f"a solve for tr(F (P + F_i)^-1). {SHARES}"
    ),
    size={"N": 5_000, "M": 500, "L": 2_000, "D": 128, "C": 10},
    small={"N": 12, "M": 5, "L": 20, "D": 4, "C": 3},
    make=_with_posterior,
    contenders=(
        *infoq_on_each(_four, _named(*FOUR)),
        *peers_weight_space.LAST_LAYER_PEERS,
    ),
    oracle=oracles.last_layer,
    compare=oracles.relative_differences,
    tolerance=dict.fromkeys(FOUR, 0.1),
    own_tolerance=dict.fromkeys(FOUR, 5e-3),
    targets=(
        Target("infoq on NumPy", "time", 1_000.0),
        Target("infoq on torch", "time", 1_000.0, library="torch"),
        Target("infoq on NumPy", "megabytes", 500.0),
        Target("infoq on torch", "megabytes", 500.0),
    ),
    rounds=5,
    seconds=30.0,
    slow=True,
)

PAIRWISE_EPIG = Job(
    name="pairwise-epig",
    title="Last layer: EPIG of every pair",
    about=(
        "As above, with the exact EPIG of Gaussian outcomes: the mean over targets of the "
        "information between each candidate and target, posterior included. No other package "
        "has it. The limit is the one product that every pair needs, [N, D + 1] by [D + 1, M (C "
        f"- 1) C], alone. {SHARES}"
    ),
    size=LAST_LAYER.size,
    small=LAST_LAYER.small,
    make=_pool_and_targets,
    contenders=infoq_on_each(_pairs, _named("EPIG")),
    oracle=oracles.pairwise_epig,
    compare=oracles.relative_differences,
    tolerance={"EPIG": 5e-3},
    targets=(
        Target("infoq on NumPy", "megabytes", 500.0),
        Target("infoq on torch", "megabytes", 500.0),
    ),
    limits=limits.PAIRWISE_LIMITS,
    rounds=5,
    seconds=30.0,
    slow=True,
)

KRONECKER = ("EIG log-det", "EPIG Kronecker trace")

MANY_CLASSES = Job(
    name="many-classes",
    title="Last layer: many classes",
    about=(
        "P = C D = 51,200 parameters without a bias, as a matrix 10 GB in float32. So this is "
        "an approximation. Kronecker factors, N E[curvature] (x) E[features features^T], "
        "replace the Fisher information of the labelled points (`structure='kronecker'`) and "
        "that of the targets in the trace of EPIG (`approximation='kronecker'`). Differences "
        "are to the same approximation in float64. A call of infoq fits the posterior and "
        "scores all candidates by EIG (log-det) and EPIG. laplace-torch has neither. It is "
        "timed on the functional variance of a fitted posterior, with the log-det that turns it "
        f"into EIG. {SHARES}"
    ),
    size={"N": 1_000, "M": 200, "L": 1_000, "D": 512, "C": 100},
    small=LAST_LAYER.small,
    make=_pool_and_targets,
    contenders=(
        *infoq_on_each(_kronecker, _named(*KRONECKER)),
        *peers_weight_space.MANY_CLASSES_PEERS,
    ),
    oracle=oracles.many_classes,
    compare=oracles.relative_differences,
    tolerance=dict.fromkeys(KRONECKER, 1e-2),
    own_tolerance=dict.fromkeys(KRONECKER, 5e-3),
    targets=(
        Target("infoq on NumPy", "megabytes", 4_000.0),
        Target("infoq on torch", "megabytes", 4_000.0),
    ),
    rounds=5,
    seconds=30.0,
    slow=True,
)


def _fit_and_variance(structure: str, theirs: str) -> Job:
    return Job(
        name=f"last-layer-laplace-{theirs}",
        title=f"Last-layer Laplace: fit and functional variance, {structure}",
        about=(
            "A softmax last layer without a bias and N labelled points. A call computes the "
            "posterior, and under it the covariance of the logits [C, C] of M other points. "
            f"infoq uses `laplace(structure='{structure}')`, and `solve` on the rows in full."
        ),
        size={"N": 2_000, "M": 1_000, "D": 128, "C": 10},
        small={"N": 20, "M": 6, "D": 4, "C": 3},
        make=_points,
        contenders=(
            *infoq_on_each(_functional_covariance(structure)),
            *peers_weight_space.laplace_torch(theirs),
        ),
        oracle=partial(oracles.functional_covariance, structure=structure),
        compare=oracles.covariance_differences,
        tolerance={"relative error": 1e-2},
        own_tolerance={"relative error": 1e-3},
        rounds=7,
        seconds=15.0,
        slow=True,
    )


WEIGHT_SPACE_JOBS = (
    LAST_LAYER,
    PAIRWISE_EPIG,
    MANY_CLASSES,
    _fit_and_variance("dense", "full"),
    _fit_and_variance("kronecker", "kron"),
    _fit_and_variance("diagonal", "diag"),
)

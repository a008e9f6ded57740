"""Float64 answers in weight space on a few candidates, by P x P matrices where these fit."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .oracles import Differences, Inputs

Array = NDArray[np.float64]
FEW = 50  # candidates that are compared, spread over all


@dataclass(frozen=True)
class Scores:
    """Several quantities of some candidates."""

    candidates: NDArray[np.int64]
    values: Mapping[str, Array]  # [those candidates] each


def spread(count: int, few: int) -> NDArray[np.int64]:
    """Candidates from the first to the last."""
    return np.unique(np.linspace(0, count - 1, few).astype(np.int64))


def relative_differences(_: Inputs, truth: Scores, scores: Scores) -> Differences:
    """Compare each quantity on the candidates that both know: the largest relative error."""
    common, ours, theirs = np.intersect1d(scores.candidates, truth.candidates, return_indices=True)
    if not len(common) or not scores.values:
        raise ValueError("no candidate of the oracle's is scored")
    differences = {}
    for name, values in scores.values.items():
        got = np.asarray(values, dtype=np.float64)
        if got.shape != scores.candidates.shape:
            raise ValueError(f"{name}: expected {scores.candidates.shape}, got {got.shape}")
        wanted = truth.values[name][theirs]
        differences[name] = float(np.abs(got[ours] / wanted - 1.0).max())
    return differences


# --- the model: logits W phi, parameters class by class ---------------------------------------


def features(inputs: Inputs, of: str, bias: bool) -> Array:
    """Features [n, D], or with a last one that is one."""
    phi = inputs[of].astype(np.float64)
    return np.concatenate([phi, np.ones_like(phi[:, :1])], axis=1) if bias else phi


def curvatures(inputs: Inputs, of: str) -> Array:
    """`diag(pi) - pi pi^T`: [n, C, C]."""
    probs = inputs[f"{of} probs"].astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    return probs[:, :, None] * np.eye(probs.shape[1]) - probs[:, :, None] * probs[:, None, :]


def roots(matrices: Array) -> Array:
    """Symmetric square roots of matrices [n, C, C]."""
    values, vectors = np.linalg.eigh(matrices)
    return (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ vectors.transpose(0, 2, 1)


def fisher(phi: Array, curvature: Array) -> Array:
    """The sum of `Lambda (x) phi phi^T`: [P, P]."""
    classes, size = curvature.shape[1], phi.shape[1]
    total = np.empty((classes, size, classes, size))
    for a in range(classes):
        for b in range(classes):
            total[a, :, b, :] = (phi * curvature[:, a, b, None]).T @ phi
    return total.reshape(classes * size, classes * size)


def rows(phi: Array, curvature: Array) -> Array:
    """`Lambda^1/2 (x) phi^T`: [n, C, P]."""
    full = roots(curvature)[:, :, :, None] * phi[:, None, None, :]
    return full.reshape(*full.shape[:2], -1)


def posterior(inputs: Inputs, bias: bool = True, prior: float = 1.0) -> Array:
    """The precision after the labelled points: [P, P]."""
    total = fisher(features(inputs, "labelled", bias), curvatures(inputs, "labelled"))
    return total + prior * np.eye(len(total))


def _log1p_det(x: Array) -> Array:
    return np.linalg.slogdet(np.eye(x.shape[-1]) + x)[1]


def _turned(x: Array) -> Array:
    return x.swapaxes(-1, -2)


def last_layer(inputs: Inputs) -> Scores:
    """EIG, JEPIG and EPIG by quadratic forms of the inverses."""
    some = spread(len(inputs["pool"]), FEW)
    mine = rows(features(inputs, "pool", True)[some], curvatures(inputs, "pool")[some])
    targets = fisher(features(inputs, "targets", True), curvatures(inputs, "targets"))
    precision = posterior(inputs)
    covariance = np.linalg.inv(precision)
    explained = covariance - np.linalg.inv(precision + targets)
    bait = covariance @ targets @ covariance / len(inputs["targets"])
    a = mine @ covariance @ _turned(mine)
    inner = np.linalg.inv(np.eye(a.shape[-1]) + a)
    values = {
        "EIG log-det": _log1p_det(a) / 2,
        "EIG trace": np.trace(a, axis1=1, axis2=2) / 2,
        "JEPIG": -_log1p_det(-inner @ (mine @ explained @ _turned(mine))) / 2,
        "EPIG trace": np.trace(inner @ (mine @ bait @ _turned(mine)), axis1=1, axis2=2) / 2,
    }
    return Scores(some, values)


def pairwise_epig(inputs: Inputs) -> Scores:
    """The mean over targets of the information of each pair, by the log-dets of both and each."""
    some = spread(len(inputs["pool"]), FEW)
    mine = rows(features(inputs, "pool", True)[some], curvatures(inputs, "pool")[some])
    others = rows(features(inputs, "targets", True), curvatures(inputs, "targets"))
    covariance = np.linalg.inv(posterior(inputs))
    classes = mine.shape[1]
    own = np.eye(classes) + mine @ covariance @ _turned(mine)
    their = np.eye(classes) + others @ covariance @ _turned(others)
    solved = np.linalg.inv(their)
    flat = others.reshape(-1, others.shape[-1])
    scores = np.empty(len(some))
    for i, row in enumerate(mine):
        across = (row @ covariance @ flat.T).reshape(classes, -1, classes).transpose(1, 0, 2)
        left = own[i] - across @ solved @ _turned(across)
        told = np.linalg.slogdet(own[i])[1] - np.linalg.slogdet(left)[1]
        scores[i] = told.mean() / 2
    return Scores(some, {"EPIG": scores})


# --- Kronecker factors ------------------------------------------------------------------------


def kronecker(inputs: Inputs, of: str, bias: bool = False) -> tuple[Array, Array]:
    """The mean curvature [C, C] and the mean product of features [D, D]."""
    phi = features(inputs, of, bias)
    return curvatures(inputs, of).mean(axis=0), phi.T @ phi / len(phi)


def many_classes(inputs: Inputs, prior: float = 1.0) -> Scores:
    """EIG and the Kronecker trace of EPIG, in the eigenvectors of the posterior's two factors."""
    some = spread(len(inputs["pool"]), FEW)
    left, right = kronecker(inputs, "labelled")
    (a, u), (b, v) = np.linalg.eigh(left * len(inputs["labelled"])), np.linalg.eigh(right)
    spectrum = 1.0 / (a[:, None] * b[None, :] + prior)
    target_left, target_right = kronecker(inputs, "targets")
    target_left, target_right = u.T @ target_left @ u, v.T @ target_right @ v
    turned = features(inputs, "pool", False)[some] @ v
    half = roots(curvatures(inputs, "pool")[some]) @ u
    eig, trace = np.empty(len(some)), np.empty(len(some))
    for i, (psi, root) in enumerate(zip(turned, half, strict=True)):
        weighed = spectrum * psi
        measured = (root * (weighed @ psi)) @ root.T
        eig[i] = _log1p_det(measured) / 2
        explained = root @ (target_left * (weighed @ target_right @ weighed.T)) @ root.T
        trace[i] = np.trace(np.linalg.solve(np.eye(len(root)) + measured, explained)) / 2
    return Scores(some, {"EIG log-det": eig, "EPIG Kronecker trace": trace})


def functional_covariance(inputs: Inputs, structure: str) -> Array:
    """The posterior covariance of the logits of each point: [M, C, C]."""
    phi = features(inputs, "points", False)
    classes = inputs["labelled probs"].shape[1]
    if structure == "kronecker":
        left, right = kronecker(inputs, "labelled")
        (a, u), (b, v) = np.linalg.eigh(left * len(inputs["labelled"])), np.linalg.eigh(right)
        variances = (phi @ v) ** 2 @ (1.0 / (a[:, None] * b[None, :] + 1.0)).T
        return (u * variances[:, None, :]) @ u.T
    precision = posterior(inputs, bias=False)
    if structure == "diagonal":
        precision = np.diag(np.diag(precision))
    blocks = np.linalg.inv(precision).reshape(classes, phi.shape[1], classes, phi.shape[1])
    covariance = np.empty((len(phi), classes, classes))
    for a in range(classes):
        for b in range(classes):
            covariance[:, a, b] = ((phi @ blocks[a, :, b, :]) * phi).sum(axis=1)
    return covariance


def covariance_differences(_: Inputs, truth: Array, covariance: Array) -> Differences:
    """The largest error of a point, in the spectral norm, by the size of its covariance."""
    covariance = np.asarray(covariance, dtype=np.float64)
    if covariance.shape != truth.shape:
        raise ValueError(f"expected shape {truth.shape}, got {covariance.shape}")
    error = np.linalg.norm(covariance - truth, ord=2, axis=(1, 2))
    return {"relative error": float((error / np.linalg.norm(truth, ord=2, axis=(1, 2))).max())}

"""What a type checker says of calls with NumPy arrays: read by mypy (`nox -s types`), never run."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import infoq
from infoq.backends import Array, ops_for


def scores(probs: npt.NDArray[np.float32], pool: npt.NDArray[np.float64]) -> list[float]:
    """Arrays of any dtype go in, and what comes out is the caller's."""
    assert_type(infoq.eig(probs), Any)
    assert_type(infoq.epig(probs, probs[:2], target_weights=np.ones(2)), Any)
    entropies: npt.NDArray[np.float32] = infoq.entropy(probs.mean(axis=1))
    ranking = np.argsort(infoq.eig(probs))
    best: list[float] = infoq.eig(pool[:, None, :])[ranking[:3]].tolist()
    return [*best, float(entropies[0])]


def batch(probs: npt.NDArray[np.float64], pool: npt.NDArray[np.float64]) -> None:
    """A batch indexes the pool that it is of."""
    picked = infoq.greedy(infoq.EIG(probs), 5, candidates=np.arange(10))
    assert_type(picked, infoq.Selection)
    assert_type(picked.reason, str)
    assert_type(pool[picked.indices], npt.NDArray[np.float64])
    np.delete(pool, picked.indices, axis=0)
    print(len(picked.gains), float(picked.value), [int(i) for i in picked.indices])
    assert_type(infoq.methods.batch_bald(probs, 5), infoq.Selection)


def predictives(probs: npt.NDArray[np.float64], features: npt.NDArray[np.float64]) -> None:
    """Predictives, embeddings, precisions and likelihoods are made of arrays or numbers."""
    likelihood = infoq.likelihoods.Softmax(probs=probs[:, 0, :])
    embedding = infoq.LastLayerEmbedding(features, likelihood)
    posterior = infoq.laplace(embedding, 1.0)
    assert_type(posterior, infoq.Precision)
    infoq.eig(infoq.Gaussian(embedding, posterior))
    infoq.eig(infoq.Categorical(log_probs=np.log(probs), weights=np.ones(8)))
    infoq.LowRankPrecision(np.ones(3), features)


def from_a_model(inputs: npt.NDArray[np.float64]) -> infoq.JacobianEmbedding:
    """Functions of the caller's take and give the caller's arrays."""

    def linearise(
        x: npt.NDArray[np.float64],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return x[:, :1], x[:, None, :]

    def likelihood(logits: npt.NDArray[np.float64]) -> infoq.likelihoods.Bernoulli:
        return infoq.likelihoods.Bernoulli(logits=logits)

    return infoq.JacobianEmbedding(inputs, linearise, likelihood)


def inside(x: Array) -> None:
    """What an array has, and what the namespace of its library."""
    ops = ops_for(x)
    assert_type(x.shape, tuple[int, ...])
    assert_type((x + 1) * x[None, ...], Array)
    assert_type(x > 0, Array)
    assert_type(ops.xp.sum(x, axis=-1), Array)
    assert_type(ops.top_k(x, 3), tuple[Array, Array])
    x.tolist()  # type: ignore[attr-defined]
    ops.xp.lexsort(x)  # type: ignore[attr-defined]
    ops.xp.sum(x, -1)  # type: ignore[call-arg]
    ops.xp.exp(1.0)  # type: ignore[arg-type]


def refused(probs: npt.NDArray[np.float64], labels: npt.NDArray[np.int64] | None) -> None:
    """What is no array, or may be none, is said before it runs."""
    infoq.eig("probabilities")  # type: ignore[arg-type]
    infoq.eig([[0.5, 0.5]])  # type: ignore[arg-type]
    infoq.eig(None)  # type: ignore[arg-type]
    infoq.entropy(labels)  # type: ignore[arg-type]
    infoq.eig(probs, aproximation="trace")  # type: ignore[call-arg]
    infoq.greedy(probs, 3)  # type: ignore[arg-type]
    infoq.top_k(probs, "3")  # type: ignore[arg-type]
    infoq.Gaussian(infoq.DenseEmbedding(probs), "1")  # type: ignore[arg-type]

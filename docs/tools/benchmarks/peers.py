"""The packages that infoq is compared with, each called as its own documentation says."""

import math
from typing import Any

import numpy as np

from .contenders import Contender, torch_one_thread
from .measure import Call
from .oracles import Batch, Inputs


def _baal_bald(inputs: Inputs) -> Call:
    torch_one_thread()
    from baal.active.heuristics import BALD

    heuristic = BALD()
    predictions = np.ascontiguousarray(inputs["probs"].transpose(0, 2, 1))
    return lambda: heuristic.compute_score(predictions)


def _baal_epig(inputs: Inputs) -> Call:
    torch_one_thread()
    from baal.active.heuristics import EPIG

    heuristic = EPIG()
    pool = np.ascontiguousarray(inputs["pool"].transpose(0, 2, 1))
    targets = np.ascontiguousarray(inputs["targets"].transpose(0, 2, 1))
    return lambda: heuristic.compute_score(pool, targets)


def _baal_batch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    from baal.active.heuristics import BatchBALD

    predictions = np.ascontiguousarray(inputs["probs"].transpose(0, 2, 1))
    draws = 10_000 // predictions.shape[-1]  # of every posterior draw

    def call() -> Any:
        torch.manual_seed(0)
        return BatchBALD(num_samples=9, num_draw=draws).compute_score(predictions)  # and the first

    return call


def _baal_picks(scores: Any) -> Batch:
    return Batch(np.flatnonzero(scores), float(scores.max()))


def _small_text(inputs: Inputs) -> Call:
    from small_text.query_strategies.bayesian import _bald

    probs = inputs["probs"]
    return lambda: _bald(probs)


def _skactiveml_bald(inputs: Inputs) -> Call:
    from skactiveml.pool import average_kl_divergence

    probs = inputs["probs"].transpose(1, 0, 2).copy()  # clipped in place by the call
    return lambda: average_kl_divergence(probs)


def _skactiveml_batch(inputs: Inputs) -> Call:
    from skactiveml.pool import batch_bald

    probs = inputs["probs"].transpose(1, 0, 2).copy()  # clipped in place by the call
    return lambda: batch_bald(probs, 10, n_MC_samples=10_000, random_state=0)


def _skactiveml_picks(utilities: Any) -> Batch:
    return Batch(np.nanargmax(utilities, axis=1), float(np.nanmax(utilities[-1])))


def _redux_bald(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    from batchbald_redux.batchbald import compute_conditional_entropy, compute_entropy

    log_probs = torch.from_numpy(inputs["probs"]).log()
    return lambda: compute_entropy(log_probs) - compute_conditional_entropy(log_probs)


def _redux_batch(inputs: Inputs) -> Call:
    torch = torch_one_thread()
    from batchbald_redux.batchbald import get_batchbald_batch

    log_probs = torch.from_numpy(inputs["probs"]).log()

    def call() -> Any:
        torch.manual_seed(0)
        return get_batchbald_batch(log_probs, 10, 10_000, dtype=torch.float64)

    return call


def _redux_picks(batch: Any) -> Batch:
    return Batch(np.asarray(batch.indices), float(batch.scores[-1]))


def _from_bits(scores: Any) -> Any:
    return np.asarray(scores) * math.log(2.0)


BAAL = ("baal", "torch")
REDUX = ("batchbald_redux", "toma", "torch")

BALD_PEERS = (
    Contender("baal BALD", "baal", "NumPy", _baal_bald, modules=BAAL),
    Contender("small-text _bald", "small-text", "NumPy", _small_text, _from_bits, ("small_text",)),
    Contender(
        "scikit-activeml average_kl_divergence",
        "scikit-activeml",
        "NumPy",
        _skactiveml_bald,
        modules=("skactiveml",),
    ),
    Contender("batchbald_redux entropies", "batchbald_redux", "torch", _redux_bald, modules=REDUX),
)
EPIG_PEERS = (Contender("baal EPIG", "baal", "NumPy and torch", _baal_epig, modules=BAAL),)
BATCH_PEERS = (
    Contender(
        "scikit-activeml batch_bald",
        "scikit-activeml",
        "NumPy",
        _skactiveml_batch,
        _skactiveml_picks,
        ("skactiveml",),
    ),
    Contender(
        "batchbald_redux get_batchbald_batch",
        "batchbald_redux",
        "torch",
        _redux_batch,
        _redux_picks,
        REDUX,
    ),
    Contender("baal BatchBALD", "baal", "NumPy", _baal_batch, _baal_picks, BAAL),
)

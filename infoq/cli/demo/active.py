"""The active-learning loop: four methods from the same labels, under several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

import infoq
from infoq.cli.demo.ensemble import Floats, Integers, Predictions, split_digits, train_and_predict
from infoq.cli.demo.experiment import METHODS, QUANTITIES, Results, Run, Settings, Snapshot

__all__ = ["learn", "score_pool"]

# first entries of seeds: the purpose of a stream of random numbers
_SPLIT, _TRAIN, _CHOOSE = 1, 2, 3


def score_pool(quantity: str, pool: Floats, targets: Floats) -> Floats:
    """The scores of the candidates by the named quantity; the only use of infoq's quantities here.

    Parameters
    ----------
    quantity : {"entropy", "BALD", "EPIG"}
        The score.
    pool, targets : ndarray
        Class probabilities of candidates ``[N, K, C]`` and targets ``[M, K, C]``.

    Returns
    -------
    ndarray
        Scores, ``[N]``, in nats.
    """
    if quantity == "entropy":
        return np.asarray(infoq.Categorical(pool).entropy())
    if quantity == "BALD":
        return np.asarray(infoq.bald(pool))
    return np.asarray(infoq.epig(pool, targets))


def learn(settings: Settings, advance: Callable[[], None] = lambda: None) -> Results:
    """Run every method under every seed.

    Parameters
    ----------
    settings : Settings
        The experiment.
    advance : callable
        Called after every trained ensemble, ``settings.ensembles`` times.

    Returns
    -------
    Results
        The measurements.
    """
    with threadpool_limits(limits=1):  # one process per core; more threads would compete
        return _learn(settings, advance)


def _learn(settings: Settings, advance: Callable[[], None]) -> Results:
    """Play all rounds of all runs side by side."""
    began = time.perf_counter()
    _warm_up()
    runs = [run for repeat in range(settings.seeds) for run in _start(repeat, settings)]
    snapshots: list[Snapshot] = []
    with Parallel(n_jobs=settings.jobs, return_as="generator") as parallel:
        for round_ in range(settings.rounds + 1):
            # before the first choice, the runs of one seed are the same: train once for all four
            groups = [[run] for run in runs] if round_ else _by_repeat(runs)
            for group, prediction in _predict(groups, round_, settings, parallel):
                if group[0].method == "uniform" and round_ == settings.rounds // 2:
                    snapshots.append(_compare(group[0], prediction))
                group[0].unconverged += prediction.unconverged
                for run in group:
                    _measure(run, prediction)
                    if round_ < settings.rounds:
                        _label_more(run, prediction, round_, settings)
                advance()
    return Results(settings, runs, snapshots, seconds=time.perf_counter() - began)


def _warm_up() -> None:
    """Score one candidate by every quantity, so that imports do not count as scoring."""
    probs = np.full((1, 2, 2), 0.5)
    for quantity in QUANTITIES:
        score_pool(quantity, probs, probs)


def _start(repeat: int, settings: Settings) -> list[Run]:
    """Runs that start from the same split and the same random labels, one per method."""
    rng = np.random.default_rng((_SPLIT, settings.seed, repeat))
    digits = split_digits(rng)
    labelled = rng.choice(digits.pool, size=settings.start, replace=False)
    return [Run(method, repeat, digits, labelled) for method in METHODS]


def _by_repeat(runs: list[Run]) -> list[list[Run]]:
    """Group the runs of each seed."""
    step = len(METHODS)
    return [runs[first : first + step] for first in range(0, len(runs), step)]


def _predict(
    groups: list[list[Run]], round_: int, settings: Settings, parallel: Any
) -> list[tuple[list[Run], Predictions]] | zip[tuple[list[Run], Predictions]]:
    """Each group with the predictions of its ensemble, in order; trained in parallel."""
    jobs = (
        delayed(train_and_predict)(
            group[0].digits,
            group[0].labelled,
            settings.members,
            settings.ensemble,
            (_TRAIN, settings.seed, group[0].repeat, round_),
        )
        for group in groups
    )
    return zip(groups, parallel(jobs), strict=True)


def _measure(run: Run, prediction: Predictions) -> None:
    """Record the accuracy of the mean prediction on the test images."""
    mean = prediction.probs[run.digits.test].mean(axis=1)
    hits = mean.argmax(axis=-1) == run.digits.labels[run.digits.test]
    run.accuracy.append(float(hits.mean()))


def _candidates(run: Run) -> Integers:
    """Return the pool images that are not labelled yet."""
    return np.setdiff1d(run.digits.pool, run.labelled)


def _label_more(run: Run, prediction: Predictions, round_: int, settings: Settings) -> None:
    """Choose the next images and add them to the labelled ones."""
    candidates = _candidates(run)
    if run.method == "uniform":
        rng = np.random.default_rng((_CHOOSE, settings.seed, run.repeat, round_))
        chosen = rng.choice(candidates, size=settings.batch, replace=False)
    else:
        pool, targets = prediction.probs[candidates], prediction.probs[run.digits.targets]
        began = time.perf_counter()
        scores = score_pool(run.method, pool, targets)
        best = infoq.top_k(scores, settings.batch).indices
        run.scoring_seconds += time.perf_counter() - began
        chosen = candidates[np.asarray(best)]
    run.labelled = np.concatenate([run.labelled, chosen])


def _compare(run: Run, prediction: Predictions) -> Snapshot:
    """Score the pool by every quantity under the same ensemble."""
    candidates = _candidates(run)
    pool, targets = prediction.probs[candidates], prediction.probs[run.digits.targets]
    return Snapshot(
        digits=run.digits,
        candidates=candidates,
        labels=len(run.labelled),
        scores={quantity: score_pool(quantity, pool, targets) for quantity in QUANTITIES},
        votes=pool.argmax(axis=-1),
    )

"""The harness itself, on tiny inputs; no time is asserted, and no peer is needed."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from . import environment, measure, oracles, report, runner
from .contenders import Contender
from .jobs import BALD, JOBS

HERE = str(Path(__file__).resolve().parent)


def no_memory(*_):
    return None


def mixture(first, second, draws=20):
    m = np.linspace(0.0, 1.0, draws)[:, None]
    return (1 - m) * np.asarray(first) + m * np.asarray(second)


@pytest.fixture
def four():
    return np.stack(
        [
            mixture([0.7, 0.1, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2]),
            mixture([0.1, 0.7, 0.1, 0.1], [0.2, 0.3, 0.3, 0.2]),
            mixture([0.1, 0.1, 0.7, 0.1], [0.2, 0.2, 0.3, 0.3]),
            mixture([0.1, 0.1, 0.1, 0.7], [0.3, 0.2, 0.2, 0.3]),
        ]
    )


def test_bald_oracle(four):
    np.testing.assert_allclose(oracles.bald({"probs": four}), 0.030715640, atol=1e-9)


def test_bald_oracle_takes_zeros():
    probs = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    np.testing.assert_allclose(oracles.bald({"probs": probs}), np.log(2.0))


def test_epig_oracle_by_enumeration(four):
    truth = np.zeros(4)
    for i, candidate in enumerate(four):
        for target in four:
            joint = np.einsum("ka,kb->ab", candidate, target) / len(candidate)
            alone = np.outer(candidate.mean(axis=0), target.mean(axis=0))
            truth[i] += (joint * np.log(joint / alone)).sum() / 4
    scores = oracles.epig({"pool": four, "targets": four}, block=3)
    np.testing.assert_allclose(scores, truth, rtol=1e-12)


@pytest.mark.parametrize(("picks", "value"), [([0], 0.0307156), ([0, 1, 2, 3], 0.1127530)])
def test_joint_eig(four, picks, value):
    assert oracles.joint_eig(four, np.asarray(picks)) == pytest.approx(value, abs=2e-3)


def test_greedy_batch_picks_each_once(four):
    batch = oracles.greedy_batch({"probs": four}, batch=10, samples=1000)
    assert sorted(batch.indices) == [0, 1, 2, 3]


def test_a_batch_with_a_repeated_pick_is_refused(four):
    truth = oracles.Batch(np.array([0, 1]), 0.06)
    with pytest.raises(ValueError, match="different picks"):
        oracles.batch_differences({"probs": four}, truth, oracles.Batch(np.array([0, 0]), 0.06))


def test_calls_are_interleaved():
    seen = []
    calls = {name: lambda name=name: seen.append(name) for name in "abc"}
    times = measure.interleave(calls, rounds=4, seconds=60.0)
    assert seen == list("abc" * 4)
    assert all(len(t.seconds) == 4 for t in times.values())


def test_the_slow_leave_after_three_rounds():
    times = measure.interleave({"a": lambda: None}, rounds=9, seconds=0.0)
    assert len(times["a"].seconds) == 3


def test_speedup_is_of_pairs():
    fast, slow = measure.Times((1.0, 2.0, 4.0)), measure.Times((3.0, 6.0, 12.0))
    assert measure.speedup(fast, over=slow) == 3.0
    assert fast.median == 2.0
    assert fast.spread == (1.0, 4.0)
    assert measure.best({"fast": fast, "slow": slow}, ["slow", "absent"]) == "slow"


def test_peak_memory_sees_what_is_freed_again():
    def call():
        np.ones(8 << 20)  # 64 MiB
        return np.ones(1 << 20)

    memory = measure.peak_memory(call)
    if "lower bound" in memory.method:
        pytest.skip("the system has no high-water mark that can be reset")
    assert 60 << 20 < memory.bytes < 80 << 20


def test_environment_is_cleaned_once():
    environ = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "8", "HOME": "/"}
    assert environment.clean(environ)
    assert environ == environment.FIXED | {"HOME": "/"}
    assert not environment.clean(environ)


@pytest.mark.parametrize("name", JOBS)
def test_every_job_runs_small(name):
    result = runner.run(JOBS[name], no_memory, small=True, rounds=2)
    assert result.wrong == []
    timed = [row for row in result.rows if row.times is not None]
    assert timed or any(row.contender.own and row.contender.missing for row in result.rows)
    page = report.page([result], environment.describe(["numpy"]))
    assert all(row.contender.name in page for row in result.rows)


def with_contenders(*contenders):
    return dataclasses.replace(BALD, contenders=contenders, targets=(), limits=())


def test_what_is_not_installed_is_listed():
    absent = Contender("absent", "absent", "NumPy", lambda _: None, modules=("no_such_module",))
    result = runner.run(with_contenders(absent), no_memory, small=True)
    assert result.rows[0].times is None
    assert "not installed (no_such_module)" in report.section(result)


@pytest.mark.parametrize(
    ("scores", "problem"),
    [(np.zeros(40), "disagrees"), (np.full(40, np.nan), "disagrees"), (np.zeros(3), "fails")],
)
def test_a_wrong_answer_is_not_timed(scores, problem):
    wrong = Contender("wrong", "infoq", "NumPy", lambda _: lambda: scores)
    result = runner.run(with_contenders(wrong), no_memory, small=True)
    assert result.rows[0].times is None
    assert problem in result.rows[0].problem
    assert len(result.wrong) == 1


def test_targets_are_measured_against_the_best_peer():
    truth = oracles.bald(BALD.inputs(BALD.small))
    own = Contender("own", "infoq", "NumPy", lambda _: lambda: truth)
    peer = Contender("peer", "peer", "NumPy", lambda _: lambda: truth)
    sizes = {"own": 1 << 20, "peer": 30 << 20}
    result = runner.run(
        with_contenders(own, peer),
        lambda _, contender: measure.Memory(sizes[contender.name], "made up"),
        small=True,
        rounds=2,
    )
    target = BALD.targets[0]
    assert result.best_peer == "peer"
    assert result.reached(dataclasses.replace(target, contender="peer")) == 1.0
    assert result.reached(dataclasses.replace(target, contender="own", measure="memory")) == 30.0


def test_command_line_cleans_its_environment_and_prints_a_page():
    command = [sys.executable, HERE, "--small", "--rounds", "1", "--job", "bald"]
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [*command, "--no-memory"], capture_output=True, text=True, env=environ, check=True
    )
    assert done.stdout.startswith("% Generated by")
    assert "## BALD" in done.stdout


def test_command_line_measures_memory():
    pytest.importorskip("infoq")
    command = [sys.executable, HERE, "--small", "--memory", "bald", "infoq on NumPy"]
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        check=True,
    )
    assert json.loads(done.stdout)["bytes"] >= 0
